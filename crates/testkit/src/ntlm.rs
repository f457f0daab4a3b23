//! A web server on loopback that knows its user by NTLM version 2.
//!
//! Source: MS-NLMP 2.2.1 (messages), 3.3.2 (computation); RFC 4559: it is the connection that is logged in.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;

use crate::http::read_headers;

const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Answers everything that `COMPANY\user` with the password `secret` asks; nobody else is answered.
pub struct NtlmServer {
    address: SocketAddr,
}

impl NtlmServer {
    /// Starts it; `answer` is what is behind the door. It offers NTLM under `scheme`, and tells its time where asked to.
    pub fn start(scheme: &'static str, tells_time: bool, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("the listener's address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || converse(&stream, scheme, tells_time, answer));
            }
        });
        Self { address }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn converse(stream: &TcpStream, scheme: &str, tells_time: bool, answer: &str) {
    let mut reader = BufReader::new(stream);
    // What this connection has said so far.
    let mut was_challenged = false;
    loop {
        let Ok(head) = read_headers(&mut reader) else {
            return;
        };
        if head.is_empty() {
            return;
        }
        let header = |name: &str| {
            head.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| &**value)
        };
        let length = header("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let message = header("authorization")
            .and_then(|text| text.strip_prefix(scheme))
            .and_then(|text| STANDARD.decode(text.trim()).ok());
        let kind = message.as_ref().and_then(|message| message.get(8).copied());
        let mut offer = scheme.to_owned();
        let mut status = "401 Unauthorized";
        match (kind, message) {
            (Some(1), _) => {
                offer = format!("{scheme} {}", STANDARD.encode(challenge(tells_time)));
                was_challenged = true;
            }
            (Some(3), Some(message)) if was_challenged && is_right(&message) => status = "200 OK",
            _ => was_challenged = false,
        }
        let text = if status == "200 OK" {
            answer
        } else {
            "who are you?"
        };
        let reply = format!(
            "HTTP/1.1 {status}\r\nWWW-Authenticate: {offer}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        if (&mut &*stream).write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn challenge(tells_time: bool) -> Vec<u8> {
    let mut target = vec![2, 0, 14, 0];
    target.extend(utf16("COMPANY"));
    if tells_time {
        target.extend([7, 0, 8, 0, 0, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 1]);
    }
    target.extend([0; 4]);
    let mut message = b"NTLMSSP\0".to_vec();
    message.extend(2_u32.to_le_bytes());
    message.extend([0, 0, 0, 0, 48, 0, 0, 0]);
    message.extend(0xa088_0205_u32.to_le_bytes());
    message.extend(NONCE);
    message.extend([0; 8]);
    let length = u16::try_from(target.len()).expect("a short target").to_le_bytes();
    message.extend(length);
    message.extend(length);
    message.extend(48_u32.to_le_bytes());
    message.extend(target);
    message
}

/// Whether a message is from the user who knows the password.
fn is_right(message: &[u8]) -> bool {
    let field = |at: usize| {
        let length = usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
        let offset = usize::from(u16::from_le_bytes([message[at + 4], message[at + 5]]));
        message.get(offset..offset + length).map(<[u8]>::to_vec)
    };
    if message.len() < 64 {
        return false;
    }
    let (Some(response), Some(domain), Some(user)) = (field(20), field(28), field(36)) else {
        return false;
    };
    if domain != utf16("COMPANY") || user != utf16("user") || response.len() < 44 {
        return false;
    }
    let hash = Md4::digest(utf16("secret"));
    let key = hmac(&hash, &[&utf16("USER"), &domain]);
    response[..16] == hmac(&key, &[&NONCE, &response[16..]])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
