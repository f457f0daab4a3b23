//! Walks a schema and a value together.
//!
//! Source: santhosh-tekuri/jsonschema v6 `validator.go`: which keywords are checked in which order, and which
//! failures hide others.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use kluctl_gotemplate::Regexp;
use serde_json::{Map, Value};

use super::failure::{Failure, Kind, all_quoted, display, number, quoted};
use super::formats;
use super::registry::{Draft, Place, Registry};

/// How deep schemas may lead into each other.
const DEEPEST: usize = 500;

pub(super) struct Validator<'r, 's> {
    registry: &'r Registry<'s>,
    patterns: RefCell<HashMap<String, Option<Regexp>>>,
    /// What is wrong with the schema itself, found on the way.
    problem: RefCell<Option<String>>,
    /// Whether formats count in newer drafts too, as they do where a schema is checked itself.
    asserts_formats: bool,
}

/// Where the walk is: the schemas above, for cycles and dynamic references.
struct Scope<'p, 's> {
    place: Place<'s>,
    /// Grows with each step into the value.
    level: usize,
    depth: usize,
    parent: Option<&'p Scope<'p, 's>>,
}

/// What `unevaluatedProperties` and `unevaluatedItems` still have to look at.
#[derive(Default)]
struct Unevaluated {
    properties: BTreeSet<String>,
    items: BTreeSet<usize>,
}

impl Unevaluated {
    fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.items.is_empty()
    }

    fn keep_common(&mut self, other: &Self) {
        self.properties.retain(|name| other.properties.contains(name));
        self.items.retain(|index| other.items.contains(index));
    }
}

/// One schema being applied to one value.
struct Check<'c, 's> {
    scope: &'c Scope<'c, 's>,
    schema: &'s Map<String, Value>,
    draft: Draft,
    at: &'c [String],
    value: &'c Value,
    failures: Vec<Failure>,
    unevaluated: Unevaluated,
}

type Outcome = Result<Unevaluated, Failure>;

impl<'r, 's> Validator<'r, 's> {
    pub(super) fn new(registry: &'r Registry<'s>) -> Self {
        Self {
            registry,
            patterns: RefCell::default(),
            problem: RefCell::default(),
            asserts_formats: false,
        }
    }

    /// Checks a schema instead of values.
    ///
    /// Source: santhosh-tekuri/jsonschema v6 `draft.go`, where metaschemas are compiled with `AssertFormat`.
    pub(super) fn of_schemas(registry: &'r Registry<'s>) -> Self {
        Self {
            asserts_formats: true,
            ..Self::new(registry)
        }
    }

    pub(super) fn validate(&self, value: &Value) -> Result<(), Failure> {
        let Some(place) = self.registry.root() else {
            return Ok(());
        };
        let scope = Scope {
            place,
            level: 0,
            depth: 0,
            parent: None,
        };
        self.apply(&scope, value, &[], false).map(|_| ())
    }

    /// What made it impossible to check at all.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.borrow().clone()
    }

    fn apply(&self, scope: &Scope<'_, 's>, value: &Value, at: &[String], track: bool) -> Outcome {
        let fail = |message: &str| Failure {
            at: at.to_vec(),
            kind: Kind::Message(message.to_owned()),
            causes: Vec::new(),
        };
        let schema = match scope.place.schema {
            Value::Bool(true) => return Ok(Unevaluated::default()),
            Value::Bool(false) => return Err(fail("false schema")),
            Value::Object(schema) => schema,
            _ => return Ok(Unevaluated::default()),
        };
        if scope.is_cycle() || scope.depth > DEEPEST {
            return Err(fail("both references lead to the same schema"));
        }
        let draft = self.registry.resources[scope.place.resource].draft;
        let mut check = Check {
            scope,
            schema,
            draft,
            at,
            value,
            failures: Vec::new(),
            unevaluated: Unevaluated::default(),
        };
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(reference) = reference
            && draft < Draft::D2019
        {
            // Older drafts look at nothing beside a reference.
            self.reference(&mut check, reference);
            return check.finish();
        }
        check.unevaluated = Self::all_unevaluated(&check, track);
        if let Some(message) = self.first_failure(&check) {
            return Err(fail(&message));
        }
        if let Some(reference) = reference {
            self.reference(&mut check, reference);
        }
        match value {
            Value::Object(object) => self.object(&mut check, object),
            Value::Array(items) => self.array(&mut check, items),
            Value::String(text) => self.string(&mut check, text),
            Value::Number(value) => numeric(&mut check, value.as_f64().unwrap_or_default()),
            _ => {}
        }
        if draft >= Draft::D2019 {
            self.dynamic_references(&mut check);
        }
        self.conditions(&mut check);
        if draft >= Draft::D2019 {
            self.leftovers(&mut check);
        }
        check.finish()
    }

    fn all_unevaluated(check: &Check<'_, 's>, track: bool) -> Unevaluated {
        let mut unevaluated = Unevaluated::default();
        if check.draft < Draft::D2019 {
            return unevaluated;
        }
        match check.value {
            Value::Object(object) if track || check.schema.contains_key("unevaluatedProperties") => {
                unevaluated.properties = object.keys().cloned().collect();
            }
            Value::Array(items) if track || check.schema.contains_key("unevaluatedItems") => {
                let (tuple, rest) = match check.draft {
                    Draft::D2020 => ("prefixItems", "items"),
                    _ => ("items", "additionalItems"),
                };
                let first = match check.schema.get(tuple) {
                    Some(Value::Array(schemas)) => schemas.len(),
                    Some(_) => items.len(),
                    None => 0,
                };
                let first = if check.schema.contains_key(rest) {
                    items.len()
                } else {
                    first
                };
                unevaluated.items = (first..items.len()).collect();
            }
            _ => {}
        }
        unevaluated
    }

    /// Type, constants and formats: a failure here ends the check.
    fn first_failure(&self, check: &Check<'_, 's>) -> Option<String> {
        let (schema, value) = (check.schema, check.value);
        let wanted: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !wanted.is_empty() {
            let found = type_of(value);
            let fits = wanted.contains(&found) || (wanted.contains(&"integer") && is_integer(value));
            if !fits {
                return Some(format!(
                    "got {found}, want {}",
                    in_type_order(&wanted).join(" or ")
                ));
            }
        }
        if let Some(constant) = schema.get("const").filter(|_| check.draft >= Draft::D6)
            && !equal(value, constant)
        {
            return Some(match constant {
                Value::Array(_) | Value::Object(_) => "'const' failed".to_owned(),
                other => format!("value must be {}", display(other)),
            });
        }
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !choices.iter().any(|choice| equal(value, choice))
        {
            return Some(enum_message(choices));
        }
        let format = schema.get("format").and_then(Value::as_str)?;
        if check.draft >= Draft::D2019 && !self.asserts_formats {
            return None;
        }
        formats::check(format, value)
            .err()
            .map(|reason| format!("{} is not valid {format}: {reason}", display(value)))
    }

    fn reference(&self, check: &mut Check<'_, 's>, reference: &str) {
        match self.registry.resolve(check.scope.place, reference) {
            Ok(place) => self.follow(check, place),
            Err(message) => {
                self.problem.borrow_mut().get_or_insert(message);
            }
        }
    }

    fn follow(&self, check: &mut Check<'_, 's>, place: Place<'s>) {
        if let Some(failure) = self.same_value_at(check, place) {
            let causes = match failure.kind {
                Kind::Group => failure.causes,
                _ => vec![failure],
            };
            check.failures.push(Failure {
                at: check.at.to_vec(),
                kind: Kind::Reference,
                causes,
            });
        }
    }

    fn dynamic_references(&self, check: &mut Check<'_, 's>) {
        if let Some(reference) = check.schema.get("$recursiveRef").and_then(Value::as_str)
            && let Ok(mut place) = self.registry.resolve(check.scope.place, reference)
        {
            if place.schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
                for scope in check.scope.ancestors() {
                    let root = self.registry.resources[scope.place.resource].root;
                    if root.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
                        place = Place {
                            schema: root,
                            resource: scope.place.resource,
                        };
                    }
                }
            }
            self.follow(check, place);
        }
        let Some(reference) = check.schema.get("$dynamicRef").and_then(Value::as_str) else {
            return;
        };
        let Ok(mut place) = self.registry.resolve(check.scope.place, reference) else {
            return;
        };
        let anchor = reference.split_once('#').map_or("", |(_, anchor)| anchor);
        if place.schema.get("$dynamicAnchor").and_then(Value::as_str) == Some(anchor) {
            for scope in check.scope.ancestors() {
                let resource = &self.registry.resources[scope.place.resource];
                if let Some(schema) = resource.dynamic_anchors.get(anchor) {
                    place = Place {
                        schema,
                        resource: scope.place.resource,
                    };
                }
            }
        }
        self.follow(check, place);
    }

    /// Applies another schema to the same value.
    fn same_value(&self, check: &mut Check<'_, 's>, schema: &'s Value) -> Option<Failure> {
        let place = self.registry.inside(check.scope.place, schema);
        self.same_value_at(check, place)
    }

    fn same_value_at(&self, check: &mut Check<'_, 's>, place: Place<'s>) -> Option<Failure> {
        let scope = Scope {
            place,
            level: check.scope.level,
            depth: check.scope.depth + 1,
            parent: Some(check.scope),
        };
        let track = !check.unevaluated.is_empty();
        match self.apply(&scope, check.value, check.at, track) {
            Ok(unevaluated) => {
                if track && check.draft >= Draft::D2019 {
                    check.unevaluated.keep_common(&unevaluated);
                }
                None
            }
            Err(failure) => Some(failure),
        }
    }

    /// Applies a schema to a part of the value.
    fn part(&self, check: &Check<'_, 's>, schema: &'s Value, value: &Value, token: &str) -> Option<Failure> {
        let scope = Scope {
            place: self.registry.inside(check.scope.place, schema),
            level: check.scope.level + 1,
            depth: check.scope.depth + 1,
            parent: Some(check.scope),
        };
        let mut at = check.at.to_vec();
        at.push(token.to_owned());
        self.apply(&scope, value, &at, false).err()
    }

    fn object(&self, check: &mut Check<'_, 's>, object: &Map<String, Value>) {
        let schema = check.schema;
        let count = object.len();
        check.limit("minProperties", count, |count, limit| count < limit);
        check.limit("maxProperties", count, |count, limit| count > limit);
        if let Some(Value::Array(required)) = schema.get("required") {
            let missing = missing(object, required);
            match missing.as_slice() {
                [] => {}
                [one] => check.fail(format!("missing property {}", quoted(one))),
                several => check.fail(format!(
                    "missing properties {}",
                    all_quoted(several.iter().copied())
                )),
            }
        }
        if let Some(Value::Object(dependencies)) = schema.get("dependencies") {
            for (name, dependency) in dependencies.iter().filter(|(name, _)| object.contains_key(*name)) {
                match dependency {
                    Value::Array(required) => check.required_if(object, name, required),
                    schema => {
                        let failure = self.same_value(check, schema);
                        check.failures.extend(failure);
                    }
                }
            }
        }
        self.properties(check, object);
        if check.draft == Draft::D4 {
            return;
        }
        if let Some(names) = schema.get("propertyNames") {
            for name in object.keys() {
                self.property_name(check, names, name);
            }
        }
        if let Some(Value::Object(schemas)) = schema
            .get("dependentSchemas")
            .filter(|_| check.draft >= Draft::D2019)
        {
            for (_, schema) in schemas.iter().filter(|(name, _)| object.contains_key(*name)) {
                let failure = self.same_value(check, schema);
                check.failures.extend(failure);
            }
        }
        if let Some(Value::Object(lists)) = schema
            .get("dependentRequired")
            .filter(|_| check.draft >= Draft::D2019)
        {
            for (name, list) in lists.iter().filter(|(name, _)| object.contains_key(*name)) {
                if let Value::Array(required) = list {
                    check.required_if(object, name, required);
                }
            }
        }
    }

    fn properties(&self, check: &mut Check<'_, 's>, object: &Map<String, Value>) {
        let schema = check.schema;
        let additional = schema.get("additionalProperties");
        let mut forbidden = Vec::new();
        for (name, value) in object {
            let mut evaluated = false;
            if let Some(inner) = schema
                .get("properties")
                .and_then(|properties| properties.get(name))
            {
                evaluated = true;
                let failure = self.part(check, inner, value, name);
                check.failures.extend(failure);
            }
            if let Some(Value::Object(patterns)) = schema.get("patternProperties") {
                for (pattern, inner) in patterns {
                    if self.matches(pattern, name) {
                        evaluated = true;
                        let failure = self.part(check, inner, value, name);
                        check.failures.extend(failure);
                    }
                }
            }
            if let Some(additional) = additional.filter(|_| !evaluated) {
                evaluated = true;
                match additional {
                    Value::Bool(true) => {}
                    Value::Bool(false) => forbidden.push(name.as_str()),
                    inner => {
                        let failure = self.part(check, inner, value, name);
                        check.failures.extend(failure);
                    }
                }
            }
            if evaluated {
                check.unevaluated.properties.remove(name);
            }
        }
        if !forbidden.is_empty() {
            check.fail(format!(
                "additional properties {} not allowed",
                all_quoted(forbidden)
            ));
        }
    }

    /// The name is checked as a value of its own, so its failures stand at the root.
    fn property_name(&self, check: &mut Check<'_, 's>, schema: &'s Value, name: &str) {
        let scope = Scope {
            place: self.registry.inside(check.scope.place, schema),
            level: check.scope.level + 1,
            depth: check.scope.depth + 1,
            parent: Some(check.scope),
        };
        let value = Value::String(name.to_owned());
        if let Err(failure) = self.apply(&scope, &value, &[], false) {
            let causes = match failure.kind {
                Kind::Group => failure.causes,
                _ => vec![failure],
            };
            check.failures.push(Failure {
                at: Vec::new(),
                kind: Kind::Message(format!("invalid propertyName {}", quoted(name))),
                causes,
            });
        }
    }

    fn array(&self, check: &mut Check<'_, 's>, items: &[Value]) {
        let schema = check.schema;
        check.limit("minItems", items.len(), |count, limit| count < limit);
        check.limit("maxItems", items.len(), |count, limit| count > limit);
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some((first, second)) = duplicates(items)
        {
            check.fail(format!("items at {first} and {second} are equal"));
        }
        let (tuple, rest) = match check.draft {
            Draft::D2020 => (schema.get("prefixItems"), schema.get("items")),
            _ => match schema.get("items") {
                tuple @ Some(Value::Array(_)) => (tuple, schema.get("additionalItems")),
                all => (None, all),
            },
        };
        let mut done = 0;
        if let Some(Value::Array(schemas)) = tuple {
            for (item, inner) in items.iter().zip(schemas) {
                let failure = self.part(check, inner, item, &done.to_string());
                check.failures.extend(failure);
                done += 1;
            }
        }
        match rest {
            Some(Value::Bool(false)) if check.draft < Draft::D2020 && tuple.is_some() => {
                check.too_many(items.len() - done);
            }
            Some(inner) => {
                // The validator that is matched counts these from zero again.
                for (i, item) in items[done..].iter().enumerate() {
                    let failure = self.part(check, inner, item, &i.to_string());
                    check.failures.extend(failure);
                }
            }
            None => {}
        }
        if let Some(inner) = schema.get("contains").filter(|_| check.draft >= Draft::D6) {
            self.contains(check, inner, items);
        }
    }

    fn contains(&self, check: &mut Check<'_, 's>, inner: &'s Value, items: &[Value]) {
        let mut failures = Vec::new();
        let mut matched = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match self.part(check, inner, item, &i.to_string()) {
                Some(failure) => failures.push(failure),
                None => {
                    matched.push(i);
                    if check.draft >= Draft::D2020 {
                        check.unevaluated.items.remove(&i);
                    }
                }
            }
        }
        let limit = |name: &str| {
            let limit = check.schema.get(name).filter(|_| check.draft >= Draft::D2019);
            limit.and_then(Value::as_f64).map(|limit| limit as usize)
        };
        let (least, most) = (limit("minContains"), limit("maxContains"));
        let places = matched.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        match least {
            Some(least) if matched.len() < least => {
                let message = if matched.is_empty() {
                    format!("min {least} items required to match contains schema, but none matched")
                } else {
                    format!(
                        "min {least} items required to match contains schema, but matched {} items at {places}",
                        matched.len()
                    )
                };
                check.fail_because(message, failures);
            }
            None if matched.is_empty() => {
                check.fail_because("no items match contains schema".to_owned(), failures);
            }
            _ => {}
        }
        if let Some(most) = most
            && matched.len() > most
        {
            check.fail(format!(
                "max {most} items required to match contains schema, but matched {} items at {places}",
                matched.len()
            ));
        }
    }

    fn string(&self, check: &mut Check<'_, 's>, text: &str) {
        let length = text.chars().count();
        check.limit("minLength", length, |count, limit| count < limit);
        check.limit("maxLength", length, |count, limit| count > limit);
        if let Some(pattern) = check.schema.get("pattern").and_then(Value::as_str)
            && !self.matches(pattern, text)
        {
            check.fail(format!(
                "{} does not match pattern {}",
                quoted(text),
                quoted(pattern)
            ));
        }
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        let regex = patterns.entry(pattern.to_owned()).or_insert_with(|| {
            let regex = Regexp::new(pattern);
            if let Err(error) = &regex {
                let pattern = kluctl_gotemplate::quote(pattern.as_bytes());
                let message = format!("invalid regex {pattern}: {error}");
                self.problem.borrow_mut().get_or_insert(message);
            }
            regex.ok()
        });
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    fn conditions(&self, check: &mut Check<'_, 's>) {
        let schema = check.schema;
        if let Some(inner) = schema.get("not")
            && self.same_value(check, inner).is_none()
        {
            check.fail("'not' failed".to_owned());
        }
        if let Some(Value::Array(schemas)) = schema.get("allOf") {
            let failures: Vec<Failure> = schemas
                .iter()
                .filter_map(|inner| self.same_value(check, inner))
                .collect();
            if !failures.is_empty() {
                check.fail_because("'allOf' failed".to_owned(), failures);
            }
        }
        if let Some(Value::Array(schemas)) = schema.get("anyOf") {
            let mut failures = Vec::new();
            let mut matched = false;
            for inner in schemas {
                match self.same_value(check, inner) {
                    Some(failure) => failures.push(failure),
                    None => {
                        matched = true;
                        if check.unevaluated.is_empty() {
                            break;
                        }
                    }
                }
            }
            if !matched && !schemas.is_empty() {
                check.fail_because("'anyOf' failed".to_owned(), failures);
            }
        }
        if let Some(Value::Array(schemas)) = schema.get("oneOf") {
            self.one_of(check, schemas);
        }
        if let Some(condition) = schema.get("if").filter(|_| check.draft >= Draft::D7) {
            let branch = if self.same_value(check, condition).is_none() {
                "then"
            } else {
                "else"
            };
            if let Some(inner) = schema.get(branch) {
                let failure = self.same_value(check, inner);
                check.failures.extend(failure);
            }
        }
    }

    fn one_of(&self, check: &mut Check<'_, 's>, schemas: &'s [Value]) {
        let mut failures = Vec::new();
        let mut matched = None;
        for (i, inner) in schemas.iter().enumerate() {
            match (self.same_value(check, inner), matched) {
                (Some(failure), None) => failures.push(failure),
                (Some(_), Some(_)) => {}
                (None, None) => matched = Some(i),
                (None, Some(first)) => {
                    check.fail(format!("'oneOf' failed, subschemas {first}, {i} matched"));
                    return;
                }
            }
        }
        if matched.is_none() && !schemas.is_empty() {
            check.fail_because("'oneOf' failed, none matched".to_owned(), failures);
        }
    }

    fn leftovers(&self, check: &mut Check<'_, 's>) {
        if let (Some(inner), Value::Object(object)) = (check.schema.get("unevaluatedProperties"), check.value)
        {
            for name in std::mem::take(&mut check.unevaluated.properties) {
                if let Some(value) = object.get(&name) {
                    let failure = self.part(check, inner, value, &name);
                    check.failures.extend(failure);
                }
            }
        }
        if let (Some(inner), Value::Array(items)) = (check.schema.get("unevaluatedItems"), check.value) {
            for index in std::mem::take(&mut check.unevaluated.items) {
                if let Some(value) = items.get(index) {
                    let failure = self.part(check, inner, value, &index.to_string());
                    check.failures.extend(failure);
                }
            }
        }
    }
}

impl<'p, 's> Scope<'p, 's> {
    fn ancestors(&self) -> impl Iterator<Item = &Scope<'p, 's>> {
        std::iter::successors(Some(self), |scope| scope.parent)
    }

    /// Whether the same schema is being applied to the same value already.
    fn is_cycle(&self) -> bool {
        self.ancestors()
            .skip(1)
            .take_while(|scope| scope.level == self.level)
            .any(|scope| std::ptr::eq(scope.place.schema, self.place.schema))
    }
}

impl Check<'_, '_> {
    fn fail(&mut self, message: String) {
        self.fail_because(message, Vec::new());
    }

    fn fail_because(&mut self, message: String, causes: Vec<Failure>) {
        self.failures.push(Failure {
            at: self.at.to_vec(),
            kind: Kind::Message(message),
            causes,
        });
    }

    fn limit(&mut self, keyword: &str, count: usize, fails: fn(f64, f64) -> bool) {
        let limit = self.schema.get(keyword).and_then(Value::as_f64);
        if let Some(limit) = limit.filter(|limit| limit.fract() == 0.0)
            && fails(count as f64, limit)
        {
            self.fail(format!(
                "{keyword}: got {}, want {}",
                number(count as f64),
                number(limit)
            ));
        }
    }

    fn too_many(&mut self, count: usize) {
        if count > 0 {
            self.fail(format!("last {count} additionalItem(s) not allowed"));
        }
    }

    fn required_if(&mut self, object: &Map<String, Value>, name: &str, required: &[Value]) {
        let missing = missing(object, required);
        if !missing.is_empty() {
            self.fail(format!(
                "properties {} required, if {} exists",
                all_quoted(missing),
                quoted(name)
            ));
        }
    }

    fn finish(mut self) -> Outcome {
        match self.failures.len() {
            0 => Ok(self.unevaluated),
            1 => Err(self.failures.remove(0)),
            _ => Err(Failure {
                at: self.at.to_vec(),
                kind: Kind::Group,
                causes: self.failures,
            }),
        }
    }
}

/// Whether a number breaks a limit.
type Fails = fn(f64, f64) -> bool;

fn numeric(check: &mut Check<'_, '_>, value: f64) {
    let limit = |name: &str| check.schema.get(name).and_then(Value::as_f64);
    let flag = |name: &str| check.schema.get(name) == Some(&Value::Bool(true));
    let (mut least, mut most) = (limit("minimum"), limit("maximum"));
    let (mut above, mut below) = (limit("exclusiveMinimum"), limit("exclusiveMaximum"));
    // Draft 4 has flags in place of limits.
    if flag("exclusiveMinimum") {
        above = least.take();
    }
    if flag("exclusiveMaximum") {
        below = most.take();
    }
    let checks: [(&str, Option<f64>, Fails); 5] = [
        ("minimum", least, |value, limit| value < limit),
        ("maximum", most, |value, limit| value > limit),
        ("exclusiveMinimum", above, |value, limit| value <= limit),
        ("exclusiveMaximum", below, |value, limit| value >= limit),
        ("multipleOf", limit("multipleOf"), |value, step| {
            !is_multiple(value, step)
        }),
    ];
    for (keyword, limit, fails) in checks {
        if let Some(limit) = limit
            && fails(value, limit)
        {
            check.fail(format!(
                "{keyword}: got {}, want {}",
                number(value),
                number(limit)
            ));
        }
    }
}

/// Whether a number is a multiple of a step, going by their decimal digits.
fn is_multiple(value: f64, step: f64) -> bool {
    if step == 0.0 {
        return true;
    }
    let places = |number: f64| {
        format!("{number}")
            .split_once('.')
            .map_or(0, |(_, digits)| digits.len())
    };
    let scale = 10f64.powi(places(value).max(places(step)).min(300) as i32);
    ((value * scale).round() % (step * scale).round()) == 0.0
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Messages list types in the validator's order and not in the schema's.
fn in_type_order<'t>(wanted: &[&'t str]) -> Vec<&'t str> {
    const ORDER: [&str; 7] = [
        "null", "boolean", "number", "integer", "string", "array", "object",
    ];
    let mut sorted = wanted.to_vec();
    sorted.sort_by_key(|name| ORDER.iter().position(|known| known == name));
    sorted
}

fn is_integer(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn enum_message(choices: &[Value]) -> String {
    if choices
        .iter()
        .any(|choice| choice.is_array() || choice.is_object())
    {
        return "'enum' failed".to_owned();
    }
    let shown: Vec<String> = choices.iter().map(display).collect();
    match shown.as_slice() {
        [one] => format!("value must be {one}"),
        several => format!("value must be one of {}", several.join(", ")),
    }
}

fn missing<'v>(object: &Map<String, Value>, required: &'v [Value]) -> Vec<&'v str> {
    required
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| !object.contains_key(*name))
        .collect()
}

/// Whether two values are the same to the keywords `enum` and `const`.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// The first two items that are equal, in the order the matched validator finds them.
fn duplicates(items: &[Value]) -> Option<(usize, usize)> {
    const MOST_COMPARED: usize = 20;
    if items.len() <= MOST_COMPARED {
        return (1..items.len())
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .find(|(i, j)| equal(&items[*i], &items[*j]));
    }
    let mut seen = HashMap::new();
    for (j, item) in items.iter().enumerate() {
        if let Some(i) = seen.insert(kluctl_yaml::go_json::to_string(item), j) {
            return Some((i, j));
        }
    }
    None
}
