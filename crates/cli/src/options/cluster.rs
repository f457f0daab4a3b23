//! Which server answers, and how hard it is asked: the embedded sandbox, and limits on requests.

use camino::Utf8PathBuf;
use clap::Args;
use kluctl_cluster::Limits;

use super::output::MISC;

/// The embedded sandbox instead of a cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = super::project::HEADING)]
pub(crate) struct SandboxFlags {
    /// Use the embedded sandbox instead of a cluster
    ///
    /// The sandbox is an API server inside of kluctl. It keeps its state in the cache folder, one store per project and
    /// context, or in the directory given as `--sandbox=<dir>`.
    #[arg(long, value_name = "dir", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) sandbox: Option<Utf8PathBuf>,
}

/// Limits on requests to the cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct RequestFlags {
    /// Maximum number of requests to the cluster at the same time
    #[arg(long, value_name = "int", default_value_t = 32)]
    pub(crate) max_requests_in_flight: usize,

    /// Maximum number of requests to the cluster per second, 0 for no limit
    #[arg(long, value_name = "float", default_value_t = 400.0)]
    pub(crate) max_requests_per_second: f64,
}

impl RequestFlags {
    /// As the cluster takes them.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            in_flight: self.max_requests_in_flight,
            per_second: self.max_requests_per_second,
            burst: self.max_requests_per_second * 2.0,
            ..Limits::default()
        }
    }
}
