//! Jobs complete at once, fail or hang, as `sandbox.kluctl.io/job` says.

use serde_json::{Value, json};

use crate::Sandbox;

use super::{Fate, Live, condition_of};

const MANAGER: &str = "kube-controller-manager";

fn has_ended(live: &Live) -> bool {
    let conditions = live
        .object
        .at(&["status", "conditions"])
        .and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|known| (known["type"] == "Complete" || known["type"] == "Failed") && known["status"] == "True")
}

impl Sandbox {
    pub(super) fn reconcile_job(&self, live: &Live) {
        if live.is_deleted() || has_ended(live) {
            return;
        }
        let now = crate::time::now();
        if live.object.at(&["spec", "suspend"]) == Some(&Value::Bool(true)) {
            let mut condition = condition_of(live, "Suspended", true, "JobSuspended", "Job suspended");
            condition["lastProbeTime"] = condition["lastTransitionTime"].clone();
            self.set_status(
                live,
                &json!({"conditions": [condition], "ready": 0, "terminating": 0}),
                MANAGER,
            );
            return;
        }
        let pods = self.owned_of(live, "pods");
        let parallel = live.number(&["spec", "parallelism"]).max(0);
        let completions = live
            .object
            .at(&["spec", "completions"])
            .and_then(Value::as_i64)
            .unwrap_or(1);
        if pods.is_empty() && parallel > 0 && completions > 0 {
            for _ in 0..parallel.min(completions) {
                let pod = Self::job_pod(live);
                self.make("", "pods", &live.key.namespace, pod.into(), MANAGER);
            }
        }
        let pods = self.owned_of(live, "pods");
        let phase = |wanted: &str| {
            pods.iter()
                .filter(|pod| pod.object.str_at(&["status", "phase"]) == Some(wanted))
                .count()
        };
        let started = live
            .object
            .str_at(&["status", "startTime"])
            .unwrap_or(&now)
            .to_owned();
        let condition = |kind: &str, reason: &str, message: &str| {
            let mut value = condition_of(live, kind, true, reason, message);
            value["lastProbeTime"] = value["lastTransitionTime"].clone();
            value
        };
        let mut status =
            json!({"startTime": started, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {}});
        let active = phase("Running") + phase("Pending");
        if active == 0 && phase("Failed") > 0 && Fate::of_job(&live.object) == Fate::Fail {
            let (reason, message) = (
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            );
            status["failed"] = json!(live.number(&["spec", "backoffLimit"]) + 1);
            status["conditions"] = json!([
                condition("FailureTarget", reason, message),
                condition("Failed", reason, message),
            ]);
        } else if active == 0 {
            let (reason, message) = ("CompletionsReached", "Reached expected number of succeeded pods");
            if completions > 0 {
                status["succeeded"] = json!(completions);
            }
            status["completionTime"] = json!(now);
            status["conditions"] = json!([
                condition("SuccessCriteriaMet", reason, message),
                condition("Complete", reason, message),
            ]);
        } else {
            status["active"] = json!(active);
            status["ready"] = json!(phase("Running"));
        }
        self.set_status(live, &status, MANAGER);
    }
}
