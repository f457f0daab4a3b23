//! Places as an API server writes them in errors: `spec.ports[0].name`, `metadata.labels.app.kubernetes.io/name`, `data[k]`.

use serde_json::Value;

use super::KeyPath;

impl KeyPath {
    /// The place that an API server's error names, or the last one on the way to it that is there.
    ///
    /// Keys may hold dots and brackets themselves, so the path is read along the object.
    pub fn of_field(root: &Value, text: &str) -> Self {
        let mut best = Self::default();
        follow(
            root,
            text.strip_prefix('.').unwrap_or(text),
            &Self::default(),
            &mut best,
        );
        best
    }
}

/// Goes down as far as a path leads, the longest key first; tells whether all of it was found.
fn follow(value: &Value, rest: &str, path: &KeyPath, best: &mut KeyPath) -> bool {
    if path.0.len() > best.0.len() {
        best.clone_from(path);
    }
    if rest.is_empty() {
        best.clone_from(path);
        return true;
    }
    match value {
        Value::Object(entries) => {
            let mut steps: Vec<(&String, &Value, &str)> = entries
                .iter()
                .filter_map(|(key, entry)| Some((key, entry, after_key(rest, key)?)))
                .collect();
            steps.sort_by_key(|(key, ..)| std::cmp::Reverse(key.len()));
            steps
                .into_iter()
                .any(|(key, entry, rest)| follow(entry, rest, &path.child(key.as_str()), best))
        }
        Value::Array(items) => {
            let step = || {
                let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
                let index: usize = index.parse().ok()?;
                Some((index, items.get(index)?, rest))
            };
            step().is_some_and(|(index, item, rest)| {
                follow(
                    item,
                    rest.strip_prefix('.').unwrap_or(rest),
                    &path.child(index),
                    best,
                )
            })
        }
        _ => false,
    }
}

/// What follows a key in a path: `key`, `key.rest`, `key[0]` or `[key]`.
fn after_key<'t>(rest: &'t str, key: &str) -> Option<&'t str> {
    let bracketed = rest.strip_prefix('[').and_then(|rest| {
        let rest = rest.strip_prefix(key)?.strip_prefix(']')?;
        Some(rest.strip_prefix('.').unwrap_or(rest))
    });
    bracketed.or_else(|| {
        let rest = rest.strip_prefix(key).filter(|_| !key.is_empty())?;
        match rest.chars().next() {
            None | Some('[') => Some(rest),
            Some('.') => Some(&rest[1..]),
            Some(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let object = json!({"metadata": {"labels": {"app": 1, "app.kubernetes.io/name": {"x": 1}}},
            "data": {"a.b": "", "a": ""}, "spec": {"ports": [{"name": ""}, {"port": 1}]}});
        assert_eq!(KeyPath::of_field(&object, text).to_string(), expected);
    }

    #[test]
    fn follows_the_object() {
        check("spec.ports[1].port", "spec.ports[1].port");
        check(".spec.ports[0].name", "spec.ports[0].name");
        check("metadata.labels.app", "metadata.labels.app");
        check(
            "metadata.labels.app.kubernetes.io/name",
            "metadata.labels[\"app.kubernetes.io/name\"]",
        );
        check("data[a.b]", "data[\"a.b\"]");
    }

    #[test]
    fn stops_where_nothing_is_there() {
        check("spec.ports[0].protocol", "spec.ports[0]");
        check("spec.ports[2].name", "spec.ports");
        check("status", "");
        check("", "");
    }
}
