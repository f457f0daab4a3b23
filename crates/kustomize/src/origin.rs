//! Notes on where objects come from and what changed them (`buildMetadata`).
//!
//! Source: kustomize `api/resource/origin.go`.

use camino::Utf8Path;

use crate::error::Result;
use crate::files::join;
use crate::remote::parse_git;
use crate::resmap::ResMap;
use crate::resource::{ORIGIN, Resource, TRANSFORMATIONS};

/// Where something comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    path: String,
    repo: String,
    reference: String,
    configured_in: String,
    /// `apiVersion`, `kind`, `name` and `namespace` of what made it.
    configured_by: [String; 4],
}

impl Origin {
    /// The origin of a file or folder that this one refers to.
    pub(crate) fn append(&self, path: &str) -> Self {
        let mut origin = self.clone();
        let mut path = path.to_owned();
        if let Some(repository) = parse_git(&path) {
            origin.repo = repository.url;
            path = repository.folder.into_string();
            origin.path = String::new();
            origin.reference = repository.reference;
        }
        origin.path = join(Utf8Path::new(&origin.path), &path).into_string();
        origin
    }

    /// The origin of what a built-in plugin makes or changes.
    pub(crate) fn builtin(&self, kustomization_file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            repo: self.repo.clone(),
            reference: self.reference.clone(),
            configured_in: join(Utf8Path::new(&self.path), kustomization_file).into_string(),
            configured_by: [
                "builtin".to_owned(),
                kind.to_owned(),
                String::new(),
                String::new(),
            ],
        }
    }

    /// The origin of what a plugin with settings of its own makes or changes.
    pub(crate) fn of_plugin(settings: &Resource) -> Option<Self> {
        let text = settings.annotation(ORIGIN)?;
        let value = kluctl_yaml::from_str_lenient(text).ok()?;
        let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Some(Self {
            path: String::new(),
            repo: field("repo"),
            reference: field("ref"),
            configured_in: field("path"),
            configured_by: [
                settings.api_version(),
                settings.kind(),
                settings.name(),
                settings.namespace(),
            ]
            .map(str::to_owned),
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut push = |indent: &str, key: &str, text: &str| {
            if !text.is_empty() {
                let value = kluctl_yaml::to_string_indented(&serde_json::Value::String(text.to_owned()), 2);
                lines.push(format!("{indent}{key}: {}", value.trim_end()));
            }
        };
        push("", "path", &self.path);
        push("", "repo", &self.repo);
        push("", "ref", &self.reference);
        push("", "configuredIn", &self.configured_in);
        if self.configured_by.iter().any(|part| !part.is_empty()) {
            lines.push("configuredBy:".to_owned());
            let keys = ["apiVersion", "kind", "name", "namespace"];
            for (key, text) in keys.iter().zip(&self.configured_by) {
                if !text.is_empty() {
                    let value = kluctl_yaml::to_string_indented(&serde_json::Value::String(text.clone()), 2);
                    lines.push(format!("  {key}: {}", value.trim_end()));
                }
            }
        }
        lines
    }

    pub(crate) fn to_text(&self) -> String {
        let lines = self.lines();
        if lines.is_empty() {
            "{}\n".to_owned()
        } else {
            lines.join("\n") + "\n"
        }
    }

    fn to_list_item(&self) -> String {
        let text = self.to_text();
        let mut out = String::new();
        for (index, line) in text.lines().enumerate() {
            out.push_str(if index == 0 { "- " } else { "  " });
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

/// Notes the origin of objects that have none yet.
pub(crate) fn note_origin(resources: &mut [Resource], origin: &Origin) -> Result<()> {
    for resource in resources {
        if resource.annotation(ORIGIN).is_none() {
            set(resource, ORIGIN, origin.to_text())?;
        }
    }
    Ok(())
}

/// Notes that a transformer touched all objects.
pub(crate) fn note_transformation(map: &mut ResMap, origin: &Origin) -> Result<()> {
    // What a patch took away still stands in the list, as nothing, until the transformer is done.
    for resource in map
        .resources_mut()
        .iter_mut()
        .filter(|resource| !resource.is_empty())
    {
        if resource.annotation(ORIGIN).is_none() {
            // What has no origin was made by the transformer.
            set(resource, ORIGIN, origin.to_text())?;
            continue;
        }
        let mut list = resource
            .annotation(TRANSFORMATIONS)
            .unwrap_or_default()
            .to_owned();
        list.push_str(&origin.to_list_item());
        set(resource, TRANSFORMATIONS, list)?;
    }
    Ok(())
}

pub(crate) fn set(resource: &mut Resource, key: &str, text: String) -> Result<()> {
    let mut annotations = resource.annotations();
    annotations.insert(key.to_owned(), text);
    resource.set_annotations(annotations)
}
