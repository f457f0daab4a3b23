//! Templates and what Go 1.26 with sprig 3.3 made of them (`corpus/*.json`, re-made by `record/main.go`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kluctl_gotemplate::{Error, Functions, MissingKey, Signature, Templates, Type, Value, json};
use serde_json::Value as Json;

static INCLUDE: Signature = Signature::fixed(&[Type::String, Type::Any]);
static FAIL: Signature = Signature::fixed(&[Type::String]);

fn functions() -> Arc<Functions> {
    let mut functions = Functions::with_sprig();
    functions.add("include", &INCLUDE, |arguments, context| {
        let name = arguments[0].as_text().cloned().unwrap_or_default();
        context
            .execute(name.as_bytes(), arguments[1].clone())
            .map(Value::String)
    });
    functions.add("fail", &FAIL, |arguments, _| {
        Err(Error::message(arguments[0].as_text().unwrap().to_string()))
    });
    Arc::new(functions)
}

fn render(
    functions: &Arc<Functions>,
    missing: MissingKey,
    template: &str,
    data: &Json,
) -> Result<String, String> {
    let mut templates = Templates::new(functions.clone(), missing).with_name("t");
    let text = templates
        .parse("t", template)
        .and_then(|()| templates.execute(b"t", json::from_plain(data), &()))
        .map_err(|error| error.to_string())?;
    // The corpus is JSON and has U+FFFD for bytes that are no UTF-8.
    Ok(text.to_string())
}

pub(crate) fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn prints_what_go_prints() {
    let functions = functions();
    let (mut count, mut wrong) = (0, Vec::new());
    for path in corpus() {
        let file: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let missing = match file["missing"].as_str() {
            Some("zero") => MissingKey::Zero,
            Some("error") => MissingKey::Error,
            _ => MissingKey::Invalid,
        };
        for case in file["cases"].as_array().unwrap() {
            count += 1;
            let template = case["t"].as_str().unwrap();
            let found = render(&functions, missing, template, &file["data"]);
            let wanted = match case["out"].as_str() {
                Some(out) => Ok(out.to_owned()),
                None => Err(case["err"].as_str().unwrap().to_owned()),
            };
            if found != wanted {
                let name = path.file_name().unwrap().to_string_lossy();
                wrong.push(format!(
                    "{name}: {template}\n  go:   {wanted:?}\n  ours: {found:?}"
                ));
            }
        }
    }
    assert!(count > 0, "no case found");
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
