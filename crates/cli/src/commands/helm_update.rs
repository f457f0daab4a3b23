//! `kluctl helm-update`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use kluctl_commands::helm_charts::{self, Update};

use super::helm_pull::{ChartProject, tell};
use crate::terminal::Terminal;

/// Recursively searches for 'helm-chart.yaml' files and checks for new available versions
///
/// Optionally performs the actual upgrade and/or add a commit to version control.
#[derive(Debug, clap::Args)]
pub(crate) struct HelmUpdateArgs {
    #[command(flatten)]
    project: ChartProject,

    /// Write new versions into helm-chart.yaml and perform helm-pull afterwards
    #[arg(long, help_heading = "Misc arguments")]
    upgrade: bool,

    /// Create a git commit for every updated chart
    #[arg(long, help_heading = "Misc arguments")]
    commit: bool,

    /// Ask for every Helm Chart if it should be upgraded.
    #[arg(long, short = 'i', help_heading = "Misc arguments")]
    interactive: bool,
}

/// Names newer versions, and with `--upgrade` writes them into the files and pulls the charts.
pub(crate) fn run(args: &HelmUpdateArgs) -> ExitCode {
    match update(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn update(args: &HelmUpdateArgs) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let sources = args.project.sources(&runtime)?;
    let terminal = Terminal::new(false, false);
    let folder = args.project.folder();
    if args.commit {
        helm_charts::check_committable(&folder, &sources).map_err(|error| error.to_string())?;
    }
    let updates = helm_charts::updates(&folder, &sources, &mut tell).map_err(|error| error.to_string())?;
    // Releases with the same chart and versions are one upgrade.
    let mut upgrades: BTreeMap<_, Vec<&Update>> = BTreeMap::new();
    for update in &updates {
        let place = update.file.folder();
        let Update { old, new, .. } = update;
        let chart = update.file.chart.name();
        if update.file.chart.skip_update {
            anstream::eprintln!("{place}: Skipped update to version {new}");
            continue;
        }
        anstream::eprintln!("{place}: Chart {chart} (old version {old}) has new version {new} available");
        if !args.upgrade {
            continue;
        }
        let question = format!("{place}: Do you want to upgrade Chart {chart} to version {new}?");
        if args.interactive && !terminal.confirm(&question) {
            continue;
        }
        let key = (update.file.chart.repo.as_str(), chart, old, new);
        upgrades.entry(key).or_default().push(update);
    }
    for ((_, chart, old, new), updates) in &upgrades {
        for update in updates {
            helm_charts::upgrade(&folder, update).map_err(|error| error.to_string())?;
            anstream::eprintln!("{}: Updated Chart version to {new}", update.file.folder());
        }
        anstream::eprintln!("Upgrading Chart {chart} from version {old} to {new}");
        helm_charts::pull(&folder, &sources, false, &mut tell).map_err(|error| error.to_string())?;
        if args.commit {
            helm_charts::commit(&folder, updates).map_err(|error| error.to_string())?;
            anstream::eprintln!("Committed helm chart {chart} with version {new}");
        }
    }
    Ok(())
}
