//! What changed between two trees of JSON, as a list of places.

use kluctl_object::{KeyPath, to_yaml};
use serde_json::{Map, Value};

use super::text::unified_diff;

/// How a place changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Something is there now.
    Insert,
    /// Something else is there now.
    Update,
    /// Nothing is there any more.
    Delete,
}

/// One changed place.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// How it changed.
    pub kind: ChangeKind,
    /// The place, e.g. `spec.replicas`.
    pub json_path: String,
    /// What was there.
    pub old: Option<Value>,
    /// What is there.
    pub new: Option<Value>,
    /// Both as lines with `-` and `+`.
    pub unified_diff: String,
}

impl ChangeKind {
    /// As results write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Compares two trees.
///
/// Maps are compared by key. Of two lists, items that stand anywhere in the other one are left out, and what remains is
/// compared by index: a new item in front is one insertion, and a mere reordering is no change.
///
/// Source: r3labs/diff `diff_slice.go`, kluctl `pkg/diff/diff.go`.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&KeyPath::default(), old, new, &mut found);
    let mut keyed: Vec<_> = found
        .into_iter()
        .map(|change| (sort_text(&change), change))
        .collect();
    keyed.sort_by(|left, right| left.0.cmp(&right.0));
    keyed.into_iter().map(|(_, change)| change).collect()
}

fn compare(path: &KeyPath, old: &Value, new: &Value, found: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => compare_maps(path, old, new, found),
        (Value::Array(old), Value::Array(new)) => compare_lists(path, old, new, found),
        (old, new) if old == new => {}
        (old, new) => found.push(change(path, Some(old), Some(new))),
    }
}

fn compare_maps(path: &KeyPath, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Change>) {
    for (key, value) in old {
        compare_places(&path.child(&**key), Some(value), new.get(key), found);
    }
    for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        compare_places(&path.child(&**key), None, Some(value), found);
    }
}

fn compare_lists(path: &KeyPath, old: &[Value], new: &[Value], found: &mut Vec<Change>) {
    let only_old = unmatched(old, new);
    let only_new = unmatched(new, old);
    for (index, &is_only_old) in only_old.iter().enumerate() {
        let both = only_new.get(index) == Some(&true);
        if is_only_old || both {
            let old = is_only_old.then(|| &old[index]);
            let new = both.then(|| &new[index]);
            compare_places(&path.child(index), old, new, found);
        }
    }
    for (index, _) in only_new
        .iter()
        .enumerate()
        .skip(old.len())
        .filter(|(_, only)| **only)
    {
        compare_places(&path.child(index), None, Some(&new[index]), found);
    }
}

/// Marks the items of a list that have no equal one of their own in another list.
fn unmatched(list: &[Value], other: &[Value]) -> Vec<bool> {
    let mut taken = vec![false; other.len()];
    let mark = |item: &Value| {
        let equal = (0..other.len()).find(|&at| !taken[at] && other[at] == *item);
        if let Some(at) = equal {
            taken[at] = true;
        }
        equal.is_none()
    };
    list.iter().map(mark).collect()
}

fn compare_places(path: &KeyPath, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(path, old, new, found),
        (old, new) => found.push(change(path, old, new)),
    }
}

fn change(path: &KeyPath, old: Option<&Value>, new: Option<&Value>) -> Change {
    let kind = match (old, new) {
        (None, _) => ChangeKind::Insert,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Update,
    };
    Change {
        kind,
        json_path: path.to_string(),
        unified_diff: unified_diff(old, new),
        old: old.cloned(),
        new: new.cloned(),
    }
}

/// The text that upstream sorts by: the change as YAML.
fn sort_text(change: &Change) -> String {
    let mut map = Map::new();
    map.insert("jsonPath".to_owned(), Value::from(&*change.json_path));
    if let Some(new) = &change.new {
        map.insert("newValue".to_owned(), new.clone());
    }
    if let Some(old) = &change.old {
        map.insert("oldValue".to_owned(), old.clone());
    }
    map.insert("type".to_owned(), Value::from(change.kind.name()));
    to_yaml(&Value::Object(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(old: Value, new: Value, expected: &[&str]) {
        let found: Vec<_> = changes(&old, &new)
            .iter()
            .map(|change| {
                let text = |value: &Option<Value>| value.as_ref().map_or(String::new(), Value::to_string);
                format!(
                    "{} {} {}>{}",
                    change.kind.name(),
                    change.json_path,
                    text(&change.old),
                    text(&change.new)
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn maps_are_compared_by_key_and_whole_subtrees_are_one_change() {
        check(json!({"a": 1}), json!({"a": 1}), &[]);
        check(
            json!({"aa": {"bb": 1, "gone": {"x": 1}}}),
            json!({"aa": {"bb": "1", "new": {"y": [1]}}}),
            &[
                "update aa.bb 1>\"1\"",
                "delete aa.gone {\"x\":1}>",
                "insert aa.new >{\"y\":[1]}",
            ],
        );
        check(json!({"a": null}), json!({}), &["delete $[\"a\"] null>"]);
        check(json!({"aa": null}), json!({"aa": {}}), &["update aa null>{}"]);
    }

    #[test]
    fn lists_are_compared_without_what_both_have() {
        check(json!({"ll": [1, 2]}), json!({"ll": [2, 1]}), &[]);
        check(
            json!({"ll": ["a"]}),
            json!({"ll": ["b", "a"]}),
            &["insert ll[0] >\"b\""],
        );
        check(
            json!({"ll": ["a", "b"]}),
            json!({"ll": ["b"]}),
            &["delete ll[0] \"a\">"],
        );
        check(
            json!({"ll": [{"name": "c1", "image": "one"}]}),
            json!({"ll": [{"name": "c1", "image": "two"}, {"name": "c2"}]}),
            &[
                "update ll[0].image \"one\">\"two\"",
                "insert ll[1] >{\"name\":\"c2\"}",
            ],
        );
        // an item twice on one side matches once
        check(json!({"ll": [1, 1]}), json!({"ll": [1]}), &["delete ll[1] 1>"]);
    }
}
