//! Decrypts age files: the format of <https://age-encryption.org/v1>.
//!
//! Written here and not taken from a crate, since the one there is brings some forty others for its messages.

mod bech32;
mod ssh;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use curve25519_dalek::MontgomeryPoint;
use hmac::{Hmac, Mac as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

pub(super) use ssh::SshIdentity;

/// Why a file could not be decrypted.
type Failure = String;

/// Something that may open files.
pub(super) enum Identity {
    /// `AGE-SECRET-KEY-1…`
    X25519([u8; 32]),
    /// An SSH key.
    Ssh(SshIdentity),
    /// A passphrase.
    Passphrase(String),
}

/// A file's key, wrapped for a recipient.
struct Stanza {
    kind: String,
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// The head of a file, and where it ends.
struct Header<'f> {
    stanzas: Vec<Stanza>,
    /// What the checksum covers.
    covered: &'f [u8],
    mac: Vec<u8>,
    payload: &'f [u8],
}

const VERSION: &str = "age-encryption.org/v1";
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let bytes = bech32::decode(text, "age-secret-key-")?;
        let key = <[u8; 32]>::try_from(bytes).map_err(|_| "the key is not 32 bytes long")?;
        Ok(Self::X25519(key))
    }

    /// The file's key; `None` when the stanza is for somebody else.
    fn open(&self, stanza: &Stanza) -> Option<Result<Vec<u8>, Failure>> {
        match self {
            Self::X25519(secret) if stanza.kind == "X25519" => x25519(secret, stanza),
            Self::X25519(_) => None,
            Self::Ssh(key) => key.open(&stanza.kind, &stanza.arguments, &stanza.body),
            Self::Passphrase(text) if stanza.kind == "scrypt" => Some(scrypt(text, stanza)),
            Self::Passphrase(_) => None,
        }
    }
}

/// Whether a file is encrypted with age, in armour or not.
pub(super) fn is_encrypted(file: &[u8]) -> bool {
    file.trim_ascii_start().starts_with(ARMOR.as_bytes()) || file.starts_with(VERSION.as_bytes())
}

/// Opens a file, in armour or not, with the first identity that can.
pub(super) fn decrypt<'i>(
    file: &[u8],
    identities: impl Iterator<Item = &'i Identity>,
) -> Result<Vec<u8>, Failure> {
    let file = if file.starts_with(VERSION.as_bytes()) {
        file.to_vec()
    } else {
        dearmor(&String::from_utf8_lossy(file))?
    };
    let header = header(&file)?;
    let key = identities
        .flat_map(|identity| {
            header
                .stanzas
                .iter()
                .filter_map(move |stanza| identity.open(stanza))
        })
        .next()
        .unwrap_or_else(|| Err("no identity matched any of the recipients".to_owned()))?;
    let mut mac = hmac(&hkdf(&key, b"", b"header"));
    mac.update(header.covered);
    mac.verify_slice(&header.mac)
        .map_err(|_| "the header's checksum does not fit")?;
    payload(&key, header.payload)
}

fn dearmor(text: &str) -> Result<Vec<u8>, Failure> {
    let mut lines = text.trim().lines().map(str::trim_end);
    if lines.next() != Some(ARMOR) {
        return Err("not an armoured age file".to_owned());
    }
    let body: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD
        .decode(body)
        .map_err(|error| format!("the armour is not base64: {error}"))
}

fn header(file: &[u8]) -> Result<Header<'_>, Failure> {
    let wrong = || "the header is not one of age".to_owned();
    let mut at = 0;
    let mut line = || -> Option<&str> {
        let length = file[at..].iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&file[at..at + length]).ok();
        at += length + 1;
        line
    };
    if line() != Some(VERSION) {
        return Err(wrong());
    }
    let mut stanzas: Vec<Stanza> = Vec::new();
    loop {
        let head = line().ok_or_else(wrong)?;
        if let Some(mac) = head.strip_prefix("--- ") {
            let mac_length = mac.len();
            let mac = STANDARD_NO_PAD.decode(mac).map_err(|_| wrong())?;
            return Ok(Header {
                stanzas,
                // Up to and with the dashes.
                covered: &file[..at - mac_length - 2],
                mac,
                payload: &file[at..],
            });
        }
        let mut parts = head
            .strip_prefix("-> ")
            .ok_or_else(wrong)?
            .split(' ')
            .map(str::to_owned);
        let kind = parts.next().ok_or_else(wrong)?;
        let mut body = String::new();
        loop {
            let part = line().ok_or_else(wrong)?;
            body.push_str(part);
            if part.len() < 64 {
                break;
            }
        }
        stanzas.push(Stanza {
            kind,
            arguments: parts.collect(),
            body: STANDARD_NO_PAD.decode(body).map_err(|_| wrong())?,
        });
    }
}

/// Bytes of a stanza's argument.
fn argument<const N: usize>(arguments: &[String], index: usize) -> Option<[u8; N]> {
    STANDARD_NO_PAD
        .decode(arguments.get(index)?)
        .ok()?
        .try_into()
        .ok()
}

fn x25519(secret: &[u8; 32], stanza: &Stanza) -> Option<Result<Vec<u8>, Failure>> {
    let share = argument::<32>(&stanza.arguments, 0)?;
    let own = MontgomeryPoint::mul_base_clamped(*secret);
    let shared = MontgomeryPoint(share).mul_clamped(*secret);
    let salt = [&share[..], own.as_bytes()].concat();
    let key = hkdf(shared.as_bytes(), &salt, b"age-encryption.org/v1/X25519");
    // A stanza does not say whom it is for: one that cannot be opened is for somebody else.
    open(&key, [0; 12], &stanza.body).map(Ok)
}

/// A passphrase is the only recipient of its file.
fn scrypt(passphrase: &str, stanza: &Stanza) -> Result<Vec<u8>, Failure> {
    /// age writes 18, and refuses to read more than this.
    const MOST: u8 = 22;
    let broken = || "the passphrase's stanza is broken".to_owned();
    let salt = argument::<16>(&stanza.arguments, 0).ok_or_else(broken)?;
    let cost: u8 = stanza
        .arguments
        .get(1)
        .and_then(|cost| cost.parse().ok())
        .ok_or_else(broken)?;
    if cost > MOST {
        return Err(format!(
            "its passphrase is stretched too far: {cost} is more than {MOST}"
        ));
    }
    let parameters = scrypt::Params::new(cost, 8, 1, 32).map_err(|_| broken())?;
    let salt = [b"age-encryption.org/v1/scrypt", &salt[..]].concat();
    let mut key = [0; 32];
    scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, &mut key).map_err(|_| broken())?;
    open(&key, [0; 12], &stanza.body).ok_or_else(|| "that is not its passphrase".to_owned())
}

/// The file's content: chunks that are numbered and know whether they are the last.
fn payload(key: &[u8], payload: &[u8]) -> Result<Vec<u8>, Failure> {
    const CHUNK: usize = (64 << 10) + 16;
    if payload.len() < 16 {
        return Err("the file is cut off".to_owned());
    }
    let (salt, rest) = payload.split_at(16);
    let key = hkdf(key, salt, b"payload");
    let mut plain = Vec::new();
    let count = rest.len().div_ceil(CHUNK).max(1);
    for index in 0..count {
        let from = index * CHUNK;
        let chunk = &rest[from..rest.len().min(from + CHUNK)];
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&(index as u64).to_be_bytes());
        nonce[11] = u8::from(index + 1 == count);
        let opened = open(&key, nonce, chunk).ok_or("the content was changed or is cut off")?;
        plain.extend(opened);
    }
    Ok(plain)
}

/// Opens a box of ChaCha20-Poly1305.
fn open(key: &[u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let mut buffer = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = key.open_in_place(nonce, Aad::empty(), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

type HmacSha256 = Hmac<Sha256>;

fn hmac(key: &[u8; 32]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).unwrap_or_else(|_| HmacSha256::new(&[0; 64].into()))
}

/// 32 bytes of HKDF with SHA-256 (RFC 5869): a single block.
fn hkdf(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    // HMAC fills a short key up with zeros, so that an empty salt is one of zeros.
    let mut padded = [0; 64];
    let extract: HmacSha256 = if salt.len() <= padded.len() {
        padded[..salt.len()].copy_from_slice(salt);
        HmacSha256::new(&padded.into())
    } else {
        use sha2::Digest as _;
        hmac(&Sha256::digest(salt).into())
    };
    let mut extract = extract;
    extract.update(secret);
    let mut expand = hmac(&extract.finalize().into_bytes().into());
    expand.update(info);
    expand.update(&[1]);
    expand.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, test case 1 (its first 32 bytes) and 3.
    #[test]
    fn hkdf_is_that_of_the_rfc() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let one = hkdf(&[0x0b; 22], &salt, &info);
        assert_eq!(one[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        let three = hkdf(&[0x0b; 22], &[], &[]);
        assert_eq!(three[..8], [0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f]);
    }

    #[test]
    fn broken_files_are_refused() {
        for file in [
            "",
            "age-encryption.org/v2\n",
            "age-encryption.org/v1\n-> X25519 a",
            "age-encryption.org/v1\n--- x",
        ] {
            let armored = format!(
                "-----BEGIN AGE ENCRYPTED FILE-----\n{}\n-----END AGE ENCRYPTED FILE-----\n",
                STANDARD.encode(file)
            );
            assert!(decrypt(armored.as_bytes(), std::iter::empty()).is_err(), "{file}");
            assert!(decrypt(file.as_bytes(), std::iter::empty()).is_err(), "{file}");
        }
        assert!(decrypt(b"nothing", std::iter::empty()).is_err());
    }
}
