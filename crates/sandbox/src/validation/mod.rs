//! What makes an object invalid, with the API server's messages, for what people get wrong most.
//!
//! Source: kubernetes `pkg/apis/*/validation`, apimachinery `pkg/api/validation`.

mod claims;
mod cluster;
mod config;
mod containers;
mod custom;
mod definition;
mod immutable;
mod metadata;
mod network;
mod placement;
mod pods;
mod policies;
mod rarer;
mod scaling;
mod services;
mod state;
mod unwise;
mod workloads;

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::Cause;

/// What is wrong with a new object.
pub(crate) fn create(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = metadata::create(resource, object);
    // The metadata of these are looked at last.
    if resource.is("policy", "poddisruptionbudgets") {
        let found = content(resource, None, object);
        return if found.is_empty() { causes } else { found };
    }
    let rest = if resource.custom.is_some() {
        custom::check(resource, None, object, &causes)
    } else {
        content(resource, None, object)
    };
    causes.extend(rest);
    causes
}

/// What is wrong with a change.
pub(crate) fn update(resource: &Resource, subresource: &str, live: &Object, new: &Object) -> Vec<Cause> {
    let mut causes = metadata::update(resource, live, new);
    if resource.custom.is_some() {
        let rest = custom::check(resource, Some(live), new, &causes);
        causes.extend(rest);
    } else if subresource.is_empty() {
        let changed = immutable::check(resource, live, new);
        // Addresses of slices are not compared with a type that may not be changed anyway.
        let moved = !changed.is_empty() && resource.is("discovery.k8s.io", "endpointslices");
        let mut found = Vec::new();
        if !is_checked_once(resource) {
            found = content(resource, Some(live), new);
            found.retain(|cause| !moved || !cause.detail.starts_with("must be an IPv"));
        }
        // Workloads tell first what is wrong with them, others what may not change.
        let is_workload = matches!(resource.group.as_str(), "apps" | "batch")
            || resource.is("", "pods")
            || resource.is("", "persistentvolumeclaims");
        let (first, second) = if is_workload {
            (found, changed)
        } else {
            (changed, found)
        };
        causes.extend(first);
        causes.extend(second);
    } else if subresource == "status" {
        causes.extend(state::check(resource, new));
    }
    causes
}

/// Kinds of which an update is only compared with what was there.
fn is_checked_once(resource: &Resource) -> bool {
    [
        ("scheduling.k8s.io", "priorityclasses"),
        ("networking.k8s.io", "servicecidrs"),
        ("resource.k8s.io", "resourceclaims"),
    ]
    .iter()
    .any(|(group, plural)| resource.is(group, plural))
}

fn content(resource: &Resource, old: Option<&Object>, object: &Object) -> Vec<Cause> {
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => {
            let mut causes = pods::spec(spec, "spec");
            if old.is_none() && !items(spec, "ephemeralContainers").is_empty() {
                causes.push(Cause::forbidden(
                    "spec.ephemeralContainers",
                    "cannot be set on create",
                ));
            }
            causes
        }
        (
            "apps" | "batch",
            "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs",
        )
        | ("", "replicationcontrollers") => workloads::check(resource, old, object),
        ("", "services") => services::service(spec),
        ("networking.k8s.io", "ingresses") => {
            let mut causes = services::ingress(spec);
            let annotation = "kubernetes.io/ingress.class";
            let class = object.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
            if let (None, Some(class), Some(given)) = (old, class, object.annotation(annotation))
                && class != given
            {
                causes.push(Cause::invalid(
                    format!("annotations.{annotation}"),
                    given,
                    "must match `ingressClassName` when both are specified",
                ));
            }
            causes
        }
        ("networking.k8s.io", "networkpolicies") => network::policy(spec),
        ("networking.k8s.io", "ingressclasses") => ingress_class(text(spec, "controller")),
        ("", "configmaps") => config::config_map(object),
        ("", "secrets") => config::secret(object),
        ("", "persistentvolumeclaims") => {
            let mut causes = Vec::new();
            config::claim(spec, "spec", &mut causes);
            causes
        }
        ("rbac.authorization.k8s.io", "roles") => config::role(object, true),
        ("rbac.authorization.k8s.io", "clusterroles") => config::role(object, false),
        ("rbac.authorization.k8s.io", "rolebindings") => config::role_binding(object, true),
        ("rbac.authorization.k8s.io", "clusterrolebindings") => config::role_binding(object, false),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::check(old, object),
        ("storage.k8s.io", "storageclasses") => cluster::storage_class(object),
        ("autoscaling", "horizontalpodautoscalers") => scaling::autoscaler(old, spec),
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
            if old.is_none() && object.at(&["data"]).is_none_or(Value::is_null) {
                causes.push(Cause::required("data", "data is mandatory"));
            }
            causes
        }
        ("", "endpoints") => cluster::endpoints(object),
        ("", "limitranges") => cluster::limit_range(spec),
        ("discovery.k8s.io", "endpointslices") => cluster::slice(object),
        ("coordination.k8s.io", "leases") => cluster::lease(spec),
        ("node.k8s.io", "runtimeclasses") => cluster::runtime_class(object),
        ("scheduling.k8s.io", "priorityclasses") => priority(object),
        ("admissionregistration.k8s.io" | "flowcontrol.apiserver.k8s.io" | "certificates.k8s.io", _)
        | ("" | "events.k8s.io", "events") => policies::check(resource, old, object),
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
    let mut causes = Vec::new();
    let policy = object.str_at(&["preemptionPolicy"]).unwrap_or_default();
    let supported = ["PreemptLowerPriority", "Never"];
    if !policy.is_empty() && !supported.contains(&policy) {
        causes.push(Cause::not_supported("preemptionPolicy", policy, &supported));
    }
    let value = object.at(&["value"]).and_then(Value::as_i64).unwrap_or(0);
    if value > MOST && !object.name().starts_with("system-") {
        let detail = format!("maximum allowed value of a user defined priority is {MOST}");
        causes.push(Cause::forbidden("value", detail));
    }
    causes
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
    if resource.is("networking.k8s.io", "ingresses")
        && old.is_none()
        && object.annotation("kubernetes.io/ingress.class").is_some()
    {
        warnings.push("annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead".to_owned());
    }
    if resource.is("storage.k8s.io", "csidrivers")
        && object
            .at(&["spec", "tokenRequests"])
            .and_then(Value::as_array)
            .is_some_and(|requests| !requests.is_empty())
        && object.at(&["spec", "serviceAccountTokenInSecrets"]).is_none()
        && old.is_none_or(|old| old.at(&["spec", "tokenRequests"]) != object.at(&["spec", "tokenRequests"]))
    {
        warnings.push("spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes".to_owned());
    }
    let has_pods = matches!(
        resource.plural.as_str(),
        "pods" | "podtemplates" | "replicationcontrollers"
    ) && resource.group.is_empty();
    if has_pods || resource.group == "apps" || resource.group == "batch" {
        let prefix: &[&str] = match resource.plural.as_str() {
            "pods" => &["spec"],
            "podtemplates" => &["template", "spec"],
            "cronjobs" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        };
        if let Some(spec) = object.at(prefix) {
            let meta = [&prefix[..prefix.len() - 1], &["metadata", "annotations"]].concat();
            if let Some(annotations) = object.at(&meta) {
                unwise::armor(spec, annotations, &meta.join("."), warnings);
            }
            unwise::pod(spec, &prefix.join("."), warnings);
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
