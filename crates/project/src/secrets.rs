//! Decrypts SOPS files as they are read.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_sops::{Encrypted, Format, Integrity, KeyService, Wrapped};

use crate::assumed::{Assumed, stand_in};
use crate::outside::Secrets;
use crate::problem::Problem;

/// Decrypts what SOPS has encrypted and leaves everything else alone. Each content is decrypted once.
pub(crate) struct Decrypter {
    keys: Keys,
    /// Whether a checksum that does not fit is an error.
    strict: bool,
    done: Mutex<Done>,
    warnings: Mutex<Vec<String>>,
    /// What is taken for granted of files, and the folder that they are named from.
    assumed: (Arc<Assumed>, Utf8PathBuf),
    /// Names of the files that something else stands in for.
    placeholders: Mutex<BTreeSet<String>>,
}

/// What was decrypted, by its content and format.
type Done = HashMap<(Vec<u8>, u8), Arc<Plain>>;

/// A file in the clear.
pub(crate) struct Plain {
    pub(crate) content: Vec<u8>,
    /// The texts that were encrypted.
    pub(crate) secrets: Vec<String>,
    integrity: Integrity,
}

impl Plain {
    /// Made up, so that nothing in it is secret.
    fn assumed(content: Vec<u8>) -> Self {
        Self {
            content,
            secrets: Vec::new(),
            integrity: Integrity::Intact,
        }
    }
}

struct Keys(Arc<dyn Secrets>);

impl KeyService for Keys {
    fn unwrap(&self, wrapped: &Wrapped) -> Result<Vec<u8>, kluctl_sops::Error> {
        self.0.unwrap_key(wrapped).map_err(|error| {
            let failed = kluctl_sops::Error::new(error.message);
            match error.hint {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
        })
    }
}

impl Decrypter {
    pub(crate) fn new(secrets: Arc<dyn Secrets>, strict: bool) -> Self {
        Self {
            keys: Keys(secrets),
            strict,
            done: Mutex::default(),
            warnings: Mutex::default(),
            assumed: (Arc::default(), Utf8PathBuf::new()),
            placeholders: Mutex::default(),
        }
    }

    /// Takes for granted what files hold, and lets something else stand in for those whose key cannot be had, where that
    /// is wanted. Files are named from `root`.
    pub(crate) fn assume(&mut self, assumed: Arc<Assumed>, root: &Utf8Path) {
        self.assumed = (assumed, root.to_owned());
    }

    /// Names of the files that something else stands in for.
    pub(crate) fn placeholders(&self) -> Vec<String> {
        let names = self.placeholders.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().cloned().collect()
    }

    /// The plain content; `None` when the file is not encrypted.
    pub(crate) fn decrypt(&self, path: &Utf8Path, content: &[u8]) -> Result<Option<Arc<Plain>>, Problem> {
        let format = Format::of_path(path.as_str());
        let problem = |error: kluctl_sops::Error| {
            let problem = Problem::in_file(path, format!("failed to decrypt file: {error}"));
            match error.advice() {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        };
        let Some(encrypted) = Encrypted::read(content, format).map_err(problem)? else {
            return Ok(None);
        };
        if let Some(content) = self.assumed.0.content(path) {
            return Ok(Some(Arc::new(Plain::assumed(content.as_bytes().to_vec()))));
        }
        let key = (content.to_vec(), format as u8);
        let known = self.lock(|done| done.get(&key).cloned());
        let plain = match known {
            Some(plain) => plain,
            None => {
                let decrypted = match encrypted.decrypt(&self.keys) {
                    Err(error) if self.assumed.0.placeholders && error.is_locked() => {
                        return self.stand_in(path, &encrypted).map(Some).map_err(problem);
                    }
                    decrypted => decrypted.map_err(problem)?,
                };
                let plain = Arc::new(Plain {
                    content: decrypted.content,
                    secrets: decrypted.secrets,
                    integrity: decrypted.integrity,
                });
                self.lock(|done| done.insert(key, plain.clone()));
                plain
            }
        };
        self.check(path, plain.integrity)?;
        Ok(Some(plain))
    }

    fn stand_in(&self, path: &Utf8Path, file: &Encrypted) -> Result<Arc<Plain>, kluctl_sops::Error> {
        // Kustomizations name files from their root.
        let inside = path
            .strip_prefix(&self.assumed.1)
            .or_else(|_| path.strip_prefix("/"));
        let name = format!("sops {}", inside.unwrap_or(path));
        let content = stand_in(&name, file)?;
        let mut names = self.placeholders.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name);
        Ok(Arc::new(Plain::assumed(content)))
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Done) -> T) -> T {
        work(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says, or refuses, that a file was changed after it had been encrypted.
    fn check(&self, path: &Utf8Path, integrity: Integrity) -> Result<(), Problem> {
        let text = match integrity {
            Integrity::Intact => return Ok(()),
            Integrity::Changed => "its checksum (mac) does not match: it was changed without sops",
            Integrity::Unknown => "it has no checksum (mac)",
        };
        if self.strict {
            return Err(Problem::in_file(
                path,
                format!("failed to verify the integrity of the encrypted file: {text}"),
            )
            .hint("encrypt it anew with `sops`, or leave `--sops-strict` out"));
        }
        let warning = format!("{path}: {text}");
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
        Ok(())
    }

    /// What a person should know, sorted, since files are read in parallel.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        let mut warnings = self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
        warnings.sort_unstable();
        warnings
    }
}
