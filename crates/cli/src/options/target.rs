//! `--target` and its company: which target of the project, in which cluster.

use camino::Utf8PathBuf;
use clap::Args;

use super::{project::HEADING, values};

/// Which target, and the name of the kubeconfig's context.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct TargetFlags {
    /// Target name to run command for. Target must exist in .kluctl.yaml.
    #[arg(long, short = 't', value_name = "string")]
    pub(crate) target: Option<String>,

    /// Overrides the target name
    ///
    /// If -t is used at the same time, then the target will be looked up based on -t <name> and then renamed to the value of
    /// -T. If no target is specified via -t, then the no-name target is renamed to the value of -T.
    #[arg(long, short = 'T', value_name = "string")]
    pub(crate) target_name_override: Option<String>,

    /// Overrides the context name specified in the target
    ///
    /// If the selected target does not specify a context or the no-name target is used, --context will override the
    /// currently active context.
    #[arg(long, value_name = "string")]
    pub(crate) context: Option<String>,
}

/// Which kubeconfig.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct KubeconfigFlags {
    /// Overrides the kubeconfig to use.
    #[arg(long, value_name = "existingfile", value_parser = values::existing_file)]
    pub(crate) kubeconfig: Option<Utf8PathBuf>,
}

/// Working without a cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = super::output::MISC)]
pub(crate) struct OfflineKubernetesFlags {
    /// Run command in offline mode, meaning that it will not try to connect the target cluster
    #[arg(long)]
    pub(crate) offline_kubernetes: bool,

    /// Specify the Kubernetes version that will be assumed. This will also override the kubeVersion used when rendering Helm Charts.
    #[arg(long, value_name = "string")]
    pub(crate) kubernetes_version: Option<String>,
}
