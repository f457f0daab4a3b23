//! Any kustomization, resource and patch gives objects or an error, in bounded time, and the same twice.
//!
//! The input is the text of the three files, with the byte 0x1e between them.

#![no_main]

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_kustomize::{MemoryFiles, Options, build, to_yaml};
use libfuzzer_sys::fuzz_target;

const RESOURCE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec:\n  replicas: 1\n  \
                        template: {spec: {containers: [{name: a, image: i, args: [x]}], volumes: [{name: v}]}}\n---\n\
                        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: b}\n";

fn run(files: &MemoryFiles) -> Result<String, String> {
    build(files, Utf8Path::new("/app"), &Options::default())
        .and_then(|built| to_yaml(&built.objects))
        .map_err(|error| error.to_string())
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0x1e);
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let resource = third.filter(|text| !text.is_empty()).unwrap_or(RESOURCE.as_bytes());
    let mut files: Vec<(Utf8PathBuf, bytes::Bytes)> = vec![
        ("app/kustomization.yaml".into(), first.unwrap_or_default().to_vec().into()),
        ("app/r.yaml".into(), resource.to_vec().into()),
    ];
    for name in ["p.yaml", "c.yaml", "t.yaml"] {
        let content = second.unwrap_or_default().to_vec();
        files.push((format!("app/{name}").into(), content.into()));
    }
    let files = MemoryFiles::new(files);
    assert_eq!(run(&files), run(&files), "the result does not depend on chance");
});
