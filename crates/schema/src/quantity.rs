//! Amounts as Kubernetes writes them: `500m`, `1Gi`.

/// Nano units, the smallest Kubernetes keeps.
const NANO: i128 = 1_000_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

/// An amount in nano units and how it is written.
struct Quantity {
    nano: i128,
    format: Format,
}

/// The one way an API server writes an amount: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`.
/// `None` when it is no amount.
///
/// Source: apimachinery `pkg/api/resource/quantity.go`, `CanonicalizeBytes`.
pub fn canonical_quantity(text: &str) -> Option<String> {
    parse(text).map(|quantity| quantity.text())
}

/// The amount in nano units (`1` is 1,000,000,000), to compare and to add.
pub fn quantity_nano(text: &str) -> Option<i128> {
    parse(text).map(|quantity| quantity.nano)
}

fn parse(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (base, exponent, format): (i128, i32, Format) = match suffix {
        "Ki" => (1024, 1, Format::Binary),
        "Mi" => (1024, 2, Format::Binary),
        "Gi" => (1024, 3, Format::Binary),
        "Ti" => (1024, 4, Format::Binary),
        "Pi" => (1024, 5, Format::Binary),
        "Ei" => (1024, 6, Format::Binary),
        "n" => (10, -9, Format::Decimal),
        "u" => (10, -6, Format::Decimal),
        "m" => (10, -3, Format::Decimal),
        "" => (10, 0, Format::Decimal),
        "k" => (10, 3, Format::Decimal),
        "M" => (10, 6, Format::Decimal),
        "G" => (10, 9, Format::Decimal),
        "T" => (10, 12, Format::Decimal),
        "P" => (10, 15, Format::Decimal),
        "E" => (10, 18, Format::Decimal),
        other => (
            10,
            other.strip_prefix(['e', 'E'])?.parse().ok()?,
            Format::Exponent,
        ),
    };
    let digits: String = format!("{whole}{fraction}");
    let mantissa: i128 = digits.parse().ok()?;
    let scale = fraction.len() as u32;
    let mut value = mantissa.checked_mul(NANO)?;
    if exponent >= 0 {
        value = value.checked_mul(base.checked_pow(exponent.unsigned_abs())?)?;
    }
    let mut divisor = 10_i128.checked_pow(scale)?;
    if exponent < 0 {
        divisor = divisor.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?;
    }
    // What is smaller than a nano unit is rounded up.
    let nano = value / divisor + i128::from(value % divisor != 0);
    Some(Quantity {
        nano: if negative { -nano } else { nano },
        format,
    })
}

impl Quantity {
    fn text(&self) -> String {
        if self.nano == 0 {
            return "0".to_owned();
        }
        let whole = self.nano % NANO == 0;
        let units = self.nano / NANO;
        match self.format {
            Format::Binary if whole && units.abs() >= 1024 => {
                let mut value = units;
                let mut power = 0;
                while value % 1024 == 0 && power < 6 {
                    value /= 1024;
                    power += 1;
                }
                format!("{value}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power])
            }
            Format::Binary | Format::Decimal => {
                let (value, power) = self.thousands();
                format!(
                    "{value}{}",
                    ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power]
                )
            }
            Format::Exponent => {
                let (value, power) = self.thousands();
                match power as i32 * 3 - 9 {
                    0 => value.to_string(),
                    exponent => format!("{value}e{exponent}"),
                }
            }
        }
    }

    /// The shortest whole number and its power of 1000, counted from nano.
    fn thousands(&self) -> (i128, usize) {
        let mut value = self.nano;
        let mut power = 0;
        while value % 1000 == 0 && power < 9 {
            value /= 1000;
            power += 1;
        }
        (value, power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical() {
        for (text, expected) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("100000", "100k"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("1E", "1E"),
            ("12e7", "120e6"),
            ("0", "0"),
            ("0Mi", "0"),
            ("-5", "-5"),
            ("1Gi", "1Gi"),
            ("100M", "100M"),
        ] {
            assert_eq!(canonical_quantity(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "a", "1x", "1.2.3", "Gi"] {
            assert_eq!(canonical_quantity(text), None, "{text}");
        }
    }
}
