//! Spoilt templates: whatever the text, there is a result or an error.

use std::sync::Arc;

use kluctl_gotemplate::{Functions, MissingKey, Templates, json};
use serde_json::Value as Json;

use crate::golden::corpus;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const PIECES: [&str; 40] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    "(",
    ")",
    "|",
    "\"",
    "`",
    "'",
    ".",
    "$",
    "$x",
    ":=",
    "=",
    ",",
    " ",
    "\n",
    "end",
    "else",
    "if ",
    "range ",
    "with ",
    "define ",
    "template ",
    "nil",
    "true",
    "1",
    "-1",
    "0x",
    "1e3",
    ".map",
    ".list",
    "$.str",
    "%",
    "\\",
    "/*",
    "*/",
    "é",
    "\u{FFFD}",
];

/// What takes long on purpose or makes a lot of text.
const SLOW: [&str; 12] = [
    "until", "seq", "repeat", "indent", "gen", "derive", "bcrypt", "htpasswd", "rand", "wrap", "{1000}", "%9",
];

fn mutate(random: &mut Random, seed: &str) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(4) {
            0 if at < bytes.len() => {
                bytes.remove(at);
            }
            1 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            2 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            _ => {
                let end = (at + random.below(12)).min(bytes.len());
                let cut = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, cut);
            }
        }
    }
    bytes
}

fn run() {
    let functions = Arc::new(Functions::with_sprig());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut seeds = Vec::new();
    let mut data = Json::Null;
    for path in corpus() {
        let file: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let templates = file["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|case| case["t"].as_str());
        let quick = templates.filter(|text| text.len() < 400 && !SLOW.iter().any(|slow| text.contains(slow)));
        seeds.extend(quick.map(str::to_owned));
        data = file["data"].clone();
    }
    assert!(!seeds.is_empty());
    let mut rendered = 0;
    for _ in 0..20_000 {
        let seed = &seeds[random.below(seeds.len())];
        let text = mutate(&mut random, seed);
        let mut templates = Templates::new(functions.clone(), MissingKey::Zero);
        let result = templates
            .parse("t", text)
            .and_then(|()| templates.execute(b"t", json::from_plain(&data), &()));
        match result {
            Ok(_) => rendered += 1,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(
        rendered > 1000,
        "only {rendered} of 20,000 spoilt templates still work"
    );
}

#[test]
fn spoilt_templates_give_a_result_or_an_error() {
    std::thread::Builder::new()
        .stack_size(16 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

/// Renders on a small stack.
fn render(text: String) -> Result<String, String> {
    let work = move || {
        let mut templates = Templates::new(Arc::new(Functions::with_sprig()), MissingKey::Zero);
        templates
            .parse("t", text)
            .and_then(|()| templates.execute(b"t", kluctl_gotemplate::Value::Nil, &()))
            .map(|text| text.to_string())
            .map_err(|error| error.to_string())
    };
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn deep_nesting_is_bounded() {
    let nested = |depth: usize| format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(render(nested(9_999)).unwrap(), "1");
    assert_eq!(
        render(nested(10_001)).unwrap_err(),
        "template: t:1: max expression depth exceeded"
    );
    let blocks = format!("{}x{}", "{{ if true }}".repeat(9_000), "{{ end }}".repeat(9_000));
    assert_eq!(render(blocks).unwrap(), "x");
    let endless = r#"{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}"#;
    let error = render(endless.to_owned()).unwrap_err();
    assert!(
        error.ends_with("exceeded maximum template depth (100000)"),
        "{error}"
    );
}

#[test]
fn values_that_contain_themselves_are_bounded() {
    let with = |action: &str| format!("{{{{ $d := dict }}}}{{{{ $_ := set $d \"a\" $d }}}}{action}");
    assert!(render(with("{{ $d }}")).unwrap().starts_with("map[a:map[a:"));
    let error = render(with("{{ mustToJson $d }}")).unwrap_err();
    assert!(
        error.contains("encountered a cycle via map[string]interface {}"),
        "{error}"
    );
    assert!(render(with("{{ mustDeepCopy $d }}")).is_err());
    assert_eq!(render(with("{{ deepEqual $d $d }}")).unwrap(), "true");
    assert!(render(with("{{ merge $d (dict \"a\" $d) | len }}")).is_err());
}
