//! Paths into objects as replacements and variables write them: `spec.containers.[name=app].image`, `ports.0`, `items.*`.
//!
//! Source: kustomize `kyaml/yaml/fns.go` (`PathGetter`), `kyaml/yaml/match.go` (`PathMatcher`).

use regex::Regex;

use crate::error::{Result, fail};
use crate::node::{Map, Node};
use crate::scalar::{Scalar, Style, Tag};

/// What is made at the end of a path that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Map,
    Seq,
}

impl Shape {
    pub(crate) fn of(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Map(_) => Self::Map,
            Node::Seq(_) => Self::Seq,
        }
    }

    fn empty(self) -> Node {
        match self {
            Self::Scalar => Node::Scalar(Scalar::untyped("")),
            Self::Map => Node::Map(Map::default()),
            Self::Seq => Node::Seq(Vec::new()),
        }
    }
}

/// The one node that a path leads to, if there is one.
pub(crate) fn lookup<'n>(node: &'n Node, path: &[String]) -> Result<Option<&'n Node>> {
    let mut place = node;
    for part in path
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
    {
        let next = if let Ok(index) = part.parse::<i64>() {
            let index =
                usize::try_from(index).map_err(|_| fail!("array index {index} cannot be negative"))?;
            elements(place)?.get(index)
        } else if part == "-" {
            elements(place)?.last()
        } else if part == "*" {
            return Err(fail!("wildcard is not supported in PathGetter"));
        } else if is_list_index(part) {
            let (field, value) = split_index(part)?;
            elements(place)?.iter().find(|item| {
                if field.is_empty() {
                    item.text() == value
                } else {
                    item.field(field).is_some_and(|found| found.text() == value)
                }
            })
        } else if place.is_null() {
            None
        } else {
            place.expect_map()?.get(part)
        };
        match next {
            Some(next) => place = next,
            None => return Ok(None),
        }
    }
    Ok(Some(place))
}

fn elements(node: &Node) -> Result<&[Node]> {
    match node {
        Node::Seq(items) => Ok(items),
        null if null.is_null() => Ok(&[]),
        other => Err(other.wrong_kind("SequenceNode")),
    }
}

fn is_list_index(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

fn is_index(part: &str) -> bool {
    part.parse::<i64>().is_ok_and(|index| index >= 0)
}

fn split_index(part: &str) -> Result<(&str, &str)> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner
        .split_once('=')
        .ok_or_else(|| fail!("list path element must contain fieldName=fieldValue for element to match"))
}

/// Calls a function on every node that a path leads to, and says how many there were. Missing parts are made when `create`
/// tells what stands at the end.
pub(crate) fn visit(
    node: &mut Node,
    path: &[String],
    create: Option<Shape>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let Some((part, rest)) = path.split_first() else {
        set(node)?;
        return Ok(1);
    };
    if is_index(part) {
        return visit_index(node, part, rest, create, set);
    }
    if is_list_index(part) {
        return visit_matching(node, part, rest, create, set);
    }
    if part == "*" {
        elements(node)?;
        let mut count = 0;
        if let Node::Seq(items) = node {
            for item in items {
                count += visit(item, rest, create, set)?;
            }
        }
        return Ok(count);
    }
    if node.is_null() {
        // A field set on a null is lost.
        return match create {
            Some(shape) => visit(&mut next_shape(rest, shape).empty(), rest, create, set),
            None => Ok(0),
        };
    }
    let map = node.expect_map_mut()?;
    if map.get(part).is_none() {
        let Some(shape) = create else { return Ok(0) };
        map.push(part, next_shape(rest, shape).empty());
    }
    let Some(field) = map.get_mut(part) else {
        return Ok(0);
    };
    if let Node::Scalar(scalar) = field
        && !rest.is_empty()
    {
        // What stands inside the text is another module's job; a copy of it is looked through here, without effect.
        let parsed = crate::document::parse_first(&scalar.text)?;
        return match parsed {
            Some(mut inner) => visit(&mut inner, rest, create, set),
            None => Err(fail!(
                "wrong node kind: expected MappingNode but got an empty text"
            )),
        };
    }
    visit(field, rest, create, set)
}

/// What the next part of a path needs to stand in.
fn next_shape(rest: &[String], last: Shape) -> Shape {
    match rest.first() {
        None => last,
        Some(next) if is_list_index(next) || is_index(next) => Shape::Seq,
        Some(next) if next.is_empty() => last,
        Some(_) => Shape::Map,
    }
}

fn visit_index(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Shape>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let index: usize = part.parse().map_err(|_| fail!("invalid index {part}"))?;
    let count = elements(node)?.len();
    let Node::Seq(items) = node else {
        return Err(fail!("index {index} specified but only {count} elements found"));
    };
    if let Some(shape) = create
        && index == count
    {
        items.push(next_shape(rest, shape).empty());
    }
    match items.get_mut(index) {
        Some(item) => visit(item, rest, create, set),
        None => Err(fail!("index {index} specified but only {count} elements found")),
    }
}

fn visit_matching(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Shape>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let (field, value) = split_index(part)?;
    let pattern = Regex::new(value).map_err(|error| fail!("error parsing regexp: `{value}`: {error}"))?;
    elements(node)?;
    let Node::Seq(items) = node else { return Ok(0) };
    let fits = |item: &Node| {
        let wanted = if field.is_empty() {
            Some(item)
        } else {
            item.field(field)
        };
        wanted.is_some_and(|wanted| pattern.is_match(&printed(wanted)))
    };
    let mut count = 0;
    for item in items.iter_mut().filter(|item| fits(item)) {
        count += if field.is_empty() {
            set(item)?;
            1
        } else {
            visit(item, rest, create, set)?
        };
    }
    if count > 0 || create.is_none() {
        return Ok(count);
    }
    let made = if field.is_empty() {
        Node::untyped(value)
    } else {
        let mut map = Map::default();
        map.push(field, Node::untyped(value));
        Node::Map(map)
    };
    if !fits(&made) {
        return Err(fail!("failed to create element for {part:?}"));
    }
    items.push(made);
    let Some(item) = items.last_mut() else {
        return Ok(0);
    };
    if field.is_empty() {
        set(item)?;
        return Ok(1);
    }
    visit(item, rest, create, set)
}

/// A node as it would be printed, which is what patterns are compared with.
fn printed(node: &Node) -> String {
    match node {
        Node::Scalar(scalar) => printed_scalar(scalar),
        other => other.to_value().map_or_else(
            |_| String::new(),
            |value| kluctl_yaml::to_string(&value).trim().to_owned(),
        ),
    }
}

fn printed_scalar(scalar: &Scalar) -> String {
    let style = match scalar.style {
        style
            if style.is_plain()
                && scalar.tag == Tag::Str
                && crate::scalar::resolve(&scalar.text).0 != Tag::Str =>
        {
            Style::Double
        }
        style => style,
    };
    match style {
        Style::Single => format!("'{}'", scalar.text.replace('\'', "''")),
        Style::Double => format!("{:?}", scalar.text),
        _ => scalar.text.trim().to_owned(),
    }
}
