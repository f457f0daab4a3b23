//! Random strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, RngCore as _};

use super::arguments::{int, text};
use super::*;
use crate::runes;

/// How long a random string may get; Go would run out of memory.
const MAX_LENGTH: i64 = 1 << 28;

pub(super) const TABLE: &[Entry] = &[
    ("randAlphaNum", &INT_ONLY, |a, _| {
        random(int(&a[0]), |byte| byte.is_ascii_alphanumeric())
    }),
    ("randAlpha", &INT_ONLY, |a, _| {
        random(int(&a[0]), |byte| byte.is_ascii_alphabetic())
    }),
    ("randNumeric", &INT_ONLY, |a, _| {
        random(int(&a[0]), |byte| byte.is_ascii_digit())
    }),
    ("randAscii", &INT_ONLY, |a, _| {
        random(int(&a[0]), |byte| (32..127).contains(&byte))
    }),
    ("randBytes", &INT_ONLY, |a, _| random_bytes(int(&a[0]))),
    ("uuidv4", &NOTHING, |_, _| {
        Ok(uuid::Uuid::new_v4().to_string().into())
    }),
    ("shuffle", &TEXT, |a, _| Ok(shuffle(text(&a[0])))),
];

/// A negative length gives nothing, since sprig ignores the error.
fn random(count: i64, allowed: impl Fn(u8) -> bool) -> Result<Value> {
    if count > MAX_LENGTH {
        return Err(Error::message("runtime error: makeslice: len out of range"));
    }
    let letters: Vec<u8> = (0..128).filter(|byte| allowed(*byte)).collect();
    let mut random = rand::rng();
    let picked: Vec<u8> = (0..count)
        .map(|_| letters[random.random_range(0..letters.len())])
        .collect();
    Ok(Value::string(picked))
}

fn random_bytes(count: i64) -> Result<Value> {
    if !(0..=MAX_LENGTH).contains(&count) {
        return Err(Error::message("runtime error: makeslice: len out of range"));
    }
    let mut bytes = vec![0; count as usize];
    rand::rng().fill_bytes(&mut bytes);
    Ok(STANDARD.encode(bytes).into())
}

fn shuffle(bytes: &[u8]) -> Value {
    let mut all: Vec<char> = runes::iter(bytes).map(|(_, rune, _)| rune).collect();
    all.shuffle(&mut rand::rng());
    all.into_iter().collect::<String>().into()
}
