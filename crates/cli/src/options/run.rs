//! How a command that changes the cluster goes about it: questions, dry run, errors, waiting, stored results.

use std::time::Duration;

use clap::Args;
use kluctl_commands::DiffOptions;

use super::{output::MISC, values};

/// Heading of flags about stored results.
pub(crate) const RESULTS: &str = "Command Results";

/// `--yes`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct YesFlags {
    /// Suppresses 'Are you sure?' questions and proceeds as if you would answer 'yes'.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// `--dry-run`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct DryRunFlags {
    /// Performs all kubernetes API calls in dry-run mode.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `--force-apply`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct ForceApplyFlags {
    /// Force conflict resolution when applying. See documentation for details
    #[arg(long)]
    pub(crate) force_apply: bool,
}

/// `--replace-on-error` and `--force-replace-on-error`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct ReplaceOnErrorFlags {
    /// When patching an object fails, try to replace it. See documentation for more details.
    #[arg(long)]
    pub(crate) replace_on_error: bool,

    /// Same as --replace-on-error, but also try to delete and re-create objects. See documentation for more details.
    #[arg(long)]
    pub(crate) force_replace_on_error: bool,
}

/// `--abort-on-error`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct AbortOnErrorFlags {
    /// Abort deploying when an error occurs instead of trying the remaining deployments
    #[arg(long)]
    pub(crate) abort_on_error: bool,
}

/// `--readiness-timeout`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct ReadinessFlags {
    /// Maximum time to wait for object readiness, per object, in the duration format (1s, 1m, 1h, ...)
    #[arg(long, value_name = "duration", default_value = "5m", value_parser = values::duration)]
    pub(crate) readiness_timeout: Duration,
}

/// What a diff leaves out.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct IgnoreFlags {
    /// Ignores changes in tags when diffing
    #[arg(long)]
    pub(crate) ignore_tags: bool,

    /// Ignores changes in labels when diffing
    #[arg(long)]
    pub(crate) ignore_labels: bool,

    /// Ignores changes in annotations when diffing
    #[arg(long)]
    pub(crate) ignore_annotations: bool,

    /// Ignores changes in Kluctl related metadata (e.g. tags, discriminators, ...)
    #[arg(long)]
    pub(crate) ignore_kluctl_metadata: bool,
}

impl IgnoreFlags {
    /// What the flags mean.
    pub(crate) fn options(&self) -> DiffOptions {
        DiffOptions {
            ignore_tags: self.ignore_tags,
            ignore_labels: self.ignore_labels,
            ignore_annotations: self.ignore_annotations,
            ignore_kluctl_metadata: self.ignore_kluctl_metadata,
        }
    }
}

/// Where and how command results are stored in the cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = RESULTS)]
pub(crate) struct CommandResultFlags {
    /// Override the namespace to be used when writing command results.
    #[arg(long, value_name = "string", default_value = "kluctl-results")]
    pub(crate) command_result_namespace: String,

    /// Enable writing of command results into the cluster. This is enabled by default.
    #[arg(
        long,
        value_name = "bool",
        default_value = "true",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        value_parser = values::boolean,
    )]
    pub(crate) write_command_result: bool,

    /// Force writing of command results, even if the command is run in dry-run mode.
    #[arg(long)]
    pub(crate) force_write_command_result: bool,

    /// Configure how many old command results to keep.
    #[arg(long, value_name = "int", default_value_t = 5, value_parser = values::count)]
    pub(crate) keep_command_results_count: usize,

    /// Configure how many old validate results to keep.
    #[arg(long, value_name = "int", default_value_t = 2, value_parser = values::count)]
    pub(crate) keep_validate_results_count: usize,
}
