//! Errors as an API server words them: `Status` objects with reason, details and causes.
//!
//! Source: apimachinery `pkg/api/errors`, `pkg/util/validation/field`.

use serde_json::{Map, Value, json};

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Failure>);

#[derive(Clone, Debug)]
struct Failure {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// One reason for which an object is not valid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) kind: CauseKind,
    pub(crate) field: String,
    pub(crate) value: Value,
    pub(crate) detail: String,
    /// The value as it is shown, where that is not the value's own JSON.
    shown: Option<String>,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseKind {
    Required,
    Invalid,
    Duplicate,
    NotFound,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    TypeInvalid,
}

impl CauseKind {
    fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }
}

/// A value as Go's field errors print it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => go_quote(text),
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

/// Text in double quotes as Go's `%q` writes it.
pub(crate) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                quoted.extend(format!("\\x{:02x}", c as u32).chars());
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

impl Cause {
    pub(crate) fn new(
        kind: CauseKind,
        field: impl Into<String>,
        value: Value,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            field: field.into(),
            value,
            detail: detail.into(),
            shown: None,
        }
    }

    /// A cause that shows no value.
    pub(crate) fn plain(kind: CauseKind, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            shown: Some(String::new()),
            ..Self::new(kind, field, Value::Null, detail)
        }
    }

    /// A value that is shown in the order of its Go struct.
    pub(crate) fn raw_invalid(field: impl Into<String>, shown: String, detail: impl Into<String>) -> Self {
        Self {
            shown: Some(shown),
            ..Self::invalid(field, Value::Null, detail)
        }
    }

    /// A duplicate whose value is shown in the order of its Go struct.
    pub(crate) fn raw_duplicate(field: impl Into<String>, shown: String) -> Self {
        Self {
            shown: Some(shown),
            ..Self::duplicate(field, Value::Null)
        }
    }

    pub(crate) fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(CauseKind::Required, field, Value::Null, detail)
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(CauseKind::Invalid, field, value.into(), detail)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(CauseKind::Duplicate, field, value.into(), "")
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(CauseKind::Forbidden, field, Value::Null, detail)
    }

    /// A value outside a set; the supported ones are shown in the order in which they are given.
    pub(crate) fn not_supported(
        field: impl Into<String>,
        value: impl Into<Value>,
        supported: &[&str],
    ) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| go_quote(value)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new(CauseKind::NotSupported, field, value.into(), detail)
    }

    /// The message without the field: `Invalid value: "x": why`.
    pub(crate) fn body(&self) -> String {
        let mut text = self.kind.text().to_owned();
        match self.kind {
            CauseKind::Required | CauseKind::Forbidden | CauseKind::TooLong => {}
            CauseKind::TooMany if self.value.is_null() => {}
            _ => {
                let value = self.shown.clone().unwrap_or_else(|| shown(&self.value));
                if !value.is_empty() {
                    text.push_str(": ");
                    text.push_str(&value);
                }
            }
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    fn whole(&self) -> String {
        format!("{}: {}", self.field, self.body())
    }

    fn to_value(&self) -> Value {
        json!({"reason": self.kind.reason(), "message": self.body(), "field": self.field})
    }
}

/// Several causes as one line, as Go prints an aggregate of errors.
fn aggregate(causes: &[Cause]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in causes {
        let text = cause.whole();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [single] => single.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// Fields as JSON in the order in which they are given.
pub(crate) fn in_order(fields: &[(&str, Value)]) -> String {
    let parts: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", parts.join(","))
}

/// `deployments.apps` or `services`: group and resource as errors name them.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

fn details(name: &str, group: &str, kind: &str) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, text) in [("name", name), ("group", group), ("kind", kind)] {
        if !text.is_empty() {
            map.insert(key.to_owned(), Value::from(text));
        }
    }
    map
}

impl ApiError {
    fn new(
        code: u16,
        reason: &'static str,
        message: impl Into<String>,
        details: Option<Map<String, Value>>,
    ) -> Self {
        Self(Box::new(Failure {
            code,
            reason,
            message: message.into(),
            details: details.map(Value::Object),
        }))
    }

    /// The same error with other words in its message and its causes.
    pub(crate) fn reworded(mut self, old: &str, new: &str) -> Self {
        self.0.message = self.0.message.replace(old, new);
        if let Some(details) = &mut self.0.details {
            let causes = details.get_mut("causes").and_then(Value::as_array_mut);
            for cause in causes.into_iter().flatten() {
                if let Some(message) = cause["message"].as_str() {
                    cause["message"] = Value::from(message.replace(old, new));
                }
            }
        }
        self
    }

    /// The same error with words before its message.
    pub(crate) fn prefixed(mut self, words: &str) -> Self {
        self.0.message.insert_str(0, words);
        self
    }

    pub(crate) fn code(&self) -> u16 {
        self.0.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn reason(&self) -> &'static str {
        self.0.reason
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.0.message, "code": self.0.code,
        });
        if !self.0.reason.is_empty() {
            status["reason"] = Value::from(self.0.reason);
        }
        if let Some(details) = &self.0.details {
            status["details"] = details.clone();
        }
        status
    }

    pub(crate) fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} not found", qualified(resource, group), go_quote(name));
        Self::new(404, "NotFound", message, Some(details(name, group, resource)))
    }

    /// The answer for a path that no resource stands behind.
    pub(crate) fn unknown_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(404, "NotFound", message, Some(Map::new()))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, Some(Map::new()))
    }

    pub(crate) fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} already exists", qualified(resource, group), go_quote(name));
        Self::new(
            409,
            "AlreadyExists",
            message,
            Some(details(name, group, resource)),
        )
    }

    pub(crate) fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            qualified(resource, group),
            go_quote(name)
        );
        Self::new(409, "Conflict", message, Some(details(name, group, resource)))
    }

    /// The answer to server-side apply that would take fields from other managers.
    pub(crate) fn apply_conflict(message: String, causes: Vec<(String, String)>) -> Self {
        let causes: Vec<_> = causes
            .into_iter()
            .map(|(message, field)| json!({"reason": "FieldManagerConflict", "message": message, "field": field}))
            .collect();
        let details = json!({ "causes": causes });
        Self::new(409, "Conflict", message, details.as_object().cloned())
    }

    pub(crate) fn modified(group: &str, resource: &str, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, resource, name, why)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    pub(crate) fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let what = if name.is_empty() {
            format!("{} is forbidden: {why}", qualified(resource, group))
        } else {
            format!(
                "{} {} is forbidden: {why}",
                qualified(resource, group),
                go_quote(name)
            )
        };
        Self::new(403, "Forbidden", what, Some(details(name, group, resource)))
    }

    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let message = format!(
            "{} {} is invalid: {}",
            qualified(kind, group),
            go_quote(name),
            aggregate(causes)
        );
        let mut map = details(name, group, kind);
        map.insert("causes".to_owned(), causes.iter().map(Cause::to_value).collect());
        Self::new(422, "Invalid", message, Some(map))
    }

    /// A patch that cannot be carried out on the object.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        let message = message.into();
        let message = if message.is_empty() {
            "the server rejected our request due to an error in our request".to_owned()
        } else {
            message
        };
        Self::new(422, "Invalid", message, Some(Map::new()))
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
            Some(Map::new()),
        )
    }

    pub(crate) fn unsupported_body(supported: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {supported}"
        );
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    /// No media type that the client accepts can be given.
    pub(crate) fn not_acceptable(available: &str) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        Self::new(406, "NotAcceptable", message, Some(Map::new()))
    }

    /// The form of an answer that was asked for does not fit what is answered.
    pub(crate) fn other_form(message: String) -> Self {
        Self::new(406, "NotAcceptable", message, None)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, None)
    }

    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let details = json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        });
        Self::new(
            504,
            "Timeout",
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
            details.as_object().cloned(),
        )
    }

    pub(crate) fn too_many_requests(message: impl Into<String>, causes: Value) -> Self {
        Self::new(429, "TooManyRequests", message, causes.as_object().cloned())
    }

    /// An error without any reason, as the API server answers where it does not expect one.
    pub(crate) fn plain_internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message, None)
    }

    /// Adds a cause to the details.
    pub(crate) fn with_cause(mut self, cause: Value) -> Self {
        let details = self.0.details.get_or_insert_with(|| json!({}));
        if let Some(map) = details.as_object_mut() {
            let causes = map.entry("causes").or_insert_with(|| json!([]));
            if let Some(list) = causes.as_array_mut() {
                list.push(cause);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_read_as_field_errors() {
        let causes = [
            Cause::required("metadata.name", "name or generateName is required"),
            Cause::not_supported("spec.type", "Foo", &["ClusterIP", "NodePort"]),
        ];
        let status = ApiError::invalid("apps", "Deployment", "web", &causes).to_value();
        assert_eq!(
            status["message"],
            "Deployment.apps \"web\" is invalid: [metadata.name: Required value: name or generateName is required, \
             spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"NodePort\"]"
        );
        assert_eq!(status["details"]["causes"][1]["reason"], "FieldValueNotSupported");
        assert_eq!(status["code"], 422);
    }
}
