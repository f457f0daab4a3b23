//! Finds schemas by URL: `$id`, `$anchor`, `$defs`, and the published metaschemas.

use std::collections::{HashMap, HashSet, VecDeque};

use referencing::meta;
use serde_json::Value;

/// The drafts that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

impl Draft {
    /// The draft whose rules a schema follows; `Err` is the address of a schema of schemas that has to be read for that.
    ///
    /// Source: santhosh-tekuri/jsonschema v6 `loader.go`, `getDraft`.
    pub(super) fn of<'d>(mut schema: &'d Value, documents: &'d [Document]) -> Result<Self, String> {
        for _ in 0..=documents.len() {
            let Some(named) = schema.get("$schema").and_then(Value::as_str) else {
                return Ok(Self::D2020);
            };
            if let Some(draft) = Self::of_url(named) {
                return Ok(draft);
            }
            let url = named.split('#').next().unwrap_or(named);
            match documents.iter().find(|document| document.url == url) {
                Some(document) => schema = &document.schema,
                None => return Err(url.to_owned()),
            }
        }
        Ok(Self::D2020)
    }

    pub(super) fn of_url(url: &str) -> Option<Self> {
        let url = url.trim_end_matches('#');
        let url = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))
            .unwrap_or(url);
        Some(match url {
            "json-schema.org/schema" | "json-schema.org/draft/2020-12/schema" => Self::D2020,
            "json-schema.org/draft/2019-09/schema" => Self::D2019,
            "json-schema.org/draft-07/schema" => Self::D7,
            "json-schema.org/draft-06/schema" => Self::D6,
            "json-schema.org/draft-04/schema" => Self::D4,
            _ => return None,
        })
    }

    /// The schema of the draft's schemas.
    pub(super) fn metaschema(self) -> &'static Value {
        match self {
            Self::D4 => &meta::DRAFT4,
            Self::D6 => &meta::DRAFT6,
            Self::D7 => &meta::DRAFT7,
            Self::D2019 => &meta::DRAFT201909,
            Self::D2020 => &meta::DRAFT202012,
        }
    }

    /// The address of the schema of the draft's schemas.
    pub(super) fn url(self) -> &'static str {
        match self {
            Self::D4 => "http://json-schema.org/draft-04/schema",
            Self::D6 => "http://json-schema.org/draft-06/schema",
            Self::D7 => "http://json-schema.org/draft-07/schema",
            Self::D2019 => "https://json-schema.org/draft/2019-09/schema",
            Self::D2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    fn id_keyword(self) -> &'static str {
        if self == Self::D4 { "id" } else { "$id" }
    }
}

/// A schema and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) schema: &'s Value,
    /// Which resource (a document or a part with an `$id`) it belongs to.
    pub(super) resource: usize,
}

/// A document, or a part of one that has an `$id`.
#[derive(Debug)]
pub(super) struct Resource<'s> {
    url: String,
    pub(super) root: &'s Value,
    pub(super) draft: Draft,
    anchors: HashMap<String, &'s Value>,
    pub(super) dynamic_anchors: HashMap<String, &'s Value>,
    /// The resources inside, by the address of their root, so that walking into one is noticed.
    parts: HashMap<*const Value, usize>,
}

/// A schema that another one refers to.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) url: String,
    pub(super) schema: Value,
}

/// All schemas that can be reached.
pub(super) struct Registry<'s> {
    pub(super) resources: Vec<Resource<'s>>,
    by_url: HashMap<String, usize>,
}

impl<'s> Registry<'s> {
    pub(super) fn new(schema: &'s Value, url: &str, documents: &'s [Document]) -> Result<Self, String> {
        let draft = Draft::of(schema, documents).map_err(|url| format!("failing loading {url:?}"))?;
        let mut registry = Self {
            resources: Vec::new(),
            by_url: HashMap::new(),
        };
        registry.add(schema, url, draft);
        for document in documents {
            let draft = Draft::of(&document.schema, documents).unwrap_or(Draft::D2020);
            registry.add(&document.schema, &document.url, draft);
        }
        if leads_outside(schema) {
            registry.add_metaschemas();
        }
        Ok(registry)
    }

    fn add_metaschemas(&mut self) {
        for (url, meta) in metaschemas() {
            let url = url.trim_end_matches('#');
            if !self.by_url.contains_key(url) {
                let draft = Draft::of_url(url).unwrap_or(if url.contains("2019-09") {
                    Draft::D2019
                } else {
                    Draft::D2020
                });
                self.add(meta, url, draft);
            }
        }
    }

    fn add(&mut self, schema: &'s Value, url: &str, draft: Draft) -> usize {
        let index = self.resources.len();
        let id = schema.get(draft.id_keyword()).and_then(Value::as_str);
        let own_url = match id {
            Some(id) => join(url, id),
            None => url.to_owned(),
        };
        let own_url = own_url.trim_end_matches('#').to_owned();
        self.resources.push(Resource {
            url: own_url.clone(),
            root: schema,
            draft,
            anchors: HashMap::new(),
            dynamic_anchors: HashMap::new(),
            parts: HashMap::new(),
        });
        self.by_url.entry(url.to_owned()).or_insert(index);
        self.by_url.entry(own_url).or_insert(index);
        self.scan(schema, index, true);
        index
    }

    /// Looks for anchors and inner resources.
    fn scan(&mut self, schema: &'s Value, resource: usize, is_root: bool) {
        match schema {
            Value::Object(map) => {
                let draft = self.resources[resource].draft;
                if let Some(id) = map
                    .get(draft.id_keyword())
                    .and_then(Value::as_str)
                    .filter(|_| !is_root)
                {
                    if let Some(anchor) = id.strip_prefix('#') {
                        self.resources[resource].anchors.insert(anchor.to_owned(), schema);
                    } else {
                        let base = self.resources[resource].url.clone();
                        let inner = self.add(schema, &base, draft);
                        self.resources[resource]
                            .parts
                            .insert(std::ptr::from_ref(schema), inner);
                        return;
                    }
                }
                let anchors = [
                    ("$anchor", false, Draft::D2019),
                    ("$dynamicAnchor", true, Draft::D2020),
                ];
                for (keyword, dynamic, since) in anchors {
                    if let Some(anchor) = map
                        .get(keyword)
                        .and_then(Value::as_str)
                        .filter(|_| draft >= since)
                    {
                        self.resources[resource].anchors.insert(anchor.to_owned(), schema);
                        if dynamic {
                            self.resources[resource]
                                .dynamic_anchors
                                .insert(anchor.to_owned(), schema);
                        }
                    }
                }
                for (keyword, inner) in map {
                    if !matches!(keyword.as_str(), "enum" | "const" | "default" | "examples") {
                        self.scan(inner, resource, false);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.scan(item, resource, false)),
            _ => {}
        }
    }

    /// The first document's root.
    pub(super) fn root(&self) -> Option<Place<'s>> {
        self.resources.first().map(|resource| Place {
            schema: resource.root,
            resource: 0,
        })
    }

    /// A schema inside another one.
    pub(super) fn inside(&self, place: Place<'s>, schema: &'s Value) -> Place<'s> {
        let parts = &self.resources[place.resource].parts;
        let resource = parts.get(&std::ptr::from_ref(schema)).copied();
        Place {
            schema,
            resource: resource.unwrap_or(place.resource),
        }
    }

    /// The address of a document that is referred to, by what is used of the schema, and not known.
    ///
    /// Source: santhosh-tekuri/jsonschema v6 `objcompiler.go`, which compiles no definition that nothing refers to.
    pub(super) fn missing(&self) -> Option<String> {
        let mut seen = HashSet::new();
        let mut queue: VecDeque<Place<'s>> = self.root().into_iter().collect();
        while let Some(place) = queue.pop_front() {
            let Value::Object(map) = place.schema else {
                continue;
            };
            if !seen.insert(std::ptr::from_ref(place.schema)) {
                continue;
            }
            let draft = self.resources[place.resource].draft;
            let references = [
                ("$ref", true),
                ("$recursiveRef", draft == Draft::D2019),
                ("$dynamicRef", draft == Draft::D2020),
            ];
            for (keyword, _) in references.into_iter().filter(|(_, known)| *known) {
                let Some(reference) = map.get(keyword).and_then(Value::as_str) else {
                    continue;
                };
                let absolute = join(&self.resources[place.resource].url, reference);
                let url = absolute.split('#').next().unwrap_or(&absolute);
                if !self.by_url.contains_key(url) {
                    return Some(url.to_owned());
                }
                queue.extend(self.resolve(place, reference));
            }
            if draft <= Draft::D7 && map.contains_key("$ref") {
                continue;
            }
            let inner = map.iter().flat_map(|(keyword, value)| schemas_of(keyword, value));
            queue.extend(inner.map(|schema| self.inside(place, schema)));
        }
        None
    }

    /// What a `$ref` points to.
    pub(super) fn resolve(&self, from: Place<'s>, reference: &str) -> Result<Place<'s>, String> {
        let absolute = join(&self.resources[from.resource].url, reference);
        let (url, fragment) = absolute.split_once('#').unwrap_or((&absolute, ""));
        let Some(&resource) = self.by_url.get(url) else {
            return Err(format!("failing loading {url:?}"));
        };
        let root = self.resources[resource].root;
        let fragment = percent_decoded(fragment);
        if fragment.is_empty() {
            return Ok(Place {
                schema: root,
                resource,
            });
        }
        if !fragment.starts_with('/') {
            return match self.resources[resource].anchors.get(&fragment) {
                Some(schema) => Ok(Place { schema, resource }),
                None => Err(format!("anchor in \"{absolute}\" not found in schema \"{url}\"")),
            };
        }
        let mut place = Place {
            schema: root,
            resource,
        };
        for token in fragment[1..].split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            let inner = match place.schema {
                Value::Object(map) => map.get(&token),
                Value::Array(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            match inner {
                Some(schema) => place = self.inside(place, schema),
                None => return Err(format!("json-pointer in \"{absolute}\" not found")),
            }
        }
        Ok(place)
    }
}

/// Whether a keyword's value is one schema in all drafts that know it, and nothing else.
pub(super) fn takes_a_schema(keyword: &str) -> bool {
    matches!(
        keyword,
        "contains"
            | "propertyNames"
            | "if"
            | "then"
            | "else"
            | "not"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "contentSchema"
    )
}

/// The schemas that a keyword has a value checked with.
fn schemas_of<'s>(keyword: &str, value: &'s Value) -> Vec<&'s Value> {
    match (keyword, value) {
        ("properties" | "patternProperties" | "dependentSchemas" | "dependencies", Value::Object(map)) => {
            map.values().collect()
        }
        ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(items)) => {
            items.iter().collect()
        }
        ("items" | "additionalProperties" | "additionalItems", Value::Object(_)) => vec![value],
        (keyword, Value::Object(_)) if takes_a_schema(keyword) => vec![value],
        _ => Vec::new(),
    }
}

/// Whether a schema refers to anything but its own definitions: only then the metaschemas have to be read.
pub(super) fn leads_outside(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map
            .iter()
            .any(|(keyword, inner)| match (keyword.as_str(), inner) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(to)) => !to.starts_with('#'),
                (_, inner) => leads_outside(inner),
            }),
        Value::Array(items) => items.iter().any(leads_outside),
        _ => false,
    }
}

fn metaschemas() -> [(&'static str, &'static Value); 20] {
    let pairs: [&'static Value; 20] = [
        &meta::DRAFT4,
        &meta::DRAFT6,
        &meta::DRAFT7,
        &meta::DRAFT201909,
        &meta::DRAFT201909_APPLICATOR,
        &meta::DRAFT201909_CONTENT,
        &meta::DRAFT201909_CORE,
        &meta::DRAFT201909_FORMAT,
        &meta::DRAFT201909_META_DATA,
        &meta::DRAFT201909_VALIDATION,
        &meta::DRAFT202012,
        &meta::DRAFT202012_CORE,
        &meta::DRAFT202012_APPLICATOR,
        &meta::DRAFT202012_UNEVALUATED,
        &meta::DRAFT202012_VALIDATION,
        &meta::DRAFT202012_META_DATA,
        &meta::DRAFT202012_FORMAT_ANNOTATION,
        &meta::DRAFT202012_FORMAT_ASSERTION,
        &meta::DRAFT202012_CONTENT,
        &meta::DRAFT7,
    ];
    pairs.map(|meta| {
        let id = meta.get("$id").or_else(|| meta.get("id")).and_then(Value::as_str);
        (id.unwrap_or_default(), meta)
    })
}

/// Joins a reference to a base URL.
fn join(base: &str, reference: &str) -> String {
    let base = base.split('#').next().unwrap_or(base);
    if reference.is_empty() {
        return base.to_owned();
    }
    let scheme_end = reference.find(':');
    let is_absolute = scheme_end.is_some_and(|end| {
        reference[..end].starts_with(|c: char| c.is_ascii_alphabetic())
            && reference[..end]
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    if is_absolute {
        return reference.to_owned();
    }
    if reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let authority = base.find("://").map_or(0, |at| {
        let start = at + 3;
        base[start..].find('/').map_or(base.len(), |slash| start + slash)
    });
    if reference.starts_with('/') {
        return format!("{}{reference}", &base[..authority]);
    }
    let folder = base
        .rfind('/')
        .map_or(base.len(), |slash| slash + 1)
        .max(authority);
    let (path, fragment) = match reference.split_once('#') {
        Some((path, fragment)) => (path, format!("#{fragment}")),
        None => (reference, String::new()),
    };
    let joined = crate::archive::clean(&format!("{}{path}", &base[authority..folder]));
    format!(
        "{}/{}{fragment}",
        &base[..authority],
        joined.trim_start_matches('/')
    )
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push((high << 4 | low) as u8);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
