//! Private keys, as Go generates, reads and writes them.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest as _, Sha256};

use super::der::{
    Element, INTEGER, OCTET_STRING, OID, SEQUENCE, bit_string, element, from_pem, integer, read, read_all,
    sequence, to_pem,
};
use super::primes::{EXPONENT, random_prime};

const RSA_OID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const RSA_SHA256_OID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const EC_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384_OID: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ECDSA_SHA256_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_SHA384_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];
const ED25519_OID: &[u8] = &[0x2B, 0x65, 0x70];
/// What stands before a SHA-256 in what RSA signs.
const SHA256_PREFIX: &[u8] = &[
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
const NULL: &[u8] = &[0x05, 0x00];

/// A private key.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    /// The curve's OID, the secret number, and the pair that signs.
    Ec(&'static [u8], Vec<u8>, Box<KeyPair>),
    /// The seed and the pair that signs.
    Ed25519(Vec<u8>, Box<KeyPair>),
    /// Read only to be written again: the DER as it came.
    Dsa(Vec<u8>),
}

/// How large an RSA key is.
#[derive(Clone, Copy)]
pub(super) enum RsaBits {
    /// 2048 bits, as certificates have them.
    Two,
    /// 4096 bits, as single keys have them.
    Four,
}

type Result<T> = std::result::Result<T, String>;

impl PrivateKey {
    /// Generates a key of 2048 or 4096 bits.
    pub(super) fn generate_rsa(bits: RsaBits) -> Result<Self> {
        let prime = || {
            let bytes = match bits {
                RsaBits::Two => random_prime::<16>(),
                RsaBits::Four => random_prime::<32>(),
            };
            BigUint::from_bytes_be(&bytes)
        };
        RsaPrivateKey::from_p_q(prime(), prime(), EXPONENT.into())
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| format!("error generating rsa key: {error}"))
    }

    pub(super) fn generate_ec() -> Result<Self> {
        let pair =
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|error| error.to_string())?;
        let der = pair.serialize_der();
        let (_, _, key) = split_pkcs8(&der).ok_or("malformed key")?;
        let secret = ec_secret(key).ok_or("malformed key")?.to_vec();
        Ok(Self::Ec(P256_OID, secret, Box::new(pair)))
    }

    pub(super) fn generate_ed25519() -> Result<Self> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(|error| error.to_string())?;
        let der = pair.serialize_der();
        let (_, _, key) = split_pkcs8(&der).ok_or("malformed key")?;
        let (seed, _) = read(key).ok_or("malformed key")?;
        Ok(Self::Ed25519(seed.content.to_vec(), Box::new(pair)))
    }

    /// Reads a key in any of the forms that Go writes.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self> {
        let (kind, der) = from_pem(text).ok_or("no PEM data in input")?;
        if kind == "PRIVATE KEY" {
            return Self::from_pkcs8(&der).map_err(|error| format!("decoding PEM as PKCS#8: {error}"));
        }
        let Some(kind) = kind.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {kind}"));
        };
        match kind {
            "RSA" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| format!("parsing RSA private key from PEM: {error}")),
            "EC" => Self::from_sec1(&der, None)
                .map_err(|error| format!("parsing EC private key from PEM: {error}")),
            "DSA" => match read(&der) {
                Some((key, rest)) if key.tag == SEQUENCE && rest.is_empty() => Ok(Self::Dsa(der.clone())),
                _ => Err("parsing DSA private key from PEM: asn1: structure error".to_owned()),
            },
            kind => Err(format!("invalid private key type {kind} PRIVATE KEY")),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let malformed = || "asn1: structure error: malformed key".to_owned();
        let (algorithm, parameters, key) = split_pkcs8(der).ok_or_else(malformed)?;
        match algorithm {
            RSA_OID => RsaPrivateKey::from_pkcs1_der(key)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| error.to_string()),
            EC_OID => Self::from_sec1(key, parameters.map(|parameters| parameters.content)),
            ED25519_OID => {
                let (seed, _) = read(key)
                    .filter(|(seed, _)| seed.content.len() == 32)
                    .ok_or_else(malformed)?;
                let plain = ed25519_pkcs8(seed.content);
                // The signing side reads keys without their public half too.
                let pair = pair_from_pkcs8(&plain, &rcgen::PKCS_ED25519)?;
                Ok(Self::Ed25519(seed.content.to_vec(), Box::new(pair)))
            }
            _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".to_owned()),
        }
    }

    fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Result<Self> {
        let malformed = || "x509: failed to parse EC private key: malformed key".to_owned();
        let (key, _) = read(der).ok_or_else(malformed)?;
        let parts = read_all(key.content).ok_or_else(malformed)?;
        let tagged = |tag: u8| {
            parts
                .iter()
                .find(|part| part.tag == tag)
                .and_then(|part| read(part.content))
        };
        let secret = parts
            .get(1)
            .filter(|part| part.tag == OCTET_STRING)
            .ok_or_else(malformed)?
            .content;
        let named = tagged(0xA0).map(|(oid, _)| oid.content);
        let (curve, algorithm) = match curve.or(named) {
            Some(P256_OID) => (P256_OID, &rcgen::PKCS_ECDSA_P256_SHA256),
            Some(P384_OID) => (P384_OID, &rcgen::PKCS_ECDSA_P384_SHA384),
            _ => return Err("x509: elliptic curve other than P-256 and P-384 is not supported".to_owned()),
        };
        let (public, _) =
            tagged(0xA1).ok_or("x509: EC private key without its public key is not supported")?;
        let inner = sequence(&[
            &element(INTEGER, &[1]),
            &element(OCTET_STRING, secret),
            &element(0xA1, public.whole),
        ]);
        let pkcs8 = sequence(&[
            &element(INTEGER, &[0]),
            &sequence(&[&element(OID, EC_OID), &element(OID, curve)]),
            &element(OCTET_STRING, &inner),
        ]);
        let pair = pair_from_pkcs8(&pkcs8, algorithm)?;
        Ok(Self::Ec(curve, secret.to_vec(), Box::new(pair)))
    }

    /// Writes the key as sprig does: PKCS#1, SEC 1 or PKCS#8, by its kind.
    pub(super) fn to_pem(&self) -> Result<String> {
        Ok(match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|error| error.to_string())?;
                to_pem("RSA PRIVATE KEY", der.as_bytes())
            }
            Self::Ec(curve, secret, pair) => {
                let der = sequence(&[
                    &element(INTEGER, &[1]),
                    &element(OCTET_STRING, secret),
                    &element(0xA0, &element(OID, curve)),
                    &element(0xA1, &bit_string(pair.public_key_raw())),
                ]);
                to_pem("EC PRIVATE KEY", &der)
            }
            Self::Ed25519(seed, _) => to_pem("PRIVATE KEY", &ed25519_pkcs8(seed)),
            Self::Dsa(der) => to_pem("DSA PRIVATE KEY", der),
        })
    }

    /// Returns the `SubjectPublicKeyInfo`.
    pub(super) fn public_key(&self) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let der = key
                    .to_public_key()
                    .to_pkcs1_der()
                    .map_err(|error| error.to_string())?;
                let algorithm = sequence(&[&element(OID, RSA_OID), NULL]);
                Ok(sequence(&[&algorithm, &bit_string(der.as_bytes())]))
            }
            Self::Ec(_, _, pair) | Self::Ed25519(_, pair) => Ok(pair.subject_public_key_info()),
            Self::Dsa(_) => {
                Err("error creating certificate: x509: only RSA, ECDSA and Ed25519 keys supported".to_owned())
            }
        }
    }

    /// Returns the `AlgorithmIdentifier` of signatures with this key.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&element(OID, RSA_SHA256_OID), NULL]),
            Self::Ec(P384_OID, ..) => sequence(&[&element(OID, ECDSA_SHA384_OID)]),
            Self::Ec(..) => sequence(&[&element(OID, ECDSA_SHA256_OID)]),
            Self::Ed25519(..) => sequence(&[&element(OID, ED25519_OID)]),
            Self::Dsa(_) => Vec::new(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                quick_rsa_signature(key, message).map_or_else(|| rsa_signature(key, message), Ok)
            }
            Self::Ec(_, _, pair) | Self::Ed25519(_, pair) => {
                pair.sign(message).map_err(|error| error.to_string())
            }
            Self::Dsa(_) => Err("x509: only RSA, ECDSA and Ed25519 keys supported".to_owned()),
        }
    }
}

/// Signs with the library that TLS connections use, three times as fast; it takes keys of 2048 to 4096 bits only.
fn quick_rsa_signature(key: &RsaPrivateKey, message: &[u8]) -> Option<Vec<u8>> {
    let pkcs8 = sequence(&[
        &element(INTEGER, &[0]),
        &sequence(&[&element(OID, RSA_OID), NULL]),
        &element(OCTET_STRING, key.to_pkcs1_der().ok()?.as_bytes()),
    ]);
    let pair = pair_from_pkcs8(&pkcs8, &rcgen::PKCS_RSA_SHA256).ok()?;
    pair.sign(message).ok()
}

fn rsa_signature(key: &RsaPrivateKey, message: &[u8]) -> Result<Vec<u8>> {
    let padding = Pkcs1v15Sign {
        hash_len: Some(32),
        prefix: SHA256_PREFIX.into(),
    };
    key.sign(padding, &Sha256::digest(message))
        .map_err(|error| error.to_string())
}

fn pair_from_pkcs8(der: &[u8], algorithm: &'static rcgen::SignatureAlgorithm) -> Result<KeyPair> {
    let pem = to_pem("PRIVATE KEY", der);
    KeyPair::from_pkcs8_pem_and_sign_algo(&pem, algorithm).map_err(|error| error.to_string())
}

/// Splits a PKCS#8 key into the algorithm's OID, its parameters and the key inside.
fn split_pkcs8(der: &[u8]) -> Option<(&[u8], Option<Element<'_>>, &[u8])> {
    let (outer, _) = read(der)?;
    let parts = read_all(outer.content)?;
    let algorithm = read_all(parts.get(1)?.content)?;
    let oid = algorithm.first().filter(|oid| oid.tag == OID)?.content;
    let key = parts.get(2).filter(|key| key.tag == OCTET_STRING)?.content;
    Some((oid, algorithm.get(1).copied(), key))
}

fn ec_secret(sec1: &[u8]) -> Option<&[u8]> {
    let (key, _) = read(sec1)?;
    Some(read_all(key.content)?.get(1)?.content)
}

fn ed25519_pkcs8(seed: &[u8]) -> Vec<u8> {
    sequence(&[
        &element(INTEGER, &[0]),
        &sequence(&[&element(OID, ED25519_OID)]),
        &element(OCTET_STRING, &element(OCTET_STRING, seed)),
    ])
}

/// Generates a DSA key with a modulus of 2048 and an order of 256 bits, as OpenSSL writes it.
pub(super) fn generate_dsa() -> String {
    let zero = BigUint::from(0_u8);
    let one = BigUint::from(1_u8);
    let (order, modulus) = dsa_parameters();
    let exponent = (&modulus - &one) / &order;
    let mut base = BigUint::from(2_u8);
    let generator = loop {
        let candidate = base.modpow(&exponent, &modulus);
        if candidate > one {
            break candidate;
        }
        base += &one;
    };
    let secret = loop {
        let candidate = random_bits(256) % &order;
        if candidate != zero {
            break candidate;
        }
    };
    let public = generator.modpow(&secret, &modulus);
    let numbers = [zero, modulus, order, generator, public, secret];
    let der: Vec<u8> = numbers
        .iter()
        .flat_map(|number| integer(&number.to_bytes_be()))
        .collect();
    to_pem("DSA PRIVATE KEY", &element(SEQUENCE, &der))
}

fn random_bits(bits: usize) -> BigUint {
    let mut bytes = vec![0; bits / 8];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    BigUint::from_bytes_be(&bytes)
}

/// Finds primes q of 256 bits and p of 2048 bits where q divides p - 1.
fn dsa_parameters() -> (BigUint, BigUint) {
    let one = BigUint::from(1_u8);
    let order = loop {
        let candidate = random_bits(256) | (&one << 255_usize) | &one;
        if is_probably_prime(&candidate) {
            break candidate;
        }
    };
    let twice = &order << 1_usize;
    loop {
        let candidate = random_bits(2048) | (&one << 2047_usize);
        let modulus = &candidate - (&candidate % &twice) + &one;
        if modulus.bits() == 2048 && is_probably_prime(&modulus) {
            return (order, modulus);
        }
    }
}

/// Divides by small primes, then asks Fermat and Miller and Rabin with random bases.
fn is_probably_prime(number: &BigUint) -> bool {
    let one = BigUint::from(1_u8);
    let small = (3_u32..2000).step_by(2).filter(|divisor| {
        (3..)
            .step_by(2)
            .take_while(|factor| factor * factor <= *divisor)
            .all(|factor| divisor % factor != 0)
    });
    for divisor in small {
        if number % divisor == BigUint::from(0_u8) {
            return false;
        }
    }
    let less = number - &one;
    let shift = less.trailing_zeros().unwrap_or(0);
    let odd = &less >> shift;
    let bits = number.bits();
    (0..20).all(|_| {
        let base = random_bits(bits.min(256)) % &less + &one;
        let mut power = base.modpow(&odd, number);
        if power == one || power == less {
            return true;
        }
        for _ in 1..shift {
            power = &power * &power % number;
            if power == less {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_signers_of_rsa_agree() {
        let PrivateKey::Rsa(key) = PrivateKey::generate_rsa(RsaBits::Two).unwrap() else {
            panic!("another kind of key")
        };
        let quick = quick_rsa_signature(&key, b"a message").unwrap();
        assert_eq!(quick, rsa_signature(&key, b"a message").unwrap());
    }

    #[test]
    fn small_keys_sign_too() {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
        assert_eq!(quick_rsa_signature(&key, b"a message"), None);
        let signed = PrivateKey::Rsa(Box::new(key.clone())).sign(b"a message").unwrap();
        assert_eq!(signed, rsa_signature(&key, b"a message").unwrap());
    }
}
