//! The values of a file: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, Nonce, aes::Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::tree::{Comment, Value};

/// The parts of an encrypted value, still in base64.
struct Parts<'t> {
    data: &'t str,
    iv: &'t str,
    tag: &'t str,
    kind: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix("ENC[AES256_GCM,data:")?;
        let (data, rest) = rest.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, rest) = rest.split_once(",type:")?;
        let (kind, _) = rest.rsplit_once(']')?;
        let all = [data, iv, tag, kind];
        all.iter()
            .all(|part| !part.is_empty())
            .then_some(Self { data, iv, tag, kind })
    }
}

/// The type of an encrypted value, `str`, `int` and the like; `None` for other texts.
pub(crate) fn kind(text: &str) -> Option<&str> {
    Parts::of(text).map(|parts| parts.kind)
}

/// Decrypts a value that is bound to a place; the empty text is not encrypted.
pub(crate) fn decrypt(text: &str, key: &[u8], place: &str) -> Result<Value, Error> {
    if text.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let parts = Parts::of(text).ok_or_else(|| {
        Error::new("expected an encrypted value of the form ENC[AES256_GCM,…], found something else")
    })?;
    let decode = |name: &str, part: &str| {
        let decoded = STANDARD.decode(part);
        decoded
            .map_err(|error| Error::new(format!("the {name} of an encrypted value is not base64: {error}")))
    };
    let (mut data, iv, tag) = (
        decode("data", parts.data)?,
        decode("iv", parts.iv)?,
        decode("tag", parts.tag)?,
    );
    data.extend(tag);
    let payload = Payload {
        msg: &data,
        aad: place.as_bytes(),
    };
    let plain = match iv.len() {
        32 => AesGcm::<Aes256, U32>::new_from_slice(key)
            .map(|cipher| cipher.decrypt(Nonce::<U32>::from_slice(&iv), payload)),
        16 => AesGcm::<Aes256, U16>::new_from_slice(key)
            .map(|cipher| cipher.decrypt(Nonce::<U16>::from_slice(&iv), payload)),
        12 => AesGcm::<Aes256, U12>::new_from_slice(key)
            .map(|cipher| cipher.decrypt(Nonce::<U12>::from_slice(&iv), payload)),
        length => return Err(Error::new(format!("unsupported iv of {length} bytes"))),
    };
    let plain = plain
        .map_err(|_| Error::new(format!("the data key has {} bytes, expected 32", key.len())))?
        .map_err(|_| Error::new("could not decrypt with AES_GCM: message authentication failed"))?;
    typed(plain, parts.kind)
}

/// The value of a decrypted text; the errors do not hold it.
fn typed(plain: Vec<u8>, kind: &str) -> Result<Value, Error> {
    let text = match String::from_utf8(plain) {
        Ok(text) => text,
        Err(error) if matches!(kind, "str" | "bytes") => return Ok(Value::Bytes(error.into_bytes())),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let wrong = || Error::new(format!("a decrypted value is not of its type `{kind}`"));
    Ok(match kind {
        "str" | "bytes" => Value::Text(text),
        "int" => Value::Int(text.parse().map_err(|_| wrong())?),
        "float" => Value::Float(text.parse().map_err(|_| wrong())?),
        "bool" => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
            _ => return Err(wrong()),
        },
        "time" => Value::Time(text),
        "comment" => Value::Comment(Comment { text, inline: false }),
        _ => return Err(Error::new(format!("unknown datatype: {kind}"))),
    })
}
