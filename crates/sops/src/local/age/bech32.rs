//! The text form of age's keys.
//!
//! Source: BIP 173.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The bytes of a text with a prefix, whose checksum must fit.
pub(super) fn decode(text: &str, prefix: &str) -> Result<Vec<u8>, String> {
    let wrong = || "the key is mistyped".to_owned();
    let lower = text.to_ascii_lowercase();
    if text != lower && text != text.to_ascii_uppercase() {
        return Err(wrong());
    }
    let data = lower
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('1'))
        .ok_or_else(wrong)?;
    let values = data
        .bytes()
        .map(|byte| {
            ALPHABET
                .iter()
                .position(|known| *known == byte)
                .map(|at| at as u8)
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(wrong)?;
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let all = high.chain([0]).chain(low).chain(values.iter().copied());
    if values.len() < 6 || checksum(all) != 1 {
        return Err(wrong());
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for value in &values[..values.len() - 6] {
        bits = (bits << 5) | u32::from(*value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    if count >= 5 || bits != 0 {
        return Err(wrong());
    }
    Ok(bytes)
}

fn checksum(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |checksum, value| {
        let top = checksum >> 25;
        let next = ((checksum & 0x01ff_ffff) << 5) ^ u32::from(value);
        let bits = GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| (top >> bit) & 1 == 1);
        bits.fold(next, |next, (_, generator)| next ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn mistyped_keys_are_found() {
        // A valid string of BIP 173 with its data.
        let valid = "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w";
        assert_eq!(decode(valid, "split").unwrap().len(), 30);
        assert!(decode(&valid.replace("2y9", "2y8"), "split").is_err());
        assert!(decode(&valid.replace("check", "CHECK"), "split").is_err());
        assert!(decode(valid, "other").is_err());
        assert!(decode("split1", "split").is_err());
    }
}
