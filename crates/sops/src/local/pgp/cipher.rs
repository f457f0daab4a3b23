//! The ciphers that messages and keys are encrypted with.
//!
//! Source: RFC 4880, sections 3.7, 5.13 and 13.9; RFC 3394; for AEAD packets draft-ietf-openpgp-rfc4880bis-10, section 5.16.

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecrypt as _, BlockEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes192, Aes256};
use ocb3::Ocb3;
use ocb3::aead::Aead as _;
use ocb3::aead::Payload;
use ocb3::aead::consts::{U12, U15};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// AES by the length of its key.
pub(super) enum Aes {
    Short(Box<Aes128>),
    Middle(Box<Aes192>),
    Long(Box<Aes256>),
}

/// How long the key of a cipher is.
pub(super) fn key_length(algorithm: u8) -> Result<usize, String> {
    match algorithm {
        7 => Ok(16),
        8 => Ok(24),
        9 => Ok(32),
        other => Err(format!(
            "the cipher {} is not supported, AES is",
            cipher_name(other)
        )),
    }
}

fn cipher_name(algorithm: u8) -> String {
    match algorithm {
        1 => "IDEA".to_owned(),
        2 => "3DES".to_owned(),
        3 => "CAST5".to_owned(),
        4 => "Blowfish".to_owned(),
        10 => "Twofish".to_owned(),
        11..=13 => "Camellia".to_owned(),
        other => format!("number {other}"),
    }
}

impl Aes {
    /// For a key of 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Result<Self, String> {
        let wrong = |_| format!("a key of {} bytes does not fit AES", key.len());
        Ok(match key.len() {
            16 => Self::Short(Box::new(Aes128::new_from_slice(key).map_err(wrong)?)),
            24 => Self::Middle(Box::new(Aes192::new_from_slice(key).map_err(wrong)?)),
            _ => Self::Long(Box::new(Aes256::new_from_slice(key).map_err(wrong)?)),
        })
    }

    fn encrypt(&self, block: &mut [u8; 16]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Self::Short(cipher) => cipher.encrypt_block(block),
            Self::Middle(cipher) => cipher.encrypt_block(block),
            Self::Long(cipher) => cipher.encrypt_block(block),
        }
    }

    fn decrypt(&self, block: &mut [u8; 16]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Self::Short(cipher) => cipher.decrypt_block(block),
            Self::Middle(cipher) => cipher.decrypt_block(block),
            Self::Long(cipher) => cipher.decrypt_block(block),
        }
    }

    /// Cipher feedback.
    pub(super) fn feedback(&self, start: [u8; 16], encrypted: &[u8]) -> Vec<u8> {
        let mut register = start;
        let mut plain = Vec::with_capacity(encrypted.len());
        for chunk in encrypted.chunks(16) {
            self.encrypt(&mut register);
            plain.extend(chunk.iter().zip(register).map(|(byte, key)| byte ^ key));
            register[..chunk.len()].copy_from_slice(chunk);
        }
        plain
    }

    /// Cipher block chaining, without looking at the padding; `None` when there is no whole number of blocks.
    pub(super) fn chained(&self, start: [u8; 16], encrypted: &[u8]) -> Option<Vec<u8>> {
        let (blocks, rest) = encrypted.as_chunks::<16>();
        let mut before = start;
        let mut plain = Vec::with_capacity(encrypted.len());
        for block in blocks {
            let mut opened = *block;
            self.decrypt(&mut opened);
            plain.extend(opened.iter().zip(before).map(|(byte, key)| byte ^ key));
            before = *block;
        }
        rest.is_empty().then_some(plain)
    }

    /// Takes a key out of its wrapping (RFC 3394); `None` when it was wrapped with another one.
    pub(super) fn unwrap_key(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        let (blocks, rest) = wrapped.as_chunks::<8>();
        let (mut check, blocks) = blocks.split_first().map(|(check, blocks)| (*check, blocks))?;
        if !rest.is_empty() {
            return None;
        }
        let mut blocks = blocks.to_vec();
        let count = blocks.len() as u64;
        for round in (0..6).rev() {
            for (index, block) in blocks.iter_mut().enumerate().rev() {
                let step = count * round + index as u64 + 1;
                let mut both = [0; 16];
                both[..8].copy_from_slice(&(u64::from_be_bytes(check) ^ step).to_be_bytes());
                both[8..].copy_from_slice(block);
                self.decrypt(&mut both);
                check.copy_from_slice(&both[..8]);
                block.copy_from_slice(&both[8..]);
            }
        }
        (check == [0xA6; 8]).then(|| blocks.concat())
    }
}

/// Opens a box of AES in OCB mode with a nonce of 12 bytes (GnuPG's key files) or 15 (messages).
pub(super) fn open_ocb(key: &[u8], nonce: &[u8], sealed: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
    let payload = Payload {
        msg: sealed,
        aad: associated,
    };
    macro_rules! open {
        ($cipher:ty, $size:ty) => {
            Ocb3::<$cipher, $size>::new_from_slice(key)
                .ok()?
                .decrypt(GenericArray::from_slice(nonce), payload)
                .ok()
        };
    }
    match (key.len(), nonce.len()) {
        (16, 12) => open!(Aes128, U12),
        (16, 15) => open!(Aes128, U15),
        (24, 15) => open!(Aes192, U15),
        (32, 15) => open!(Aes256, U15),
        _ => None,
    }
}

/// A hash of OpenPGP by its number.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn new(algorithm: u8) -> Result<Self, String> {
        Ok(match algorithm {
            2 => Self::Sha1,
            8 => Self::Sha256,
            9 => Self::Sha384,
            10 => Self::Sha512,
            11 => Self::Sha224,
            other => {
                return Err(format!(
                    "the hash number {other} is not supported, SHA-1 and SHA-2 are"
                ));
            }
        })
    }

    /// By the name in GnuPG's files.
    pub(super) fn named(name: &[u8]) -> Result<Self, String> {
        match &name.to_ascii_lowercase()[..] {
            b"sha1" => Self::new(2),
            b"sha224" => Self::new(11),
            b"sha256" => Self::new(8),
            b"sha384" => Self::new(9),
            b"sha512" => Self::new(10),
            other => Err(format!(
                "the hash {} is not supported, SHA-1 and SHA-2 are",
                String::from_utf8_lossy(other)
            )),
        }
    }

    pub(super) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => digest::<Sha1>(parts),
            Self::Sha224 => digest::<Sha224>(parts),
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    /// A key from a passphrase, hashed over and over until so many bytes have gone in (RFC 4880, section 3.7.1).
    pub(super) fn stretch(self, passphrase: &str, salt: &[u8], count: usize, length: usize) -> Vec<u8> {
        let salted = [salt, passphrase.as_bytes()].concat();
        // Hashed in big pieces, since the salted passphrase is short and the count in the millions.
        let times = (1 << 16) / salted.len().max(1) + 1;
        let piece = salted.repeat(times);
        let count = count.max(salted.len());
        let (whole, rest) = (count / piece.len(), &piece[..count % piece.len()]);
        let mut key = Vec::new();
        for zeros in 0.. {
            if key.len() >= length {
                break;
            }
            let start = vec![0; zeros];
            let mut parts: Vec<&[u8]> = vec![&start];
            parts.extend(std::iter::repeat_n(&piece[..], whole));
            parts.push(rest);
            key.extend(self.of(&parts));
        }
        key.truncate(length);
        key
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::Aes;

    /// RFC 3394, sections 4.1 and 4.6.
    #[test]
    fn keys_are_unwrapped() {
        let hex = |text: &str| -> Vec<u8> {
            let digits: Vec<char> = text.chars().filter(|digit| *digit != ' ').collect();
            let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
            digits.chunks(2).map(pair).collect()
        };
        let key: Vec<u8> = (0..32).collect();
        let data = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        for (length, wrapped, plain) in [
            (16, "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5", 16),
            (
                32,
                "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21",
                32,
            ),
        ] {
            let cipher = Aes::new(&key[..length]).unwrap();
            let mut wrapped = hex(wrapped);
            assert_eq!(cipher.unwrap_key(&wrapped).as_deref(), Some(&data[..plain]));
            wrapped[3] ^= 1;
            assert_eq!(cipher.unwrap_key(&wrapped), None);
            assert_eq!(cipher.unwrap_key(&wrapped[1..]), None);
        }
    }
}
