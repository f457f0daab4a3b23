//! What does not fit, as a tree.

use serde_json::Value;

/// A failed keyword, with those below it that made it fail.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: Vec<String>,
    pub(super) kind: Kind,
    pub(super) causes: Vec<Failure>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Several keywords of one schema failed.
    Group,
    /// What `$ref` points to failed.
    Reference,
    /// One keyword failed.
    Message(String),
}

impl Failure {
    /// The tree below a root that is not shown itself; each line starts with a line break.
    ///
    /// Source: santhosh-tekuri/jsonschema v6 `output.go`, `display`.
    pub(super) fn show(&self) -> String {
        let mut text = String::new();
        if matches!(self.kind, Kind::Group) {
            for cause in &self.causes {
                cause.write(1, &mut text);
            }
        } else {
            self.write(1, &mut text);
        }
        text
    }

    fn write(&self, indent: usize, text: &mut String) {
        let mut inner = indent;
        let hidden = matches!(self.kind, Kind::Reference) && self.causes.len() == 1;
        if !hidden {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", indent - 1));
            let message = match &self.kind {
                Kind::Message(message) => message,
                Kind::Group | Kind::Reference => "validation failed",
            };
            let pointer: String = self
                .at
                .iter()
                .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
                .collect();
            text.push_str(&format!("- at {}: {message}", quoted(&pointer)));
            inner += 1;
        }
        for cause in &self.causes {
            cause.write(inner, text);
        }
    }
}

/// Text in single quotes, with Go's escapes.
pub(super) fn quoted(text: &str) -> String {
    let quoted = kluctl_gotemplate::quote(text.as_bytes());
    let inner = &quoted[1..quoted.len() - 1];
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

pub(super) fn all_quoted<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// A value in a message.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// A number in a message: English, with commas between groups of three digits.
pub(super) fn number(number: f64) -> String {
    let scientific = format!("{number:e}");
    if let Some((mantissa, exponent)) = scientific.split_once('e')
        && let Ok(exponent) = exponent.parse::<i32>()
        && !(-4..6).contains(&exponent)
        && number.is_finite()
    {
        let sign = if exponent < 0 { "\u{207B}" } else { "" };
        let digits = format!("{:02}", exponent.abs());
        let raised: String = digits.chars().map(superscript).collect();
        return format!("{mantissa}\u{D7}10{sign}{raised}");
    }
    let text = format!("{number}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (digits, String::new()),
    };
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

fn superscript(digit: char) -> char {
    match digit {
        '1' => '\u{B9}',
        '2' => '\u{B2}',
        '3' => '\u{B3}',
        '4'..='9' => char::from_u32(0x2070 + u32::from(digit) - u32::from('0')).unwrap_or(digit),
        _ => '\u{2070}',
    }
}
