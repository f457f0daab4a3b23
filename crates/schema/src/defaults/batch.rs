//! Defaults of Jobs and CronJobs.
//!
//! Source: kubernetes `pkg/apis/batch/v1/defaults.go`.

use serde_json::Value;

use super::{Entries, empty, existing, map_at, missing};

pub(super) fn fill(kind: &str, entries: &mut Entries) {
    match kind {
        "Job" => job(entries),
        "CronJobSpec" => {
            empty(entries, "concurrencyPolicy", "Allow");
            missing(entries, "suspend", false);
            missing(entries, "successfulJobsHistoryLimit", 3);
            missing(entries, "failedJobsHistoryLimit", 1);
        }
        "PodFailurePolicyOnPodConditionsPattern" => empty(entries, "status", "True"),
        _ => {}
    }
}

fn is_set(entries: &Entries, key: &str) -> bool {
    entries.get(key).is_some_and(|value| !value.is_null())
}

fn job(entries: &mut Entries) {
    let Some(spec) = map_at(entries, "spec") else {
        return;
    };
    if !is_set(spec, "parallelism") {
        missing(spec, "completions", 1);
        missing(spec, "parallelism", 1);
    }
    let limit = if is_set(spec, "backoffLimitPerIndex") {
        i32::MAX
    } else {
        6
    };
    missing(spec, "backoffLimit", limit);
    missing(spec, "completionMode", "NonIndexed");
    missing(spec, "suspend", false);
    let policy = if is_set(spec, "podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    missing(spec, "podReplacementPolicy", policy);
    missing(spec, "manualSelector", false);
    let labels = spec
        .get("template")
        .and_then(|template| template.pointer("/metadata/labels"))
        .cloned();
    if let Some(labels) = labels.filter(Value::is_object)
        && let Some(metadata) = existing(entries, "metadata")
    {
        empty(metadata, "labels", labels);
    }
}
