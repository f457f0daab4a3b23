//! OCI registries: one in the process, and Debian's `docker-registry` where it is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Reply, Request, Server, TestAuthority, call};

/// `secret` as bcrypt writes it.
const SECRET: &str = "$2b$04$K1WOmG0BUwTPeQ2GmGXT0.mmOaBuEtvZZFqFbo0FLj4aidEDBZaiu";

/// A registry in the process, for what OCI distribution clients need to push and pull.
///
/// Source: OCI distribution specification 1.1, end-points 1 to 8.
pub struct OciRegistry {
    server: Server,
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
struct Content {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Per repository: reference (tag or digest) to media type and manifest.
    manifests: BTreeMap<String, BTreeMap<String, (String, Vec<u8>)>>,
}

impl OciRegistry {
    /// Starts an empty registry.
    pub fn start() -> Self {
        let content = Arc::new(Mutex::new(Content::default()));
        let served = content.clone();
        Self {
            server: Server::start(move |request| answer(&mut served.lock().expect("content"), request)),
            content,
        }
    }

    /// What it answers to a request that another server took.
    pub fn answer(&self, request: &Request) -> Reply {
        answer(&mut self.content.lock().expect("content"), request)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.server.address()
    }
}

fn digest(data: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(data)))
}

fn unknown(code: &str) -> Reply {
    Reply::new(
        404,
        json!({"errors": [{"code": code, "message": "not known here"}]}).to_string(),
    )
    .with("Content-Type", "application/json")
}

fn answer(content: &mut Content, request: &Request) -> Reply {
    let path = request.path().to_owned();
    let Some(rest) = path.strip_prefix("/v2/") else {
        return unknown("UNSUPPORTED");
    };
    let get = matches!(request.method.as_str(), "GET" | "HEAD");
    if rest.is_empty() {
        return Reply::new(200, "{}");
    }
    if let Some((name, "")) = rest.split_once("/blobs/uploads/") {
        return Reply::new(202, "").with("Location", format!("/v2/{name}/blobs/uploads/1"));
    }
    if let Some((name, _)) = rest.split_once("/blobs/uploads/") {
        return upload(content, request, name);
    }
    if let Some((_, wanted)) = rest.split_once("/blobs/") {
        return match content.blobs.get(wanted) {
            Some(blob) if get => Reply::new(200, blob.clone()).with("Docker-Content-Digest", wanted),
            _ => unknown("BLOB_UNKNOWN"),
        };
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return match content.manifests.get(name) {
            Some(known) => {
                let tags: Vec<_> = known
                    .keys()
                    .filter(|reference| !reference.contains(':'))
                    .collect();
                Reply::new(200, json!({"name": name, "tags": tags}).to_string())
                    .with("Content-Type", "application/json")
            }
            None => unknown("NAME_UNKNOWN"),
        };
    }
    let Some((name, reference)) = rest.split_once("/manifests/") else {
        return unknown("UNSUPPORTED");
    };
    if get {
        return match content.manifests.get(name).and_then(|known| known.get(reference)) {
            Some((kind, body)) => Reply::new(200, body.clone())
                .with("Content-Type", kind)
                .with("Docker-Content-Digest", digest(body)),
            None => unknown("MANIFEST_UNKNOWN"),
        };
    }
    let kind = request.header("content-type").unwrap_or_default().to_owned();
    let known = content.manifests.entry(name.to_owned()).or_default();
    let digest = digest(&request.body);
    known.insert(digest.clone(), (kind.clone(), request.body.clone()));
    known.insert(reference.to_owned(), (kind, request.body.clone()));
    Reply::new(201, "")
        .with("Location", format!("/v2/{name}/manifests/{digest}"))
        .with("Docker-Content-Digest", digest)
}

/// Parts of an upload are gathered under the repository's name until its digest is given.
fn upload(content: &mut Content, request: &Request, name: &str) -> Reply {
    let mut data = content.blobs.remove(name).unwrap_or_default();
    data.extend_from_slice(&request.body);
    if request.method == "PATCH" {
        let range = format!("0-{}", data.len().saturating_sub(1));
        content.blobs.insert(name.to_owned(), data);
        return Reply::new(202, "")
            .with("Location", format!("/v2/{name}/blobs/uploads/1"))
            .with("Range", range);
    }
    let digest = digest(&data);
    let asked = request
        .target
        .split_once("digest=")
        .map(|(_, value)| value.replace("%3A", ":"));
    if asked.as_deref() != Some(digest.as_str()) {
        return Reply::new(400, json!({"errors": [{"code": "DIGEST_INVALID"}]}).to_string());
    }
    content.blobs.insert(digest.clone(), data);
    Reply::new(201, "")
        .with("Location", format!("/v2/{name}/blobs/{digest}"))
        .with("Docker-Content-Digest", digest)
}

/// Pushes a packed chart to a registry (`host:port`) as `helm push` does.
pub fn push_chart(registry: &str, repository: &str, version: &str, archive: &[u8]) {
    let config =
        json!({"name": repository.rsplit('/').next(), "version": version, "apiVersion": "v2"}).to_string();
    for blob in [config.as_bytes(), archive] {
        let started = raw(
            registry,
            "POST",
            &format!("/v2/{repository}/blobs/uploads/"),
            "",
            b"",
        );
        let location = started.1.expect("a place to upload to");
        let target = location
            .trim_start_matches(&format!("http://{registry}"))
            .to_owned();
        let join = if target.contains('?') { '&' } else { '?' };
        let done = raw(
            registry,
            "PUT",
            &format!("{target}{join}digest={}", digest(blob)),
            "application/octet-stream",
            blob,
        );
        assert_eq!(done.0, 201, "uploading to {registry}");
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": [{
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": digest(archive), "size": archive.len(),
        }],
    })
    .to_string();
    let tag = version.replace('+', "_");
    let target = format!("/v2/{repository}/manifests/{tag}");
    let done = raw(
        registry,
        "PUT",
        &target,
        "application/vnd.oci.image.manifest.v1+json",
        manifest.as_bytes(),
    );
    assert_eq!(done.0, 201, "pushing the manifest to {registry}");
}

/// One request whose answer's `Location` is wanted.
fn raw(registry: &str, method: &str, target: &str, kind: &str, body: &[u8]) -> (u16, Option<String>) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(registry).expect("the registry answers");
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {registry}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .expect("sending to the registry");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("reading from the registry");
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let location = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.trim().to_owned())
    });
    (status, location)
}

/// Debian's `docker-registry`, on a free port of loopback, with its data in a temporary folder.
pub struct DockerRegistry {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts it; `None`, said on standard error, where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(None, false)
    }

    /// Starts it with TLS, or so that it asks for the user `user` with the password `secret`, or both.
    pub fn start_with(authority: Option<&TestAuthority>, password: bool) -> Option<Self> {
        Self::start_as(authority, password, false)
    }

    /// Starts it with TLS, so that it serves only who shows a certificate of the authority.
    pub fn start_for_clients_of(authority: &TestAuthority) -> Option<Self> {
        Self::start_as(Some(authority), false, true)
    }

    fn start_as(authority: Option<&TestAuthority>, password: bool, clients: bool) -> Option<Self> {
        let program = ["/usr/bin/docker-registry", "/usr/local/bin/docker-registry"].map(PathBuf::from);
        let Some(program) = program.into_iter().find(|path| path.exists()) else {
            eprintln!("NOT RUN: docker-registry is not installed (Debian package `docker-registry`)");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = crate::apiserver::free_port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let mut text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
            folder.path().join("data").display()
        );
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("writing the registry's configuration");
            path.display().to_string()
        };
        if let Some(authority) = authority {
            text.push_str(&format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                write("certificate.pem", &authority.certificate),
                write("key.pem", &authority.key)
            ));
            if clients {
                text.push_str(&format!("    clientcas: [{}]\n", write("ca.pem", &authority.ca)));
            }
        }
        if password {
            let users = write("htpasswd", &format!("user:{SECRET}\n"));
            text.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {users}\n"
            ));
        }
        std::fs::write(&config, text).expect("writing the registry's configuration");
        let child = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting docker-registry");
        let registry = Self {
            child,
            address,
            _folder: folder,
        };
        let start = Instant::now();
        let answers = || match authority {
            // Its first answer has to wait for a client that trusts it.
            Some(_) => std::net::TcpStream::connect(&registry.address).is_ok(),
            None => call(&registry.address, "GET", "/v2/", &[], b"").is_ok_and(|(status, _)| status > 0),
        };
        while !answers() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "docker-registry does not answer"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(registry)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
