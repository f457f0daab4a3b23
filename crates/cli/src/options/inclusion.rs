//! `--include-tag` and its company: which items of a target are looked at.

use clap::Args;

/// Tags and directories to include and to leave out.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Inclusion/Exclusion arguments")]
pub(crate) struct InclusionFlags {
    /// Include deployments with given tag.
    #[arg(long, short = 'I', value_name = "stringArray")]
    pub(crate) include_tag: Vec<String>,

    /// Exclude deployments with given tag. Exclusion has precedence over inclusion
    #[arg(long, short = 'E', value_name = "stringArray")]
    pub(crate) exclude_tag: Vec<String>,

    /// Include deployment dir. The path must be relative to the root deployment project.
    #[arg(long, value_name = "stringArray")]
    pub(crate) include_deployment_dir: Vec<String>,

    /// Exclude deployment dir. The path must be relative to the root deployment project. Exclusion has precedence over inclusion
    #[arg(long, value_name = "stringArray")]
    pub(crate) exclude_deployment_dir: Vec<String>,
}
