//! What is allowed but unwise in Pods and their templates.
//!
//! Source: kubernetes `pkg/api/pod/warnings.go`, `pkg/api/node/util.go`.

use kluctl_schema::quantity_nano;
use serde_json::Value;

use super::{items, map, number, text};

/// Labels of nodes that others have replaced.
const OLD_LABELS: [(&str, &str); 7] = [
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "failure-domain.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
];

/// Tells of annotations that fields have replaced.
///
/// Source: kubernetes `pkg/api/pod/warnings.go`.
pub(super) fn armor(spec: &Value, annotations: &Value, field: &str, warnings: &mut Vec<String>) {
    for container in ["initContainers", "containers"]
        .iter()
        .flat_map(|key| items(spec, key))
    {
        let key = format!(
            "container.apparmor.security.beta.kubernetes.io/{}",
            text(container, "name")
        );
        if annotations.get(&key).is_some() && container["securityContext"]["appArmorProfile"].is_null() {
            warnings.push(format!(
                "{field}[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
    }
}

/// What is allowed but unwise in a Pod's spec.
pub(super) fn pod(spec: &Value, field: &str, warnings: &mut Vec<String>) {
    for (key, _) in map(spec, "nodeSelector") {
        if let Some((_, why)) = OLD_LABELS.iter().find(|(old, _)| old == key) {
            warnings.push(format!("{field}.nodeSelector[{key}]: {why}"));
        }
    }
    selectors(spec, field, warnings);
    volumes(spec, field, warnings);
    for (index, secret) in items(spec, "imagePullSecrets").iter().enumerate() {
        if text(secret, "name").is_empty() {
            warnings.push(format!(
                "{field}.imagePullSecrets[{index}].name: invalid empty name \"\""
            ));
        }
    }
    if number(spec, "terminationGracePeriodSeconds") < 0 {
        warnings.push(format!(
            "{field}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    for key in ["containers", "initContainers"] {
        for (outer, container) in items(spec, key).iter().enumerate() {
            let place = format!("{field}.{key}[{outer}]");
            let mut known: Vec<&str> = Vec::new();
            for (index, variable) in items(container, "env").iter().enumerate() {
                let name = text(variable, "name");
                if known.contains(&name) {
                    warnings.push(format!(
                        "{place}.env[{index}]: hides previous definition of \"{name}\", which may be dropped when using apply"
                    ));
                }
                known.push(name);
            }
            let mut ports: Vec<(i64, &str, usize)> = Vec::new();
            for (index, port) in items(container, "ports").iter().enumerate() {
                let id = (number(port, "containerPort"), text(port, "protocol"));
                if let Some((.., first)) = ports
                    .iter()
                    .find(|(number, protocol, _)| (*number, *protocol) == id)
                {
                    warnings.push(format!(
                        "{place}.ports[{index}]: duplicate port definition with {place}.ports[{first}]"
                    ));
                }
                ports.push((id.0, id.1, index));
            }
        }
    }
}

/// Selectors that select nothing, and old labels that Pods are spread by.
fn selectors(spec: &Value, field: &str, warnings: &mut Vec<String>) {
    let mut check = |term: &Value, place: String| {
        let key = text(term, "topologyKey");
        if let Some((_, why)) = OLD_LABELS.iter().find(|(old, _)| *old == key) {
            warnings.push(format!("{place}.topologyKey: {key} is {why}"));
        }
        if term["labelSelector"].is_null() {
            warnings.push(format!(
                "{place}.labelSelector: a null labelSelector results in matching no pod"
            ));
        }
    };
    for (index, spread) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        check(spread, format!("{field}.topologySpreadConstraints[{index}]"));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let affinity = &spec["affinity"][kind];
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        for (index, term) in items(affinity, required).iter().enumerate() {
            check(term, format!("{field}.affinity.{kind}.{required}[{index}]"));
        }
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (index, term) in items(affinity, preferred).iter().enumerate() {
            let place = format!("{field}.affinity.{kind}.{preferred}[{index}].podAffinityTerm");
            check(&term["podAffinityTerm"], place);
        }
    }
}

/// Kinds of volumes that are going, and parts of bytes.
fn volumes(spec: &Value, field: &str, warnings: &mut Vec<String>) {
    for (index, volume) in items(spec, "volumes").iter().enumerate() {
        for (kind, why) in [
            (
                "photonPersistentDisk",
                "deprecated in v1.11, non-functional in v1.16+",
            ),
            (
                "gitRepo",
                "deprecated in v1.11, and disabled by default in v1.33+",
            ),
            ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
            ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
            ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
            ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
            ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
            ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
            ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
        ] {
            if volume[kind].is_object() {
                warnings.push(format!("{field}.volumes[{index}].{kind}: {why}"));
            }
        }
    }
    for key in ["initContainers", "containers"] {
        for (index, container) in items(spec, key).iter().enumerate() {
            for which in ["requests", "limits"] {
                for name in ["memory", "ephemeral-storage"] {
                    let amount = text(&container["resources"][which], name);
                    if quantity_nano(amount).is_some_and(|nano| nano % 1_000_000_000 != 0) {
                        warnings.push(format!(
                            "{field}.{key}[{index}].resources.{which}[{name}]: fractional byte value \"{amount}\" is invalid, must be an integer"
                        ));
                    }
                }
            }
        }
    }
}
