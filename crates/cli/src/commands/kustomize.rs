//! `kluctl kustomize build`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use camino::Utf8Path;
use kluctl_kustomize::{DiskFiles, Helm, LoadRestrictor, Options, Reorder};
use kluctl_project::render::KustomizeRemote;

use super::kustomize_charts::Charts;
use crate::lazy_sources::LazySources;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::sources::{self, MirrorFlags};

/// Work with kustomizations
#[derive(Debug, clap::Args)]
pub(crate) struct KustomizeArgs {
    #[command(subcommand)]
    command: KustomizeCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KustomizeCommand {
    /// Build a kustomization target from a directory or URL
    Build(BuildArgs),
}

/// Build a kustomization target from a directory or URL
///
/// Prints the objects of a kustomization, as `kustomize build` does.
#[derive(Debug, clap::Args)]
struct BuildArgs {
    /// Folder of the kustomization, or URL of a git repository [default: .]
    dir: Vec<String>,
    /// If specified, write output to this path
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// If set to 'LoadRestrictionsNone', local kustomizations may load files from outside their root
    #[arg(long, default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: String,
    /// Reorder the resources just before output: 'legacy' or 'none'
    #[arg(long)]
    reorder: Option<String>,
    /// Add the label app.kubernetes.io/managed-by to all objects
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    enable_managedby_label: bool,
    #[command(flatten)]
    helm: HelmArgs,
    #[command(flatten)]
    access: Box<AccessArgs>,
    #[command(flatten)]
    refused: RefusedArgs,
}

/// How servers with bases and charts are spoken to.
#[derive(Debug, clap::Args)]
struct AccessArgs {
    #[command(flatten)]
    git: GitCredentials,
    #[command(flatten)]
    helm: HelmCredentials,
    #[command(flatten)]
    registry: RegistryCredentials,
    #[command(flatten)]
    mirrors: MirrorFlags,
}

impl AccessArgs {
    /// Sources that cost nothing until one is asked.
    fn sources(&self) -> Result<Arc<LazySources>, String> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = std::env::var("HOME").ok().filter(|home| !home.is_empty());
        let options = sources::resolve(
            &self.git,
            &self.helm,
            &self.registry,
            &self.mirrors,
            &environment,
            home.as_deref().map(Utf8Path::new),
        )?;
        Ok(Arc::new(LazySources::new(options, Arc::default())))
    }
}

#[derive(Debug, clap::Args)]
struct HelmArgs {
    /// Enable use of the Helm chart inflator generator
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    enable_helm: bool,
    /// Accepted and not used: charts are rendered without a helm command
    #[arg(long, default_value = "helm")]
    helm_command: String,
    /// Kubernetes api versions used by Helm for Capabilities.APIVersions
    #[arg(long)]
    helm_api_versions: Vec<String>,
    /// Kubernetes version used by Helm for Capabilities.KubeVersion
    #[arg(long, default_value = "")]
    helm_kube_version: String,
    /// Accepted without effect: errors of charts show their place without it
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    helm_debug: bool,
}

/// Flags of kustomize that run programs or containers.
#[derive(Debug, clap::Args)]
struct RefusedArgs {
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    enable_alpha_plugins: bool,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    enable_exec: bool,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    network: bool,
    #[arg(long, hide = true)]
    network_name: Option<String>,
    #[arg(long, hide = true)]
    mount: Vec<String>,
    #[arg(short, long, hide = true)]
    env: Vec<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    as_current_user: bool,
    /// Accepted for scripts that give it; errors here name their place without it
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true)]
    stack_trace: bool,
}

impl RefusedArgs {
    /// Names the first flag that was given although it is not supported.
    fn reason(&self) -> Option<String> {
        let refused = |flag: &str, why: &str| Some(format!("flag --{flag} is not supported: {why}"));
        let containers = "plugins that run in containers are not supported, only built-in ones";
        if self.enable_alpha_plugins {
            return refused("enable-alpha-plugins", "only built-in plugins are supported");
        }
        if self.enable_exec {
            return refused("enable-exec", "kustomizations may not run programs");
        }
        if self.network {
            return refused("network", containers);
        }
        if self.network_name.is_some() {
            return refused("network-name", containers);
        }
        if !self.mount.is_empty() {
            return refused("mount", containers);
        }
        if !self.env.is_empty() {
            return refused("env", containers);
        }
        if self.as_current_user {
            return refused("as-current-user", containers);
        }
        None
    }
}

/// Runs a subcommand of `kluctl kustomize`.
pub(crate) fn run(args: &KustomizeArgs) -> ExitCode {
    let KustomizeCommand::Build(args) = &args.command;
    match build(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("Error: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // Nothing can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn build(args: &BuildArgs) -> Result<(), String> {
    if let Some(reason) = args.refused.reason() {
        return Err(reason);
    }
    let target = match args.dir.as_slice() {
        [] => ".",
        [target] => target,
        _ => return Err("specify one path to kustomization.yaml".to_owned()),
    };
    let sources = args.access.sources()?;
    let remote = KustomizeRemote(sources.clone());
    let charts = Charts {
        sources: &sources,
        kube_version: args.helm.helm_kube_version.clone(),
        api_versions: args.helm.helm_api_versions.clone(),
    };
    let options = Options {
        helm: args.helm.enable_helm.then_some(&charts as &dyn Helm),
        remote: Some(&remote),
        ..options(args)?
    };
    let built = kluctl_kustomize::build(&DiskFiles, Utf8Path::new(target), &options)
        .map_err(|error| error.to_string())?;
    match &args.output {
        Some(path) if path.is_dir() => write_files(path, &built.objects),
        Some(path) => std::fs::write(path, printed(&built.objects)?)
            .map_err(|error| format!("{}: {error}", path.display())),
        None => std::io::stdout()
            .write_all(printed(&built.objects)?.as_bytes())
            .map_err(|error| error.to_string()),
    }
}

fn printed(objects: &[serde_json::Value]) -> Result<String, String> {
    kluctl_kustomize::to_yaml(objects).map_err(|error| error.to_string())
}

fn options(args: &BuildArgs) -> Result<Options<'static>, String> {
    let load_restrictor = match args.load_restrictor.as_str() {
        "LoadRestrictionsRootOnly" | "" => LoadRestrictor::RootOnly,
        "LoadRestrictionsNone" => LoadRestrictor::None,
        other => {
            return Err(format!(
                "illegal flag value --load-restrictor {other}; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]"
            ));
        }
    };
    let reorder = match args.reorder.as_deref() {
        None => Reorder::Legacy,
        Some(order) => {
            say(
                "Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.",
            );
            match order {
                "legacy" => Reorder::Legacy,
                "none" => Reorder::None,
                other => {
                    return Err(format!(
                        "illegal flag value --reorder {other}; legal values: [legacy none]"
                    ));
                }
            }
        }
    };
    if args.enable_managedby_label {
        say(concat!(
            "Flag --enable-managedby-label has been deprecated, The flag `enable-managedby-label` has been deprecated. ",
            "Use the `managedByLabel` option in the `buildMetadata` field instead."
        ));
    }
    let by_environment = std::env::var("KUSTOMIZE_ENABLE_MANAGEDBY_LABEL").is_ok_and(|value| value == "on");
    Ok(Options {
        load_restrictor,
        reorder,
        reorder_asked: args.reorder.is_some(),
        managed_by_label: args.enable_managedby_label || by_environment,
        on_warning: Some(&say),
        ..Options::default()
    })
}

/// Writes one file per object, as `kustomize build -o` does for folders.
fn write_files(folder: &std::path::Path, objects: &[serde_json::Value]) -> Result<(), String> {
    for (name, object) in kluctl_kustomize::file_names(objects).iter().zip(objects) {
        let path = folder.join(name);
        std::fs::write(&path, printed(std::slice::from_ref(object))?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
