//! Which Pods stand behind a Service: its EndpointSlice, and the older Endpoints.
//!
//! Source: kubernetes `pkg/controller/endpoint`, `k8s.io/endpointslice`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::store::{Event, Key, Stored};
use crate::write::random_suffix;

use super::{Live, pods};

const MANAGER: &str = "kube-controller-manager";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The labels that a Service selects Pods by, if it does.
type Labels = Option<Arc<Map<String, Value>>>;

/// What Services select, so that a Pod that changes need not look into each of them again.
#[derive(Default)]
pub(crate) struct Selectors {
    /// By Service, with the version it had.
    known: Mutex<HashMap<Key, (u64, Labels)>>,
    /// Services whose Pods have changed.
    waiting: Mutex<BTreeSet<Key>>,
}

/// The labels a Service selects Pods by; nothing when others say where it leads.
fn selector(service: &Live) -> Option<&Map<String, Value>> {
    if service.object.str_at(&["spec", "type"]) == Some("ExternalName") {
        return None;
    }
    let selector = service.object.at(&["spec", "selector"])?.as_object()?;
    (!selector.is_empty()).then_some(selector)
}

fn selects(selector: &Map<String, Value>, labels: &[(Box<str>, Box<str>)]) -> bool {
    selector.iter().all(|(key, value)| {
        labels
            .iter()
            .any(|(known, held)| **known == **key && value.as_str() == Some(held))
    })
}

/// A Pod that can be reached, once it has an address and as long as it runs.
struct Backend {
    address: String,
    ready: bool,
    target: Value,
    node: Value,
    hostname: Option<String>,
}

/// The port of a Pod that a Service's port leads to.
fn target_port(port: &Value, pod: &Live) -> Option<i64> {
    match &port["targetPort"] {
        Value::Number(number) => number.as_i64(),
        Value::String(name) => {
            let containers = pod.object.at(&["spec", "containers"])?.as_array()?;
            containers
                .iter()
                .filter_map(|container| container["ports"].as_array())
                .flatten()
                .find(|known| known["name"] == name.as_str() && known["protocol"] == port["protocol"])?
                ["containerPort"]
                .as_i64()
        }
        _ => port["port"].as_i64(),
    }
}

impl Sandbox {
    /// A Service, or a Pod that it selects, has changed.
    fn reconcile_endpoints(&self, service: &Live) {
        let Some(selector) = selector(service).filter(|_| !service.is_deleted()) else {
            return;
        };
        let mut backends = Vec::new();
        let mut ports: Vec<Value> = Vec::new();
        let publishes = service.object.at(&["spec", "publishNotReadyAddresses"]) == Some(&json!(true));
        for (key, stored) in self.store.list("pods", Some(&service.key.namespace)).items {
            if !selects(selector, &stored.labels) {
                continue;
            }
            let Some(pod) = self.live(&key) else { continue };
            let over = matches!(
                pod.object.str_at(&["status", "phase"]),
                Some("Succeeded" | "Failed")
            );
            let Some(address) = pod.object.str_at(&["status", "podIP"]).filter(|_| !over) else {
                continue;
            };
            if ports.is_empty() {
                ports = Self::endpoint_ports(service, &pod);
            }
            let in_domain = pod.object.str_at(&["spec", "subdomain"]) == Some(service.object.name());
            backends.push(Backend {
                address: address.to_owned(),
                ready: publishes || (pods::is_ready(&pod) && !pod.is_deleted()),
                target: json!({"kind": "Pod", "namespace": &*key.namespace, "name": pod.object.name(), "uid": pod.uid()}),
                node: pod.object.at(&["spec", "nodeName"]).cloned().unwrap_or_default(),
                hostname: pod
                    .object
                    .str_at(&["spec", "hostname"])
                    .filter(|_| in_domain)
                    .map(str::to_owned),
            });
        }
        self.write_endpoints(service, &backends, &ports);
        self.write_slice(service, &backends, &ports);
    }

    fn endpoint_ports(service: &Live, pod: &Live) -> Vec<Value> {
        let ports = service.object.at(&["spec", "ports"]).and_then(Value::as_array);
        let mut found = Vec::new();
        for port in ports.into_iter().flatten() {
            let Some(number) = target_port(port, pod) else {
                continue;
            };
            let mut entry = json!({"port": number, "protocol": port["protocol"]});
            for key in ["name", "appProtocol"] {
                if let Some(text) = port.get(key) {
                    entry[key] = text.clone();
                }
            }
            found.push(entry);
        }
        found
    }

    fn labels(service: &Live, managed: (&str, &str)) -> Map<String, Value> {
        let mut labels: Map<String, Value> = service
            .object
            .labels()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect();
        labels.insert(managed.0.to_owned(), json!(managed.1));
        if service.object.str_at(&["spec", "clusterIP"]) == Some("None") {
            labels.insert(HEADLESS.to_owned(), json!(""));
        }
        labels
    }

    fn write_endpoints(&self, service: &Live, backends: &[Backend], ports: &[Value]) {
        let address = |backend: &Backend| {
            let mut value =
                json!({"ip": backend.address, "nodeName": backend.node, "targetRef": backend.target});
            if let Some(hostname) = &backend.hostname {
                value["hostname"] = json!(hostname);
            }
            value
        };
        let of = |ready: bool| -> Vec<Value> {
            let mut list: Vec<Value> = backends
                .iter()
                .filter(|backend| backend.ready == ready)
                .map(address)
                .collect();
            list.sort_by_key(|value| value["ip"].to_string());
            list
        };
        let mut subset = Map::new();
        for (key, list) in [
            ("addresses", of(true)),
            ("notReadyAddresses", of(false)),
            ("ports", ports.to_vec()),
        ] {
            if !list.is_empty() {
                subset.insert(key.to_owned(), Value::Array(list));
            }
        }
        let subsets = if backends.is_empty() {
            Value::Null
        } else {
            json!([subset])
        };
        let labels = Self::labels(
            service,
            ("endpoints.kubernetes.io/managed-by", "endpoint-controller"),
        );
        let key = Key {
            resource: "endpoints".into(),
            namespace: service.key.namespace.clone(),
            name: service.key.name.clone(),
        };
        let Some(live) = self.live(&key) else {
            let object = json!({"apiVersion": "v1", "kind": "Endpoints",
                "metadata": {"name": service.object.name(), "labels": labels}, "subsets": subsets});
            self.make("", "endpoints", &service.key.namespace, object, MANAGER);
            return;
        };
        let is_same = live.object.at(&["subsets"]).cloned().unwrap_or_default() == subsets
            && live.object.at(&["metadata", "labels"]) == Some(&Value::Object(labels.clone()));
        if !is_same {
            self.change(&key, "", MANAGER, &|object| {
                object.set(&["metadata", "labels"], Value::Object(labels.clone()));
                if subsets.is_null() {
                    object.remove(&["subsets"]);
                } else {
                    object.set(&["subsets"], subsets.clone());
                }
            });
        }
    }

    fn write_slice(&self, service: &Live, backends: &[Backend], ports: &[Value]) {
        let mut endpoints: Vec<Value> = backends
            .iter()
            .map(|backend| {
                let mut value = json!({
                    "addresses": [backend.address], "nodeName": backend.node, "targetRef": backend.target,
                    "conditions": {"ready": backend.ready, "serving": backend.ready, "terminating": false},
                });
                if let Some(hostname) = &backend.hostname {
                    value["hostname"] = json!(hostname);
                }
                value
            })
            .collect();
        endpoints.sort_by_key(|value| value["addresses"].to_string());
        let endpoints = if endpoints.is_empty() {
            Value::Null
        } else {
            Value::Array(endpoints)
        };
        let ports: Vec<Value> = ports
            .iter()
            .map(|port| {
                let mut port = port.clone();
                if port.get("name").is_none() {
                    port["name"] = json!("");
                }
                port
            })
            .collect();
        let ports = if ports.is_empty() {
            Value::Null
        } else {
            json!(ports)
        };
        let mut labels = Self::labels(
            service,
            (
                "endpointslice.kubernetes.io/managed-by",
                "endpointslice-controller.k8s.io",
            ),
        );
        labels.insert(
            "kubernetes.io/service-name".to_owned(),
            json!(service.object.name()),
        );
        let owned = self.owned_of(service, "endpointslices.discovery.k8s.io");
        let Some(live) = owned.first() else {
            let prefix = format!("{}-", service.object.name());
            let object = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": format!("{prefix}{}", random_suffix()), "generateName": prefix, "labels": labels,
                    "ownerReferences": service.owner_reference("v1", "Service")},
                "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
            });
            self.make(
                "discovery.k8s.io",
                "endpointslices",
                &service.key.namespace,
                object,
                MANAGER,
            );
            return;
        };
        let is_same = live.object.at(&["endpoints"]).cloned().unwrap_or_default() == endpoints
            && live.object.at(&["ports"]).cloned().unwrap_or_default() == ports
            && live.object.at(&["metadata", "labels"]) == Some(&Value::Object(labels.clone()));
        if !is_same {
            self.change(&live.key, "", MANAGER, &|object| {
                object.set(&["metadata", "labels"], Value::Object(labels.clone()));
                object.set(&["endpoints"], endpoints.clone());
                object.set(&["ports"], ports.clone());
            });
        }
    }

    /// A Pod has changed: the Services that select it, or did, look at it.
    pub(super) fn pod_changed(&self, key: &Key, event: Option<&Event>) {
        let labels: Vec<_> = match event {
            Some(event) => [&event.before, &event.after]
                .into_iter()
                .flatten()
                .map(|stored| stored.labels.clone())
                .collect(),
            None => self
                .store
                .get(key)
                .iter()
                .map(|stored| stored.labels.clone())
                .collect(),
        };
        for (service, stored) in self.store.list("services", Some(&key.namespace)).items {
            let selector = self.selector_of(&service, &stored);
            if selector.is_some_and(|selector| labels.iter().any(|labels| selects(&selector, labels))) {
                self.select_again(&service);
            }
        }
    }

    fn selector_of(&self, key: &Key, stored: &Stored) -> Labels {
        let known = &self.life.selectors.known;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(key) {
            Some((version, selector)) if *version == stored.version => selector.clone(),
            _ => {
                let live = Live {
                    key: key.clone(),
                    object: stored.parse(),
                };
                let selector = selector(&live).cloned().map(Arc::new);
                known.insert(key.clone(), (stored.version, selector.clone()));
                selector
            }
        }
    }

    /// A Service is to look at its Pods once everything that has changed was seen.
    pub(super) fn select_again(&self, service: &Key) {
        let waiting = &self.life.selectors.waiting;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(service.clone());
    }

    /// The Services whose Pods have changed look at them, each once.
    pub(super) fn reconcile_selecting(&self) {
        let waiting = {
            let waiting = &self.life.selectors.waiting;
            std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner))
        };
        for service in waiting {
            if let Some(live) = self.live(&service) {
                self.reconcile_endpoints(&live);
            }
        }
    }

    /// A Service is gone: its Endpoints belong to nobody by reference.
    pub(super) fn service_gone(&self, key: &Key) {
        let known = &self.life.selectors.known;
        known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let endpoints = Key {
            resource: "endpoints".into(),
            ..key.clone()
        };
        if self.store.get(&endpoints).is_some() {
            self.discard(&endpoints);
        }
    }
}
