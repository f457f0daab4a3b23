//! YAML files with their order and comments, as go-yaml v3 reads and writes them.
//!
//! Source: sops `stores/yaml/store.go`.

use kluctl_yaml::{Commented, Content, Node, Resolved, ScalarStyle, Tree, resolve_plain};

use super::not_text;
use super::yaml_comments::Comments;
use crate::error::Error;
use crate::tree::{Branch, Comment, Entry, Value};

/// Spaces per level that SOPS writes.
const INDENT: usize = 4;

/// The documents; `None` when the text is no YAML or a document is no map.
pub(super) fn read(content: &[u8]) -> Option<Vec<Branch>> {
    let text = kluctl_yaml::text_of(content).ok()?;
    let documents = kluctl_yaml::parse_documents(&text).ok()?;
    let mut reader = Reader {
        comments: Comments::of(&text, &documents),
    };
    let mut branches = Vec::with_capacity(documents.len());
    for (index, document) in documents.iter().enumerate() {
        let limit = documents
            .get(index + 1)
            .map_or(text.len(), |next| next.span.start);
        branches.push(reader.document(document, limit)?);
    }
    Some(branches)
}

struct Reader<'t> {
    comments: Comments<'t>,
}

fn entries(comments: Vec<Comment>) -> impl Iterator<Item = Entry> {
    comments.into_iter().map(Entry::Comment)
}

impl Reader<'_> {
    fn document(&mut self, document: &Node, limit: usize) -> Option<Branch> {
        match &document.resolved().content {
            Content::Mapping { .. } => {
                let mut branch = self.mapping(document, limit)?;
                branch.extend(entries(self.comments.below(0, limit)));
                Some(branch)
            }
            Content::Scalar { .. } if scalar(document.resolved()) == Value::Null => {
                Some(entries(self.comments.before(limit)).collect())
            }
            _ => None,
        }
    }

    fn mapping(&mut self, node: &Node, limit: usize) -> Option<Branch> {
        let Content::Mapping { entries: pairs, flow } = &node.resolved().content else {
            return None;
        };
        let mut branch = Branch::new();
        for (index, (key, value)) in pairs.iter().enumerate() {
            branch.extend(entries(self.comments.before(key.span.start)));
            let limit = pairs.get(index + 1).map_or(limit, |(next, _)| next.span.start);
            let read = self.value(value, limit)?;
            if is_leaf(value) {
                branch.extend(entries(self.comments.at_line_of(value.span.end)));
            }
            branch.push(Entry::Item(key.as_str()?.to_owned(), read));
        }
        if let Some((first, _)) = pairs.first().filter(|_| !flow) {
            let column = self.comments.column(first.span.start);
            branch.extend(entries(self.comments.below(column, limit)));
        }
        Some(branch)
    }

    fn sequence(&mut self, items: &[Node], flow: bool, limit: usize) -> Option<Vec<Value>> {
        let mut list = Vec::new();
        let mut column = 0;
        for (index, item) in items.iter().enumerate() {
            let start = if flow {
                item.span.start
            } else {
                self.comments.dash(item.span.start)
            };
            list.extend(self.comments.before(start).into_iter().map(Value::Comment));
            if index == 0 {
                column = self.comments.column(start);
            }
            let limit = match items.get(index + 1) {
                Some(next) if !flow => self.comments.dash(next.span.start),
                Some(next) => next.span.start,
                None => limit,
            };
            let read = self.value(item, limit)?;
            if is_leaf(item) {
                let comments = self.comments.at_line_of(item.span.end);
                list.extend(comments.into_iter().map(Value::Comment));
            }
            list.push(read);
        }
        if !flow && !items.is_empty() {
            let comments = self.comments.below(column, limit);
            list.extend(comments.into_iter().map(Value::Comment));
        }
        Some(list)
    }

    fn value(&mut self, node: &Node, limit: usize) -> Option<Value> {
        match &node.content {
            Content::Anchored(inner) => self.value(inner, limit),
            Content::Alias { target, .. } => plain(target),
            Content::Scalar { .. } => Some(scalar(node)),
            Content::Sequence { items, flow } => Some(Value::List(self.sequence(items, *flow, limit)?)),
            Content::Mapping { .. } => Some(Value::Map(self.mapping(node, limit)?)),
        }
    }
}

fn is_leaf(node: &Node) -> bool {
    match &node.content {
        Content::Anchored(inner) => is_leaf(inner),
        content => matches!(content, Content::Scalar { .. } | Content::Alias { .. }),
    }
}

/// What an alias stands for, without comments.
fn plain(node: &Node) -> Option<Value> {
    let node = node.resolved();
    Some(match &node.content {
        Content::Sequence { items, .. } => Value::List(items.iter().map(plain).collect::<Option<_>>()?),
        Content::Mapping { entries, .. } => {
            let entry =
                |(key, value): &(Node, Node)| Some(Entry::Item(key.as_str()?.to_owned(), plain(value)?));
            Value::Map(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => scalar(node),
    })
}

/// The value of a scalar in YAML 1.2 with go-yaml v3's additions.
fn scalar(node: &Node) -> Value {
    let text = node.as_str().unwrap_or_default();
    let text_value = || Value::Text(text.to_owned());
    let tag = node.tag().map(|tag| tag.trim_start_matches("tag:yaml.org,2002:"));
    let is_plain = node.style() == Some(ScalarStyle::Plain) && matches!(tag, None | Some("!"));
    if !is_plain && !matches!(tag, Some("int" | "float" | "bool" | "null" | "timestamp")) {
        return text_value();
    }
    match resolve_plain(text) {
        Resolved::Null => Value::Null,
        Resolved::Bool(flag) if text.eq_ignore_ascii_case(if flag { "true" } else { "false" }) => {
            Value::Bool(flag)
        }
        Resolved::Int(number) => Value::Int(number.into()),
        Resolved::Uint(number) => Value::Int(number.into()),
        Resolved::Float(number) => Value::Float(number),
        Resolved::Timestamp => time(text).map_or_else(text_value, Value::Time),
        _ => text_value(),
    }
}

/// A YAML timestamp in RFC 3339.
fn time(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = format!("{year:0>4}-{month:0>2}-{day:0>2}");
    if time.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let zone_at = time.find(['Z', 'z', '+', '-']);
    let (clock, zone) = zone_at.map_or((time, ""), |at| time.split_at(at));
    let mut parts = clock.trim().split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    let zone = match zone {
        "" | "Z" | "z" | "+00:00" | "-00:00" => "Z",
        other => other,
    };
    Some(format!(
        "{date}T{hour:0>2}:{minute:0>2}:{second:0>2}{fraction}{zone}"
    ))
}

/// Writes documents as SOPS does.
pub(super) fn write(branches: &[Branch]) -> Result<String, Error> {
    let documents = branches.iter().map(|branch| mapping(branch));
    let documents = documents.collect::<Result<Vec<_>, _>>()?;
    kluctl_yaml::tree_documents(&documents, INDENT).map_err(|error| Error::new(error.to_string()))
}

/// Comments that wait for what they belong to.
#[derive(Default)]
struct Waiting {
    head: Vec<String>,
    line: Vec<String>,
}

impl Waiting {
    fn add(&mut self, comment: &Comment) {
        let place = if comment.inline {
            &mut self.line
        } else {
            &mut self.head
        };
        place.push(comment.text.clone());
    }

    /// What is left at the end stands below the last item, or is all there is.
    fn finish(mut self, last: Option<&mut Commented>, inner: &mut Vec<String>) {
        self.head.append(&mut self.line);
        match last {
            Some(last) => last.foot = self.head,
            None => *inner = self.head,
        }
    }
}

fn mapping(branch: &[Entry]) -> Result<Commented, Error> {
    let mut waiting = Waiting::default();
    let mut inner = Vec::new();
    let mut pairs: Vec<(String, Commented)> = Vec::new();
    for entry in branch {
        match entry {
            Entry::Comment(comment) => waiting.add(comment),
            Entry::Item(key, value) => {
                let mut item = node(value)?;
                if pairs.is_empty() {
                    inner = std::mem::take(&mut waiting.head);
                }
                item.head = std::mem::take(&mut waiting.head);
                item.line = std::mem::take(&mut waiting.line);
                pairs.push((key.clone(), item));
            }
        }
    }
    waiting.finish(pairs.last_mut().map(|(_, value)| value), &mut inner);
    let mut all = Commented::new(Tree::Mapping(pairs));
    all.inner = inner;
    Ok(all)
}

fn sequence(list: &[Value]) -> Result<Commented, Error> {
    let mut waiting = Waiting::default();
    let mut inner = Vec::new();
    let mut items: Vec<Commented> = Vec::new();
    for value in list {
        if let Value::Comment(comment) = value {
            waiting.add(comment);
            continue;
        }
        let mut item = node(value)?;
        if items.is_empty() {
            inner = std::mem::take(&mut waiting.head);
        }
        item.head = std::mem::take(&mut waiting.head);
        item.line = std::mem::take(&mut waiting.line);
        items.push(item);
    }
    waiting.finish(items.last_mut(), &mut inner);
    let mut all = Commented::new(Tree::Sequence(items));
    all.inner = inner;
    Ok(all)
}

fn node(value: &Value) -> Result<Commented, Error> {
    let json = |value: serde_json::Value| Ok(Commented::new(Tree::Scalar(value)));
    let raw = |text: String| Ok(Commented::new(Tree::Raw(text)));
    match value {
        Value::Null | Value::Comment(_) => json(serde_json::Value::Null),
        Value::Bool(flag) => json((*flag).into()),
        Value::Text(text) => json(text.clone().into()),
        Value::Int(number) => raw(number.to_string()),
        Value::Float(number) if number.is_nan() => raw(".nan".to_owned()),
        Value::Float(number) if number.is_infinite() => {
            raw(if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned())
        }
        Value::Float(number) => raw(kluctl_yaml::format_float_g(*number)),
        Value::Time(text) => raw(text.clone()),
        Value::Bytes(_) => Err(not_text()),
        Value::List(list) => sequence(list),
        Value::Map(branch) => mapping(branch),
    }
}
