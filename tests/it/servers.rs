//! The servers that every end-to-end test runs on: the sandbox always, a real kube-apiserver where it is there.

use kluctl_testkit::{ApiServer, Environment, StatusController};

/// What a deployment goes to.
pub(crate) enum Server {
    /// The API server in the binary, with its state in a folder of its own.
    Sandbox,
    /// kube-apiserver with etcd, and something that reports workloads as ready.
    Real {
        server: ApiServer,
        _status: StatusController,
    },
}

impl Server {
    /// Runs a test on an empty server of each kind.
    pub(crate) fn each(test: impl Fn(&Self)) {
        eprintln!("--- on the sandbox");
        test(&Self::Sandbox);
        if let Some(real) = Self::real() {
            eprintln!("--- on kube-apiserver");
            test(&real);
        }
    }

    /// An empty real server.
    pub(crate) fn real() -> Option<Self> {
        let server = ApiServer::start()?;
        let status = StatusController::start(&server);
        Some(Self::Real {
            server,
            _status: status,
        })
    }

    /// Points all commands of an environment at this server.
    pub(crate) fn connect(&self, environment: &mut Environment) {
        match self {
            Self::Sandbox => {
                let folder = environment.home().join("sandbox");
                environment.set("KLUCTL_SANDBOX", folder.display().to_string());
            }
            Self::Real { server, .. } => {
                environment.set("KUBECONFIG", server.kubeconfig().display().to_string());
            }
        }
    }
}
