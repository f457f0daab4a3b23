//! Cluster addresses and node ports of Services.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::status::{ApiError, Cause};

/// Addresses and ports in use.
#[derive(Debug, Default)]
pub(crate) struct Allocations {
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<i64>,
    last_address: u32,
    last_port: i64,
}

/// `10.0.0.0/16`, of which the first is the API server's.
const NETWORK: u32 = 10 << 24;
const NETWORK_SIZE: u32 = 1 << 16;
const PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

fn address_text(address: u32) -> String {
    std::net::Ipv4Addr::from(address).to_string()
}

fn parse_address(text: &str) -> Option<u32> {
    text.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}

impl Used {
    fn free_address(&mut self) -> Option<u32> {
        for step in 0..NETWORK_SIZE {
            let offset = (self.last_address + step) % NETWORK_SIZE;
            // The lowest part of the range is for addresses that are asked for.
            let address = NETWORK + offset;
            if offset > 256 && offset < NETWORK_SIZE - 1 && !self.addresses.contains(&address) {
                self.last_address = offset + 1;
                return Some(address);
            }
        }
        None
    }

    fn free_port(&mut self) -> Option<i64> {
        let size = PORTS.end() - PORTS.start() + 1;
        for step in 0..size {
            let port = PORTS.start() + (self.last_port + step) % size;
            if port > PORTS.start() + 85 && !self.ports.contains(&port) {
                self.last_port = port - PORTS.start() + 1;
                return Some(port);
            }
        }
        None
    }
}

fn ports_of(service: &Object) -> Vec<i64> {
    let ports = service.at(&["spec", "ports"]).and_then(Value::as_array);
    let mut list: Vec<i64> = ports
        .into_iter()
        .flatten()
        .filter_map(|port| port["nodePort"].as_i64())
        .filter(|port| *port != 0)
        .collect();
    list.extend(
        service
            .at(&["spec", "healthCheckNodePort"])
            .and_then(Value::as_i64)
            .filter(|port| *port != 0),
    );
    list
}

fn addresses_of(service: &Object) -> Vec<u32> {
    let texts = service.at(&["spec", "clusterIPs"]).and_then(Value::as_array);
    texts
        .into_iter()
        .flatten()
        .filter_map(|text| parse_address(text.as_str()?))
        .collect()
}

/// Addresses must be some, and the only network here is one of IPv4; this is looked at before anything else of a Service.
pub(crate) fn check_families(live: Option<&Object>, service: &Object) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let wanted = service.str_at(&["spec", "clusterIP"]).unwrap_or_default();
    if !matches!(wanted, "" | "None")
        && wanted.parse::<std::net::IpAddr>().is_err()
        && service.str_at(&["spec", "type"]) != Some("ExternalName")
    {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        let cause = Cause::invalid("spec.clusterIPs[0]", wanted, detail);
        return Err(ApiError::invalid("", "Service", service.name(), &[cause]));
    }
    let stays = |key: &str| live.is_some_and(|live| live.at(&["spec", key]) == service.at(&["spec", key]));
    if stays("ipFamilyPolicy") && stays("ipFamilies") {
        return Ok(());
    }
    let headless = service.str_at(&["spec", "clusterIP"]) == Some("None")
        && service
            .at(&["spec", "selector"])
            .and_then(Value::as_object)
            .is_none_or(serde_json::Map::is_empty);
    if headless || service.str_at(&["spec", "type"]) == Some("ExternalName") {
        return Ok(());
    }
    if service.str_at(&["spec", "ipFamilyPolicy"]) == Some("RequireDualStack") {
        causes.push(Cause::invalid(
            "spec.ipFamilyPolicy",
            "RequireDualStack",
            "this cluster is not configured for dual-stack services",
        ));
    }
    let families = service.at(&["spec", "ipFamilies"]).and_then(Value::as_array);
    for (index, family) in families.into_iter().flatten().enumerate() {
        if family == "IPv6" {
            causes.push(Cause::invalid(
                format!("spec.ipFamilies[{index}]"),
                "IPv6",
                "not configured on this cluster",
            ));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid("", "Service", service.name(), &causes))
}

impl Sandbox {
    pub(crate) fn load_allocations(&self) {
        for (_, stored) in self.store.list("services", None).items {
            self.take_service(&stored.parse());
        }
    }

    /// Marks what a stored Service uses.
    pub(crate) fn take_service(&self, service: &Object) {
        let mut used = self
            .allocations
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        used.addresses.extend(addresses_of(service));
        used.ports.extend(ports_of(service));
    }

    /// Gives back what a Service used, but for what it still uses.
    pub(crate) fn release_service(&self, before: &Object, after: Option<&Object>) {
        let mut used = self
            .allocations
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for address in addresses_of(before) {
            used.addresses.remove(&address);
        }
        for port in ports_of(before) {
            used.ports.remove(&port);
        }
        if let Some(after) = after {
            used.addresses.extend(addresses_of(after));
            used.ports.extend(ports_of(after));
        }
    }

    /// Gives a Service the addresses and ports it needs, as the next free ones.
    pub(crate) fn allocate_service(&self, live: Option<&Object>, service: &mut Object) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut used = self
            .allocations
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let kind = service.str_at(&["spec", "type"]).unwrap_or_default().to_owned();
        if kind == "ExternalName" {
            return causes;
        }
        let own_addresses = live.map(addresses_of).unwrap_or_default();
        let own_ports = live.map(ports_of).unwrap_or_default();
        let wanted = service
            .str_at(&["spec", "clusterIP"])
            .unwrap_or_default()
            .to_owned();
        match wanted.as_str() {
            "" => {
                if let Some(address) = used.free_address() {
                    let text = address_text(address);
                    service.set(&["spec", "clusterIP"], Value::from(text.as_str()));
                    service.set(&["spec", "clusterIPs"], json!([text]));
                }
            }
            "None" => service.set(&["spec", "clusterIPs"], json!(["None"])),
            text => {
                if let Some(address) = parse_address(text)
                    && used.addresses.contains(&address)
                    && !own_addresses.contains(&address)
                {
                    causes.push(Cause::invalid(
                        "spec.clusterIPs",
                        json!([text]),
                        format!("failed to allocate IP {text}: provided IP is already allocated"),
                    ));
                }
                if service.at(&["spec", "clusterIPs"]).is_none() {
                    service.set(&["spec", "clusterIPs"], json!([text]));
                }
            }
        }
        let has_selector = service.at(&["spec", "selector"]).is_some();
        if service.at(&["spec", "ipFamilyPolicy"]).is_none() {
            let policy = if wanted == "None" && !has_selector {
                "RequireDualStack"
            } else {
                "SingleStack"
            };
            service.set(&["spec", "ipFamilyPolicy"], Value::from(policy));
        }
        if service.at(&["spec", "ipFamilies"]).is_none() {
            let dual = wanted == "None" && !has_selector;
            let families = if dual {
                json!(["IPv4", "IPv6"])
            } else {
                json!(["IPv4"])
            };
            service.set(&["spec", "ipFamilies"], families);
        }
        allocate_ports(&mut used, &own_ports, &kind, service, &mut causes);
        causes
    }
}

fn allocate_ports(used: &mut Used, own: &[i64], kind: &str, service: &mut Object, causes: &mut Vec<Cause>) {
    let wants = kind == "NodePort"
        || (kind == "LoadBalancer"
            && service.at(&["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false)));
    let mut ports = service.at(&["spec", "ports"]).cloned().unwrap_or_default();
    let mut taken: Vec<(Value, i64)> = Vec::new();
    for (index, port) in ports.as_array_mut().into_iter().flatten().enumerate() {
        let number = port["nodePort"].as_i64().unwrap_or(0);
        if number != 0 {
            let shared = taken
                .iter()
                .any(|(protocol, known)| *known == number && *protocol != port["protocol"]);
            let field = format!("spec.ports[{index}].nodePort");
            if !PORTS.contains(&number) {
                let detail =
                    "provided port is not in the valid range. The range of valid ports is 30000-32767";
                causes.push(Cause::invalid(field, number, detail));
            } else if used.ports.contains(&number) && !own.contains(&number) && !shared {
                causes.push(Cause::invalid(
                    field,
                    number,
                    "provided port is already allocated",
                ));
            }
            taken.push((port["protocol"].clone(), number));
        } else if wants {
            if let Some(free) = used.free_port() {
                port["nodePort"] = Value::from(free);
                taken.push((port["protocol"].clone(), free));
            }
        } else if let Some(map) = port.as_object_mut() {
            map.remove("nodePort");
        }
    }
    if !ports.is_null() {
        service.set(&["spec", "ports"], ports);
    }
    let local = service.str_at(&["spec", "externalTrafficPolicy"]) == Some("Local");
    if kind == "LoadBalancer"
        && local
        && service.at(&["spec", "healthCheckNodePort"]).is_none()
        && let Some(free) = used.free_port()
    {
        service.set(&["spec", "healthCheckNodePort"], Value::from(free));
    }
}
