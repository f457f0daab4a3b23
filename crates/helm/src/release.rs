//! Renders a chart to a release.

use std::collections::BTreeMap;
use std::sync::Arc;

use kluctl_gotemplate::{Map, Text, Value};
use serde_json::{Map as JsonMap, Value as Json};

use crate::capabilities::{self, Capabilities};
use crate::chart::Chart;
use crate::coalesce::coalesce_values;
use crate::content::Content;
use crate::convert::map_from_json;
use crate::engine::{Top, render};
use crate::error::{Error, log_line};
use crate::functions::Host;
use crate::manifests::{self, Hook, Manifest};
use crate::schema::{Checker, SchemaSource};
use crate::semver;
use crate::tree::Tree;

/// Reads objects of the cluster for the template function `lookup`.
pub trait Lookup: Send + Sync {
    /// Returns an object, or a list of them when `name` is empty; `None` when there is none.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Json>, String>;
}

/// How a chart is rendered.
#[derive(Clone, Default)]
pub struct RenderOptions {
    /// `.Release.Name`
    pub release_name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.IsUpgrade`; `.Release.IsInstall` is its opposite.
    pub is_upgrade: bool,
    /// What the cluster can do.
    pub capabilities: Capabilities,
    /// Takes values that `values.schema.json` forbids.
    pub skip_schema_validation: bool,
    /// Lets templates resolve host names.
    pub enable_dns: bool,
    /// Renders the notes of dependencies too.
    pub subchart_notes: bool,
    /// Where `lookup` looks; without it, nothing is found.
    pub lookup: Option<Arc<dyn Lookup>>,
    /// Brings what schemas of values refer to; without it, such schemas are errors.
    pub schemas: Option<Arc<dyn SchemaSource>>,
}

/// A CRD file of a chart, which is no template.
#[derive(Debug, Clone)]
pub struct Crd {
    /// The file's full path, such as `chart/crds/web.yaml`.
    pub path: String,
    /// What the file holds; it is shared with the chart, and read when it is asked for.
    pub content: Content,
}

impl Crd {
    /// The text, with U+FFFD in place of bytes that are no UTF-8.
    ///
    /// # Errors
    /// When the chart is a folder and the file cannot be read any more.
    pub fn text(&self) -> Result<std::borrow::Cow<'_, str>, Error> {
        Ok(String::from_utf8_lossy(self.content.bytes()?))
    }
}

/// A rendered chart.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// The CRDs of the chart and its dependencies.
    pub crds: Vec<Crd>,
    /// The manifests in the order of installation.
    pub manifests: Vec<Manifest>,
    /// The hooks in the order Helm prints them.
    pub hooks: Vec<Hook>,
    /// `NOTES.txt`, rendered.
    pub notes: String,
    /// What Helm logs on the way.
    pub logs: Vec<String>,
}

/// Checks a release's name.
///
/// Source: helm `pkg/chart/v2/util/validate_name.go`, `ValidateReleaseName`.
fn check_name(name: &str) -> Result<(), Error> {
    const LONGEST: usize = 53;
    const PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(inside) && label.ends_with(inside) && label.chars().all(|c| inside(c) || c == '-')
    };
    let reason = if name.is_empty() {
        "no name provided".to_owned()
    } else if name.len() > LONGEST || !name.split('.').all(is_label) {
        format!(
            "invalid release name, must match regex {PATTERN} and the length must not be longer than {LONGEST}"
        )
    } else {
        return Ok(());
    };
    let name = kluctl_gotemplate::quote(name.as_bytes());
    Err(logged(
        "release name check failed",
        &format!("release name {name}: {reason}"),
    ))
}

/// An error that Helm both logs and returns.
fn logged(context: &str, message: &str) -> Error {
    Error::new(format!("{context}: {message}")).with_log(log_line("ERROR", context, &[("error", message)]))
}

/// Renders a chart. Integers among the values are Go's `int64`, all else is as JSON has it.
///
/// Source: helm `pkg/action/install.go`, `RunWithContext`, as a dry run without a cluster.
pub fn render_chart(
    chart: &Chart,
    values: &JsonMap<String, Json>,
    options: &RenderOptions,
) -> Result<Release, Error> {
    let mut release = Release::default();
    match render_into(chart, values, options, &mut release) {
        Ok(()) => Ok(release),
        Err(error) => Err(error.after_logs(release.logs)),
    }
}

fn render_into(
    chart: &Chart,
    values: &JsonMap<String, Json>,
    options: &RenderOptions,
    release: &mut Release,
) -> Result<(), Error> {
    check_name(&options.release_name)?;
    let given = map_from_json(values);
    let mut tree = Tree::new(chart);
    tree.process_dependencies(&given, &mut release.logs)
        .map_err(|error| logged("chart dependencies processing failed", error.message()))?;
    let top = Top {
        values: coalesce_values(&tree, &given, &mut release.logs)?,
        release: release_map(options),
        capabilities: capabilities::to_value(&options.capabilities),
    };
    if !options.skip_schema_validation {
        let mut checker = Checker {
            source: options.schemas.as_deref(),
            logs: &mut release.logs,
        };
        checker.validate(&tree, &top.values)?;
    }
    render_release(&tree, &top, options, release).map_err(Error::while_rendering)
}

/// Renders the template of a release's name, which knows sprig's functions and no values.
pub fn name_from_template(template: &str) -> Result<String, Error> {
    let functions = Arc::new(kluctl_gotemplate::Functions::with_sprig());
    let mut templates = kluctl_gotemplate::Templates::new(functions, kluctl_gotemplate::MissingKey::Invalid);
    let name = "name-template";
    templates
        .parse(name, template)
        .and_then(|()| templates.execute(name.as_bytes(), Value::Nil, &()))
        .map(|text| text.to_str().into_owned())
        .map_err(|error| Error::new(error.to_string()))
}

fn release_map(options: &RenderOptions) -> Map {
    [
        ("Name", Value::from(options.release_name.as_str())),
        ("Namespace", Value::from(options.namespace.as_str())),
        ("IsUpgrade", Value::from(options.is_upgrade)),
        ("IsInstall", Value::from(!options.is_upgrade)),
        ("Revision", Value::int(1)),
        ("Service", Value::from("Helm")),
    ]
    .into_iter()
    .collect()
}

/// What was rendered, file by file, for looking at what cannot be sorted.
fn unsorted(files: &BTreeMap<String, Text>) -> String {
    let mut text = String::new();
    for (path, content) in files {
        let content = content.to_str();
        if !content.trim().is_empty() {
            text.push_str(&format!("---\n# Source: {path}\n{content}\n"));
        }
    }
    text
}

/// Source: helm `pkg/action/action.go`, `renderResources`.
fn render_release(
    tree: &Tree<'_>,
    top: &Top,
    options: &RenderOptions,
    release: &mut Release,
) -> Result<(), Error> {
    let wanted = &tree.metadata.kube_version;
    let version = &options.capabilities.kube_version;
    if !wanted.is_empty() && !semver::is_compatible(wanted, version.to_check()) {
        return Err(Error::new(format!(
            "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
            version.version
        )));
    }
    let host = Host::new(options.lookup.clone());
    let mut files = render(tree, top, &host, options.enable_dns)?;
    let own_notes = format!("{}/templates/NOTES.txt", tree.name());
    let mut notes = Vec::new();
    files.retain(|path, text| {
        if !path.ends_with("NOTES.txt") {
            return true;
        }
        if options.subchart_notes || *path == own_notes {
            notes.push(text.to_str().into_owned());
        }
        false
    });
    release.notes = notes.join("\n");
    let (hooks, manifests) = match manifests::sort(&mut files, &mut release.logs) {
        Ok(sorted) => sorted,
        Err(error) => return Err(error.with_rendered(unsorted(&files))),
    };
    release.hooks = hooks;
    release.manifests = manifests;
    let mut crds = Vec::new();
    tree.crds(tree.name(), &mut crds);
    release.crds = crds
        .into_iter()
        .map(|(path, file)| Crd {
            path,
            content: file.data.clone(),
        })
        .collect();
    Ok(())
}
