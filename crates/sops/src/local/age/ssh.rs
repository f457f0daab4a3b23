//! SSH keys as recipients of age files.
//!
//! Source: age's `agessh` package.

use curve25519_dalek::MontgomeryPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Oaep, RsaPrivateKey};
use sha2::{Digest as _, Sha256, Sha512};
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;

use super::{Failure, argument, hkdf, open};

const ED25519_LABEL: &[u8] = b"age-encryption.org/v1/ssh-ed25519";
const RSA_LABEL: &str = "age-encryption.org/v1/ssh-rsa";

/// A private key.
pub(in crate::local) struct SshIdentity {
    /// The public key as SSH writes it.
    public: Vec<u8>,
    key: Key,
}

enum Key {
    /// The scalar, and the public point on the curve that age uses.
    Ed25519 {
        scalar: [u8; 32],
        point: MontgomeryPoint,
    },
    Rsa(Box<RsaPrivateKey>),
}

impl SshIdentity {
    /// Reads a private key in OpenSSH's format, or an RSA key in PKCS #1. `ask` gives the passphrase where there is one.
    pub(in crate::local) fn parse(text: &str, ask: impl FnOnce() -> Option<String>) -> Result<Self, Failure> {
        if text.contains("BEGIN RSA PRIVATE KEY") {
            if text.contains("ENCRYPTED") {
                return Err("PKCS #1 under a passphrase is not supported; `ssh-keygen -p -f FILE` writes OpenSSH's format".to_owned());
            }
            let key = RsaPrivateKey::from_pkcs1_pem(text).map_err(|error| error.to_string())?;
            return Ok(Self::rsa(key));
        }
        let mut private = PrivateKey::from_openssh(text).map_err(|error| error.to_string())?;
        if private.is_encrypted() {
            let passphrase = ask().ok_or("the SSH key is protected by a passphrase, and there is none")?;
            private = private
                .decrypt(passphrase)
                .map_err(|_| "that is not the passphrase of the SSH key")?;
        }
        match private.key_data() {
            KeypairData::Ed25519(pair) => Self::ed25519(&pair.private.to_bytes(), &pair.public.0),
            KeypairData::Rsa(pair) => {
                let number = |bytes: Option<&[u8]>| BigUint::from_bytes_be(bytes.unwrap_or_default());
                let (public, private) = (pair.public(), pair.private());
                let primes = vec![
                    number(private.p().as_positive_bytes()),
                    number(private.q().as_positive_bytes()),
                ];
                let key = RsaPrivateKey::from_components(
                    number(public.n().as_positive_bytes()),
                    number(public.e().as_positive_bytes()),
                    number(private.d().as_positive_bytes()),
                    primes,
                );
                Ok(Self::rsa(key.map_err(|error| error.to_string())?))
            }
            _ => Err("SSH keys of this kind are not supported; ed25519 and rsa are".to_owned()),
        }
    }

    fn ed25519(seed: &[u8; 32], public: &[u8; 32]) -> Result<Self, Failure> {
        let hash = Sha512::digest(seed);
        let mut scalar = [0; 32];
        scalar.copy_from_slice(&hash[..32]);
        let point = CompressedEdwardsY(*public).decompress();
        let point = point
            .ok_or("the public key is no point of its curve")?
            .to_montgomery();
        Ok(Self {
            public: wire(&[b"ssh-ed25519", public]),
            key: Key::Ed25519 { scalar, point },
        })
    }

    fn rsa(key: RsaPrivateKey) -> Self {
        let (e, n) = (mpint(key.e()), mpint(key.n()));
        Self {
            public: wire(&[b"ssh-rsa", &e, &n]),
            key: Key::Rsa(Box::new(key)),
        }
    }

    /// The file's key; `None` when the stanza is for another key.
    pub(super) fn open(
        &self,
        kind: &str,
        arguments: &[String],
        body: &[u8],
    ) -> Option<Result<Vec<u8>, Failure>> {
        let mine = argument::<4>(arguments, 0)? == Sha256::digest(&self.public)[..4];
        match &self.key {
            Key::Ed25519 { scalar, point } if mine && kind == "ssh-ed25519" => {
                let share = argument::<32>(arguments, 1)?;
                let tweak = hkdf(b"", &self.public, ED25519_LABEL);
                let shared = MontgomeryPoint(share).mul_clamped(*scalar).mul_clamped(tweak);
                let salt = [&share[..], point.as_bytes()].concat();
                let key = hkdf(shared.as_bytes(), &salt, ED25519_LABEL);
                Some(open(&key, [0; 12], body).ok_or_else(failed))
            }
            Key::Rsa(key) if mine && kind == "ssh-rsa" => {
                let padding = Oaep::new_with_label::<Sha256, _>(RSA_LABEL);
                Some(key.decrypt(padding, body).map_err(|_| failed()))
            }
            _ => None,
        }
    }
}

fn failed() -> Failure {
    "the SSH key is a recipient, but cannot open the file".to_owned()
}

/// Texts with their lengths in front, as SSH strings them together.
fn wire(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A positive number as SSH writes it: a leading zero where its first bit is set.
fn mpint(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    bytes
}
