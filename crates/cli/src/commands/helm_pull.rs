//! `kluctl helm-pull` and what it shares with `kluctl helm-update`.

use std::process::ExitCode;

use camino::Utf8PathBuf;
use kluctl_commands::helm_charts::{self, ChartEvent};
use kluctl_commands::sources::RemoteSources;
use kluctl_source::Cache;

use crate::lazy_sources::cache_dir;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::global::is_colorless;
use crate::options::sources::{self, MirrorFlags};
use crate::options::values;
use crate::terminal::Terminal;

/// Recursively searches for 'helm-chart.yaml' files and pre-pulls the specified Helm charts
///
/// Kluctl requires Helm Charts to be pre-pulled by default, which is handled by this command. It will collect
/// all required Charts and versions and pre-pull them into .helm-charts. To disable pre-pulling for individual charts,
/// set 'skipPrePull: true' in helm-chart.yaml.
#[derive(Debug, clap::Args)]
pub(crate) struct HelmPullArgs {
    #[command(flatten)]
    pub(crate) project: ChartProject,
}

/// The flags that say which charts are meant and how to fetch them.
#[derive(Debug, clap::Args)]
pub(crate) struct ChartProject {
    /// Specify the project directory. Defaults to the current working directory.
    #[arg(long, value_name = "existingdir", value_parser = values::existing_dir)]
    pub(crate) project_dir: Option<Utf8PathBuf>,
    #[command(flatten)]
    git: GitCredentials,
    #[command(flatten)]
    helm: HelmCredentials,
    #[command(flatten)]
    registry: RegistryCredentials,
    #[command(flatten)]
    mirrors: MirrorFlags,
}

impl ChartProject {
    /// The project's folder.
    pub(crate) fn folder(&self) -> Utf8PathBuf {
        self.project_dir.clone().unwrap_or_else(|| Utf8PathBuf::from("."))
    }

    /// Clients for all sources. The runtime must live as long as they do.
    pub(crate) fn sources(&self, runtime: &tokio::runtime::Runtime) -> Result<RemoteSources, String> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = home();
        let no_color = is_colorless();
        let mut options = sources::resolve(
            &self.git,
            &self.helm,
            &self.registry,
            &self.mirrors,
            &environment,
            home.as_deref(),
        )?;
        options.person = std::sync::Arc::new(Terminal::new(no_color, false));
        RemoteSources::new(runtime.handle().clone(), Cache::new(cache_dir()), options)
            .map_err(|error| error.to_string())
    }
}

/// The person's home folder.
fn home() -> Option<Utf8PathBuf> {
    std::env::var("HOME")
        .ok()
        .filter(|home| !home.is_empty())
        .map(Utf8PathBuf::from)
}

/// Prints what happens to charts, as upstream does.
pub(crate) fn tell(event: ChartEvent) {
    match event {
        ChartEvent::Pulling { chart, version } => {
            anstream::eprintln!("{chart}: Pulling Chart with version {version}");
        }
        ChartEvent::Removed { folder } => anstream::eprintln!("Removing unused Chart {folder}"),
        ChartEvent::Querying { chart } => anstream::eprintln!("{chart}: Querying versions"),
    }
}

/// Pulls all charts again and removes those that nobody names any more.
pub(crate) fn run(args: &HelmPullArgs) -> ExitCode {
    let pulled = tokio::runtime::Runtime::new()
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let sources = args.project.sources(&runtime)?;
            helm_charts::pull(&args.project.folder(), &sources, true, &mut tell)
                .map_err(|error| error.to_string())
        });
    match pulled {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
