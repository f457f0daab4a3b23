//! Why a request failed, as the server or the connection said it.

use std::time::Duration;

use serde::Deserialize;

/// A failed request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of failure it is, for callers that decide on it.
    pub reason: Reason,
    /// HTTP status, 0 where no answer came.
    pub code: u16,
    /// The server's message, or what went wrong with the connection.
    pub message: String,
    /// Details, such as the fields of a conflict.
    pub causes: Box<[Cause]>,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

/// One detail of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// Machine-readable reason, e.g. `FieldManagerConflict`.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// The field in the server's notation, e.g. `.spec.replicas`.
    pub field: String,
}

/// Kinds of failures that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The object does not exist.
    NotFound,
    /// The kind is not known to discovery.
    NoMatch,
    /// The server has no such path: discovery is older than the server's state.
    UnknownPath,
    /// Fields are owned by others, or the object changed since it was read.
    Conflict,
    /// The object exists already.
    AlreadyExists,
    /// Not allowed (403).
    Forbidden,
    /// Not authenticated (401).
    Unauthorized,
    /// The object is invalid (422).
    Invalid,
    /// The resource version to go on from is too old (410).
    Expired,
    /// Nothing came back: connection refused, reset, or torn in the middle of an answer.
    Connection,
    /// Nothing came back in time.
    Unanswered,
    /// The command was stopped before an answer came.
    Stopped,
    /// The answer could not be read.
    Malformed,
    /// Anything else.
    Other,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    kind: String,
    message: String,
    reason: String,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    name: String,
    kind: String,
    causes: Vec<Cause>,
    retry_after_seconds: u64,
}

impl ApiError {
    /// A failure that the server did not describe.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            code: 0,
            message: message.into(),
            causes: Box::default(),
            retry_after: None,
        }
    }

    /// The kind is unknown, in apimachinery's words.
    pub(crate) fn no_match(kind: &str, api_version: &str) -> Self {
        Self::new(
            Reason::NoMatch,
            format!("no matches for kind \"{kind}\" in version \"{api_version}\""),
        )
    }

    /// Reads an error answer; bodies that are not a `Status` are shown as they are.
    pub(crate) fn from_response(code: u16, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let retry_after = headers
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let status = serde_json::from_slice::<Status>(body)
            .ok()
            .filter(|status| status.kind == "Status");
        let Some(status) = status else {
            let text = String::from_utf8_lossy(body);
            let text = text.trim();
            let message = if code == 404 {
                "the server could not find the requested resource".to_owned()
            } else if text.is_empty() {
                format!("the server answered with status {code}")
            } else {
                text.chars().take(2000).collect()
            };
            let reason = if code == 404 {
                Reason::UnknownPath
            } else {
                Reason::of(code, "")
            };
            return Self {
                reason,
                code,
                message,
                causes: Box::default(),
                retry_after,
            };
        };
        let details = status.details.unwrap_or_default();
        let mut reason = Reason::of(code, &status.reason);
        if reason == Reason::NotFound && details.name.is_empty() && details.kind.is_empty() {
            reason = Reason::UnknownPath;
        }
        let seconds = details.retry_after_seconds;
        Self {
            reason,
            code,
            message: status.message,
            causes: details.causes.into(),
            retry_after: retry_after.or((seconds > 0).then(|| Duration::from_secs(seconds))),
        }
    }

    /// Whether the object (or its path) is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::NotFound | Reason::UnknownPath)
    }

    /// Whether the caller lacks rights.
    pub fn is_denied(&self) -> bool {
        matches!(self.reason, Reason::Forbidden | Reason::Unauthorized)
    }

    /// Whether the kind is unknown to the server as far as discovery tells.
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self.reason, Reason::NoMatch | Reason::UnknownPath)
    }

    /// Whether fields of an applied object are owned by others.
    pub fn is_field_conflict(&self) -> bool {
        self.reason == Reason::Conflict
    }
}

impl Reason {
    fn of(code: u16, reason: &str) -> Self {
        match (code, reason) {
            (404, _) => Self::NotFound,
            (409, "AlreadyExists") => Self::AlreadyExists,
            (409, _) => Self::Conflict,
            (401, _) => Self::Unauthorized,
            (403, _) => Self::Forbidden,
            (410, _) => Self::Expired,
            (422, _) => Self::Invalid,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: u16, body: &str) -> ApiError {
        ApiError::from_response(code, &http::HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn status_answers_become_reasons() {
        let missing = r#"{"kind":"Status","message":"configmaps \"a\" not found","reason":"NotFound","details":{"name":"a","kind":"configmaps"}}"#;
        assert_eq!(read(404, missing).reason, Reason::NotFound);
        let path = r#"{"kind":"Status","message":"the server could not find the requested resource","reason":"NotFound","details":{}}"#;
        assert_eq!(read(404, path).reason, Reason::UnknownPath);
        assert_eq!(read(404, "404 page not found\n").reason, Reason::UnknownPath);
        let conflict = r#"{"kind":"Status","message":"m","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"other\" using v1","field":".data.a"}]}}"#;
        let error = read(409, conflict);
        assert!(error.is_field_conflict());
        assert_eq!(error.causes[0].field, ".data.a");
        let busy = r#"{"kind":"Status","message":"slow","reason":"TooManyRequests","details":{"retryAfterSeconds":3}}"#;
        assert_eq!(read(429, busy).retry_after, Some(Duration::from_secs(3)));
    }
}
