//! Random sequences of requests about one kind, the same for the same seed.

use serde_json::{Map, Value, json};

use super::{Body, Step};

/// A small generator of numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// One entry of `kinds.yaml`.
pub(crate) struct Kind {
    pub(crate) path: String,
    pub(crate) object: Value,
    fields: Vec<(String, Vec<Value>)>,
    status: Option<Value>,
    cluster: bool,
    name: String,
}

impl Kind {
    /// The part of the path after the last slash.
    pub(crate) fn plural(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Reads the entries; fields of Pods are also those of every template.
    pub(crate) fn read_all(entries: &Value) -> Vec<Self> {
        let entries = entries.as_array().expect("a list of kinds");
        let fields_of = |entry: &Value, prefix: &str| -> Vec<(String, Vec<Value>)> {
            let fields = entry["fields"].as_object().expect("fields");
            let mut list: Vec<_> = fields
                .iter()
                .map(|(path, values)| {
                    (
                        format!("{prefix}{path}"),
                        values.as_array().expect("a list of values").clone(),
                    )
                })
                .collect();
            list.sort_by(|a, b| a.0.cmp(&b.0));
            list
        };
        let pods = entries
            .iter()
            .find(|entry| entry["object"]["kind"] == "Pod")
            .expect("Pods are there");
        entries
            .iter()
            .map(|entry| {
                let mut fields = fields_of(entry, "");
                if let Some(template) = entry["template"].as_str() {
                    fields.extend(fields_of(pods, template));
                }
                Self {
                    path: entry["path"].as_str().expect("a path").to_owned(),
                    object: entry["object"].clone(),
                    fields,
                    status: entry.get("status").cloned(),
                    cluster: entry["cluster"].as_bool().unwrap_or(false),
                    name: entry["name"].as_str().unwrap_or("$NAME").to_owned(),
                }
            })
            .collect()
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/"))
        .collect()
}

/// Sets or removes a field; lists on the way come from `base`.
pub(super) fn set(target: &mut Value, base: &Value, path: &[String], value: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *target = value.clone();
        return;
    };
    if let Ok(index) = first.parse::<usize>() {
        if !target.is_array() {
            *target = base.clone();
        }
        let Some(item) = target.get_mut(index) else { return };
        set(item, base.get(index).unwrap_or(&Value::Null), rest, value);
        return;
    }
    if !target.is_object() {
        *target = json!({});
    }
    let map = target.as_object_mut().expect("it was made one");
    if rest.is_empty() && value.is_null() {
        map.remove(first);
        return;
    }
    let inner = map.entry(first.clone()).or_insert(Value::Null);
    set(inner, base.get(first).unwrap_or(&Value::Null), rest, value);
}

struct Sequence<'a> {
    kind: &'a Kind,
    random: Random,
    seed: u64,
}

/// A random sequence about a kind.
pub(crate) fn sequence(kind: &Kind, seed: u64, length: usize) -> Vec<Step> {
    let mut sequence = Sequence {
        kind,
        random: Random(seed),
        seed,
    };
    let mut steps = vec![sequence.create(true)];
    while steps.len() < length {
        steps.push(sequence.step());
    }
    steps
}

impl Sequence<'_> {
    fn name(&mut self) -> String {
        let letter = if self.random.chance(80) { "a" } else { "b" };
        self.named(letter)
    }

    fn named(&self, letter: &str) -> String {
        let (seed, number) = (self.seed, self.seed % 120 * 2 + u64::from(letter == "b"));
        let name = if self.kind.cluster {
            format!("s{seed}-{letter}")
        } else {
            letter.to_owned()
        };
        self.kind
            .name
            .replace("$NAME", &name)
            .replace("$INDEX", &number.to_string())
    }

    fn base(&self, name: &str) -> Value {
        let mut object = self.kind.object.clone();
        object["metadata"]["name"] = json!(name);
        object["metadata"]["labels"] = json!({"seq": format!("s{}", self.seed)});
        let text = object
            .to_string()
            .replace("$NAME", name.split('.').nth(1).unwrap_or(name));
        serde_json::from_str(&text).expect("still JSON")
    }

    fn change(&mut self) -> (Vec<String>, Value) {
        if self.random.chance(18) {
            let choices = [
                ("/metadata/labels/x", json!("1")),
                ("/metadata/labels/x", json!("2")),
                ("/metadata/labels/bad key!", json!("1")),
                ("/metadata/labels/y", json!("bad value!")),
                ("/metadata/annotations/a", json!("b")),
                ("/metadata/annotations/a", json!("c")),
                ("/metadata/annotations/bad key!", json!("c")),
                ("/metadata/labels", Value::Null),
                ("/metadata/finalizers", json!(["example.com/f"])),
                ("/metadata/finalizers", json!(["bad"])),
                ("/metadata/finalizers", json!([])),
                (
                    "/metadata/ownerReferences",
                    json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u1"}]),
                ),
                (
                    "/metadata/ownerReferences",
                    json!([{"apiVersion": "v1", "kind": "", "name": "o", "uid": ""}]),
                ),
                ("/metadata/unknown", json!("x")),
                ("/unknown", json!({"a": 1})),
                ("/metadata/namespace", json!("elsewhere")),
                ("/metadata/generation", json!(7)),
            ];
            let (path, value) = self.random.pick(&choices).clone();
            return (parts(path), value);
        }
        if self.kind.fields.is_empty() {
            return (parts("/metadata/labels/z"), json!("z"));
        }
        let kind = self.kind;
        let (path, values) = self.random.pick(&kind.fields);
        let value = self.random.pick(values).clone();
        (parts(path), value)
    }

    fn changes(&mut self) -> Vec<(Vec<String>, Value)> {
        let count = *self.random.pick(&[0, 1, 1, 1, 2, 2, 3]);
        (0..count).map(|_| self.change()).collect()
    }

    fn changed(&mut self, mut object: Value) -> Value {
        let base = self.kind.object.clone();
        for (path, value) in self.changes() {
            set(&mut object, &base, &path, &value);
        }
        object
    }

    fn query(&mut self, apply: bool) -> String {
        let mut query = Vec::new();
        if apply || self.random.chance(50) {
            query.push(format!("fieldManager=m{}", 1 + self.random.below(3)));
        }
        if apply && self.random.chance(50) {
            query.push("force=true".to_owned());
        }
        if self.random.chance(8) {
            query.push("dryRun=All".to_owned());
        }
        if self.random.chance(20) {
            let mode = *self.random.pick(&["Strict", "Ignore"]);
            query.push(format!("fieldValidation={mode}"));
        }
        if query.is_empty() {
            String::new()
        } else {
            format!("?{}", query.join("&"))
        }
    }

    fn create(&mut self, plain: bool) -> Step {
        let name = self.name();
        let mut object = self.base(&name);
        if !(plain && self.random.chance(60)) {
            object = self.changed(object);
        }
        Step::new(
            "POST",
            format!("{}{}", self.kind.path, self.query(false)),
            "application/json",
            Body::Json(object),
        )
    }

    /// Only the changed fields, for patches.
    fn sparse(&mut self, identity: bool, name: &str) -> Value {
        let mut patch = json!({});
        if identity {
            patch = json!({"apiVersion": self.kind.object["apiVersion"], "kind": self.kind.object["kind"],
                "metadata": {"name": name}});
        }
        let base = self.kind.object.clone();
        let mut changes = self.changes();
        if changes.is_empty() {
            changes.push(self.change());
        }
        for (path, value) in changes {
            if value.is_null() && !identity {
                let marker = json!({"$remove": true});
                set(&mut patch, &base, &path, &marker);
            } else {
                set(&mut patch, &base, &path, &value);
            }
        }
        let text = patch.to_string().replace("{\"$remove\":true}", "null");
        serde_json::from_str(&text).expect("still JSON")
    }

    fn step(&mut self) -> Step {
        let name = self.name();
        let path = format!("{}/{name}", self.kind.path);
        match self.random.below(100) {
            0..10 => self.create(false),
            10..42 => self.apply(&name, &path),
            42..50 => {
                let mut object = self.base(&name);
                object = self.changed(object);
                let query = self.query(false);
                Step::new(
                    "PUT",
                    format!("{path}{query}"),
                    "application/json",
                    Body::Json(object),
                )
            }
            50..58 => {
                let changes = self.changes();
                let query = self.query(false);
                Step::new(
                    "PUT",
                    format!("{path}{query}"),
                    "application/json",
                    Body::Live(path, changes, self.kind.object.clone()),
                )
            }
            58..66 => self.patch(&path, "application/merge-patch+json"),
            66..74 => self.patch(&path, "application/strategic-merge-patch+json"),
            74..78 => self.json_patch(&path),
            78..88 if self.kind.status.is_some() => self.status(&path),
            78..90 => self.read(&path),
            90..97 => self.delete(&path),
            _ => {
                let path = format!("{}?labelSelector=seq%3Ds{}", self.kind.path, self.seed);
                Step::new("DELETE", path, "", Body::None)
            }
        }
    }

    fn apply(&mut self, name: &str, path: &str) -> Step {
        let object = if self.random.chance(60) {
            let base = self.base(name);
            self.changed(base)
        } else {
            self.sparse(true, name)
        };
        let query = self.query(true);
        Step::new(
            "PATCH",
            format!("{path}{query}"),
            "application/apply-patch+yaml",
            Body::Json(object),
        )
    }

    fn patch(&mut self, path: &str, kind: &str) -> Step {
        let patch = self.sparse(false, "");
        let query = self.query(false);
        Step::new("PATCH", format!("{path}{query}"), kind, Body::Json(patch))
    }

    fn json_patch(&mut self, path: &str) -> Step {
        let (field, value) = self.change();
        let pointer: String = field
            .iter()
            .map(|part| format!("/{}", part.replace('/', "~1")))
            .collect();
        let op = *self.random.pick(&["add", "replace", "remove", "test"]);
        let mut entry = Map::new();
        entry.insert("op".to_owned(), json!(op));
        entry.insert("path".to_owned(), json!(pointer));
        if op != "remove" {
            entry.insert("value".to_owned(), value);
        }
        let query = self.query(false);
        Step::new(
            "PATCH",
            format!("{path}{query}"),
            "application/json-patch+json",
            Body::Json(json!([entry])),
        )
    }

    fn status(&mut self, path: &str) -> Step {
        let status = self.kind.status.clone().unwrap_or_default();
        let identity = json!({"apiVersion": self.kind.object["apiVersion"], "kind": self.kind.object["kind"],
            "metadata": {"name": path.rsplit('/').next()}, "status": status});
        let path = format!("{path}/status");
        match self.random.below(3) {
            0 => {
                let query = self.query(true);
                Step::new(
                    "PATCH",
                    format!("{path}{query}"),
                    "application/apply-patch+yaml",
                    Body::Json(identity),
                )
            }
            1 => {
                let query = self.query(false);
                Step::new(
                    "PATCH",
                    format!("{path}{query}"),
                    "application/merge-patch+json",
                    Body::Json(json!({"status": status, "metadata": {"labels": {"x": "s"}}})),
                )
            }
            _ => Step::new("GET", path, "", Body::None),
        }
    }

    fn read(&mut self, path: &str) -> Step {
        let selector = format!("labelSelector=seq%3Ds{}", self.seed);
        let mut step = match self.random.below(5) {
            0 => Step::new("GET", format!("{}?{selector}", self.kind.path), "", Body::None),
            1 => Step::new(
                "GET",
                format!("{}?{selector}&limit=1", self.kind.path),
                "",
                Body::None,
            ),
            2 => {
                let name = self.named("a");
                Step::new(
                    "GET",
                    format!(
                        "{}?{selector}&fieldSelector=metadata.name%3D{name}",
                        self.kind.path
                    ),
                    "",
                    Body::None,
                )
            }
            _ => Step::new("GET", path.to_owned(), "", Body::None),
        };
        if self.random.chance(40) {
            let form = *self.random.pick(&[
                "application/json;as=Table;v=v1;g=meta.k8s.io",
                "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            ]);
            form.clone_into(&mut step.accept);
        }
        step
    }

    fn delete(&mut self, path: &str) -> Step {
        let options = self
            .random
            .pick(&[
                Value::Null,
                Value::Null,
                json!({"propagationPolicy": "Background"}),
                json!({"propagationPolicy": "Foreground"}),
                json!({"propagationPolicy": "Orphan"}),
                json!({"propagationPolicy": "X"}),
                json!({"gracePeriodSeconds": 0}),
                json!({"preconditions": {"uid": "x"}}),
                json!({"preconditions": {"resourceVersion": "1"}}),
                json!({"dryRun": ["All"]}),
            ])
            .clone();
        let body = match options {
            Value::Null => Body::None,
            mut options => {
                options["kind"] = json!("DeleteOptions");
                options["apiVersion"] = json!("v1");
                Body::Json(options)
            }
        };
        Step::new("DELETE", path.to_owned(), "application/json", body)
    }
}
