//! Parts of resources with paths of their own: status, scale, finalize, eviction, tokens.

use std::sync::Arc;

use http::{Method, Response};
use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::answer::{self, SandboxBody};
use crate::body;
use crate::convert;
use crate::delete::DeleteOptions;
use crate::fields;
use crate::patch::{PatchKind, merge};
use crate::request::{Request, WriteOptions};
use crate::resources::{Resource, built_in};
use crate::selector::LabelSelector;
use crate::server;
use crate::status::{ApiError, Cause, go_quote};
use crate::write::Target;

type Answer = Result<Response<SandboxBody>, ApiError>;

/// Answers a request to a subresource.
pub(crate) fn answer(
    sandbox: &Arc<Sandbox>,
    request: &Request,
    target: &Target,
    warnings: &mut Vec<String>,
) -> Answer {
    let resource = &target.resource;
    let name = target.subresource.as_str();
    let method = &request.method;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match (resource.group.as_str(), resource.plural.as_str(), name) {
        ("", "pods", "eviction") if *method == Method::POST => return evict(sandbox, request, target),
        ("", "pods", "binding") if *method == Method::POST => {
            let body = body::read(&request.body, true)
                .map_err(ApiError::bad_request)?
                .value;
            let node = body
                .pointer("/target/name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            return bind_pod(sandbox, &target.namespace, &target.name, node);
        }
        ("", "pods", "log") if reads => {
            sandbox
                .store
                .get(&target.key())
                .ok_or_else(|| target.not_found())?;
            return Ok(answer::text(200, ""));
        }
        ("", "serviceaccounts", "token") if *method == Method::POST => {
            return token(sandbox, request, target);
        }
        _ => {}
    }
    if !resource.has_subresource(name) {
        if resource.custom.is_some() {
            return Err(target.not_found());
        }
        return Err(ApiError::unknown_path());
    }
    let verb = match *method {
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        _ => return Err(ApiError::method_not_allowed()),
    };
    let allowed = resource
        .subresources
        .iter()
        .any(|part| part.name == name && part.verbs.iter().any(|known| known == verb));
    if !allowed {
        return Err(ApiError::method_not_allowed());
    }
    match name {
        "scale" => scale(sandbox, request, target, warnings),
        "status" | "finalize" | "approval" | "ephemeralcontainers" | "resize" => match *method {
            Method::GET | Method::HEAD => {
                let stored = sandbox
                    .store
                    .get(&target.key())
                    .ok_or_else(|| target.not_found())?;
                let object = convert::to_version(stored.parse(), resource);
                server::shaped(request, 200, resource, object, warnings)
            }
            Method::PUT => server::update(sandbox, request, target, warnings),
            _ => server::patch(sandbox, request, target, warnings),
        },
        other => Err(ApiError::bad_request(format!(
            "the sandbox runs no containers, so `{other}` is not available"
        ))),
    }
}

/// Puts a Pod onto a node.
pub(crate) fn bind_pod(sandbox: &Sandbox, namespace: &str, name: &str, node: &str) -> Answer {
    let resource = built_in("", "v1", "pods").ok_or_else(ApiError::unknown_path)?;
    let target = Target {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: "binding".to_owned(),
    };
    let options = Sandbox::own_options("kube-scheduler");
    sandbox.update_with(&target, &options, &mut Vec::new(), &|live, _| {
        if live
            .str_at(&["spec", "nodeName"])
            .is_some_and(|known| !known.is_empty())
        {
            let why = format!("pod {name} is already assigned to node {}", go_quote(node));
            return Err(ApiError::conflict("", "pods/binding", name, &why));
        }
        let mut new = live.clone();
        new.set(&["spec", "nodeName"], Value::from(node));
        Ok(fields::track(
            sandbox,
            &target.resource,
            "binding",
            Some(live),
            new,
            &options,
        ))
    })?;
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer::value(201, &status, &[]))
}

fn token(sandbox: &Sandbox, request: &Request, target: &Target) -> Answer {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let stored = sandbox
        .store
        .get(&target.key())
        .ok_or_else(|| target.not_found())?;
    let account = stored.parse();
    let mut value = if request.body.is_empty() {
        json!({})
    } else {
        body::read(&request.body, true)
            .map_err(ApiError::bad_request)?
            .value
    };
    let seconds = value
        .pointer("/spec/expirationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(3600);
    if seconds < 600 {
        let cause = Cause::invalid(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 10 minutes",
        );
        return Err(ApiError::invalid(
            "authentication.k8s.io",
            "TokenRequest",
            "",
            &[cause],
        ));
    }
    let now = jiff::Timestamp::now();
    let expires = now
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(now);
    let claims = json!({
        "aud": value.pointer("/spec/audiences").cloned().unwrap_or_else(|| json!(["https://kubernetes.default.svc"])),
        "exp": expires.as_second(), "iat": now.as_second(), "iss": "https://kubernetes.default.svc",
        "kubernetes.io": {"namespace": target.namespace,
            "serviceaccount": {"name": target.name, "uid": account.at(&["metadata", "uid"])}},
        "sub": format!("system:serviceaccount:{}:{}", target.namespace, target.name),
    });
    // Unsigned: nothing in a sandbox checks it.
    let text = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    value["apiVersion"] = json!("authentication.k8s.io/v1");
    value["kind"] = json!("TokenRequest");
    value["metadata"] =
        json!({"name": target.name, "namespace": target.namespace, "creationTimestamp": crate::time::now()});
    value["spec"]["expirationSeconds"] = json!(seconds);
    value["spec"]["audiences"] = claims["aud"].clone();
    let until = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    value["status"] = json!({"token": text, "expirationTimestamp": until});
    Ok(answer::value(201, &value, &[]))
}

/// Deletes a Pod unless a budget forbids it.
fn evict(sandbox: &Sandbox, request: &Request, target: &Target) -> Answer {
    let pods = Target {
        subresource: String::new(),
        ..target.clone()
    };
    let stored = sandbox.store.get(&pods.key()).ok_or_else(|| pods.not_found())?;
    let pod = stored.parse();
    let body = body::read(&request.body, true)
        .map_err(ApiError::bad_request)?
        .value;
    let budgets = sandbox
        .store
        .list("poddisruptionbudgets.policy", Some(&target.namespace));
    for (key, stored) in budgets.items {
        let budget = stored.parse();
        let Some(selector) = budget.at(&["spec", "selector"]) else {
            continue;
        };
        let selects = LabelSelector::of_object(selector).matches(|label| pod.label(label));
        let allowed = budget
            .at(&["status", "disruptionsAllowed"])
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if selects && allowed == 0 {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let cause = json!({"causes": [{"reason": "DisruptionBudget",
                "message": format!("The disruption budget {} needs {} healthy pods and has {} currently", key.name,
                    budget.at(&["status", "desiredHealthy"]).cloned().unwrap_or_default(),
                    budget.at(&["status", "currentHealthy"]).cloned().unwrap_or_default())}]});
            return Err(ApiError::too_many_requests(message, cause));
        }
    }
    let mut inner = request.clone();
    inner.body = body["deleteOptions"]
        .as_object()
        .map(|options| Value::Object(options.clone()).to_string())
        .unwrap_or_default()
        .into();
    sandbox.delete(&pods, &DeleteOptions::read(&inner)?)?;
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer::value(201, &status, &[]))
}

/// Where a resource keeps what its scale shows.
struct ScalePaths {
    spec: Vec<String>,
    status: Vec<String>,
    selector: Option<Vec<String>>,
}

fn scale_paths(resource: &Resource) -> Option<ScalePaths> {
    let split = |path: &str| {
        path.trim_start_matches('.')
            .split('.')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if let Some(custom) = &resource.custom {
        let scale = custom.scale.as_ref()?;
        return Some(ScalePaths {
            spec: split(scale["specReplicasPath"].as_str()?),
            status: split(scale["statusReplicasPath"].as_str()?),
            selector: scale["labelSelectorPath"]
                .as_str()
                .filter(|path| !path.is_empty())
                .map(split),
        });
    }
    Some(ScalePaths {
        spec: split("spec.replicas"),
        status: split("status.replicas"),
        selector: None,
    })
}

fn selector_text(object: &Object, resource: &Resource, paths: &ScalePaths) -> String {
    if resource.custom.is_some() {
        let Some(path) = &paths.selector else {
            return String::new();
        };
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        return object.str_at(&keys).unwrap_or_default().to_owned();
    }
    let Some(selector) = object.at(&["spec", "selector"]) else {
        return String::new();
    };
    let labels = selector
        .get("matchLabels")
        .or_else(|| resource.is("", "replicationcontrollers").then_some(selector));
    let mut parts: Vec<String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let list = values.collect::<Vec<_>>().join(",");
        parts.push(match expression["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({list})"),
            "NotIn" => format!("{key} notin ({list})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.sort();
    parts.join(",")
}

fn scale_of(object: &Object, resource: &Resource, paths: &ScalePaths) -> Value {
    let number = |path: &[String]| {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        object.at(&keys).and_then(Value::as_i64).unwrap_or(0)
    };
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.at(&["metadata", key]) {
            metadata[key] = value.clone();
        }
    }
    let mut spec = json!({});
    if number(&paths.spec) != 0 {
        spec["replicas"] = json!(number(&paths.spec));
    }
    let mut status = json!({"replicas": number(&paths.status)});
    let selector = selector_text(object, resource, paths);
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
}

/// Takes the number of replicas, and its ownership, from an applied scale.
fn apply_scale(
    sandbox: &Sandbox,
    target: &Target,
    live: &Object,
    body: &Value,
    paths: &ScalePaths,
    options: &WriteOptions,
) -> Result<Object, ApiError> {
    let resource = &*target.resource;
    let mut applied = Object::default();
    applied.set(&["apiVersion"], Value::from(resource.api_version()));
    applied.set(&["kind"], Value::from(resource.kind.as_str()));
    applied.set(&["metadata", "name"], Value::from(target.name.as_str()));
    if let Some(replicas) = body.pointer("/spec/replicas") {
        let keys: Vec<&str> = paths.spec.iter().map(String::as_str).collect();
        applied.set(&keys, replicas.clone());
    }
    // Managers of the number are told in the version of the scale.
    let own = format!(" using {}", resource.api_version());
    fields::apply(sandbox, resource, "scale", Some(live), &applied, options)
        .map_err(|error| error.reworded(&own, " using autoscaling/v1"))
}

fn scale(sandbox: &Sandbox, request: &Request, target: &Target, warnings: &mut Vec<String>) -> Answer {
    let resource = &*target.resource;
    let paths = scale_paths(resource).ok_or_else(ApiError::unknown_path)?;
    let stored = sandbox
        .store
        .get(&target.key())
        .ok_or_else(|| target.not_found())?;
    if matches!(request.method, Method::GET | Method::HEAD) {
        return Ok(answer::value(
            200,
            &scale_of(&stored.parse(), resource, &paths),
            warnings,
        ));
    }
    let is_patch = request.method == Method::PATCH;
    let kind = if is_patch {
        Some(PatchKind::of(resource, &request.content_type())?)
    } else {
        None
    };
    let what = if is_patch { "PatchOptions" } else { "UpdateOptions" };
    let options = WriteOptions::read(request, what, kind == Some(PatchKind::Apply))?;
    let body = body::read(&request.body, true)
        .map_err(ApiError::bad_request)?
        .value;
    let written = sandbox.update_with(target, &options, warnings, &|live, _| {
        let mut scale = scale_of(live, resource, &paths);
        if kind == Some(PatchKind::Apply) {
            return apply_scale(sandbox, target, live, &body, &paths, &options);
        }
        match kind {
            None => scale = body.clone(),
            Some(PatchKind::Json) => crate::patch::json_patch(&mut scale, &body)?,
            Some(_) => merge(&mut scale, &body),
        }
        let replicas = scale
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if replicas < 0 {
            let detail = "must be greater than or equal to 0";
            let cause = Cause::invalid("spec.replicas", replicas, detail);
            return Err(ApiError::invalid("autoscaling", "Scale", &target.name, &[cause]));
        }
        let mut new = live.clone();
        if let Some(version) = scale
            .pointer("/metadata/resourceVersion")
            .filter(|version| **version != "")
        {
            new.set(&["metadata", "resourceVersion"], version.clone());
        }
        let keys: Vec<&str> = paths.spec.iter().map(String::as_str).collect();
        new.set(&keys, Value::from(replicas));
        Ok(fields::track(
            sandbox,
            resource,
            "scale",
            Some(live),
            new,
            &options,
        ))
    })?;
    Ok(answer::value(
        200,
        &scale_of(&written.object, resource, &paths),
        warnings,
    ))
}
