//! A kustomization's view of the files: relative to its own folder, and not beyond it.
//!
//! Source: kustomize `api/internal/loader/`.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Kind, Result, fail};
use crate::files::{FileSystem, MemoryFiles, join};
use crate::remote::{GitRepository, HttpError, Remote, is_http, parse_git, refuse};

/// Changes the content of each file that is read, such as decrypting it.
pub type OnRead<'a> = dyn Fn(&Utf8Path, Bytes) -> Result<Bytes> + 'a;

/// What all loaders of a build share.
pub(crate) struct Sources<'a> {
    pub(crate) files: &'a dyn FileSystem,
    pub(crate) remote: Option<&'a dyn Remote>,
    pub(crate) on_read: Option<&'a OnRead<'a>>,
}

/// The loader of one kustomization.
pub(crate) struct Loader<'a> {
    sources: Rc<Sources<'a>>,
    /// The files of the repository this kustomization came from.
    clone: Option<Rc<MemoryFiles>>,
    pub(crate) repository: Option<Rc<GitRepository>>,
    parent: Option<Rc<Loader<'a>>>,
    root: Utf8PathBuf,
    restricted: bool,
}

impl<'a> Loader<'a> {
    /// The loader of the kustomization that is built.
    pub(crate) fn new(sources: Sources<'a>, path: &Utf8Path, restricted: bool) -> Result<Rc<Self>> {
        let sources = Rc::new(sources);
        if let Some(repository) = parse_git(path.as_str()) {
            return Self::at_clone(sources, None, repository);
        }
        let root =
            confirm_folder(sources.files, path).map_err(|error| error.within("must build at directory"))?;
        Ok(Rc::new(Self {
            sources,
            clone: None,
            repository: None,
            parent: None,
            root,
            restricted,
        }))
    }

    pub(crate) fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A path of this folder as it is shown to people.
    pub(crate) fn shown(&self, path: &str) -> String {
        if is_http(path) {
            path.to_owned()
        } else {
            join(&self.root, path).into_string()
        }
    }

    fn files(&self) -> &dyn FileSystem {
        match &self.clone {
            Some(files) => &**files,
            None => self.sources.files,
        }
    }

    /// The loader of a base or component.
    pub(crate) fn descend(self: &Rc<Self>, path: &str) -> Result<Rc<Self>> {
        if path.is_empty() {
            return Err(fail!("new root cannot be empty"));
        }
        if let Some(repository) = parse_git(path) {
            self.reject_repository_cycle(&repository)?;
            return Self::at_clone(self.sources.clone(), Some(self.clone()), repository);
        }
        if Utf8Path::new(path).is_absolute() {
            return Err(fail!("new root '{path}' cannot be absolute"));
        }
        let root = confirm_folder(self.files(), &join(&self.root, path))
            .map_err(|error| error.within("must build at directory"))?;
        self.reject_cycle(&root)?;
        Ok(Rc::new(Self {
            sources: self.sources.clone(),
            clone: self.clone.clone(),
            repository: None,
            parent: Some(self.clone()),
            root,
            restricted: self.restricted,
        }))
    }

    fn at_clone(
        sources: Rc<Sources<'a>>,
        parent: Option<Rc<Self>>,
        repository: GitRepository,
    ) -> Result<Rc<Self>> {
        let Some(remote) = sources.remote else {
            return Err(refuse("git repository", &repository.raw));
        };
        let files = MemoryFiles::new(remote.git(&repository)?);
        let folder = Utf8Path::new("/").join(&repository.folder);
        let root = files
            .canonical(&folder)
            .map_err(|error| error.within(format!("repository '{}'", repository.url)))?;
        if !files.is_dir(&root) {
            return Err(fail!(
                "'{folder}' of repository '{}' refers to file '{}'; expecting directory",
                repository.url,
                root.file_name().unwrap_or_default()
            ));
        }
        Ok(Rc::new(Self {
            sources,
            clone: Some(Rc::new(files)),
            repository: Some(Rc::new(repository)),
            parent,
            root,
            // What comes from elsewhere never reads outside its own folder.
            restricted: true,
        }))
    }

    fn reject_cycle(&self, root: &Utf8Path) -> Result<()> {
        let mut loader = self;
        loop {
            if loader.root.starts_with(root) {
                return Err(fail!(
                    "cycle detected: candidate root '{root}' contains visited root '{}'",
                    loader.root
                ));
            }
            match &loader.parent {
                // Another repository has paths of its own.
                Some(parent) if loader.repository.is_none() => loader = parent,
                _ => return Ok(()),
            }
        }
    }

    fn reject_repository_cycle(&self, repository: &GitRepository) -> Result<()> {
        let mut loader = Some(self);
        while let Some(current) = loader {
            if let Some(visited) = &current.repository
                && visited.raw.starts_with(&repository.raw)
            {
                return Err(fail!(
                    "cycle detected: URI '{}' referenced by previous URI '{}'",
                    repository.raw,
                    visited.raw
                ));
            }
            loader = current.parent.as_deref();
        }
        Ok(())
    }

    /// The files of a folder and below, by their path in it; `None` when there is no such folder.
    pub(crate) fn folder(&self, path: &Utf8Path) -> Result<Option<BTreeMap<Utf8PathBuf, Bytes>>> {
        if !self.files().is_dir(path) {
            return Ok(None);
        }
        self.files().files_below(path).map(Some)
    }

    /// Whether something is there, be it a file or a folder.
    pub(crate) fn exists(&self, path: &Utf8Path) -> bool {
        self.files().canonical(path).is_ok()
    }

    /// The content of a file, or of a web address.
    pub(crate) fn load(&self, path: &str) -> Result<Bytes> {
        if is_http(path) {
            let Some(remote) = self.sources.remote else {
                return Err(refuse("URL", path));
            };
            return remote.http(path).map_err(|error| match error {
                HttpError::Other(reason) => fail!("{reason}"),
                HttpError::Status(_) if parse_git(path).is_some() => fail!("URL is a git repository"),
                HttpError::Status(status) => fail!("HTTP Error: status code {status}").of_kind(Kind::Http),
            });
        }
        let full = if Utf8Path::new(path).is_absolute() {
            Utf8PathBuf::from(path)
        } else {
            join(&self.root, path)
        };
        let files = self.files();
        let full = if self.restricted {
            let real = files.canonical(&full)?;
            if files.is_dir(&real) {
                return Err(fail!("'{full}' must resolve to a file"));
            }
            if !real.starts_with(&self.root) {
                return Err(fail!(
                    "security; file '{full}' is not in or below '{}'",
                    self.root
                ));
            }
            real
        } else {
            full
        };
        self.read(&full)?
            .ok_or_else(|| fail!("open {full}: no such file or directory"))
    }

    /// The content of a file of the folder itself, if it is there.
    pub(crate) fn load_if_present(&self, name: &str) -> Result<Option<Bytes>> {
        let full = self.root.join(name);
        let files = self.files();
        if self.restricted {
            match files.canonical(&full) {
                Ok(real) if real.starts_with(&self.root) && !files.is_dir(&real) => self.read(&real),
                _ => Ok(None),
            }
        } else if files.is_dir(&full) {
            Ok(None)
        } else {
            self.read(&full)
        }
    }

    fn read(&self, path: &Utf8Path) -> Result<Option<Bytes>> {
        if self.files().is_dir(path) {
            return Err(fail!("read {path}: is a directory"));
        }
        let content = self.files().read(path)?;
        match (content, self.sources.on_read) {
            (Some(content), Some(on_read)) if self.clone.is_none() => on_read(path, content).map(Some),
            (content, _) => Ok(content),
        }
    }
}

fn confirm_folder(files: &dyn FileSystem, path: &Utf8Path) -> Result<Utf8PathBuf> {
    if path.as_str().is_empty() {
        return Err(fail!("directory path cannot be empty"));
    }
    let real = files
        .canonical(path)
        .map_err(|error| error.within("not a valid directory"))?;
    if files.is_dir(&real) {
        Ok(real)
    } else {
        Err(fail!("'{path}': file is not directory"))
    }
}
