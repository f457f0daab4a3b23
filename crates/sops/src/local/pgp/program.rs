//! Keys that only the `gpg` program can use: those whose passphrase its agent knows, and those on smart cards.
//!
//! Source: sops `pgp/keysource.go`, `decryptWithGnuPG`.

use super::super::{Environment, run, variable};
use crate::error::Error;

/// The key inside an armoured message.
pub(super) fn unwrap(armored: &str, environment: &Environment) -> Result<Vec<u8>, Error> {
    let program = variable(environment, "SOPS_GPG_EXEC").filter(|program| !program.is_empty());
    let folder = variable(environment, "GNUPGHOME").map(|folder| ("GNUPGHOME", folder));
    let folder: Vec<_> = folder.into_iter().collect();
    match run(program.unwrap_or("gpg"), &["-d".to_owned()], &folder, armored) {
        Ok(key) if key.is_empty() => Err(Error::new("`gpg` gave nothing")),
        other => other,
    }
}
