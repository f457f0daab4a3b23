//! What makes an object invalid, with the API server's messages, for what people get wrong most.
//!
//! Source: kubernetes `pkg/apis/*/validation`, apimachinery `pkg/api/validation`.

mod cluster;
mod config;
mod custom;
mod definition;
mod immutable;
mod metadata;
mod placement;
mod pods;
mod rarer;
mod scaling;
mod services;
mod workloads;

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::Cause;

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
        causes.extend(custom::check(resource, Some(live), new));
    } else if subresource.is_empty() {
        causes.extend(immutable::check(resource, live, new));
        if !resource.is("scheduling.k8s.io", "priorityclasses") {
            causes.extend(content(resource, new));
        }
    }
    causes
}

fn content(resource: &Resource, object: &Object) -> Vec<Cause> {
    if resource.custom.is_some() {
        return custom::check(resource, None, object);
    }
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
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
        ("networking.k8s.io", "ingressclasses") => ingress_class(text(spec, "controller")),
        ("", "configmaps") => config::config_map(object),
        ("", "secrets") => config::secret(object),
        ("", "persistentvolumeclaims") => config::claim(spec),
        ("rbac.authorization.k8s.io", "roles") => config::role(object, true),
        ("rbac.authorization.k8s.io", "clusterroles") => config::role(object, false),
        ("rbac.authorization.k8s.io", "rolebindings") => config::role_binding(object, true),
        ("rbac.authorization.k8s.io", "clusterrolebindings") => config::role_binding(object, false),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::check(object),
        ("storage.k8s.io", "storageclasses") => cluster::storage_class(object),
        ("autoscaling", "horizontalpodautoscalers") => scaling::autoscaler(spec),
        ("policy", "poddisruptionbudgets") => scaling::budget(spec),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations") => {
            cluster::webhooks(object, false)
        }
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations") => cluster::webhooks(object, true),
        ("", "persistentvolumes") => cluster::volume(spec),
        ("apps", "controllerrevisions") => {
            let mut causes = Vec::new();
            let revision = object.at(&["revision"]).and_then(Value::as_i64).unwrap_or(0);
            at_least_zero(revision, "revision", &mut causes);
            causes
        }
        ("", "endpoints") => cluster::endpoints(object),
        ("", "limitranges") => cluster::limit_range(spec),
        ("discovery.k8s.io", "endpointslices") => cluster::slice(object),
        ("coordination.k8s.io", "leases") => cluster::lease(spec),
        ("node.k8s.io", "runtimeclasses") => cluster::runtime_class(object),
        ("scheduling.k8s.io", "priorityclasses") => priority(object),
        _ => rarer::check(resource, object),
    }
}

fn ingress_class(controller: &str) -> Vec<Cause> {
    if controller.is_empty() {
        return vec![Cause::required("spec.controller", "")];
    }
    if controller
        .split_once('/')
        .is_some_and(|(host, path)| !host.is_empty() && !path.is_empty())
    {
        return Vec::new();
    }
    let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
    vec![Cause::invalid("spec.controller", controller, detail)]
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
pub(crate) fn warnings(
    resource: &Resource,
    old: Option<&Object>,
    object: &Object,
    warnings: &mut Vec<String>,
) {
    custom::warnings(resource, old, object, warnings);
    let is = |keys: &[&str], value: &str| object.str_at(keys) == Some(value);
    if resource.is("", "services")
        && !is(&["spec", "type"], "ExternalName")
        && object
            .str_at(&["spec", "externalName"])
            .is_some_and(|name| !name.is_empty())
    {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if resource.is("", "persistentvolumes") && is(&["spec", "persistentVolumeReclaimPolicy"], "Recycle") {
        warnings.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".to_owned());
    }
    if resource.is("discovery.k8s.io", "endpointslices") && is(&["addressType"], "FQDN") {
        warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
    }
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
