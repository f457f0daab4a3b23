//! What makes an object invalid, with the API server's messages, for what people get wrong most.
//!
//! Source: kubernetes `pkg/apis/*/validation`, apimachinery `pkg/api/validation`.

mod config;
mod immutable;
mod metadata;
mod pods;
mod services;
mod workloads;

use kluctl_object::Object;
use kluctl_schema::{Finding, FindingKind};
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::{Cause, CauseKind};

/// What is wrong with a new object.
pub(crate) fn create(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = metadata::create(resource, object);
    causes.extend(content(resource, object));
    causes
}

/// What is wrong with a change.
pub(crate) fn update(resource: &Resource, subresource: &str, live: &Object, new: &Object) -> Vec<Cause> {
    let mut causes = metadata::update(live, new);
    if resource.custom.is_some() {
        causes.extend(schema(resource, new));
    } else if subresource.is_empty() {
        causes.extend(immutable::check(resource, live, new));
        causes.extend(content(resource, new));
    }
    causes
}

fn content(resource: &Resource, object: &Object) -> Vec<Cause> {
    if resource.custom.is_some() {
        return schema(resource, object);
    }
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
    let required = |field: &str, keys: &[&str]| {
        let is_there = object.str_at(keys).is_some_and(|text| !text.is_empty());
        if is_there {
            Vec::new()
        } else {
            vec![Cause::required(field, "")]
        }
    };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => pods::spec(spec, "spec"),
        (
            "apps" | "batch",
            "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs",
        )
        | ("", "replicationcontrollers") => workloads::check(resource, object),
        ("", "services") => services::service(spec),
        ("networking.k8s.io", "ingresses") => services::ingress(spec),
        ("networking.k8s.io", "networkpolicies") => services::network_policy(spec),
        ("networking.k8s.io", "ingressclasses") => required("spec.controller", &["spec", "controller"]),
        ("", "configmaps") => config::config_map(object),
        ("", "secrets") => config::secret(object),
        ("", "persistentvolumeclaims") => config::claim(spec),
        ("rbac.authorization.k8s.io", "roles") => config::role(object, true),
        ("rbac.authorization.k8s.io", "clusterroles") => config::role(object, false),
        ("rbac.authorization.k8s.io", "rolebindings") => config::role_binding(object, true),
        ("rbac.authorization.k8s.io", "clusterrolebindings") => config::role_binding(object, false),
        ("apiextensions.k8s.io", "customresourcedefinitions") => config::definition(object),
        ("storage.k8s.io", "storageclasses") => required("provisioner", &["provisioner"]),
        ("scheduling.k8s.io", "priorityclasses") => priority(object),
        _ => Vec::new(),
    }
}

fn priority(object: &Object) -> Vec<Cause> {
    const MOST: i64 = 1_000_000_000;
    let value = object.at(&["value"]).and_then(Value::as_i64).unwrap_or(0);
    if value > MOST && !object.name().starts_with("system-") {
        let detail = format!("maximum allowed value of a user defined priority is {MOST}");
        return vec![Cause::forbidden("value", detail)];
    }
    Vec::new()
}

/// What is allowed but unwise.
pub(crate) fn warnings(resource: &Resource, object: &Object, warnings: &mut Vec<String>) {
    if resource.is("", "pods") || resource.group == "apps" || resource.group == "batch" {
        let prefix: &[&str] = match resource.plural.as_str() {
            "pods" => &["spec"],
            "cronjobs" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        };
        if let Some(spec) = object.at(prefix) {
            let meta = [&prefix[..prefix.len() - 1], &["metadata", "annotations"]].concat();
            if let Some(annotations) = object.at(&meta) {
                pods::armor_warnings(spec, annotations, &meta.join("."), warnings);
            }
            pods::warnings(spec, &prefix.join("."), warnings);
        }
    }
}

/// Checks a custom object against its schema.
fn schema(resource: &Resource, object: &Object) -> Vec<Cause> {
    let findings = kluctl_schema::validate(&object.to_value(), &resource.ty);
    findings.into_iter().map(cause_of).collect()
}

fn cause_of(finding: Finding) -> Cause {
    let kind = match finding.kind {
        FindingKind::Invalid => CauseKind::Invalid,
        FindingKind::TypeInvalid => CauseKind::TypeInvalid,
        FindingKind::Required => CauseKind::Required,
        FindingKind::NotSupported => CauseKind::NotSupported,
        FindingKind::TooLong => CauseKind::TooLong,
        FindingKind::TooMany => CauseKind::TooMany,
        FindingKind::Forbidden => CauseKind::Forbidden,
        FindingKind::Duplicate => CauseKind::Duplicate,
    };
    let path = if finding.path.is_empty() {
        "<nil>".to_owned()
    } else {
        finding.path
    };
    Cause::new(kind, path, finding.value.unwrap_or(Value::Null), finding.detail)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or(0)
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn map<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value[key].as_object().into_iter().flatten()
}

fn at_least_zero(value: i64, field: &str, causes: &mut Vec<Cause>) {
    if value < 0 {
        causes.push(Cause::invalid(field, value, "must be greater than or equal to 0"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::built_in;

    fn messages(group: &str, plural: &str, object: Value) -> Vec<String> {
        let resource = built_in(group, "v1", plural).unwrap();
        let object = Object::try_from(object).unwrap();
        create(&resource, &object)
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.body()))
            .collect()
    }

    /// As kube-apiserver 1.37.2 words them.
    #[test]
    fn messages_are_those_of_an_api_server() {
        let metadata = json!({"name": "x"});
        let cases = [
            (
                "apps",
                "deployments",
                json!({"metadata": metadata, "spec": {"selector": {}}}),
                vec!["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            ),
            (
                "apps",
                "deployments",
                json!({"metadata": metadata, "spec": {}}),
                vec![
                    "spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                    "spec.template.spec.containers: Required value",
                    "spec.strategy: Unsupported value: {\"RollingUpdate\":null,\"Type\":\"\"}: supported values: \"Recreate\", \"RollingUpdate\"",
                ],
            ),
            (
                "",
                "pods",
                json!({"metadata": metadata, "spec": {"containers": [{"name": "b", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/x"}]},
                {"name": "b", "image": "i", "livenessProbe": {}}]}}),
                vec![
                    "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
                    "spec.containers[1].name: Duplicate value: \"b\"",
                    "spec.containers[1].livenessProbe: Required value: must specify a handler type",
                ],
            ),
            (
                "",
                "services",
                json!({"metadata": metadata, "spec": {"type": "ClusterIP", "sessionAffinity": "None"}}),
                vec!["spec.ports: Required value"],
            ),
            (
                "",
                "configmaps",
                json!({"metadata": metadata, "data": {"..": ""}}),
                vec!["data[..]: Invalid value: \"..\": must not be '..'"],
            ),
            (
                "networking.k8s.io",
                "ingresses",
                json!({"metadata": metadata, "spec": {}}),
                vec!["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
            ),
        ];
        for (group, plural, object, expected) in cases {
            assert_eq!(messages(group, plural, object), expected, "{plural}");
        }
    }

    #[test]
    fn immutable_fields_are_refused() {
        let resource = built_in("apps", "v1", "deployments").unwrap();
        let object = |app: &str| {
            Object::try_from(json!({"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"app": app}},
                "strategy": {"type": "Recreate"},
                "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}))
            .unwrap()
        };
        let causes = update(&resource, "", &object("a"), &object("b"));
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert_eq!(
            causes[0].body(),
            "Invalid value: {\"matchLabels\":{\"app\":\"b\"}}: field is immutable"
        );
    }
}
