//! PGP by `gpg`, which has the keys: no library reads the keyrings that GnuPG writes since version 2.1.
//!
//! Source: sops `pgp/keysource.go`, `decryptWithGnuPG`.

use super::{Environment, run, variable};
use crate::error::Error;

/// The key inside an armoured message.
pub(super) fn unwrap(armored: &str, environment: &Environment) -> Result<Vec<u8>, Error> {
    let program = variable(environment, "SOPS_GPG_EXEC").filter(|program| !program.is_empty());
    let folder = variable(environment, "GNUPGHOME").map(|folder| ("GNUPGHOME", folder));
    let folder: Vec<_> = folder.into_iter().collect();
    match run(program.unwrap_or("gpg"), &["-d".to_owned()], &folder, armored) {
        Ok(key) if key.is_empty() => Err(Error::new("`gpg` gave nothing")),
        Ok(key) => Ok(key),
        Err(error) => Err(error.hint("the secret key must be in GnuPG's keyring (`gpg --list-secret-keys`)")),
    }
}
