//! The text form of OpenPGP's data.
//!
//! Source: RFC 4880, section 6.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The bytes of every block in a text, or the bytes themselves where they are no text.
///
/// The checksum of a block is not looked at: what is inside has better ones, and writers may leave it out.
pub(super) fn dearmor(content: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let text = match std::str::from_utf8(content) {
        Ok(text) if text.contains("-----BEGIN PGP ") => text,
        _ if content.first().is_some_and(|byte| byte & 0x80 != 0) => return Ok(vec![content.to_vec()]),
        _ => return Err("there is no OpenPGP data in it".to_owned()),
    };
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line.starts_with("-----BEGIN PGP ")) {
        blocks.push(block(&mut lines)?);
    }
    Ok(blocks)
}

fn block<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Result<Vec<u8>, String> {
    let mut body = String::new();
    let mut in_headers = true;
    for line in lines {
        if line.starts_with("-----END PGP ") {
            return STANDARD
                .decode(body)
                .map_err(|error| format!("the armour is not base64: {error}"));
        }
        if in_headers && (line.is_empty() || line.contains(": ")) {
            in_headers = !line.is_empty();
        } else if !line.starts_with('=') {
            in_headers = false;
            body.push_str(line);
        }
    }
    Err("the armour has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::dearmor;

    #[test]
    fn blocks_with_and_without_headers_and_checksums() {
        let text = "\
            text before\n-----BEGIN PGP MESSAGE-----\nComment: none\n\nYWJj\nZGVm\n=abcd\n-----END PGP MESSAGE-----\n\
            -----BEGIN PGP PUBLIC KEY BLOCK-----\n\nYQ==\n-----END PGP PUBLIC KEY BLOCK-----";
        assert_eq!(
            dearmor(text.as_bytes()).unwrap(),
            [b"abcdef".to_vec(), b"a".to_vec()]
        );
        assert_eq!(dearmor(&[0x99, 1, 2]).unwrap(), [vec![0x99, 1, 2]]);
        for wrong in ["", "text", "-----BEGIN PGP MESSAGE-----\n\nYWJj\n"] {
            assert!(dearmor(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
