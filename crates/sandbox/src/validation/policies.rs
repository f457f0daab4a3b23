//! Admission policies, flow control, requests for certificates, events.
//!
//! Source: kubernetes `pkg/apis/{admissionregistration,flowcontrol,certificates,core}/validation`.

use kluctl_object::Object;
use serde_json::{Value, json};

use super::{items, number, text};
use crate::names;
use crate::resources::Resource;
use crate::status::Cause;

/// Checks an object of one of these kinds.
pub(super) fn check(resource: &Resource, old: Option<&Object>, object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    let spec = &value["spec"];
    match resource.plural.as_str() {
        "validatingadmissionpolicies" => policy(spec, true, &mut causes),
        "mutatingadmissionpolicies" => policy(spec, false, &mut causes),
        "validatingadmissionpolicybindings" => binding(spec, &mut causes),
        "flowschemas" => flow(spec, &mut causes),
        "prioritylevelconfigurations" => level(spec, &mut causes),
        "certificatesigningrequests" => request(spec, &mut causes),
        "events" => event(resource, old.is_none(), &value, &mut causes),
        _ => {}
    }
    causes
}

fn required(value: &Value, key: &str, field: &str, causes: &mut Vec<Cause>) {
    if text(value, key).is_empty() {
        causes.push(Cause::required(field, ""));
    }
}

fn one_of(value: &Value, key: &str, field: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    let given = text(value, key);
    if !given.is_empty() && !supported.contains(&given) {
        causes.push(Cause::not_supported(field, given, supported));
    }
}

fn policy(spec: &Value, validating: bool, causes: &mut Vec<Cause>) {
    one_of(
        spec,
        "failurePolicy",
        "spec.failurePolicy",
        &["Fail", "Ignore"],
        causes,
    );
    if spec["paramKind"].is_object() {
        for key in ["apiVersion", "kind"] {
            required(&spec["paramKind"], key, &format!("spec.paramKind.{key}"), causes);
        }
    }
    if spec["matchConstraints"].is_null() {
        causes.push(Cause::required("spec.matchConstraints", ""));
    } else if items(&spec["matchConstraints"], "resourceRules").is_empty() {
        causes.push(Cause::required("spec.matchConstraints.resourceRules", ""));
    }
    if !validating {
        return;
    }
    if items(spec, "validations").is_empty() && items(spec, "auditAnnotations").is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        for key in ["validations", "auditAnnotations"] {
            causes.push(Cause::required(format!("spec.{key}"), detail));
        }
    }
    for (index, rule) in items(spec, "validations").iter().enumerate() {
        let place = format!("spec.validations[{index}].expression");
        if text(rule, "expression").trim().is_empty() {
            causes.push(Cause::required(place, "expression is not specified"));
        }
    }
}

fn binding(spec: &Value, causes: &mut Vec<Cause>) {
    if spec["paramRef"].is_object() && text(&spec["paramRef"], "parameterNotFoundAction").is_empty() {
        causes.push(Cause::required("spec.paramRef.parameterNotFoundAction", ""));
    }
    required(spec, "policyName", "spec.policyName", causes);
    let actions = items(spec, "validationActions");
    if actions.is_empty() {
        causes.push(Cause::required("spec.validationActions", ""));
    }
    let supported = ["Audit", "Deny", "Warn"];
    for (index, action) in actions.iter().filter_map(Value::as_str).enumerate() {
        if !supported.contains(&action) {
            let field = format!("spec.validationActions[{index}]");
            causes.push(Cause::not_supported(field, action, &supported));
        }
    }
    let has = |wanted: &str| actions.iter().any(|action| action == wanted);
    if has("Deny") && has("Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        causes.push(Cause::invalid("spec.validationActions", json!(actions), detail));
    }
}

fn flow(spec: &Value, causes: &mut Vec<Cause>) {
    const MOST: i64 = 10_000;
    let precedence = number(spec, "matchingPrecedence");
    if precedence > MOST {
        let detail = format!("must not be greater than {MOST}");
        causes.push(Cause::invalid("spec.matchingPrecedence", precedence, detail));
    }
    let method = &spec["distinguisherMethod"];
    let kind = text(method, "type");
    let supported = ["ByNamespace", "ByUser"];
    if method.is_object() && !supported.contains(&kind) {
        let field = "spec.distinguisherMethod.type";
        causes.push(Cause::not_supported(field, json!({ "Type": kind }), &supported));
    }
    if text(&spec["priorityLevelConfiguration"], "name").is_empty() {
        let detail = "must reference a priority level";
        causes.push(Cause::required("spec.priorityLevelConfiguration.name", detail));
    }
}

fn level(spec: &Value, causes: &mut Vec<Cause>) {
    let kind = text(spec, "type");
    let limited = &spec["limited"];
    if kind.is_empty() {
        causes.push(Cause::required("spec.type", ""));
    } else {
        one_of(spec, "type", "spec.type", &["Exempt", "Limited"], causes);
    }
    if limited.is_object() && text(&limited["limitResponse"], "type").is_empty() {
        causes.push(Cause::required("spec.limited.limitResponse.type", ""));
    }
    if kind != "Limited" {
        if limited.is_object() {
            causes.push(Cause::forbidden("spec.limited", ""));
        }
        return;
    }
    let shares = number(limited, "nominalConcurrencyShares");
    if shares < 0 {
        causes.push(Cause::invalid(
            "spec.limited.nominalConcurrencyShares",
            shares,
            "must be a non-negative integer",
        ));
    }
    let response = &limited["limitResponse"];
    let place = "spec.limited.limitResponse";
    one_of(
        response,
        "type",
        &format!("{place}.type"),
        &["Queue", "Reject"],
        causes,
    );
    if text(response, "type") != "Queue" && response["queuing"].is_object() {
        causes.push(Cause::forbidden(format!("{place}.queuing"), ""));
    }
}

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

fn request(spec: &Value, causes: &mut Vec<Cause>) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let wanted = text(spec, "request");
    let bytes = STANDARD.decode(wanted).unwrap_or_default();
    let pem = String::from_utf8_lossy(&bytes);
    if !pem.contains("-----BEGIN CERTIFICATE REQUEST-----") {
        let detail = "PEM block type must be CERTIFICATE REQUEST";
        causes.push(Cause::invalid("spec.request", spec["request"].clone(), detail));
    }
    let signer = text(spec, "signerName");
    if signer.is_empty() {
        causes.push(Cause::required("spec.signerName", ""));
    } else if signer
        .split_once('/')
        .is_none_or(|(host, path)| !host.contains('.') || path.is_empty())
    {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        causes.push(Cause::invalid("spec.signerName", signer, detail));
    }
    if let Some(seconds) = spec["expirationSeconds"]
        .as_i64()
        .filter(|seconds| *seconds < 600)
    {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        causes.push(Cause::invalid("spec.expirationSeconds", seconds, detail));
    }
    let usages = items(spec, "usages");
    if usages.is_empty() {
        causes.push(Cause::required("spec.usages", ""));
    }
    for (index, usage) in usages.iter().filter_map(Value::as_str).enumerate() {
        if !USAGES.contains(&usage) {
            let field = format!("spec.usages[{index}]");
            causes.push(Cause::not_supported(field, usage, &USAGES));
        }
    }
}

fn event(resource: &Resource, fresh: bool, value: &Value, causes: &mut Vec<Cause>) {
    // Both groups are kept in the older one's form.
    let is_new = resource.group == "events.k8s.io";
    let about = match &value["involvedObject"] {
        Value::Null => &value["regarding"],
        about => about,
    };
    let reporter = if is_new {
        "reportingController"
    } else {
        "reportingComponent"
    };
    let controller = match text(value, "reportingComponent") {
        "" => text(value, "reportingController"),
        name => name,
    };
    let own = text(&value["metadata"], "namespace");
    let namespace = text(about, "namespace");
    let is_timed = !value["eventTime"].is_null();
    let fits = match (is_timed, namespace) {
        (true, "") => ["default", "kube-system"].contains(&own),
        (true, _) => true,
        (false, "") => own == "default",
        (false, namespace) => own == namespace,
    };
    if !fits {
        let detail = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", namespace, detail));
    }
    if is_timed {
        for (key, given) in [
            (reporter, controller),
            ("reportingInstance", text(value, "reportingInstance")),
            ("action", text(value, "action")),
            ("reason", text(value, "reason")),
        ] {
            if given.is_empty() {
                causes.push(Cause::required(key, ""));
            }
            if key == reporter {
                for why in names::qualified_name(given) {
                    causes.push(Cause::invalid(key, given, why));
                }
            }
        }
    }
    if is_new && fresh {
        if !is_timed {
            causes.push(Cause::required("eventTime", ""));
        }
        let kind = text(value, "type");
        if !["Normal", "Warning"].contains(&kind) {
            causes.push(Cause::invalid("type", "", format!("has invalid value: {kind}")));
        }
    }
}
