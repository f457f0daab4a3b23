//! Builds kustomizations to objects, as `kustomize build` 5.8.1 does.
//!
//! Starts with a tree of files and the folder of a kustomization, and ends with objects in the order of the build.
//!
//! Invariants:
//! - Reads nothing but the [`FileSystem`] it is given; what is elsewhere comes through [`Remote`], charts through [`Helm`].
//! - The result does not depend on the order of maps, on time or on the environment.
//! - Work grows with the number of objects and references, not with their square: objects are looked up by name.

mod base64;
mod config;
mod decode;
mod document;
mod error;
mod fieldspec;
mod files;
mod generators;
mod go_syntax;
mod helm;
mod jsonpatch;
mod kustomization;
mod labels;
mod links;
mod loader;
mod merge;
mod nameref;
mod node;
mod origin;
mod patch;
mod path;
mod plugins;
mod remote;
mod replacement;
mod resid;
mod resmap;
mod resource;
mod scalar;
mod schema;
mod selector;
mod structured;
mod target;
mod transform;
mod vars;

use std::cell::RefCell;
use std::collections::BTreeSet;

use camino::Utf8Path;
use serde_json::Value;

pub use error::Error;
pub use files::{DiskFiles, FileSystem, MemoryFiles};
pub use helm::{Helm, HelmRequest};
pub use kustomization::{HelmChart, HelmGlobals};
pub use loader::OnRead;
pub use remote::{GitRepository, HttpError, Remote};

use loader::{Loader, Sources};
use schema::Schema;
use target::{Build, Target};

/// Which files a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Those in its own folder and below.
    #[default]
    RootOnly,
    /// All.
    None,
}

/// The order of the result, unless the kustomization has `sortOptions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reorder {
    /// As they are listed.
    #[default]
    None,
    /// By kind: namespaces first, webhooks last.
    Legacy,
}

/// How to build.
#[derive(Default)]
pub struct Options<'a> {
    /// Which files may be named.
    pub load_restrictor: LoadRestrictor,
    /// The order of the result.
    pub reorder: Reorder,
    /// Whether a person asked for that order, who is told when the kustomization has `sortOptions` of its own.
    pub reorder_asked: bool,
    /// Whether the label `app.kubernetes.io/managed-by` is added.
    pub managed_by_label: bool,
    /// Renders charts; without it a kustomization with charts is refused.
    pub helm: Option<&'a dyn Helm>,
    /// Fetches what is elsewhere; without it such resources are refused.
    pub remote: Option<&'a dyn Remote>,
    /// Changes the content of each file that is read, such as decrypting it.
    pub on_read: Option<&'a OnRead<'a>>,
    /// Takes what the user should know, such as deprecated fields and variables without use, while the build goes on.
    pub on_warning: Option<&'a dyn Fn(&str)>,
}

/// What a build has made.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The objects in order.
    pub objects: Vec<Value>,
}

/// Builds the kustomization of a folder.
///
/// Source: kustomize `api/krusty/kustomizer.go`, `Run`.
pub fn build(files: &dyn FileSystem, root: &Utf8Path, options: &Options<'_>) -> Result<Built, Error> {
    let sources = Sources {
        files,
        remote: options.remote,
        on_read: options.on_read,
    };
    let restricted = options.load_restrictor == LoadRestrictor::RootOnly;
    let loader = Loader::new(sources, root, restricted)?;
    let build = Build {
        schema: RefCell::new(Schema::default()),
        helm: options.helm,
        on_warning: options.on_warning,
        loaded: std::cell::Cell::new(0),
    };
    let mut target = Target::load(&build, loader, 0)?;
    target.choose_schema()?;
    let mut map = target.build()?;
    target.finish(&mut map, options)?;
    let objects = map
        .resources()
        .iter()
        .map(|resource| {
            let value = resource.node().to_value();
            value.map_err(|error| error.within(resource.describe()))
        })
        .collect::<Result<_, _>>()?;
    Ok(Built { objects })
}

/// Prints objects as `kustomize build` does.
///
/// # Errors
/// Says which object holds characters that YAML forbids.
pub fn to_yaml(objects: &[Value]) -> Result<String, Error> {
    let mut text = String::new();
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        let printed = kluctl_yaml::try_to_string(object).map_err(|error| {
            let id = fieldspec::describe_id(&node::Node::from_json(object));
            Error::new(document::yaml_message(&error)).within(format!("object {id}"))
        })?;
        text.push_str(&printed);
    }
    Ok(text)
}

/// Names of the files that hold one object each, as `kustomize build -o FOLDER` writes them.
///
/// Source: kustomize `kustomize/commands/build/writer.go`.
pub fn file_names(objects: &[Value]) -> Vec<String> {
    let schema = Schema::default();
    let ids: Vec<_> = objects
        .iter()
        .map(|object| {
            resource::Resource::new(node::Node::from_json(object))
                .id(&schema)
                .clone()
        })
        .collect();
    let namespaces: BTreeSet<_> = ids
        .iter()
        .filter(|id| !id.cluster_scoped)
        .map(resid::ResId::effective_namespace)
        .collect();
    ids.iter()
        .map(|id| {
            let parts = [&id.gvk.group, &id.gvk.version, &id.gvk.kind];
            let kind: Vec<_> = parts
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(String::as_str)
                .collect();
            let name = format!("{}_{}.yaml", kind.join("_"), id.name).to_lowercase();
            if namespaces.len() > 1 && !id.cluster_scoped {
                format!("{}_{name}", id.effective_namespace().to_lowercase())
            } else {
                name
            }
        })
        .collect()
}
