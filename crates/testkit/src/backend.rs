//! A plain client for an API server behind TLS: enough for proxies, load generators and looking at objects.

use std::io::{BufRead, BufReader, Error, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::Reply;
use crate::http::{read_body, read_headers};

/// An API server as a kubeconfig describes it.
#[derive(Clone)]
pub struct Backend {
    address: String,
    tls: Arc<ClientConfig>,
}

/// A connection that stays open between requests.
pub struct Connection {
    backend: Backend,
    stream: Option<BufReader<StreamOwned<ClientConnection, TcpStream>>>,
}

impl Backend {
    /// Reads a kubeconfig with one cluster, one client certificate, and one key to a line.
    pub fn from_kubeconfig(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("reading the kubeconfig");
        let value = |key: &str| {
            let prefix = format!("{key}:");
            let line = text
                .lines()
                .map(str::trim)
                .find_map(|line| line.strip_prefix(&prefix));
            line.map(|value| value.trim().to_owned())
        };
        let pem = |key: &str| match value(&format!("{key}-data")) {
            Some(data) => STANDARD.decode(data).expect("base64 in the kubeconfig"),
            None => {
                std::fs::read(value(key).expect("a file in the kubeconfig")).expect("reading a certificate")
            }
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem("certificate-authority")) {
            roots.add(certificate.expect("a certificate")).expect("a CA");
        }
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem("client-certificate"))
            .map(|certificate| certificate.expect("a certificate"))
            .collect();
        let key = PrivateKeyDer::from_pem_slice(&pem("client-key")).expect("a key");
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .expect("a client certificate");
        let server = value("server").expect("a server in the kubeconfig");
        let address = server.strip_prefix("https://").expect("an address behind TLS");
        Self {
            address: address.to_owned(),
            tls: Arc::new(tls),
        }
    }

    /// A connection for several requests.
    pub fn connect(&self) -> Connection {
        Connection {
            backend: self.clone(),
            stream: None,
        }
    }

    /// Sends one request with a JSON body and reads the JSON answer.
    pub fn call(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let reply = self
            .connect()
            .send(method, target, &headers, body.as_bytes())
            .unwrap_or_else(|error| panic!("{method} {target}: {error}"));
        (
            reply.status,
            serde_json::from_slice(&reply.body).unwrap_or_default(),
        )
    }

    fn open(&self) -> std::io::Result<BufReader<StreamOwned<ClientConnection, TcpStream>>> {
        let socket = TcpStream::connect(&self.address)?;
        socket.set_nodelay(true)?;
        let host = self
            .address
            .rsplit_once(':')
            .map_or(&*self.address, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.tls), name).map_err(Error::other)?;
        Ok(BufReader::new(StreamOwned::new(session, socket)))
    }
}

impl Connection {
    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or ends the connection.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let reused = self.stream.is_some();
        match self.exchange(method, target, headers, body) {
            // the server may have closed a connection that was idle
            Err(_) if reused => {
                self.stream = None;
                self.exchange(method, target, headers, body)
            }
            result => result,
        }
    }

    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.backend.open()?,
        };
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
            self.backend.address,
            body.len()
        );
        let hop = [
            "host",
            "content-length",
            "connection",
            "transfer-encoding",
            "accept-encoding",
        ];
        for (name, value) in headers.iter().filter(|(name, _)| !hop.contains(&&**name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut request = format!("{head}\r\n").into_bytes();
        request.extend_from_slice(body);
        stream.get_mut().write_all(&request)?;
        stream.get_mut().flush()?;
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(Error::other("the server closed the connection"));
        }
        let status = line
            .split_whitespace()
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| Error::other(format!("not an answer: {line}")))?;
        let headers = read_headers(&mut stream)?;
        let body = read_body(&mut stream, &headers, false)?;
        let closes = headers
            .iter()
            .any(|(name, value)| name == "connection" && value == "close");
        if !closes {
            self.stream = Some(stream);
        }
        let hop = ["content-length", "transfer-encoding", "connection"];
        let headers = headers
            .into_iter()
            .filter(|(name, _)| !hop.contains(&&**name))
            .collect();
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}
