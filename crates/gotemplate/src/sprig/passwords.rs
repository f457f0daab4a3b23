//! Passwords: hashed, derived and used for encryption.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockDecryptMut as _, BlockEncryptMut as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use sha2::Sha256;

use super::arguments::text;
use super::encoding::base64_decode;
use super::*;
use crate::types::UintType;

const COUNTER: Type = Type::Uint(UintType::Uint32);

static DERIVE: Signature =
    Signature::fixed(&[COUNTER, Type::String, Type::String, Type::String, Type::String]);

pub(super) const TABLE: &[Entry] = &[
    ("bcrypt", &TEXT, |a, _| Ok(hash(text(&a[0])).into())),
    ("htpasswd", &TEXT_TEXT, |a, _| {
        Ok(htpasswd(text(&a[0]), text(&a[1])))
    }),
    ("derivePassword", &DERIVE, |a, _| derive(a)),
    ("encryptAES", &TEXT_TEXT, |a, _| encrypt(text(&a[0]), text(&a[1]))),
    ("decryptAES", &TEXT_TEXT, |a, _| decrypt(text(&a[0]), text(&a[1]))),
];

fn hash(password: &[u8]) -> String {
    let failed = |why: &str| format!("failed to encrypt string with bcrypt: {why}");
    if password.len() > 72 {
        return failed("bcrypt: password length exceeds 72 bytes");
    }
    match bcrypt::hash_with_result(password, 10) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => failed(&error.to_string()),
    }
}

fn htpasswd(user: &[u8], password: &[u8]) -> Value {
    if user.contains(&b':') {
        return Value::string([b"invalid username: ", user].concat());
    }
    Value::string([user, b":", hash(password).as_bytes()].concat())
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The templates of a kind of password, each letter standing for a class of characters.
fn templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The Master Password algorithm.
fn derive(a: &[Value]) -> Result<Value> {
    let Value::Uint(counter, _) = a[0] else {
        return Ok("".into());
    };
    let (kind, password, user, site) = (text(&a[1]), text(&a[2]), text(&a[3]), text(&a[4]));
    let Some(templates) = templates(kind) else {
        return Ok(Value::string([b"cannot find password template ", kind].concat()));
    };
    let failed = |error: String| Error::message(format!("failed to derive password: {error}"));
    let with_length = |part: &[u8]| [&(part.len() as u32).to_be_bytes(), part].concat();
    let salt = [SEED, &with_length(user)].concat();
    let parameters = scrypt::Params::new(15, 8, 2, 64).map_err(|error| failed(error.to_string()))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &salt, &parameters, &mut key).map_err(|error| failed(error.to_string()))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(error.to_string()))?;
    mac.update(SEED);
    mac.update(&with_length(site));
    mac.update(&(counter as u32).to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let letters: Vec<u8> = template
        .bytes()
        .zip(&seed[1..])
        .map(|(class, number)| {
            let characters = characters(class);
            characters[usize::from(*number) % characters.len()]
        })
        .collect();
    Ok(Value::string(letters))
}

/// The password cut or filled with zeros to the length of a key.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    key
}

fn encrypt(password: &[u8], plain: &[u8]) -> Result<Value> {
    if plain.is_empty() {
        return Ok("".into());
    }
    let mut start = [0; 16];
    rand::rng().fill_bytes(&mut start);
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &start.into());
    let encrypted = cipher.encrypt_padded_vec_mut::<Pkcs7>(plain);
    Ok(STANDARD.encode([&start[..], &encrypted].concat()).into())
}

fn decrypt(password: &[u8], encoded: &[u8]) -> Result<Value> {
    if encoded.is_empty() {
        return Ok("".into());
    }
    let bytes = base64_decode(encoded).map_err(Error::message)?;
    let Some((start, encrypted)) = bytes.split_first_chunk::<16>() else {
        return Err(out_of_range(&format!(
            "[:16] with capacity {}",
            encoded.len() / 4 * 3
        )));
    };
    if encrypted.len() % 16 != 0 {
        return Err(Error::message("crypto/cipher: input not full blocks"));
    }
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), start.into());
    let mut plain = cipher
        .decrypt_padded_vec_mut::<NoPadding>(encrypted)
        .map_err(|_| Error::message("crypto/cipher: input not full blocks"))?;
    let Some(padding) = plain.last().copied().map(usize::from) else {
        return Err(Error::message("runtime error: index out of range [-1]"));
    };
    match plain.len().checked_sub(padding) {
        Some(length) => {
            plain.truncate(length);
            Ok(Value::string(plain))
        }
        None => {
            let end = plain.len() as i64 - padding as i64;
            Err(out_of_range(&format!("[:{end}]")))
        }
    }
}
