//! Stands in for the controllers that a bare API server lacks: it reports workloads as ready.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{ApiServer, call};

/// Patches the status of Deployments, DaemonSets, StatefulSets and Jobs until it is dropped.
///
/// It talks through `kubectl proxy`, so that it needs no TLS of its own.
pub struct StatusController {
    proxy: Child,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

const WATCHED: [&str; 4] = [
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/jobs",
];

impl StatusController {
    /// Starts it for a server.
    pub fn start(server: &ApiServer) -> Self {
        let mut proxy = server
            .kubectl()
            .args(["proxy", "--port=0", "--address=127.0.0.1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting kubectl proxy");
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("its address");
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                WATCHED.iter().for_each(|list| report(&address, list));
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self {
            proxy,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for StatusController {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

/// Brings the status of all objects of one list up to date.
fn report(address: &str, list: &str) {
    let Ok((200, body)) = call(address, "GET", list, &[], b"") else {
        return;
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return;
    };
    let (prefix, plural) = list.rsplit_once('/').expect("a path");
    for object in body["items"].as_array().into_iter().flatten() {
        let status = wanted(plural, object);
        let current = &object["status"];
        if status
            .as_object()
            .is_some_and(|fields| fields.iter().all(|(key, value)| &current[key] == value))
        {
            continue;
        }
        let metadata = &object["metadata"];
        let target = format!(
            "{prefix}/namespaces/{}/{plural}/{}/status?fieldManager=test-controller",
            metadata["namespace"].as_str().unwrap_or_default(),
            metadata["name"].as_str().unwrap_or_default()
        );
        let patch = json!({ "status": status }).to_string();
        let kind = [("Content-Type", "application/merge-patch+json")];
        // An object that went away meanwhile is not this controller's business.
        let _ = call(address, "PATCH", &target, &kind, patch.as_bytes());
    }
}

fn wanted(plural: &str, object: &Value) -> Value {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    match plural {
        "deployments" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        }),
        "statefulsets" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas, "currentReplicas": replicas,
        }),
        "daemonsets" => json!({
            "observedGeneration": generation, "currentNumberScheduled": 1, "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1, "numberReady": 1, "numberAvailable": 1, "numberMisscheduled": 0,
        }),
        _ => {
            if !object["status"]["completionTime"].is_null() {
                return json!({});
            }
            let now = "2026-01-01T00:00:00Z";
            let start = object["status"]["startTime"].as_str().unwrap_or(now);
            json!({
                "startTime": start, "completionTime": start, "succeeded": 1,
                "conditions": [
                    {"type": "SuccessCriteriaMet", "status": "True", "lastProbeTime": start, "lastTransitionTime": start},
                    {"type": "Complete", "status": "True", "lastProbeTime": start, "lastTransitionTime": start},
                ],
            })
        }
    }
}
