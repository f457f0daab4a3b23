//! Values inside texts that are JSON or YAML themselves: `data.config\.json.server.port`.
//!
//! Source: kustomize `api/filters/replacement/replacement.go`, `setValueInStructuredData`.

use serde_json::Value;

use crate::error::{Result, fail};
use crate::node::{Map, Node};
use crate::path::{Shape, lookup, visit};
use crate::scalar::{Scalar, Style, Tag, resolve};

/// Whether a path leads into a text, and what came of setting a value there.
pub(crate) enum Structured {
    /// The path does not lead into a text, or nothing is there.
    NotThere,
    /// The value is set.
    Done,
}

/// Sets a value behind a path that leads into a text.
pub(crate) fn set(
    node: &mut Node,
    value: &Node,
    path: &[String],
    create: Option<Shape>,
) -> Result<Structured> {
    let mut split = None;
    for length in 1..path.len() {
        if let Ok(Some(Node::Scalar(scalar))) = lookup(node, &path[..length])
            && let Ok(parsed) = crate::document::parse_first(&scalar.text)
        {
            split = Some((length, scalar.text.clone(), parsed));
            break;
        }
    }
    let Some((length, text, Some(mut inner))) = split else {
        return Ok(Structured::NotThere);
    };
    let count = visit(&mut inner, &path[length..], create, &mut |field| {
        match field {
            Node::Scalar(scalar) => value.text().clone_into(&mut scalar.text),
            other => *other = value.clone(),
        }
        Ok(())
    });
    if !count.is_ok_and(|count| count > 0) {
        return Ok(Structured::NotThere);
    }
    let Some(printed) = print(&inner, &text)? else {
        return Ok(Structured::NotThere);
    };
    visit(node, &path[..length], None, &mut |field| {
        if let Node::Scalar(scalar) = field {
            scalar.text.clone_from(&printed);
        }
        Ok(())
    })?;
    Ok(Structured::Done)
}

/// The text with the value in it; nothing when the value does not fit the type that stood there.
fn print(inner: &Node, original: &str) -> Result<Option<String>> {
    if original.trim_start().starts_with(['{', '[']) {
        let Ok(value) = inner.to_value() else {
            return Ok(None);
        };
        if original.contains('\n') && original.contains("  ") {
            return Ok(Some(kluctl_yaml::go_json::to_string_pretty(&value)));
        }
        return Ok(Some(kluctl_yaml::go_json::to_string(&value)));
    }
    let commented = original
        .lines()
        .any(|line| line.trim_start().starts_with('#') || line.contains(" # "));
    if commented {
        return Err(fail!(
            "replacements inside of YAML with comments are not supported: the comments would be lost"
        ));
    }
    let mut out = String::new();
    print_node(inner, 0, &mut out);
    Ok(Some(out.trim().to_owned()))
}

/// Prints a node behind a key, a dash or nothing; ends with a line break.
fn print_node(node: &Node, indent: usize, out: &mut String) {
    match node {
        node if is_flow(node) => {
            print_flow(node, out);
            out.push('\n');
        }
        Node::Map(map) => print_map(map, indent, out),
        Node::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pad(indent, out);
                }
                out.push_str("- ");
                print_node(item, indent + 2, out);
            }
        }
        Node::Scalar(scalar) => print_scalar(scalar, indent, out),
    }
}

fn print_map(map: &Map, indent: usize, out: &mut String) {
    for (index, (key, value)) in map.entries.iter().enumerate() {
        if index > 0 {
            pad(indent, out);
        }
        out.push_str(&inline(key));
        out.push(':');
        match value {
            Node::Map(inner) if !is_flow(value) => {
                out.push('\n');
                pad(indent + 2, out);
                print_map(inner, indent + 2, out);
            }
            Node::Seq(_) if !is_flow(value) => {
                out.push('\n');
                pad(indent, out);
                print_node(value, indent, out);
            }
            Node::Scalar(scalar) if scalar.text.is_empty() && scalar.tag == Tag::Null => out.push('\n'),
            other => {
                out.push(' ');
                print_node(other, indent + 2, out);
            }
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a map or list was written in braces, or has nothing in it.
fn is_flow(node: &Node) -> bool {
    match node {
        Node::Scalar(_) => false,
        Node::Map(map) => map.is_empty() || map.entries.iter().any(|(key, _)| key.in_flow),
        Node::Seq(items) => {
            items.is_empty()
                || items.iter().any(|item| match item {
                    Node::Scalar(scalar) => scalar.in_flow,
                    _ => false,
                })
        }
    }
}

fn print_flow(node: &Node, out: &mut String) {
    let comma = |index: usize, out: &mut String| {
        if index > 0 {
            out.push_str(", ");
        }
    };
    match node {
        Node::Scalar(scalar) => out.push_str(&inline(scalar)),
        Node::Seq(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                comma(index, out);
                print_flow(item, out);
            }
            out.push(']');
        }
        Node::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.entries.iter().enumerate() {
                comma(index, out);
                out.push_str(&inline(key));
                out.push_str(": ");
                print_flow(value, out);
            }
            out.push('}');
        }
    }
}

fn print_scalar(scalar: &Scalar, indent: usize, out: &mut String) {
    let block = scalar.style == Style::Literal || (scalar.style.is_plain() && scalar.text.contains('\n'));
    if !block {
        out.push_str(&inline(scalar));
        out.push('\n');
        return;
    }
    let body = scalar.text.trim_end_matches('\n');
    let chomp = match scalar.text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let hint = if scalar.text.starts_with([' ', '\n']) {
        "2"
    } else {
        ""
    };
    out.push('|');
    out.push_str(hint);
    out.push_str(chomp);
    out.push('\n');
    for line in scalar.text.lines() {
        if !line.is_empty() {
            pad(indent.max(2), out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A scalar in one line, as it was quoted, with its tag where its text no longer fits it.
fn inline(scalar: &Scalar) -> String {
    let text = &scalar.text;
    let found = resolve(text).0;
    let fits = matches!(scalar.tag, Tag::None | Tag::Str | Tag::Merge) || found == scalar.tag;
    let tag = if fits {
        String::new()
    } else {
        format!("{} ", scalar.tag.as_str())
    };
    let quoted = match scalar.style {
        Style::Single => format!("'{}'", text.replace('\'', "''")),
        Style::Double => kluctl_yaml::go_json::to_string(&Value::String(text.clone())),
        _ if scalar.tag == Tag::Str && found != Tag::Str => {
            kluctl_yaml::go_json::to_string(&Value::String(text.clone()))
        }
        _ if found == Tag::Str => kluctl_yaml::to_string_indented(&Value::String(text.clone()), 2)
            .trim_end()
            .to_owned(),
        _ => text.clone(),
    };
    format!("{tag}{quoted}")
}
