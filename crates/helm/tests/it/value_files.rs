//! Values files, and what Helm 4.2.2 read of them (`corpus/README.md` says how they are re-made).

use std::path::Path;

use kluctl_helm::values;
use serde_json::Value as Json;

#[test]
fn values_files_are_read_line_by_line_as_helm_does() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/values.json");
    let corpus: Json = serde_json::from_slice(&std::fs::read(corpus).unwrap()).unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "no case found");
    let mut wrong = Vec::new();
    for case in cases {
        let found =
            values::from_yaml(case["text"].as_str().unwrap()).map_err(|error| error.message().to_owned());
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(values::from_json(&case["values"].to_string()).unwrap()),
        };
        if found != expected {
            wrong.push(format!("{case}\n  ours: {found:?}"));
        }
    }
    crate::assert_none_differs(&wrong, cases.len());
}
