//! Slash-separated paths.

use super::arguments::text;
use super::*;

pub(super) const TABLE: &[Entry] = &[
    ("base", &TEXT, |a, _| Ok(base(text(&a[0])))),
    ("dir", &TEXT, |a, _| Ok(dir(text(&a[0])))),
    ("clean", &TEXT, |a, _| Ok(Value::string(clean(text(&a[0]))))),
    ("ext", &TEXT, |a, _| Ok(ext(text(&a[0])))),
    ("isAbs", &TEXT, |a, _| Ok(text(&a[0]).starts_with(b"/").into())),
    ("osBase", &TEXT, |a, _| Ok(base(text(&a[0])))),
    ("osDir", &TEXT, |a, _| Ok(dir(text(&a[0])))),
    ("osClean", &TEXT, |a, _| Ok(Value::string(clean(text(&a[0]))))),
    ("osExt", &TEXT, |a, _| Ok(ext(text(&a[0])))),
    ("osIsAbs", &TEXT, |a, _| Ok(text(&a[0]).starts_with(b"/").into())),
];

fn base(path: &[u8]) -> Value {
    if path.is_empty() {
        return ".".into();
    }
    let Some(end) = path.iter().rposition(|byte| *byte != b'/') else {
        return "/".into();
    };
    let path = &path[..=end];
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    Value::string(&path[start..])
}

fn dir(path: &[u8]) -> Value {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    Value::string(clean(&path[..end]))
}

fn ext(path: &[u8]) -> Value {
    let start = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    Value::string(
        start
            .filter(|at| path[*at] == b'.')
            .map_or(&b""[..], |at| &path[at..]),
    )
}

pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                if kept.last().is_some_and(|last| *last != b"..") {
                    kept.pop();
                } else if !rooted {
                    kept.push(part);
                }
            }
            part => kept.push(part),
        }
    }
    let mut out = if rooted { b"/".to_vec() } else { Vec::new() };
    out.extend(kept.join(&b'/'));
    if out.is_empty() {
        out.push(b'.');
    }
    out
}
