//! Base64 as Secrets carry it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Encodes bytes, broken into lines of 70 characters when there is more than one line.
///
/// Source: kustomize `kyaml/yaml/datamap.go`, `encodeBase64`.
pub(crate) fn encode_in_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let flat = STANDARD.encode(bytes);
    if flat.len() < LINE {
        return flat;
    }
    let mut out = String::with_capacity(flat.len() + flat.len() / LINE + 1);
    let mut rest = flat.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out
}

/// Decodes standard base64; line breaks are ignored. `None` when it is not base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\n' | b'\r'))
        .collect();
    STANDARD.decode(symbols).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_long_text_into_lines() {
        assert_eq!(encode_in_lines(b"ab"), "YWI=");
        let long = encode_in_lines(&[b'x'; 60]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [70, 10]);
        assert!(long.ends_with('\n'));
        assert_eq!(decode(&long).unwrap(), [b'x'; 60]);
        assert_eq!(decode("a*=="), None);
    }
}
