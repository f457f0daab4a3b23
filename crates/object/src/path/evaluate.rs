//! Finds, sets and removes what a JSON path names.

use serde_json::Value;

use super::expression::{Comparison, JsonPath, Operand, Step, Test};
use super::{Key, KeyPath, KeyPathError};

impl JsonPath {
    /// All places that the path names and that exist, maps in the order of their keys.
    pub fn locate(&self, root: &Value) -> Vec<KeyPath> {
        let mut found = Vec::new();
        walk(root, root, &self.steps, &KeyPath::default(), &mut |path, _| {
            found.push(path.clone());
        });
        found
    }

    /// All values that the path names.
    pub fn get<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut found = Vec::new();
        walk(root, root, &self.steps, &KeyPath::default(), &mut |_, value| {
            found.push(value);
        });
        found
    }

    /// The place that the path names, whether or not anything is there; `None` when it has wildcards, slices,
    /// filters, unions, descents or indexes from the end.
    pub fn single(&self) -> Option<KeyPath> {
        let keys = self.steps.iter().map(|step| match step {
            Step::Child(name) => Some(Key::Name(name.clone())),
            Step::Index(index) => usize::try_from(*index).ok().map(Key::Index),
            _ => None,
        });
        keys.collect::<Option<_>>().map(KeyPath)
    }

    /// Sets every place that the path names; a path to a single place makes what is missing on the way.
    /// Returns how many were set.
    pub fn set(&self, root: &mut Value, new: &Value) -> Result<usize, KeyPathError> {
        let places = match self.single() {
            Some(place) => vec![place],
            None => self.locate(root),
        };
        for place in &places {
            place.set(root, new.clone())?;
        }
        Ok(places.len())
    }

    /// Removes every place that the path names. Returns how many there were.
    pub fn remove(&self, root: &mut Value) -> usize {
        let mut places = self.locate(root);
        // Later entries of a list first, so that the indexes of the others stay right.
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.dedup();
        places.iter().filter(|place| place.remove(root).is_some()).count()
    }
}

/// What is told of each place that was found.
type Visit<'v, 'f> = &'f mut dyn FnMut(&KeyPath, &'v Value);

fn walk<'v>(root: &'v Value, value: &'v Value, steps: &[Step], path: &KeyPath, visit: Visit<'v, '_>) {
    let Some((step, rest)) = steps.split_first() else {
        visit(path, value);
        return;
    };
    match step {
        Step::Child(name) => {
            if let Some(child) = value.as_object().and_then(|map| map.get(name)) {
                walk(root, child, rest, &path.child(name.as_str()), visit);
            }
        }
        Step::Index(index) => {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some((index, child)) = at(list, *index) {
                walk(root, child, rest, &path.child(index), visit);
            }
        }
        Step::Wildcard => {
            for (key, child) in children(value) {
                walk(root, child, rest, &path.child(key), visit);
            }
        }
        Step::Descent => {
            walk(root, value, rest, path, visit);
            for (key, child) in children(value) {
                walk(root, child, steps, &path.child(key), visit);
            }
        }
        Step::Union(entries) => {
            for entry in entries {
                let mut branch = vec![entry.clone()];
                branch.extend_from_slice(rest);
                walk(root, value, &branch, path, visit);
            }
        }
        Step::Slice(start, end, step) => {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            for index in slice(list.len(), *start, *end, *step) {
                if let Some(child) = list.get(index) {
                    walk(root, child, rest, &path.child(index), visit);
                }
            }
        }
        Step::Filter(test) => {
            for (key, child) in children(value) {
                if holds(test, root, child) {
                    walk(root, child, rest, &path.child(key), visit);
                }
            }
        }
    }
}

/// Entries of a list, or of a map sorted by key.
fn children(value: &Value) -> Vec<(Key, &Value)> {
    match value {
        Value::Array(list) => list.iter().enumerate().map(|(i, v)| (Key::Index(i), v)).collect(),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, v)| (Key::Name(k.clone()), v)).collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            entries
        }
        _ => Vec::new(),
    }
}

fn at(list: &[Value], index: i64) -> Option<(usize, &Value)> {
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    let index = if index < 0 {
        list.len().checked_sub(from_end)?
    } else {
        from_end
    };
    list.get(index).map(|value| (index, value))
}

fn slice(length: usize, start: Option<i64>, end: Option<i64>, step: i64) -> Vec<usize> {
    let length = length as i64;
    let resolve = |bound: i64| if bound < 0 { bound + length } else { bound };
    let mut indexes = Vec::new();
    if step > 0 {
        let mut index = resolve(start.unwrap_or(0)).max(0);
        let end = resolve(end.unwrap_or(length)).min(length);
        while index < end {
            indexes.push(index as usize);
            index = index.saturating_add(step);
        }
    } else {
        let mut index = resolve(start.unwrap_or(length - 1)).min(length - 1);
        let end = end.map_or(-1, resolve).max(-1);
        while index > end {
            indexes.push(index as usize);
            index = index.saturating_add(step);
        }
    }
    indexes
}

fn holds(test: &Test, root: &Value, entry: &Value) -> bool {
    match test {
        Test::Or(tests) => tests.iter().any(|test| holds(test, root, entry)),
        Test::And(tests) => tests.iter().all(|test| holds(test, root, entry)),
        Test::Not(test) => !holds(test, root, entry),
        Test::Exists(operand) => match operand {
            Operand::Literal(value) => value == &Value::Bool(true),
            Operand::Path(..) => {
                resolve(operand, root, entry).is_some_and(|value| value != &Value::Bool(false))
            }
        },
        Test::Has(operand, wanted) => resolve(operand, root, entry).is_some() == *wanted,
        Test::Empty(operand, wanted) => {
            resolve(operand, root, entry).is_some_and(|value| is_empty(value) == *wanted)
        }
        Test::Matches(operand, pattern) => resolve(operand, root, entry)
            .and_then(Value::as_str)
            .is_some_and(|text| pattern.is_match(text)),
        Test::Compare(left, comparison, right) => {
            let (left, right) = (resolve(left, root, entry), resolve(right, root, entry));
            compare(left, *comparison, right)
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn resolve<'v>(operand: &'v Operand, root: &'v Value, entry: &'v Value) -> Option<&'v Value> {
    match operand {
        Operand::Literal(value) => Some(value),
        Operand::Path(from_root, steps) => {
            let start = if *from_root { root } else { entry };
            let mut first = None;
            walk(root, start, steps, &KeyPath::default(), &mut |_, value| {
                first.get_or_insert(value);
            });
            first
        }
    }
}

fn compare(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let equal = match (left, right) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_f64() == b.as_f64(),
        (a, b) => a.unwrap_or(&Value::Null) == b.unwrap_or(&Value::Null),
    };
    let order = match (left, right) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b))
        }
        (Some(Value::String(a)), Some(Value::String(b))) => Some(a.cmp(b)),
        _ => None,
    };
    match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        Comparison::In => right
            .and_then(Value::as_array)
            .zip(left)
            .is_some_and(|(list, value)| list.contains(value)),
    }
}
