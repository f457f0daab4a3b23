//! Autoscalers and disruption budgets.
//!
//! Source: kubernetes `pkg/apis/autoscaling/validation`, `pkg/apis/policy/validation`.

use kluctl_object::Object;
use kluctl_schema::quantity_nano;
use serde_json::Value;

use super::{at_least_zero, items, number, text};
use crate::names;
use crate::status::Cause;

const METRICS: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

/// Checks a HorizontalPodAutoscaler.
pub(super) fn autoscaler(old: Option<&Object>, spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let least = spec["minReplicas"].as_i64();
    let most = number(spec, "maxReplicas");
    if let Some(least) = least {
        at_least_zero(least, "spec.minReplicas", &mut causes);
    }
    let wakes = items(spec, "metrics")
        .iter()
        .any(|metric| ["Object", "External"].contains(&text(metric, "type")));
    if least == Some(0) && !wakes {
        let detail =
            "must specify at least one Object or External metric to support scaling to zero replicas";
        causes.push(Cause::forbidden("spec.metrics", detail));
    }
    if most == 0 {
        causes.push(Cause::required("spec.maxReplicas", ""));
    } else if most < 0 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            most,
            "must be greater than or equal to 1",
        ));
    }
    if least.is_some_and(|least| most < least) {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            most,
            "must be greater than or equal to `minReplicas`",
        ));
    }
    let target = &spec["scaleTargetRef"];
    reference(target, "spec.scaleTargetRef", &mut causes);
    let version = text(target, "apiVersion");
    let was = old.and_then(|old| old.str_at(&["spec", "scaleTargetRef", "apiVersion"]));
    let was_wrong = was.is_some_and(|was| !was.contains('/'));
    if !version.contains('/') && text(target, "kind") != "ReplicationController" && !was_wrong {
        causes.push(Cause::invalid(
            "spec.scaleTargetRef.apiVersion",
            version,
            "apiVersion must specify API group",
        ));
    }
    for (index, metric) in items(spec, "metrics").iter().enumerate() {
        check_metric(metric, &format!("spec.metrics[{index}]"), &mut causes);
    }
    for direction in ["scaleUp", "scaleDown"] {
        let rules = &spec["behavior"][direction];
        if rules.is_object() {
            scaling_rules(rules, &format!("spec.behavior.{direction}"), &mut causes);
        }
    }
    causes
}

fn reference(target: &Value, place: &str, causes: &mut Vec<Cause>) {
    for key in ["kind", "name"] {
        let name = text(target, key);
        if name.is_empty() {
            causes.push(Cause::required(format!("{place}.{key}"), ""));
        }
        for wrong in names::path_segment(name) {
            causes.push(Cause::invalid(format!("{place}.{key}"), name, wrong));
        }
    }
}

fn check_metric(metric: &Value, place: &str, causes: &mut Vec<Cause>) {
    let kind = text(metric, "type");
    let supported: Vec<&str> = METRICS.iter().map(|(kind, _)| *kind).collect();
    let known = METRICS.iter().find(|(known, _)| *known == kind);
    if kind.is_empty() {
        causes.push(Cause::required(
            format!("{place}.type"),
            "must specify a metric source type",
        ));
    }
    if known.is_none() {
        causes.push(Cause::not_supported(format!("{place}.type"), kind, &supported));
    }
    let present: Vec<&str> = ["object", "external", "pods", "resource", "containerResource"]
        .into_iter()
        .filter(|key| metric[*key].is_object())
        .collect();
    if let Some(first) = present.first() {
        source(&metric[*first], first, &format!("{place}.{first}"), causes);
    }
    match known {
        Some((_, key)) if metric[*key].is_null() => causes.push(Cause::required(
            format!("{place}.{key}"),
            "must populate information for the given metric source",
        )),
        Some(_) => {}
        None => causes.push(Cause::not_supported(format!("{place}.type"), kind, &supported)),
    }
    if present.len() != 1 {
        for key in present
            .iter()
            .filter(|key| known.is_none_or(|(_, known)| known != *key))
        {
            causes.push(Cause::forbidden(
                format!("{place}.{key}"),
                "must populate the given metric source only",
            ));
        }
    }
}

fn source(metric: &Value, kind: &str, place: &str, causes: &mut Vec<Cause>) {
    let target = &metric["target"];
    let is_resource = matches!(kind, "resource" | "containerResource");
    if is_resource {
        if text(metric, "name").is_empty() {
            causes.push(Cause::required(
                format!("{place}.name"),
                "must specify a resource name",
            ));
        }
        if kind == "containerResource" && text(metric, "container").is_empty() {
            causes.push(Cause::required(
                format!("{place}.container"),
                "must specify a container",
            ));
        }
    } else {
        if kind == "object" {
            reference(
                &metric["describedObject"],
                &format!("{place}.describedObject"),
                causes,
            );
        }
        let name = text(&metric["metric"], "name");
        if name.is_empty() {
            causes.push(Cause::required(
                format!("{place}.metric.name"),
                "must specify a metric name",
            ));
        }
        for wrong in names::path_segment(name) {
            causes.push(Cause::invalid(format!("{place}.metric.name"), name, wrong));
        }
    }
    check_target(target, &format!("{place}.target"), causes);
    let has = |key: &str| !target[key].is_null();
    let mut need = |field: &str, detail: &str| {
        causes.push(Cause::required(format!("{place}.target.{field}"), detail));
    };
    match kind {
        "object" if !has("value") && !has("averageValue") => {
            need("averageValue", "must set either a target value or averageValue");
        }
        "external" if !has("value") && !has("averageValue") => need(
            "averageValue",
            "must set either a target value for metric or a per-pod target",
        ),
        "external" if has("value") && has("averageValue") => causes.push(Cause::forbidden(
            format!("{place}.target.value"),
            "may not set both a target value for metric and a per-pod target",
        )),
        "pods" if !has("averageValue") => need("averageValue", "must specify a positive target averageValue"),
        _ if is_resource && !has("averageUtilization") && !has("averageValue") => need(
            "averageUtilization",
            "must set either a target raw value or a target utilization",
        ),
        _ if is_resource && has("averageUtilization") && has("averageValue") => {
            causes.push(Cause::forbidden(
                format!("{place}.target.averageValue"),
                "may not set both a target raw value and a target utilization",
            ));
        }
        _ => {}
    }
}

fn check_target(target: &Value, place: &str, causes: &mut Vec<Cause>) {
    let kind = text(target, "type");
    if kind.is_empty() {
        causes.push(Cause::required(
            format!("{place}.type"),
            "must specify a metric target type",
        ));
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind) {
        causes.push(Cause::invalid(
            format!("{place}.type"),
            kind,
            "must be either Utilization, Value, or AverageValue",
        ));
    }
    for key in ["value", "averageValue"] {
        let amount = text(target, key);
        if !target[key].is_null() && quantity_nano(amount).is_none_or(|nano| nano <= 0) {
            causes.push(Cause::invalid(
                format!("{place}.{key}"),
                amount,
                "must be positive",
            ));
        }
    }
    if let Some(share) = target["averageUtilization"].as_i64().filter(|share| *share < 1) {
        causes.push(Cause::invalid(
            format!("{place}.averageUtilization"),
            share,
            "must be greater than 0",
        ));
    }
}

fn scaling_rules(rules: &Value, place: &str, causes: &mut Vec<Cause>) {
    if let Some(seconds) = rules["stabilizationWindowSeconds"].as_i64() {
        let field = format!("{place}.stabilizationWindowSeconds");
        if seconds < 0 {
            causes.push(Cause::invalid(
                field,
                seconds,
                "must be greater than or equal to zero",
            ));
        } else if seconds > 3600 {
            causes.push(Cause::invalid(
                field,
                seconds,
                "must be less than or equal to 3600",
            ));
        }
    }
    let select = text(rules, "selectPolicy");
    if !select.is_empty() && !["Disabled", "Max", "Min"].contains(&select) {
        causes.push(Cause::not_supported(
            format!("{place}.selectPolicy"),
            select,
            &["Disabled", "Max", "Min"],
        ));
    }
    let policies = items(rules, "policies");
    if policies.is_empty() {
        causes.push(Cause::required(
            format!("{place}.policies"),
            "must specify at least one Policy",
        ));
    }
    for (index, policy) in policies.iter().enumerate() {
        let place = format!("{place}.policies[{index}]");
        let kind = text(policy, "type");
        if !["Percent", "Pods"].contains(&kind) {
            causes.push(Cause::not_supported(
                format!("{place}.type"),
                kind,
                &["Percent", "Pods"],
            ));
        }
        for key in ["value", "periodSeconds"] {
            let value = number(policy, key);
            if value <= 0 {
                causes.push(Cause::invalid(
                    format!("{place}.{key}"),
                    value,
                    "must be greater than zero",
                ));
            }
        }
        let period = number(policy, "periodSeconds");
        if period > 1800 {
            causes.push(Cause::invalid(
                format!("{place}.periodSeconds"),
                period,
                "must be less than or equal to 1800",
            ));
        }
    }
}

/// Checks a PodDisruptionBudget.
pub(super) fn budget(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        causes.push(Cause::invalid("spec", spec.clone(), detail));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        let field = format!("spec.{key}");
        match &spec[key] {
            Value::Number(number) => at_least_zero(number.as_i64().unwrap_or(0), &field, &mut causes),
            Value::String(share) => {
                let digits = share.strip_suffix('%').unwrap_or_default();
                if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
                    let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                    causes.push(Cause::invalid(field, share.as_str(), detail));
                } else if digits.parse::<u64>().is_ok_and(|share| share > 100) {
                    causes.push(Cause::invalid(
                        field,
                        share.as_str(),
                        "must not be greater than 100%",
                    ));
                }
            }
            _ => {}
        }
    }
    let policy = text(spec, "unhealthyPodEvictionPolicy");
    if !policy.is_empty() && !["AlwaysAllow", "IfHealthyBudget"].contains(&policy) {
        causes.push(Cause::not_supported(
            "spec.unhealthyPodEvictionPolicy",
            policy,
            &["AlwaysAllow", "IfHealthyBudget"],
        ));
    }
    causes
}
