//! `wordwrap`, and Python's `textwrap` as far as it is used.

use std::rc::Rc;

use crate::call::{CallArgs, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Value, repr, text};

pub(crate) fn wordwrap(_: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    let [width, break_long, wrapstring, break_hyphens] = args.bind(
        "do_wordwrap",
        ["width", "break_long_words", "wrapstring", "break_on_hyphens"],
        0,
    )?;
    let width = width.map_or(Ok(79), |width| integer(&width))?;
    let break_long = break_long.map_or(Ok(true), |value| value.truth())?;
    let break_hyphens = break_hyphens.map_or(Ok(true), |value| value.truth())?;
    let joiner = match &wrapstring {
        None | Some(Value::None) => "\n".into(),
        Some(value) => repr::to_str(value)?,
    };
    let Some(own) = value.as_str() else {
        return Err(Error::new(
            ErrorKind::ATTRIBUTE,
            format!("'{}' object has no attribute 'splitlines'", value.type_name()),
        ));
    };
    let mut lines = Vec::new();
    for line in text::split_lines(own, false) {
        lines.push(wrap(line, width, break_long, break_hyphens)?.join(&*joiner));
    }
    Ok(lines.join(&*joiner).into())
}

/// Lines of at most `width` characters, whitespace as it is in the text.
pub(crate) fn wrap(line: &str, width: i64, break_long: bool, break_hyphens: bool) -> Result<Vec<String>> {
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(Error::value_error(format!("invalid width {width} (must be > 0)")));
    };
    let mut chunks: Vec<String> = chunks(line, break_hyphens);
    chunks.reverse();
    let mut lines: Vec<String> = Vec::new();
    let blank = |chunk: &str| chunk.trim_matches(is_ascii_space).is_empty();
    while !chunks.is_empty() {
        let mut current: Vec<String> = Vec::new();
        let mut length = 0;
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| blank(chunk)) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.last() {
            let size = text::length(chunk);
            if length + size > width {
                break;
            }
            length += size;
            current.extend(chunks.pop());
        }
        if let Some(chunk) = chunks.last().filter(|chunk| text::length(chunk) > width).cloned() {
            let space = if width < 1 { 1 } else { width - length };
            if break_long {
                let mut end = space;
                if break_hyphens && text::length(&chunk) > space {
                    let head: Vec<char> = chunk.chars().take(space).collect();
                    if let Some(hyphen) = head.iter().rposition(|c| *c == '-')
                        && hyphen > 0
                        && head[..hyphen].iter().any(|c| *c != '-')
                    {
                        end = hyphen + 1;
                    }
                }
                let size = text::length(&chunk);
                let (head, tail) = (text::slice(&chunk, 0, end), text::slice(&chunk, end, size));
                current.push(head.to_owned());
                chunks.pop();
                chunks.push(tail.to_owned());
            } else if current.is_empty() {
                current.extend(chunks.pop());
            }
        }
        if current.last().is_some_and(|chunk| blank(chunk)) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.concat());
        }
        chunks.retain(|chunk| !chunk.is_empty());
    }
    Ok(lines)
}

fn is_ascii_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

/// Words and the whitespace between them; words break after hyphens between letters and around long dashes.
fn chunks(line: &str, break_hyphens: bool) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if is_ascii_space(chars[at]) {
            while at < chars.len() && is_ascii_space(chars[at]) {
                at += 1;
            }
            out.push(chars[start..at].iter().collect());
            continue;
        }
        let mut end = at;
        while end < chars.len() && !is_ascii_space(chars[end]) {
            end += 1;
        }
        at = end;
        if break_hyphens {
            split_word(&chars[start..end], &mut out);
        } else {
            out.push(chars[start..end].iter().collect());
        }
    }
    out
}

fn split_word(word: &[char], out: &mut Vec<String>) {
    let letter = |at: usize| word.get(at).is_some_and(|c| *c == '_' || (text::is_alpha(*c)));
    let wordy = |at: usize| {
        word.get(at).is_some_and(|c| {
            *c == '_' || text::is_alnum(*c) || matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
        })
    };
    let mut start = 0;
    let mut at = 0;
    while at < word.len() {
        if word[at] != '-' {
            at += 1;
            continue;
        }
        let mut run = at;
        while run < word.len() && word[run] == '-' {
            run += 1;
        }
        let dashes = run - at;
        if dashes >= 2
            && at > start
            && wordy(at - 1)
            && word.get(run).is_some_and(|c| *c == '_' || text::is_alnum(*c))
        {
            out.push(word[start..at].iter().collect());
            out.push(word[at..run].iter().collect());
            start = run;
        } else if dashes == 1
            && run < word.len()
            && at > start + 1
            && letter(at - 1)
            && letter(at - 2)
            && letter(run)
            && letter(run + 1)
        {
            out.push(word[start..run].iter().collect());
            start = run;
        }
        at = run;
    }
    if start < word.len() {
        out.push(word[start..].iter().collect());
    }
}
