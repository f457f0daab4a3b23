//! What a file holds, in its order and with its comments.

/// A comment, without its `#`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comment {
    pub(crate) text: String,
    /// It stood at the end of a line that holds something.
    pub(crate) inline: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// A text that is not UTF-8, which only a binary file can hold.
    Bytes(Vec<u8>),
    /// A time in RFC 3339, as it is hashed and written.
    Time(String),
    /// A comment among the items of a list.
    Comment(Comment),
    List(Vec<Value>),
    Map(Branch),
}

/// A map: its entries and comments in order.
pub(crate) type Branch = Vec<Entry>;

/// A line of a map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Comment(Comment),
    Item(String, Value),
}

impl Value {
    /// The text of a text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The value under a key.
pub(crate) fn get<'b>(branch: &'b Branch, key: &str) -> Option<&'b Value> {
    branch.iter().find_map(|entry| match entry {
        Entry::Item(name, value) if name == key => Some(value),
        _ => None,
    })
}

/// Takes the entries out whose key fits, and gives them with what `fits` made of their keys.
pub(crate) fn take(branch: &mut Branch, fits: impl Fn(&str) -> Option<String>) -> Branch {
    let mut taken = Branch::new();
    let mut kept = Branch::new();
    for entry in branch.drain(..) {
        match entry {
            Entry::Item(key, value) => match fits(&key) {
                Some(name) => taken.push(Entry::Item(name, value)),
                None => kept.push(Entry::Item(key, value)),
            },
            comment @ Entry::Comment(_) => kept.push(comment),
        }
    }
    *branch = kept;
    taken
}
