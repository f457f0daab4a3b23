//! Pods are put onto the one node and become ready at once; the node itself is always ready.

use serde_json::{Value, json};

use crate::Sandbox;
use crate::strategy;

use super::clock::TAKES;
use super::{Fate, Live, NODE, condition_of};

fn owner_kind(live: &Live) -> &str {
    let owners = live
        .object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .find(|owner| owner["controller"] == true)
        .and_then(|owner| owner["kind"].as_str())
        .unwrap_or_default()
}

/// Whether a Pod counts as ready.
pub(super) fn is_ready(live: &Live) -> bool {
    let conditions = live
        .object
        .at(&["status", "conditions"])
        .and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|known| known["type"] == "Ready" && known["status"] == "True")
}

impl Sandbox {
    pub(super) fn reconcile_pod(&self, live: &Live) {
        if live.is_deleted() {
            return;
        }
        if live.object.at(&["spec", "schedulingGates"]).is_some() {
            return;
        }
        if live
            .object
            .str_at(&["spec", "nodeName"])
            .is_none_or(str::is_empty)
        {
            drop(crate::subresource::bind_pod(
                self,
                &live.key.namespace,
                &live.key.name,
                NODE,
            ));
            return;
        }
        let begun = match live.object.str_at(&["status", "phase"]) {
            Some("Pending") => false,
            Some("Running") if !is_ready(live) && live.object.annotation(TAKES).is_some() => true,
            _ => return,
        };
        let is_job = owner_kind(live) == "Job";
        let fate = if is_job {
            Fate::of_job(&live.object)
        } else {
            Fate::of_rollout(&live.object)
        };
        let once = live.object.str_at(&["spec", "restartPolicy"]) != Some("Always");
        let over = self.is_over(live);
        // What runs goes on running unless it becomes ready or ends.
        if begun && !(over && (fate == Fate::Complete || once && fate == Fate::Fail)) {
            return;
        }
        let status = Self::pod_status(live, if over { fate } else { Fate::Hang }, once);
        self.set_status(live, &status, "kubelet");
    }

    fn pod_status(live: &Live, fate: Fate, once: bool) -> Value {
        let now = crate::time::now();
        let (phase, ready, reason) = match (fate, once) {
            (Fate::Complete, false) => ("Running", true, ""),
            (Fate::Complete, true) => ("Succeeded", false, "PodCompleted"),
            (Fate::Fail, true) => ("Failed", false, "PodFailed"),
            (Fate::Fail | Fate::Hang, _) => ("Running", false, "ContainersNotReady"),
        };
        let containers = |key: &str, done: bool| -> Vec<Value> {
            let list = live.object.at(&["spec", key]).and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .map(|container| container_status(container, phase, ready, done, fate, &now))
                .collect()
        };
        let condition = |kind: &str, holds: bool| {
            let mut value = json!({"type": kind, "status": if holds { "True" } else { "False" },
                "lastProbeTime": null, "lastTransitionTime": now});
            if !holds && !reason.is_empty() {
                value["reason"] = json!(reason);
            }
            value
        };
        let address = Self::pod_address(live);
        let mut status = json!({
            "phase": phase, "qosClass": strategy::qos_class(&live.object), "startTime": live.object.str_at(&["status", "startTime"]).unwrap_or(&now),
            "hostIP": "10.255.0.1", "hostIPs": [{"ip": "10.255.0.1"}], "podIP": address, "podIPs": [{"ip": address}],
            "observedGeneration": live.generation(),
            "conditions": [
                condition("PodReadyToStartContainers", true), condition("Initialized", true), condition("Ready", ready),
                condition("ContainersReady", ready), condition("PodScheduled", true),
            ],
            "containerStatuses": containers("containers", false),
        });
        let init = containers("initContainers", true);
        if !init.is_empty() {
            status["initContainerStatuses"] = Value::Array(init);
        }
        status
    }

    /// An address of the Pod's own, for as long as it lives.
    fn pod_address(live: &Live) -> String {
        let mut sum: u32 = 2_166_136_261;
        for byte in live.uid().bytes() {
            sum = (sum ^ u32::from(byte)).wrapping_mul(16_777_619);
        }
        format!("10.{}.{}.{}", 244, (sum >> 8) & 0xff, (sum & 0xff).clamp(1, 254))
    }

    pub(super) fn reconcile_node(&self, live: &Live) {
        if live.object.name() != NODE || live.object.at(&["status", "conditions"]).is_some() {
            return;
        }
        let amounts = json!({"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1Ti"});
        let condition = |kind: &str, holds: bool, reason: &str| {
            let mut value = condition_of(live, kind, holds, reason, "the sandbox's only node");
            value["lastHeartbeatTime"] = json!(crate::time::now());
            value
        };
        let status = json!({
            "capacity": amounts, "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": "10.255.0.1"}, {"type": "Hostname", "address": NODE}],
            "conditions": [
                condition("MemoryPressure", false, "KubeletHasSufficientMemory"),
                condition("DiskPressure", false, "KubeletHasNoDiskPressure"),
                condition("PIDPressure", false, "KubeletHasSufficientPID"),
                condition("Ready", true, "KubeletReady"),
            ],
            "nodeInfo": {"architecture": "amd64", "bootID": "", "containerRuntimeVersion": "sandbox://1", "kernelVersion": "",
                "kubeProxyVersion": "", "kubeletVersion": format!("v{}", self.version), "machineID": "",
                "operatingSystem": "linux", "osImage": "sandbox", "systemUUID": ""},
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        });
        self.set_status(live, &status, "kubelet");
    }
}

fn container_status(container: &Value, phase: &str, ready: bool, init: bool, fate: Fate, now: &str) -> Value {
    let ended = init || matches!(phase, "Succeeded" | "Failed");
    let code = i32::from(phase == "Failed" && !init);
    let state = if ended {
        json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
            "startedAt": now, "finishedAt": now}})
    } else if fate == Fate::Fail {
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "the annotation sandbox.kluctl.io/rollout says that it fails"}})
    } else {
        json!({"running": {"startedAt": now}})
    };
    json!({
        "name": container["name"], "image": container["image"], "imageID": "", "ready": ready || (init && code == 0),
        "restartCount": 0, "started": ready, "state": state, "lastState": {},
    })
}
