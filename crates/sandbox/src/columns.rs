//! The columns `kubectl get` shows.
//!
//! Source: kubernetes `pkg/printers/internalversion/printers.go`.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;

/// One column: its name, type and priority, and what stands in it.
struct Column(&'static str, &'static str, i64, fn(&Object) -> Value);

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
    labels_text(&value(object, "spec.selector.matchLabels"))
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

fn modes(object: &Object) -> Value {
    join(&value(object, "spec.accessModes"), |mode| {
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

const AGE: Column = Column("Age", "string", 0, age);

const PODS: &[Column] = &[
    Column("Ready", "string", 0, pod_ready),
    Column("Status", "string", 0, pod_status),
    Column("Restarts", "string", 0, |_| json!("0")),
    AGE,
    Column("IP", "string", 1, |o| text_or(o, "status.podIP", NONE)),
    Column("Node", "string", 1, |o| text_or(o, "spec.nodeName", NONE)),
    Column("Nominated Node", "string", 1, |o| {
        text_or(o, "status.nominatedNodeName", NONE)
    }),
    Column("Readiness Gates", "string", 1, |_| json!(NONE)),
];

const SERVICES: &[Column] = &[
    Column("Type", "string", 0, |o| json!(text(o, "spec.type"))),
    Column("Cluster-IP", "string", 0, |o| text_or(o, "spec.clusterIP", NONE)),
    Column("External-IP", "string", 0, external_address),
    Column("Port(s)", "string", 0, service_ports),
    AGE,
    Column("Selector", "string", 1, |o| {
        labels_text(&value(o, "spec.selector"))
    }),
];

const NODES: &[Column] = &[
    Column("Status", "string", 0, node_status),
    Column("Roles", "string", 0, node_roles),
    AGE,
    Column("Version", "string", 0, |o| {
        json!(text(o, "status.nodeInfo.kubeletVersion"))
    }),
];

const CLAIMS: &[Column] = &[
    Column("Status", "string", 0, |o| json!(text(o, "status.phase"))),
    Column("Volume", "string", 0, |o| json!(text(o, "spec.volumeName"))),
    Column("Capacity", "string", 0, |o| {
        json!(text(o, "status.capacity.storage"))
    }),
    Column("Access Modes", "string", 0, modes),
    Column("StorageClass", "string", 0, |o| {
        json!(text(o, "spec.storageClassName"))
    }),
    Column("VolumeAttributesClass", "string", 0, |o| {
        text_or(o, "spec.volumeAttributesClassName", "<unset>")
    }),
    AGE,
    Column("VolumeMode", "string", 1, |o| {
        text_or(o, "spec.volumeMode", "<unset>")
    }),
];

const VOLUMES: &[Column] = &[
    Column("Capacity", "string", 0, |o| {
        json!(text(o, "spec.capacity.storage"))
    }),
    Column("Access Modes", "string", 0, modes),
    Column("Reclaim Policy", "string", 0, |o| {
        json!(text(o, "spec.persistentVolumeReclaimPolicy"))
    }),
    Column("Status", "string", 0, |o| json!(text(o, "status.phase"))),
    Column("Claim", "string", 0, |o| {
        let (namespace, name) = (text(o, "spec.claimRef.namespace"), text(o, "spec.claimRef.name"));
        json!(if name.is_empty() {
            String::new()
        } else {
            format!("{namespace}/{name}")
        })
    }),
    Column("StorageClass", "string", 0, |o| {
        json!(text(o, "spec.storageClassName"))
    }),
    Column("VolumeAttributesClass", "string", 0, |o| {
        text_or(o, "spec.volumeAttributesClassName", "<unset>")
    }),
    Column("Reason", "string", 0, |o| json!(text(o, "status.reason"))),
    AGE,
    Column("VolumeMode", "string", 1, |o| {
        text_or(o, "spec.volumeMode", "<unset>")
    }),
];

const EVENTS: &[Column] = &[
    Column("Last Seen", "string", 0, |o| since(&text(o, "lastTimestamp"))),
    Column("Type", "string", 0, |o| json!(text(o, "type"))),
    Column("Reason", "string", 0, |o| json!(text(o, "reason"))),
    Column("Object", "string", 0, |o| {
        let kind = text(o, "involvedObject.kind").to_lowercase();
        json!(format!("{kind}/{}", text(o, "involvedObject.name")))
    }),
    Column("Message", "string", 0, |o| json!(text(o, "message").trim())),
];

const DEPLOYMENTS: &[Column] = &[
    Column("Ready", "string", 0, |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.readyReplicas"),
            number(o, "spec.replicas")
        ))
    }),
    Column("Up-to-date", "string", 0, |o| {
        json!(number(o, "status.updatedReplicas"))
    }),
    Column("Available", "string", 0, |o| {
        json!(number(o, "status.availableReplicas"))
    }),
    AGE,
    Column("Containers", "string", 1, containers),
    Column("Images", "string", 1, images),
    Column("Selector", "string", 1, selector),
];

const REPLICA_SETS: &[Column] = &[
    Column("Desired", "integer", 0, |o| json!(number(o, "spec.replicas"))),
    Column("Current", "integer", 0, |o| json!(number(o, "status.replicas"))),
    Column("Ready", "integer", 0, |o| {
        json!(number(o, "status.readyReplicas"))
    }),
    AGE,
    Column("Containers", "string", 1, containers),
    Column("Images", "string", 1, images),
    Column("Selector", "string", 1, selector),
];

const STATEFUL_SETS: &[Column] = &[
    Column("Ready", "string", 0, |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.readyReplicas"),
            number(o, "spec.replicas")
        ))
    }),
    AGE,
    Column("Containers", "string", 1, containers),
    Column("Images", "string", 1, images),
];

const DAEMON_SETS: &[Column] = &[
    Column("Desired", "integer", 0, |o| {
        json!(number(o, "status.desiredNumberScheduled"))
    }),
    Column("Current", "integer", 0, |o| {
        json!(number(o, "status.currentNumberScheduled"))
    }),
    Column("Ready", "integer", 0, |o| json!(number(o, "status.numberReady"))),
    Column("Up-to-date", "integer", 0, |o| {
        json!(number(o, "status.updatedNumberScheduled"))
    }),
    Column("Available", "integer", 0, |o| {
        json!(number(o, "status.numberAvailable"))
    }),
    Column("Node Selector", "string", 0, |o| {
        labels_text(&value(o, "spec.template.spec.nodeSelector"))
    }),
    AGE,
    Column("Containers", "string", 1, containers),
    Column("Images", "string", 1, images),
    Column("Selector", "string", 1, selector),
];

const JOBS: &[Column] = &[
    Column("Status", "string", 0, job_status),
    Column("Completions", "string", 0, |o| {
        json!(format!(
            "{}/{}",
            number(o, "status.succeeded"),
            number(o, "spec.completions")
        ))
    }),
    Column("Duration", "string", 0, job_duration),
    AGE,
    Column("Containers", "string", 1, containers),
    Column("Images", "string", 1, images),
    Column("Selector", "string", 1, selector),
];

const CRON_JOBS: &[Column] = &[
    Column("Schedule", "string", 0, |o| json!(text(o, "spec.schedule"))),
    Column("Timezone", "string", 0, |o| text_or(o, "spec.timeZone", NONE)),
    Column("Suspend", "boolean", 0, |o| {
        json!(value(o, "spec.suspend") == true)
    }),
    Column("Active", "integer", 0, |o| {
        json!(value(o, "status.active").as_array().map_or(0, Vec::len))
    }),
    Column("Last Schedule", "string", 0, |o| {
        match text(o, "status.lastScheduleTime").as_str() {
            "" => json!(NONE),
            time => since(time),
        }
    }),
    AGE,
];

const INGRESSES: &[Column] = &[
    Column("Class", "string", 0, |o| {
        text_or(o, "spec.ingressClassName", NONE)
    }),
    Column("Hosts", "string", 0, hosts),
    Column("Address", "string", 0, |o| {
        join(&value(o, "status.loadBalancer.ingress"), |entry| {
            plain(entry, "ip")
        })
    }),
    Column("Ports", "string", 0, |o| {
        json!(if value(o, "spec.tls").is_array() {
            "80, 443"
        } else {
            "80"
        })
    }),
    AGE,
];

const BINDINGS: &[Column] = &[
    Column("Role", "string", 0, |o| {
        json!(format!("{}/{}", text(o, "roleRef.kind"), text(o, "roleRef.name")))
    }),
    AGE,
    Column("Users", "string", 1, |o| subjects(o, "User")),
    Column("Groups", "string", 1, |o| subjects(o, "Group")),
    Column("ServiceAccounts", "string", 1, |o| subjects(o, "ServiceAccount")),
];

const BUDGETS: &[Column] = &[
    Column("Min Available", "string", 0, |o| {
        text_or(o, "spec.minAvailable", "N/A")
    }),
    Column("Max Unavailable", "string", 0, |o| {
        text_or(o, "spec.maxUnavailable", "N/A")
    }),
    Column("Allowed Disruptions", "integer", 0, |o| {
        json!(number(o, "status.disruptionsAllowed"))
    }),
    AGE,
];

const AUTOSCALERS: &[Column] = &[
    Column("Reference", "string", 0, |o| {
        json!(format!(
            "{}/{}",
            text(o, "spec.scaleTargetRef.kind"),
            text(o, "spec.scaleTargetRef.name")
        ))
    }),
    Column("Targets", "string", 0, |_| json!("<unknown>")),
    Column("MinPods", "string", 0, |o| {
        text_or(o, "spec.minReplicas", "<unset>")
    }),
    Column("MaxPods", "string", 0, |o| json!(number(o, "spec.maxReplicas"))),
    Column("Replicas", "string", 0, |o| {
        json!(number(o, "status.currentReplicas"))
    }),
    AGE,
];

const STORAGE_CLASSES: &[Column] = &[
    Column("Provisioner", "string", 0, |o| json!(text(o, "provisioner"))),
    Column("ReclaimPolicy", "string", 0, |o| json!(text(o, "reclaimPolicy"))),
    Column("VolumeBindingMode", "string", 0, |o| {
        json!(text(o, "volumeBindingMode"))
    }),
    Column("AllowVolumeExpansion", "string", 0, |o| {
        json!(value(o, "allowVolumeExpansion") == true)
    }),
    AGE,
];

const PRIORITY_CLASSES: &[Column] = &[
    Column("Value", "integer", 0, |o| json!(number(o, "value"))),
    Column("Global-Default", "boolean", 0, |o| {
        json!(value(o, "globalDefault") == true)
    }),
    AGE,
    Column("PreemptionPolicy", "string", 0, |o| {
        json!(text(o, "preemptionPolicy"))
    }),
];

const INGRESS_CLASSES: &[Column] = &[
    Column("Controller", "string", 0, |o| json!(text(o, "spec.controller"))),
    Column("Parameters", "string", 0, |_| json!(NONE)),
    AGE,
];

fn columns(resource: &Resource) -> &'static [Column] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => PODS,
        ("", "services") => SERVICES,
        ("", "namespaces") => &[
            Column("Status", "string", 0, |o| json!(text(o, "status.phase"))),
            AGE,
        ],
        ("", "nodes") => NODES,
        ("", "configmaps") => &[
            Column("Data", "string", 0, |o| {
                json!(count(o, "data") + count(o, "binaryData"))
            }),
            AGE,
        ],
        ("", "secrets") => &[
            Column("Type", "string", 0, |o| json!(text(o, "type"))),
            Column("Data", "string", 0, |o| json!(count(o, "data"))),
            AGE,
        ],
        ("", "persistentvolumeclaims") => CLAIMS,
        ("", "persistentvolumes") => VOLUMES,
        ("" | "events.k8s.io", "events") => EVENTS,
        ("apps", "deployments") => DEPLOYMENTS,
        ("apps", "replicasets") | ("", "replicationcontrollers") => REPLICA_SETS,
        ("apps", "statefulsets") => STATEFUL_SETS,
        ("apps", "daemonsets") => DAEMON_SETS,
        ("batch", "jobs") => JOBS,
        ("batch", "cronjobs") => CRON_JOBS,
        ("networking.k8s.io", "ingresses") => INGRESSES,
        ("networking.k8s.io", "ingressclasses") => INGRESS_CLASSES,
        ("networking.k8s.io", "networkpolicies") => &[
            Column("Pod-Selector", "string", 0, |o| {
                labels_text(&value(o, "spec.podSelector.matchLabels"))
            }),
            AGE,
        ],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => BINDINGS,
        ("policy", "poddisruptionbudgets") => BUDGETS,
        ("autoscaling", "horizontalpodautoscalers") => AUTOSCALERS,
        ("storage.k8s.io", "storageclasses") => STORAGE_CLASSES,
        ("scheduling.k8s.io", "priorityclasses") => PRIORITY_CLASSES,
        ("coordination.k8s.io", "leases") => &[
            Column("Holder", "string", 0, |o| json!(text(o, "spec.holderIdentity"))),
            AGE,
        ],
        ("rbac.authorization.k8s.io" | "apiextensions.k8s.io", _) => {
            &[Column("Created At", "date", 0, |o| {
                json!(text(o, "metadata.creationTimestamp"))
            })]
        }
        _ => &[AGE],
    }
}

/// What the fields of every object are, as the API describes them.
static METADATA: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    let name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let schema = kluctl_schema::kubernetes().definition_schema(name, true);
    schema.unwrap_or_default()
});

fn definition(name: &str, kind: &str, format: &str, priority: i64) -> Value {
    let field = match name {
        "Name" => "name",
        "Age" | "Created At" => "creationTimestamp",
        _ => "",
    };
    let description = METADATA["properties"][field]["description"]
        .as_str()
        .unwrap_or_default();
    // Descriptions of Go structs have no empty lines.
    let description = description.replace("\n\n", " ");
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

/// The columns of a resource.
pub(crate) fn definitions(resource: &Resource) -> Vec<Value> {
    let mut list = vec![definition("Name", "string", "name", 0)];
    let Some(custom) = &resource.custom else {
        list.extend(
            columns(resource)
                .iter()
                .map(|Column(name, kind, priority, _)| definition(name, kind, "", *priority)),
        );
        return list;
    };
    for known in &custom.columns {
        let text = |key: &str| known[key].as_str().unwrap_or_default();
        list.push(json!({
            "name": text("name"), "type": text("type"), "format": text("format"),
            "description": text("description"), "priority": known["priority"].as_i64().unwrap_or(0),
        }));
    }
    if custom.columns.is_empty() {
        list.push(definition("Age", "date", "", 0));
    }
    list
}

/// An object's cells.
pub(crate) fn cells(resource: &Resource, object: &Object) -> Vec<Value> {
    let mut list = vec![json!(object.name())];
    let Some(custom) = &resource.custom else {
        list.extend(columns(resource).iter().map(|column| column.3(object)));
        return list;
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
