//! A real kube-apiserver with etcd on loopback.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// kube-apiserver and etcd in a temporary folder; both end when it is dropped.
///
/// Admission webhooks are switched off: charts install some, and their services run nowhere.
pub struct ApiServer {
    folder: tempfile::TempDir,
    port: u16,
    /// Ended in this order: an API server whose etcd is gone does not end by itself.
    children: Vec<Child>,
}

/// A port of loopback that nobody used a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    listener.local_addr().expect("its address").port()
}

/// The folder with `etcd`, `kube-apiserver` and `kubectl`, or with those of them that are needed.
fn assets(needed: &[&str]) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .map(|cache| cache.join("kluctl-tests/kubernetes-1.37.2"));
    let given = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let found = given
        .into_iter()
        .chain(cache)
        .find(|folder| needed.iter().all(|program| folder.join(program).is_file()));
    if found.is_none() {
        eprintln!(
            "NOT RUN: no {} here; tests/apiserver/build.sh builds it, KUBEBUILDER_ASSETS names its folder",
            needed.join(", ")
        );
    }
    found
}

/// What a real server needs.
const ALL: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// The real `kubectl`; `None`, said on standard error, where it is missing.
pub fn kubectl() -> Option<PathBuf> {
    Some(assets(&["kubectl"])?.join("kubectl"))
}

impl ApiServer {
    /// Starts an empty server; `None`, said on standard error, where its programs are missing.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments of kube-apiserver's.
    pub fn start_with(more: &[&str]) -> Option<Self> {
        let assets = assets(&ALL)?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self {
            folder,
            port: free_port(),
            children: Vec::new(),
        };
        let etcd_port = free_port();
        server.write_certificates();
        let etcd = server.spawn(&assets.join("etcd"), &server.etcd_arguments(etcd_port));
        let mut arguments = server.arguments(etcd_port);
        arguments.extend(more.iter().map(ToString::to_string));
        let api = server.spawn(&assets.join("kube-apiserver"), &arguments);
        server.children = vec![api, etcd];
        server.write_kubeconfig();
        server.wait_until_ready(&assets);
        Some(server)
    }

    /// A kubeconfig whose only context, `test`, is an administrator's.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// `kubectl` for this server.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(assets(&ALL).expect("checked at the start").join("kubectl"));
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .env("HOME", self.folder.path());
        command
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn spawn(&self, program: &Path, arguments: &[String]) -> Child {
        let name = program
            .file_name()
            .expect("a program")
            .to_string_lossy()
            .into_owned();
        let log = fs::File::create(self.path(&format!("{name}.log"))).expect("a log file");
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"))
    }

    fn etcd_arguments(&self, port: u16) -> Vec<String> {
        let peer = free_port();
        [
            format!("--data-dir={}", self.path("etcd")),
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls=http://127.0.0.1:{port}"),
            format!("--advertise-client-urls=http://127.0.0.1:{port}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            "--log-level=error".to_owned(),
        ]
        .into()
    }

    fn arguments(&self, etcd_port: u16) -> Vec<String> {
        [
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            "--endpoint-reconciler-type=none".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--disable-admission-plugins=ServiceAccount,ValidatingAdmissionWebhook,MutatingAdmissionWebhook"
                .to_owned(),
            format!("--client-ca-file={}", self.path("ca.pem")),
            format!("--tls-cert-file={}", self.path("server.pem")),
            format!("--tls-private-key-file={}", self.path("server.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.path("server.pem")),
            format!("--service-account-signing-key-file={}", self.path("server.key")),
        ]
        .into()
    }

    /// A CA, the server's certificate for 127.0.0.1 and a client's in the group `system:masters`.
    fn write_certificates(&self) {
        let key = || KeyPair::generate().expect("a key");
        let write =
            |name: &str, text: String| fs::write(self.path(name), text).expect("writing a certificate");
        let mut ca = CertificateParams::new(Vec::new()).expect("CA parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        ca.distinguished_name.push(DnType::CommonName, "kluctl tests");
        let ca_key = key();
        write("ca.pem", ca.self_signed(&ca_key).expect("a CA").pem());
        let issuer = Issuer::new(ca, ca_key);
        let mut server =
            CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("names");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = key();
        write(
            "server.pem",
            server
                .signed_by(&server_key, &issuer)
                .expect("a certificate")
                .pem(),
        );
        write("server.key", server_key.serialize_pem());
        let mut client = CertificateParams::new(Vec::new()).expect("client parameters");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        client.distinguished_name.push(DnType::CommonName, "admin");
        client
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
        let client_key = key();
        write(
            "client.pem",
            client
                .signed_by(&client_key, &issuer)
                .expect("a certificate")
                .pem(),
        );
        write("client.key", client_key.serialize_pem());
    }

    fn write_kubeconfig(&self) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n    server: https://127.0.0.1:{}\n    \
             certificate-authority: {}\nusers:\n- name: admin\n  user:\n    client-certificate: {}\n    client-key: {}\n\
             contexts:\n- name: test\n  context:\n    cluster: test\n    user: admin\n",
            self.port,
            self.path("ca.pem"),
            self.path("client.pem"),
            self.path("client.key"),
        );
        fs::write(self.kubeconfig(), text).expect("writing the kubeconfig");
    }

    /// Waits for readiness and for the namespaces that every cluster has.
    fn wait_until_ready(&self, assets: &Path) {
        let start = Instant::now();
        let asks = |arguments: &[&str]| {
            Command::new(assets.join("kubectl"))
                .arg("--kubeconfig")
                .arg(self.kubeconfig())
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        while !(asks(&["get", "--raw", "/readyz"]) && asks(&["get", "namespace", "default", "kube-system"])) {
            assert!(
                start.elapsed() < Duration::from_secs(90),
                "kube-apiserver is not ready: {}",
                fs::read_to_string(self.path("kube-apiserver.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
