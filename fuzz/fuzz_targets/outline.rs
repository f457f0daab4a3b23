//! What the line reader is sure of is what the parser reads; values and a manifest's head are the same either way.

#![no_main]

#[allow(dead_code)]
#[path = "../../crates/helm/src/go_json.rs"]
mod go_json;
#[path = "../../crates/helm/src/head.rs"]
mod head;

use kluctl_yaml::{Content, DuplicateKeys, Node, Options, Outline, Outlined, OutlinedKey, ScalarStyle, outline, parse_first};
use libfuzzer_sys::fuzz_target;

const LENIENT: Options = Options {
    duplicate_keys: DuplicateKeys::LastWins,
};

/// What was told, as lines.
#[derive(Default)]
struct Heard(Vec<String>);

impl Outline for Heard {
    fn entry(&mut self, depth: usize, key: OutlinedKey<'_>, value: Outlined<'_>) -> bool {
        let key = key.text;
        let value = match value {
            Outlined::Plain(text) => format!("plain {text:?}"),
            Outlined::Quoted(text) => format!("quoted {text:?}"),
            Outlined::Text(_) => "text".to_owned(),
            Outlined::Flow(_) => "flow".to_owned(),
            Outlined::Open => "open".to_owned(),
        };
        self.0.push(format!("{depth} {key:?}: {value}"));
        true
    }

    fn item(&mut self, depth: usize, _: Outlined<'_>) -> bool {
        self.0.push(format!("{depth} item"));
        true
    }

    fn late_text(&mut self, _: usize, _: Outlined<'_>) -> bool {
        true
    }
}

/// What should have been told of a tree.
fn tell(node: &Node, source: &str, depth: usize, into: &mut Vec<String>) {
    match &node.content {
        Content::Sequence { items, flow: false } => {
            for item in items {
                into.push(format!("{} item", depth + 1));
                tell(item, source, depth + 1, into);
            }
        }
        Content::Mapping { entries, flow: false } => {
            for (key, value) in entries {
                let told = told_of(key, value, source);
                into.push(format!("{} {:?}: {told}", depth + 1, key.as_str().unwrap_or("?")));
                tell(value, source, depth + 1, into);
            }
        }
        _ => {}
    }
}

fn told_of(key: &Node, value: &Node, source: &str) -> String {
    let is_inline = value.span.line == key.span.line && value.span.end > value.span.start;
    match &value.content {
        _ if !is_inline => "open".to_owned(),
        Content::Scalar { value: text, style } => {
            let written = &source[value.span.start..value.span.end];
            match style {
                ScalarStyle::Plain if written == text => format!("plain {text:?}"),
                ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
                    if written[1..written.len() - 1] == *text =>
                {
                    format!("quoted {text:?}")
                }
                _ => "text".to_owned(),
            }
        }
        _ => "flow".to_owned(),
    }
}

fuzz_target!(|text: &str| {
    let mut heard = Heard::default();
    if !outline(text, &mut heard) {
        return;
    }
    let node = parse_first(text).unwrap_or_else(|error| panic!("the parser refuses it: {error:?}"));
    let mut expected = Vec::new();
    if let Some(node) = &node {
        node.check(&LENIENT)
            .unwrap_or_else(|error| panic!("it is not right: {error:?}"));
        tell(node, text, 0, &mut expected);
    }
    assert_eq!(heard.0, expected);
    if text.lines().any(|line| line.starts_with("---")) {
        return;
    }
    // A directive leaves it to the parser.
    let marked = format!("%YAML 1.1\n---\n{text}");
    let read = |text| kluctl_yaml::from_str_lenient(text).ok();
    assert_eq!(read(text), read(&marked));
    let (simple, marked) = (head::Head::read(text), head::Head::read(&marked));
    match (simple, marked) {
        (Ok(mut simple), Ok(mut marked)) => {
            // The line reader leaves out what Helm does not ask for.
            let is_asked = |(key, _): &(String, String)| key.starts_with("helm.sh/");
            simple.annotations.retain(is_asked);
            marked.annotations.retain(is_asked);
            assert_eq!(simple, marked);
        }
        (Err(_), Err(_)) => {}
        (simple, marked) => panic!("{simple:?} but {marked:?}"),
    }
});
