//! Getting and listing objects.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::convert;
use crate::request::Query;
use crate::resources::Resource;
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, Cause, go_quote};
use crate::store::{Compacted, Key, Stored};

/// What a list or watch selects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

/// Parameters of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) selection: Selection,
    pub(crate) limit: usize,
    pub(crate) continues: Option<(u64, String, String)>,
    pub(crate) version: String,
    pub(crate) version_match: String,
}

/// Objects of a list, in the form in which they are stored.
pub(crate) struct Page {
    pub(crate) items: Vec<(Key, Arc<Stored>)>,
    pub(crate) version: u64,
    pub(crate) next: Option<String>,
    pub(crate) remaining: Option<usize>,
}

/// Fields by which built-in kinds can be selected, besides name and namespace.
fn selectable(resource: &Resource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
        ],
        ("", "events") => &[
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "secrets") => &["type"],
        ("", "namespaces") => &["name", "status.phase"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "persistentvolumes" | "persistentvolumeclaims") => &["name"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        _ => &[],
    }
}

impl Selection {
    /// Reads and checks the selectors of a request.
    pub(crate) fn read(query: &Query, resource: &Resource) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(query.get("labelSelector")).map_err(ApiError::bad_request)?;
        let fields = FieldSelector::parse(query.get("fieldSelector")).map_err(ApiError::bad_request)?;
        for term in &fields.0 {
            let field = term.field.as_str();
            let custom = resource.custom.as_ref();
            let known = matches!(field, "metadata.name" | "metadata.namespace")
                || selectable(resource).contains(&field)
                || custom.is_some_and(|custom| custom.selectable.iter().any(|path| path == field));
            if known {
                continue;
            }
            let message = if custom.is_some() || selectable(resource).is_empty() {
                if custom.is_some() {
                    format!("field label not supported: {field}")
                } else {
                    format!(
                        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                        go_quote(field)
                    )
                }
            } else {
                format!("field label not supported: {field}")
            };
            return Err(ApiError::bad_request(message));
        }
        Ok(Self { labels, fields })
    }

    /// Whether a stored object is selected.
    pub(crate) fn matches(&self, key: &Key, stored: &Stored) -> bool {
        if !self.labels.is_empty() && !self.labels.matches_list(&stored.labels) {
            return false;
        }
        if self.fields.0.is_empty() {
            return true;
        }
        let needs_object = self.fields.0.iter().any(|term| {
            !matches!(
                term.field.as_str(),
                "metadata.name" | "metadata.namespace" | "name"
            )
        });
        let object = needs_object.then(|| stored.parse());
        self.fields.matches(|field| match field {
            "metadata.name" | "name" => key.name.to_string(),
            "metadata.namespace" => key.namespace.to_string(),
            path => object
                .as_ref()
                .map(|object| field_text(object, path))
                .unwrap_or_default(),
        })
    }
}

fn field_text(object: &Object, path: &str) -> String {
    let keys: Vec<&str> = match path {
        "status.successful" => vec!["status", "succeeded"],
        "source" => vec!["source", "component"],
        path => path.split('.').collect(),
    };
    match object.at(&keys) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => match path {
            "spec.unschedulable" | "spec.hostNetwork" => "false".to_owned(),
            "status.successful" | "status.replicas" => "0".to_owned(),
            _ => String::new(),
        },
        Some(other) => other.to_string(),
    }
}

fn encode_continue(version: u64, key: &Key) -> String {
    let start = if key.namespace.is_empty() {
        format!("{}\0", key.name)
    } else {
        format!("{}/{}\0", key.namespace, key.name)
    };
    let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn decode_continue(token: &str) -> Result<(u64, String, String), ApiError> {
    let wrong = |why: &str| {
        ApiError::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| {
        let other = |c: u8| !(c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        let at = token.bytes().position(other).unwrap_or(token.len() / 4 * 4);
        wrong(&format!("illegal base64 data at input byte {at}"))
    })?;
    let value = body_value(&bytes).map_err(|error| wrong(&error))?;
    let (Some(version), Some(start)) = (value["rv"].as_u64(), value["start"].as_str()) else {
        return Err(wrong(
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ));
    };
    let plain = start.trim_end_matches('\0');
    let (namespace, name) = plain.split_once('/').unwrap_or(("", plain));
    Ok((version, namespace.to_owned(), name.to_owned()))
}

fn body_value(bytes: &[u8]) -> Result<Value, String> {
    crate::body::read(bytes, false).map(|body| body.value)
}

/// Reads a `resourceVersion` parameter; `None` when it is empty.
pub(crate) fn parse_version(text: &str) -> Result<Option<u64>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {}: strconv.ParseUint: parsing {}: invalid syntax",
            go_quote(text),
            go_quote(text)
        ))
    })
}

impl ListOptions {
    /// Reads and checks the parameters of a list.
    pub(crate) fn read(query: &Query, resource: &Resource) -> Result<Self, ApiError> {
        let version = query.get("resourceVersion").to_owned();
        let version_match = query.get("resourceVersionMatch").to_owned();
        let token = query.get("continue");
        let mut causes = Vec::new();
        if !version_match.is_empty() {
            let mut forbid = |detail: &str| causes.push(Cause::forbidden("resourceVersionMatch", detail));
            if version.is_empty() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if !token.is_empty() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if version_match == "Exact" && version == "0" {
                forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
            if !matches!(version_match.as_str(), "Exact" | "NotOlderThan") {
                causes.push(Cause::not_supported(
                    "resourceVersionMatch",
                    version_match.as_str(),
                    &["Exact", "NotOlderThan", ""],
                ));
            }
        }
        if !query.get("sendInitialEvents").is_empty() {
            causes.push(Cause::forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            ));
        }
        if !causes.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &causes));
        }
        let continues = (!token.is_empty()).then(|| decode_continue(token)).transpose()?;
        if continues.is_some() && !version.is_empty() && version != "0" {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let limit = query.get("limit");
        let limit = if limit.is_empty() {
            Ok(0)
        } else {
            limit.parse::<i64>()
        };
        let limit = limit.map_err(|_| {
            ApiError::bad_request(format!(
                "strconv.ParseInt: parsing {}: invalid syntax",
                go_quote(query.get("limit"))
            ))
        })?;
        Ok(Self {
            selection: Selection::read(query, resource)?,
            limit: usize::try_from(limit).unwrap_or(0),
            continues,
            version,
            version_match,
        })
    }
}

impl Sandbox {
    /// The objects a list selects.
    pub(crate) fn page(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Page, ApiError> {
        let asked = parse_version(&options.version)?.filter(|version| *version > 0);
        let current = self.store.version();
        if let Some(asked) = asked.filter(|asked| *asked > current) {
            return Err(ApiError::too_large_version(asked, current));
        }
        let exact = match &options.continues {
            Some((version, ..)) => Some(*version),
            None => {
                let is_exact = options.version_match == "Exact"
                    || (options.version_match.is_empty() && options.limit > 0);
                asked.filter(|_| is_exact)
            }
        };
        let snapshot = match exact {
            None => self.store.list(&resource.storage, namespace),
            Some(version) => self
                .store
                .list_at(&resource.storage, namespace, version)
                .map_err(|Compacted(_)| {
                    if options.continues.is_some() {
                        ApiError::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
                    } else {
                        ApiError::expired("The resourceVersion for the provided list is too old.")
                    }
                })?,
        };
        let mut items = snapshot.items;
        if let Some((_, after_namespace, after_name)) = &options.continues {
            items.retain(|(key, _)| {
                (&*key.namespace, &*key.name) > (after_namespace.as_str(), after_name.as_str())
            });
        }
        let last = items.last().map(|(key, _)| key.clone());
        items.retain(|(key, stored)| options.selection.matches(key, stored));
        let mut next = None;
        let mut remaining = None;
        // There may be more as long as something comes after, whether it is selected or not.
        let is_full = options.limit > 0 && items.len() >= options.limit;
        let ends = items.get(options.limit.saturating_sub(1)).map(|(key, _)| key);
        if is_full && ends != last.as_ref() {
            let is_plain = options.selection.labels.is_empty() && options.selection.fields.0.is_empty();
            remaining = is_plain.then(|| items.len() - options.limit);
            items.truncate(options.limit);
            next = items
                .last()
                .map(|(key, _)| encode_continue(snapshot.version, key));
        }
        Ok(Page {
            items,
            version: snapshot.version,
            next,
            remaining,
        })
    }
}

/// A stored object as JSON text in a version.
pub(crate) fn render(resource: &Resource, stored: &Stored, with_type: bool) -> Vec<u8> {
    if convert::differs_from_storage(resource) {
        let mut object = convert::to_version(stored.parse(), resource);
        if !with_type {
            object.as_map_mut().remove("apiVersion");
            object.as_map_mut().remove("kind");
        }
        return serde_json::to_vec(object.as_map()).unwrap_or_default();
    }
    if !with_type {
        return stored.json.to_vec();
    }
    let head = format!(
        "{{\"apiVersion\":\"{}\",\"kind\":\"{}\",",
        resource.api_version(),
        resource.kind
    );
    let mut text = Vec::with_capacity(head.len() + stored.json.len());
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(&stored.json[1..]);
    text
}

/// The page as JSON text of a list.
pub(crate) fn render_list(resource: &Resource, page: &Page) -> Vec<u8> {
    let custom = resource.custom.is_some();
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    match &page.next {
        Some(next) => metadata["continue"] = Value::from(next.as_str()),
        None if custom => metadata["continue"] = Value::from(""),
        None => {}
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = Value::from(remaining);
    }
    let mut text = format!(
        "{{\"apiVersion\":\"{}\",\"kind\":\"{}\",\"metadata\":{metadata},\"items\":[",
        resource.api_version(),
        resource.list_kind
    )
    .into_bytes();
    for (index, (_, stored)) in page.items.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend(render(resource, stored, custom));
    }
    text.extend_from_slice(b"]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continue_tokens_come_back() {
        let key = Key {
            resource: "configmaps".into(),
            namespace: "ns".into(),
            name: "a".into(),
        };
        let token = encode_continue(7, &key);
        assert_eq!(
            decode_continue(&token).unwrap(),
            (7, "ns".to_owned(), "a".to_owned())
        );
        assert!(decode_continue("abc").is_err());
    }
}
