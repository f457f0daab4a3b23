//! Definitions of custom objects: names, versions and structural schemas.
//!
//! Source: apiextensions-apiserver `pkg/apis/apiextensions/validation/validation.go`, `pkg/apiserver/schema/validation.go`.

use kluctl_object::Object;
use kluctl_schema::Rule;
use serde_json::{Value, json};

use super::{items, map, text};
use crate::names;
use crate::status::{Cause, in_order};

/// Checks a definition.
pub(super) fn check(old: Option<&Object>, object: &Object) -> Vec<Cause> {
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
    let spec_names = &spec["names"];
    let mut causes = Vec::new();
    let group = text(spec, "group");
    if old.is_none() && object.name() != format!("{}.{group}", text(spec_names, "plural")) {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", object.name(), detail));
    }
    let wrong = names::dns_1123_subdomain(group);
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
    } else if !wrong.is_empty() {
        causes.push(Cause::invalid("spec.group", group, wrong.join(",")));
    } else if !group.contains('.') {
        causes.push(Cause::invalid(
            "spec.group",
            group,
            "should be a domain with at least one dot",
        ));
    }
    match text(spec, "scope") {
        "Cluster" | "Namespaced" => {}
        "" => causes.push(Cause::required("spec.scope", "")),
        other => causes.push(Cause::not_supported(
            "spec.scope",
            other,
            &["Cluster", "Namespaced"],
        )),
    }
    if spec["preserveUnknownFields"] == true {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", true, detail));
    }
    versions(spec, &mut causes);
    for key in ["plural", "singular", "kind", "listKind"] {
        if text(spec_names, key).is_empty() {
            causes.push(Cause::required(format!("spec.names.{key}"), ""));
        }
    }
    check_names(spec_names, &mut causes);
    shared_parts(spec, &mut causes);
    conversion(&spec["conversion"], &mut causes);
    let status = object.at(&["status"]).unwrap_or(&Value::Null);
    stored_versions(status, items(spec, "versions"), &mut causes);
    causes
}

/// What all versions have alike stands once, at the top.
fn alike<'a>(versions: &'a [Value], key: &str) -> Option<&'a Value> {
    let first = &versions.first()?[key];
    versions
        .iter()
        .all(|version| version[key] == *first)
        .then_some(first)
}

fn versions(spec: &Value, causes: &mut Vec<Cause>) {
    let versions = items(spec, "versions");
    for (index, version) in versions.iter().enumerate() {
        if version["schema"]["openAPIV3Schema"].is_null() {
            let place = format!("spec.versions[{index}].schema.openAPIV3Schema");
            causes.push(Cause::required(place, ""));
        }
    }
    for (index, version) in versions.iter().enumerate() {
        let place = format!("spec.versions[{index}]");
        let name = text(version, "name");
        let wrong = names::dns_1035_label(name);
        if !wrong.is_empty() {
            causes.push(Cause::invalid(format!("{place}.name"), name, wrong.join(",")));
        }
        if version["deprecated"] != true && version["deprecationWarning"].is_string() {
            causes.push(Cause::invalid(
                format!("{place}.deprecationWarning"),
                text(version, "deprecationWarning"),
                "can only be set for deprecated versions",
            ));
        }
        if alike(versions, "schema").is_none() {
            schema_at(
                &version["schema"]["openAPIV3Schema"],
                &format!("{place}.schema"),
                version["subresources"]["status"].is_object(),
                causes,
            );
        }
        if alike(versions, "subresources").is_none() {
            subresources(&version["subresources"], &format!("{place}.subresources"), causes);
        }
        if alike(versions, "additionalPrinterColumns").is_none() {
            columns(version, &place, causes);
        }
    }
    let shown = || spec["versions"].clone();
    let mut seen: Vec<&str> = Vec::new();
    let mut twice = false;
    for version in versions {
        twice |= seen.contains(&text(version, "name"));
        seen.push(text(version, "name"));
    }
    if twice {
        causes.push(Cause::invalid(
            "spec.versions",
            shown(),
            "must contain unique version names",
        ));
    }
    if versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", shown(), detail));
    }
}

/// Checks what stands at the top because all versions have it.
fn shared_parts(spec: &Value, causes: &mut Vec<Cause>) {
    let versions = items(spec, "versions");
    if let Some(schema) = alike(versions, "schema") {
        let has_status = versions
            .iter()
            .any(|version| version["subresources"]["status"].is_object());
        schema_at(&schema["openAPIV3Schema"], "spec.validation", has_status, causes);
    }
    if let Some(parts) = alike(versions, "subresources") {
        subresources(parts, "spec.subresources", causes);
    }
    if alike(versions, "additionalPrinterColumns").is_some()
        && let Some(first) = versions.first()
    {
        columns(first, "spec", causes);
    }
}

fn check_names(spec_names: &Value, causes: &mut Vec<Cause>) {
    for key in ["plural", "singular"] {
        let name = text(spec_names, key);
        let wrong = names::dns_1035_label(name);
        if !name.is_empty() && !wrong.is_empty() {
            causes.push(Cause::invalid(format!("spec.names.{key}"), name, wrong.join(",")));
        }
    }
    for key in ["kind", "listKind"] {
        let name = text(spec_names, key);
        let wrong = names::dns_1035_label(&name.to_lowercase());
        if !name.is_empty() && !wrong.is_empty() {
            let detail = format!(
                "may have mixed case, but should otherwise match: {}",
                wrong.join(",")
            );
            causes.push(Cause::invalid(format!("spec.names.{key}"), name, detail));
        }
    }
    for key in ["shortNames", "categories"] {
        if key == "categories"
            && !text(spec_names, "kind").is_empty()
            && spec_names["kind"] == spec_names["listKind"]
        {
            causes.push(Cause::invalid(
                "spec.names.listKind",
                text(spec_names, "listKind"),
                "kind and listKind may not be the same",
            ));
        }
        for (index, name) in items(spec_names, key).iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            let wrong = names::dns_1035_label(name);
            if !wrong.is_empty() {
                causes.push(Cause::invalid(
                    format!("spec.names.{key}[{index}]"),
                    name,
                    wrong.join(","),
                ));
            }
        }
    }
}

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];

fn columns(version: &Value, place: &str, causes: &mut Vec<Cause>) {
    for (index, column) in items(version, "additionalPrinterColumns").iter().enumerate() {
        let place = format!("{place}.additionalPrinterColumns[{index}]");
        if text(column, "name").is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
        }
        let detail = format!("must be one of {}", COLUMN_TYPES.join(","));
        match text(column, "type") {
            "" => causes.push(Cause::required(format!("{place}.type"), detail)),
            known if COLUMN_TYPES.contains(&known) => {}
            other => causes.push(Cause::invalid(format!("{place}.type"), other, detail)),
        }
        let format = text(column, "format");
        if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
            let detail = format!("must be one of {}", COLUMN_FORMATS.join(","));
            causes.push(Cause::invalid(format!("{place}.format"), format, detail));
        }
        match text(column, "jsonPath") {
            "" => causes.push(Cause::required(format!("{place}.JSONPath"), "")),
            path => simple_path(path, &format!("{place}.JSONPath"), causes),
        }
    }
}

fn simple_path(path: &str, place: &str, causes: &mut Vec<Cause>) {
    if !path.starts_with('.') {
        causes.push(Cause::invalid(
            place,
            path,
            "must be a simple json path starting with .",
        ));
    }
}

fn subresources(parts: &Value, place: &str, causes: &mut Vec<Cause>) {
    let scale = &parts["scale"];
    if !scale.is_object() {
        return;
    }
    for (key, prefixes, detail) in [
        (
            "specReplicasPath",
            &[".spec."][..],
            "should be a json path under .spec",
        ),
        (
            "statusReplicasPath",
            &[".status."],
            "should be a json path under .status",
        ),
        (
            "labelSelectorPath",
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ] {
        let field = format!("{place}.scale.{key}");
        match text(scale, key) {
            "" if key == "labelSelectorPath" => {}
            "" => causes.push(Cause::required(field, "")),
            path if !path.starts_with('.') => simple_path(path, &field, causes),
            path if prefixes.iter().any(|prefix| path.starts_with(prefix)) => {}
            path => causes.push(Cause::invalid(field, path, detail)),
        }
    }
}

fn conversion(conversion: &Value, causes: &mut Vec<Cause>) {
    let place = "spec.conversion";
    let strategy = text(conversion, "strategy");
    let webhook = &conversion["webhook"];
    match strategy {
        "" | "None" => {
            if webhook["clientConfig"].is_object() {
                causes.push(Cause::forbidden(
                    format!("{place}.webhookClientConfig"),
                    "should not be set when strategy is not set to Webhook",
                ));
            }
        }
        "Webhook" => {
            let client = &webhook["clientConfig"];
            if !client.is_object() {
                causes.push(Cause::required(
                    format!("{place}.webhookClientConfig"),
                    "required when strategy is set to Webhook",
                ));
            } else if client["url"].is_string() == client["service"].is_object() {
                causes.push(Cause::required(
                    format!("{place}.webhookClientConfig"),
                    "exactly one of url or service is required",
                ));
            }
            if items(webhook, "conversionReviewVersions").is_empty() {
                causes.push(Cause::required(format!("{place}.conversionReviewVersions"), ""));
            }
        }
        other => causes.push(Cause::not_supported(
            format!("{place}.strategy"),
            other,
            &["None", "Webhook"],
        )),
    }
}

fn stored_versions(status: &Value, versions: &[Value], causes: &mut Vec<Cause>) {
    let stored = items(status, "storedVersions");
    let place = "status.storedVersions";
    let shown = Value::Array(stored.to_vec());
    if stored.is_empty() {
        let detail = "must have at least one stored version";
        causes.push(Cause::invalid(place, Value::Null, detail));
        return;
    }
    for version in versions.iter().filter(|version| version["storage"] == true) {
        if !stored.contains(&version["name"]) {
            let detail = format!("must have the storage version {}", text(version, "name"));
            causes.push(Cause::invalid(place, shown.clone(), detail));
        }
    }
    for (index, name) in stored.iter().enumerate() {
        if !versions.iter().any(|version| version["name"] == *name) {
            let name = name.as_str().unwrap_or_default();
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            causes.push(Cause::invalid(format!("{place}[{index}]"), name, detail));
        }
    }
}

fn schema_at(schema: &Value, place: &str, has_status: bool, causes: &mut Vec<Cause>) {
    if !schema.is_object() {
        return;
    }
    let place = format!("{place}.openAPIV3Schema");
    let kind = text(schema, "type");
    if has_status && !kind.is_empty() && kind != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        causes.push(Cause::invalid(format!("{place}.type"), kind, detail));
    }
    if schema["nullable"] == true {
        let detail = "nullable cannot be true at the root";
        causes.push(Cause::forbidden(format!("{place}.nullable"), detail));
    }
    let before = causes.len();
    standard(schema, &place, causes);
    let mut structural = Vec::new();
    invariants(schema, &place, Level::Root, &mut structural);
    structural.sort_by_key(|cause: &Cause| format!("{}: {}", cause.field, cause.body()));
    causes.extend(structural);
    if causes.len() == before {
        rules(schema, &place, causes);
        defaults(schema, &place, causes);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// The schemas directly below one, with their places.
fn inner<'a>(schema: &'a Value, place: &str) -> Vec<(&'a Value, String, Level)> {
    let mut list = Vec::new();
    if schema["items"].is_object() {
        list.push((&schema["items"], format!("{place}.items"), Level::Item));
    }
    let mut properties: Vec<_> = map(schema, "properties").collect();
    properties.sort_by_key(|(key, _)| *key);
    for (key, value) in properties {
        list.push((value, format!("{place}.properties[{key}]"), Level::Field));
    }
    if schema["additionalProperties"].is_object() {
        list.push((
            &schema["additionalProperties"],
            format!("{place}.additionalProperties"),
            Level::Field,
        ));
    }
    list
}

/// What no schema may have.
fn standard(schema: &Value, place: &str, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    let kind = text(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        causes.push(Cause::not_supported(format!("{place}.type"), kind, &TYPES));
    }
    for key in [
        "id",
        "additionalItems",
        "patternProperties",
        "definitions",
        "dependencies",
        "$ref",
    ] {
        if !schema[key].is_null() {
            causes.push(Cause::forbidden(
                format!("{place}.{key}"),
                format!("{key} is not supported"),
            ));
        }
    }
    if kind == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        causes.push(Cause::forbidden(format!("{place}.type"), detail));
    }
    if schema["items"].is_array() {
        let detail = "items must be a schema object and not an array";
        causes.push(Cause::forbidden(format!("{place}.items"), detail));
    }
    if schema["uniqueItems"] == true {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(format!("{place}.uniqueItems"), detail));
    }
    if map(schema, "properties").next().is_some() && schema["additionalProperties"].is_object() {
        let detail = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{place}.additionalProperties"), detail));
    }
    for (schema, place, _) in inner(schema, place) {
        standard(schema, &place, causes);
    }
    lists(schema, place, causes);
}

/// Lists that are maps or sets.
fn lists(schema: &Value, place: &str, causes: &mut Vec<Cause>) {
    let kind = text(schema, "type");
    if let Some(list_type) = schema["x-kubernetes-list-type"].as_str() {
        if kind != "array" {
            let detail = "must be array if x-kubernetes-list-type is specified";
            let field = format!("{place}.type");
            causes.push(if kind.is_empty() {
                Cause::required(field, detail)
            } else {
                Cause::invalid(field, kind, detail)
            });
        }
        if !["atomic", "set", "map"].contains(&list_type) {
            causes.push(Cause::not_supported(
                format!("{place}.x-kubernetes-list-type"),
                list_type,
                &["atomic", "set", "map"],
            ));
        }
        let keys = items(schema, "x-kubernetes-list-map-keys");
        if list_type == "map" && keys.is_empty() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            causes.push(Cause::required(
                format!("{place}.x-kubernetes-list-map-keys"),
                detail,
            ));
        }
        if list_type == "map" && schema["items"].is_null() {
            let detail = "must have a schema if x-kubernetes-list-type is map";
            causes.push(Cause::required(format!("{place}.items"), detail));
        }
        let item = &schema["items"];
        if list_type == "map" && item.is_object() {
            for key in keys.iter().filter_map(Value::as_str) {
                if item["properties"][key].is_null() {
                    let detail = "entries must all be names of item properties";
                    causes.push(Cause::invalid(
                        format!("{place}.x-kubernetes-list-map-keys"),
                        Value::Array(keys.to_vec()),
                        detail,
                    ));
                } else if !items(item, "required").contains(&json!(key))
                    && item["properties"][key]["default"].is_null()
                {
                    let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                    causes.push(Cause::required(
                        format!("{place}.items.properties[{key}].default"),
                        detail,
                    ));
                }
            }
        }
    }
    if let Some(map_type) = schema["x-kubernetes-map-type"].as_str() {
        if kind != "object" {
            let detail = "must be object if x-kubernetes-map-type is specified";
            let field = format!("{place}.type");
            causes.push(if kind.is_empty() {
                Cause::required(field, detail)
            } else {
                Cause::invalid(field, kind, detail)
            });
        }
        if !["atomic", "granular"].contains(&map_type) {
            causes.push(Cause::not_supported(
                format!("{place}.x-kubernetes-map-type"),
                map_type,
                &["atomic", "granular"],
            ));
        }
    }
}

/// What makes a schema structural.
fn invariants(schema: &Value, place: &str, level: Level, causes: &mut Vec<Cause>) {
    let kind = text(schema, "type");
    let flag = |key: &str| schema[key] == true;
    if kind == "array" && schema["items"].is_null() {
        causes.push(Cause::required(format!("{place}.items"), "must be specified"));
    }
    for (schema, place, level) in inner(schema, place) {
        invariants(schema, &place, level, causes);
    }
    if level == Level::Root && !schema["additionalProperties"].is_null() {
        causes.push(Cause::forbidden(
            format!("{place}.additionalProperties"),
            "must not be used at the root",
        ));
    }
    let embedded = flag("x-kubernetes-embedded-resource");
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        let field = format!("{place}.type");
        causes.push(if kind.is_empty() {
            Cause::required(field, detail)
        } else {
            Cause::invalid(field, kind, detail)
        });
    } else if kind.is_empty()
        && !flag("x-kubernetes-int-or-string")
        && !flag("x-kubernetes-preserve-unknown-fields")
    {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        causes.push(Cause::required(format!("{place}.type"), detail));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        causes.push(Cause::invalid(
            format!("{place}.type"),
            kind,
            "must be object at the root",
        ));
    }
    if level == Level::Root || embedded {
        for key in ["kind", "apiVersion"] {
            let property = &schema["properties"][key];
            if property.is_object() && text(property, "type") != "string" {
                causes.push(Cause::invalid(
                    format!("{place}.properties[{key}].type"),
                    text(property, "type"),
                    "must be string",
                ));
            }
        }
    }
    let has_properties = map(schema, "properties").next().is_some();
    if embedded && !flag("x-kubernetes-preserve-unknown-fields") && !has_properties {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        causes.push(Cause::required(format!("{place}.properties"), detail));
    }
}

/// Rules that cannot be read or name something nobody knows.
fn rules(schema: &Value, place: &str, causes: &mut Vec<Cause>) {
    for (schema, place, _) in inner(schema, place) {
        rules(schema, &place, causes);
    }
    for (index, rule) in items(schema, "x-kubernetes-validations").iter().enumerate() {
        let place = format!("{place}.x-kubernetes-validations[{index}]");
        if text(rule, "rule").trim().is_empty() {
            causes.push(Cause::required(format!("{place}.rule"), "rule is not specified"));
            continue;
        }
        let shown = in_order(&[
            ("Rule", rule["rule"].clone()),
            ("Message", json!(text(rule, "message"))),
            ("MessageExpression", json!(text(rule, "messageExpression"))),
            ("Reason", rule["reason"].clone()),
            ("FieldPath", json!(text(rule, "fieldPath"))),
            ("OptionalOldSelf", rule["optionalOldSelf"].clone()),
        ]);
        rule_parts(schema, rule, &place, causes);
        let read = Rule::read(rule);
        if !rule["optionalOldSelf"].is_null() && !read.uses_old() {
            let detail = "may not be set if oldSelf is not used in rule";
            causes.push(Cause::invalid(
                format!("{place}.optionalOldSelf"),
                rule["optionalOldSelf"].clone(),
                detail,
            ));
        }
        for (field, detail) in read.problems(schema) {
            causes.push(Cause::raw_invalid(
                format!("{place}.{field}"),
                shown.clone(),
                detail,
            ));
        }
    }
}

/// What a rule says beside its expressions.
fn rule_parts(schema: &Value, rule: &Value, place: &str, causes: &mut Vec<Cause>) {
    let message = text(rule, "message");
    if !message.is_empty() && message.trim().is_empty() {
        let detail = "must be non-empty if specified";
        causes.push(Cause::invalid(format!("{place}.message"), message, detail));
    } else if message.trim().contains('\n') {
        let detail = "must not contain line breaks";
        causes.push(Cause::invalid(format!("{place}.message"), message, detail));
    }
    let reason = text(rule, "reason");
    let supported = [
        "FieldValueDuplicate",
        "FieldValueForbidden",
        "FieldValueInvalid",
        "FieldValueRequired",
    ];
    if !reason.is_empty() && !supported.contains(&reason) {
        causes.push(Cause::not_supported(
            format!("{place}.reason"),
            reason,
            &supported,
        ));
    }
    let path = text(rule, "fieldPath");
    let names: Vec<&str> = path.split('.').skip(1).collect();
    let is_plain = !path.contains(['[', '\'', '"']);
    let mut at = schema;
    let is_there = path.starts_with('.')
        && names.iter().all(|name| {
            let found = at["properties"].get(*name);
            at = found.unwrap_or(&Value::Null);
            found.is_some()
        });
    let is_index = path.ends_with(']') && !path.ends_with("']");
    if !path.is_empty() && (is_index || is_plain && !is_there) {
        let detail = "must be a valid path";
        causes.push(Cause::invalid(format!("{place}.fieldPath"), path, detail));
    }
}

/// Defaults that their own schema refuses.
fn defaults(schema: &Value, place: &str, causes: &mut Vec<Cause>) {
    for (schema, place, _) in inner(schema, place) {
        defaults(schema, &place, causes);
    }
    let Some(default) = schema.get("default") else {
        return;
    };
    let whole = json!({"type": "object", "properties": {"default": schema}});
    let ty = kluctl_schema::from_schema(&whole, false);
    for finding in kluctl_schema::validate(&json!({ "default": default }), &ty) {
        if !finding.path.starts_with("default") {
            continue;
        }
        let below = &finding.path["default".len()..];
        let detail = finding
            .detail
            .replace("default in body", &format!("{place}.default{below} in body"));
        causes.push(match finding.value {
            Some(value) => Cause::invalid(format!("{place}.default{below}"), value, detail),
            None => Cause::required(format!("{place}.default{below}"), detail),
        });
    }
}
