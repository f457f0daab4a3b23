//! Unwraps keys with what is on this machine: age identities and PGP keys.

mod age;
mod age_keys;
mod pgp;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;

use self::age_keys::Identities;
use self::pgp::PgpKeys;
use crate::decrypt::KeyService;
use crate::error::Error;
use crate::metadata::{MasterKey, Wrapped};

/// The environment of a process.
pub(crate) type Environment = BTreeMap<String, String>;

/// Asks a person for a passphrase; `None` where nobody answers.
pub type Ask = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// age and PGP keys where SOPS looks for them: `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE`, `SOPS_AGE_KEY_CMD`, the same for SSH
/// keys, the default files, GnuPG's keyrings, and exported PGP keys in `KLUCTL_PGP_KEY` and `KLUCTL_PGP_KEY_FILE`. Nothing
/// is read before a file needs it, and once only.
pub struct LocalKeys {
    environment: Environment,
    ask: Ask,
    identities: OnceLock<Identities>,
    pgp: PgpKeys,
}

impl LocalKeys {
    /// Keys as an environment names them.
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self {
            environment,
            ask: Arc::new(|_| None),
            identities: OnceLock::new(),
            pgp: PgpKeys::default(),
        }
    }

    /// Somebody may be asked for passphrases.
    #[must_use]
    pub fn with_person(mut self, ask: Ask) -> Self {
        self.ask = ask;
        self
    }
}

impl KeyService for LocalKeys {
    fn unwrap(&self, wrapped: &Wrapped) -> Result<Vec<u8>, Error> {
        match &wrapped.key {
            MasterKey::Age { recipient } => {
                let identities = self
                    .identities
                    .get_or_init(|| Identities::load(&self.environment, &self.ask));
                identities.unwrap(recipient, &wrapped.data, &self.environment, &self.ask)
            }
            MasterKey::Pgp { .. } => self.pgp.unwrap(&wrapped.data, &self.environment, &self.ask),
            other => Err(Error::new(format!("{} is no key of this machine", other.shown()))),
        }
    }
}

/// A variable that is set, even to nothing.
fn variable<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.get(name).map(String::as_str)
}

/// The person's folder.
fn home(environment: &Environment) -> Option<Utf8PathBuf> {
    let set = |name| variable(environment, name).filter(|folder| !folder.is_empty());
    set("HOME").or_else(|| set("USERPROFILE")).map(Utf8PathBuf::from)
}

/// Runs a program, feeds it and gives what it prints.
fn run(
    program: &str,
    arguments: &[String],
    environment: &[(&str, &str)],
    input: &str,
) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| Error::new(format!("running `{program}` failed: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input may be gone already.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("`{program}` failed: {}", text.trim())))
}

/// Splits a command line at white space, as a shell does with quotes and backslashes.
fn words(line: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, Some(open)) if open == character => quote = None,
            (_, None) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(Error::new(format!(
            "a quote is not closed in the command `{line}`"
        )));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        assert_eq!(
            words(r#"a  'b c' "d \"e" f\ g ''"#).unwrap(),
            ["a", "b c", "d \"e", "f g", ""]
        );
        assert!(words("a 'b").is_err());
    }
}
