//! Autoscalers and disruption budgets say what they see.

use kluctl_object::Gvk;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::selector::LabelSelector;
use crate::store::Key;

use super::pods::is_ready;
use super::{Live, condition_of};

const MANAGER: &str = "kube-controller-manager";

impl Sandbox {
    pub(super) fn reconcile_autoscaler(&self, live: &Live) {
        let text = |key: &str| {
            live.object
                .str_at(&["spec", "scaleTargetRef", key])
                .unwrap_or_default()
        };
        let gvk = Gvk::from_api_version(text("apiVersion"), text("kind"));
        let target = gvk
            .ok()
            .and_then(|gvk| self.resources.of_kind(&gvk))
            .and_then(|resource| {
                self.live(&Key {
                    resource: resource.storage.clone(),
                    namespace: live.key.namespace.clone(),
                    name: text("name").into(),
                })
            });
        let able = match &target {
            Some(_) => condition_of(
                live,
                "AbleToScale",
                true,
                "ReadyForNewScale",
                "recommended size matches current size",
            ),
            None => condition_of(
                live,
                "AbleToScale",
                false,
                "FailedGetScale",
                "the HPA controller was unable to get the target's current scale",
            ),
        };
        let replicas = target
            .as_ref()
            .map_or(0, |target| target.number(&["spec", "replicas"]));
        let mut conditions = vec![able];
        if target.is_some() {
            let message = "the HPA was able to successfully calculate a replica count";
            conditions.push(condition_of(
                live,
                "ScalingActive",
                true,
                "ValidMetricFound",
                message,
            ));
        }
        let mut status =
            json!({"currentMetrics": null, "desiredReplicas": replicas, "conditions": conditions});
        if replicas > 0 {
            status["currentReplicas"] = json!(replicas);
        }
        self.set_status(live, &status, MANAGER);
    }

    /// The budgets a Pod may count for.
    pub(super) fn reconcile_budgets(&self, pod: &Live) {
        let budgets = self
            .store
            .list("poddisruptionbudgets.policy", Some(&pod.key.namespace));
        for (key, _) in budgets.items {
            if let Some(budget) = self.live(&key) {
                self.reconcile_budget(&budget);
            }
        }
    }

    pub(super) fn reconcile_budget(&self, live: &Live) {
        let selector = live.object.at(&["spec", "selector"]).cloned().unwrap_or_default();
        let selector = LabelSelector::of_object(&selector);
        let pods: Vec<Live> = self
            .store
            .list("pods", Some(&live.key.namespace))
            .items
            .iter()
            .filter(|(_, stored)| selector.matches_list(&stored.labels))
            .filter_map(|(key, _)| self.live(key))
            .collect();
        let expected = i64::try_from(pods.len()).unwrap_or(0);
        let healthy = i64::try_from(pods.iter().filter(|pod| is_ready(pod)).count()).unwrap_or(0);
        let amount = |value: &Value, round_up: bool| match value {
            Value::String(text) => {
                let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
                if round_up {
                    (expected * percent + 99) / 100
                } else {
                    expected * percent / 100
                }
            }
            other => other.as_i64().unwrap_or(0),
        };
        let desired = match (
            live.object.at(&["spec", "minAvailable"]),
            live.object.at(&["spec", "maxUnavailable"]),
        ) {
            (Some(minimum), _) => amount(minimum, true),
            (None, Some(maximum)) => (expected - amount(maximum, true)).max(0),
            (None, None) => (expected - 1).max(0),
        };
        let allowed = (healthy - desired).max(0);
        let mut condition = if allowed > 0 {
            condition_of(live, "DisruptionAllowed", true, "SufficientPods", "")
        } else {
            condition_of(live, "DisruptionAllowed", false, "InsufficientPods", "")
        };
        condition["observedGeneration"] = json!(live.generation());
        let status = json!({
            "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed,
            "observedGeneration": live.generation(), "conditions": [condition],
        });
        self.set_status(live, &status, MANAGER);
    }
}
