//! `Chart.yaml` and `requirements.yaml`.

use kluctl_yaml::{Node, Options};
use serde_json::Value;

use crate::error::Error;
use crate::go_json::{self, Target, TypeErrors, bool_field, list_field, text, text_field};
use crate::semver;

/// What `Chart.yaml` says.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// `name`
    pub name: String,
    /// `home`
    pub home: String,
    /// `sources`
    pub sources: Vec<String>,
    /// `version`
    pub version: String,
    /// `description`
    pub description: String,
    /// `keywords`
    pub keywords: Vec<String>,
    /// `maintainers`; `None` stands for a null in the list, which is refused.
    pub maintainers: Vec<Option<Maintainer>>,
    /// `icon`
    pub icon: String,
    /// `apiVersion`
    pub api_version: String,
    /// `condition`
    pub condition: String,
    /// `tags`
    pub tags: String,
    /// `appVersion`
    pub app_version: String,
    /// `deprecated`
    pub deprecated: bool,
    /// `annotations`
    pub annotations: Option<Vec<(String, String)>>,
    /// `kubeVersion`
    pub kube_version: String,
    /// `dependencies`; `None` inside stands for a null in the list, which is refused.
    pub dependencies: Vec<Option<Dependency>>,
    /// Whether there is a list of dependencies at all; without one, all charts in `charts/` are taken.
    pub lists_dependencies: bool,
    /// `type`
    pub chart_type: String,
}

/// One of a chart's maintainers.
#[derive(Debug, Clone, Default)]
pub struct Maintainer {
    /// `name`
    pub name: String,
    /// `email`
    pub email: String,
    /// `url`
    pub url: String,
}

/// A chart that a chart needs.
#[derive(Debug, Clone, Default)]
pub struct Dependency {
    /// `name`
    pub name: String,
    /// `version`: a constraint
    pub version: String,
    /// `repository`
    pub repository: String,
    /// `condition`: paths of values, with commas between them
    pub condition: String,
    /// `tags`
    pub tags: Vec<String>,
    /// `enabled`
    pub enabled: bool,
    /// `import-values`
    pub import_values: Vec<Value>,
    /// `alias`
    pub alias: String,
}

impl Metadata {
    /// Reads a file over what is already known: fields that it has replace those known before.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), String> {
        let Some(node) = kluctl_yaml::parse_first(text).map_err(|error| error.go_text())? else {
            return Ok(());
        };
        // Finds what YAML allows and JSON does not, such as keys that are maps.
        node.to_value(&LENIENT).map_err(|error| error.go_text())?;
        if go_json::is_null(&node) {
            return Ok(());
        }
        let mut errors = TypeErrors::default();
        if node.entries().is_none() {
            let target = Target {
                structure: "",
                field: "",
                go_type: "v2.Metadata",
            };
            errors.add(go_json::kind_of(&node), target);
            return errors.finish();
        }
        self.read_texts(&node, &mut errors);
        self.read_lists(&node, &mut errors);
        errors.finish()
    }

    fn read_texts(&mut self, node: &Node, errors: &mut TypeErrors) {
        let fields = [
            ("name", &mut self.name),
            ("home", &mut self.home),
            ("version", &mut self.version),
            ("description", &mut self.description),
            ("icon", &mut self.icon),
            ("apiVersion", &mut self.api_version),
            ("condition", &mut self.condition),
            ("tags", &mut self.tags),
            ("appVersion", &mut self.app_version),
            ("kubeVersion", &mut self.kube_version),
            ("type", &mut self.chart_type),
        ];
        for (name, field) in fields {
            if go_json::field(node, name).is_some() {
                *field = text_field(node, name, "Metadata", "", errors);
            }
        }
        if go_json::field(node, "deprecated").is_some() {
            self.deprecated = bool_field(node, "deprecated", "Metadata", "", errors);
        }
    }

    fn read_lists(&mut self, node: &Node, errors: &mut TypeErrors) {
        for (name, list) in [("sources", &mut self.sources), ("keywords", &mut self.keywords)] {
            if let Some(items) = list_field(node, name, "Metadata", "", "[]string", errors) {
                *list = texts(items, "Metadata", name, errors);
            }
        }
        if let Some(annotations) = go_json::field(node, "annotations") {
            self.annotations = read_annotations(annotations, errors);
        }
        if let Some(items) = list_field(node, "maintainers", "Metadata", "", "[]*v2.Maintainer", errors) {
            self.maintainers = items.iter().map(|item| read_maintainer(item, errors)).collect();
        }
        if let Some(items) = list_field(node, "dependencies", "Metadata", "", "[]*v2.Dependency", errors) {
            self.lists_dependencies = true;
            self.dependencies = items.iter().map(|item| read_dependency(item, errors)).collect();
        }
    }

    /// Checks what Helm checks, and takes unprintable characters out of the texts.
    ///
    /// Source: helm `pkg/chart/v2/metadata.go`, `Metadata.Validate`.
    pub(crate) fn validate(&mut self) -> Result<(), Error> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().for_each(sanitize);
        self.keywords.iter_mut().for_each(sanitize);
        self.validate_texts().map_err(invalid)?;
        for maintainer in &mut self.maintainers {
            let Some(maintainer) = maintainer else {
                return Err(invalid("maintainers must not contain empty or null nodes"));
            };
            sanitize(&mut maintainer.name);
            sanitize(&mut maintainer.email);
            sanitize(&mut maintainer.url);
        }
        let mut seen = std::collections::BTreeSet::new();
        for dependency in &mut self.dependencies {
            let Some(dependency) = dependency else {
                return Err(invalid("dependencies must not contain empty or null nodes"));
            };
            dependency.validate().map_err(invalid)?;
            if !seen.insert(dependency.effective_name().to_owned()) {
                let name = quoted(dependency.effective_name());
                return Err(invalid(format!(
                    "more than one dependency with name or alias {name}"
                )));
            }
        }
        Ok(())
    }

    fn validate_texts(&self) -> Result<(), String> {
        if self.api_version.is_empty() {
            return Err("chart.metadata.apiVersion is required".to_owned());
        }
        if self.name.is_empty() {
            return Err("chart.metadata.name is required".to_owned());
        }
        let name = quoted(&self.name);
        if self.name == "." || self.name == ".." {
            return Err(format!("chart.metadata.name {name} is not allowed"));
        }
        if self.name.contains('/') {
            return Err(format!("chart.metadata.name {name} is invalid"));
        }
        if self.version.is_empty() {
            return Err("chart.metadata.version is required".to_owned());
        }
        if !semver::is_version(&self.version) {
            let version = quoted(&self.version);
            return Err(format!("chart.metadata.version {version} is invalid"));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err("chart.metadata.type must be application or library".to_owned());
        }
        Ok(())
    }
}

impl Dependency {
    /// The alias, or the name.
    pub(crate) fn effective_name(&self) -> &str {
        if self.alias.is_empty() {
            &self.name
        } else {
            &self.alias
        }
    }

    fn validate(&mut self) -> Result<(), String> {
        for text in [
            &mut self.name,
            &mut self.version,
            &mut self.repository,
            &mut self.condition,
        ] {
            sanitize(text);
        }
        self.tags.iter_mut().for_each(sanitize);
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !self.alias.chars().all(allowed) {
            let name = quoted(&self.name);
            return Err(format!(
                "dependency {name} has disallowed characters in the alias"
            ));
        }
        Ok(())
    }
}

const LENIENT: Options = Options {
    duplicate_keys: kluctl_yaml::DuplicateKeys::LastWins,
};

fn invalid(message: impl std::fmt::Display) -> Error {
    Error::new(format!("validation: {message}"))
}

fn quoted(text: &str) -> String {
    kluctl_gotemplate::quote(text.as_bytes())
}

/// Turns white space to spaces and drops what cannot be printed.
fn sanitize(text: &mut String) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|c| {
            if c.is_whitespace() {
                Some(' ')
            } else {
                is_printable(c).then_some(c)
            }
        })
        .collect();
}

/// Go's `unicode.IsPrint`, as far as control and format characters go.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{E000}'..='\u{F8FF}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn texts(items: &[Node], structure: &str, name: &str, errors: &mut TypeErrors) -> Vec<String> {
    let target = Target {
        structure,
        field: name,
        go_type: "string",
    };
    items.iter().map(|item| text(item, target, errors)).collect()
}

fn read_annotations(node: &Node, errors: &mut TypeErrors) -> Option<Vec<(String, String)>> {
    if go_json::is_null(node) {
        return None;
    }
    if node.entries().is_none() {
        let target = Target {
            structure: "Metadata",
            field: "annotations",
            go_type: "map[string]string",
        };
        errors.add(go_json::kind_of(node), target);
        return None;
    }
    let target = Target {
        structure: "Metadata",
        field: "annotations",
        go_type: "string",
    };
    let mut annotations = Vec::new();
    for (key, value) in node.entries().unwrap_or_default() {
        let key = kluctl_yaml::decode_node::<String>(key).unwrap_or_default();
        annotations.push((key, text(value, target, errors)));
    }
    Some(annotations)
}

/// The map that a list item must be, or `None` for null.
fn structure<'a>(node: &'a Node, name: &str, go_type: &str, errors: &mut TypeErrors) -> Option<&'a Node> {
    if go_json::is_null(node) {
        return None;
    }
    if node.entries().is_none() {
        let target = Target {
            structure: "Metadata",
            field: name,
            go_type,
        };
        errors.add(go_json::kind_of(node), target);
    }
    Some(node)
}

fn read_maintainer(node: &Node, errors: &mut TypeErrors) -> Option<Maintainer> {
    let node = structure(node, "maintainers", "v2.Maintainer", errors)?;
    let mut field = |name| text_field(node, name, "Maintainer", "maintainers.", errors);
    Some(Maintainer {
        name: field("name"),
        email: field("email"),
        url: field("url"),
    })
}

fn read_dependency(node: &Node, errors: &mut TypeErrors) -> Option<Dependency> {
    let node = structure(node, "dependencies", "v2.Dependency", errors)?;
    let (kind, prefix) = ("Dependency", "dependencies.");
    let mut field = |name| text_field(node, name, kind, prefix, errors);
    let mut dependency = Dependency {
        name: field("name"),
        version: field("version"),
        repository: field("repository"),
        condition: field("condition"),
        alias: field("alias"),
        ..Dependency::default()
    };
    dependency.enabled = bool_field(node, "enabled", kind, prefix, errors);
    if let Some(items) = list_field(node, "tags", kind, prefix, "[]string", errors) {
        dependency.tags = texts(items, kind, "dependencies.tags", errors);
    }
    if let Some(items) = list_field(node, "import-values", kind, prefix, "[]interface {}", errors) {
        dependency.import_values = items
            .iter()
            .filter_map(|item| item.to_value(&LENIENT).ok())
            .collect();
    }
    Some(dependency)
}
