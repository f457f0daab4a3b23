//! `kluctl cache`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kluctl_source::{Cache, prune_cache};

use crate::lazy_sources::cache_dir;
use crate::options::output::MISC;
use crate::options::values;

/// Work with what is kept between runs: mirrors of Git repositories, charts, artifacts
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    Prune(PruneArgs),
}

/// Remove what was not used for the longest time, until the cache is small enough
///
/// The cache is $KLUCTL_CACHE_DIR, or else the folder `kluctl` in the system's folder for caches. Whatever is removed is
/// fetched again when it is needed.
#[derive(Debug, Args)]
struct PruneArgs {
    /// How large the cache may stay, in bytes or with a unit, e.g. 500MiB or 0.
    #[arg(long, value_name = "size", default_value = "5GiB", value_parser = values::size, help_heading = MISC)]
    max_size: u64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &CacheArgs) -> ExitCode {
    let CacheCommand::Prune(PruneArgs { max_size }) = &args.command;
    let folder = cache_dir();
    match prune_cache(&Cache::new(&folder), *max_size) {
        Ok(pruned) => {
            for path in &pruned.removed {
                drop(writeln!(std::io::stderr(), "Removed {path}"));
            }
            let (freed, left) = (values::show_size(pruned.freed), values::show_size(pruned.left));
            drop(writeln!(
                std::io::stderr(),
                "Freed {freed} in {folder}, {left} are left"
            ));
            ExitCode::SUCCESS
        }
        Err(error) => crate::fail(&error.to_string()),
    }
}
