//! Secret keys as they are stored: in the clear, under a passphrase, or elsewhere.
//!
//! Source: RFC 4880, section 5.5.3; GnuPG `agent/keyformat.txt` and `doc/DETAILS`.

use sha1::{Digest as _, Sha1};

use super::cipher::{Aes, Hash, key_length, open_ocb};
use super::expression::Expression;
use super::key::{Parameters, PublicKey, SecretKey};
use super::packet::{Reader, sum};

/// A secret key as it is stored.
#[derive(Clone)]
pub(super) enum Stored {
    /// The secret part of an OpenPGP packet.
    Packet(Vec<u8>),
    /// A key file of GnuPG.
    File(Expression),
}

/// Why a secret key could not be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// It needs a passphrase, or another one.
    Passphrase,
    /// It is on a smart card or another machine.
    Elsewhere,
    /// Something else.
    Broken(String),
}

impl From<String> for Locked {
    fn from(reason: String) -> Self {
        Self::Broken(reason)
    }
}

impl Stored {
    /// The key, for which a passphrase may be needed.
    pub(super) fn open(&self, public: &PublicKey, passphrase: Option<&str>) -> Result<SecretKey, Locked> {
        match self {
            Self::Packet(secret) => open_packet(secret, public, passphrase),
            Self::File(file) => open_file(file, public, passphrase),
        }
    }
}

fn open_packet(secret: &[u8], public: &PublicKey, passphrase: Option<&str>) -> Result<SecretKey, Locked> {
    let mut reader = Reader::new(secret);
    let usage = reader.byte()?;
    let numbers = match usage {
        0 => reader.rest().to_vec(),
        254 | 255 => {
            let cipher = reader.byte()?;
            let protection = Protection {
                key_length: key_length(cipher)?,
                stretch: Stretch::read(&mut reader)?,
                start: reader.array()?,
                is_hashed: usage == 254,
            };
            protection.open(reader.rest(), passphrase)?
        }
        other => {
            let reason = format!("the protection number {other} of the key is not supported");
            return Err(Locked::Broken(reason));
        }
    };
    from_numbers(&numbers, public)
}

/// A key out of the numbers in the secret part of its packet.
fn from_numbers(numbers: &[u8], public: &PublicKey) -> Result<SecretKey, Locked> {
    let mut reader = Reader::new(numbers);
    match &public.parameters {
        Parameters::Rsa { modulus, exponent } => {
            let (secret, one, two) = (reader.number()?, reader.number()?, reader.number()?);
            Ok(SecretKey::rsa(modulus, exponent, secret, [one, two])?)
        }
        Parameters::Ecdh(_) => Ok(SecretKey::Ecdh(reader.number()?.to_vec())),
        Parameters::Other => Err(Locked::Broken(
            "the key is of a kind that is not supported".to_owned(),
        )),
    }
}

/// How numbers are encrypted in a packet.
struct Protection {
    key_length: usize,
    stretch: Stretch,
    start: [u8; 16],
    /// Whether a hash stands at the end, else a sum.
    is_hashed: bool,
}

impl Protection {
    fn open(&self, sealed: &[u8], passphrase: Option<&str>) -> Result<Vec<u8>, Locked> {
        let key = self
            .stretch
            .key(passphrase.ok_or(Locked::Passphrase)?, self.key_length);
        let mut plain = Aes::new(&key)?.feedback(self.start, sealed);
        let at = plain
            .len()
            .checked_sub(if self.is_hashed { 20 } else { 2 })
            .ok_or(Locked::Passphrase)?;
        let check = plain.split_off(at);
        let fits = if self.is_hashed {
            Sha1::digest(&plain)[..] == check
        } else {
            sum(&plain).to_be_bytes() == check[..]
        };
        fits.then_some(plain).ok_or(Locked::Passphrase)
    }
}

/// How a passphrase becomes a key.
struct Stretch {
    hash: Hash,
    salt: Vec<u8>,
    count: usize,
}

impl Stretch {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Locked> {
        let kind = reader.byte()?;
        let hash = reader.byte()?;
        if kind == 101 {
            // GnuPG's own: no secret, or one on a card.
            return Err(Locked::Elsewhere);
        }
        let hash = Hash::new(hash)?;
        let (salted, counted) = match kind {
            0 => (false, false),
            1 => (true, false),
            3 => (true, true),
            other => {
                let reason = format!("passphrases of the kind number {other} are not supported");
                return Err(Locked::Broken(reason));
            }
        };
        let salt = reader.take(if salted { 8 } else { 0 })?.to_vec();
        let count = if counted { decoded_count(reader.byte()?) } else { 0 };
        Ok(Self { hash, salt, count })
    }

    fn key(&self, passphrase: &str, length: usize) -> Vec<u8> {
        self.hash.stretch(passphrase, &self.salt, self.count, length)
    }
}

fn decoded_count(code: u8) -> usize {
    (16 + usize::from(code & 15)) << ((code >> 4) + 6)
}

/// What GnuPG calls the algorithms in its files.
const RSA: &str = "rsa";
const ECC: &str = "ecc";

/// Whether a key file is the secret half of a public key.
pub(super) fn belongs(file: &Expression, public: &PublicKey) -> bool {
    let without_zeros = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        bytes[start..].to_vec()
    };
    match &public.parameters {
        Parameters::Rsa { modulus, .. } => file
            .find(RSA)
            .and_then(|key| key.value("n"))
            .is_some_and(|n| without_zeros(n) == without_zeros(modulus)),
        Parameters::Ecdh(ecdh) => file.find(ECC).is_some_and(|key| {
            let (curve, point) = (key.value("curve"), key.value("q"));
            curve
                .zip(point)
                .is_some_and(|(curve, point)| ecdh.is(curve, point))
        }),
        Parameters::Other => false,
    }
}

fn open_file(file: &Expression, public: &PublicKey, passphrase: Option<&str>) -> Result<SecretKey, Locked> {
    let broken = || Locked::Broken("the key file is broken".to_owned());
    let key = file.find(RSA).or_else(|| file.find(ECC)).ok_or_else(broken)?;
    let opened;
    let numbers = match file.name() {
        b"private-key" => key,
        b"protected-private-key" => {
            let protected = key.find("protected").ok_or_else(broken)?;
            if let Some(imported) = protected.find("openpgp-private-key") {
                return open_imported(imported, public, passphrase);
            }
            opened = unprotect(key, protected, passphrase)?;
            &opened
        }
        b"shadowed-private-key" => return Err(Locked::Elsewhere),
        _ => return Err(broken()),
    };
    let number = |name| numbers.value(name).ok_or_else(broken);
    match &public.parameters {
        Parameters::Rsa { modulus, exponent } => {
            let primes = [number("p")?, number("q")?];
            Ok(SecretKey::rsa(modulus, exponent, number("d")?, primes)?)
        }
        Parameters::Ecdh(_) => Ok(SecretKey::Ecdh(number("d")?.to_vec())),
        Parameters::Other => Err(broken()),
    }
}

/// The list of secret numbers under a passphrase.
fn unprotect(
    key: &Expression,
    protected: &Expression,
    passphrase: Option<&str>,
) -> Result<Expression, Locked> {
    let broken = || Locked::Broken("the protection of the key file is broken".to_owned());
    let [
        _,
        Expression::Text(mode),
        Expression::List(parameters),
        Expression::Text(sealed),
        ..,
    ] = protected.list()
    else {
        return Err(broken());
    };
    let [Expression::List(stretch), Expression::Text(start), ..] = &parameters[..] else {
        return Err(broken());
    };
    let [
        Expression::Text(hash),
        Expression::Text(salt),
        Expression::Text(count),
    ] = &stretch[..]
    else {
        return Err(broken());
    };
    let count = std::str::from_utf8(count)
        .ok()
        .and_then(|count| count.parse::<usize>().ok());
    let count = count.filter(|_| hash == b"sha1").ok_or_else(broken)?;
    // Old files have the count in the form that packets have.
    let count = u8::try_from(count).map_or(count, decoded_count);
    let stretched = Hash::Sha1.stretch(passphrase.ok_or(Locked::Passphrase)?, salt, count, 16);
    let plain = match &mode[..] {
        b"openpgp-s2k3-sha1-aes-cbc" => {
            let start = <[u8; 16]>::try_from(&start[..]).map_err(|_| broken())?;
            Aes::new(&stretched)?.chained(start, sealed)
        }
        b"openpgp-s2k3-ocb-aes" => {
            let list = key.list().iter().filter(|item| item.name() != b"protected");
            let associated = Expression::List(list.cloned().collect()).canonical();
            open_ocb(&stretched, start, sealed, &associated)
        }
        other => {
            let name = String::from_utf8_lossy(other);
            return Err(Locked::Broken(format!(
                "the protection `{name}` of the key file is not supported"
            )));
        }
    };
    // Of another passphrase comes no list of numbers.
    let plain = plain.ok_or(Locked::Passphrase)?;
    let plain = Expression::parse(&plain).ok_or(Locked::Passphrase)?;
    let numbers = plain.list().first().ok_or(Locked::Passphrase)?;
    if numbers.value("d").is_none() {
        return Err(Locked::Passphrase);
    }
    Ok(Expression::List(
        std::iter::once(Expression::Text(Vec::new()))
            .chain(numbers.list().iter().cloned())
            .collect(),
    ))
}

/// A key as it was in a packet, which GnuPG keeps until it is used for the first time.
fn open_imported(
    imported: &Expression,
    public: &PublicKey,
    passphrase: Option<&str>,
) -> Result<SecretKey, Locked> {
    let broken = || Locked::Broken("the imported key in the key file is broken".to_owned());
    let numbers = imported.find("skey").ok_or_else(broken)?.list();
    let numbers: Vec<(&[u8], &[u8])> = numbers[1..]
        .chunks(2)
        .filter_map(|pair| Some((pair.first()?.text()?, pair.get(1)?.text()?)))
        .collect();
    let public_count = match public.parameters {
        Parameters::Rsa { .. } => 2,
        _ => 1,
    };
    let secret = numbers.get(public_count..).ok_or_else(broken)?;
    let protection = imported.find("protection").ok_or_else(broken)?.list();
    let text = |index: usize| {
        protection
            .get(index)
            .and_then(Expression::text)
            .ok_or_else(broken)
    };
    if let [(b"e", sealed)] = secret {
        let (kind, cipher) = (text(1)?, text(2)?.to_ascii_lowercase());
        let count: u8 = std::str::from_utf8(text(7)?)
            .ok()
            .and_then(|count| count.parse().ok())
            .ok_or_else(broken)?;
        let protection = Protection {
            key_length: match &cipher[..] {
                b"aes" | b"aes128" => 16,
                b"aes192" => 24,
                b"aes256" => 32,
                other => {
                    let name = String::from_utf8_lossy(other);
                    return Err(Locked::Broken(format!(
                        "the cipher {name} is not supported, AES is"
                    )));
                }
            },
            start: text(3)?.try_into().map_err(|_| broken())?,
            stretch: Stretch {
                hash: Hash::named(text(5)?)?,
                salt: text(6)?.to_vec(),
                count: if text(4)? == b"3" { decoded_count(count) } else { 0 },
            },
            is_hashed: kind == b"sha1",
        };
        return from_numbers(&protection.open(sealed, passphrase)?, public);
    }
    match (&public.parameters, secret) {
        (Parameters::Rsa { modulus, exponent }, [(_, d), (_, p), (_, q), ..]) => {
            Ok(SecretKey::rsa(modulus, exponent, d, [p, q])?)
        }
        (Parameters::Ecdh(_), [(_, d), ..]) => Ok(SecretKey::Ecdh(d.to_vec())),
        _ => Err(broken()),
    }
}
