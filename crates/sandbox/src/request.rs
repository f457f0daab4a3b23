//! What a request asks for: path, parameters and headers, read once.

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::status::{ApiError, Cause};

/// A request whose body is here.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Parameters, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            text.split('&')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (key, value) = part.split_once('=').unwrap_or((part, ""));
                    (percent_decode(key, true), percent_decode(value, true))
                })
                .collect(),
        )
    }

    /// The first value of a parameter; empty when there is none.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1" | "True" | "TRUE" | "t" | "T")
    }
}

/// Decodes `%xx`, and `+` in parameters.
pub(crate) fn percent_decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (code, bytes[at]) {
            (Some(code), _) => {
                plain.push(code);
                at += 2;
            }
            (None, b'+') if plus => plain.push(b' '),
            (None, c) => plain.push(c),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

impl Request {
    /// Content type without parameters, in lower case.
    pub(crate) fn content_type(&self) -> String {
        let header = self.header(http::header::CONTENT_TYPE.as_str());
        header.split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Who writes, when the request does not say: the program's name in `User-Agent`.
    pub(crate) fn default_manager(&self) -> String {
        let agent = self.header(http::header::USER_AGENT.as_str());
        let name = agent.split('/').next().unwrap_or_default();
        name.chars().filter(|c| !c.is_control()).take(128).collect()
    }
}

/// What to do about fields that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validation {
    Ignore,
    Warn,
    Strict,
}

/// Options of a request that writes.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    pub(crate) validation: Validation,
    pub(crate) force: bool,
}

impl WriteOptions {
    /// Reads and checks the options; `options` is the kind they have, e.g. `CreateOptions`.
    pub(crate) fn read(request: &Request, options: &str, is_apply: bool) -> Result<Self, ApiError> {
        let query = &request.query;
        let mut causes = Vec::new();
        let force = query.get("force");
        if options == "PatchOptions" {
            if !is_apply && !force.is_empty() {
                causes.push(Cause::forbidden(
                    "force",
                    "may not be specified for non-apply patch",
                ));
            }
            if is_apply && query.get("fieldManager").is_empty() {
                causes.push(Cause::required("fieldManager", "is required for apply patch"));
            }
        }
        let manager = query.get("fieldManager");
        if manager.len() > 128 {
            let detail = "may not be more than 128 bytes";
            causes.push(Cause::new(
                crate::status::CauseKind::TooLong,
                "fieldManager",
                manager.into(),
                detail,
            ));
        }
        let dry_run = read_dry_run(query, &mut causes);
        let validation = match query.get("fieldValidation") {
            "" | "Warn" => Validation::Warn,
            "Ignore" => Validation::Ignore,
            "Strict" => Validation::Strict,
            other => {
                causes.push(Cause::not_supported(
                    "fieldValidation",
                    other,
                    &["", "Ignore", "Strict", "Warn"],
                ));
                Validation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", options, "", &causes));
        }
        Ok(Self {
            dry_run,
            manager: if manager.is_empty() {
                request.default_manager()
            } else {
                manager.to_owned()
            },
            validation,
            force: query.flag("force"),
        })
    }
}

/// Reads `dryRun`, of which only `All` is known.
pub(crate) fn read_dry_run(query: &Query, causes: &mut Vec<Cause>) -> bool {
    let values = query.all("dryRun");
    for value in &values {
        if *value != "All" && !value.is_empty() {
            let shown = serde_json::Value::from(values.clone());
            causes.push(Cause::not_supported("dryRun", shown, &["All"]));
        }
    }
    values.contains(&"All")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&dryRun=All&x=a+b");
        assert_eq!(query.get("labelSelector"), "a=b,c");
        assert_eq!(query.get("x"), "a b");
        assert_eq!(query.get("missing"), "");
    }
}
