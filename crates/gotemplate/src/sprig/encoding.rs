//! Base64, base32 and hashes.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::arguments::text;
use super::*;

pub(super) const TABLE: &[Entry] = &[
    ("b64enc", &TEXT, |a, _| {
        Ok(base64::engine::general_purpose::STANDARD
            .encode(text(&a[0]))
            .into())
    }),
    ("b64dec", &TEXT, |a, _| {
        Ok(base64_decode(text(&a[0])).map_or_else(Value::from, Value::string))
    }),
    ("b32enc", &TEXT, |a, _| Ok(base32_encode(text(&a[0])).into())),
    ("b32dec", &TEXT, |a, _| {
        Ok(base32_decode(text(&a[0])).map_or_else(Value::from, Value::string))
    }),
    ("sha1sum", &TEXT, |a, _| {
        Ok(hex::encode(Sha1::digest(text(&a[0]))).into())
    }),
    ("sha256sum", &TEXT, |a, _| {
        Ok(hex::encode(Sha256::digest(text(&a[0]))).into())
    }),
    ("sha512sum", &TEXT, |a, _| {
        Ok(hex::encode(Sha512::digest(text(&a[0]))).into())
    }),
    ("adler32sum", &TEXT, |a, _| {
        Ok(adler2::adler32_slice(text(&a[0])).to_string().into())
    }),
];

/// Go does not look at the bits left over in the last character.
static LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes, or says where the first wrong byte is. Newlines are skipped.
pub(super) fn base64_decode(text: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let kept: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    LENIENT
        .decode(&kept)
        .map_err(|_| format!("illegal base64 data at input byte {}", first_bad_byte(text)))
}

/// Finds the offset Go reports, by walking groups of four as its decoder does.
fn first_bad_byte(text: &[u8]) -> usize {
    let is_newline = |byte: u8| matches!(byte, b'\r' | b'\n');
    let skip = |mut at: usize| {
        while at < text.len() && is_newline(text[at]) {
            at += 1;
        }
        at
    };
    let mut at = 0;
    loop {
        for position in 0..4 {
            at = skip(at);
            if at == text.len() {
                return if position == 0 { at } else { at - position };
            }
            let byte = text[at];
            at += 1;
            if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') {
                continue;
            }
            if byte != b'=' || position < 2 {
                return at - 1;
            }
            if position == 2 {
                at = skip(at);
                if at == text.len() {
                    return text.len();
                }
                if text[at] != b'=' {
                    return at - 1;
                }
                at += 1;
            }
            return skip(at);
        }
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[..group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits) >> 24;
        let used = (group.len() * 8).div_ceil(5);
        for index in 0..8 {
            if index < used {
                out.push(char::from(BASE32[(bits >> (35 - 5 * index) & 31) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn base32_decode(text: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let kept: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let bad = |at: usize| format!("illegal base32 data at input byte {at}");
    let mut out = Vec::with_capacity(kept.len() * 5 / 8);
    let mut at = 0;
    while at < kept.len() {
        let mut bits = 0_u64;
        let mut used = 8;
        for position in 0..8 {
            let Some(byte) = kept.get(at) else {
                return Err(bad(at - position));
            };
            at += 1;
            if *byte == b'=' && position >= 2 && kept.len() - at < 8 {
                let padding = kept.len() - at;
                if padding + position < 7 {
                    return Err(bad(kept.len()));
                }
                if let Some(wrong) = (0..7 - position).find(|offset| kept.get(at + offset) != Some(&b'=')) {
                    return Err(bad(at + wrong - 1));
                }
                if matches!(position, 1 | 3 | 6) {
                    return Err(bad(at - 1));
                }
                used = position;
                at = kept.len();
                bits <<= 5 * (8 - position);
                break;
            }
            let Some(value) = BASE32.iter().position(|letter| letter == byte) else {
                return Err(bad(at - 1));
            };
            bits = bits << 5 | value as u64;
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..3 + used * 5 / 8]);
    }
    Ok(out)
}
