//! A certificate authority and a server's certificate for loopback.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who to trust, and what a server on `127.0.0.1` and `localhost` shows.
pub struct TestAuthority {
    /// Certificate of the authority, PEM.
    pub ca: String,
    /// Certificate of the server, PEM.
    pub certificate: String,
    /// Key of the server, PEM.
    pub key: String,
    ca_key: KeyPair,
    ca_params: CertificateParams,
}

impl TestAuthority {
    /// Makes both anew.
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca_params = CertificateParams::new(Vec::new()).expect("parameters");
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = ca_params.self_signed(&ca_key).expect("an authority").pem();
        let mut authority = Self {
            ca,
            certificate: String::new(),
            key: String::new(),
            ca_key,
            ca_params,
        };
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        (authority.certificate, authority.key) = authority.issue(names, ExtendedKeyUsagePurpose::ServerAuth);
        authority
    }

    /// Certificate and key of a client, PEM.
    pub fn client(&self) -> (String, String) {
        self.issue(vec!["client".to_owned()], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, names: Vec<String>, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names).expect("parameters");
        params.extended_key_usages = vec![usage];
        let issuer = Issuer::from_params(&self.ca_params, &self.ca_key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();
        (certificate, key.serialize_pem())
    }

    /// Settings of a TLS server that shows the certificate.
    pub(crate) fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(chain, key).expect("a server's settings"))
    }
}

impl Default for TestAuthority {
    fn default() -> Self {
        Self::new()
    }
}
