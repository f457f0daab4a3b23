//! From an encrypted file to its plain text.
//!
//! Source: sops `sops.go`, `Decrypt` and `GetDataKeyWithKeyServices`, and `decrypt/decrypt.go`.

use sha2::{Digest, Sha512};

use crate::cipher;
use crate::error::Error;
use crate::format::Format;
use crate::metadata::{Metadata, Wrapped};
use crate::rules::Place;
use crate::shamir;
use crate::store;
use crate::tree::{Branch, Comment, Entry, Value};

/// Unwraps the keys of files.
pub trait KeyService {
    /// The key inside, or why this one cannot be had.
    fn unwrap(&self, wrapped: &Wrapped) -> Result<Vec<u8>, Error>;
}

/// Whether a file is as its writer left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// The checksum fits.
    Intact,
    /// The checksum does not fit: values were changed, moved or taken out by hand.
    Changed,
    /// The file has no checksum.
    Unknown,
}

/// A file in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// What `sops decrypt` would print.
    pub content: Vec<u8>,
    /// The texts that were encrypted, in their order.
    pub secrets: Vec<String>,
    /// Whether the checksum fits.
    pub integrity: Integrity,
}

impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decrypted")
            .field("content", &"*****")
            .field("integrity", &self.integrity)
            .finish_non_exhaustive()
    }
}

/// An encrypted file that has been read.
#[derive(Clone, Debug)]
pub struct Encrypted {
    format: Format,
    branches: Vec<Branch>,
    metadata: Metadata,
}

impl Encrypted {
    /// Reads a file; `None` when it is not encrypted with SOPS.
    ///
    /// # Errors
    /// When it has SOPS's metadata, but something in it is wrong.
    pub fn read(content: &[u8], format: Format) -> Result<Option<Self>, Error> {
        if memchr::memmem::find(content, b"sops").is_none() {
            return Ok(None);
        }
        let Some((branches, metadata)) = store::read(content, format)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            format,
            branches,
            metadata: Metadata::read(&metadata).map_err(|error| error.context("the metadata of SOPS"))?,
        }))
    }

    /// Decrypts it.
    ///
    /// # Errors
    /// When no key can be had, a value cannot be decrypted, or the plain text cannot be written in the file's format.
    pub fn decrypt(&self, keys: &dyn KeyService) -> Result<Decrypted, Error> {
        let key = self.data_key(keys)?;
        let mut walk = Walk {
            metadata: &self.metadata,
            key: &key,
            hash: Sha512::new(),
            secrets: Vec::new(),
        };
        if self.metadata.mac_only_encrypted {
            walk.hash.update(MAC_ONLY_ENCRYPTED);
        }
        let mut branches = Vec::with_capacity(self.branches.len());
        for branch in &self.branches {
            branches.push(walk.branch(branch, &mut Place::default())?);
        }
        let integrity = walk.integrity();
        Ok(Decrypted {
            content: store::write(&branches, self.format)?,
            secrets: walk.secrets,
            integrity,
        })
    }

    pub(crate) fn branches(&self) -> &[Branch] {
        &self.branches
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    fn data_key(&self, keys: &dyn KeyService) -> Result<Vec<u8>, Error> {
        let groups = &self.metadata.groups;
        let mut parts = Vec::new();
        let mut failures = Vec::new();
        for group in groups {
            match group_key(group, keys) {
                Ok(part) => parts.push(part),
                Err(mut errors) => failures.append(&mut errors),
            }
        }
        let needed = if groups.len() > 1 {
            self.metadata.threshold
        } else {
            1
        };
        if parts.len() < needed || parts.is_empty() {
            let groups = if groups.len() > 1 {
                format!("{needed} key groups are needed, {} could be had; ", parts.len())
            } else {
                String::new()
            };
            let hint = failures
                .iter()
                .find_map(|error| error.advice().map(str::to_owned));
            let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
            let error = Error::new(format!(
                "cannot get sops data key: {groups}{}",
                failures.join("; ")
            ))
            .locked();
            return Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
        if groups.len() > 1 {
            return shamir::combine(&parts)
                .map_err(|error| error.context("cannot get sops data key from its shares"));
        }
        Ok(parts.swap_remove(0))
    }
}

/// The part of the key that a group has, from the first of its keys that can be had: age, then PGP, then the others.
fn group_key(group: &[Wrapped], keys: &dyn KeyService) -> Result<Vec<u8>, Vec<Error>> {
    use crate::metadata::MasterKey;
    let rank = |wrapped: &&Wrapped| match wrapped.key {
        MasterKey::Age { .. } => 0,
        MasterKey::Pgp { .. } => 1,
        _ => 2,
    };
    let mut ordered: Vec<&Wrapped> = group.iter().collect();
    ordered.sort_by_key(rank);
    let mut errors = Vec::new();
    for wrapped in ordered {
        match keys.unwrap(wrapped) {
            Ok(part) => return Ok(part),
            Err(error) => errors.push(error.context(wrapped.key.shown())),
        }
    }
    Err(errors)
}

/// What the checksum starts with when it covers encrypted values only: the SHA-256 of `sops`.
const MAC_ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b,
    0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Walks a file, decrypting and hashing.
struct Walk<'w> {
    metadata: &'w Metadata,
    key: &'w [u8],
    hash: Sha512,
    secrets: Vec<String>,
}

impl Walk<'_> {
    fn branch(&mut self, branch: &Branch, place: &mut Place) -> Result<Branch, Error> {
        place.comments.push(Vec::new());
        let mut plain = Branch::with_capacity(branch.len());
        for entry in branch {
            plain.push(match entry {
                Entry::Comment(comment) => {
                    remember(place, comment);
                    Entry::Comment(self.comment(comment, place)?)
                }
                Entry::Item(key, value) => {
                    place.path.push(key.clone());
                    let value = self.value(value, place)?;
                    place.path.pop();
                    forget(place);
                    Entry::Item(key.clone(), value)
                }
            });
        }
        place.comments.pop();
        Ok(plain)
    }

    fn list(&mut self, list: &[Value], place: &mut Place) -> Result<Value, Error> {
        place.comments.push(Vec::new());
        let mut plain = Vec::with_capacity(list.len());
        for item in list {
            if let Value::Comment(comment) = item {
                remember(place, comment);
                plain.push(Value::Comment(self.comment(comment, place)?));
            } else {
                plain.push(self.value(item, place)?);
                forget(place);
            }
        }
        place.comments.pop();
        Ok(Value::List(plain))
    }

    /// A comment is bound to the place around it; one that cannot be decrypted was never encrypted.
    fn comment(&mut self, comment: &Comment, place: &Place) -> Result<Comment, Error> {
        if !self.metadata.rules.encrypted(place, true) {
            return Ok(comment.clone());
        }
        match cipher::decrypt(&comment.text, self.key, &aad(place)) {
            // SOPS forgets where an encrypted comment stood: it comes back above its line.
            Ok(Value::Comment(plain)) => Ok(plain),
            Ok(Value::Text(text)) => Ok(Comment {
                text,
                inline: comment.inline,
            }),
            Ok(_) => Err(Error::new("an encrypted comment is not a text")),
            Err(_) => Ok(comment.clone()),
        }
    }

    fn value(&mut self, value: &Value, place: &mut Place) -> Result<Value, Error> {
        let plain = match value {
            Value::Null => return Ok(Value::Null),
            Value::Map(branch) => return Ok(Value::Map(self.branch(branch, place)?)),
            Value::List(list) => return self.list(list, place),
            leaf => leaf,
        };
        let encrypted = self.metadata.rules.encrypted(place, false);
        let plain = if encrypted {
            let Value::Text(text) = plain else {
                return Err(Error::new(format!(
                    "expected an encrypted value at `{}`, found a plain one",
                    place.path.join(".")
                )));
            };
            let value = cipher::decrypt(text, self.key, &aad(place))
                .map_err(|error| error.context(format!("the value at `{}`", place.path.join("."))))?;
            if let Value::Text(text) = &value
                && !text.is_empty()
            {
                self.secrets.push(text.clone());
            }
            value
        } else {
            plain.clone()
        };
        if encrypted || !self.metadata.mac_only_encrypted {
            self.hash_value(&plain);
        }
        Ok(plain)
    }

    fn hash_value(&mut self, value: &Value) {
        match value {
            Value::Text(text) | Value::Time(text) => self.hash.update(text),
            Value::Bytes(bytes) => self.hash.update(bytes),
            Value::Int(number) => self.hash.update(number.to_string()),
            Value::Float(number) => self.hash.update(plain_float(*number)),
            Value::Bool(true) => self.hash.update("True"),
            Value::Bool(false) => self.hash.update("False"),
            Value::Null | Value::Comment(_) | Value::List(_) | Value::Map(_) => {}
        }
    }

    fn integrity(&self) -> Integrity {
        if self.metadata.mac.is_empty() {
            return Integrity::Unknown;
        }
        let mut expected = String::with_capacity(128);
        for byte in self.hash.clone().finalize() {
            use std::fmt::Write as _;
            let _ = write!(expected, "{byte:02X}");
        }
        let stored = cipher::decrypt(&self.metadata.mac, self.key, &self.metadata.last_modified);
        match stored {
            Ok(Value::Text(stored)) if stored == expected => Integrity::Intact,
            _ => Integrity::Changed,
        }
    }
}

fn remember(place: &mut Place, comment: &Comment) {
    if let Some(comments) = place.comments.last_mut() {
        comments.push(comment.text.clone());
    }
}

fn forget(place: &mut Place) {
    if let Some(comments) = place.comments.last_mut() {
        comments.clear();
    }
}

/// What a value is bound to: the keys above it.
fn aad(place: &Place) -> String {
    format!("{}:", place.path.join(":"))
}

/// A float in digits without an exponent, as few as tell it apart.
fn plain_float(number: f64) -> String {
    // Rust prints floats that way, too.
    format!("{number}")
}
