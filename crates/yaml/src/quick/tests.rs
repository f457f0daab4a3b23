use std::path::{Path, PathBuf};

use super::read;
use crate::outline::tests::{PIECES, Random};
use crate::value::{DuplicateKeys, Options, slowly};

const LENIENT: Options = Options {
    duplicate_keys: DuplicateKeys::LastWins,
};

/// Whether a text was read without the parser, which must then find the same.
fn agrees(text: &str) -> bool {
    let mut seen = false;
    for options in [Options::default(), LENIENT] {
        if let Some(value) = read(text, options) {
            let expected = slowly(text, options).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
            assert_eq!(value, expected, "{text:?}");
            seen = true;
        }
    }
    seen
}

/// Lines as charts write them, in any order and at any column.
const LINES: [&str; 46] = [
    "a: 0x1F",
    "b: 017",
    "c: 1_000",
    "d: 1e3",
    "e: 0.5",
    "f: -0.0",
    "g: 2001-12-14",
    "h: yes",
    "i: ~",
    "j: null # nothing",
    "k: 18446744073709551615",
    "l: 1.0",
    "80: m",
    "\"80\": n",
    "true: o",
    "1.5: p",
    "2001-12-14: q",
    "a: again",
    "r: |",
    "s: |-",
    "t: |+",
    "u: >",
    "v: >+",
    "w: |2",
    "- |",
    "- >-",
    "x",
    "  y",
    "# z",
    "a: \"b\\tc\\\\\"",
    "- 'd''e'",
    "f: 'g",
    "h'",
    "i: \"j",
    "k\\n\"",
    "l: m",
    "n o",
    "- p",
    "-",
    "q:",
    "- r: s",
    "---",
    "t: [1, yes, ~x, \"u\"]",
    "v: [null, 0x1, 1.0]",
    "w: {a: 1, b: 'c'}",
    "x: 1:30",
];

#[test]
fn random_texts_are_read_as_the_parser_reads_them() {
    let mut random = Random(11);
    let mut seen = 0;
    for round in 0..60_000 {
        let pieces: &[&str] = if round % 3 == 0 { &PIECES } else { &LINES };
        let mut text = String::new();
        let mut column: usize = 0;
        for _ in 0..=random.below(7) {
            column = match random.below(6) {
                0 | 1 => column,
                2 => column + 2,
                3 => column.saturating_sub(2),
                4 => 0,
                _ => random.below(7),
            };
            text.extend(std::iter::repeat_n(' ', column));
            text.push_str(pieces[random.below(pieces.len())]);
            text.extend(std::iter::repeat_n(' ', random.below(6).saturating_sub(4)));
            text.push('\n');
            if random.below(8) == 0 {
                text.extend(std::iter::repeat_n(' ', random.below(9)));
                text.push('\n');
            }
        }
        if random.below(3) == 0 {
            text.pop();
        }
        seen += usize::from(agrees(&text));
    }
    assert!(seen > 6_000, "{seen}");
}

/// The YAML files below a folder.
fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            yaml_files(&path, into);
        } else if path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            into.push(path);
        }
    }
    into.sort();
}

/// The YAML of this repository, and of the charts beside it where they are there.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in [
        "examples",
        "crates",
        "../shared/corpus/charts",
        "../../shared/corpus/charts",
    ] {
        yaml_files(&root.join(folder), &mut files);
    }
    files
}

#[test]
fn files_and_what_becomes_of_them_by_accident_are_read_as_the_parser_reads_them() {
    const CHANGES: [&str; 20] = [
        " ", "\n", ":", ": ", "- ", "#", " #", "'", "\"", "{", "}", "[", "]", ",", "|", ">", "&a ", "*a",
        "\t", "---\n",
    ];
    let mut random = Random(13);
    let (mut texts, mut whole, mut changed) = (0, 0, 0);
    for path in files() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        texts += 1;
        whole += usize::from(agrees(&text));
        // Parts of a large file are as good as all of it.
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for _ in 0..4 {
            let start = random.below(lines.len().max(1)).min(lines.len());
            let end = lines.len().min(start + 1 + random.below(30));
            let mut part = lines[start..end].concat();
            for _ in 0..random.below(3) {
                let at = part.floor_char_boundary(random.below(part.len() + 1));
                if random.below(3) == 0 {
                    let end = part.floor_char_boundary(part.len().min(at + 1 + random.below(6)));
                    part.replace_range(at..end.max(at), "");
                } else {
                    part.insert_str(at, CHANGES[random.below(CHANGES.len())]);
                }
            }
            changed += usize::from(agrees(&part));
        }
    }
    assert!(texts > 10, "{texts}");
    assert!(whole * 4 > texts, "{whole} of {texts}");
    assert!(changed * 2 > texts, "{changed} of {texts}");
}

#[test]
fn texts_in_all_their_ways_are_read() {
    let text = "---\n# first\na:\n  b: |\n    c\n\n      d\n   \n  e: |-\n    f\n\n  g: |+\n    h\n\n  i: >\n    j\n    k\n  l: m\n    n\n\n    o\n  \
                p: 'q''r'\n  s: \"t\\nu\"\nv:\n- w\n- x: 1\n  z: {}\n-\n  - []\n  - ~\n";
    assert!(agrees(text));
    assert!(read("a: 1\na: 2\n", Options::default()).is_none());
    assert!(read("a: 1\na: 2\n", LENIENT).is_some());
    assert!(read("a: &b 1\n", LENIENT).is_none());
}
