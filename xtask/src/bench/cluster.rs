//! A deploy that changes nothing against a real API server, beside a bare load generator that sends the same requests.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kluctl_testkit::{ApiServer, Backend, FaultProxy, Request};

use super::inputs;
use super::measure::{Cost, measure};

/// Connections of the load generator: as many items as a deploy works on at once.
const CONNECTIONS: usize = 8;

/// One program against the server.
struct Subject {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Subject {
    fn deploy(&self, project: &Path, kubeconfig: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["deploy", "-t", "bench", "--yes", "--no-update-check"])
            .current_dir(project)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", kubeconfig);
        command
    }

    /// Deploys through a proxy and gives all requests.
    fn record(&self, project: &Path, backend: &Backend) -> Result<Vec<Request>> {
        let proxy = FaultProxy::start(backend, Box::new(|_, _| None));
        let kubeconfig = self.home.path().join("proxy.yaml");
        proxy.write_kubeconfig(&kubeconfig);
        // the first run fills the discovery cache, which a person's second deploy finds there
        for _ in 0..2 {
            let before = proxy.requests().len();
            let output = self.deploy(project, &kubeconfig).output()?;
            ensure!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            if before > 0 {
                return Ok(proxy.requests().split_off(before));
            }
        }
        Ok(Vec::new())
    }
}

/// Sends requests as fast as the server takes them.
fn load(backend: &Backend, requests: &[Request]) -> Duration {
    let queue: Mutex<VecDeque<&Request>> = Mutex::new(requests.iter().collect());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = backend.connect();
                while let Some(request) = { queue.lock().expect("no panic before").pop_front() } {
                    let sent =
                        connection.send(&request.method, &request.target, &request.headers, &request.body);
                    sent.expect("an answer");
                }
            });
        }
    });
    start.elapsed()
}

/// Measures deploys of 500 and more objects.
pub(super) fn run(ours: &Path) -> Result<()> {
    println!("## deploy onto kube-apiserver: items of 5 templated ConfigMaps, nothing to change");
    let Some(server) = ApiServer::start() else {
        return Ok(());
    };
    let backend = Backend::from_kubeconfig(&server.kubeconfig());
    let upstream = super::projects::upstream();
    for (items, with_peer) in [(100, true), (2_000, false)] {
        let folder = tempfile::tempdir()?;
        inputs::project(folder.path(), items)?;
        let subject = |program: &Path| -> Result<Subject> {
            Ok(Subject {
                program: program.to_owned(),
                home: tempfile::tempdir()?,
            })
        };
        let own = subject(ours)?;
        let first = measure(1, || own.deploy(folder.path(), &server.kubeconfig()))?;
        println!("{} objects, first deploy: {first}", items * 5);
        let requests = own.record(folder.path(), &backend)?;
        let cost = measure(3, || own.deploy(folder.path(), &server.kubeconfig()))?;
        let bare = (0..3)
            .map(|_| load(&backend, &requests))
            .min()
            .unwrap_or_default();
        tell("kluctl", &cost, &requests);
        println!(
            "    the same requests by a bare load generator: {:.0} ms; kluctl takes {:.2} times that",
            bare.as_secs_f64() * 1e3,
            cost.wall.as_secs_f64() / bare.as_secs_f64()
        );
        if let Some(upstream) = upstream.as_deref().filter(|_| with_peer) {
            let peer = subject(upstream)?;
            let requests = peer.record(folder.path(), &backend)?;
            let cost = measure(1, || peer.deploy(folder.path(), &server.kubeconfig()))?;
            tell("upstream", &cost, &requests);
        }
    }
    Ok(())
}

fn tell(name: &str, cost: &Cost, requests: &[Request]) {
    let of = |method: &str| requests.iter().filter(|request| request.method == method).count();
    println!(
        "{name:<10} {cost} {:>6} requests ({} GET, {} PATCH, {} other)",
        requests.len(),
        of("GET"),
        of("PATCH"),
        requests.len() - of("GET") - of("PATCH")
    );
}
