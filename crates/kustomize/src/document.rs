//! From the text of a file to the objects in it.
//!
//! Source: kustomize `kyaml/kio/byteio_reader.go`, `api/resource/factory.go`, `kyaml/yaml/rnode.go` (`DeAnchor`).

use bytes::Bytes;
use kluctl_yaml::{Content, ScalarStyle};

use crate::error::{Error, Kind, Result, fail};
use crate::node::{Map, Node};
use crate::scalar::{Scalar, Style, Tag};

/// How many nodes aliases may add to one document.
const MAX_ALIASED_NODES: usize = 1_000_000;

/// Reads every object of a file; lists are replaced by what is in them.
pub(crate) fn objects(bytes: &Bytes) -> Result<Vec<Node>> {
    let nodes = drop_bad(documents(bytes)?)?;
    inline_lists(nodes)
}

/// Text as UTF-8, with a message that says where it stops being that.
pub(crate) fn text_of(bytes: &Bytes) -> Result<std::borrow::Cow<'_, str>> {
    kluctl_yaml::text_of(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &kluctl_yaml::Error) -> Error {
    fail!("MalformedYAMLError: {}", yaml_message(error)).of_kind(Kind::MalformedYaml)
}

/// What is wrong with a YAML text, as the parser says it.
pub(crate) fn yaml_message(error: &kluctl_yaml::Error) -> String {
    let text = error.go_text();
    match text.strip_prefix("error converting YAML to JSON: ") {
        Some(text) => text.to_owned(),
        None => text,
    }
}

fn documents(bytes: &Bytes) -> Result<Vec<Node>> {
    let text = text_of(bytes)?;
    let text = if text.contains("\r\n") {
        text.replace("\r\n", "\n").into()
    } else {
        text
    };
    let pieces = split(&text)?;
    let count = pieces.len();
    let mut nodes = Vec::new();
    for piece in pieces {
        let Some(node) = parse_first(piece)? else { continue };
        if node.is_null() {
            continue;
        }
        if count == 1
            && let Some(items) = unwrap_list(&node)
        {
            nodes.extend(items);
            continue;
        }
        nodes.push(node);
    }
    Ok(nodes)
}

/// The items of a document of kind `List`, when it stands alone in its file.
fn unwrap_list(node: &Node) -> Option<Vec<Node>> {
    let kind = node.field("kind")?.value_text();
    if kind != "List" && kind != "ResourceList" {
        return None;
    }
    match node.field("items") {
        Some(items) => Some(items.as_seq().unwrap_or_default().to_vec()),
        None => node.field("functionConfig").map(|_| Vec::new()),
    }
}

/// Parses the first document of a text.
pub(crate) fn parse_first(text: &str) -> Result<Option<Node>> {
    let document = kluctl_yaml::parse_first(text).map_err(|error| malformed(&error))?;
    document.as_ref().map(convert).transpose()
}

/// Cuts a text at its document separators.
fn split(text: &str) -> Result<Vec<&str>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("\n---") {
        let at = from + found;
        let Some(length) = text[at + 1..].find('\n') else {
            break;
        };
        let end = at + 1 + length + 1;
        let rest = text[at + 4..end].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(fail!("invalid document separator: {}", text[at..end].trim()));
        }
        // The line break before the separator belongs to the document: block scalars may keep it.
        pieces.push(&text[start..=at]);
        start = end;
        from = end;
    }
    if !text.is_empty() {
        pieces.push(&text[start..]);
    }
    Ok(pieces)
}

struct Converter {
    aliased: usize,
    inside_alias: usize,
    /// How many `{` and `[` are open.
    flow: usize,
}

fn convert(node: &kluctl_yaml::Node) -> Result<Node> {
    Converter {
        aliased: 0,
        inside_alias: 0,
        flow: 0,
    }
    .node(node)
}

impl Converter {
    fn node(&mut self, node: &kluctl_yaml::Node) -> Result<Node> {
        if self.inside_alias > 0 {
            self.aliased += 1;
            if self.aliased > MAX_ALIASED_NODES {
                return Err(fail!("yaml: document contains excessive aliasing"));
            }
        }
        match &node.content {
            Content::Scalar { value, style } => Ok(Node::Scalar(self.scalar(value, *style, node.tag()))),
            Content::Sequence { items, flow } => {
                self.flow += usize::from(*flow);
                let items = items.iter().map(|item| self.node(item)).collect::<Result<_>>();
                self.flow -= usize::from(*flow);
                items.map(Node::Seq)
            }
            Content::Mapping { entries, flow } => {
                self.flow += usize::from(*flow);
                let map = self.map(entries);
                self.flow -= usize::from(*flow);
                map.map(Node::Map)
            }
            Content::Anchored(inner) => self.node(inner),
            Content::Alias { target, .. } => {
                self.inside_alias += 1;
                let result = self.node(target);
                self.inside_alias -= 1;
                result
            }
        }
    }

    fn map(&mut self, entries: &[(kluctl_yaml::Node, kluctl_yaml::Node)]) -> Result<Map> {
        let mut map = Map {
            entries: Vec::with_capacity(entries.len()),
        };
        let mut merge = None;
        for (key, value) in entries {
            if key.is_merge_key() {
                if merge.replace(value).is_some() {
                    return Err(fail!("duplicate merge key"));
                }
                continue;
            }
            let key = match self.node(key)? {
                Node::Scalar(key) => key,
                other => Scalar::compound_key(&other),
            };
            let value = self.node(value)?;
            map.entries.push((key, value));
        }
        if let Some(merge) = merge {
            for source in self.merge_sources(merge)? {
                for (key, value) in source.entries {
                    if map.position(&key.text).is_none() {
                        map.entries.push((key, value));
                    }
                }
            }
        }
        Ok(map)
    }

    fn scalar(&self, value: &str, style: ScalarStyle, tag: Option<&str>) -> Scalar {
        let style = match style {
            ScalarStyle::Plain if self.flow > 0 => Style::PlainInFlow,
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let scalar = match tag.filter(|tag| *tag != "!") {
            Some(tag) => Scalar {
                tagged: true,
                ..Scalar::with_tag(value, Tag::from_long(tag))
            },
            None if style.is_plain() => Scalar::plain(value),
            None => Scalar::string(value),
        };
        Scalar {
            style,
            in_flow: self.flow > 0,
            ..scalar
        }
    }

    /// The maps that `<<` brings in, the most important one first.
    fn merge_sources(&mut self, value: &kluctl_yaml::Node) -> Result<Vec<Map>> {
        let is_alias = matches!(value.content, Content::Alias { .. });
        match self.node(value)? {
            Node::Map(map) => Ok(vec![map]),
            Node::Seq(items) if !is_alias => items
                .into_iter()
                .map(|item| match item {
                    Node::Map(map) => Ok(map),
                    Node::Seq(_) => Err(fail!("invalid map merge: received a nested sequence")),
                    Node::Scalar(_) => Err(fail!("map merge requires map or sequence of maps as the value")),
                })
                .collect(),
            _ if is_alias => Err(fail!("invalid map merge: received alias for a non-map value")),
            _ => Err(fail!("map merge requires map or sequence of maps as the value")),
        }
    }
}

/// What must be there in every object: a kind, and a name unless it is a list.
///
/// Source: kustomize `kyaml/yaml/rnode.go`, `GetValidatedMetadata`.
pub(crate) fn validate(node: &Node) -> Result<()> {
    let text = |node: Option<&Node>| node.map_or("", Node::value_text).to_owned();
    let api_version = text(node.field("apiVersion"));
    let kind = text(node.field("kind"));
    let metadata = node.field("metadata").filter(|metadata| !metadata.is_empty());
    if api_version.is_empty() && kind.is_empty() && metadata.is_none() {
        return Err(fail!("missing Resource metadata"));
    }
    let name = text(metadata.and_then(|metadata| metadata.field("name")));
    let describe = || {
        let namespace = text(metadata.and_then(|metadata| metadata.field("namespace")));
        let pairs = |field| pairs_for_message(metadata.and_then(|metadata| metadata.field(field)));
        format!(
            "{{{{{api_version} {kind}}} {{{{{name} {namespace}}} map[{}] map[{}]}}}}",
            pairs("labels"),
            pairs("annotations")
        )
    };
    if kind.is_empty() {
        return Err(fail!("missing kind in object {}", describe()));
    }
    if !kind.ends_with("List") && name.is_empty() {
        return Err(fail!("missing metadata.name in object {}", describe()));
    }
    // The original goes on with a list as if its items were keys and values, or panics.
    for field in ["labels", "annotations"] {
        if let Some(Node::Seq(_)) = metadata.and_then(|metadata| metadata.field(field)) {
            return Err(fail!(
                "metadata.{field} must be a map, but is a list, in object {}",
                describe()
            ));
        }
    }
    Ok(())
}

fn pairs_for_message(node: Option<&Node>) -> String {
    let mut pairs: Vec<_> = node
        .and_then(Node::as_map)
        .map(|map| {
            map.entries
                .iter()
                .map(|(key, value)| format!("{}:{}", key.text, value.value_text()))
                .collect()
        })
        .unwrap_or_default();
    pairs.sort_unstable();
    pairs.join(" ")
}

fn drop_bad(nodes: Vec<Node>) -> Result<Vec<Node>> {
    let mut good = Vec::with_capacity(nodes.len());
    for node in nodes {
        if node.is_empty() {
            continue;
        }
        validate(&node)?;
        good.push(node);
    }
    Ok(good)
}

/// Replaces every `FooList` that has items by its items, which move to the end.
fn inline_lists(nodes: Vec<Node>) -> Result<Vec<Node>> {
    let mut queue: std::collections::VecDeque<Node> = nodes.into();
    let mut result = Vec::with_capacity(queue.len());
    while let Some(node) = queue.pop_front() {
        let kind = node.field("kind").map_or("", Node::text).to_owned();
        if !kind.ends_with("List") {
            result.push(node);
            continue;
        }
        let value = node
            .with_folds_kept()
            .to_value()
            .map_err(|error| error.within(format!("trouble expanding list of {kind}")))?;
        match value.get("items") {
            None => result.push(node),
            Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::Array(items)) => {
                let items: Vec<Node> = items.iter().map(from_json_text).collect();
                queue.extend(drop_bad(items)?);
            }
            Some(other) => {
                return Err(fail!(
                    "expected array in {kind}/items, but found {}",
                    go_type(other)
                ));
            }
        }
    }
    Ok(result)
}

/// A value that was printed as JSON and read as YAML.
fn from_json_text(value: &serde_json::Value) -> Node {
    match value {
        serde_json::Value::Number(number) => Node::Scalar(Scalar::plain(number.to_string())),
        serde_json::Value::Array(items) => Node::Seq(items.iter().map(from_json_text).collect()),
        serde_json::Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_str());
            Node::Map(Map {
                entries: fields
                    .into_iter()
                    .map(|(key, value)| (quoted(key), from_json_text(value)))
                    .collect(),
            })
        }
        serde_json::Value::String(text) => Node::Scalar(quoted(text)),
        other => Node::from_json(other),
    }
}

fn quoted(text: &str) -> Scalar {
    Scalar {
        style: Style::Double,
        ..Scalar::string(text)
    }
}

/// The name Go gives to the type of a JSON value.
pub(crate) fn go_type(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "<nil>",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(number) if number.is_f64() => "float64",
        serde_json::Value::Number(_) => "int",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "[]interface {}",
        serde_json::Value::Object(_) => "map[string]interface {}",
    }
}
