//! Looks out for one file while a project is loaded: who renders it, and what is seen then.

use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::Context;

use crate::load::LoadedItem;
use crate::tree::SourceTree;

/// Watches for a file of a tree.
#[derive(Debug)]
pub(crate) struct Watch {
    tree: Arc<SourceTree>,
    /// The file relative to the tree's root, by all names that it goes by; none stands for no file at all.
    files: Vec<Utf8PathBuf>,
    met: Mutex<Vec<Met>>,
}

/// Somebody who renders the file, or might.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) role: Role,
    /// The file, by the name under which it was met.
    pub(crate) file: Utf8PathBuf,
    pub(crate) context: Context,
    pub(crate) search_dirs: Vec<Utf8PathBuf>,
}

/// What the file is to them.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// Their deployment.yaml.
    Deployment,
    /// A file of variables.
    Vars,
    /// It lies in the item's folder.
    Item(Box<LoadedItem>),
    /// It lies somewhere below the project's folder.
    Project(Utf8PathBuf),
}

impl Watch {
    pub(crate) fn new(tree: Arc<SourceTree>, files: Vec<Utf8PathBuf>) -> Self {
        Self {
            tree,
            files,
            met: Mutex::default(),
        }
    }

    fn add(&self, role: Role, file: &Utf8Path, context: &Context, search_dirs: &[Utf8PathBuf]) {
        let met = Met {
            role,
            file: file.to_owned(),
            context: context.clone(),
            search_dirs: search_dirs.to_vec(),
        };
        self.met.lock().unwrap_or_else(PoisonError::into_inner).push(met);
    }

    /// A file is about to be rendered.
    pub(crate) fn rendered(
        &self,
        role: Role,
        tree: &Arc<SourceTree>,
        file: &Utf8Path,
        context: &Context,
        search_dirs: &[Utf8PathBuf],
    ) {
        if Arc::ptr_eq(tree, &self.tree) && self.files.iter().any(|watched| watched == file) {
            self.add(role, file, context, search_dirs);
        }
    }

    /// A project's variables are complete.
    pub(crate) fn project(
        &self,
        tree: &Arc<SourceTree>,
        dir: &Utf8Path,
        context: &Context,
        search_dirs: &[Utf8PathBuf],
    ) {
        if !Arc::ptr_eq(tree, &self.tree) {
            return;
        }
        let inside = self.files.iter().find(|watched| watched.starts_with(dir));
        if inside.is_some() || self.files.is_empty() {
            let file = inside.cloned().unwrap_or_default();
            self.add(Role::Project(dir.to_owned()), &file, context, search_dirs);
        }
    }

    /// An item's variables are complete.
    pub(crate) fn item(&self, item: &LoadedItem) {
        let Some(dir) = item
            .dir
            .as_deref()
            .filter(|_| Arc::ptr_eq(&item.tree, &self.tree))
        else {
            return;
        };
        if let Some(file) = self.files.iter().find(|watched| watched.starts_with(dir)) {
            let role = Role::Item(Box::new(item.clone()));
            self.add(role, file, item.vars.context(), &item.search_dirs(dir));
        }
    }

    /// All that were met, in the order in which they were.
    pub(crate) fn into_met(self) -> Vec<Met> {
        self.met.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
