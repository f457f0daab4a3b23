//! The columns `kubectl get` shows.
//!
//! Source: kubernetes `pkg/printers/internalversion/printers.go`.

use std::sync::LazyLock;

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::qualified;

mod rarer;

/// One column: its name and what stands in it.
struct Column(&'static str, fn(&Object) -> Value);

const NONE: &str = "<none>";

fn value(object: &Object, path: &str) -> Value {
    let keys: Vec<&str> = path.split('.').collect();
    object.at(&keys).cloned().unwrap_or_default()
}

fn text(object: &Object, path: &str) -> String {
    match value(object, path) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn text_or(object: &Object, path: &str, other: &str) -> Value {
    let found = text(object, path);
    json!(if found.is_empty() { other } else { &found })
}

fn number(object: &Object, path: &str) -> i64 {
    value(object, path).as_i64().unwrap_or(0)
}

fn count(object: &Object, key: &str) -> usize {
    let part = object.at(&[key]);
    part.and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

fn count_of(object: &Object, path: &str) -> usize {
    value(object, path).as_array().map_or(0, Vec::len)
}

fn since(time: &str) -> Value {
    match crate::time::seconds_since(time) {
        Some(seconds) => json!(human_duration(seconds)),
        None => json!("<unknown>"),
    }
}

fn age(object: &Object) -> Value {
    since(&text(object, "metadata.creationTimestamp"))
}

fn join(items: &Value, part: fn(&Value) -> String) -> Value {
    let parts: Vec<String> = items
        .as_array()
        .into_iter()
        .flatten()
        .map(part)
        .filter(|text| !text.is_empty())
        .collect();
    json!(parts.join(","))
}

fn plain(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn labels_text(labels: &Value) -> Value {
    let parts: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!(if parts.is_empty() {
        NONE.to_owned()
    } else {
        parts.join(",")
    })
}

fn selector(object: &Object) -> Value {
    // Controllers of the first days have bare labels.
    match object.kind() {
        "ReplicationController" => labels_text(&value(object, "spec.selector")),
        _ => labels_text(&value(object, "spec.selector.matchLabels")),
    }
}

fn containers(object: &Object) -> Value {
    join(&value(object, "spec.template.spec.containers"), |container| {
        plain(container, "name")
    })
}

fn images(object: &Object) -> Value {
    join(&value(object, "spec.template.spec.containers"), |container| {
        plain(container, "image")
    })
}

fn modes(object: &Object, path: &str) -> Value {
    join(&value(object, path), |mode| {
        match mode.as_str().unwrap_or_default() {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            _ => "",
        }
        .to_owned()
    })
}

fn pod_ready(pod: &Object) -> Value {
    let statuses = value(pod, "status.containerStatuses");
    let ready = statuses
        .as_array()
        .into_iter()
        .flatten()
        .filter(|status| status["ready"] == true)
        .count();
    let total = value(pod, "spec.containers").as_array().map_or(0, Vec::len);
    json!(format!("{ready}/{total}"))
}

fn pod_status(pod: &Object) -> Value {
    if pod.at(&["metadata", "deletionTimestamp"]).is_some() {
        return json!("Terminating");
    }
    let statuses = value(pod, "status.containerStatuses");
    let reason = statuses.as_array().into_iter().flatten().find_map(|status| {
        let waiting = status.pointer("/state/waiting/reason");
        waiting
            .or_else(|| status.pointer("/state/terminated/reason"))
            .and_then(Value::as_str)
    });
    match reason {
        Some(reason) => json!(reason),
        None => text_or(pod, "status.phase", "Unknown"),
    }
}

fn external_address(service: &Object) -> Value {
    match text(service, "spec.type").as_str() {
        "ExternalName" => text_or(service, "spec.externalName", NONE),
        "LoadBalancer" => {
            let list = join(&value(service, "status.loadBalancer.ingress"), |entry| {
                let ip = plain(entry, "ip");
                if ip.is_empty() {
                    plain(entry, "hostname")
                } else {
                    ip
                }
            });
            if list == "" { json!("<pending>") } else { list }
        }
        _ => {
            let list = join(&value(service, "spec.externalIPs"), |ip| {
                ip.as_str().unwrap_or_default().to_owned()
            });
            if list == "" { json!(NONE) } else { list }
        }
    }
}

fn service_ports(service: &Object) -> Value {
    let list = join(&value(service, "spec.ports"), |port| {
        let node = port["nodePort"].as_i64().filter(|number| *number > 0);
        let node = node.map(|number| format!(":{number}")).unwrap_or_default();
        format!("{}{node}/{}", port["port"], plain(port, "protocol"))
    });
    if list == "" { json!(NONE) } else { list }
}

fn hosts(ingress: &Object) -> Value {
    let list = join(&value(ingress, "spec.rules"), |rule| plain(rule, "host"));
    if list == "" { json!("*") } else { list }
}

fn job_status(job: &Object) -> Value {
    let conditions = value(job, "status.conditions");
    let holds = |kind: &str| {
        conditions
            .as_array()
            .into_iter()
            .flatten()
            .any(|known| known["type"] == kind && known["status"] == "True")
    };
    for (kind, shown) in [
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ] {
        if holds(kind) {
            return json!(shown);
        }
    }
    json!("Running")
}

fn job_duration(job: &Object) -> Value {
    let start = text(job, "status.startTime");
    let end = text(job, "status.completionTime");
    match (
        crate::time::seconds_since(&start),
        crate::time::seconds_since(&end),
    ) {
        (None, _) => json!(""),
        (Some(start), Some(end)) => json!(human_duration(start - end)),
        (Some(start), None) => json!(human_duration(start)),
    }
}

fn node_status(node: &Object) -> Value {
    let conditions = value(node, "status.conditions");
    let ready = conditions
        .as_array()
        .into_iter()
        .flatten()
        .find(|known| known["type"] == "Ready");
    let state = match ready.map(|known| known["status"] == "True") {
        Some(true) => "Ready",
        Some(false) => "NotReady",
        None => "Unknown",
    };
    let fenced = value(node, "spec.unschedulable") == true;
    json!(if fenced {
        format!("{state},SchedulingDisabled")
    } else {
        state.to_owned()
    })
}

fn node_roles(node: &Object) -> Value {
    let roles: Vec<&str> = node
        .labels()
        .into_iter()
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .filter(|role| !role.is_empty())
        .collect();
    json!(if roles.is_empty() {
        NONE.to_owned()
    } else {
        roles.join(",")
    })
}

fn subjects(object: &Object, kind: &str) -> Value {
    let list = value(object, "subjects");
    let parts: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| match kind {
            "ServiceAccount" => format!("{}/{}", plain(subject, "namespace"), plain(subject, "name")),
            _ => plain(subject, "name"),
        })
        .collect();
    json!(parts.join(", "))
}

const AGE: Column = Column("Age", age);

const PODS: &[Column] = &[
    Column("Ready", pod_ready),
    Column("Status", pod_status),
    Column("Restarts", |_| json!("0")),
    AGE,
    Column("IP", |o| text_or(o, "status.podIP", NONE)),
    Column("Node", |o| text_or(o, "spec.nodeName", NONE)),
    Column("Nominated Node", |o| text_or(o, "status.nominatedNodeName", NONE)),
    Column("Readiness Gates", |_| json!(NONE)),
];

const SERVICES: &[Column] = &[
    Column("Type", |o| json!(text(o, "spec.type"))),
    Column("Cluster-IP", |o| text_or(o, "spec.clusterIP", NONE)),
    Column("External-IP", external_address),
    Column("Port(s)", service_ports),
    AGE,
    Column("Selector", |o| labels_text(&value(o, "spec.selector"))),
];

const NODES: &[Column] = &[
    Column("Status", node_status),
    Column("Roles", node_roles),
    AGE,
    Column("Version", |o| json!(text(o, "status.nodeInfo.kubeletVersion"))),
];

const CLAIMS: &[Column] = &[
    Column("Status", |o| json!(text(o, "status.phase"))),
    Column("Volume", |o| json!(text(o, "spec.volumeName"))),
    Column("Capacity", |o| json!(text(o, "status.capacity.storage"))),
    Column("Access Modes", |o| modes(o, "status.accessModes")),
    Column("StorageClass", |o| json!(text(o, "spec.storageClassName"))),
    Column("VolumeAttributesClass", |o| {
        text_or(o, "spec.volumeAttributesClassName", "<unset>")
    }),
    AGE,
    Column("VolumeMode", |o| text_or(o, "spec.volumeMode", "<unset>")),
];

const VOLUMES: &[Column] = &[
    Column("Capacity", |o| json!(text(o, "spec.capacity.storage"))),
    Column("Access Modes", |o| modes(o, "spec.accessModes")),
    Column("Reclaim Policy", |o| {
        json!(text(o, "spec.persistentVolumeReclaimPolicy"))
    }),
    Column("Status", |o| json!(text(o, "status.phase"))),
    Column("Claim", |o| {
        let (namespace, name) = (text(o, "spec.claimRef.namespace"), text(o, "spec.claimRef.name"));
        json!(if name.is_empty() {
            String::new()
        } else {
            format!("{namespace}/{name}")
        })
    }),
    Column("StorageClass", |o| json!(text(o, "spec.storageClassName"))),
    Column("VolumeAttributesClass", |o| {
        text_or(o, "spec.volumeAttributesClassName", "<unset>")
    }),
    Column("Reason", |o| json!(text(o, "status.reason"))),
    AGE,
    Column("VolumeMode", |o| text_or(o, "spec.volumeMode", "<unset>")),
];

const DEPLOYMENTS: &[Column] = &[
    Column("Ready", |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.readyReplicas"),
            number(o, "spec.replicas")
        ))
    }),
    Column("Up-to-date", |o| json!(number(o, "status.updatedReplicas"))),
    Column("Available", |o| json!(number(o, "status.availableReplicas"))),
    AGE,
    Column("Containers", containers),
    Column("Images", images),
    Column("Selector", selector),
];

const REPLICA_SETS: &[Column] = &[
    Column("Desired", |o| json!(number(o, "spec.replicas"))),
    Column("Current", |o| json!(number(o, "status.replicas"))),
    Column("Ready", |o| json!(number(o, "status.readyReplicas"))),
    AGE,
    Column("Containers", containers),
    Column("Images", images),
    Column("Selector", selector),
];

const STATEFUL_SETS: &[Column] = &[
    Column("Ready", |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.readyReplicas"),
            number(o, "spec.replicas")
        ))
    }),
    AGE,
    Column("Containers", containers),
    Column("Images", images),
];

const DAEMON_SETS: &[Column] = &[
    Column("Desired", |o| json!(number(o, "status.desiredNumberScheduled"))),
    Column("Current", |o| json!(number(o, "status.currentNumberScheduled"))),
    Column("Ready", |o| json!(number(o, "status.numberReady"))),
    Column("Up-to-date", |o| {
        json!(number(o, "status.updatedNumberScheduled"))
    }),
    Column("Available", |o| json!(number(o, "status.numberAvailable"))),
    Column("Node Selector", |o| {
        labels_text(&value(o, "spec.template.spec.nodeSelector"))
    }),
    AGE,
    Column("Containers", containers),
    Column("Images", images),
    Column("Selector", selector),
];

const JOBS: &[Column] = &[
    Column("Status", job_status),
    Column("Completions", |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.succeeded"),
            number(o, "spec.completions")
        ))
    }),
    Column("Duration", job_duration),
    AGE,
    Column("Containers", containers),
    Column("Images", images),
    Column("Selector", selector),
];

const CRON_JOBS: &[Column] = &[
    Column("Schedule", |o| json!(text(o, "spec.schedule"))),
    Column("Timezone", |o| text_or(o, "spec.timeZone", NONE)),
    Column("Suspend", |o| {
        json!(if value(o, "spec.suspend") == true {
            "True"
        } else {
            "False"
        })
    }),
    Column("Active", |o| {
        json!(value(o, "status.active").as_array().map_or(0, Vec::len))
    }),
    Column("Last Schedule", |o| {
        match text(o, "status.lastScheduleTime").as_str() {
            "" => json!(NONE),
            time => since(time),
        }
    }),
    AGE,
];

const INGRESSES: &[Column] = &[
    Column("Class", |o| text_or(o, "spec.ingressClassName", NONE)),
    Column("Hosts", hosts),
    Column("Address", |o| {
        join(&value(o, "status.loadBalancer.ingress"), |entry| {
            plain(entry, "ip")
        })
    }),
    Column("Ports", |o| {
        json!(if value(o, "spec.tls").is_array() {
            "80, 443"
        } else {
            "80"
        })
    }),
    AGE,
];

const BINDINGS: &[Column] = &[
    Column("Role", |o| {
        json!(format!("{}/{}", text(o, "roleRef.kind"), text(o, "roleRef.name")))
    }),
    AGE,
    Column("Users", |o| subjects(o, "User")),
    Column("Groups", |o| subjects(o, "Group")),
    Column("ServiceAccounts", |o| subjects(o, "ServiceAccount")),
];

const BUDGETS: &[Column] = &[
    Column("Min Available", |o| text_or(o, "spec.minAvailable", "N/A")),
    Column("Max Unavailable", |o| text_or(o, "spec.maxUnavailable", "N/A")),
    Column("Allowed Disruptions", |o| {
        json!(number(o, "status.disruptionsAllowed"))
    }),
    AGE,
];

const AUTOSCALERS: &[Column] = &[
    Column("Reference", |o| {
        json!(format!(
            "{}/{}",
            text(o, "spec.scaleTargetRef.kind"),
            text(o, "spec.scaleTargetRef.name")
        ))
    }),
    Column("Targets", rarer::targets),
    Column("MinPods", |o| text_or(o, "spec.minReplicas", "<unset>")),
    Column("MaxPods", |o| json!(number(o, "spec.maxReplicas"))),
    Column("Replicas", |o| json!(number(o, "status.currentReplicas"))),
    AGE,
];

const STORAGE_CLASSES: &[Column] = &[
    Column("Provisioner", |o| json!(text(o, "provisioner"))),
    Column("ReclaimPolicy", |o| json!(text(o, "reclaimPolicy"))),
    Column("VolumeBindingMode", |o| json!(text(o, "volumeBindingMode"))),
    Column("AllowVolumeExpansion", |o| {
        json!(value(o, "allowVolumeExpansion") == true)
    }),
    AGE,
];

const PRIORITY_CLASSES: &[Column] = &[
    Column("Value", |o| json!(number(o, "value"))),
    Column("Global-Default", |o| json!(value(o, "globalDefault") == true)),
    AGE,
    Column("PreemptionPolicy", |o| json!(text(o, "preemptionPolicy"))),
];

const INGRESS_CLASSES: &[Column] = &[
    Column("Controller", |o| json!(text(o, "spec.controller"))),
    Column("Parameters", |_| json!(NONE)),
    AGE,
];

fn columns(resource: &Resource) -> &'static [Column] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => PODS,
        ("", "services") => SERVICES,
        ("", "namespaces") => &[Column("Status", |o| json!(text(o, "status.phase"))), AGE],
        ("", "nodes") => NODES,
        ("", "configmaps") => &[
            Column("Data", |o| json!(count(o, "data") + count(o, "binaryData"))),
            AGE,
        ],
        ("", "secrets") => &[
            Column("Type", |o| json!(text(o, "type"))),
            Column("Data", |o| json!(count(o, "data"))),
            AGE,
        ],
        ("", "persistentvolumeclaims") => CLAIMS,
        ("", "persistentvolumes") => VOLUMES,
        ("apps", "deployments") => DEPLOYMENTS,
        ("apps", "replicasets") | ("", "replicationcontrollers") => REPLICA_SETS,
        ("apps", "statefulsets") => STATEFUL_SETS,
        ("apps", "daemonsets") => DAEMON_SETS,
        ("batch", "jobs") => JOBS,
        ("batch", "cronjobs") => CRON_JOBS,
        ("networking.k8s.io", "ingresses") => INGRESSES,
        ("networking.k8s.io", "ingressclasses") => INGRESS_CLASSES,
        ("networking.k8s.io", "networkpolicies") => &[
            Column("Pod-Selector", |o| {
                labels_text(&value(o, "spec.podSelector.matchLabels"))
            }),
            AGE,
        ],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => BINDINGS,
        ("policy", "poddisruptionbudgets") => BUDGETS,
        ("autoscaling", "horizontalpodautoscalers") => AUTOSCALERS,
        ("storage.k8s.io", "storageclasses") => STORAGE_CLASSES,
        ("scheduling.k8s.io", "priorityclasses") => PRIORITY_CLASSES,
        ("coordination.k8s.io", "leases") => {
            &[Column("Holder", |o| json!(text(o, "spec.holderIdentity"))), AGE]
        }
        (group, plural) => rarer::columns(group, plural),
    }
}

/// The columns of built-in kinds as kube-apiserver 1.37.2 describes them: name, type, format, priority, description.
static DEFINITIONS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../table/columns.json")).unwrap_or_default());

fn definition(row: &Value) -> Value {
    let description = match row[4].as_str() {
        Some(name @ ("$name" | "$age")) => DEFINITIONS[name].clone(),
        _ => row[4].clone(),
    };
    json!({"name": row[0], "type": row[1], "format": row[2], "description": description, "priority": row[3]})
}

/// What every kind has that has no columns of its own.
fn of_any(with_age: bool, kind: &str) -> Vec<Value> {
    let mut list = vec![definition(&json!(["Name", "string", "name", 0, "$name"]))];
    if with_age {
        list.push(definition(&json!(["Age", kind, "", 0, "$age"])));
    }
    list
}

/// The columns of a resource.
pub(crate) fn definitions(resource: &Resource) -> Vec<Value> {
    let Some(custom) = &resource.custom else {
        let rows = DEFINITIONS[qualified(&resource.plural, &resource.group)].as_array();
        return rows.map_or_else(
            || of_any(true, "string"),
            |rows| rows.iter().map(definition).collect(),
        );
    };
    let mut list = of_any(custom.columns.is_empty(), "date");
    for known in &custom.columns {
        let text = |key: &str| known[key].as_str().unwrap_or_default();
        let description = match text("description") {
            "" => format!(
                "Custom resource definition column (in JSONPath format): {}",
                text("jsonPath")
            ),
            given => given.to_owned(),
        };
        list.push(json!({
            "name": text("name"), "type": text("type"), "format": text("format"),
            "description": description, "priority": known["priority"].as_i64().unwrap_or(0),
        }));
    }
    list
}

/// An object's cells.
pub(crate) fn cells(resource: &Resource, object: &Object) -> Vec<Value> {
    let mut list = vec![json!(object.name())];
    let Some(custom) = &resource.custom else {
        let known = columns(resource);
        let details: &[Column] = match resource.plural.as_str() {
            "nodes" => rarer::NODE_DETAILS,
            "cronjobs" => rarer::CRON_DETAILS,
            _ => &[],
        };
        let cell = |definition: &Value| {
            if definition["name"] == "Name" {
                return json!(object.name());
            }
            let mut all = known.iter().chain(details);
            let column = all.find(|column| definition["name"] == column.0);
            column.map_or(Value::Null, |column| column.1(object))
        };
        return definitions(resource).iter().map(cell).collect();
    };
    let whole = object.to_value();
    for known in &custom.columns {
        let path = known["jsonPath"].as_str().unwrap_or_default();
        let found = at_path(&whole, path);
        list.push(match (known["type"].as_str().unwrap_or_default(), found) {
            ("date", Some(Value::String(time))) => since(time),
            ("string", Some(Value::Array(_) | Value::Object(_))) => json!(found.map(Value::to_string)),
            (_, found) => found.cloned().unwrap_or_default(),
        });
    }
    if custom.columns.is_empty() {
        list.push(age(object));
    }
    list
}

/// Follows the paths printer columns use most: fields, indices, and conditions by their type.
fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut current = value;
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = inner.split_once(']')?;
            rest = after;
            current = if let Some(filter) = step
                .strip_prefix("?(@.")
                .and_then(|filter| filter.strip_suffix(')'))
            {
                let (key, wanted) = filter.split_once("==")?;
                let wanted = wanted.trim().trim_matches(['"', '\'']);
                let key = key.trim();
                current
                    .as_array()?
                    .iter()
                    .find(|item| item[key].as_str() == Some(wanted))?
            } else if let Ok(index) = step.parse::<usize>() {
                current.get(index)?
            } else {
                current.get(step.trim_matches(['"', '\'']))?
            };
        } else {
            let inner = rest.strip_prefix('.').unwrap_or(rest);
            let mut end = inner.len();
            let bytes = inner.as_bytes();
            for (index, byte) in bytes.iter().enumerate() {
                let escaped = index > 0 && bytes[index - 1] == b'\\';
                if matches!(byte, b'.' | b'[') && !escaped {
                    end = index;
                    break;
                }
            }
            let key = inner[..end].replace('\\', "");
            rest = &inner[end..];
            if key.is_empty() {
                return None;
            }
            current = current.get(&key)?;
        }
    }
    Some(current)
}

/// A duration as kubectl shows it.
///
/// Source: apimachinery `pkg/util/duration/duration.go`.
pub(crate) fn human_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |major: i64, unit: char, minor: i64, small: char| {
        if minor == 0 {
            format!("{major}{unit}")
        } else {
            format!("{major}{unit}{minor}{small}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10800 => format!("{minutes}m"),
        10800..28800 => two(hours, 'h', minutes % 60, 'm'),
        28800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_columns_are_followed() {
        let value =
            json!({"a": {"b.c": [1, 2]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(at_path(&value, r".a.b\.c[1]"), Some(&json!(2)));
        assert_eq!(
            at_path(&value, ".status.conditions[?(@.type==\"Ready\")].status"),
            Some(&json!("True"))
        );
        assert_eq!(at_path(&value, ".missing.x"), None);
    }

    #[test]
    fn durations_are_short() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (3600, "60m"),
            (90_000, "25h"),
            (172_800, "2d"),
        ] {
            assert_eq!(human_duration(seconds), shown, "{seconds}");
        }
    }
}
