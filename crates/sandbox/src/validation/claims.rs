//! What may change of a claim, and how the API server shows what may not.
//!
//! Source: kubernetes `pkg/apis/core/validation/validation.go`, apimachinery `pkg/util/diff`.

use kluctl_object::Object;
use kluctl_schema::quantity_nano;
use serde_json::{Value, json};

use crate::status::Cause;

/// Checks a change of a claim.
pub(super) fn update(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    let is_bound = live.str_at(&["status", "phase"]) == Some("Bound");
    let spec = |object: &Object| object.at(&["spec"]).cloned().unwrap_or_default();
    let (mut before, mut after) = (spec(live), spec(new));
    // A volume is named once, a class may be given to a claim that has none.
    if text(&before, "volumeName").is_empty() {
        before["volumeName"] = after["volumeName"].clone();
    }
    if before["storageClassName"].is_null() {
        after["storageClassName"] = Value::Null;
    }
    if is_bound {
        let storage = before["resources"]["requests"]["storage"].clone();
        if after["resources"]["requests"].is_object() {
            after["resources"]["requests"]["storage"] = storage;
        }
        if !after["volumeAttributesClassName"].is_null() {
            after["volumeAttributesClassName"] = before["volumeAttributesClassName"].clone();
        }
    }
    let (old_lines, new_lines) = (lines(&before), lines(&after));
    if old_lines != new_lines {
        let detail = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}",
            difference(&old_lines, &new_lines)
        );
        causes.push(Cause::forbidden("spec", detail));
    }
    let amount = |object: &Object, keys: &[&str]| object.str_at(keys).and_then(quantity_nano).unwrap_or(0);
    let request = ["spec", "resources", "requests", "storage"];
    let wanted = amount(new, &request);
    if wanted < amount(live, &request) && wanted <= amount(live, &["status", "capacity", "storage"]) {
        causes.push(Cause::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
    let mode = |object: &Object| object.at(&["spec", "volumeMode"]).cloned().unwrap_or_default();
    if mode(live) != mode(new) {
        causes.push(Cause::invalid("volumeMode", mode(new), "field is immutable"));
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A claim's spec as lines of the Go struct that the API server has of it.
fn lines(spec: &Value) -> Vec<String> {
    let quoted = |value: &Value| value.to_string();
    let source = |source: &Value, namespaced: bool| {
        if source.is_null() {
            return None;
        }
        let mut fields = vec![
            ("APIGroup", Tree::Leaf(quoted(&source["apiGroup"]))),
            ("Kind", Tree::Leaf(quoted(&json!(text(source, "kind"))))),
            ("Name", Tree::Leaf(quoted(&json!(text(source, "name"))))),
        ];
        if namespaced {
            fields.push(("Namespace", Tree::Leaf(quoted(&source["namespace"]))));
        }
        Some(Tree::Map(
            fields
                .into_iter()
                .map(|(key, tree)| (key.to_owned(), tree))
                .collect(),
        ))
    };
    let or_null = |tree: Option<Tree>| tree.unwrap_or_else(|| Tree::Leaf("null".to_owned()));
    let resources = [("Limits", "limits"), ("Requests", "requests")]
        .map(|(shown, key)| (shown.to_owned(), Tree::of(&spec["resources"][key])));
    let fields = [
        ("AccessModes", Tree::of(&spec["accessModes"])),
        ("Selector", Tree::of(&spec["selector"])),
        ("Resources", Tree::Map(resources.into())),
        ("VolumeName", Tree::Leaf(quoted(&json!(text(spec, "volumeName"))))),
        ("StorageClassName", Tree::of(&spec["storageClassName"])),
        ("VolumeMode", Tree::of(&spec["volumeMode"])),
        ("DataSource", or_null(source(&spec["dataSource"], false))),
        ("DataSourceRef", or_null(source(&spec["dataSourceRef"], true))),
        (
            "VolumeAttributesClassName",
            Tree::of(&spec["volumeAttributesClassName"]),
        ),
    ];
    let tree = Tree::Map(
        fields
            .into_iter()
            .map(|(key, tree)| (key.to_owned(), tree))
            .collect(),
    );
    let mut out = String::new();
    tree.write(0, &mut out);
    out.lines().map(str::to_owned).collect()
}

/// JSON with its keys in an order of its own.
enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(map) => Self::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), Self::of(value)))
                    .collect(),
            ),
            other => Self::Leaf(other.to_string()),
        }
    }

    /// Writes it as Go's `MarshalIndent` does with one blank a level.
    fn write(&self, level: usize, out: &mut String) {
        let (open, close, count) = match self {
            Self::Leaf(text) => return out.push_str(text),
            Self::List(items) => ('[', ']', items.len()),
            Self::Map(entries) => ('{', '}', entries.len()),
        };
        out.push(open);
        let entry = |index: usize, key: Option<&str>, tree: &Self, out: &mut String| {
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            out.push_str(&" ".repeat(level + 1));
            if let Some(key) = key {
                out.push_str(&format!("\"{key}\": "));
            }
            tree.write(level + 1, out);
        };
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    entry(index, None, item, out);
                }
            }
            Self::Map(entries) => {
                for (index, (key, tree)) in entries.iter().enumerate() {
                    entry(index, Some(key), tree, out);
                }
            }
        }
        if count > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(level));
        }
        out.push(close);
    }
}

/// What to do with a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Keep,
    Remove,
    Add,
}

/// A unified diff with three lines around each change, without its head.
fn difference(old: &[String], new: &[String]) -> String {
    const AROUND: usize = 3;
    let steps = steps(old, new);
    let changed: Vec<usize> = (0..steps.len())
        .filter(|index| steps[*index] != Step::Keep)
        .collect();
    let mut out = String::new();
    let mut next = 0;
    while next < changed.len() {
        let from = changed[next].saturating_sub(AROUND);
        let mut last = changed[next];
        while next + 1 < changed.len() && changed[next + 1] <= last + 2 * AROUND + 1 {
            next += 1;
            last = changed[next];
        }
        next += 1;
        let to = (last + AROUND + 1).min(steps.len());
        hunk(&steps, from..to, old, new, &mut out);
    }
    out
}

fn hunk(steps: &[Step], range: std::ops::Range<usize>, old: &[String], new: &[String], out: &mut String) {
    let count = |part: &[Step], other: Step| part.iter().filter(|step| **step != other).count();
    let before = &steps[..range.start];
    let (mut left, mut right) = (count(before, Step::Add), count(before, Step::Remove));
    let part = &steps[range];
    out.push_str(&format!(
        "@@ -{},{} +{},{} @@\n",
        left + 1,
        count(part, Step::Add),
        right + 1,
        count(part, Step::Remove)
    ));
    for step in part {
        let (sign, line) = match step {
            Step::Keep => (' ', &old[left]),
            Step::Remove => ('-', &old[left]),
            Step::Add => ('+', &new[right]),
        };
        out.push(sign);
        out.push_str(line);
        out.push('\n');
        left += usize::from(*step != Step::Add);
        right += usize::from(*step != Step::Remove);
    }
}

/// The fewest lines to remove and add, removals first.
fn steps(old: &[String], new: &[String]) -> Vec<Step> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            common[left][right] = if old[left] == new[right] {
                common[left + 1][right + 1] + 1
            } else {
                common[left + 1][right].max(common[left][right + 1])
            };
        }
    }
    let (mut left, mut right) = (0, 0);
    let mut steps = Vec::new();
    while left < old.len() || right < new.len() {
        if left < old.len() && right < new.len() && old[left] == new[right] {
            steps.push(Step::Keep);
            (left, right) = (left + 1, right + 1);
        } else if right == new.len() || left < old.len() && common[left + 1][right] >= common[left][right + 1]
        {
            steps.push(Step::Remove);
            left += 1;
        } else {
            steps.push(Step::Add);
            right += 1;
        }
    }
    steps
}
