//! Schemas of all drafts, and what Helm 4.2.2 said of values (`corpus/README.md` says how they are re-made).

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use camino::Utf8PathBuf;
use kluctl_helm::{Chart, RenderOptions, render_chart};
use serde_json::Value as Json;

#[test]
fn values_are_refused_in_helms_words() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/schemas.json");
    let corpus: Json = serde_json::from_slice(&std::fs::read(corpus).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "no case found");
    for case in cases {
        let files: BTreeMap<Utf8PathBuf, Bytes> = [
            (
                "Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned(),
            ),
            ("templates/a.yaml", "a: 1\n".to_owned()),
            ("values.schema.json", case["schema"].to_string()),
            ("values.yaml", case["values"].to_string()),
        ]
        .into_iter()
        .map(|(path, text)| (path.into(), text.into()))
        .collect();
        let options = RenderOptions {
            release_name: "r".to_owned(),
            ..RenderOptions::default()
        };
        let found = Chart::from_files(&files)
            .and_then(|chart| render_chart(&chart, &serde_json::Map::new(), &options))
            .err()
            .map(|error| error.message().trim_end().to_owned());
        if found.as_deref() != case["error"].as_str() {
            wrong.push(format!("{case}\n  ours: {found:?}"));
        }
    }
    crate::assert_none_differs(&wrong, cases.len());
}
