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

/// A server in which nothing runs: workloads stay as they were written.
pub(crate) enum Bare {
    /// The sandbox, served on loopback.
    Sandbox(Served),
    /// kube-apiserver with etcd.
    Real(ApiServer),
}

/// `kluctl sandbox serve` at work.
pub(crate) struct Served {
    child: std::process::Child,
    folder: Environment,
}

impl Served {
    /// Starts it with its state in memory and waits for its kubeconfig.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = crate::start::environment();
        let kubeconfig = folder.home().join("sandbox.yaml");
        let mut command = folder.command(["sandbox", "serve", "--kubeconfig"]);
        command.arg(&kubeconfig).args(arguments);
        command.stderr(std::process::Stdio::piped());
        let mut child = command.spawn().expect("starting the sandbox");
        // it says where it listens once the kubeconfig is written
        let mut line = String::new();
        let stderr = child.stderr.take().expect("its output");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).expect("its address");
        Self { child, folder }
    }

    pub(crate) fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.home().join("sandbox.yaml")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bare {
    /// Runs a test on an empty server of each kind.
    pub(crate) fn each(test: impl Fn(&Self)) {
        eprintln!("--- on the sandbox");
        test(&Self::Sandbox(Served::start(&["--no-controllers"])));
        if let Some(server) = ApiServer::start() {
            eprintln!("--- on kube-apiserver");
            test(&Self::Real(server));
        }
    }

    /// Where the kubeconfig lies.
    pub(crate) fn kubeconfig(&self) -> String {
        let path = match self {
            Self::Sandbox(served) => served.kubeconfig(),
            Self::Real(server) => server.kubeconfig(),
        };
        path.display().to_string()
    }
}
