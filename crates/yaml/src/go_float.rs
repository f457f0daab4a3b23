//! Floats as Go prints them.

/// The shortest decimal digits and the exponent of the first of them: `1.5e3` gives (`15`, 3).
fn digits(number: f64) -> (String, i32) {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits, exponent.parse().unwrap_or(0))
}

fn scientific(number: f64, width: usize) -> String {
    let (digits, exponent) = digits(number);
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}{first}{dot}{rest}e{exponent_sign}{:0width$}",
        exponent.unsigned_abs()
    )
}

/// `strconv.FormatFloat(number, 'g', -1, 64)`.
pub fn format_float_g(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let (_, exponent) = digits(number);
    // For the shortest form Go decides as if six digits were asked for.
    if (-4..6).contains(&exponent) {
        format!("{number}")
    } else {
        scientific(number, 2)
    }
}

/// A float as `encoding/json` prints it.
pub fn format_float_json(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        scientific(number, 1)
    } else {
        format!("{number}")
    }
}
