//! From a kubeconfig and a context's name to a connected [`Cluster`].

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use crate::discovery::DiskCache;
use crate::gate::Limits;
use crate::send::Cluster;

/// Which cluster to open, and how.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file instead of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// A context instead of the kubeconfig's current one.
    pub context: Option<String>,
    /// Folder of the discovery cache; without one discovery is kept in memory only.
    pub cache: Option<PathBuf>,
    /// Bounds on requests.
    pub limits: Limits,
}

/// An opened cluster and the name it goes by.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The cluster.
    pub cluster: Cluster,
    /// The context's name; empty inside a cluster.
    pub context: String,
}

/// Why no cluster could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig to speak of, and this is not inside a cluster.
    #[error("no kubeconfig found")]
    NoKubeconfig,
    /// The context is not in the kubeconfig.
    #[error("context \"{0}\" does not exist")]
    NoContext(String),
    /// Something else, in kube's words.
    #[error("{0}")]
    Config(String),
}

/// How long discovery of a real cluster is kept.
const DISCOVERY_AGE: Duration = Duration::from_hours(24);

/// Opens the cluster of a kubeconfig's context, by client-go's rules. Needs a tokio runtime around it.
pub async fn connect(options: &ConnectOptions) -> Result<Connected, ConnectError> {
    let kubeconfig = match &options.kubeconfig {
        Some(file) => Kubeconfig::read_from(file).map(Some),
        None => read_default(),
    }
    .map_err(|error| ConnectError::Config(chain(&error)))?;
    let usable = kubeconfig.filter(|config| !config.contexts.is_empty() || !config.clusters.is_empty());
    let (mut config, context) = match (usable, &options.context) {
        (None, Some(context)) => return Err(ConnectError::NoContext(context.clone())),
        (None, None) => (
            Config::incluster().map_err(|_| ConnectError::NoKubeconfig)?,
            String::new(),
        ),
        (Some(kubeconfig), wanted) => {
            let context = wanted
                .clone()
                .or_else(|| kubeconfig.current_context.clone())
                .filter(|name| !name.is_empty())
                .ok_or(ConnectError::NoKubeconfig)?;
            if !kubeconfig.contexts.iter().any(|known| known.name == context) {
                return Err(ConnectError::NoContext(context));
            }
            let choice = KubeConfigOptions {
                context: Some(context.clone()),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_custom_kubeconfig(kubeconfig, &choice)
                .await
                .map_err(|error| ConnectError::Config(chain(&error)))?;
            (config, context)
        }
    };
    // repeating is this crate's own job, with limits that all requests share
    config.default_retry = false;
    let cache = options.cache.as_ref().map(|folder| DiskCache {
        file: folder.join("kube-cache").join(cache_name(&config)),
        max_age: DISCOVERY_AGE,
    });
    let client = kube::Client::try_from(config).map_err(|error| ConnectError::Config(chain(&error)))?;
    Ok(Connected {
        cluster: Cluster::from_client(client, options.limits, cache),
        context,
    })
}

/// The files of `KUBECONFIG`, else `~/.kube/config`; `None` where there is none.
fn read_default() -> Result<Option<Kubeconfig>, kube::config::KubeconfigError> {
    if let Some(from_env) = Kubeconfig::from_env()? {
        return Ok(Some(from_env));
    }
    let file = std::env::home_dir().map(|home| home.join(".kube").join("config"));
    match file.filter(|file| file.exists()) {
        Some(file) => Kubeconfig::read_from(file).map(Some),
        None => Ok(None),
    }
}

/// A file name for a server's discovery: its host and port.
fn cache_name(config: &Config) -> String {
    let host: String = config
        .cluster_url
        .to_string()
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || char == '.' {
                char
            } else {
                '_'
            }
        })
        .collect();
    format!("{}.json", host.trim_matches('_'))
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    message
}
