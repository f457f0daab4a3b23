//! Columns of the kinds that people look at less often.
//!
//! Source: kubernetes `pkg/printers/internalversion/printers.go`.

use kluctl_object::Object;
use serde_json::{Value, json};

use super::{AGE, Column, NONE, count_of, join, labels_text, number, plain, since, text, text_or, value};

const CREATED: Column = Column("Created At", |o| json!(text(o, "metadata.creationTimestamp")));

/// Go's `%v` of a boolean field.
fn truth(object: &Object, path: &str, default: bool) -> Value {
    json!(value(object, path).as_bool().unwrap_or(default))
}

/// The first few of many, and how many more there are.
fn few(mut parts: Vec<String>, most: usize, nothing: &str) -> Value {
    if parts.is_empty() {
        return json!(nothing);
    }
    let more = parts.len().saturating_sub(most);
    parts.truncate(most);
    let shown = parts.join(",");
    json!(if more > 0 {
        format!("{shown} + {more} more...")
    } else {
        shown
    })
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| Some(item.as_str()?.to_owned())).collect()
}

fn endpoints(object: &Object) -> Value {
    let mut parts = Vec::new();
    for subset in value(object, "subsets").as_array().into_iter().flatten() {
        let addresses = subset["addresses"].as_array().into_iter().flatten();
        let ports = subset["ports"].as_array();
        for address in addresses {
            let ip = plain(address, "ip");
            match ports.filter(|ports| !ports.is_empty()) {
                Some(ports) => parts.extend(ports.iter().map(|port| format!("{ip}:{}", port["port"]))),
                None => parts.push(ip),
            }
        }
    }
    few(parts, 3, NONE)
}

fn slice_endpoints(object: &Object) -> Value {
    let list = value(object, "endpoints");
    let addresses = list.as_array().into_iter().flatten();
    few(
        addresses.flat_map(|entry| texts(&entry["addresses"])).collect(),
        3,
        "<unset>",
    )
}

fn slice_ports(object: &Object) -> Value {
    let list = value(object, "ports");
    let ports = list.as_array().into_iter().flatten();
    let shown = ports.map(|port| match &port["port"] {
        Value::Null => plain(port, "name"),
        number => number.to_string(),
    });
    few(shown.collect(), 3, "<unset>")
}

/// `used/hard` of a quota: limits, or everything else.
fn quota(object: &Object, limits: bool) -> Value {
    let (hard, used) = (value(object, "status.hard"), value(object, "status.used"));
    let mut names: Vec<&String> = hard.as_object().into_iter().flat_map(|map| map.keys()).collect();
    names.sort();
    let parts: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with("limits.") == limits)
        .map(|name| {
            let amount = |of: &Value| of[name].as_str().unwrap_or("0").to_owned();
            format!("{name}: {}/{}", amount(&used), amount(&hard))
        })
        .collect();
    json!(parts.join(", "))
}

/// Times of events: of the series, or of the event itself.
fn event_time(object: &Object, keys: &[&str]) -> Value {
    let found = keys
        .iter()
        .map(|key| text(object, key))
        .find(|text| !text.is_empty());
    found.map_or_else(|| json!("<unknown>"), |time| since(&time))
}

fn event_source(object: &Object) -> Value {
    let component = [
        text(object, "source.component"),
        text(object, "deprecatedSource.component"),
    ];
    let host = [text(object, "source.host"), text(object, "deprecatedSource.host")];
    let first = |parts: [String; 2]| parts.into_iter().find(|part| !part.is_empty());
    let component = first(component).unwrap_or_else(|| text(object, "reportingComponent"));
    let host = first(host).unwrap_or_else(|| text(object, "reportingInstance"));
    json!(if host.is_empty() {
        component
    } else {
        format!("{component}, {host}")
    })
}

fn event_object(object: &Object) -> Value {
    let of = |key: &str| {
        let core = text(object, &format!("involvedObject.{key}"));
        if core.is_empty() {
            text(object, &format!("regarding.{key}"))
        } else {
            core
        }
    };
    let (kind, name) = (of("kind").to_lowercase(), of("name"));
    json!(if name.is_empty() {
        kind
    } else {
        format!("{kind}/{name}")
    })
}

fn event_count(object: &Object) -> Value {
    let counts = ["series.count", "count", "deprecatedCount"];
    let found = counts
        .iter()
        .map(|path| number(object, path))
        .find(|count| *count > 0);
    json!(found.unwrap_or(1))
}

const EVENTS: &[Column] = &[
    Column("Last Seen", |o| {
        event_time(
            o,
            &[
                "series.lastObservedTime",
                "lastTimestamp",
                "deprecatedLastTimestamp",
                "firstTimestamp",
                "eventTime",
            ],
        )
    }),
    Column("Type", |o| json!(text(o, "type"))),
    Column("Reason", |o| json!(text(o, "reason"))),
    Column("Object", event_object),
    Column("Subobject", |o| {
        let core = text(o, "involvedObject.fieldPath");
        json!(if core.is_empty() {
            text(o, "regarding.fieldPath")
        } else {
            core
        })
    }),
    Column("Source", event_source),
    Column("Message", |o| {
        let core = text(o, "message");
        json!(if core.is_empty() { text(o, "note") } else { core }.trim())
    }),
    Column("First Seen", |o| {
        event_time(o, &["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"])
    }),
    Column("Count", event_count),
];

fn node_address(object: &Object, kind: &str) -> Value {
    let list = value(object, "status.addresses");
    let mut addresses = list.as_array().into_iter().flatten();
    let found = addresses.find(|address| address["type"] == kind);
    json!(found.map_or_else(|| NONE.to_owned(), |address| plain(address, "address")))
}

/// The wide columns of nodes.
pub(super) const NODE_DETAILS: &[Column] = &[
    Column("Internal-IP", |o| node_address(o, "InternalIP")),
    Column("External-IP", |o| node_address(o, "ExternalIP")),
    Column("OS-Image", |o| text_or(o, "status.nodeInfo.osImage", "<unknown>")),
    Column("Kernel-Version", |o| {
        text_or(o, "status.nodeInfo.kernelVersion", "<unknown>")
    }),
    Column("Container-Runtime", |o| {
        text_or(o, "status.nodeInfo.containerRuntimeVersion", "<unknown>")
    }),
];

/// What an autoscaler looks at: each metric with its value and its goal.
pub(super) fn targets(object: &Object) -> Value {
    // The first version knows one metric, in a field of its own.
    let mut metrics = value(object, "spec.metrics");
    let percent = value(object, "spec.targetCPUUtilizationPercentage");
    if metrics.is_null() && !percent.is_null() {
        metrics = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": percent}}}]);
    }
    let current = value(object, "status.currentMetrics");
    let parts: Vec<String> = metrics
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, metric)| {
            let kind = plain(metric, "type");
            let part = match kind.as_str() {
                "Resource" => "resource",
                "ContainerResource" => "containerResource",
                "Pods" => "pods",
                "Object" => "object",
                "External" => "external",
                _ => return "<unknown type>".to_owned(),
            };
            let goal = &metric[part]["target"];
            let now = &current[index][part]["current"];
            let shown = |of: &Value, key: &str| match &of[key] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let prefix = match part {
                "resource" | "containerResource" => format!("{}: ", plain(&metric[part], "name")),
                _ => String::new(),
            };
            if let Some(percent) = shown(goal, "averageUtilization") {
                let now = shown(now, "averageUtilization").map(|now| format!("{now}%"));
                return format!("{prefix}{}/{percent}%", now.as_deref().unwrap_or("<unknown>"));
            }
            let key = if goal["averageValue"].is_null() {
                "value"
            } else {
                "averageValue"
            };
            let suffix =
                if key == "averageValue" && !matches!(part, "pods" | "resource" | "containerResource") {
                    " (avg)"
                } else {
                    ""
                };
            format!(
                "{prefix}{}/{}{suffix}",
                shown(now, key).as_deref().unwrap_or("<unknown>"),
                shown(goal, key).as_deref().unwrap_or("<auto>")
            )
        })
        .collect();
    few(parts, 2, NONE)
}

fn request_state(object: &Object) -> Value {
    let conditions = value(object, "status.conditions");
    let has = |kind: &str| {
        let mut all = conditions.as_array().into_iter().flatten();
        all.any(|known| known["type"] == kind)
    };
    let mut state = if has("Denied") {
        "Denied".to_owned()
    } else if has("Approved") {
        "Approved".to_owned()
    } else {
        "Pending".to_owned()
    };
    if has("Failed") {
        state.push_str(",Failed");
    }
    if !text(object, "status.certificate").is_empty() {
        state.push_str(",Issued");
    }
    json!(state)
}

fn param_kind(object: &Object) -> Value {
    let (version, kind) = (
        text(object, "spec.paramKind.apiVersion"),
        text(object, "spec.paramKind.kind"),
    );
    json!(if kind.is_empty() {
        "<unset>".to_owned()
    } else {
        format!("{version}/{kind}")
    })
}

fn param_ref(object: &Object) -> Value {
    let reference = value(object, "spec.paramRef");
    if reference.is_null() {
        return json!("<unset>");
    }
    let (namespace, name) = (plain(&reference, "namespace"), plain(&reference, "name"));
    let name = if name.is_empty() { "*".to_owned() } else { name };
    json!(if namespace.is_empty() {
        name
    } else {
        format!("{namespace}/{name}")
    })
}

fn parent(object: &Object) -> Value {
    let reference = value(object, "spec.parentRef");
    let (group, resource) = (plain(&reference, "group"), plain(&reference, "resource"));
    let parts = [
        if group.is_empty() {
            resource
        } else {
            format!("{resource}.{group}")
        },
        plain(&reference, "namespace"),
        plain(&reference, "name"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    json!(parts.join("/"))
}

fn definition_versions(object: &Object) -> Value {
    let list = value(object, "spec.versions");
    let names = list.as_array().into_iter().flatten();
    json!(
        names
            .map(|version| plain(version, "name"))
            .collect::<Vec<_>>()
            .join(",")
    )
}

fn has_condition(object: &Object, kind: &str) -> bool {
    let conditions = value(object, "status.conditions");
    let mut all = conditions.as_array().into_iter().flatten();
    all.any(|known| known["type"] == kind && known["status"] == "True")
}

fn api_service(object: &Object) -> Value {
    let service = value(object, "spec.service");
    json!(if service.is_null() {
        "Local".to_owned()
    } else {
        format!("{}/{}", plain(&service, "namespace"), plain(&service, "name"))
    })
}

fn api_available(object: &Object) -> Value {
    let conditions = value(object, "status.conditions");
    let mut all = conditions.as_array().into_iter().flatten();
    let found = all.find(|known| known["type"] == "Available");
    json!(match found {
        None => "Unknown".to_owned(),
        Some(known) if known["status"] == "True" => "True".to_owned(),
        Some(known) => format!("{} ({})", plain(known, "status"), plain(known, "reason")),
    })
}

fn revision_owner(object: &Object) -> Value {
    let owners = value(object, "metadata.ownerReferences");
    let mut all = owners.as_array().into_iter().flatten();
    let owner = all.find(|owner| owner["controller"] == true);
    json!(owner.map_or_else(
        || NONE.to_owned(),
        |owner| {
            let version = plain(owner, "apiVersion");
            let group = version.split_once('/').map(|(group, _)| format!(".{group}"));
            let kind = plain(owner, "kind").to_lowercase();
            format!("{kind}{}/{}", group.unwrap_or_default(), plain(owner, "name"))
        }
    ))
}

fn queue(object: &Object, key: &str) -> Value {
    match value(object, &format!("spec.limited.limitResponse.queuing.{key}")) {
        Value::Null => json!(NONE),
        number => number,
    }
}

fn missing_level(object: &Object) -> Value {
    let conditions = value(object, "status.conditions");
    let mut all = conditions.as_array().into_iter().flatten();
    let found = all.find(|known| known["type"] == "Dangling");
    json!(found.map_or_else(|| "?".to_owned(), |known| plain(known, "status")))
}

const SLICES: &[Column] = &[
    Column("AddressType", |o| json!(text(o, "addressType"))),
    Column("Ports", slice_ports),
    Column("Endpoints", slice_endpoints),
    AGE,
];

const REQUESTS: &[Column] = &[
    AGE,
    Column("SignerName", |o| text_or(o, "spec.signerName", NONE)),
    Column("Requestor", |o| json!(text(o, "spec.username"))),
    Column("RequestedDuration", |o| {
        match value(o, "spec.expirationSeconds").as_i64() {
            Some(seconds) => json!(super::human_duration(seconds)),
            None => json!(NONE),
        }
    }),
    Column("Condition", request_state),
];

const DRIVERS: &[Column] = &[
    Column("AttachRequired", |o| truth(o, "spec.attachRequired", true)),
    Column("PodInfoOnMount", |o| truth(o, "spec.podInfoOnMount", false)),
    Column("StorageCapacity", |o| truth(o, "spec.storageCapacity", false)),
    Column("TokenRequests", |o| {
        let list = value(o, "spec.tokenRequests");
        let names = join(&list, |request| plain(request, "audience"));
        if names == "" { json!("<unset>") } else { names }
    }),
    Column("RequiresRepublish", |o| truth(o, "spec.requiresRepublish", false)),
    Column("Modes", |o| {
        let modes = texts(&value(o, "spec.volumeLifecycleModes"));
        json!(if modes.is_empty() {
            NONE.to_owned()
        } else {
            modes.join(",")
        })
    }),
    AGE,
];

const ATTACHMENTS: &[Column] = &[
    Column("Attacher", |o| json!(text(o, "spec.attacher"))),
    Column("PV", |o| json!(text(o, "spec.source.persistentVolumeName"))),
    Column("Node", |o| json!(text(o, "spec.nodeName"))),
    Column("Attached", |o| truth(o, "status.attached", false)),
    AGE,
];

const DEFINITIONS: &[Column] = &[
    Column("Scope", |o| json!(text(o, "spec.scope"))),
    Column("Versions", definition_versions),
    CREATED,
    Column("Group", |o| json!(text(o, "spec.group"))),
    Column("Kind", |o| json!(text(o, "spec.names.kind"))),
    Column("ShortNames", |o| {
        json!(texts(&value(o, "spec.names.shortNames")).join(","))
    }),
    Column("Established", |o| json!(has_condition(o, "Established"))),
];

const FLOW_SCHEMAS: &[Column] = &[
    Column("PriorityLevel", |o| {
        json!(text(o, "spec.priorityLevelConfiguration.name"))
    }),
    Column("MatchingPrecedence", |o| {
        json!(number(o, "spec.matchingPrecedence"))
    }),
    Column("DistinguisherMethod", |o| {
        text_or(o, "spec.distinguisherMethod.type", NONE)
    }),
    AGE,
    Column("MissingPL", missing_level),
];

const LEVELS: &[Column] = &[
    Column("Type", |o| json!(text(o, "spec.type"))),
    Column("NominalConcurrencyShares", |o| {
        match value(o, "spec.limited.nominalConcurrencyShares") {
            Value::Null => json!(NONE),
            number => number,
        }
    }),
    Column("Queues", |o| queue(o, "queues")),
    Column("HandSize", |o| queue(o, "handSize")),
    Column("QueueLengthLimit", |o| queue(o, "queueLengthLimit")),
    AGE,
];

const TEMPLATES: &[Column] = &[
    Column("Containers", |o| {
        join(&value(o, "template.spec.containers"), |container| {
            plain(container, "name")
        })
    }),
    Column("Images", |o| {
        join(&value(o, "template.spec.containers"), |container| {
            plain(container, "image")
        })
    }),
    Column("Pod Labels", |o| {
        labels_text(&value(o, "template.metadata.labels"))
    }),
];

/// Containers and images of the Pods that a CronJob makes.
pub(super) const CRON_DETAILS: &[Column] = &[
    Column("Containers", |o| {
        join(
            &value(o, "spec.jobTemplate.spec.template.spec.containers"),
            |container| plain(container, "name"),
        )
    }),
    Column("Images", |o| {
        join(
            &value(o, "spec.jobTemplate.spec.template.spec.containers"),
            |container| plain(container, "image"),
        )
    }),
    Column("Selector", |o| {
        labels_text(&value(o, "spec.jobTemplate.spec.selector.matchLabels"))
    }),
];

/// The columns of a kind; those of any kind where there are no others.
pub(super) fn columns(group: &str, plural: &str) -> &'static [Column] {
    match (group, plural) {
        ("" | "events.k8s.io", "events") => EVENTS,
        ("", "endpoints") => &[Column("Endpoints", endpoints), AGE],
        ("", "limitranges")
        | ("storage.k8s.io", "csistoragecapacities")
        | ("rbac.authorization.k8s.io", "roles" | "clusterroles") => &[CREATED],
        ("", "podtemplates") => TEMPLATES,
        ("", "resourcequotas") => &[
            Column("Request", |o| quota(o, false)),
            Column("Limit", |o| quota(o, true)),
            AGE,
        ],
        ("apiregistration.k8s.io", _) => &[
            Column("Service", api_service),
            Column("Available", api_available),
            AGE,
        ],
        ("apps", "controllerrevisions") => &[
            Column("Controller", revision_owner),
            Column("Revision", |o| json!(number(o, "revision"))),
            AGE,
        ],
        ("certificates.k8s.io", "certificatesigningrequests") => REQUESTS,
        ("certificates.k8s.io", "clustertrustbundles") => {
            &[Column("SignerName", |o| text_or(o, "spec.signerName", NONE))]
        }
        ("networking.k8s.io", "ipaddresses") => &[Column("ParentRef", parent)],
        ("networking.k8s.io", "servicecidrs") => &[
            Column("CIDRs", |o| json!(texts(&value(o, "spec.cidrs")).join(","))),
            AGE,
        ],
        ("storage.k8s.io", "csidrivers") => DRIVERS,
        ("storage.k8s.io", "csinodes") => &[Column("Drivers", |o| json!(count_of(o, "spec.drivers"))), AGE],
        ("storage.k8s.io", "volumeattachments") => ATTACHMENTS,
        ("storage.k8s.io", "volumeattributesclasses") => {
            &[Column("DriverName", |o| json!(text(o, "driverName"))), AGE]
        }
        ("admissionregistration.k8s.io", "validatingadmissionpolicies") => &[
            Column("Validations", |o| json!(count_of(o, "spec.validations"))),
            Column("ParamKind", param_kind),
            AGE,
        ],
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies") => &[
            Column("Mutations", |o| json!(count_of(o, "spec.mutations"))),
            Column("ParamKind", param_kind),
            AGE,
        ],
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings",
        ) => &[
            Column("PolicyName", |o| json!(text(o, "spec.policyName"))),
            Column("ParamRef", param_ref),
            AGE,
        ],
        ("admissionregistration.k8s.io", _) => &[Column("Webhooks", |o| json!(count_of(o, "webhooks"))), AGE],
        ("apiextensions.k8s.io", _) => DEFINITIONS,
        ("node.k8s.io", _) => &[Column("Handler", |o| json!(text(o, "handler"))), AGE],
        ("discovery.k8s.io", _) => SLICES,
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => FLOW_SCHEMAS,
        ("flowcontrol.apiserver.k8s.io", _) => LEVELS,
        ("resource.k8s.io", "resourceslices") => &[
            Column("Node", |o| text_or(o, "spec.nodeName", "<unset>")),
            Column("Driver", |o| json!(text(o, "spec.driver"))),
            Column("Pool", |o| json!(text(o, "spec.pool.name"))),
            AGE,
        ],
        ("resource.k8s.io", "resourceclaims") => &[Column("State", claim_state), AGE],
        _ => &[AGE],
    }
}

fn claim_state(object: &Object) -> Value {
    let mut states = Vec::new();
    if object.at(&["metadata", "deletionTimestamp"]).is_some() {
        states.push("deleted");
    }
    if value(object, "status.allocation").is_null() {
        if states.is_empty() {
            states.push("pending");
        }
    } else {
        states.push("allocated");
        if count_of(object, "status.reservedFor") > 0 {
            states.push("reserved");
        }
    }
    json!(states.join(","))
}
