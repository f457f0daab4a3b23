//! Runs cases as `JINJA2.md` describes them: our own in `corpus/`, and the shared ones when they are there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, Error, Limits, Loader};
use serde_json::Value;

const ROOT: &str = "/project";

struct Files(BTreeMap<String, Bytes>);

impl Loader for Files {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        self.0.get(path.as_str()).cloned()
    }
}

fn files(case: &Value) -> Files {
    let content = |value: &Value| match value {
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(hex::decode(other["hex"].as_str().unwrap_or_default()).unwrap()),
    };
    let files = case["files"].as_object().into_iter().flatten();
    Files(
        files
            .map(|(path, value)| (format!("{ROOT}/{path}"), content(value)))
            .collect(),
    )
}

enum Outcome {
    Text(Value),
    Errors(Vec<Error>),
}

fn render(engine: &Engine, case: &Value) -> Outcome {
    let dirs = case["searchDirs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let dirs = dirs.map(|dir| {
        Utf8PathBuf::from(if dir == "." {
            ROOT.to_owned()
        } else {
            format!("{ROOT}/{dir}")
        })
    });
    let mut renderer = engine
        .renderer(&Context::from_value(&case["context"]))
        .with_loader(Arc::new(files(case)))
        .with_search_dirs(dirs);
    if case["nonStrict"] == true {
        renderer = renderer.non_strict();
    }
    let template = case["template"].as_str().unwrap_or_default();
    let text = match case["mode"].as_str() {
        Some("struct") => {
            return match renderer.render_struct(&case["template"]) {
                Ok(value) => Outcome::Text(value),
                Err(errors) => Outcome::Errors(errors),
            };
        }
        Some("file") => renderer.render_file(Utf8Path::new(&format!("{ROOT}/{template}"))),
        _ => renderer.render_string(template),
    };
    match text {
        Ok(text) => Outcome::Text(text.into()),
        Err(error) => Outcome::Errors(vec![error]),
    }
}

/// What is wrong with an outcome, and whether the message is the expected one.
fn judge(case: &Value, outcome: &Outcome) -> (Option<String>, Option<bool>) {
    match (outcome, case.get("expected")) {
        (Outcome::Text(text), Some(expected)) if text == expected => (None, None),
        (Outcome::Text(text), Some(expected)) => {
            (Some(format!("expected {expected}\n     got {text}")), None)
        }
        (Outcome::Text(text), None) => (
            Some(format!("expected error {}, got {text}", case["errorContains"])),
            None,
        ),
        (Outcome::Errors(errors), Some(_)) => (Some(format!("error {}", errors[0])), None),
        (Outcome::Errors(errors), None) => {
            let error = &errors[0];
            let wanted = case["errorContains"]
                .as_str()
                .unwrap_or_default()
                .replace("$DIR", ROOT);
            let squash = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let same = squash(&error.to_string()).contains(&squash(&wanted));
            let file = case["errorFile"].as_str().unwrap_or("<");
            let line = case["errorLine"]
                .as_u64()
                .filter(|_| file.starts_with('<') || file.starts_with("$DIR"));
            // A place in Python itself is named by the hint, since it is no place in anybody's template.
            if file.starts_with("<frozen ")
                && let Some(line) = line
                && error
                    .to_string()
                    .contains(&format!("File \"{file}\", line {line},"))
            {
                return (None, Some(same));
            }
            let place = error
                .place()
                .map(|place| (place.template.to_string(), u64::from(place.statement_line)));
            if let (Some(line), Some((at, found))) = (line, &place) {
                let file = file.replace("$DIR", ROOT);
                if *found != line || (file.starts_with('/') && *at != file) {
                    return (
                        Some(format!(
                            "expected error at {file}:{line}, got {at}:{found}: {error}"
                        )),
                        Some(same),
                    );
                }
            }
            let note = (!same).then(|| {
                format!(
                    "message: expected {wanted}\n     got {}: {}",
                    error.kind(),
                    error.message()
                )
            });
            if std::env::var_os("JINJA_MESSAGES").is_some()
                && let Some(note) = note
            {
                eprintln!("{} {}\n     {note}", case["name"], case["template"]);
            }
            (None, Some(same))
        }
    }
}

fn run(folder: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut failures = Vec::new();
    let (mut total, mut messages, mut same) = (0, 0, 0);
    let engine = Engine::new(Limits {
        stack: 48 << 20,
        ..Limits::default()
    });
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    {
        let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for case in cases.iter().filter(|case| case["mode"] != "batch") {
            total += 1;
            let outcome = render(&engine, case);
            let (failure, message) = judge(case, &outcome);
            messages += usize::from(message.is_some());
            same += usize::from(message == Some(true));
            if let Some(failure) = failure {
                failures.push(format!("{} {}\n     {failure}", case["name"], case["template"]));
            }
        }
    }
    println!(
        "{}: {} of {total} passed, {same} of {messages} messages equal",
        folder.display(),
        total - failures.len()
    );
    failures
}

/// Templates recurse: tests run on a deep stack as the binary does.
fn on_deep_stack(inside: impl FnOnce() -> Vec<String> + Send + 'static) {
    let failures = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(inside)
        .unwrap()
        .join()
        .unwrap();
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn own_cases() {
    on_deep_stack(|| run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")));
}

#[test]
fn shared_cases() {
    let shared = std::env::var_os("KLUCTL_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("corpus/jinja2-cases");
    if !folder.is_dir() {
        println!("no shared corpus at {}: nothing compared", folder.display());
        return;
    }
    on_deep_stack(move || run(&folder));
}
