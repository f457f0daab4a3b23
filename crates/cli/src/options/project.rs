//! `--project-dir` and its company: where the project is and how long everything may take.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;

use super::values;

/// Heading of the flags that say what is loaded from where.
pub(crate) const HEADING: &str = "Project arguments";

/// Where the project is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct ProjectDirFlags {
    /// Specify the project directory. Defaults to the current working directory.
    #[arg(long, value_name = "existingdir", value_parser = values::existing_dir)]
    pub(crate) project_dir: Option<Utf8PathBuf>,
}

/// Where the project is and what it is loaded with.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct ProjectFlags {
    #[command(flatten)]
    pub(crate) dir: ProjectDirFlags,

    #[command(flatten)]
    pub(crate) overrides: SourceOverrideFlags,

    /// Location of the .kluctl.yaml config file. Defaults to $PROJECT/.kluctl.yaml
    #[arg(long, short = 'c', value_name = "existingfile", value_parser = values::existing_file)]
    pub(crate) project_config: Option<Utf8PathBuf>,

    /// Fail when the checksum of a file that SOPS encrypted does not match, instead of warning
    #[arg(long)]
    pub(crate) sops_strict: bool,

    /// Specify timeout for all operations, including loading of the project, all external api calls and waiting for readiness.
    #[arg(long, value_name = "duration", default_value = "10m", value_parser = values::duration)]
    pub(crate) timeout: Duration,

    /// Specify the time to wait between git cache updates. Defaults to not wait at all and always updating caches.
    #[arg(long, value_name = "duration", default_value = "0", value_parser = values::duration, hide_default_value = true)]
    pub(crate) git_cache_update_interval: Duration,
}

/// Local directories that stand in for repositories.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct SourceOverrideFlags {
    /// Use a local directory instead of a git repository, in the form 'github.com/my-org/my-repo=/local/path/to/override'
    ///
    /// Useful to test changes in other repositories without pushing them. Repositories are named '<host>/<path>', without
    /// a scheme.
    #[arg(long, value_name = "stringArray")]
    pub(crate) local_git_override: Vec<String>,

    /// Same as --local-git-override, but for all repositories below a prefix
    ///
    /// 'gitlab.com/some-org/sub-org=/local/path' stands in for every repository below 'gitlab.com/some-org/sub-org/' that
    /// exists below the local path; the others are fetched as usual.
    #[arg(long, value_name = "stringArray")]
    pub(crate) local_git_group_override: Vec<String>,

    /// Same as --local-git-override, but for OCI repositories.
    #[arg(long, value_name = "stringArray")]
    pub(crate) local_oci_override: Vec<String>,

    /// Same as --local-git-group-override, but for OCI repositories.
    #[arg(long, value_name = "stringArray")]
    pub(crate) local_oci_group_override: Vec<String>,
}
