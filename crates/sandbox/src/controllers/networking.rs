//! Load balancers and ingresses get addresses; aggregated APIs are there.

use serde_json::{Value, json};

use crate::Sandbox;

use super::{Live, condition_of};

/// An address for documentation (RFC 5737), the same for the same object.
fn address(live: &Live) -> String {
    let sum: u32 = live
        .uid()
        .bytes()
        .fold(17, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
    format!("203.0.113.{}", sum % 253 + 1)
}

impl Sandbox {
    pub(super) fn reconcile_service(&self, live: &Live) {
        let balanced = live.object.str_at(&["spec", "type"]) == Some("LoadBalancer");
        let has = live.object.at(&["status", "loadBalancer", "ingress"]).is_some();
        if live.is_deleted() || balanced == has {
            return;
        }
        let status = if balanced {
            json!({"loadBalancer": {"ingress": [{"ip": address(live), "ipMode": "VIP"}]}})
        } else {
            json!({"loadBalancer": {}})
        };
        self.set_status(live, &status, "cloud-controller-manager");
    }

    pub(super) fn reconcile_ingress(&self, live: &Live) {
        if live.is_deleted() || live.object.at(&["status", "loadBalancer", "ingress"]).is_some() {
            return;
        }
        let status = json!({"loadBalancer": {"ingress": [{"ip": address(live)}]}});
        self.set_status(live, &status, "ingress-controller");
    }

    pub(super) fn reconcile_api_service(&self, live: &Live) {
        let conditions = live
            .object
            .at(&["status", "conditions"])
            .and_then(Value::as_array);
        if conditions.is_some_and(|list| !list.is_empty()) {
            return;
        }
        let condition = condition_of(live, "Available", true, "Passed", "all checks passed");
        self.set_status(live, &json!({"conditions": [condition]}), "kube-apiserver");
    }
}
