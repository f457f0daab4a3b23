//! NTLM version 2, for web servers inside of companies that know their users by it.
//!
//! Source: MS-NLMP (messages: 2.2.1; computation: 3.3.2; test vectors: 4.2.4), RFC 4559 for the headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Unicode, the target's name and what is known of it, NTLM, and the keys' sizes.
const FLAGS: u32 =
    0x0000_0001 | 0x0000_0004 | 0x0000_0200 | 0x0008_0000 | 0x0080_0000 | 0x2000_0000 | 0x8000_0000;

/// Identifiers of what a server tells of itself: the end of the list, and its time.
const AV_EOL: u16 = 0;
const AV_TIMESTAMP: u16 = 7;

/// Seconds from 1601, where Windows begins to count, to 1970.
const EPOCH: u64 = 11_644_473_600;

/// The schemes of `WWW-Authenticate` that carry these messages.
const SCHEMES: [&str; 2] = ["NTLM", "Negotiate"];

/// The scheme that a server offers in a `WWW-Authenticate` header, with the message that follows it.
pub(crate) fn offered(header: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    SCHEMES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
        .map(|known| (known, rest.trim()))
}

/// The message that opens the talk, in base64.
pub(crate) fn negotiate() -> String {
    let mut message = SIGNATURE.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(FLAGS.to_le_bytes());
    // neither a domain nor a workstation
    message.extend([0; 16]);
    STANDARD.encode(message)
}

/// What the server answers to the first message.
struct Challenge {
    flags: u32,
    nonce: [u8; 8],
    target: Vec<u8>,
}

impl Challenge {
    fn parse(message: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(message.get(at..at + 4)?.try_into().ok()?));
        if message.get(..8)? != SIGNATURE || number(8)? != 2 {
            return None;
        }
        let length = usize::from(u16::from_le_bytes(message.get(40..42)?.try_into().ok()?));
        let offset = usize::try_from(number(44)?).ok()?;
        Some(Self {
            flags: number(20)?,
            nonce: message.get(24..32)?.try_into().ok()?,
            target: message.get(offset..offset.checked_add(length)?)?.to_vec(),
        })
    }

    /// The server's own time, in its units.
    fn timestamp(&self) -> Option<[u8; 8]> {
        let mut rest = &*self.target;
        loop {
            let id = u16::from_le_bytes(rest.get(..2)?.try_into().ok()?);
            let length = usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?));
            let value = rest.get(4..4 + length)?;
            match id {
                AV_EOL => return None,
                AV_TIMESTAMP => return value.try_into().ok(),
                _ => rest = &rest[4 + length..],
            }
        }
    }
}

/// The message that answers the server's, in base64; `None` where the server's is none.
///
/// The name may be `DOMAIN\user` or `user@domain`. `nonce` is eight random bytes, `now` the seconds since 1970.
pub(crate) fn authenticate(
    challenge: &str,
    username: &str,
    password: &str,
    nonce: [u8; 8],
    now: u64,
) -> Option<String> {
    let challenge = Challenge::parse(&STANDARD.decode(challenge).ok()?)?;
    let (domain, user) = match username.split_once('\\') {
        Some((domain, user)) => (domain, user),
        None => ("", username),
    };
    let key = response_key(user, domain, password);
    let told = challenge.timestamp();
    let time = told.unwrap_or_else(|| ((now + EPOCH) * 10_000_000).to_le_bytes());
    let nt = nt_response(&key, &challenge, nonce, time);
    // A server that tells its time looks at the longer answer only.
    let lm = match told {
        Some(_) => vec![0; 24],
        None => lm_response(&key, &challenge, nonce),
    };
    let parts = [lm, nt, utf16(domain), utf16(user), Vec::new(), Vec::new()];
    let mut message = SIGNATURE.to_vec();
    message.extend(3_u32.to_le_bytes());
    let mut offset = 64;
    for part in &parts {
        let length = u16::try_from(part.len()).ok()?;
        message.extend(length.to_le_bytes());
        message.extend(length.to_le_bytes());
        message.extend(u32::try_from(offset).ok()?.to_le_bytes());
        offset += part.len();
    }
    message.extend((FLAGS & challenge.flags).to_le_bytes());
    for part in parts {
        message.extend(part);
    }
    Some(STANDARD.encode(message))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    // HMAC takes keys of any length.
    Hmac::<Md5>::new_from_slice(key).map_or([0; 16], |mut mac| {
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    })
}

/// `NTOWFv2`.
fn response_key(user: &str, domain: &str, password: &str) -> [u8; 16] {
    let hash = Md4::digest(utf16(password));
    hmac(&hash, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

fn nt_response(key: &[u8; 16], challenge: &Challenge, nonce: [u8; 8], time: [u8; 8]) -> Vec<u8> {
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend(time);
    blob.extend(nonce);
    blob.extend([0; 4]);
    blob.extend(&challenge.target);
    blob.extend([0; 4]);
    let mut response = hmac(key, &[&challenge.nonce, &blob]).to_vec();
    response.extend(blob);
    response
}

fn lm_response(key: &[u8; 16], challenge: &Challenge, nonce: [u8; 8]) -> Vec<u8> {
    let mut response = hmac(key, &[&challenge.nonce, &nonce]).to_vec();
    response.extend(nonce);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-NLMP 4.2.4: the names of a domain and a server.
    const TARGET: &str = "02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

    fn challenge() -> Challenge {
        Challenge {
            flags: FLAGS,
            nonce: [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
            target: hex::decode(TARGET).unwrap(),
        }
    }

    #[test]
    fn computes_what_the_specification_does() {
        let key = response_key("User", "Domain", "Password");
        assert_eq!(hex::encode(key), "0c868a403bfd7a93a3001ef22ef02e3f");
        let lm = lm_response(&key, &challenge(), [0xaa; 8]);
        assert_eq!(
            hex::encode(lm),
            "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"
        );
        let nt = nt_response(&key, &challenge(), [0xaa; 8], [0; 8]);
        assert_eq!(hex::encode(&nt[..16]), "68cd0ab851e51c96aabc927bebef6a1c");
    }

    #[test]
    fn reads_offers_and_refuses_what_is_no_challenge() {
        assert_eq!(offered("NTLM"), Some(("NTLM", "")));
        assert_eq!(offered("negotiate  abc="), Some(("Negotiate", "abc=")));
        assert_eq!(offered("Basic realm=\"x\""), None);
        for wrong in ["", "!", "TlRMTVNTUAACAAAA", &STANDARD.encode([0; 64])] {
            assert_eq!(authenticate(wrong, "a", "b", [0; 8], 0), None, "{wrong}");
        }
    }
}
