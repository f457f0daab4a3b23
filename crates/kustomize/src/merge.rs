//! Strategic merge of a patch into an object.
//!
//! Follows the original step by step, since what users see depends on it: elements of the patch come first, nulls in added
//! maps vanish, and a scalar keeps the style of the one it replaces.
//!
//! Source: kustomize `kyaml/yaml/merge2/merge2.go`, `kyaml/yaml/walk/`, `kyaml/yaml/fns.go`.

use std::collections::BTreeSet;

use crate::error::{Result, fail};
use crate::links;
use crate::node::{Map, Node};
use crate::scalar::{Scalar, Tag};
use crate::schema::{Cursor, Schema};

/// What the patch has for a place.
enum Patch<'p> {
    /// Nothing.
    Missing,
    /// The node itself: it came from the patch as a whole and only its directives are left to obey.
    Same,
    /// A node of its own.
    Node(&'p Node),
}

/// What becomes of a place.
enum Outcome {
    /// Nothing is left.
    Cleared,
    /// The node that was there, changed where it stands.
    InPlace,
    /// A node from the patch.
    Replaced(Node),
    /// A null that was there, to be kept.
    KeptNull,
}

/// Merges a patch into an object. `None` when the patch deletes it; one that replaces the whole object has no effect, as the
/// original looks at what became of the object only.
pub(crate) fn merge(mut object: Node, patch: &Node, schema: &Schema) -> Result<Option<Node>> {
    let cursor = cursor_of(&object, schema).or_else(|| cursor_of(patch, schema));
    let outcome = walk(Some(&mut object), Patch::Node(patch), cursor.as_ref(), schema)?;
    links::spread(&mut object);
    match outcome {
        Outcome::Cleared => Ok(None),
        Outcome::InPlace | Outcome::KeptNull | Outcome::Replaced(_) => Ok(Some(object)),
    }
}

/// Merges values over others, and gives what comes of it.
pub(crate) fn merge_values(mut values: Node, over: &Node, schema: &Schema) -> Result<Option<Node>> {
    match walk(Some(&mut values), Patch::Node(over), None, schema)? {
        Outcome::Cleared => Ok(None),
        Outcome::InPlace | Outcome::KeptNull => Ok(Some(values)),
        Outcome::Replaced(node) => Ok(Some(node)),
    }
}

fn cursor_of(node: &Node, schema: &Schema) -> Option<Cursor> {
    let api_version = node.field("apiVersion")?.value_text();
    let kind = node.field("kind")?.value_text();
    if api_version.is_empty() || kind.is_empty() {
        return None;
    }
    schema.of_kind(api_version, kind)
}

fn walk(
    dest: Option<&mut Node>,
    patch: Patch<'_>,
    cursor: Option<&Cursor>,
    schema: &Schema,
) -> Result<Outcome> {
    // A map inside that names its own kind is merged as that kind, unless its place is known already.
    let own = if cursor.is_none() {
        dest.as_deref()
            .and_then(|node| cursor_of(node, schema))
            .or_else(|| match patch {
                Patch::Node(node) => cursor_of(node, schema),
                _ => None,
            })
    } else {
        None
    };
    let cursor = cursor.or(own.as_ref());
    let present = |node: Option<&Node>| node.filter(|node| !node.is_null()).map(std::mem::discriminant);
    let of_dest = present(dest.as_deref());
    let of_patch = present(match patch {
        Patch::Node(node) => Some(node),
        _ => None,
    });
    if let (Some(of_dest), Some(of_patch)) = (of_dest, of_patch)
        && of_dest != of_patch
    {
        let expected = dest.as_deref().map_or("", Node::kind_name).to_owned();
        if let Patch::Node(node) = patch {
            return Err(node.wrong_kind(&expected));
        }
    }
    let leading = match (&dest, &patch) {
        (Some(dest), _) if of_dest.is_some() => Some(&**dest),
        (_, Patch::Node(node)) if of_patch.is_some() => Some(*node),
        _ => None,
    };
    match leading {
        None | Some(Node::Map(_)) => walk_map(dest, patch, cursor, schema),
        Some(Node::Scalar(_)) => Ok(match patch {
            Patch::Node(node) => Outcome::Replaced(node.clone()),
            Patch::Same | Patch::Missing => Outcome::InPlace,
        }),
        Some(Node::Seq(_)) => match cursor.and_then(|cursor| cursor.merge_keys().map(<[String]>::to_vec)) {
            Some(keys) => walk_keyed_list(dest, patch, &keys, cursor, schema),
            None => Ok(match patch {
                Patch::Node(node) => Outcome::Replaced(node.clone()),
                Patch::Same | Patch::Missing => Outcome::InPlace,
            }),
        },
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

fn directive_named(text: &str) -> Result<Directive> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(fail!("unknown patch strategy '{other}'")),
    }
}

const DIRECTIVE: &str = "$patch";

/// Reads and removes the directive of a map or list of the patch.
fn take_directive(node: &mut Node) -> Result<Directive> {
    match node {
        Node::Map(map) => {
            let Some(value) = map.get(DIRECTIVE) else {
                return Ok(Directive::Merge);
            };
            let directive = directive_named(value.text())?;
            map.remove(DIRECTIVE);
            Ok(directive)
        }
        Node::Seq(items) => {
            let element = items
                .iter()
                .filter_map(Node::as_map)
                .find(|map| map.get(DIRECTIVE).is_some());
            let Some(element) = element.filter(|map| map.entries.len() == 1) else {
                return Ok(Directive::Merge);
            };
            let text = element.entries[0].1.text().to_owned();
            let directive = directive_named(&text)?;
            set_element(items, None, &[DIRECTIVE.to_owned()], &[text])?;
            Ok(directive)
        }
        Node::Scalar(_) => Err(fail!(
            "no implemented strategic merge patch strategy for a scalar"
        )),
    }
}

fn walk_map(
    dest: Option<&mut Node>,
    patch: Patch<'_>,
    cursor: Option<&Cursor>,
    schema: &Schema,
) -> Result<Outcome> {
    match dest {
        Some(dest) if !dest.is_null() => match patch {
            Patch::Missing => {
                walk_fields(dest, None, false, cursor, schema)?;
                Ok(Outcome::InPlace)
            }
            Patch::Same => match take_directive(dest)? {
                Directive::Delete => Ok(Outcome::Cleared),
                Directive::Merge | Directive::Replace => {
                    walk_fields(dest, None, true, cursor, schema)?;
                    Ok(Outcome::InPlace)
                }
            },
            Patch::Node(node) if node.is_null() => Ok(Outcome::Cleared),
            Patch::Node(node) => {
                let mut node = std::borrow::Cow::Borrowed(node);
                let directive = if node.field(DIRECTIVE).is_some() {
                    take_directive(node.to_mut())?
                } else {
                    Directive::Merge
                };
                match directive {
                    Directive::Delete => Ok(Outcome::Cleared),
                    Directive::Replace => {
                        let mut node = node.into_owned();
                        walk_fields(&mut node, None, true, cursor, schema)?;
                        Ok(Outcome::Replaced(node))
                    }
                    Directive::Merge => {
                        walk_fields(dest, node.as_map(), false, cursor, schema)?;
                        Ok(Outcome::InPlace)
                    }
                }
            }
        },
        Some(null) => match patch {
            Patch::Missing if !null.text().is_empty() => Ok(Outcome::KeptNull),
            Patch::Missing => Ok(Outcome::Cleared),
            // A null from the patch itself stays a null, which clears the field it stands in.
            Patch::Same => Ok(Outcome::InPlace),
            Patch::Node(node) => take_over(node, cursor, schema),
        },
        None => match patch {
            Patch::Missing | Patch::Same => Ok(Outcome::Cleared),
            Patch::Node(node) => take_over(node, cursor, schema),
        },
    }
}

/// A map of the patch where there was none.
fn take_over(node: &Node, cursor: Option<&Cursor>, schema: &Schema) -> Result<Outcome> {
    let mut node = node.clone();
    if node.as_map().is_some() {
        // An unknown directive of an added map is passed over here and found when its fields are walked.
        if let Some(directive) = node.field(DIRECTIVE).map(|value| directive_named(value.text())) {
            match directive {
                Ok(Directive::Delete) => return Ok(Outcome::Cleared),
                Ok(_) => {
                    take_directive(&mut node)?;
                }
                Err(_) => {}
            }
        }
        walk_fields(&mut node, None, true, cursor, schema)?;
    }
    Ok(Outcome::Replaced(node))
}

fn walk_fields(
    dest: &mut Node,
    patch: Option<&Map>,
    same: bool,
    cursor: Option<&Cursor>,
    schema: &Schema,
) -> Result<()> {
    let Some(map) = dest.as_map_mut() else {
        return Ok(());
    };
    let mut names: BTreeSet<String> = map.entries.iter().map(|(key, _)| key.text.clone()).collect();
    if let Some(patch) = patch {
        names.extend(patch.entries.iter().map(|(key, _)| key.text.clone()));
    }
    for name in names {
        let field_cursor = cursor.and_then(|cursor| cursor.field(&name));
        let field_patch = if same {
            Patch::Same
        } else {
            patch
                .and_then(|patch| patch.get(&name))
                .map_or(Patch::Missing, Patch::Node)
        };
        match walk(map.get_mut(&name), field_patch, field_cursor.as_ref(), schema)? {
            Outcome::Cleared => {
                map.remove(&name);
            }
            Outcome::InPlace => {
                if map.get(&name).is_some_and(Node::is_null) {
                    map.remove(&name);
                }
            }
            Outcome::Replaced(node) => {
                // A new key is written as it stands in the patch, so that a quoted one stays a string.
                let key_style = patch
                    .and_then(|patch| patch.entries.iter().find(|(key, _)| key.text == name))
                    .map(|(key, _)| key.style)
                    .filter(|style| !style.is_plain());
                map.set(&name, node);
                if let Some(style) = key_style
                    && let Some((key, _)) = map.entries.iter_mut().find(|(key, _)| key.text == name)
                    && key.tag == Tag::None
                {
                    key.style = style;
                }
            }
            Outcome::KeptNull => {}
        }
    }
    Ok(())
}

fn walk_keyed_list(
    dest: Option<&mut Node>,
    patch: Patch<'_>,
    keys: &[String],
    cursor: Option<&Cursor>,
    schema: &Schema,
) -> Result<Outcome> {
    let existing = dest.filter(|node| !node.is_null());
    match (existing, patch) {
        (None, Patch::Node(node)) => {
            let mut node = node.clone();
            let Some(items) = seq_mut(&mut node) else {
                return Ok(Outcome::Replaced(node));
            };
            merge_elements(items, None, true, keys, cursor, schema)?;
            Ok(Outcome::Replaced(node))
        }
        (None, _) => Ok(Outcome::Cleared),
        (Some(_), Patch::Node(node)) if node.is_null() => Ok(Outcome::Cleared),
        (Some(dest), Patch::Node(node)) => {
            let mut node = node.clone();
            match take_directive(&mut node)? {
                Directive::Delete => Ok(Outcome::Cleared),
                Directive::Replace => {
                    let Some(items) = seq_mut(&mut node) else {
                        return Ok(Outcome::Replaced(node));
                    };
                    merge_elements(items, None, true, keys, cursor, schema)?;
                    Ok(Outcome::Replaced(node))
                }
                Directive::Merge => {
                    let patch = node.as_seq().unwrap_or_default();
                    if let Some(items) = seq_mut(dest) {
                        merge_elements(items, Some(patch), false, keys, cursor, schema)?;
                    }
                    Ok(Outcome::InPlace)
                }
            }
        }
        (Some(dest), Patch::Same) => match take_directive(dest)? {
            Directive::Delete => Ok(Outcome::Cleared),
            Directive::Merge | Directive::Replace => {
                if let Some(items) = seq_mut(dest) {
                    merge_elements(items, None, true, keys, cursor, schema)?;
                }
                Ok(Outcome::InPlace)
            }
        },
        (Some(dest), Patch::Missing) => {
            if let Some(items) = seq_mut(dest) {
                merge_elements(items, None, false, keys, cursor, schema)?;
            }
            Ok(Outcome::InPlace)
        }
    }
}

fn seq_mut(node: &mut Node) -> Option<&mut Vec<Node>> {
    match node {
        Node::Seq(items) => Some(items),
        _ => None,
    }
}

/// Merges the elements of two lists that belong together, and puts those that the patch names first.
fn merge_elements(
    dest: &mut Vec<Node>,
    patch: Option<&[Node]>,
    same: bool,
    keys: &[String],
    cursor: Option<&Cursor>,
    schema: &Schema,
) -> Result<()> {
    let primitive = [String::new()];
    let (keys, mut wanted) = if keys.is_empty() {
        (&primitive[..], texts(patch, dest))
    } else {
        (keys, key_values(patch, dest, keys))
    };
    if keys.len() > 1 {
        complete(&mut wanted);
    }
    let known = keys_in_use(&wanted, keys);
    let items_cursor = cursor.and_then(Cursor::items);
    let mut merged: Vec<Node> = Vec::new();
    let mut last_keys: Vec<String> = Vec::new();
    for values in wanted.iter().filter(|values| !values.is_empty()) {
        let (valid_keys, valid_values) = valid_pairs(known.as_ref(), values, keys);
        last_keys.clone_from(&valid_keys);
        let single = keys_in_use(std::slice::from_ref(&valid_values), &valid_keys);
        let (look_keys, look_values) = valid_pairs(single.as_ref(), &valid_values, &valid_keys);
        let at = find_element(dest, &look_keys, &look_values);
        let in_patch =
            patch.and_then(|patch| find_element(patch, &look_keys, &look_values).map(|index| &patch[index]));
        let element_patch = match in_patch {
            Some(node) => Patch::Node(node),
            None if same && at.is_some() => Patch::Same,
            None => Patch::Missing,
        };
        let outcome = walk(
            at.map(|index| &mut dest[index]),
            element_patch,
            items_cursor.as_ref(),
            schema,
        )?;
        let mut value = match (outcome, at) {
            (Outcome::Replaced(node), _) => Some((node, None)),
            (Outcome::InPlace, Some(index)) => Some((dest[index].clone(), Some(index))),
            _ => None,
        };
        let gone = value
            .as_ref()
            .is_none_or(|(node, _)| node.is_null() || node.as_map().is_some_and(Map::is_empty));
        if gone {
            for _ in &valid_keys {
                set_element(dest, None, &valid_keys, &valid_values)?;
            }
            continue;
        }
        if let Some((node, place)) = &mut value {
            set_missing_keys(node, &valid_keys, &valid_values)?;
            if let Some(place) = place {
                dest[*place].clone_from(node);
            }
            set_element(&mut merged, Some(node), &valid_keys, &valid_values)?;
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    append_rest(&mut merged, dest, &last_keys)?;
    *dest = merged;
    Ok(())
}

/// Sees to it that an element carries the keys by which it was found.
fn set_missing_keys(node: &mut Node, keys: &[String], values: &[String]) -> Result<()> {
    for (key, value) in keys.iter().zip(values) {
        if value.is_empty() || node.field(key).is_some() {
            continue;
        }
        match node {
            Node::Map(map) => map.set(key, Node::untyped(value.clone())),
            Node::Scalar(_) if key.is_empty() => node.overwrite_scalar(Scalar::untyped(value.clone()))?,
            other => return Err(other.wrong_kind("MappingNode")),
        }
    }
    Ok(())
}

/// The different values of the keys over all elements, those of the patch first.
fn key_values(patch: Option<&[Node]>, dest: &[Node], keys: &[String]) -> Vec<Vec<String>> {
    let mut seen = std::collections::HashSet::new();
    patch
        .unwrap_or_default()
        .iter()
        .chain(dest)
        .map(|element| {
            keys.iter()
                .map(|key| {
                    element
                        .field(key)
                        .filter(|value| !value.is_empty())
                        .map_or("", Node::text)
                        .to_owned()
                })
                .collect::<Vec<_>>()
        })
        .filter(|values| seen.insert(values.clone()))
        .collect()
}

fn texts(patch: Option<&[Node]>, dest: &[Node]) -> Vec<Vec<String>> {
    let mut seen = std::collections::HashSet::new();
    patch
        .unwrap_or_default()
        .iter()
        .chain(dest)
        .map(|element| vec![element.text().to_owned()])
        .filter(|values| seen.insert(values.clone()))
        .collect()
}

/// Fills in keys that one element leaves out and its twin has: a port without protocol is the one with it.
fn complete(values: &mut [Vec<String>]) {
    for i in 0..values.len() {
        let first = values[i].clone();
        for j in 0..values.len() {
            if let Some(merged) = twins(&first, &values[j]) {
                values[i].clone_from(&merged);
                values[j] = merged;
            }
        }
    }
}

fn twins(a: &[String], b: &[String]) -> Option<Vec<String>> {
    if a.len() != b.len() {
        return None;
    }
    let mut common = false;
    let mut merged = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            common = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        merged.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(merged)
}

/// Which keys any of the elements has; `None` when there are none at all.
fn keys_in_use(values: &[Vec<String>], keys: &[String]) -> Option<Vec<bool>> {
    let used: Vec<bool> = (0..keys.len())
        .map(|index| {
            values
                .iter()
                .any(|values| values.get(index).is_some_and(|value| !value.is_empty()))
        })
        .collect();
    used.contains(&true).then_some(used)
}

fn valid_pairs(used: Option<&Vec<bool>>, values: &[String], keys: &[String]) -> (Vec<String>, Vec<String>) {
    let Some(used) = used else {
        return (keys.to_vec(), values.to_vec());
    };
    let valid_keys = keys
        .iter()
        .zip(used)
        .filter(|(_, used)| **used)
        .map(|(key, _)| key.clone())
        .collect();
    let valid_values = values
        .iter()
        .enumerate()
        .filter(|(index, value)| !value.is_empty() || used.get(*index).copied().unwrap_or(false))
        .map(|(_, value)| value.clone())
        .collect();
    (valid_keys, valid_values)
}

/// The first element that has all these keys with these values.
fn find_element(items: &[Node], keys: &[String], values: &[String]) -> Option<usize> {
    if keys.first().is_none_or(String::is_empty) {
        let value = values.first().map_or("", String::as_str);
        return items.iter().position(|item| item.text() == value);
    }
    if keys.len() != values.len() {
        return None;
    }
    items.iter().position(|item| {
        item.as_map().is_some_and(|map| {
            keys.iter()
                .zip(values)
                .all(|(key, value)| map.get(key).is_some_and(|found| found.text() == value))
        })
    })
}

/// Replaces or removes the elements that match, or appends one.
///
/// Source: kustomize `kyaml/yaml/fns.go`, `ElementSetter`.
fn set_element(
    items: &mut Vec<Node>,
    element: Option<&Node>,
    keys: &[String],
    values: &[String],
) -> Result<()> {
    let for_maps = keys.first().is_some_and(|key| !key.is_empty())
        && values.first().is_some_and(|value| !value.is_empty());
    let mut kept = Vec::with_capacity(items.len() + 1);
    let mut found_any = false;
    for item in std::mem::take(items) {
        if item.is_null() || item.as_map().is_some_and(Map::is_empty) {
            continue;
        }
        if item.as_map().is_none() && for_maps {
            kept.push(item);
            continue;
        }
        if !matches(&item, keys, values)? {
            if !values.is_empty() {
                kept.push(item);
            }
            continue;
        }
        found_any = true;
        if let Some(element) = element {
            kept.push(element.clone());
        }
    }
    if let Some(element) = element.filter(|element| !element.is_null())
        && !found_any
    {
        kept.push(element.clone());
    }
    *items = kept;
    Ok(())
}

fn matches(item: &Node, keys: &[String], values: &[String]) -> Result<bool> {
    let mut last = false;
    for (index, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(index) {
            last = if key.is_empty() {
                let Node::Scalar(_) = item else {
                    return Err(item.wrong_kind("ScalarNode"));
                };
                item.value_text() == value
            } else {
                let map = item.expect_map()?;
                map.get(key)
                    .is_some_and(|found| value.is_empty() || found.text() == value)
            };
        }
        if !last {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts the elements that were there behind or over those that were merged.
fn append_rest(merged: &mut Vec<Node>, rest: &[Node], keys: &[String]) -> Result<()> {
    let simple = keys.len() == 1;
    // One pass for the usual case: every element has the key, and each value once.
    if simple && !keys[0].is_empty() && all_keyed(merged, &keys[0]) && all_keyed(rest, &keys[0]) {
        return append_keyed(merged, rest, &keys[0]);
    }
    for element in rest {
        if keys.first().is_none_or(String::is_empty) {
            let text = element.text().to_owned();
            set_element(merged, Some(element), &[String::new()], &[text])?;
            continue;
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            if element.is_null() {
                merged.push(element.clone());
                continue;
            }
            match element.expect_map()?.get(key) {
                None => merged.push(element.clone()),
                Some(value) => values.push(value.text().to_owned()),
            }
        }
        if keys.len() > 1 {
            set_element(merged, None, keys, &values)?;
        }
        set_element(merged, Some(element), keys, &values)?;
    }
    Ok(())
}

fn all_keyed(items: &[Node], key: &str) -> bool {
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    items.iter().all(|item| {
        item.field(key)
            .is_some_and(|value| !value.text().is_empty() && seen.insert(value.text()))
    })
}

fn append_keyed(merged: &mut Vec<Node>, rest: &[Node], key: &str) -> Result<()> {
    let at: std::collections::HashMap<String, usize> = merged
        .iter()
        .enumerate()
        .filter_map(|(index, item)| Some((item.field(key)?.text().to_owned(), index)))
        .collect();
    for element in rest {
        match element.field(key).and_then(|value| at.get(value.text())) {
            Some(&index) => merged[index].clone_from(element),
            None => merged.push(element.clone()),
        }
    }
    Ok(())
}
