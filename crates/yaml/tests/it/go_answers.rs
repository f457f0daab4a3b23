//! `corpus/go-yaml.jsonl`: recorded answers of Go.

use kluctl_yaml::{from_str, from_str_lenient, go_json, to_string_indented, try_to_string};
use serde_json::Value;

fn answer(case: &Value) -> Result<String, String> {
    let text = case["text"].as_str().unwrap_or_default();
    let result = match case["mode"].as_str().unwrap() {
        "parse" => from_str_lenient(text).map(|value| go_json::to_string(&value)),
        "strict" => from_str(text).map(|value| go_json::to_string(&value)),
        "emit" => try_to_string(&case["value"]),
        _ => Ok(to_string_indented(&case["value"], 2)),
    };
    result.map_err(|error| error.message().to_owned())
}

#[test]
fn values_texts_and_errors_are_those_of_go() {
    let corpus = include_str!("../../corpus/go-yaml.jsonl");
    let mut count = 0;
    for line in corpus.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected = match case["err"].as_str() {
            Some(message) => Err(message.to_owned()),
            None => Ok(case["ok"].as_str().unwrap().to_owned()),
        };
        assert_eq!(answer(&case), expected, "{line}");
        count += 1;
    }
    assert!(count > 500, "the corpus was cut short: {count}");
}

#[test]
fn deep_and_growing_documents_are_refused() {
    let deep = "[".repeat(100_000);
    assert!(
        from_str(&deep)
            .unwrap_err()
            .message()
            .contains("exceeded max depth")
    );
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (previous, name) in ('a'..='i').zip('b'..='j') {
        let items = format!("*{previous}, ").repeat(9);
        bomb.extend([
            name.to_string(),
            ": &".to_owned(),
            name.to_string(),
            " [".to_owned(),
            items,
            "]\n".to_owned(),
        ]);
    }
    assert_eq!(
        from_str(&bomb).unwrap_err().message(),
        "yaml: document contains excessive aliasing"
    );
}

#[test]
fn errors_point_at_the_place() {
    let error = from_str("a: 1\nb: [1,\nc: 2\n").unwrap_err();
    assert_eq!((error.line(), error.column()), (4, 1));
    let error = from_str("a: 1\nb: x: y\n").unwrap_err();
    assert_eq!(
        error.go_text(),
        "error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"
    );
    assert_eq!(error.excerpt().unwrap(), "  |\n2 | b: x: y\n  |     ^");
}
