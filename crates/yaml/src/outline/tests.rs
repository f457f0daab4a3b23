use super::{Outline, Outlined, OutlinedKey, outline};
use crate::node::{Content, Node, ScalarStyle};
use crate::parser::parse_first;
use crate::value::{DuplicateKeys, Options};

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

    fn late_text(&mut self, depth: usize, _: Outlined<'_>) -> bool {
        self.0.push(format!("{depth} late"));
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
                let value_text = told_of(key, value, source);
                into.push(format!("{} {:?}: {value_text}", depth + 1, key.as_str().unwrap()));
                tell(value, source, depth + 1, into);
                let is_inline = value.span.line == key.span.line;
                let is_null = value.span.start == value.span.end;
                if !is_inline && !is_null && is_late(value) {
                    into.push(format!("{} late", depth + 1));
                }
            }
        }
        _ => {}
    }
}

fn is_late(value: &Node) -> bool {
    match &value.content {
        Content::Sequence { flow, .. } | Content::Mapping { flow, .. } => *flow,
        _ => true,
    }
}

fn told_of(key: &Node, value: &Node, source: &str) -> String {
    let is_inline = value.span.line == key.span.line && value.span.end > value.span.start;
    match &value.content {
        _ if !is_inline => "open".to_owned(),
        Content::Sequence { .. } | Content::Mapping { .. } => "flow".to_owned(),
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
        _ => unreachable!(),
    }
}

/// Texts with more than one way to be written are told the same way.
fn normal(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| !line.ends_with("late"))
        .cloned()
        .collect()
}

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

pub(crate) const PIECES: [&str; 73] = [
    "a: :b",
    "c: .5x",
    "?d: e",
    "a: 1",
    "b:",
    "c: x y",
    "- d",
    "- e: f",
    "-",
    "- - g",
    "- h:",
    "i: |",
    "j: >-",
    "k: |+",
    "text only",
    "# comment",
    "l: \"m\"",
    "n: 'o'",
    "p: 'it''s'",
    "q: \"r\\n\"",
    "\"s\": t",
    "'u': v",
    "w: []",
    "x: {}",
    "y: [a, \"b\", 1]",
    "",
    "  ",
    "z: a # b",
    "a b: c",
    "-1: d",
    "null: e",
    "f: .inf",
    "g: a: b",
    "h: \"open",
    "end\"",
    "i: 'open",
    "end'",
    "j: -k",
    "- # l",
    "m:n",
    "o: p:",
    "? q",
    "r: &s t",
    "u: *v",
    "w: !x y",
    "---",
    "...",
    "<<: z",
    "a:   b  ",
    "- \"c: d\"",
    "- 'e': f",
    "~: g",
    "99999999999999999999: h",
    "i: @j",
    "k: `l`",
    "m: %n",
    "o: \u{2028}p",
    "\u{e9}\u{2019}: \u{fc}",
    "q:\tr",
    "s: [t, u",
    "v: {w: x}",
    "y: [z]: a",
    "key: - b",
    "c: \"\\x41\"",
    "d: 1 #",
    "e: {f: g, h: [i, 1], j: {}}",
    "k: {l: m",
    "n: {1: o, yes: p}",
    "q: [[a], {b: c}, _d]",
    "r: {s: t}u",
    "v: w # x: y",
    "- {z: [\"a, b\"]}",
    "b: {c:d, e: }",
];

#[test]
fn what_is_surely_right_is_what_the_parser_reads() {
    const LENIENT: Options = Options {
        duplicate_keys: DuplicateKeys::LastWins,
    };
    let mut random = Random(7);
    let mut seen = 0;
    for _ in 0..100_000 {
        let mut text = String::new();
        let mut column: usize = 0;
        for _ in 0..=random.below(7) {
            column = match random.below(6) {
                0 => column,
                1 => column + 2,
                2 => column + 1,
                3 => column.saturating_sub(2),
                4 => 0,
                _ => random.below(7),
            };
            text.extend(std::iter::repeat_n(' ', column));
            text.push_str(PIECES[random.below(PIECES.len())]);
            text.push('\n');
        }
        if random.below(3) == 0 {
            text.pop();
        }
        let mut heard = Heard::default();
        if !outline(&text, &mut heard) {
            continue;
        }
        let Some(node) = parse_first(&text).unwrap_or_else(|error| panic!("{text:?}: {error:?}")) else {
            assert!(heard.0.is_empty(), "{text:?}");
            continue;
        };
        node.check(&LENIENT)
            .unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let mut expected = Vec::new();
        tell(&node, &text, 0, &mut expected);
        assert_eq!(normal(&heard.0), normal(&expected), "{text:?}");
        let late = |lines: &[String]| lines.iter().filter(|line| line.ends_with("late")).count();
        assert!(late(&heard.0) >= late(&expected), "{text:?}");
        seen += 1;
    }
    assert!(seen > 10_000, "{seen}");
}

#[test]
fn manifests_as_charts_write_them_are_seen_to_be_right() {
    let text = "# Source: a\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"a\"\n  labels:\n    a.b/c: d\n  annotations: {}\n\
                data:\n  x.json: |-\n    {\n      \"a\": [1,\n    2]}\n\n  y: >\n      b\n    # c\n  list:\n  - a\n  -   b: c\n      d:\n      \
                - e\n      f: \"g \\\"h\\\" i\"\n  - [\"sh\", \"-c\"]\n  text: a\n    b\n   c\n  quoted: 'd\n  e'\n";
    assert!(!outline(
        &text.replace("    # c", "      # c\n    c"),
        &mut Heard::default()
    ));
    let text = text.replace("    # c", "      # c");
    assert!(outline(&text, &mut Heard::default()));
    assert!(outline("# nothing\n\n", &mut Heard::default()));
}
