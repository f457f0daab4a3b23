//! Reviews: answers to questions about access, which here is always granted.

use http::Response;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::answer::{self, SandboxBody};
use crate::body;
use crate::request::Request;
use crate::resources::Resource;
use crate::status::ApiError;
use crate::write::Target;

/// Answers a review; nothing when the resource is none.
pub(crate) fn answer(
    sandbox: &Sandbox,
    request: &Request,
    resource: &Resource,
    target: &Target,
) -> Option<Result<Response<SandboxBody>, ApiError>> {
    let groups = json!(["system:masters", "system:authenticated"]);
    let status = match (resource.group.as_str(), resource.plural.as_str()) {
        (
            "authorization.k8s.io",
            "selfsubjectaccessreviews" | "subjectaccessreviews" | "localsubjectaccessreviews",
        ) => {
            json!({"allowed": true})
        }
        ("authorization.k8s.io", "selfsubjectrulesreviews") => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        ("authentication.k8s.io", "selfsubjectreviews") => {
            json!({"userInfo": {"username": "sandbox", "groups": groups}})
        }
        ("authentication.k8s.io", "tokenreviews") => {
            json!({"user": {}, "error": "the sandbox knows no tokens"})
        }
        ("", "bindings") => return Some(bind(sandbox, request, target)),
        _ => return None,
    };
    let done = body::read(&request.body, true)
        .map_err(ApiError::bad_request)
        .map(|body| {
            let mut value = body.value;
            value["apiVersion"] = Value::from(resource.api_version());
            value["kind"] = Value::from(resource.kind.as_str());
            if value["metadata"].is_null() {
                value["metadata"] = json!({});
            }
            value["status"] = status;
            answer::value(201, &value, &[])
        });
    Some(done)
}

fn bind(sandbox: &Sandbox, request: &Request, target: &Target) -> Result<Response<SandboxBody>, ApiError> {
    let body = body::read(&request.body, true)
        .map_err(ApiError::bad_request)?
        .value;
    let name = body
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let node = body
        .pointer("/target/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    crate::subresource::bind_pod(sandbox, &target.namespace, name, node)
}
