//! Packets, which all of OpenPGP's data is made of.
//!
//! Source: RFC 4880, sections 3.2 and 4.2.

/// A packet: its tag and its content.
pub(super) struct Packet {
    pub(super) tag: u8,
    pub(super) body: Vec<u8>,
}

/// Kinds of packets.
pub(super) mod tag {
    pub(in super::super) const ENCRYPTED_SESSION_KEY: u8 = 1;
    pub(in super::super) const SECRET_KEY: u8 = 5;
    pub(in super::super) const PUBLIC_KEY: u8 = 6;
    pub(in super::super) const SECRET_SUBKEY: u8 = 7;
    pub(in super::super) const COMPRESSED: u8 = 8;
    pub(in super::super) const ENCRYPTED: u8 = 9;
    pub(in super::super) const LITERAL: u8 = 11;
    pub(in super::super) const PUBLIC_SUBKEY: u8 = 14;
    pub(in super::super) const ENCRYPTED_WITH_CHECK: u8 = 18;
    pub(in super::super) const ENCRYPTED_AEAD: u8 = 20;
}

/// Reads fields from the front of bytes.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

/// What is said of bytes that end too early.
pub(super) const CUT_OFF: &str = "the OpenPGP data is cut off";

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| CUT_OFF.to_owned())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Bytes with their count in one byte in front.
    pub(super) fn counted(&mut self) -> Result<&'b [u8], String> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }

    /// A number with the count of its bits in front, as bytes from its highest one.
    pub(super) fn number(&mut self) -> Result<&'b [u8], String> {
        let bits = u16::from_be_bytes(self.array()?);
        self.take(usize::from(bits).div_ceil(8))
    }

    /// A big-endian number of as many bytes.
    fn length(&mut self, bytes: usize) -> Result<usize, String> {
        let bytes = self.take(bytes)?;
        Ok(bytes
            .iter()
            .fold(0, |length, byte| (length << 8) | usize::from(*byte)))
    }
}

/// The checksum of keys that have no better one.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}

/// All packets of some data.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet>, String> {
    let mut reader = Reader::new(bytes);
    let mut packets = Vec::new();
    while !reader.rest.is_empty() {
        packets.push(packet(&mut reader)?);
    }
    Ok(packets)
}

fn packet(reader: &mut Reader<'_>) -> Result<Packet, String> {
    let head = reader.byte()?;
    if head & 0x80 == 0 {
        return Err("expected an OpenPGP packet, found something else".to_owned());
    }
    if head & 0x40 == 0 {
        let body = match head & 3 {
            3 => reader.take(reader.rest.len())?,
            kind => {
                let length = reader.length(1 << kind)?;
                reader.take(length)?
            }
        };
        return Ok(Packet {
            tag: (head >> 2) & 15,
            body: body.to_vec(),
        });
    }
    let mut body = Vec::new();
    loop {
        let first = usize::from(reader.byte()?);
        let (length, is_last) = match first {
            0..192 => (first, true),
            192..224 => (((first - 192) << 8) + usize::from(reader.byte()?) + 192, true),
            224..255 => (1 << (first & 31), false),
            _ => (reader.length(4)?, true),
        };
        body.extend_from_slice(reader.take(length)?);
        if is_last {
            return Ok(Packet { tag: head & 63, body });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::packets;

    #[test]
    fn every_form_of_length() {
        let read =
            |bytes: &[u8]| packets(bytes).map(|all| all.into_iter().map(|p| (p.tag, p.body)).collect());
        let mut two = vec![0xCB, 192, 8];
        two.extend([7; 200]);
        let forms: [(&[u8], u8, Vec<u8>); 6] = [
            (&[0xAC, 2, 1, 2], 11, vec![1, 2]),
            (&[0xAD, 0, 2, 1, 2], 11, vec![1, 2]),
            (&[0xAF, 1, 2, 3], 11, vec![1, 2, 3]),
            (&two, 11, vec![7; 200]),
            (&[0xCB, 255, 0, 0, 0, 1, 9], 11, vec![9]),
            (&[0xCB, 225, 1, 2, 224, 3, 1, 4], 11, vec![1, 2, 3, 4]),
        ];
        for (bytes, tag, body) in forms {
            assert_eq!(read(bytes), Ok(vec![(tag, body)]), "{bytes:x?}");
        }
        for wrong in [
            &[0xCB][..],
            &[0xCB, 2, 1],
            &[0x0B, 0],
            &[0xCB, 255, 255, 255, 255, 255],
        ] {
            assert!(read(wrong).is_err(), "{wrong:x?}");
        }
    }
}
