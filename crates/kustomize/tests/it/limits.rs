//! Bad input: a clear error with the file and the field, in bounded time and memory.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_kustomize::{DiskFiles, MemoryFiles, Options, build};

const CM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: b}\n";

fn refused(files: &[(&str, &[u8])], words: &[&str]) {
    let files = files
        .iter()
        .map(|(path, content)| (Utf8PathBuf::from(path), content.to_vec().into()));
    let built = build(
        &MemoryFiles::new(files),
        Utf8Path::new("/app"),
        &Options::default(),
    );
    let error = built.map(|_| ()).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// Lists that name the one before ten times: more nodes than there is memory, written in a few lines.
fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x]\n");
    for level in 1..12 {
        let names = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{names}]").unwrap();
    }
    text
}

#[test]
fn aliases_do_not_fill_the_memory() {
    let resource = format!("{CM}{}", bomb());
    refused(
        &[
            ("app/kustomization.yaml", b"resources: [r.yaml]\n"),
            ("app/r.yaml", resource.as_bytes()),
        ],
        &["r.yaml", "document contains excessive aliasing"],
    );
    let kustomization = format!("resources: [r.yaml]\n{}", bomb());
    refused(
        &[
            ("app/kustomization.yaml", kustomization.as_bytes()),
            ("app/r.yaml", CM.as_bytes()),
        ],
        &["invalid Kustomization", "/app/kustomization.yaml"],
    );
}

#[test]
fn copies_do_not_fill_the_memory() {
    let mut patch = String::new();
    let mut replacements = String::new();
    for step in 0..40 {
        writeln!(patch, "  - {{op: copy, from: /data, path: /data/k{step}}}").unwrap();
        writeln!(
            replacements,
            "- source: {{kind: ConfigMap, fieldPath: data}}\n  targets:\n  - select: {{kind: ConfigMap}}\n    fieldPaths: [data.k{step}]\n    options: {{create: true}}"
        )
        .unwrap();
    }
    let patched = format!(
        "resources: [r.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |\n  {}",
        patch.replace("\n  ", "\n    ")
    );
    refused(
        &[
            ("app/kustomization.yaml", patched.as_bytes()),
            ("app/r.yaml", CM.as_bytes()),
        ],
        &["copy operation for path '/data'", "at most"],
    );
    let replaced = format!("resources: [r.yaml]\nreplacements:\n{replacements}");
    refused(
        &[
            ("app/kustomization.yaml", replaced.as_bytes()),
            ("app/r.yaml", CM.as_bytes()),
        ],
        &["fieldPath `data` of replacement source", "has more than"],
    );
}

#[test]
fn kustomizations_do_not_multiply_for_ever() {
    let mut files: Vec<(String, String)> = Vec::new();
    for level in 0..40 {
        let (this, next) = (format!("app/l{level}"), level + 1);
        files.push((
            format!("{this}/kustomization.yaml"),
            "resources: [a, b]\n".to_owned(),
        ));
        for side in ["a", "b"] {
            files.push((
                format!("{this}/{side}/kustomization.yaml"),
                format!("namePrefix: {side}-\nresources: [../../l{next}]\n"),
            ));
        }
    }
    files.push((
        "app/l40/kustomization.yaml".to_owned(),
        "namePrefix: x-\n".to_owned(),
    ));
    files.push((
        "app/kustomization.yaml".to_owned(),
        "resources: [l0]\n".to_owned(),
    ));
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    refused(&files, &["more than 20000 kustomizations are built for one"]);
}

#[test]
fn invalid_text_is_named_with_its_file() {
    refused(
        &[
            ("app/kustomization.yaml", b"resources: [r.yaml]\n"),
            ("app/r.yaml", b"a: \xff\n"),
        ],
        &["r.yaml", "invalid leading UTF-8 octet"],
    );
    refused(
        &[("app/kustomization.yaml", b"namePrefix: \xff\n")],
        &["/app/kustomization.yaml", "UTF-8"],
    );
    refused(
        &[
            ("app/kustomization.yaml", b"resources: [r.yaml]\n"),
            (
                "app/r.yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: b, a: c}\n",
            ),
        ],
        &["/app/r.yaml", "mapping key \"a\" already defined"],
    );
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_outside() {
    let folder = std::env::temp_dir().join(format!("kustomize-links-{}", std::process::id()));
    let app = folder.join("app");
    std::fs::create_dir_all(&app).unwrap();
    std::fs::write(folder.join("secret.yaml"), CM).unwrap();
    std::fs::write(app.join("kustomization.yaml"), "resources: [link.yaml]\n").unwrap();
    std::os::unix::fs::symlink(folder.join("secret.yaml"), app.join("link.yaml")).unwrap();
    let root = Utf8PathBuf::from_path_buf(app).unwrap();
    let error = build(&DiskFiles, &root, &Options::default())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.contains("security; file '"), "{error}");
    assert!(error.contains("link.yaml"), "{error}");
}
