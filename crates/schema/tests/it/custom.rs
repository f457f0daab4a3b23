use std::fs;
use std::path::Path;

use kluctl_schema::{default_fields, drop_nulls, from_schema, prune, validate};
use serde_json::{Value, json};

#[test]
fn custom_objects_are_judged_as_the_server_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/custom.json");
    let golden: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let ty = from_schema(&golden["schema"], false);
    let mut differences = Vec::new();
    let cases = golden["cases"].as_array().unwrap();
    for case in cases {
        let mut object =
            json!({"apiVersion": "a/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": case["spec"]});
        let unknown = prune(&mut object, &ty);
        drop_nulls(&mut object, &ty);
        default_fields(&mut object, &ty);
        let at = case["spec"].to_string();
        if case.get("causes").is_none() && json!(unknown) != case["unknown"] {
            differences.push(format!(
                "{at}\n   unknown {unknown:?}\n   expected {}",
                case["unknown"]
            ));
        }
        let findings = validate(&object, &ty);
        let mut causes: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let path = if finding.path.is_empty() {
                    "<nil>"
                } else {
                    &finding.path
                };
                json!([finding.kind.reason(), path, finding.message()])
            })
            .collect();
        causes.sort_by_key(ToString::to_string);
        let mut expected = case["causes"].as_array().cloned().unwrap_or_default();
        expected.sort_by_key(ToString::to_string);
        if causes != expected {
            differences.push(format!(
                "{at}\n   causes {}\n   expected {}",
                json!(causes),
                json!(expected)
            ));
        } else if expected.is_empty() && !same(&object["spec"], &case["stored"]) {
            differences.push(format!(
                "{at}\n   stored {}\n   expected {}",
                object["spec"], case["stored"]
            ));
        }
    }
    println!("{} objects, {} differences", cases.len(), differences.len());
    assert!(cases.len() > 90);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The same but for how numbers are written: `4.0` is stored as `4`.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}
