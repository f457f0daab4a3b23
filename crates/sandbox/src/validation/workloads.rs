//! What makes Deployments and their like invalid.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::{Cause, in_order};

use super::metadata::labels;
use super::{at_least_zero, items, map, pods};

/// Checks a workload's spec.
pub(super) fn check(resource: &Resource, object: &Object) -> Vec<Cause> {
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
    match resource.plural.as_str() {
        "jobs" => job(spec, "spec"),
        "cronjobs" => {
            let mut causes = cron_job(spec);
            if object.name().len() > 52 {
                let detail = "must be no more than 52 characters";
                causes.push(Cause::invalid("metadata.name", object.name(), detail));
            }
            causes
        }
        plural => workload(plural, spec),
    }
}

fn workload(plural: &str, spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(replicas) = spec["replicas"].as_i64() {
        at_least_zero(replicas, "spec.replicas", &mut causes);
    }
    let selector = &spec["selector"];
    if plural == "replicationcontrollers" {
        if selector.as_object().is_none_or(serde_json::Map::is_empty) {
            causes.push(Cause::required("spec.selector", ""));
        }
    } else if selector.is_null() {
        if plural != "daemonsets" {
            causes.push(Cause::required("spec.selector", ""));
        }
    } else {
        causes.extend(label_selector(selector, "spec.selector"));
        if causes
            .iter()
            .any(|cause| cause.field.starts_with("spec.selector"))
            && plural == "deployments"
        {
            causes.push(Cause::invalid(
                "spec.selector",
                selector.clone(),
                "invalid label selector",
            ));
        }
        if LabelSelector::of_object(selector).is_empty() {
            let what = plural.trim_end_matches('s');
            let detail = format!("empty selector is invalid for {what}");
            causes.push(Cause::invalid("spec.selector", json!({}), detail));
            return causes;
        }
    }
    let template = &spec["template"];
    let own = &template["metadata"]["labels"];
    let selects = if plural == "replicationcontrollers" {
        LabelSelector::of_object(&json!({ "matchLabels": selector }))
    } else {
        LabelSelector::of_object(selector)
    };
    let is_selector_valid = !causes
        .iter()
        .any(|cause| cause.field.starts_with("spec.selector.match"));
    let matches = !selects.is_empty() && selects.matches(|key| own[key].as_str());
    let has_none = plural == "replicationcontrollers" && selects.is_empty();
    if is_selector_valid && !matches && !has_none {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            own.clone(),
            detail,
        ));
    }
    causes.extend(pods::spec(
        &with_claims(&template["spec"], spec),
        "spec.template.spec",
    ));
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    let known = ["OnFailure", "Never"].contains(&policy);
    if known {
        causes.push(Cause::not_supported(
            "spec.template.spec.restartPolicy",
            policy,
            &["Always"],
        ));
    }
    if plural == "deployments" {
        strategy(&spec["strategy"], &mut causes);
        deadlines(spec, &mut causes);
    }
    if plural == "statefulsets" {
        stateful(spec, &mut causes);
    }
    if let Some(seconds) = spec["minReadySeconds"].as_i64() {
        at_least_zero(seconds, "spec.minReadySeconds", &mut causes);
    }
    causes
}

/// How long a rollout may take, and how much of it is kept.
fn deadlines(spec: &Value, causes: &mut Vec<Cause>) {
    for key in ["revisionHistoryLimit", "progressDeadlineSeconds"] {
        if let Some(value) = spec[key].as_i64() {
            at_least_zero(value, &format!("spec.{key}"), causes);
        }
    }
    let ready = spec["minReadySeconds"].as_i64().unwrap_or(0);
    if let Some(seconds) = spec["progressDeadlineSeconds"]
        .as_i64()
        .filter(|seconds| *seconds <= ready)
    {
        let detail = "must be greater than minReadySeconds";
        causes.push(Cause::invalid("spec.progressDeadlineSeconds", seconds, detail));
    }
}

fn stateful(spec: &Value, causes: &mut Vec<Cause>) {
    let update = &spec["updateStrategy"];
    let kind = super::text(update, "type");
    if !["", "RollingUpdate", "OnDelete"].contains(&kind) {
        let shown = in_order(&[("Type", json!(kind)), ("RollingUpdate", Value::Null)]);
        let detail = "must be 'RollingUpdate' or 'OnDelete'";
        causes.push(Cause::raw_invalid("spec.updateStrategy", shown, detail));
    }
    let policy = &spec["persistentVolumeClaimRetentionPolicy"];
    for key in ["whenDeleted", "whenScaled"] {
        let value = super::text(policy, key);
        if !["", "Retain", "Delete"].contains(&value) {
            causes.push(Cause::not_supported(
                format!("spec.persistentVolumeClaimRetentionPolicy.{key}"),
                value,
                &["Retain", "Delete"],
            ));
        }
    }
}

fn strategy(strategy: &Value, causes: &mut Vec<Cause>) {
    let rolling = &strategy["rollingUpdate"];
    match strategy["type"].as_str().unwrap_or_default() {
        "Recreate" if rolling.is_object() => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden("spec.strategy.rollingUpdate", detail));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let is_zero = |value: &Value| *value == json!(0) || *value == json!("0%");
            if is_zero(&rolling["maxSurge"]) && is_zero(&rolling["maxUnavailable"]) {
                causes.push(Cause::invalid(
                    "spec.strategy.rollingUpdate.maxUnavailable",
                    rolling["maxUnavailable"].clone(),
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
        }
        other => {
            let shown = json!({"Type": other, "RollingUpdate": null});
            causes.push(Cause::not_supported(
                "spec.strategy",
                shown,
                &["Recreate", "RollingUpdate"],
            ));
        }
    }
}

/// Checks a `LabelSelector`.
pub(super) fn label_selector(selector: &Value, field: &str) -> Vec<Cause> {
    let mut causes = labels(map(selector, "matchLabels"), &format!("{field}.matchLabels"));
    for (index, expression) in super::items(selector, "matchExpressions").iter().enumerate() {
        let place = format!("{field}.matchExpressions[{index}]");
        let values = super::items(expression, "values");
        match super::text(expression, "operator") {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{place}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{place}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => causes.push(Cause::invalid(
                format!("{place}.operator"),
                other,
                "not a valid selector operator",
            )),
        }
        let key = super::text(expression, "key");
        for why in crate::names::qualified_name(key) {
            causes.push(Cause::invalid(format!("{place}.key"), key, why));
        }
    }
    causes
}

fn job(spec: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ] {
        if let Some(value) = spec[key].as_i64() {
            at_least_zero(value, &format!("{field}.{key}"), &mut causes);
        }
    }
    let template = &spec["template"];
    causes.extend(pods::spec(&template["spec"], &format!("{field}.template.spec")));
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy == "Always" {
        let detail = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::required(
            format!("{field}.template.spec.restartPolicy"),
            detail,
        ));
    }
    causes
}

fn cron_job(spec: &Value) -> Vec<Cause> {
    let mut template = job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec");
    for key in [
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
        "startingDeadlineSeconds",
    ] {
        if let Some(value) = spec[key].as_i64() {
            at_least_zero(value, &format!("spec.{key}"), &mut template);
        }
    }
    let policy = super::text(spec, "concurrencyPolicy");
    let supported = ["Allow", "Forbid", "Replace"];
    if !policy.is_empty() && !supported.contains(&policy) {
        template.push(Cause::not_supported("spec.concurrencyPolicy", policy, &supported));
    }
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if schedule.is_empty() {
        causes.extend(template);
        causes.push(Cause::required("spec.schedule", ""));
        return causes;
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if !schedule.starts_with('@') && fields.len() != 5 {
        let detail = format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        );
        causes.push(Cause::invalid("spec.schedule", schedule, detail));
    }
    causes.extend(template);
    causes
}

/// The Pod's spec with a volume for every claim template, since a StatefulSet's Pods may mount them by name.
fn with_claims<'v>(pod: &'v Value, spec: &Value) -> std::borrow::Cow<'v, Value> {
    let claims = items(spec, "volumeClaimTemplates");
    if claims.is_empty() || !pod.is_object() {
        return std::borrow::Cow::Borrowed(pod);
    }
    let mut pod = pod.clone();
    let names = claims
        .iter()
        .filter_map(|claim| claim["metadata"]["name"].as_str());
    let volumes = names.map(|name| json!({ "name": name, "emptyDir": {} }));
    match pod["volumes"].as_array_mut() {
        Some(list) => list.extend(volumes),
        None => pod["volumes"] = volumes.collect(),
    }
    std::borrow::Cow::Owned(pod)
}
