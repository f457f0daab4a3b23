//! Encrypted messages.
//!
//! Source: RFC 4880, sections 5.1, 5.6, 5.9, 5.13 and 11.3; draft-ietf-openpgp-rfc4880bis-10, section 5.16.

use std::io::Read as _;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use sha1::{Digest as _, Sha1};

use super::cipher::{Aes, open_ocb};
use super::key::SessionKey;
use super::packet::{CUT_OFF, Packet, Reader, packets, tag};

/// A message's key, wrapped for somebody.
pub(super) struct Wrapped {
    /// Whom it is for; zeros where that is not said.
    pub(super) recipient: [u8; 8],
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// An encrypted message.
pub(super) struct Message {
    pub(super) wrapped: Vec<Wrapped>,
    encrypted: Packet,
}

/// Far more than the key of a file needs.
const LIMIT: u64 = 1 << 20;

impl Message {
    /// Reads the packets of a message.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut wrapped = Vec::new();
        for packet in packets(bytes)? {
            match packet.tag {
                tag::ENCRYPTED_SESSION_KEY => {
                    let mut reader = Reader::new(&packet.body);
                    if reader.byte()? == 3 {
                        wrapped.push(Wrapped {
                            recipient: reader.array()?,
                            kind: reader.byte()?,
                            body: reader.rest().to_vec(),
                        });
                    }
                }
                tag::ENCRYPTED_WITH_CHECK | tag::ENCRYPTED_AEAD => {
                    return Ok(Self {
                        wrapped,
                        encrypted: packet,
                    });
                }
                tag::ENCRYPTED => {
                    return Err("the message has no checksum, which is not supported".to_owned());
                }
                _ => {}
            }
        }
        Err("there is no encrypted message in it".to_owned())
    }

    /// What is inside.
    pub(super) fn open(&self, key: &SessionKey) -> Result<Vec<u8>, String> {
        let mut reader = Reader::new(&self.encrypted.body);
        let plain = match (self.encrypted.tag, reader.byte()?) {
            (tag::ENCRYPTED_WITH_CHECK, 1) => checked(key, reader.rest())?,
            (tag::ENCRYPTED_AEAD, 1) => authenticated(key, &mut reader)?,
            (_, version) => return Err(format!("messages of version {version} are not supported")),
        };
        literal(&plain, 4)
    }
}

/// Cipher feedback with a checksum at the end.
fn checked(key: &SessionKey, encrypted: &[u8]) -> Result<Vec<u8>, String> {
    let plain = Aes::new(&key.key)?.feedback([0; 16], encrypted);
    // Two bytes of the random start are repeated; the checksum is a packet of its own.
    let (content, check) = plain
        .len()
        .checked_sub(22)
        .filter(|at| *at >= 18)
        .map(|at| plain.split_at(at))
        .ok_or(CUT_OFF)?;
    let mut hash = Sha1::new();
    hash.update(content);
    hash.update([0xD3, 0x14]);
    if check[..2] != [0xD3, 0x14] || hash.finalize()[..] != check[2..] {
        return Err("the message was changed".to_owned());
    }
    Ok(content[18..].to_vec())
}

/// Chunks in OCB mode that are numbered, with their whole length at the end.
fn authenticated(key: &SessionKey, reader: &mut Reader<'_>) -> Result<Vec<u8>, String> {
    const OCB: u8 = 2;
    let (cipher, mode, size) = (reader.byte()?, reader.byte()?, reader.byte()?);
    if mode != OCB || size > 16 || cipher != key.cipher {
        return Err("the form of the message is not supported".to_owned());
    }
    let start = reader.array::<15>()?;
    let head = [0xD4, 1, cipher, mode, size];
    let chunk_length = (1_usize << (size + 6)) + 16;
    let (chunks, last) = reader
        .rest()
        .len()
        .checked_sub(16)
        .map(|at| reader.rest().split_at(at))
        .ok_or(CUT_OFF)?;
    let open = |index: u64, sealed: &[u8], more: &[u8]| {
        let mut nonce = start;
        for (byte, number) in nonce[7..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= number;
        }
        let associated = [&head[..], &index.to_be_bytes(), more].concat();
        open_ocb(&key.key, &nonce, sealed, &associated).ok_or("the message was changed")
    };
    let mut plain = Vec::new();
    let mut index = 0;
    for chunk in chunks.chunks(chunk_length) {
        plain.extend(open(index, chunk, &[])?);
        index += 1;
    }
    open(index, last, &(plain.len() as u64).to_be_bytes())?;
    Ok(plain)
}

/// The literal data in packets that may be compressed.
fn literal(bytes: &[u8], depth: usize) -> Result<Vec<u8>, String> {
    for packet in packets(bytes)? {
        match packet.tag {
            tag::LITERAL => {
                let mut reader = Reader::new(&packet.body);
                reader.byte()?;
                reader.counted()?;
                reader.take(4)?;
                return Ok(reader.rest().to_vec());
            }
            tag::COMPRESSED if depth > 0 => {
                let (kind, rest) = packet.body.split_first().ok_or(CUT_OFF)?;
                let mut plain = Vec::new();
                let read = match kind {
                    0 => rest.take(LIMIT).read_to_end(&mut plain),
                    1 => DeflateDecoder::new(rest).take(LIMIT).read_to_end(&mut plain),
                    2 => ZlibDecoder::new(rest).take(LIMIT).read_to_end(&mut plain),
                    _ => {
                        return Err("the message is compressed with bzip2, which is not supported".to_owned());
                    }
                };
                read.map_err(|error| format!("the message could not be unpacked: {error}"))?;
                return literal(&plain, depth - 1);
            }
            _ => {}
        }
    }
    Err("there is nothing in the message".to_owned())
}
