//! `kluctl sandbox import`: from manifests, or from a cluster.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kluctl_cluster::{ApiResource, Cluster, ConnectOptions, Limits, connect};
use kluctl_object::Object;
use kluctl_sandbox::{Options, Sandbox};
use serde_json::Value;

use super::sandbox::{StoreArgs, chain, write_out};

/// Fill a sandbox from manifests or from a cluster
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files and folders with manifests in YAML or JSON; `-` reads standard input
    #[arg(required_unless_present = "from_cluster")]
    files: Vec<PathBuf>,
    /// Take the objects of the cluster that a context of the kubeconfig leads to; of the current context when none is named
    ///
    /// Everything that can be listed is read, Secrets with their values, except what the sandbox makes itself (nodes, events, leases,
    /// endpoints, and what controllers have made of workloads).
    #[arg(long, value_name = "CONTEXT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    from_cluster: Option<String>,
    /// The kubeconfig that has the context
    #[arg(long, requires = "from_cluster")]
    kubeconfig: Option<PathBuf>,
    /// Take the objects of this namespace only, and those outside of namespaces; may be given several times
    #[arg(long, short = 'n', requires = "from_cluster")]
    namespace: Vec<String>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub(super) fn import(args: &ImportArgs) -> Result<(), String> {
    let mut objects = Vec::new();
    for path in &args.files {
        for (name, text) in read(path)? {
            let documents = kluctl_yaml::documents(&text).map_err(|error| format!("{name}: {error}"))?;
            objects.extend(documents);
        }
    }
    if let Some(context) = &args.from_cluster {
        objects.extend(live(args, context)?);
    }
    let sandbox = Sandbox::open(Options {
        directory: Some(args.store.folder()?),
        controllers: true,
        ..Options::default()
    })
    .map_err(|error| chain(&error))?;
    let done = sandbox.import(objects);
    sandbox.flush().map_err(|error| chain(&error))?;
    write_out(&format!("Imported {} objects\n", done.count))?;
    if done.errors.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = done.errors.iter().map(ToString::to_string).collect();
    Err(format!(
        "{} objects were left out:\n{}",
        lines.len(),
        lines.join("\n")
    ))
}

/// The objects of a cluster.
fn live(args: &ImportArgs, context: &str) -> Result<Vec<Value>, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("failed to start: {error}"))?;
    let options = ConnectOptions {
        kubeconfig: args.kubeconfig.clone(),
        context: Some(context.to_owned()).filter(|name| !name.is_empty()),
        cache: None,
        limits: Limits::default(),
    };
    runtime.block_on(async {
        let connected = connect(&options).await.map_err(|error| error.to_string())?;
        let discovery = connected
            .cluster
            .discovery()
            .await
            .map_err(|error| error.to_string())?;
        let mut objects = Vec::new();
        for resource in discovery.preferred() {
            if resource.has_verb("list") && !is_made_here(resource) {
                objects.extend(list(&connected.cluster, resource, &args.namespace).await?);
            }
        }
        objects.retain(|object| !is_derived(object));
        Ok(objects.into_iter().map(Value::from).collect())
    })
}

async fn list(
    cluster: &Cluster,
    resource: &ApiResource,
    namespaces: &[String],
) -> Result<Vec<Object>, String> {
    let answer = cluster.list(resource, None, "").await;
    let found = answer.map_err(|error| format!("failed to list {}: {error}", resource.plural))?;
    let wanted = |object: &Object| {
        let namespace = match object.kind() {
            "Namespace" => Some(object.name()),
            _ => object.namespace(),
        };
        namespaces.is_empty()
            || namespace.is_none_or(|namespace| namespaces.iter().any(|wanted| wanted == namespace))
    };
    Ok(found.value.into_iter().filter(wanted).collect())
}

/// Kinds whose objects the sandbox makes itself, or that say what happens on a cluster and not what is wanted.
fn is_made_here(resource: &ApiResource) -> bool {
    let plural = resource.plural.as_str();
    match resource.group.as_str() {
        "" => matches!(
            plural,
            "nodes" | "events" | "endpoints" | "componentstatuses" | "bindings"
        ),
        "events.k8s.io"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "metrics.k8s.io"
        | "apiregistration.k8s.io"
        | "flowcontrol.apiserver.k8s.io" => true,
        "storage.k8s.io" => matches!(plural, "csinodes" | "csistoragecapacities" | "volumeattachments"),
        "networking.k8s.io" => matches!(plural, "ipaddresses" | "servicecidrs"),
        "apps" => plural == "controllerrevisions",
        _ => false,
    }
}

/// What the sandbox's controllers make again of its owner, and what every API server has.
fn is_derived(object: &Object) -> bool {
    let owners = object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    let mut owners = owners.into_iter().flatten();
    let is_owned = owners.any(|owner| {
        let kind = owner["kind"].as_str().unwrap_or_default();
        owner["controller"] == true
            && matches!(
                (object.kind(), kind),
                ("ReplicaSet", "Deployment")
                    | (
                        "Pod",
                        "ReplicaSet" | "ReplicationController" | "StatefulSet" | "DaemonSet" | "Job" | "Node"
                    )
                    | ("Job", "CronJob")
            )
    });
    let is_server =
        object.kind() == "Service" && object.name() == "kubernetes" && object.namespace() == Some("default");
    is_owned || is_server
}

/// The manifests a path names, with their names.
fn read(path: &Path) -> Result<Vec<(String, String)>, String> {
    let failed = |error: std::io::Error| format!("failed to read `{}`: {error}", path.display());
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(vec![("standard input".to_owned(), text)]);
    }
    if !path.is_dir() {
        let text = std::fs::read_to_string(path).map_err(failed)?;
        return Ok(vec![(path.display().to_string(), text)]);
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let mut texts = Vec::new();
    for inner in paths {
        let is_manifest = matches!(
            inner.extension().and_then(|extension| extension.to_str()),
            Some("yaml" | "yml" | "json")
        );
        if inner.is_dir() || is_manifest {
            texts.extend(read(&inner)?);
        }
    }
    Ok(texts)
}
