//! Deployments, ReplicaSets, StatefulSets and DaemonSets.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::store::Key;

use super::clock::TAKES;
use super::pods::is_ready;
use super::{Fate, Live, NODE, condition_of};

const MANAGER: &str = "kube-controller-manager";
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HASH: &str = "controller-revision-hash";

/// A short name for a template: equal templates have equal names.
fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut sum: u64 = 14_695_981_039_346_656_037;
    for byte in template.to_string().bytes() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    }
    (0..10)
        .map(|index| {
            let digit = (sum >> (index * 6)) as usize % ALPHABET.len();
            char::from(ALPHABET[digit])
        })
        .collect()
}

/// A Pod as a template describes it.
fn pod_of(live: &Live, api_version: &str, kind: &str, extra_labels: &[(&str, &str)]) -> Object {
    let template = live.object.at(&["spec", "template"]).cloned().unwrap_or_default();
    let mut pod = Object::default();
    pod.set(&["spec"], template["spec"].clone());
    for key in ["labels", "annotations", "finalizers"] {
        if !template["metadata"][key].is_null() {
            pod.set(&["metadata", key], template["metadata"][key].clone());
        }
    }
    for (key, value) in extra_labels {
        pod.set_label(key, value);
    }
    // What a workload is told to become, its Pods become.
    for annotation in ["sandbox.kluctl.io/rollout", "sandbox.kluctl.io/job", TAKES] {
        if let (None, Some(value)) = (pod.annotation(annotation), live.object.annotation(annotation)) {
            let value = value.to_owned();
            pod.set_annotation(annotation, &value);
        }
    }
    pod.set(
        &["metadata", "ownerReferences"],
        live.owner_reference(api_version, kind),
    );
    pod
}

fn revision_of(live: &Live) -> i64 {
    live.object
        .annotation(REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

impl Sandbox {
    pub(super) fn reconcile_deployment(&self, live: &Live) {
        if live.is_deleted() {
            return;
        }
        let sets = self.owned_of(live, "replicasets.apps");
        let template = live.object.at(&["spec", "template"]).cloned().unwrap_or_default();
        let hash = template_hash(&template);
        let name = format!("{}-{hash}", live.object.name());
        let wanted = live.number(&["spec", "replicas"]);
        let paused = live.object.at(&["spec", "paused"]) == Some(&Value::Bool(true));
        let latest = sets.iter().map(revision_of).max().unwrap_or(0);
        let current = sets.iter().find(|set| set.object.name() == name);
        let revision = match current {
            Some(set) if revision_of(set) == latest => latest,
            Some(set) => {
                self.change(&set.key, "", MANAGER, &|object| {
                    object.set_annotation(REVISION, &(latest + 1).to_string());
                });
                latest + 1
            }
            None if paused => latest,
            None => {
                self.make_replica_set(live, &name, &hash, wanted, latest + 1);
                return;
            }
        };
        for set in &sets {
            let count = if set.object.name() == name { wanted } else { 0 };
            if set.number(&["spec", "replicas"]) != count && !paused {
                self.change(&set.key, "", MANAGER, &|object| {
                    object.set(&["spec", "replicas"], json!(count));
                });
            }
        }
        let keep = live
            .object
            .at(&["spec", "revisionHistoryLimit"])
            .and_then(Value::as_i64)
            .unwrap_or(10);
        let mut old: Vec<&Live> = sets.iter().filter(|set| set.object.name() != name).collect();
        old.sort_by_key(|set| revision_of(set));
        let surplus = old.len().saturating_sub(usize::try_from(keep).unwrap_or(0));
        for set in &old[..surplus] {
            self.discard(&set.key);
        }
        if live.object.annotation(REVISION) != Some(revision.to_string().as_str()) {
            self.change(&live.key, "", MANAGER, &|object| {
                object.set_annotation(REVISION, &revision.to_string());
            });
        }
        if let Some(fresh) = self.live(&live.key) {
            self.deployment_status(&fresh, &name);
        }
    }

    fn make_replica_set(&self, live: &Live, name: &str, hash: &str, wanted: i64, revision: i64) {
        let mut template = live.object.at(&["spec", "template"]).cloned().unwrap_or_default();
        template["metadata"]["labels"][HASH] = json!(hash);
        let mut selector = live.object.at(&["spec", "selector"]).cloned().unwrap_or_default();
        selector["matchLabels"][HASH] = json!(hash);
        let mut annotations = json!({
            REVISION: revision.to_string(),
            "deployment.kubernetes.io/desired-replicas": wanted.to_string(),
            "deployment.kubernetes.io/max-replicas": (wanted + (wanted + 3) / 4).to_string(),
        });
        for (key, value) in live.object.annotations() {
            let own = key == "kubectl.kubernetes.io/last-applied-configuration"
                || key.starts_with("deployment.kubernetes.io/");
            if !own {
                annotations[key] = json!(value);
            }
        }
        let set = json!({
            "metadata": {"name": name, "labels": template["metadata"]["labels"], "annotations": annotations,
                "ownerReferences": live.owner_reference("apps/v1", "Deployment")},
            "spec": {"replicas": wanted, "selector": selector, "template": template,
                "minReadySeconds": live.object.at(&["spec", "minReadySeconds"])},
        });
        self.make("apps", "replicasets", &live.key.namespace, set, MANAGER);
    }

    fn deployment_status(&self, live: &Live, current: &str) {
        let wanted = live.number(&["spec", "replicas"]);
        let mut total = 0;
        let mut ready = 0;
        let mut updated = 0;
        for set in self.owned_of(live, "replicasets.apps") {
            total += set.number(&["status", "replicas"]);
            ready += set.number(&["status", "readyReplicas"]);
            if set.object.name() == current {
                updated = set.number(&["status", "replicas"]);
            }
        }
        let available = ready >= wanted;
        let done = available && updated == wanted && total == wanted;
        let progress = format!("ReplicaSet \"{current}\"");
        let fails = Fate::of_rollout(&live.object) == Fate::Fail;
        let available = if available {
            condition_of(
                live,
                "Available",
                true,
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            let message = "Deployment does not have minimum availability.";
            condition_of(live, "Available", false, "MinimumReplicasUnavailable", message)
        };
        let progressing = if done {
            let message = format!("{progress} has successfully progressed.");
            condition_of(live, "Progressing", true, "NewReplicaSetAvailable", &message)
        } else if fails {
            let message = format!("{progress} has timed out progressing.");
            condition_of(live, "Progressing", false, "ProgressDeadlineExceeded", &message)
        } else {
            let message = format!("{progress} is progressing.");
            condition_of(live, "Progressing", true, "ReplicaSetUpdated", &message)
        };
        let mut conditions = vec![available, progressing];
        for condition in &mut conditions {
            condition["lastUpdateTime"] = condition["lastTransitionTime"].clone();
        }
        let mut status = json!({"observedGeneration": live.generation(), "conditions": conditions});
        for (key, count) in [
            ("replicas", total),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("unavailableReplicas", wanted.max(total) - ready),
        ] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        self.set_status(live, &status, MANAGER);
    }

    pub(super) fn reconcile_replicas(&self, live: &Live) {
        if live.is_deleted() {
            return;
        }
        let is_set = &*live.key.resource == "replicasets.apps";
        let (api_version, kind) = if is_set {
            ("apps/v1", "ReplicaSet")
        } else {
            ("v1", "ReplicationController")
        };
        let pods: Vec<Live> = self
            .owned_of(live, "pods")
            .into_iter()
            .filter(|pod| !pod.is_deleted())
            .collect();
        let wanted = usize::try_from(live.number(&["spec", "replicas"])).unwrap_or(0);
        for pod in pods.iter().skip(wanted) {
            self.discard(&pod.key);
        }
        for _ in pods.len()..wanted {
            let mut pod = pod_of(live, api_version, kind, &[]);
            pod.set(
                &["metadata", "generateName"],
                json!(format!("{}-", live.object.name())),
            );
            if self
                .make("", "pods", &live.key.namespace, pod.into(), MANAGER)
                .is_none()
            {
                break;
            }
        }
        let pods: Vec<Live> = self
            .owned_of(live, "pods")
            .into_iter()
            .filter(|pod| !pod.is_deleted())
            .collect();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let mut status = json!({"replicas": pods.len(), "observedGeneration": live.generation()});
        for (key, count) in [
            ("fullyLabeledReplicas", pods.len()),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
        ] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        if let Some(fresh) = self.live(&live.key) {
            self.set_status(&fresh, &status, MANAGER);
        }
    }

    pub(super) fn reconcile_stateful(&self, live: &Live) {
        if live.is_deleted() {
            return;
        }
        let name = live.object.name();
        let template = live.object.at(&["spec", "template"]).cloned().unwrap_or_default();
        let revision = format!("{name}-{}", template_hash(&template));
        let wanted = live.number(&["spec", "replicas"]);
        let start = live.number(&["spec", "ordinals", "start"]);
        let on_delete = live.object.str_at(&["spec", "updateStrategy", "type"]) == Some("OnDelete");
        let pods = self.owned_of(live, "pods");
        for pod in &pods {
            let ordinal: i64 = pod
                .object
                .name()
                .rsplit('-')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(-1);
            let surplus = !(start..start + wanted).contains(&ordinal);
            let partition = live.number(&["spec", "updateStrategy", "rollingUpdate", "partition"]);
            let stale = pod.object.label(REVISION_HASH) != Some(revision.as_str())
                && !on_delete
                && ordinal >= partition;
            if surplus || stale {
                self.discard(&pod.key);
            }
        }
        for ordinal in start..start + wanted {
            let pod_name = format!("{name}-{ordinal}");
            let key = Key {
                resource: "pods".into(),
                namespace: live.key.namespace.clone(),
                name: pod_name.as_str().into(),
            };
            if self.store.get(&key).is_some() {
                continue;
            }
            self.make_claims(live, ordinal);
            let index = ordinal.to_string();
            let labels = [
                (REVISION_HASH, revision.as_str()),
                ("statefulset.kubernetes.io/pod-name", pod_name.as_str()),
                ("apps.kubernetes.io/pod-index", index.as_str()),
            ];
            let mut pod = pod_of(live, "apps/v1", "StatefulSet", &labels);
            pod.set(&["metadata", "name"], json!(pod_name));
            pod.set(&["spec", "hostname"], json!(pod_name));
            if let Some(service) = live.object.at(&["spec", "serviceName"]) {
                pod.set(&["spec", "subdomain"], service.clone());
            }
            add_claim_volumes(live, &mut pod, &pod_name);
            if self
                .make("", "pods", &live.key.namespace, pod.into(), MANAGER)
                .is_none()
            {
                break;
            }
        }
        let pods: Vec<Live> = self
            .owned_of(live, "pods")
            .into_iter()
            .filter(|pod| !pod.is_deleted())
            .collect();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let updated = pods
            .iter()
            .filter(|pod| pod.object.label(REVISION_HASH) == Some(revision.as_str()))
            .count();
        let done = updated == pods.len();
        let current = if done {
            revision.clone()
        } else {
            live.object
                .str_at(&["status", "currentRevision"])
                .unwrap_or(&revision)
                .to_owned()
        };
        let mut status = json!({
            "replicas": pods.len(), "availableReplicas": ready, "collisionCount": 0,
            "observedGeneration": live.generation(), "currentRevision": current, "updateRevision": revision,
        });
        for (key, count) in [
            ("readyReplicas", ready),
            (
                "currentReplicas",
                if done { pods.len() } else { pods.len() - updated },
            ),
            ("updatedReplicas", updated),
        ] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        if let Some(fresh) = self.live(&live.key) {
            self.set_status(&fresh, &status, MANAGER);
        }
    }

    fn make_claims(&self, live: &Live, ordinal: i64) {
        let templates = live
            .object
            .at(&["spec", "volumeClaimTemplates"])
            .and_then(Value::as_array);
        for template in templates.into_iter().flatten() {
            let base = template
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let name = format!("{base}-{}-{ordinal}", live.object.name());
            let key = Key {
                resource: "persistentvolumeclaims".into(),
                namespace: live.key.namespace.clone(),
                name: name.as_str().into(),
            };
            if self.store.get(&key).is_some() {
                continue;
            }
            let labels = live.object.at(&["spec", "selector", "matchLabels"]);
            let claim = json!({"metadata": {"name": name, "labels": labels}, "spec": template["spec"]});
            self.make("", "persistentvolumeclaims", &live.key.namespace, claim, MANAGER);
        }
    }

    pub(super) fn reconcile_daemon(&self, live: &Live) {
        if live.is_deleted() {
            return;
        }
        let template = live.object.at(&["spec", "template"]).cloned().unwrap_or_default();
        let revision = template_hash(&template);
        let wanted = self.runs_here(&template);
        let on_delete = live.object.str_at(&["spec", "updateStrategy", "type"]) == Some("OnDelete");
        let mut found = false;
        for pod in self.owned_of(live, "pods") {
            let fresh = on_delete || pod.object.label(REVISION_HASH) == Some(revision.as_str());
            if fresh && wanted && !found {
                found = true;
            } else {
                self.discard(&pod.key);
            }
        }
        if wanted && !found {
            let mut pod = pod_of(live, "apps/v1", "DaemonSet", &[(REVISION_HASH, &revision)]);
            pod.set(
                &["metadata", "generateName"],
                json!(format!("{}-", live.object.name())),
            );
            pod.set(&["spec", "nodeName"], json!(NODE));
            self.make("", "pods", &live.key.namespace, pod.into(), MANAGER);
        }
        let pods: Vec<Live> = self
            .owned_of(live, "pods")
            .into_iter()
            .filter(|pod| !pod.is_deleted())
            .collect();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let desired = i64::from(wanted);
        let mut status = json!({
            "currentNumberScheduled": pods.len(), "desiredNumberScheduled": desired, "numberMisscheduled": 0,
            "numberReady": ready, "observedGeneration": live.generation(),
        });
        for (key, count) in [
            ("updatedNumberScheduled", pods.len()),
            ("numberAvailable", ready),
            ("numberUnavailable", usize::from(wanted) - ready.min(1)),
        ] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        if let Some(fresh) = self.live(&live.key) {
            self.set_status(&fresh, &status, MANAGER);
        }
    }

    /// Whether a template's node selector fits the one node.
    fn runs_here(&self, template: &Value) -> bool {
        let key = Key {
            resource: "nodes".into(),
            namespace: "".into(),
            name: NODE.into(),
        };
        let Some(node) = self.live(&key) else { return false };
        let selector = template.pointer("/spec/nodeSelector").and_then(Value::as_object);
        let mut wanted = selector.into_iter().flatten();
        wanted.all(|(key, value)| node.object.label(key) == value.as_str())
    }
}

fn add_claim_volumes(live: &Live, pod: &mut Object, pod_name: &str) {
    let templates = live
        .object
        .at(&["spec", "volumeClaimTemplates"])
        .and_then(Value::as_array);
    let mut volumes = pod.at(&["spec", "volumes"]).cloned().unwrap_or_else(|| json!([]));
    for template in templates.into_iter().flatten() {
        let name = template
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(list) = volumes.as_array_mut() {
            list.retain(|known| known["name"] != name);
            list.push(
                json!({"name": name, "persistentVolumeClaim": {"claimName": format!("{name}-{pod_name}")}}),
            );
        }
    }
    if volumes.as_array().is_some_and(|list| !list.is_empty()) {
        pod.set(&["spec", "volumes"], volumes);
    }
}

impl Sandbox {
    /// A Pod of a Job, as its template describes it.
    pub(super) fn job_pod(live: &Live) -> Object {
        let mut pod = pod_of(live, "batch/v1", "Job", &[]);
        pod.set(
            &["metadata", "generateName"],
            json!(format!("{}-", live.object.name())),
        );
        pod
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_templates_have_equal_names() {
        let hash = template_hash(&json!({"a": 1}));
        assert_eq!(hash, template_hash(&json!({"a": 1})));
        assert_ne!(hash, template_hash(&json!({"a": 2})));
        assert_eq!(hash.len(), 10);
    }
}
