//! age identities: where they are and what they unwrap.
//!
//! Source: sops `age/keysource.go`, `loadIdentities`.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::age::{Identity, SshIdentity, decrypt, is_encrypted};
use super::{Ask, Environment, home, run, variable, words};
use crate::error::Error;

/// The passphrase of identity files and SSH keys.
const PASSPHRASE: &str = "KLUCTL_AGE_PASSPHRASE";

/// Who knows passphrases.
struct Passphrases<'p> {
    environment: &'p Environment,
    ask: &'p Ask,
}

impl Passphrases<'_> {
    fn of(&self, place: &str) -> Option<String> {
        let set = variable(self.environment, PASSPHRASE).filter(|text| !text.is_empty());
        set.map(str::to_owned)
            .or_else(|| (self.ask)(&format!("Passphrase of {place}")))
    }
}

/// The identities that could be loaded, and why others could not.
#[derive(Default)]
pub(super) struct Identities {
    all: Vec<Identity>,
    /// What went wrong at places that were named or exist.
    errors: Vec<String>,
    /// Places where there is nothing.
    unused: Vec<String>,
}

impl Identities {
    pub(super) fn load(environment: &Environment, ask: &Ask) -> Self {
        let mut identities = Self::default();
        let passphrases = &Passphrases { environment, ask };
        identities.load_ssh(environment, passphrases);
        match variable(environment, "SOPS_AGE_KEY") {
            Some(keys) => identities.content("SOPS_AGE_KEY", keys.as_bytes(), true, passphrases),
            None => identities.unused.push("SOPS_AGE_KEY".to_owned()),
        }
        match variable(environment, "SOPS_AGE_KEY_FILE") {
            Some(file) => identities.file(Utf8Path::new(file), passphrases),
            None => identities.unused.push("SOPS_AGE_KEY_FILE".to_owned()),
        }
        if let Some(folder) = config_folder(environment) {
            let file = folder.join("sops/age/keys.txt");
            if file.exists() {
                identities.file(&file, passphrases);
            } else {
                identities.unused.push(file.into_string());
            }
        }
        identities
    }

    fn load_ssh(&mut self, environment: &Environment, passphrases: &Passphrases<'_>) {
        if let Some(file) = variable(environment, "SOPS_AGE_SSH_PRIVATE_KEY_FILE") {
            self.ssh_file(Utf8Path::new(file), passphrases);
        }
        let home = home(environment).unwrap_or_default();
        for name in ["id_ed25519", "id_rsa"] {
            let file = home.join(".ssh").join(name);
            if file.exists() {
                // Nobody named this key: it is not worth a question.
                let silent = Passphrases {
                    environment: passphrases.environment,
                    ask: &(Arc::new(|_: &str| None) as Ask),
                };
                self.ssh_file(&file, &silent);
            }
        }
    }

    fn ssh_file(&mut self, file: &Utf8Path, passphrases: &Passphrases<'_>) {
        match std::fs::read_to_string(file) {
            Ok(text) => self.ssh_key(file.as_str(), &text, passphrases),
            Err(error) => self.errors.push(format!("{file}: {error}")),
        }
    }

    fn ssh_key(&mut self, place: &str, text: &str, passphrases: &Passphrases<'_>) {
        match SshIdentity::parse(text, || passphrases.of(place)) {
            Ok(key) => self.all.push(Identity::Ssh(key)),
            Err(error) => self.errors.push(format!("{place}: {error}")),
        }
    }

    fn file(&mut self, file: &Utf8Path, passphrases: &Passphrases<'_>) {
        match std::fs::read(file) {
            Ok(content) => self.content(file.as_str(), &content, false, passphrases),
            Err(error) => self.errors.push(format!("{file}: {error}")),
        }
    }

    /// Identities in lines, which may be encrypted with a passphrase.
    fn content(&mut self, place: &str, content: &[u8], several: bool, passphrases: &Passphrases<'_>) {
        let decrypted;
        let content = if is_encrypted(content) {
            let opened = match passphrases.of(place) {
                Some(passphrase) => decrypt(content, std::iter::once(&Identity::Passphrase(passphrase))),
                None => Err(format!(
                    "the identities are protected by a passphrase and `{PASSPHRASE}` is not set"
                )),
            };
            match opened {
                Ok(content) => decrypted = content,
                Err(error) => return self.errors.push(format!("{place}: {error}")),
            }
            &decrypted
        } else {
            content
        };
        match std::str::from_utf8(content) {
            Ok(text) => self.lines(place, text, several),
            Err(error) => self.errors.push(format!("{place}: {error}")),
        }
    }

    /// One identity per line, or several; all of them or none.
    fn lines(&mut self, place: &str, text: &str, several: bool) {
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let keys: Vec<&str> = if several {
                line.split_whitespace().collect()
            } else {
                Some(line.trim_end())
                    .filter(|line| !line.is_empty())
                    .into_iter()
                    .collect()
            };
            for key in keys {
                match identity(key) {
                    Ok(identity) => found.push(identity),
                    Err(error) => return self.errors.push(format!("{place}: {error}")),
                }
            }
        }
        if found.is_empty() {
            self.unused.push(place.to_owned());
        }
        self.all.extend(found);
    }

    /// The key that was wrapped for a recipient.
    pub(super) fn unwrap(
        &self,
        recipient: &str,
        armored: &str,
        environment: &Environment,
        ask: &Ask,
    ) -> Result<Vec<u8>, Error> {
        let (mut own, mut errors) = (Self::default(), Vec::new());
        let passphrases = &Passphrases { environment, ask };
        // What these commands give depends on the recipient.
        for (name, is_ssh) in [
            ("SOPS_AGE_KEY_CMD", false),
            ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", true),
        ] {
            match command_output(environment, name, recipient) {
                None => {}
                Some(Ok(keys)) if is_ssh => own.ssh_key(name, &keys, passphrases),
                Some(Ok(keys)) => own.content(name, keys.as_bytes(), false, passphrases),
                Some(Err(error)) => errors.push(error.context(name).to_string()),
            }
        }
        errors.extend(self.errors.iter().chain(&own.errors).cloned());
        let errors = if errors.is_empty() {
            String::new()
        } else {
            format!(" ({})", errors.join("; "))
        };
        let all = || self.all.iter().chain(&own.all);
        if all().next().is_none() {
            return Err(
                Error::new(format!("no age identity was found{errors}")).hint(format!(
                    "set `SOPS_AGE_KEY` or `SOPS_AGE_KEY_FILE`; there was none in {}",
                    self.unused.join(", ")
                )),
            );
        }
        decrypt(armored.as_bytes(), all()).map_err(|error| Error::new(format!("{error}{errors}")))
    }
}

fn identity(text: &str) -> Result<Identity, String> {
    if text.starts_with("AGE-SECRET-KEY-1") {
        return Identity::parse(text);
    }
    Err(if text.starts_with("AGE-PLUGIN-") {
        "identities of age plugins are not supported".to_owned()
    } else if text.starts_with("AGE-SECRET-KEY-PQ-1") {
        "post-quantum identities of age are not supported".to_owned()
    } else {
        "unknown identity type".to_owned()
    })
}

/// What the command in a variable prints; it is told the recipient.
fn command_output(environment: &Environment, name: &str, recipient: &str) -> Option<Result<String, Error>> {
    let line = variable(environment, name)?;
    let output = words(line).and_then(|words| match words.split_first() {
        Some((program, arguments)) => run(program, arguments, &[("SOPS_AGE_RECIPIENT", recipient)], ""),
        None => Err(Error::new("the command is empty")),
    });
    Some(output.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Where the person's configuration is.
fn config_folder(environment: &Environment) -> Option<Utf8PathBuf> {
    let set = |name| variable(environment, name).filter(|folder| !folder.is_empty());
    let home = || home(environment);
    if cfg!(windows) {
        return set("APPDATA").map(Utf8PathBuf::from);
    }
    if let Some(folder) = set("XDG_CONFIG_HOME") {
        return Some(folder.into());
    }
    if cfg!(target_os = "macos") {
        return home().map(|home| home.join("Library/Application Support"));
    }
    home().map(|home| home.join(".config"))
}
