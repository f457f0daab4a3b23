//! What makes Deployments and their like invalid.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::{Cause, in_order};

use super::metadata::labels;
use super::{at_least_zero, items, map, pods, text};

/// Checks a workload's spec.
pub(super) fn check(resource: &Resource, old: Option<&Object>, object: &Object) -> Vec<Cause> {
    let nothing = json!({});
    let spec = object.at(&["spec"]).unwrap_or(&nothing);
    match resource.plural.as_str() {
        "jobs" => {
            let mut causes = job(spec, "spec");
            job_selector(old.is_none(), object, spec, &mut causes);
            causes
        }
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
            // Sets of replicas are checked by what was written for Deployments.
            let what = match plural {
                "replicasets" => "deployment",
                other => other.trim_end_matches('s'),
            };
            let detail = format!("empty selector is invalid for {what}");
            causes.push(Cause::invalid("spec.selector", json!({}), detail));
            return causes;
        }
    }
    let template = &spec["template"];
    if template.is_null() && plural == "replicationcontrollers" {
        causes.push(Cause::required("spec.template", ""));
        return causes;
    }
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
    if !is_selector_valid && matches!(plural, "deployments" | "replicasets") {
        // Without a selector their templates are not looked at.
        rest(plural, spec, &mut causes);
        return causes;
    }
    let mut found = pods::spec(&with_claims(&template["spec"], spec), "spec.template.spec");
    // The Pods of a StatefulSet get names of their own.
    found.retain(|cause| plural != "statefulsets" || cause.field != "spec.template.spec.hostname");
    causes.extend(found);
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy != "Always" {
        causes.push(Cause::not_supported(
            "spec.template.spec.restartPolicy",
            policy,
            &["Always"],
        ));
    }
    if !template["spec"]["activeDeadlineSeconds"].is_null() {
        let kind = match plural {
            "daemonsets" => "DaemonSet",
            "statefulsets" => "StatefulSet",
            "replicationcontrollers" => "ReplicationController",
            _ => "ReplicaSet",
        };
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        causes.push(Cause::forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            detail,
        ));
    }
    rest(plural, spec, &mut causes);
    causes
}

/// What workloads say beside their Pods.
fn rest(plural: &str, spec: &Value, causes: &mut Vec<Cause>) {
    if plural == "daemonsets" {
        daemons(&spec["updateStrategy"], causes);
    }
    if plural == "deployments" {
        strategy(&spec["strategy"], causes);
        deadlines(spec, causes);
    }
    if plural == "statefulsets" {
        stateful(spec, causes);
    }
    if let Some(seconds) = spec["minReadySeconds"].as_i64() {
        at_least_zero(seconds, "spec.minReadySeconds", causes);
    }
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
    if let Some(start) = spec["ordinals"]["start"].as_i64() {
        at_least_zero(start, "spec.ordinals.start", causes);
    }
    let management = text(spec, "podManagementPolicy");
    if !["", "OrderedReady", "Parallel"].contains(&management) {
        let detail = "must be 'OrderedReady' or 'Parallel'";
        causes.push(Cause::invalid("spec.podManagementPolicy", management, detail));
    }
    for (index, claim) in items(spec, "volumeClaimTemplates").iter().enumerate() {
        let place = format!("spec.volumeClaimTemplates[{index}].spec");
        super::config::claim(&claim["spec"], &place, causes);
    }
    let update = &spec["updateStrategy"];
    let kind = text(update, "type");
    if !["", "RollingUpdate", "OnDelete"].contains(&kind) {
        let shown = in_order(&[("Type", json!(kind)), ("RollingUpdate", Value::Null)]);
        let detail = "must be 'RollingUpdate' or 'OnDelete'";
        causes.push(Cause::raw_invalid("spec.updateStrategy", shown, detail));
    }
    let policy = &spec["persistentVolumeClaimRetentionPolicy"];
    for key in ["whenDeleted", "whenScaled"] {
        let value = text(policy, key);
        if !["", "Retain", "Delete"].contains(&value) {
            causes.push(Cause::not_supported(
                format!("spec.persistentVolumeClaimRetentionPolicy.{key}"),
                value,
                &["Retain", "Delete"],
            ));
        }
    }
}

/// A number, or a share of all in percent.
fn number_or_share(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Number(number) => at_least_zero(number.as_i64().unwrap_or(0), field, causes),
        Value::String(share) => {
            let digits = share.strip_suffix('%').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
                let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                causes.push(Cause::invalid(field, share.as_str(), detail));
            }
        }
        _ => {}
    }
}

fn at_most_all(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    if let Some(share) = value.as_str()
        && share
            .strip_suffix('%')
            .and_then(|digits| digits.parse::<u64>().ok())
            .is_some_and(|share| share > 100)
    {
        causes.push(Cause::invalid(field, share, "must not be greater than 100%"));
    }
}

fn is_zero(value: &Value) -> bool {
    *value == json!(0) || *value == json!("0%")
}

/// How the Pods of a DaemonSet are replaced.
fn daemons(update: &Value, causes: &mut Vec<Cause>) {
    let rolling = &update["rollingUpdate"];
    if text(update, "type") != "RollingUpdate" || !rolling.is_object() {
        return;
    }
    let (most, more) = (&rolling["maxUnavailable"], &rolling["maxSurge"]);
    let place = "spec.updateStrategy.rollingUpdate";
    for (key, value) in [("maxUnavailable", most), ("maxSurge", more)] {
        number_or_share(value, &format!("{place}.{key}"), causes);
        at_most_all(value, &format!("{place}.{key}"), causes);
    }
    let (none, no_more) = (is_zero(most), is_zero(more) || more.is_null());
    if none && no_more {
        let detail = "cannot be 0 when maxSurge is 0";
        causes.push(Cause::required(format!("{place}.maxUnavailable"), detail));
    } else if !none && !no_more {
        let detail = "may not be set when maxUnavailable is non-zero";
        causes.push(Cause::invalid(format!("{place}.maxSurge"), more.clone(), detail));
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
            for key in ["maxUnavailable", "maxSurge"] {
                let field = format!("spec.strategy.rollingUpdate.{key}");
                number_or_share(&rolling[key], &field, causes);
            }
            let field = "spec.strategy.rollingUpdate.maxUnavailable";
            at_most_all(&rolling["maxUnavailable"], field, causes);
            if is_zero(&rolling["maxSurge"]) && is_zero(&rolling["maxUnavailable"]) {
                causes.push(Cause::invalid(
                    field,
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
    for (index, expression) in items(selector, "matchExpressions").iter().enumerate() {
        let place = format!("{field}.matchExpressions[{index}]");
        let values = items(expression, "values");
        match text(expression, "operator") {
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
        let key = text(expression, "key");
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
    let mode = text(spec, "completionMode");
    if !mode.is_empty() && !["NonIndexed", "Indexed"].contains(&mode) {
        causes.push(Cause::not_supported(
            format!("{field}.completionMode"),
            mode,
            &["NonIndexed", "Indexed"],
        ));
    }
    failures(spec, field, &mut causes);
    let template = &spec["template"];
    causes.extend(pods::spec(&template["spec"], &format!("{field}.template.spec")));
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy == "Always" {
        let detail = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::required(
            format!("{field}.template.spec.restartPolicy"),
            detail,
        ));
    } else if !["OnFailure", "Never"].contains(&policy) {
        causes.push(Cause::not_supported(
            format!("{field}.template.spec.restartPolicy"),
            policy,
            &["OnFailure", "Never"],
        ));
    }
    causes
}

/// What a Job does when its Pods fail.
fn failures(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    let policy = &spec["podFailurePolicy"];
    if !policy.is_object() {
        return;
    }
    for (index, rule) in items(policy, "rules").iter().enumerate() {
        let place = format!("{field}.podFailurePolicy.rules[{index}]");
        let action = text(rule, "action");
        let supported = ["Count", "FailIndex", "FailJob", "Ignore"];
        if action.is_empty() {
            let detail = "valid values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"";
            causes.push(Cause::required(format!("{place}.action"), detail));
        } else if !supported.contains(&action) {
            causes.push(Cause::not_supported(
                format!("{place}.action"),
                action,
                &supported,
            ));
        }
        let (codes, conditions) = (
            rule["onExitCodes"].is_object(),
            !items(rule, "onPodConditions").is_empty(),
        );
        if codes && conditions {
            let detail = "specifying both OnExitCodes and OnPodConditions is not supported";
            causes.push(Cause::raw_invalid(place, String::new(), detail));
        } else if !codes && !conditions {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            causes.push(Cause::raw_invalid(place, String::new(), detail));
        }
    }
    let replaced = text(spec, "podReplacementPolicy");
    if !replaced.is_empty() && replaced != "Failed" {
        causes.push(Cause::not_supported(
            format!("{field}.podReplacementPolicy"),
            replaced,
            &["Failed"],
        ));
    }
    let policy = text(&spec["template"]["spec"], "restartPolicy");
    if policy == "OnFailure" {
        let detail = "only \"Never\" is supported when podFailurePolicy is specified";
        causes.push(Cause::invalid(
            format!("{field}.template.spec.restartPolicy"),
            policy,
            detail,
        ));
    }
}

/// Which Pods are a Job's own.
fn job_selector(fresh: bool, object: &Object, spec: &Value, causes: &mut Vec<Cause>) {
    let selector = &spec["selector"];
    let own = &spec["template"]["metadata"]["labels"];
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else {
        causes.extend(label_selector(selector, "spec.selector"));
    }
    let selects = LabelSelector::of_object(selector);
    if selector.is_null() || !selects.matches(|key| own[key].as_str()) {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            own.clone(),
            detail,
        ));
    }
    if !fresh || spec["manualSelector"] == true || selector.is_null() {
        return;
    }
    let uid = object.str_at(&["metadata", "uid"]).unwrap_or_default();
    let generated = |key: &str| match key {
        "controller-uid" | "batch.kubernetes.io/controller-uid" => Some(uid),
        "job-name" | "batch.kubernetes.io/job-name" => Some(object.name()),
        _ => None,
    };
    if !selects.matches(generated) {
        let detail = "`selector` not auto-generated";
        causes.push(Cause::invalid("spec.selector", selector.clone(), detail));
    }
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
    let policy = text(spec, "concurrencyPolicy");
    let supported = ["Allow", "Forbid", "Replace"];
    if !policy.is_empty() && !supported.contains(&policy) {
        template.push(Cause::not_supported("spec.concurrencyPolicy", policy, &supported));
    }
    let zone = text(spec, "timeZone");
    let zones = jiff::tz::db();
    if spec["timeZone"] == "" {
        let detail = "timeZone must be nil or non-empty string";
        template.push(Cause::invalid("spec.timeZone", "", detail));
    }
    if !zone.is_empty() && !zones.is_definitively_empty() && zones.get(zone).is_err() {
        let detail = format!("unknown time zone {zone}");
        template.push(Cause::invalid("spec.timeZone", zone, detail));
    }
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if schedule.is_empty() {
        causes.extend(template);
        causes.push(Cause::required("spec.schedule", ""));
        return causes;
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if schedule.contains("TZ") {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        causes.push(Cause::invalid("spec.schedule", schedule, detail));
    } else if !schedule.starts_with('@') && fields.len() != 5 {
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
