//! What `render` and `list-images` share: their flags, and how they render.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_cluster::{Cluster, ConnectError, ConnectOptions, Limits, connect};
use kluctl_commands::sources::SourceOptions;
use kluctl_commands::{Reader, StepEnd};
use kluctl_project::config::TargetConfig;
use kluctl_project::outside::{ClusterReader, Sources};
use kluctl_project::{OpenProject, Problem, Problems, RenderOptions, Rendered, TraceRequest, World};
use tokio::runtime::Handle;

use crate::lazy_sources::{LazyRuntime, LazySources, cache_dir};

use crate::mask_key;
use crate::opened::{open_store, sandbox_store};
use crate::opening;
use crate::options::args::ArgsFlags;
use crate::options::cluster::SandboxFlags;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::project::ProjectFlags;
use crate::options::sources::{self, MirrorFlags};
use crate::options::target::{KubeconfigFlags, OfflineKubernetesFlags, TargetFlags};
use crate::terminal::Terminal;

/// Flags of commands that render and change nothing.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RenderingFlags {
    #[command(flatten)]
    pub(super) project: ProjectFlags,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    #[command(flatten)]
    sandbox: SandboxFlags,

    #[command(flatten)]
    target: TargetFlags,

    #[command(flatten)]
    args: ArgsFlags,

    #[command(flatten)]
    images: ImageFlags,

    #[command(flatten)]
    inclusion: InclusionFlags,

    #[command(flatten)]
    git: GitCredentials,

    #[command(flatten)]
    helm: HelmCredentials,

    #[command(flatten)]
    registry: RegistryCredentials,

    #[command(flatten)]
    mirrors: MirrorFlags,

    #[command(flatten)]
    offline: OfflineKubernetesFlags,
}

impl RenderingFlags {
    /// The same for the project that a file is in: unless a folder is given or the current one has a project, it is the
    /// nearest one above the file that has a `.kluctl.yaml`.
    pub(super) fn near(mut self, file: Option<&Utf8Path>) -> Result<Self, Problem> {
        let holds = |folder: &Utf8Path, stem: &str| {
            ["yaml", "yml"]
                .iter()
                .any(|ending| folder.join(format!("{stem}.{ending}")).is_file())
        };
        let here = || opening::project_dir(&self.project.dir).ok();
        let found = self.project.dir.project_dir.is_some()
            || here().is_some_and(|folder| holds(&folder, ".kluctl") || holds(&folder, "deployment"));
        if !found {
            let mut folders = file.into_iter().flat_map(|file| file.ancestors().skip(1));
            let folder = folders.find(|folder| holds(folder, ".kluctl"));
            let missing = || {
                Problem::new("there is no project here: no .kluctl.yaml and no deployment.yaml").hint(
                    "pass --project-dir, or --vars FILE to render with variables of your own instead of a project's",
                )
            };
            self.project.dir.project_dir = Some(folder.ok_or_else(missing)?.to_owned());
        }
        Ok(self)
    }
}

/// A target that is about to be rendered.
pub(super) struct Prepared {
    pub(super) project: OpenProject,
    pub(super) target: TargetConfig,
    pub(super) options: RenderOptions,
    pub(super) world: World,
    /// Threads that `world` works on.
    _runtime: Arc<LazyRuntime>,
}

/// Opens the project, selects the target and connects its cluster.
pub(super) fn prepare(
    flags: &RenderingFlags,
    keep_files: bool,
    terminal: &Terminal,
) -> Result<Prepared, Problems> {
    let runtime = Arc::new(LazyRuntime::default());
    let sources: Arc<dyn Sources> = Arc::new(LazySources::new(
        source_options(flags, terminal)?,
        runtime.clone(),
    ));
    let (project, _args, warnings) = opening::open(&flags.project, &flags.args, sources.clone())?;
    show_warnings(terminal, &warnings);
    show_warnings(terminal, &opening::failed_targets(&project));
    let mut target = opening::select(&project, &flags.target, None)?;
    let version = flags.offline.kubernetes_version.as_deref();
    let options = opening::render_options(
        &flags.images,
        &flags.inclusion,
        version,
        keep_files,
        flags.project.sops_strict,
    )?;
    let connected = if flags.offline.offline_kubernetes {
        None
    } else {
        let root = project.root().join(project.sub_dir());
        connected(flags, &root, target.context.as_deref(), &runtime, terminal)?
    };
    target.context = Some(
        connected
            .as_ref()
            .map(|(_, _, context)| context.clone())
            .unwrap_or_default(),
    );
    let cluster = connected.as_ref().map(|(cluster, ..)| cluster.clone());
    let secrets = opening::secrets(
        Arc::new({
            let runtime = runtime.clone();
            move || runtime.handle()
        }),
        &target,
        cluster,
        Arc::new(terminal.clone()),
    );
    let reader = connected.map(|(cluster, handle, _)| {
        let reader: Arc<dyn ClusterReader> = Arc::new(Reader::new(&cluster, &handle));
        reader
    });
    let world = World {
        cluster: reader,
        sources,
        secrets,
        mask_key: mask_key::key(),
    };
    Ok(Prepared {
        project,
        target,
        options,
        world,
        _runtime: runtime,
    })
}

/// Renders what the flags ask for. Anything that is wrong with any item is an error.
pub(super) fn render(
    flags: &RenderingFlags,
    keep_files: bool,
    trace: Option<TraceRequest>,
    terminal: &Terminal,
) -> Result<Rendered, Problems> {
    let mut prepared = prepare(flags, keep_files, terminal)?;
    prepared.options.trace = trace;
    let rendered = opening::in_stages(terminal, |on_stage| {
        kluctl_project::render(
            &prepared.project,
            &prepared.target,
            &prepared.options,
            &prepared.world,
            on_stage,
        )
    })?;
    if rendered.errors.is_empty() {
        Ok(rendered)
    } else {
        Err(rendered.errors.into())
    }
}

fn source_options(flags: &RenderingFlags, terminal: &Terminal) -> Result<SourceOptions, Problem> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let home = environment.get("HOME").map(Utf8PathBuf::from);
    let options = sources::resolve(
        &flags.git,
        &flags.helm,
        &flags.registry,
        &flags.mirrors,
        &environment,
        home.as_deref(),
    );
    let options = options.and_then(|options| sources::with_project(options, &flags.project));
    let mut options = options.map_err(Problem::new)?;
    options.person = Arc::new(terminal.clone());
    Ok(options)
}

/// The cluster to read, the threads that talk to it, and the name of its context; none without a kubeconfig.
fn connected(
    flags: &RenderingFlags,
    project: &Utf8Path,
    context: Option<&str>,
    runtime: &LazyRuntime,
    terminal: &Terminal,
) -> Result<Option<(Cluster, Handle, String)>, Problem> {
    let step = "Initializing k8s client";
    terminal.start(step);
    let found = connect_to(flags, project, context, runtime);
    let end = match &found {
        Ok(_) => StepEnd::Succeeded,
        Err(_) => StepEnd::Failed(None),
    };
    terminal.end(step, end);
    if let Ok(None) = &found {
        terminal.warning(
            "No valid KUBECONFIG provided, which means the Kubernetes client is not available. Depending on your \
             deployment project, this might cause follow-up errors.",
        );
    }
    found
}

fn connect_to(
    flags: &RenderingFlags,
    project: &Utf8Path,
    context: Option<&str>,
    runtime: &LazyRuntime,
) -> Result<Option<(Cluster, Handle, String)>, Problem> {
    let handle = runtime.handle().map_err(Problem::new)?;
    let context = context.filter(|name| !name.is_empty());
    if let Some(store) = sandbox_store(&flags.sandbox, project, context) {
        let _runtime = handle.enter();
        let sandbox = open_store(store).map_err(Problem::new)?;
        let cluster = Cluster::new(sandbox.service(), Limits::default());
        return Ok(Some((cluster, handle, context.unwrap_or("default").to_owned())));
    }
    let options = ConnectOptions {
        kubeconfig: flags.kubeconfig.kubeconfig.clone().map(Into::into),
        context: context.map(str::to_owned),
        cache: Some(cache_dir().into()),
        limits: Limits::default(),
    };
    match handle.block_on(connect(&options)) {
        Ok(connected) => Ok(Some((connected.cluster, handle, connected.context))),
        Err(ConnectError::NoKubeconfig) => Ok(None),
        Err(error) => {
            Err(Problem::new(error.to_string()).hint("pass --offline-kubernetes to render without a cluster"))
        }
    }
}

/// Shows warnings as lines of their own.
pub(super) fn show_warnings(terminal: &Terminal, warnings: &[String]) {
    for warning in warnings {
        terminal.warning(warning);
    }
}

/// Shows what went wrong, if anything did, and gives the exit code.
pub(super) fn report(terminal: &Terminal, result: Result<(), Problems>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            terminal.error(&problems.to_string());
            ExitCode::FAILURE
        }
    }
}
