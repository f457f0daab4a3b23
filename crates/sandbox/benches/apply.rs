//! How fast server-side applies of small objects are: in the process, over HTTP, and on a real kube-apiserver where it
//! is there (etcd without fsync), all in one run. Also the start and the memory per stored object.
//!
//! `cargo bench -p kluctl-sandbox`; an argument that is a number is the number of objects.

#![expect(clippy::print_stdout, reason = "it reports to whoever runs it")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use kluctl_sandbox::{Options, Sandbox, Server};
use kluctl_testkit::ApiServer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const AT_ONCE: usize = 16;

fn body(index: usize) -> String {
    let data: serde_json::Map<String, Value> = (0..10)
        .map(|key| {
            (
                format!("key-{key}"),
                json!(format!("the value number {key} of the object {index}, some text")),
            )
        })
        .collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("object-{index}"),
        "labels": {"app": "bench", "part": format!("{}", index % 10)}}, "data": data})
    .to_string()
}

fn request(index: usize) -> http::Request<Full<Bytes>> {
    http::Request::builder()
        .method("PATCH")
        .uri(format!(
            "/api/v1/namespaces/default/configmaps/object-{index}?fieldManager=bench&force=true"
        ))
        .header("host", "127.0.0.1")
        .header("content-type", "application/apply-patch+yaml")
        .body(Full::new(Bytes::from(body(index))))
        .expect("a request")
}

/// Memory of this process in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

/// Seconds of CPU that this process has used so far.
fn cpu() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let used = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    used.sum::<f64>() / 1e9
}

fn told(what: &str, count: usize, took: Duration) {
    println!(
        "{what}: {count} in {:.2} s, {:.0} per second ({:.2} s of CPU so far)",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        cpu()
    );
}

fn open(directory: Option<&std::path::Path>) -> Arc<Sandbox> {
    Sandbox::open(Options {
        directory: directory.map(Into::into),
        controllers: true,
        ..Options::default()
    })
    .expect("it opens")
}

async fn in_process(sandbox: &Arc<Sandbox>, count: usize) -> Duration {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for first in 0..AT_ONCE {
        let service = sandbox.service();
        tasks.push(tokio::spawn(async move {
            for index in (first..count).step_by(AT_ONCE) {
                let response = service
                    .clone()
                    .oneshot(request(index))
                    .await
                    .expect("it never fails");
                assert!(response.status().is_success(), "{}", response.status());
                response.into_body().collect().await.expect("it never fails");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a task ends");
    }
    start.elapsed()
}

/// Whom to talk to, and as whom.
struct Access {
    address: String,
    config: Arc<rustls::ClientConfig>,
}

fn access(kubeconfig: &str) -> Access {
    let value: Value = kluctl_yaml::from_str(kubeconfig).expect("a kubeconfig");
    let cluster = &value["clusters"][0]["cluster"];
    let user = &value["users"][0]["user"];
    let pem = |entry: &Value, name: &str| -> Vec<u8> {
        match entry[format!("{name}-data")].as_str() {
            Some(data) => STANDARD.decode(data).expect("base64"),
            None => std::fs::read(entry[name].as_str().expect("a path")).expect("a file"),
        }
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem(cluster, "certificate-authority")) {
        roots.add(certificate.expect("a certificate")).expect("a root");
    }
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem(user, "client-certificate"))
        .map(|certificate| certificate.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_slice(&pem(user, "client-key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("a client certificate");
    let server = cluster["server"].as_str().expect("an address");
    Access {
        address: server.trim_start_matches("https://").to_owned(),
        config: Arc::new(config),
    }
}

async fn over_http(access: &Access, count: usize) -> Duration {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for first in 0..AT_ONCE {
        let connector = tokio_rustls::TlsConnector::from(access.config.clone());
        let address = access.address.clone();
        tasks.push(tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(&address)
                .await
                .expect("it listens");
            stream.set_nodelay(true).expect("no delay");
            let name = ServerName::try_from("127.0.0.1").expect("a name");
            let stream = connector.connect(name, stream).await.expect("TLS");
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .expect("HTTP");
            tokio::spawn(connection);
            for index in (first..count).step_by(AT_ONCE) {
                let response = sender.send_request(request(index)).await.expect("an answer");
                assert!(response.status().is_success(), "{}", response.status());
                response.into_body().collect().await.expect("a whole answer");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a task ends");
    }
    start.elapsed()
}

fn main() {
    let count: usize = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(10_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(count));
}

async fn run(count: usize) {
    let (start, used) = (Instant::now(), cpu());
    let sandbox = open(None);
    println!(
        "start in memory: {:.1} ms, {:.1} ms of CPU",
        start.elapsed().as_secs_f64() * 1e3,
        (cpu() - used) * 1e3
    );
    let before = resident();
    let took = in_process(&sandbox, count).await;
    told("in the process, new objects", count, took);
    let used = resident().saturating_sub(before);
    let json: usize = (0..count).map(|index| body(index).len()).sum();
    println!(
        "memory: {} bytes per object of {} bytes applied",
        used / count,
        json / count
    );
    told(
        "in the process, unchanged objects",
        count,
        in_process(&sandbox, count).await,
    );
    drop(sandbox);

    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = open(Some(folder.path()));
    told(
        "in the process, with a folder",
        count,
        in_process(&sandbox, count).await,
    );
    drop(sandbox);
    let (start, used) = (Instant::now(), cpu());
    let sandbox = open(Some(folder.path()));
    println!(
        "start with a folder of {count} objects: {:.1} ms, {:.1} ms of CPU",
        start.elapsed().as_secs_f64() * 1e3,
        (cpu() - used) * 1e3
    );
    drop(sandbox);

    let server = Server::bind(open(None), "127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("it listens");
    let ours = access(server.kubeconfig());
    let serving = tokio::spawn(server.run());
    let ours = over_http(&ours, count).await;
    serving.abort();
    told("over HTTP, the sandbox", count, ours);
    let Some(real) = ApiServer::start() else { return };
    let kubeconfig = std::fs::read_to_string(real.kubeconfig()).expect("its kubeconfig");
    let fewer = count / 5;
    let theirs = over_http(&access(&kubeconfig), fewer).await;
    told("over HTTP, kube-apiserver", fewer, theirs);
    let rate = |count: usize, took: Duration| count as f64 / took.as_secs_f64();
    println!(
        "the sandbox is {:.1} times as fast",
        rate(count, ours) / rate(fewer, theirs)
    );
}
