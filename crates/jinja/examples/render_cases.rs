//! Renders cases, one JSON object a line (form: `corpus/README.md`), and prints what came of each, one JSON object a
//! line: `text`, or `class`, `message` and `frames` (file, line of the statement, what it is in).
//!
//! To run random templates beside Python's Jinja2: the same lines go to upstream's renderer, and the answers are compared.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, Error, Limits, Loader};
use serde_json::{Value, json};

const ROOT: &str = "$DIR";

struct Files(BTreeMap<String, Bytes>);

impl Loader for Files {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        self.0.get(path.as_str()).cloned()
    }
}

fn files(case: &Value) -> Files {
    let content = |value: &Value| match value {
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(hex::decode(other["hex"].as_str().unwrap_or_default()).unwrap_or_default()),
    };
    let files = case["files"].as_object().into_iter().flatten();
    Files(
        files
            .map(|(path, value)| (format!("/r/{ROOT}/{path}"), content(value)))
            .collect(),
    )
}

fn dir(dir: &str) -> Utf8PathBuf {
    if dir == "." {
        return format!("/r/{ROOT}").into();
    }
    format!("/r/{ROOT}/{dir}").into()
}

fn render(engine: &Engine, case: &Value) -> Result<String, Error> {
    let dirs = case["searchDirs"].as_array().into_iter().flatten();
    let mut renderer = engine
        .renderer(&Context::from_value(&case["context"]))
        .with_loader(Arc::new(files(case)))
        .with_search_dirs(dirs.filter_map(Value::as_str).map(dir));
    if case["nonStrict"] == true {
        renderer = renderer.non_strict();
    }
    let template = case["template"].as_str().unwrap_or_default();
    match case["mode"].as_str() {
        Some("file") => renderer.render_file(Utf8Path::new(&format!("/r/{ROOT}/{template}"))),
        _ => renderer.render_string(template),
    }
}

fn answer(outcome: Result<String, Error>) -> Value {
    match outcome {
        Ok(text) => json!({ "text": text }),
        Err(error) => {
            let frames: Vec<Value> = error
                .chain()
                .iter()
                .map(|place| {
                    json!([
                        &*place.template,
                        place.statement_line,
                        &*place.what,
                        place.line,
                        place.column
                    ])
                })
                .collect();
            json!({ "class": error.kind().to_string(), "message": error.message(), "frames": frames, "full": error.to_string() })
        }
    }
}

fn work() {
    let engine = Engine::new(Limits {
        stack: 224 << 20,
        memory: 256 << 20,
        steps: 20_000_000,
        ..Limits::default()
    });
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(case) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let text = answer(render(&engine, &case))
            .to_string()
            .replace(&format!("/r/{ROOT}"), ROOT);
        drop(writeln!(out, "{text}"));
    }
}

fn main() {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work);
    drop(thread.map(std::thread::JoinHandle::join));
}
