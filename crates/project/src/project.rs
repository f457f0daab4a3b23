//! Opens a project: its folder, its file, its arguments and targets.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};

use crate::config::{Project, TargetConfig};
use crate::outside::{Files, Sources};
use crate::problem::{Problem, Problems};
use crate::target::{self, ProjectFile};
use crate::templates::Templates;
use crate::tree::SourceTree;

/// What a project is opened with.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The project's folder, absolute.
    pub project_dir: Utf8PathBuf,
    /// The project's file, when it is not the one in the folder.
    pub project_config: Option<Utf8PathBuf>,
    /// Arguments from outside (see [`crate::external_args`]).
    pub args: Map<String, Value>,
    /// All files of the repository that the folder lies in, by their path from its root, where another state of it is
    /// wanted than what is on disk.
    pub files: Option<Arc<Files>>,
}

/// A project whose file is read and whose targets are rendered.
pub struct OpenProject {
    pub(crate) tree: Arc<SourceTree>,
    pub(crate) dir: Utf8PathBuf,
    pub(crate) args: Map<String, Value>,
    pub(crate) sources: Arc<dyn Sources>,
    config: Project,
    config_file: String,
    config_text: String,
    targets: Vec<TargetConfig>,
    failed: BTreeMap<String, Problems>,
    warnings: Vec<String>,
}

/// Which target, and what of it is overridden.
#[derive(Clone, Debug, Default)]
pub struct TargetSelection {
    /// `--target`
    pub name: Option<String>,
    /// `--target-name-override`
    pub name_override: Option<String>,
    /// `--context`
    pub context: Option<String>,
    /// `--discriminator`
    pub discriminator: Option<String>,
}

/// Finds the root of the repository that a folder is in: the nearest one up that has a `.git`, be it a folder or a
/// file (as in worktrees and submodules).
pub fn repository_root(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Utf8Path::to_owned)
}

impl OpenProject {
    /// Reads the project's file and renders its targets. Targets that cannot be rendered become warnings, until one is
    /// selected.
    pub fn open(options: OpenOptions, sources: Arc<dyn Sources>) -> Result<Self, Problems> {
        let project_dir = options.project_dir.canonicalize_utf8().map_err(|error| {
            Problem::in_file(
                &options.project_dir,
                format!("opening the project failed: {error}"),
            )
        })?;
        let mut warnings = Vec::new();
        let root = repository_root(&project_dir).unwrap_or_else(|| {
            warnings.push("Failed to detect git project root. This might cause follow-up errors".to_owned());
            project_dir.clone()
        });
        let dir = project_dir
            .strip_prefix(&root)
            .map(Utf8Path::to_owned)
            .unwrap_or_default();
        let tree = Arc::new(match options.files {
            Some(files) => SourceTree::in_memory(root, files),
            None => SourceTree::on_disk(root),
        });
        let mut project = Self {
            tree,
            dir,
            args: options.args,
            sources,
            config: Project::default(),
            config_file: ".kluctl.yaml".to_owned(),
            config_text: String::new(),
            targets: Vec::new(),
            failed: BTreeMap::new(),
            warnings,
        };
        project.read_config(options.project_config.as_deref())?;
        project.load_targets()?;
        Ok(project)
    }

    fn read_config(&mut self, given: Option<&Utf8Path>) -> Result<(), Problems> {
        let (shown, content) = match given {
            Some(path) => {
                let content =
                    std::fs::read(path).map_err(|error| Problem::in_file(path, error.to_string()))?;
                (path.to_owned(), content)
            }
            None => {
                let Some(path) = self.tree.yaml_file(&self.dir, ".kluctl") else {
                    return Ok(());
                };
                let shown = self.tree.shown(&path);
                let content = self
                    .tree
                    .read(&path)
                    .map_err(|error| Problem::in_file(&shown, error.to_string()))?;
                (shown, content.unwrap_or_default().to_vec())
            }
        };
        let text =
            kluctl_yaml::text_of(&content).map_err(|error| Problem::in_file(&shown, error.to_string()))?;
        self.config_file = shown.into_string();
        self.config_text = text.into_owned();
        self.config = kluctl_yaml::decode(&self.config_file, &self.config_text)
            .map_err(|error| Problem::yaml(&self.config_file, &error, &self.config_text))?;
        Ok(())
    }

    pub(crate) fn file(&self) -> ProjectFile<'_> {
        ProjectFile {
            project: &self.config,
            shown: &self.config_file,
            text: &self.config_text,
        }
    }

    fn load_targets(&mut self) -> Result<(), Problems> {
        let templates = Templates::new(self.sources.clone(), Arc::default());
        if self.config.targets.is_empty() {
            let target = target::inherit(&self.config, &TargetConfig::default());
            self.targets = vec![target::render(&templates, &self.file(), target, &self.args)?];
            return Ok(());
        }
        let mut targets: Vec<TargetConfig> = Vec::new();
        let (mut failed, mut warnings) = (BTreeMap::new(), Vec::new());
        for (index, config) in self.config.targets.iter().enumerate() {
            if config.name.is_empty() {
                warnings.push(format!("Target at index {index} has no name"));
                continue;
            }
            let target = target::inherit(&self.config, config);
            match target::render(&templates, &self.file(), target, &self.args) {
                Ok(target) if targets.iter().any(|other| other.name == target.name) => {
                    warnings.push(format!("Duplicate target {}", target.name));
                }
                Ok(target) => targets.push(target),
                Err(problems) => {
                    failed.entry(config.name.clone()).or_insert(problems);
                }
            }
        }
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        self.targets = targets;
        self.failed = failed;
        self.warnings.extend(warnings);
        Ok(())
    }

    /// What a person should know, but for targets that failed.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Targets that could not be rendered, and why.
    pub fn failed_targets(&self) -> impl Iterator<Item = (&str, &Problems)> {
        self.failed
            .iter()
            .map(|(name, problems)| (name.as_str(), problems))
    }

    /// The project's targets, sorted by name; none in a project without targets.
    pub fn targets(&self) -> &[TargetConfig] {
        if self.has_targets() { &self.targets } else { &[] }
    }

    /// The targets as `list-targets` prints them.
    pub fn target_values(&self) -> Result<Vec<Value>, Problems> {
        let values = self
            .targets()
            .iter()
            .map(|target| target::as_value(target, &self.config_file));
        Ok(values.collect::<Result<_, _>>()?)
    }

    /// The project's file as it was read.
    pub fn config(&self) -> &Project {
        &self.config
    }

    /// The root of the repository, absolute.
    pub fn root(&self) -> &Utf8Path {
        self.tree.root()
    }

    /// The project's folder relative to the root; empty for the root itself.
    pub fn sub_dir(&self) -> &Utf8Path {
        &self.dir
    }

    fn has_targets(&self) -> bool {
        !self.config.targets.is_empty()
    }

    /// Selects a target and overrides parts of it.
    pub fn select(&self, selection: &TargetSelection) -> Result<TargetConfig, Problems> {
        let found = match &selection.name {
            None if self.has_targets() => {
                let names: Vec<&str> = self.targets.iter().map(|target| target.name.as_str()).collect();
                return Err(Problem::new(
                    "a target must be explicitly selected when targets are defined in the Kluctl project",
                )
                .hint(format!("pass `-t` with one of: {}", names.join(", ")))
                .into());
            }
            None => self.targets.first(),
            Some(name) => self.targets().iter().find(|target| &target.name == name),
        };
        let Some(found) = found else {
            return Err(self.not_found(selection.name.as_deref().unwrap_or_default()));
        };
        let mut target = found.clone();
        if let Some(name) = &selection.name_override {
            target.name.clone_from(name);
        }
        if let Some(discriminator) = selection.discriminator.as_ref().filter(|text| !text.is_empty()) {
            target.discriminator.clone_from(discriminator);
        }
        if let Some(context) = &selection.context {
            target.context = Some(context.clone());
        }
        Ok(target)
    }

    fn not_found(&self, name: &str) -> Problems {
        if let Some(problems) = self.failed.get(name) {
            return problems.clone();
        }
        let problem = Problem::new(format!("target {name} not existent in kluctl project config"));
        let names: Vec<&str> = self.targets().iter().map(|target| target.name.as_str()).collect();
        if names.is_empty() {
            return problem.hint("the project has no targets; leave `-t` out").into();
        }
        problem
            .hint(format!("the project's targets are: {}", names.join(", ")))
            .into()
    }
}
