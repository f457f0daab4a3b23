//! Defaults of Pods and what they are made of.
//!
//! Source: kubernetes `pkg/apis/core/v1/defaults.go`.

use serde_json::{Value, json};

use super::{Entries, empty, existing, map_at, missing, text};

pub(super) fn fill(name: &str, entries: &mut Entries) {
    match name {
        "Pod" => pod(entries),
        "PodSpec" => pod_spec(entries),
        "Container" | "EphemeralContainer" => {
            let policy = pull_policy(text(entries, "image"));
            empty(entries, "imagePullPolicy", policy);
            empty(entries, "terminationMessagePath", "/dev/termination-log");
            empty(entries, "terminationMessagePolicy", "File");
        }
        "Probe" => {
            for (key, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                empty(entries, key, value);
            }
        }
        "HTTPGetAction" => {
            empty(entries, "path", "/");
            empty(entries, "scheme", "HTTP");
        }
        "Volume" => volume(entries),
        "SecretVolumeSource"
        | "ConfigMapVolumeSource"
        | "DownwardAPIVolumeSource"
        | "ProjectedVolumeSource" => {
            missing(entries, "defaultMode", 0o644);
        }
        "ServiceAccountTokenProjection" => missing(entries, "expirationSeconds", 3600),
        "HostPathVolumeSource" => missing(entries, "type", ""),
        "ObjectFieldSelector" => empty(entries, "apiVersion", "v1"),
        "PodStatus" => pod_status(entries),
        _ => {}
    }
}

/// `Always` for what is meant to move, `IfNotPresent` for the rest.
///
/// Source: kubernetes `pkg/util/parsers/parsers.go`, `ParseImageName`.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let is_latest = match (image.contains('@'), name.rsplit_once(':')) {
        (_, Some((_, tag))) if !image.contains('@') => tag == "latest",
        (true, _) => image
            .split('@')
            .next()
            .is_some_and(|name| name.ends_with(":latest")),
        _ => is_reference(image),
    };
    if is_latest { "Always" } else { "IfNotPresent" }
}

/// Tells whether a text without tag and digest can name an image.
fn is_reference(image: &str) -> bool {
    let (domain, path) = match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, image),
    };
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    path.split('/').all(is_part)
        && domain.is_none_or(|domain| {
            domain
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c))
        })
}

fn volume(entries: &mut Entries) {
    let has_source = entries
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    if !has_source {
        entries.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = existing(entries, "image") {
        let policy = pull_policy(text(image, "reference"));
        empty(image, "pullPolicy", policy);
    }
}

fn pod_spec(entries: &mut Entries) {
    if text(entries, "serviceAccountName").is_empty()
        && let Some(account) = entries.get("serviceAccount").cloned()
    {
        entries.insert("serviceAccountName".to_owned(), account);
    }
    if let Some(account) = entries.get("serviceAccountName").cloned() {
        entries.insert("serviceAccount".to_owned(), account);
    }
    empty(entries, "dnsPolicy", "ClusterFirst");
    empty(entries, "restartPolicy", "Always");
    missing(entries, "securityContext", json!({}));
    missing(entries, "terminationGracePeriodSeconds", 30);
    empty(entries, "schedulerName", "default-scheduler");
}

fn host_ports(container: &mut Value) {
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(number) = port.get("containerPort").cloned() {
            empty(port, "hostPort", number);
        }
    }
}

fn pod(entries: &mut Entries) {
    let Some(spec) = map_at(entries, "spec") else {
        return;
    };
    if spec
        .get("terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .is_some_and(|seconds| seconds < 0)
    {
        spec.insert("terminationGracePeriodSeconds".to_owned(), Value::from(1));
    }
    for key in ["containers", "initContainers"] {
        let containers = spec.get_mut(key).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            requests_from_limits(container);
        }
    }
    missing(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork").and_then(Value::as_bool) == Some(true) {
        for key in ["containers", "initContainers"] {
            let containers = spec.get_mut(key).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                host_ports(container);
            }
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    if let Some(requests) = map_at(resources, "requests") {
        for (key, value) in limits {
            missing(requests, &key, value);
        }
    }
}

fn pod_status(entries: &mut Entries) {
    let address = text(entries, "podIP").to_owned();
    let first = entries
        .get("podIPs")
        .and_then(|list| list.get(0)?.get("ip")?.as_str())
        .unwrap_or_default()
        .to_owned();
    if address.is_empty() && !first.is_empty() {
        entries.insert("podIP".to_owned(), Value::from(first));
    } else if !address.is_empty() && first != address {
        entries.insert("podIPs".to_owned(), json!([{"ip": address}]));
    }
}

#[cfg(test)]
mod tests {
    use super::pull_policy;

    #[test]
    fn pull_policies() {
        for (image, expected) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.25", "IfNotPresent"),
            ("localhost:5000/nginx", "Always"),
            ("localhost:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
            ("nginx:latest@sha256:abc", "Always"),
            ("", "IfNotPresent"),
            ("BAD Image", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), expected, "{image}");
        }
    }
}
