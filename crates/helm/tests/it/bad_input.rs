//! Charts that are broken, endless or hostile: each gives an error in bounded time and memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::Utf8PathBuf;
use flate2::Compression;
use flate2::write::GzEncoder;
use kluctl_helm::{Chart, RenderOptions, render_chart};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

/// What rendering a chart of these files fails with.
#[track_caller]
fn failure(files: &[(&str, &[u8])]) -> String {
    let files: BTreeMap<Utf8PathBuf, Bytes> = [("Chart.yaml", CHART.as_bytes())]
        .iter()
        .chain(files)
        .map(|(path, data)| (Utf8PathBuf::from(path), Bytes::copy_from_slice(data)))
        .collect();
    let options = RenderOptions {
        release_name: "r".to_owned(),
        ..RenderOptions::default()
    };
    Chart::from_files(&files)
        .and_then(|chart| render_chart(&chart, &serde_json::Map::new(), &options))
        .expect_err("the chart is broken")
        .message()
        .to_owned()
}

#[track_caller]
fn template_failure(template: &str) -> String {
    failure(&[("templates/a.yaml", template.as_bytes())])
}

#[test]
fn templates_that_do_not_end_are_refused() {
    // The words are those of Helm 4.2.2.
    assert_eq!(
        template_failure("a: {{ .Values.x "),
        "parse error at (c/templates/a.yaml:1): unclosed action"
    );
    assert_eq!(
        template_failure("a: {{ if .x }}"),
        "parse error at (c/templates/a.yaml:1): unexpected EOF"
    );
    assert_eq!(
        template_failure(&format!(
            "{{{{ {}1{} }}}}",
            "(".repeat(50_000),
            ")".repeat(50_000)
        )),
        "parse error at (c/templates/a.yaml:1): max expression depth exceeded"
    );
}

#[test]
fn recursion_ends() {
    let cycle = "{{ define \"a\" }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}";
    assert!(template_failure(cycle).contains("rendering template has a nested reference name: a"));
    assert_eq!(
        template_failure("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}"),
        "c/templates/a.yaml:1:28\n  executing \"a\" at <{{template \"a\" .}}>:\n    exceeded maximum template depth (100000)"
    );
    let endless = failure(&[
        ("values.yaml", b"t: '{{ tpl .Values.t . }}'"),
        ("templates/a.yaml", b"{{ tpl .Values.t . }}"),
    ]);
    assert!(endless.contains("more than 500 deep"), "{endless}");
}

#[test]
fn bytes_that_are_no_text_are_told() {
    // The words are those of Helm 4.2.2.
    let reason = "error converting YAML to JSON: yaml: invalid leading UTF-8 octet";
    assert_eq!(
        failure(&[("templates/a.yaml", b"a: \"\xFF\xFE\"\n")]),
        format!("YAML parse error on c/templates/a.yaml: {reason}")
    );
    assert_eq!(
        failure(&[("values.yaml", b"a: \"\xFF\"\n")]),
        format!("cannot load values.yaml: cannot unmarshal yaml document: {reason}")
    );
}

#[test]
fn documents_that_grow_by_aliases_are_refused() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let items = vec![format!("*{before}"); 9];
        bomb.push_str(&format!("{name}: &{name} [{}]\n", items.join(", ")));
    }
    let reason = "error converting YAML to JSON: yaml: document contains excessive aliasing";
    assert_eq!(
        failure(&[("values.yaml", bomb.as_bytes())]),
        format!("cannot load values.yaml: cannot unmarshal yaml document: {reason}")
    );
    assert_eq!(
        template_failure(&bomb),
        format!("YAML parse error on c/templates/a.yaml: {reason}")
    );
    let deep = format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(failure(&[("values.yaml", deep.as_bytes())]).contains("exceeded max depth of"));
}

/// A packed chart with one more entry.
fn packed(path: &str, size: usize, count: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |path: &str, data: &[u8]| {
        let mut header = tar::Header::new_gnu();
        // The library would refuse the path, so it is written by hand.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, data).unwrap();
    };
    add("c/Chart.yaml", CHART.as_bytes());
    let data = vec![0; size];
    for number in 0..count {
        add(&path.replace('#', &number.to_string()), &data);
    }
    tar.into_inner().and_then(GzEncoder::finish).unwrap()
}

#[test]
fn archives_stay_in_their_folder_and_have_an_end() {
    let failure = |archive: &[u8]| Chart::from_archive(archive).unwrap_err().message().to_owned();
    for (path, reason) in [
        ("c/../../etc/x", "chart illegally references parent directory"),
        ("c/a/../../../x", "chart illegally references parent directory"),
        ("c\\..\\..\\x", "chart illegally references parent directory"),
        ("c//etc/x", "chart illegally contains absolute paths"),
        ("c/C:/x", "chart contains illegally named files"),
    ] {
        assert_eq!(
            failure(&packed(path, 1, 1)),
            format!("unable to load chart archive: {reason}")
        );
    }
    assert!(failure(&packed("c/big", 6 << 20, 1)).ends_with("is larger than the maximum file size 5242880"));
    assert!(failure(&packed("c/f#", 5_000_000, 30)).ends_with("is larger than the maximum size 104857600"));
    let whole = packed("c/a", 1000, 1);
    for length in 0..whole.len() {
        let _ = Chart::from_archive(&whole[..length]).map(|chart| assert_eq!(chart.name(), "c"));
    }
    let zeros = {
        use std::io::Write;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..300 {
            gzip.write_all(&vec![0; 1 << 20]).unwrap();
        }
        gzip.finish().unwrap()
    };
    assert_eq!(
        failure(&zeros),
        "unable to load chart archive: no files in chart archive"
    );
}
