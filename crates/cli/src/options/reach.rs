//! Flags of commands that reach a cluster without rendering a project: what was stored there, and what became of it.

use clap::Args;

use super::args::ArgsFlags;
use super::cluster::{RequestFlags, SandboxFlags};
use super::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use super::project::ProjectFlags;
use super::sources::MirrorFlags;
use super::target::{KubeconfigFlags, TargetFlags};
use crate::opened::OpenFlags;

/// How to reach a cluster.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReachFlags {
    #[command(flatten)]
    pub(crate) project: ProjectFlags,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    kubeconfig: KubeconfigFlags,
    #[command(flatten)]
    sandbox: SandboxFlags,
    #[command(flatten)]
    args: ArgsFlags,
    #[command(flatten)]
    requests: RequestFlags,
    #[command(flatten)]
    git: GitCredentials,
    #[command(flatten)]
    helm: HelmCredentials,
    #[command(flatten)]
    registry: RegistryCredentials,
    #[command(flatten)]
    mirrors: MirrorFlags,
}

impl ReachFlags {
    /// The same among the flags of commands that render.
    pub(crate) fn to_open_flags(&self) -> OpenFlags {
        OpenFlags {
            project: self.project.clone(),
            target: self.target.clone(),
            kubeconfig: self.kubeconfig.clone(),
            sandbox: self.sandbox.clone(),
            args: self.args.clone(),
            requests: self.requests.clone(),
            git: self.git.clone(),
            helm: self.helm.clone(),
            registry: self.registry.clone(),
            mirrors: self.mirrors.clone(),
            ..OpenFlags::default()
        }
    }
}

/// Where results are stored.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = super::run::RESULTS)]
pub(crate) struct ResultNamespaceFlags {
    /// Override the namespace to be used when reading command results.
    #[arg(long, value_name = "string", default_value = "kluctl-results")]
    pub(crate) command_result_namespace: String,
}

/// How a list or a comparison is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = super::output::MISC)]
pub(crate) struct FormatFlags {
    /// Specify output format (text, yaml or json) and target file, in the format 'format=path'. Can be specified multiple times
    #[arg(long, short = 'o', value_name = "stringArray")]
    pub(crate) output_format: Vec<String>,
}
