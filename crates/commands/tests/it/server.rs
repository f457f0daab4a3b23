//! Servers to run against.

use kluctl_cluster::{Apply, Cluster, ConnectOptions, Limits, connect};
use kluctl_commands::{Events, Session};
use kluctl_object::Object;
use kluctl_sandbox::{Options, Sandbox};
use kluctl_testkit::ApiServer;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A server with what is needed to talk to it.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) cluster: Cluster,
    /// Whether Jobs complete and Deployments become ready.
    pub(crate) has_controllers: bool,
    _keep: Option<ApiServer>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The sandbox, in memory.
pub(crate) fn sandbox() -> Server {
    let runtime = runtime();
    let cluster = {
        let _entered = runtime.enter();
        let options = Options {
            controllers: true,
            ..Options::default()
        };
        Cluster::new(Sandbox::open(options).unwrap().service(), Limits::default())
    };
    Server {
        runtime,
        cluster,
        has_controllers: true,
        _keep: None,
    }
}

/// A real API server; `None` where there is none.
pub(crate) fn real() -> Option<Server> {
    let api = ApiServer::start()?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = runtime();
    let options = ConnectOptions {
        kubeconfig: Some(api.kubeconfig()),
        ..ConnectOptions::default()
    };
    let cluster = runtime.block_on(connect(&options)).unwrap().cluster;
    Some(Server {
        runtime,
        cluster,
        has_controllers: false,
        _keep: Some(api),
    })
}

impl Server {
    pub(crate) fn session(&self) -> Session {
        Session {
            cluster: Some(self.cluster.clone()),
            events: Events::none(),
            stop: CancellationToken::new(),
        }
    }

    /// Applies an object as somebody else.
    pub(crate) fn apply_as(&self, manager: &str, object: &Object) {
        let how = Apply {
            manager,
            force: true,
            dry_run: false,
        };
        self.runtime.block_on(self.cluster.apply(object, &how)).unwrap();
    }

    /// An object as it is now.
    pub(crate) fn get(&self, object: &Object) -> Option<Object> {
        let read = self.runtime.block_on(self.cluster.get(&object.reference()));
        read.unwrap().value
    }
}
