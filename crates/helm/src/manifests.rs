//! Cuts rendered text into manifests, tells hooks from the rest and sorts both in the order of installation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use kluctl_gotemplate::Text;

use crate::engine::base_name;
use crate::error::{Error, log_line};
use crate::head::Head;

/// One document of a rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template's full path, such as `chart/templates/web.yaml`.
    pub path: String,
    /// The document's text, without the `---` around it.
    pub content: String,
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
}

/// A manifest that is a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// When it runs, such as `pre-install`; `test-success` is told as `test`.
    pub events: Vec<String>,
    /// `helm.sh/hook-weight`
    pub weight: i64,
    /// `helm.sh/hook-delete-policy`
    pub delete_policies: Vec<String>,
}

impl Hook {
    /// Whether the hook is a test.
    pub fn is_test(&self) -> bool {
        self.events.iter().any(|event| event == "test")
    }
}

const EVENTS: [&str; 10] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
];

/// Kinds in the order of installation; all others come after them by name.
const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// What was found in a rendered template, without its text.
enum Found {
    Manifest(Manifest),
    Hook(Hook),
}

/// The documents of one rendered template, each with its place in the text.
struct Documents {
    path: String,
    found: Vec<(Found, Range<usize>)>,
    /// The text where it had to be decoded.
    decoded: Option<String>,
}

/// Sorts what templates rendered. Unless there is an error, the texts are taken out one by one, so that they are not held twice.
///
/// Source: helm `pkg/release/v1/util/manifest_sorter.go`, `SortManifests`.
pub(crate) fn sort(
    files: &mut BTreeMap<String, Text>,
    logs: &mut Vec<String>,
) -> Result<(Vec<Hook>, Vec<Manifest>), Error> {
    let mut all = Vec::with_capacity(files.len());
    for (path, content) in &*files {
        if !base_name(path).starts_with('_') {
            all.push(documents(path, content, logs)?);
        }
    }
    let mut hooks = Vec::new();
    let mut manifests = Vec::new();
    for Documents { path, found, decoded } in all {
        let text = files.remove(&path).unwrap_or_default();
        let text = decoded.as_deref().or_else(|| without_mark(&text));
        for (found, place) in found {
            let content = text
                .and_then(|text| text.get(place))
                .unwrap_or_default()
                .to_owned();
            match found {
                Found::Manifest(manifest) => manifests.push(Manifest { content, ..manifest }),
                Found::Hook(mut hook) => {
                    hook.manifest.content = content;
                    hooks.push(hook);
                }
            }
        }
    }
    hooks.sort_by_cached_key(|hook| place_of_kind(&hook.manifest.kind));
    manifests.sort_by_cached_key(|manifest| place_of_kind(&manifest.kind));
    Ok((hooks, manifests))
}

/// The text that [`kluctl_yaml::text_of`] lends.
fn without_mark(text: &Text) -> Option<&str> {
    let text = text.as_str()?;
    Some(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

fn documents(path: &str, content: &Text, logs: &mut Vec<String>) -> Result<Documents, Error> {
    let text = kluctl_yaml::text_of(content.as_bytes())
        .map_err(|error| Error::new(format!("YAML parse error on {path}: {}", error.go_text())))?;
    let mut found = Vec::new();
    for document in split(&text) {
        let head = Head::read(document)
            .map_err(|message| Error::new(format!("YAML parse error on {path}: {message}")))?;
        let manifest = Manifest {
            path: path.to_owned(),
            content: String::new(),
            api_version: head.api_version,
            kind: head.kind,
            name: head.name,
        };
        let start = document.as_ptr().addr() - text.as_ptr().addr();
        let place = start..start + document.len();
        match head.annotations.iter().find(|(key, _)| key == "helm.sh/hook") {
            None => found.push((Found::Manifest(manifest), place)),
            Some((_, events)) => {
                let hook = to_hook(manifest, events, &head.annotations, logs);
                found.extend(hook.map(|hook| (Found::Hook(hook), place)));
            }
        }
    }
    Ok(Documents {
        path: path.to_owned(),
        found,
        decoded: match text {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        },
    })
}

fn to_hook(
    manifest: Manifest,
    events_text: &str,
    annotations: &[(String, String)],
    logs: &mut Vec<String>,
) -> Option<Hook> {
    let mut events = Vec::new();
    for event in listed(events_text) {
        if !EVENTS.contains(&event.as_str()) {
            logs.push(log_line(
                "INFO",
                "skipping unknown hooks",
                &[("hookTypes", events_text)],
            ));
            return None;
        }
        events.push(if event == "test-success" {
            "test".to_owned()
        } else {
            event
        });
    }
    let annotation = |name: &str| {
        annotations
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    Some(Hook {
        manifest,
        events,
        weight: annotation("helm.sh/hook-weight")
            .and_then(|weight| weight.strip_prefix('+').unwrap_or(weight).parse().ok())
            .unwrap_or(0),
        delete_policies: annotation("helm.sh/hook-delete-policy").map_or_else(Vec::new, listed),
    })
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_lowercase()).collect()
}

/// What kinds are sorted by: those without a place of their own come last, by name.
fn place_of_kind(kind: &str) -> (usize, String) {
    match INSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(place) => (place, String::new()),
        None => (INSTALL_ORDER.len(), kind.to_owned()),
    }
}

/// Cuts a text at `---` at line starts; white space around each separator goes with it. Empty documents are dropped.
///
/// Source: helm `pkg/release/v1/util/manifest.go`, `SplitManifests`.
pub fn split(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\x0C' | '\r');
    let mut documents = Vec::new();
    let mut start = 0;
    let mut search = 0;
    if let Some(rest) = text.strip_prefix("---") {
        start = text.len() - rest.trim_start_matches(is_space).len();
        search = start;
    }
    while let Some(found) = memchr::memmem::find(&text.as_bytes()[search..], b"\n---") {
        let line_break = search + found;
        let end = start + text[start..=line_break].trim_end_matches(is_space).len();
        documents.push(&text[start..end.max(start)]);
        let after = line_break + "\n---".len();
        start = text.len() - text[after..].trim_start_matches(is_space).len();
        // A separator right after another one has lost its line break to it.
        search = start;
    }
    documents.push(&text[start..]);
    documents
        .into_iter()
        .map(str::trim_start)
        .filter(|document| !document.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn separators_take_the_space_around_them() {
        let cases: [(&str, &[&str]); 6] = [
            ("a: 1\n---\nb: 2\n", &["a: 1", "b: 2\n"]),
            ("\n\n---\na: 1\n\n\n---\n# c\n---\n", &["a: 1", "# c"]),
            ("---\n---\na: 1", &["---\na: 1"]),
            ("a: |\n  ---\n  b", &["a: |\n  ---\n  b"]),
            ("a: 1\n--- b\nc", &["a: 1", "b\nc"]),
            ("", &[]),
        ];
        for (text, documents) in cases {
            assert_eq!(split(text), documents, "{text:?}");
        }
    }
}
