//! Schemas of all drafts, and what Helm 4.2.2 said of values (`corpus/README.md` says how they are re-made).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8PathBuf;
use kluctl_helm::{Chart, RenderOptions, SchemaSource, render_chart};
use serde_json::Value as Json;

/// A web server's documents, by their paths.
struct Documents(serde_json::Map<String, Json>);

impl SchemaSource for Documents {
    fn load(&self, url: &str) -> Result<Vec<u8>, String> {
        let path = url.strip_prefix("http://127.0.0.1:18123").unwrap();
        match self.0.get(path) {
            Some(Json::String(text)) => Ok(text.clone().into_bytes()),
            Some(document) => Ok(document.to_string().into_bytes()),
            None => Err(format!("HTTP request to {url} returned status 404 (Not Found)")),
        }
    }
}

#[test]
fn values_are_refused_in_helms_words() {
    check("schemas.json");
}

#[test]
fn schemas_may_refer_to_documents_elsewhere() {
    check("remote-schemas.json");
}

fn check(corpus: &str) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(corpus);
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
            schemas: case["documents"]
                .as_object()
                .map(|documents| Arc::new(Documents(documents.clone())) as Arc<dyn SchemaSource>),
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
