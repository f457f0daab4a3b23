//! Go's string: bytes that are usually, but not always, UTF-8.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How long a text may be that is held without an allocation.
const SHORT: usize = 22;

/// A Go string. Cloning shares the bytes, or copies them where they are few.
///
/// Charts cut strings at byte positions and decode binary files, so a string may hold bytes that are no UTF-8.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Short(u8, [u8; SHORT]),
    Shared(Arc<[u8]>),
}

impl Text {
    /// Returns the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short(length, bytes) => &bytes[..usize::from(*length)],
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The first bytes as a number, which orders as they do: texts whose numbers are equal can still differ.
    #[inline]
    pub(crate) fn first_bytes(&self) -> u64 {
        let first = match &self.0 {
            Repr::Short(_, bytes) => bytes.first_chunk(),
            Repr::Shared(bytes) => bytes.first_chunk(),
        };
        first.map_or(0, |first| u64::from_be_bytes(*first))
    }

    /// Returns the text, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// Returns the text with U+FFFD in place of bytes that are no UTF-8.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Short(length, _) => usize::from(*length),
            Repr::Shared(bytes) => bytes.len(),
        }
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What [`Text::first_bytes`] is for a text of these bytes.
#[inline]
pub(crate) fn first_bytes(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    // The first and the last ones; where they overlap they are the same.
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
        return u64::from(first) << 32 | u64::from(last) << (64 - 8 * length);
    }
    let byte = |at: usize| u64::from(bytes[at]) << (56 - 8 * at);
    match length {
        0 => 0,
        _ => byte(0) | byte(length / 2) | byte(length - 1),
    }
}

impl Default for Text {
    fn default() -> Self {
        Self(Repr::Short(0, [0; SHORT]))
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        if bytes.len() > SHORT {
            return Self(Repr::Shared(Arc::from(bytes)));
        }
        let mut short = [0; SHORT];
        short[..bytes.len()].copy_from_slice(bytes);
        Self(Repr::Short(bytes.len() as u8, short))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(&bytes[..])
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        Self::from(text.as_bytes())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.first_bytes().cmp(&other.first_bytes());
        order.then_with(|| self.as_bytes().cmp(other.as_bytes()))
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Text, first_bytes};

    #[test]
    fn first_bytes_order_as_the_texts_do() {
        let whole = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..whole.len() {
            let bytes = &whole[..length];
            let mut padded = [0; 8];
            let taken = length.min(8);
            padded[..taken].copy_from_slice(&bytes[..taken]);
            assert_eq!(first_bytes(bytes), u64::from_be_bytes(padded));
            assert_eq!(Text::from(bytes).first_bytes(), first_bytes(bytes));
        }
    }
}
