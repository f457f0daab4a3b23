//! The sandbox behind a port: TLS with its own authority, for whoever holds its client certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::Sandbox;

/// Why a sandbox cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is reachable from other machines.
    #[error("the sandbox only listens on loopback addresses, not on `{0}`")]
    NotLoopback(IpAddr),
    /// The address cannot be listened on.
    #[error("failed to listen on `{0}`")]
    Listen(SocketAddr, #[source] io::Error),
    /// Its certificates cannot be made.
    #[error("failed to make certificates")]
    Certificates(#[from] rcgen::Error),
    /// Its certificates cannot be used.
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
    /// The client's certificate cannot be checked.
    #[error("failed to set up client certificates: {0}")]
    Verifier(String),
    /// The kubeconfig cannot be written.
    #[error("failed to write the kubeconfig `{0}`")]
    Kubeconfig(String, #[source] io::Error),
}

/// A sandbox that listens.
pub struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sandbox: Arc<Sandbox>,
    address: SocketAddr,
    kubeconfig: String,
}

/// A certificate and its key.
struct Identity {
    certificate: Certificate,
    key: KeyPair,
}

fn named(common_name: &str, organization: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name = name;
    params
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = named("kluctl-sandbox-ca", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn issue(
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> Result<Identity, rcgen::Error> {
    params.extended_key_usages = vec![usage];
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok(Identity { certificate, key })
}

impl Server {
    /// Listens on a loopback address; port 0 takes a free one.
    pub async fn bind(sandbox: Arc<Sandbox>, listen: SocketAddr) -> Result<Self, ServeError> {
        if !listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(listen.ip()));
        }
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| ServeError::Listen(listen, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| ServeError::Listen(listen, error))?;
        let issuer = authority()?;
        let mut params = named("kluctl-sandbox", None);
        params.subject_alt_names = vec![
            rcgen::SanType::IpAddress(address.ip()),
            rcgen::SanType::DnsName("localhost".try_into()?),
            rcgen::SanType::DnsName("kubernetes.default.svc".try_into()?),
        ];
        let server = issue(params, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
        let client = issue(
            named("sandbox", Some("system:masters")),
            ExtendedKeyUsagePurpose::ClientAuth,
            &issuer,
        )?;
        let mut roots = RootCertStore::empty();
        roots.add(issuer.as_ref().der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| ServeError::Verifier(error.to_string()))?;
        let chain: Vec<CertificateDer<'static>> = vec![server.certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let kubeconfig = kubeconfig(address, &issuer.as_ref().pem(), &client);
        Ok(Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            sandbox,
            address,
            kubeconfig,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kubeconfig that reaches it, as YAML. It contains the client's key.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// Writes the kubeconfig so that only its owner can read it.
    pub fn write_kubeconfig(&self, path: &Path) -> Result<(), ServeError> {
        let failed = |error| ServeError::Kubeconfig(path.display().to_string(), error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        io::Write::write_all(&mut file, self.kubeconfig.as_bytes()).map_err(failed)
    }

    /// Serves until the future is dropped.
    pub async fn run(self) {
        loop {
            // A connection that cannot be accepted is the client's problem; the next one may do.
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let acceptor = self.acceptor.clone();
            let service = TowerToHyperService::new(self.sandbox.service());
            tokio::spawn(async move {
                stream.set_nodelay(true).ok();
                if let Ok(stream) = acceptor.accept(stream).await {
                    let builder = Builder::new(TokioExecutor::new());
                    // It ends when the client goes away, in whichever way.
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                }
            });
        }
    }
}

fn kubeconfig(address: SocketAddr, authority: &str, client: &Identity) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: kluctl-sandbox\n  \
           cluster:\n    \
             server: https://{address}\n    \
             certificate-authority-data: {}\n\
         contexts:\n\
         - name: kluctl-sandbox\n  \
           context:\n    \
             cluster: kluctl-sandbox\n    \
             user: kluctl-sandbox\n\
         current-context: kluctl-sandbox\n\
         users:\n\
         - name: kluctl-sandbox\n  \
           user:\n    \
             client-certificate-data: {}\n    \
             client-key-data: {}\n",
        STANDARD.encode(authority),
        STANDARD.encode(client.certificate.pem()),
        STANDARD.encode(client.key.serialize_pem()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[tokio::test]
    async fn only_loopback_is_served() {
        let sandbox = Sandbox::open(Options::default()).unwrap();
        let outside = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(
            Server::bind(sandbox.clone(), outside).await,
            Err(ServeError::NotLoopback(_))
        ));
        let server = Server::bind(sandbox, "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        assert_ne!(server.address().port(), 0);
        assert!(server.kubeconfig().contains("client-key-data"));
    }
}
