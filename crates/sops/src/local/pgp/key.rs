//! Public keys, and what their secret halves can do.
//!
//! Source: RFC 4880, sections 5.5 and 12.2; RFC 6637.

use curve25519_dalek::MontgomeryPoint;
use p256::elliptic_curve::ecdh::diffie_hellman;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPrivateKey};
use sha1::{Digest as _, Sha1};

use super::cipher::{Aes, Hash, key_length};
use super::packet::{Reader, sum};

/// A public key or subkey that messages may be for.
#[derive(Clone)]
pub(super) struct PublicKey {
    pub(super) fingerprint: [u8; 20],
    pub(super) parameters: Parameters,
}

/// What a public key is made of.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Parameters {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ecdh(Ecdh),
    /// A key that nothing is encrypted for, or whose kind is not supported.
    Other,
}

/// A key to agree on a shared secret with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ecdh {
    /// How OpenPGP names the curve.
    curve: Vec<u8>,
    point: Vec<u8>,
    hash: u8,
    cipher: u8,
}

/// The secret half of a key.
pub(super) enum SecretKey {
    Rsa(Box<RsaPrivateKey>),
    /// A scalar, from its highest byte.
    Ecdh(Vec<u8>),
}

const RSA: [u8; 3] = [1, 2, 3];
const ECDH: u8 = 18;

impl PublicKey {
    /// Reads the public part of a key's packet; the reader then stands at the secret part.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let whole = reader.rest();
        let version = reader.byte()?;
        if version != 4 {
            return Err(format!(
                "keys of version {version} are not supported, version 4 is"
            ));
        }
        reader.take(4)?;
        let parameters = match reader.byte()? {
            kind if RSA.contains(&kind) => Parameters::Rsa {
                modulus: reader.number()?.to_vec(),
                exponent: reader.number()?.to_vec(),
            },
            ECDH => {
                let curve = reader.counted()?.to_vec();
                let point = reader.number()?.to_vec();
                let kdf = reader.counted()?;
                let &[_, hash, cipher] = kdf else {
                    return Err("the parameters of an ECDH key are of an unknown form".to_owned());
                };
                Parameters::Ecdh(Ecdh {
                    curve,
                    point,
                    hash,
                    cipher,
                })
            }
            // DSA and ElGamal have several numbers, keys that sign a curve and a point.
            17 => Self::skip(reader, 0, 4)?,
            16 => Self::skip(reader, 0, 3)?,
            19 | 22 => Self::skip(reader, 1, 1)?,
            other => return Err(format!("keys of the kind number {other} are not supported")),
        };
        let public = &whole[..whole.len() - reader.rest().len()];
        let mut hash = Sha1::new();
        hash.update([0x99]);
        hash.update((public.len() as u16).to_be_bytes());
        hash.update(public);
        Ok(Self {
            fingerprint: hash.finalize().into(),
            parameters,
        })
    }

    fn skip(reader: &mut Reader<'_>, counted: usize, numbers: usize) -> Result<Parameters, String> {
        for _ in 0..counted {
            reader.counted()?;
        }
        for _ in 0..numbers {
            reader.number()?;
        }
        Ok(Parameters::Other)
    }

    /// How messages name the key.
    pub(super) fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(&self.fingerprint[12..]);
        id
    }

    /// How a person names the key.
    pub(super) fn shown(&self) -> String {
        self.fingerprint
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    }
}

impl SecretKey {
    /// From the numbers of an RSA key.
    pub(super) fn rsa(
        modulus: &[u8],
        exponent: &[u8],
        secret: &[u8],
        primes: [&[u8]; 2],
    ) -> Result<Self, String> {
        let number = BigUint::from_bytes_be;
        let key = RsaPrivateKey::from_components(
            number(modulus),
            number(exponent),
            number(secret),
            primes.map(number).to_vec(),
        );
        key.map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| format!("the secret RSA key is broken: {error}"))
    }

    /// A message's key that was wrapped for this one: `wrapped` is what stands behind the kind of key.
    pub(super) fn unwrap(&self, public: &PublicKey, kind: u8, wrapped: &[u8]) -> Result<SessionKey, String> {
        let mut reader = Reader::new(wrapped);
        match (self, &public.parameters) {
            (Self::Rsa(key), _) if RSA.contains(&kind) => {
                let mut number = reader.number()?.to_vec();
                // Leading zeros are not written.
                let length = rsa::traits::PublicKeyParts::size(key.as_ref());
                while number.len() < length {
                    number.insert(0, 0);
                }
                let opened = key
                    .decrypt(Pkcs1v15Encrypt, &number)
                    .map_err(|_| "the RSA key does not open it".to_owned())?;
                SessionKey::read(&opened, 0)
            }
            (Self::Ecdh(scalar), Parameters::Ecdh(key)) if kind == ECDH => {
                let theirs = reader.number()?;
                let wrapped = reader.counted()?;
                let shared = key.agree(scalar, theirs)?;
                let opened = key
                    .wrapping(&shared, &public.fingerprint)?
                    .unwrap_key(wrapped)
                    .ok_or("the ECDH key does not open it")?;
                SessionKey::read(&opened, 1)
            }
            _ => Err("the key is of another kind than the message says".to_owned()),
        }
    }
}

impl Ecdh {
    /// Whether it is the same point on the same curve as GnuPG writes it.
    pub(super) fn is(&self, curve: &[u8], point: &[u8]) -> bool {
        let known: &[&[u8]] = match self.curve() {
            Some(Curve::X25519) => &[b"Curve25519", b"1.3.6.1.4.1.3029.1.5.1", b"X25519"],
            Some(Curve::P256) => &[b"NIST P-256"],
            Some(Curve::P384) => &[b"NIST P-384"],
            Some(Curve::P521) => &[b"NIST P-521"],
            None => &[],
        };
        let bare = |point: &[u8]| {
            point
                .strip_prefix(&[0x40])
                .filter(|bare| bare.len() == 32)
                .map(<[u8]>::to_vec)
        };
        let same = |a: &[u8], b: &[u8]| {
            bare(a).unwrap_or_else(|| a.to_vec()) == bare(b).unwrap_or_else(|| b.to_vec())
        };
        known.contains(&curve) && same(&self.point, point)
    }

    fn curve(&self) -> Option<Curve> {
        match &self.curve[..] {
            [0x2B, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01] => Some(Curve::X25519),
            [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07] => Some(Curve::P256),
            [0x2B, 0x81, 0x04, 0x00, 0x22] => Some(Curve::P384),
            [0x2B, 0x81, 0x04, 0x00, 0x23] => Some(Curve::P521),
            _ => None,
        }
    }

    fn agree(&self, scalar: &[u8], theirs: &[u8]) -> Result<Vec<u8>, String> {
        let broken = || "the ECDH key or the message's point is broken".to_owned();
        macro_rules! nist {
            ($curve:ident, $length:expr) => {{
                let mut padded = vec![0; $length - scalar.len().min($length)];
                padded.extend_from_slice(scalar);
                let secret = $curve::SecretKey::from_slice(&padded).map_err(|_| broken())?;
                let theirs = $curve::PublicKey::from_sec1_bytes(theirs).map_err(|_| broken())?;
                diffie_hellman(secret.to_nonzero_scalar(), theirs.as_affine())
                    .raw_secret_bytes()
                    .to_vec()
            }};
        }
        Ok(match self.curve() {
            Some(Curve::X25519) => {
                // Numbers stand from their highest byte everywhere but in this curve's own papers.
                let mut secret = [0; 32];
                for (to, from) in secret.iter_mut().zip(scalar.iter().rev()) {
                    *to = *from;
                }
                let theirs = theirs.strip_prefix(&[0x40]).unwrap_or(theirs);
                let theirs = <[u8; 32]>::try_from(theirs).map_err(|_| broken())?;
                MontgomeryPoint(theirs).mul_clamped(secret).to_bytes().to_vec()
            }
            Some(Curve::P256) => nist!(p256, 32),
            Some(Curve::P384) => nist!(p384, 48),
            Some(Curve::P521) => nist!(p521, 66),
            None => return Err("the curve of the key is not supported, Curve25519 and NIST's are".to_owned()),
        })
    }

    /// The cipher that the message's key is wrapped with (RFC 6637, section 7).
    fn wrapping(&self, shared: &[u8], fingerprint: &[u8; 20]) -> Result<Aes, String> {
        let key = Hash::new(self.hash)?.of(&[
            &[0, 0, 0, 1],
            shared,
            &[self.curve.len() as u8],
            &self.curve,
            &[ECDH, 3, 1, self.hash, self.cipher],
            b"Anonymous Sender    ",
            fingerprint,
        ]);
        let length = key_length(self.cipher)?;
        Aes::new(key.get(..length).ok_or("the hash of the ECDH key is too short")?)
    }
}

#[derive(Clone, Copy)]
enum Curve {
    X25519,
    P256,
    P384,
    P521,
}

/// The key that a message is encrypted with.
pub(super) struct SessionKey {
    pub(super) cipher: u8,
    pub(super) key: Vec<u8>,
}

impl SessionKey {
    /// A cipher, its key and a checksum; where it was padded, the rest is.
    fn read(opened: &[u8], padded: usize) -> Result<Self, String> {
        let broken = || "the message's key is broken".to_owned();
        let mut reader = Reader::new(opened);
        let cipher = reader.byte()?;
        let key = reader.take(key_length(cipher)?)?.to_vec();
        let stored = u16::from_be_bytes(reader.array()?);
        let rest = reader.rest();
        let is_padding = rest.iter().all(|byte| usize::from(*byte) == rest.len());
        if sum(&key) != stored || !is_padding || (padded == 0 && !rest.is_empty()) {
            return Err(broken());
        }
        Ok(Self { cipher, key })
    }
}
