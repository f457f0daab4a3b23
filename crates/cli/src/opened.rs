//! From flags to a rendered target in front of a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use jiff::Timestamp;
use kluctl_api::{CommandInfo, GitInfo, ProjectKey};
use kluctl_cluster::{Cluster, ConnectError, ConnectOptions, connect};
use kluctl_commands::sources::git_info;
use kluctl_commands::{Head, Reader, Session, StepEnd, Target};
use kluctl_project::config::{FixedImage, TargetConfig};
use kluctl_project::outside::{ClusterReader, Files, Sources};
use kluctl_project::{Assumed, OpenProject, Problems, RenderOptions, Rendered, World, render};
use kluctl_sandbox::{Sandbox, store_folder};
use serde_json::{Map, Value};

use crate::commands::render::write_files;
use crate::lazy_sources::{LazyRuntime, LazySources, cache_dir};
use crate::mask_key;
use crate::opening;
use crate::options::args::ArgsFlags;
use crate::options::cluster::{RequestFlags, SandboxFlags};
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::output::RenderOutputDirFlags;
use crate::options::project::ProjectFlags;
use crate::options::sources::{self, MirrorFlags};
use crate::options::target::{KubeconfigFlags, TargetFlags};
use crate::running::Running;

/// Flags of every command that works on a target.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OpenFlags {
    #[command(flatten)]
    pub(crate) project: ProjectFlags,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigFlags,
    #[command(flatten)]
    pub(crate) sandbox: SandboxFlags,
    #[command(flatten)]
    pub(crate) args: ArgsFlags,
    #[command(flatten)]
    pub(crate) inclusion: InclusionFlags,
    #[command(flatten)]
    pub(crate) requests: RequestFlags,
    #[command(flatten)]
    pub(crate) render: RenderOutputDirFlags,
    #[command(flatten)]
    pub(crate) git: GitCredentials,
    #[command(flatten)]
    pub(crate) helm: HelmCredentials,
    #[command(flatten)]
    pub(crate) registry: RegistryCredentials,
    #[command(flatten)]
    pub(crate) mirrors: MirrorFlags,
}

/// What differs between commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenChoices {
    /// `--fixed-image` and its company.
    pub(crate) images: ImageFlags,
    /// `--discriminator`.
    pub(crate) discriminator: Option<String>,
    /// Whether the command changes nothing, so that the cluster is asked for dry runs only.
    pub(crate) read_only: bool,
    /// The version that charts are rendered for; the cluster's when there is none.
    pub(crate) kubernetes_version: Option<String>,
}

/// A target that a command can work on.
pub(crate) struct Opened {
    pub(crate) target: Target,
    pub(crate) session: Session,
    /// Name of the context, for questions.
    pub(crate) context: String,
    /// Keeps the sandbox open, and its store locked, while the command runs.
    _sandbox: Option<Arc<Sandbox>>,
}

/// A cluster and the name that it goes by.
struct Connected {
    cluster: Option<Cluster>,
    context: String,
    sandbox: Option<Arc<Sandbox>>,
}

/// A cluster, and which of its results a command is about.
pub(crate) struct Reached {
    pub(crate) session: Session,
    /// The project and the target that the flags name; `None` where there is no project, or none of its targets is named.
    pub(crate) target: Option<(ProjectKey, TargetConfig)>,
    /// Keeps the sandbox open while the command runs.
    _sandbox: Option<Arc<Sandbox>>,
}

/// Connects the cluster without rendering anything: for commands about what was stored or is live.
///
/// With `need_target`, a target that cannot be selected is an error.
pub(crate) fn reach(running: &Running, flags: &OpenFlags, need_target: bool) -> Result<Reached, String> {
    let folder = opening::project_dir(&flags.project.dir).map_err(|problem| problem.to_string())?;
    let is_project = [".kluctl.yaml", ".kluctl.yml", "deployment.yaml", "deployment.yml"]
        .iter()
        .any(|name| folder.join(name).is_file());
    let named = flags.target.target.is_some() || flags.project.project_config.is_some();
    let (mut root, mut target) = (folder, None);
    if need_target || named || is_project {
        let (project, _, _) = open_project(running, flags, None)?;
        root = project.root().join(project.sub_dir());
        match opening::select(&project, &flags.target, None) {
            Ok(config) => target = Some((origin(running, &project).0, config)),
            Err(problems) if need_target || named => return Err(problems.to_string()),
            Err(_) => {}
        }
    }
    let context = target.as_ref().and_then(|(_, config)| config.context.clone());
    let context = context.or_else(|| flags.target.context.clone());
    let connected = connect_target(running, flags, &root, context)?;
    Ok(Reached {
        session: running.session(connected.cluster),
        target,
        _sandbox: connected.sandbox,
    })
}

/// What rendering may ask for. Secrets are opened with the service accounts of `cluster`, where there is one.
fn world(
    running: &Running,
    config: &TargetConfig,
    sources: Arc<dyn Sources>,
    reader: Option<Arc<dyn ClusterReader>>,
    cluster: Option<Cluster>,
) -> World {
    let handle = running.runtime.handle().clone();
    World {
        cluster: reader,
        sources,
        secrets: opening::secrets(
            Arc::new(move || Ok(handle.clone())),
            config,
            cluster,
            Arc::new(running.terminal.clone()),
        ),
        mask_key: mask_key::key(),
    }
}

/// Opens the project, connects the cluster and renders the target.
pub(crate) fn open(running: &Running, flags: &OpenFlags, choices: &OpenChoices) -> Result<Opened, String> {
    let start_time = now();
    let (project, args, sources) = open_project(running, flags, None)?;
    let config = opening::select(&project, &flags.target, choices.discriminator.as_deref());
    let mut config = config.map_err(|problems| problems.to_string())?;
    let keep_files = flags.render.render_output_dir.is_some();
    let options = opening::render_options(
        &choices.images,
        &flags.inclusion,
        None,
        keep_files,
        flags.project.sops_strict,
    );
    let options = options.map_err(|problems| problems.to_string())?;
    running.terminal.start("Initializing k8s client");
    let root = project.root().join(project.sub_dir());
    let connected = connect_target(running, flags, &root, config.context.clone());
    let end = if connected.is_ok() {
        StepEnd::Succeeded
    } else {
        StepEnd::Failed(None)
    };
    running.terminal.end("Initializing k8s client", end);
    let connected = connected?;
    if connected.cluster.is_some() && config.context.is_none() {
        config.context = Some(connected.context.clone());
    }
    running.go_on()?;
    let reader = connected.cluster.as_ref().map(|cluster| {
        let cluster = &cluster.with_stop(&running.stop);
        let reader: Arc<dyn ClusterReader> = Arc::new(Reader::new(cluster, running.runtime.handle()));
        reader
    });
    let world = world(running, &config, sources, reader, connected.cluster.clone());
    let rendered = render_target(running, &project, &config, &options, world)?;
    running.go_on()?;
    if let Some(folder) = &flags.render.render_output_dir {
        write_files(folder, &rendered).map_err(|problem| problem.to_string())?;
    }
    let head = head(
        running,
        flags,
        &project,
        &config,
        start_time,
        args,
        &options.images,
    );
    let cluster = connected
        .cluster
        .map(|cluster| cluster.with_dry_run(choices.read_only));
    Ok(Opened {
        target: Target::new(head, rendered),
        session: running.session(cluster),
        context: connected.context,
        _sandbox: connected.sandbox,
    })
}

type Project = (OpenProject, Map<String, Value>, Arc<dyn Sources>);

/// A project as it is on disk or in a revision.
pub(crate) struct State {
    pub(crate) project: OpenProject,
    args: Map<String, Value>,
    sources: Arc<dyn Sources>,
    start_time: String,
}

impl State {
    /// Opens it; `files` are all files of the repository where another state is wanted than what is on disk.
    pub(crate) fn open(
        running: &Running,
        flags: &OpenFlags,
        files: Option<Arc<Files>>,
    ) -> Result<Self, String> {
        let start_time = now();
        let (project, args, sources) = open_project(running, flags, files)?;
        Ok(Self {
            project,
            args,
            sources,
            start_time,
        })
    }

    /// The project as it is in a revision of its repository.
    pub(crate) fn at(running: &Running, flags: &OpenFlags, revision: &str) -> Result<Self, String> {
        let folder = opening::project_dir(&flags.project.dir).map_err(|problem| problem.to_string())?;
        let folder = folder
            .canonicalize_utf8()
            .map_err(|error| format!("{folder}: {error}"))?;
        let root = kluctl_project::repository_root(&folder).ok_or_else(|| {
            format!("{folder} lies in no git repository, and revisions such as `{revision}` are of one")
        })?;
        let snapshot =
            kluctl_source::git::local_snapshot(&root, revision).map_err(|error| error.to_string())?;
        Self::open(running, flags, Some(Arc::new(snapshot.files)))
    }

    /// Whether the project has a target; `None` is the one of a project without targets.
    pub(crate) fn has(&self, name: Option<&str>) -> bool {
        match name {
            Some(name) => {
                self.project.targets().iter().any(|target| target.name == name)
                    || self.project.failed_targets().any(|(failed, _)| failed == name)
            }
            None => self.project.targets().is_empty(),
        }
    }

    /// Renders a target against a cluster that is connected already, without showing the steps.
    pub(crate) fn target(
        &self,
        running: &Running,
        flags: &OpenFlags,
        choices: &OpenChoices,
        cluster: &Cluster,
        assumed: Arc<Assumed>,
    ) -> Result<Target, String> {
        let (config, options) = self
            .prepare(flags, choices, assumed)
            .map_err(|problems| problems.to_string())?;
        let rendered = self.render(running, &config, &options, cluster);
        let rendered = rendered.map_err(|problems| problems.to_string())?;
        if !rendered.errors.is_empty() {
            return Err(multi_error(&rendered.errors));
        }
        Ok(self.ready(running, flags, &config, &options, rendered))
    }

    /// A target's configuration, and how it is to be rendered.
    pub(crate) fn prepare(
        &self,
        flags: &OpenFlags,
        choices: &OpenChoices,
        assumed: Arc<Assumed>,
    ) -> Result<(TargetConfig, RenderOptions), Problems> {
        let config = opening::select(&self.project, &flags.target, choices.discriminator.as_deref())?;
        let options = opening::render_options(
            &choices.images,
            &flags.inclusion,
            choices.kubernetes_version.as_deref(),
            false,
            flags.project.sops_strict,
        )?;
        Ok((config, RenderOptions { assumed, ..options }))
    }

    /// Renders a target; what is wrong with single items is in its errors.
    pub(crate) fn render(
        &self,
        running: &Running,
        config: &TargetConfig,
        options: &RenderOptions,
        cluster: &Cluster,
    ) -> Result<Rendered, Problems> {
        let reader = Arc::new(Reader::new(cluster, running.runtime.handle()));
        let world = world(running, config, self.sources.clone(), Some(reader), None);
        render(&self.project, config, options, &world, &drop)
    }

    /// A rendered target with what results say about it.
    pub(crate) fn ready(
        &self,
        running: &Running,
        flags: &OpenFlags,
        config: &TargetConfig,
        options: &RenderOptions,
        rendered: Rendered,
    ) -> Target {
        let head = head(
            running,
            flags,
            &self.project,
            config,
            self.start_time.clone(),
            self.args.clone(),
            &options.images,
        );
        Target::new(head, rendered)
    }
}

/// The time as results write it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Opens the project with its arguments and sources; `files` stand in for what is on disk.
fn open_project(running: &Running, flags: &OpenFlags, files: Option<Arc<Files>>) -> Result<Project, String> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let home = environment.get("HOME").map(Utf8PathBuf::from);
    let options = sources::resolve(
        &flags.git,
        &flags.helm,
        &flags.registry,
        &flags.mirrors,
        &environment,
        home.as_deref(),
    )?;
    let mut options = sources::with_project(options, &flags.project)?;
    options.person = Arc::new(running.terminal.clone());
    let sources: Arc<dyn Sources> = Arc::new(LazySources::new(options, Arc::new(LazyRuntime::default())));
    let opened = opening::open_state(&flags.project, &flags.args, files, sources.clone());
    let (project, args, warnings) = opened.map_err(|problems| problems.to_string())?;
    for warning in warnings.iter().chain(&opening::failed_targets(&project)) {
        running.terminal.warning(warning);
    }
    Ok((project, args, sources))
}

/// Opens the sandbox or the target's context.
fn connect_target(
    running: &Running,
    flags: &OpenFlags,
    project: &Utf8Path,
    context: Option<String>,
) -> Result<Connected, String> {
    let cache = cache_dir();
    let context = context.filter(|name| !name.is_empty());
    if let Some(store) = sandbox_store(&flags.sandbox, project, context.as_deref()) {
        let _runtime = running.runtime.enter();
        let sandbox = open_store(store)?;
        return Ok(Connected {
            cluster: Some(Cluster::new(sandbox.service(), flags.requests.limits())),
            context: context.unwrap_or_else(|| "default".to_owned()),
            sandbox: Some(sandbox),
        });
    }
    let options = ConnectOptions {
        kubeconfig: flags.kubeconfig.kubeconfig.clone().map(PathBuf::from),
        context,
        cache: Some(cache.into_std_path_buf()),
        limits: flags.requests.limits(),
    };
    match running.runtime.block_on(connect(&options)) {
        Ok(connected) => Ok(Connected {
            cluster: Some(connected.cluster),
            context: connected.context,
            sandbox: None,
        }),
        Err(ConnectError::NoKubeconfig) => {
            running.terminal.warning(
                "No valid KUBECONFIG provided, which means the Kubernetes client is not available. Depending on your \
                 deployment project, this might cause follow-up errors.",
            );
            Ok(Connected {
                cluster: None,
                context: String::new(),
                sandbox: None,
            })
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The folder of the sandbox that flags ask for; none where they ask for a cluster.
pub(crate) fn sandbox_store(
    flags: &SandboxFlags,
    project: &Utf8Path,
    context: Option<&str>,
) -> Option<PathBuf> {
    let folder = flags.sandbox.as_ref()?;
    Some(if folder.as_str().is_empty() {
        let context = context.unwrap_or("default");
        store_folder(cache_dir().as_std_path(), project.as_std_path(), context)
    } else {
        folder.clone().into_std_path_buf()
    })
}

/// Opens the sandbox in a folder. There must be a runtime around it.
pub(crate) fn open_store(folder: PathBuf) -> Result<Arc<Sandbox>, String> {
    let options = kluctl_sandbox::Options {
        directory: Some(folder),
        kubernetes_version: None,
        controllers: true,
    };
    Sandbox::open(options).map_err(|error| error.to_string())
}

/// Renders, and shows each stage as upstream does.
fn render_target(
    running: &Running,
    project: &OpenProject,
    target: &TargetConfig,
    options: &RenderOptions,
    world: World,
) -> Result<Rendered, String> {
    let rendered = opening::in_stages(&running.terminal, |on_stage| {
        render(project, target, options, &world, on_stage)
    });
    let rendered = rendered.map_err(|problems| problems.to_string())?;
    if !rendered.errors.is_empty() {
        return Err(multi_error(&rendered.errors));
    }
    Ok(rendered)
}

/// Several errors as one text.
///
/// Source: hashicorp/go-multierror `format.go`.
pub(crate) fn multi_error(errors: &[kluctl_project::Problem]) -> String {
    let noun = if errors.len() == 1 {
        "1 error occurred:".to_owned()
    } else {
        format!("{} errors occurred:", errors.len())
    };
    let lines: Vec<String> = errors.iter().map(|error| format!("\n\t* {error}")).collect();
    format!("{noun}{}\n\n", lines.concat())
}

/// Where the project comes from, as results tell it.
fn origin(running: &Running, project: &OpenProject) -> (ProjectKey, GitInfo) {
    let sub_dir = project.sub_dir().as_str();
    git_info(project.root(), sub_dir).unwrap_or_else(|error| {
        // A result without it is better than none.
        running
            .terminal
            .warning(&format!("Failed to read the Git repository: {error}"));
        let sub_dir = sub_dir.to_owned();
        (
            ProjectKey {
                sub_dir: sub_dir.clone(),
                ..ProjectKey::default()
            },
            GitInfo {
                sub_dir,
                ..GitInfo::default()
            },
        )
    })
}

/// What every result says about the project and the call.
fn head(
    running: &Running,
    flags: &OpenFlags,
    project: &OpenProject,
    target: &TargetConfig,
    start_time: String,
    args: Map<String, Value>,
    images: &[FixedImage],
) -> Head {
    let (project_key, git_info) = origin(running, project);
    Head {
        project_key,
        git_info,
        target_name: target.name.clone(),
        target: serde_json::to_value(target).unwrap_or_default(),
        command: CommandInfo {
            start_time: Some(start_time),
            target: flags.target.target.clone().unwrap_or_default(),
            target_name_override: flags.target.target_name_override.clone().unwrap_or_default(),
            context_override: flags.target.context.clone().unwrap_or_default(),
            args: Some(Value::Object(args)),
            images: target
                .images
                .iter()
                .chain(images)
                .filter_map(|image| serde_json::to_value(image).ok())
                .collect(),
            include_tags: flags.inclusion.include_tag.clone(),
            exclude_tags: flags.inclusion.exclude_tag.clone(),
            include_deployment_dirs: flags.inclusion.include_deployment_dir.clone(),
            exclude_deployment_dirs: flags.inclusion.exclude_deployment_dir.clone(),
            ..CommandInfo::default()
        },
    }
}
