//! One object against its schema.

use kluctl_object::{Key, KeyPath};
use kluctl_schema::{
    Finding, FindingKind, TypeRef, check_object, check_rules, default_fields, drop_nulls, kubernetes,
    suggest_field, unknown_fields, validate,
};
use serde_json::{Value, json};

use super::kinds::Kinds;
use super::{Flaw, Rule, Subject};

/// What is wrong with an object by itself.
pub(super) fn check(subject: &Subject<'_>, kinds: &Kinds) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let known = kinds.find(&subject.object.gvk());
    if let Some((rule, text)) = known.problem {
        let key = if rule == Rule::UnknownKind {
            "kind"
        } else {
            "apiVersion"
        };
        // what has no schema is told once for each kind
        if rule != Rule::NoSchema {
            flaws.push(Flaw::new(rule, subject, KeyPath::default().child(key), text));
        }
    }
    let Some(ty) = known.ty else { return flaws };
    let value = subject.object.to_value();
    for path in unknown_fields(&value, &ty) {
        let path = KeyPath::of_field(&value, &path);
        flaws.push(unknown_field(subject, &ty, path));
    }
    let findings = if known.custom {
        custom_findings(&value, &ty)
    } else {
        check_object(&value, &ty)
    };
    for finding in findings {
        let path = KeyPath::of_field(&value, &finding.path);
        let given = path.get(&value).and_then(Value::as_str);
        if given.is_some_and(|text| subject.is_assumed(text)) {
            continue;
        }
        let (rule, message) = words(&finding);
        flaws.push(Flaw::new(rule, subject, path, message));
    }
    flaws
}

fn unknown_field(subject: &Subject<'_>, ty: &TypeRef, path: KeyPath) -> Flaw {
    let mut message = "unknown field".to_owned();
    let own = match path.0.last() {
        Some(Key::Name(name)) => name.as_str(),
        _ => "",
    };
    if let Some(meant) = suggest_field(ty, &path) {
        let same = meant.rsplit('.').next() == Some(own);
        message.push_str(&if same {
            format!("; it belongs to {meant}")
        } else {
            format!(", did you mean {meant:?}?")
        });
    }
    Flaw::new(Rule::UnknownField, subject, path, message)
}

/// What a server finds wrong with a custom object, once it has filled in defaults.
fn custom_findings(value: &Value, ty: &TypeRef) -> Vec<Finding> {
    let mut filled = value.clone();
    drop_nulls(&mut filled, ty);
    default_fields(&mut filled, ty);
    let mut findings = Vec::new();
    let meta = kubernetes().definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    if let Some(meta) = meta {
        let empty = json!({});
        let found = check_object(filled.get("metadata").unwrap_or(&empty), &meta);
        findings.extend(found.into_iter().map(|finding| Finding {
            path: format!("metadata.{}", finding.path),
            ..finding
        }));
    }
    findings.extend(validate(&filled, ty));
    if findings.is_empty() {
        findings.extend(check_rules(&filled, None, ty).errors);
    }
    findings
}

/// A finding in words that need no path before them.
fn words(finding: &Finding) -> (Rule, String) {
    match finding.kind {
        FindingKind::Required => {
            let name = finding.path.rsplit('.').next().unwrap_or_default();
            let detail = if finding.detail.is_empty() {
                String::new()
            } else {
                format!(": {}", finding.detail)
            };
            (
                Rule::MissingField,
                format!("the required field {name:?} is missing{detail}"),
            )
        }
        FindingKind::TypeInvalid => {
            let types = finding
                .detail
                .rsplit_once("must be of type ")
                .and_then(|(_, types)| types.split_once(": "));
            match types {
                Some((expected, found)) if finding.value.as_ref().and_then(Value::as_str).is_some() => {
                    let (expected, found) = (expected.replace(',', " or "), found.trim_matches('"'));
                    (Rule::WrongType, format!("expected {expected}, found {found}"))
                }
                _ => (Rule::WrongType, finding.message()),
            }
        }
        _ => (Rule::InvalidValue, finding.message()),
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Object;
    use kluctl_project::Rendered;

    use super::*;

    #[track_caller]
    fn check_all(object: Value, expected: &[&str]) {
        let definition = Object::try_from(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {"group": "a.example", "scope": "Namespaced", "names": {"kind": "Widget"}, "versions": [
                {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                    "type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer", "maximum": 5},
                        "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                        "low": {"type": "integer"}},
                    "x-kubernetes-validations": [{"rule": "!has(self.low) || self.low < self.size", "message": "low must be below size"}]}}}}}]}}))
        .unwrap();
        let kinds = Kinds::new(37, [&definition]);
        let rendered = Rendered::default();
        let subject = Subject {
            item: 0,
            index: 0,
            inside: KeyPath::default(),
            object: Object::try_from(object).unwrap(),
            rendered: &rendered,
        };
        let found: Vec<String> = check(&subject, &kinds)
            .iter()
            .map(|flaw| format!("{} {}: {}", flaw.rule, flaw.at.path, flaw.message))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn built_in_kinds() {
        check_all(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "lables": {}},
                "spec": {"replicas": "3", "selector": {}, "containers": [], "template": {"spec": {"containers": [
                    {"name": "a", "ports": [{"port": 1}], "resources": {"limits": {"cpu": "1x"}}}]}}}}),
            &[
                "unknown-field metadata.lables: unknown field, did you mean \"labels\"?",
                "unknown-field spec.containers: unknown field; it belongs to spec.template.spec.containers",
                "unknown-field spec.template.spec.containers[0].ports[0].port: unknown field, did you mean \"containerPort\"?",
                "wrong-type spec.replicas: expected integer, found string",
                "missing-field spec.template.spec.containers[0].ports[0]: the required field \"containerPort\" is missing",
                "invalid-value spec.template.spec.containers[0].resources.limits.cpu: Invalid value: \"1x\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ],
        );
    }

    #[test]
    fn custom_kinds() {
        let widget = |spec: Value| json!({"apiVersion": "a.example/v1", "kind": "Widget", "metadata": {"name": "x"}, "spec": spec});
        check_all(widget(json!({"size": 3, "low": 1})), &[]);
        check_all(
            widget(json!({"sice": 3, "mode": "c"})),
            &[
                "unknown-field spec.sice: unknown field, did you mean \"size\"?",
                "invalid-value spec.mode: Unsupported value: \"c\": supported values: \"a\", \"b\"",
                "missing-field spec: the required field \"size\" is missing",
            ],
        );
        check_all(
            widget(json!({"size": 3, "low": 4})),
            &["invalid-value spec: Invalid value: low must be below size"],
        );
        check_all(
            json!({"apiVersion": "a.example/v1", "kind": "Widget", "metadata": {"name": "x", "labels": {"app": 1}}, "spec": {"size": 9}}),
            &[
                "wrong-type metadata.labels.app: expected string, found integer",
                "invalid-value spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5",
            ],
        );
    }
}
