//! Secret keys where GnuPG and people keep them.
//!
//! Source: GnuPG `doc/DETAILS`, `kbx/keybox-blob.c` (head comment) and `agent/keyformat.txt`.

use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::{Environment, home, variable};
use super::armor::dearmor;
use super::expression::Expression;
use super::key::{PublicKey, SecretKey};
use super::packet::{Packet, Reader, packets, tag};
use super::secret::{Locked, Stored, belongs};

/// A key whose secret half is somewhere here.
pub(super) struct Key {
    pub(super) public: PublicKey,
    stored: Stored,
    /// Where the key was found.
    pub(super) place: String,
}

/// All keys that could be found, and why others could not.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Vec<Key>,
    pub(super) errors: Vec<String>,
    /// Places where there is nothing.
    pub(super) unused: Vec<String>,
    /// The passphrase that opened a key: it is tried on others.
    passphrase: Mutex<Option<String>>,
}

/// The variables that hold keys, name a file of them, and hold their passphrase.
pub(super) const KEY: &str = "KLUCTL_PGP_KEY";
pub(super) const KEY_FILE: &str = "KLUCTL_PGP_KEY_FILE";
pub(super) const PASSPHRASE: &str = "KLUCTL_PGP_PASSPHRASE";

impl Keyring {
    pub(super) fn load(environment: &Environment) -> Self {
        let mut ring = Self {
            passphrase: Mutex::new(variable(environment, PASSPHRASE).map(str::to_owned)),
            ..Self::default()
        };
        match variable(environment, KEY).filter(|key| !key.is_empty()) {
            Some(key) => ring.exported(KEY, key.as_bytes()),
            None => ring.unused.push(KEY.to_owned()),
        }
        match variable(environment, KEY_FILE).filter(|file| !file.is_empty()) {
            Some(file) => match std::fs::read(file) {
                Ok(content) => ring.exported(file, &content),
                Err(error) => ring.errors.push(format!("{file}: {error}")),
            },
            None => ring.unused.push(KEY_FILE.to_owned()),
        }
        match folder(environment) {
            Some(folder) => ring.gnupg(&folder),
            None => ring.unused.push("~/.gnupg".to_owned()),
        }
        ring
    }

    fn exported(&mut self, place: &str, content: &[u8]) {
        match dearmor(content) {
            Ok(blocks) => {
                for block in blocks {
                    self.packets(place, &block);
                }
            }
            Err(error) => self.errors.push(format!("{place}: {error}")),
        }
    }

    fn packets(&mut self, place: &str, bytes: &[u8]) {
        match packets(bytes) {
            Ok(packets) => {
                for packet in packets {
                    if let tag::SECRET_KEY | tag::SECRET_SUBKEY = packet.tag {
                        self.secret(place, &packet);
                    }
                }
            }
            Err(error) => self.errors.push(format!("{place}: {error}")),
        }
    }

    fn secret(&mut self, place: &str, packet: &Packet) {
        let mut reader = Reader::new(&packet.body);
        match PublicKey::read(&mut reader) {
            Ok(public) => self.keys.push(Key {
                public,
                stored: Stored::Packet(reader.rest().to_vec()),
                place: place.to_owned(),
            }),
            Err(error) => self.errors.push(format!("{place}: {error}")),
        }
    }

    /// GnuPG's folder: a keyring as it was before version 2.1, and key files beside public keys as it has been since.
    fn gnupg(&mut self, folder: &Utf8Path) {
        let before = self.keys.len();
        let old = folder.join("secring.gpg");
        if let Ok(content) = std::fs::read(&old) {
            self.packets(old.as_str(), &content);
        }
        let files = key_files(&folder.join("private-keys-v1.d"));
        if !files.is_empty() {
            for public in public_keys(folder) {
                let file = files.iter().find(|(_, file)| belongs(file, &public));
                if let Some((place, file)) = file {
                    self.keys.push(Key {
                        public,
                        stored: Stored::File(file.clone()),
                        place: place.clone(),
                    });
                }
            }
        }
        if self.keys.len() == before {
            self.unused.push(folder.to_string());
        }
    }

    /// The keys that a message may be for: one, or all where it does not say.
    pub(super) fn candidates(&self, recipient: [u8; 8]) -> impl Iterator<Item = &Key> {
        let wanted = move |key: &&Key| recipient == [0; 8] || key.public.id() == recipient;
        self.keys.iter().filter(wanted)
    }

    /// The secret half of a key with the passphrase that is known.
    pub(super) fn open(&self, key: &Key) -> Result<SecretKey, Locked> {
        match key.stored.open(&key.public, None) {
            Err(Locked::Passphrase) => {
                let known = self.passphrase.lock().unwrap_or_else(PoisonError::into_inner);
                key.stored.open(&key.public, known.as_deref())
            }
            other => other,
        }
    }

    /// The same with a passphrase that a person gave.
    pub(super) fn open_with(&self, key: &Key, passphrase: String) -> Result<SecretKey, Locked> {
        let opened = key.stored.open(&key.public, Some(&passphrase))?;
        *self.passphrase.lock().unwrap_or_else(PoisonError::into_inner) = Some(passphrase);
        Ok(opened)
    }

    /// Whether a passphrase is set already, so that asking for one would not help.
    pub(super) fn has_passphrase(&self) -> bool {
        let known = self.passphrase.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some()
    }
}

/// Where GnuPG keeps its files.
pub(super) fn folder(environment: &Environment) -> Option<Utf8PathBuf> {
    if let Some(folder) = variable(environment, "GNUPGHOME").filter(|folder| !folder.is_empty()) {
        return Some(folder.into());
    }
    if cfg!(windows) {
        return variable(environment, "APPDATA").map(|folder| Utf8Path::new(folder).join("gnupg"));
    }
    home(environment).map(|home| home.join(".gnupg"))
}

/// The files with secret keys, in the order of their names.
fn key_files(folder: &Utf8Path) -> Vec<(String, Expression)> {
    let Ok(entries) = folder.read_dir_utf8() else {
        return Vec::new();
    };
    let mut files: Vec<(String, Expression)> = entries
        .flatten()
        .filter(|entry| entry.path().extension() == Some("key"))
        .filter_map(|entry| {
            let content = std::fs::read(entry.path()).ok()?;
            Some((entry.path().to_string(), Expression::of_file(&content)?))
        })
        .collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// Every public key and subkey in GnuPG's keyrings.
fn public_keys(folder: &Utf8Path) -> Vec<PublicKey> {
    let mut blocks = Vec::new();
    if let Ok(content) = std::fs::read(folder.join("pubring.kbx")) {
        blocks.extend(key_box(&content));
    }
    if let Ok(content) = std::fs::read(folder.join("pubring.gpg")) {
        blocks.push(content);
    }
    let packets = blocks.iter().filter_map(|block| packets(block).ok()).flatten();
    packets
        .filter(|packet| matches!(packet.tag, tag::PUBLIC_KEY | tag::PUBLIC_SUBKEY))
        .filter_map(|packet| PublicKey::read(&mut Reader::new(&packet.body)).ok())
        .collect()
}

/// The OpenPGP data in a keybox: its blobs of kind 2 say where in them it is.
fn key_box(content: &[u8]) -> Vec<Vec<u8>> {
    const OPENPGP: u8 = 2;
    let number = |blob: &[u8], at: usize| {
        let bytes = blob.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let mut rest = content;
    let mut blocks = Vec::new();
    while let Some((blob, behind)) = number(rest, 0)
        .filter(|length| *length > 4)
        .and_then(|length| rest.split_at_checked(length))
    {
        if blob[4] == OPENPGP
            && let (Some(from), Some(length)) = (number(blob, 8), number(blob, 12))
            && let Some(block) = blob.get(from..from.saturating_add(length))
        {
            blocks.push(block.to_vec());
        }
        rest = behind;
    }
    blocks
}
