//! PGP keys: opened here where the secret key can be read, else by the `gpg` program with its agent and cards.
//!
//! Written here and not taken from a crate, since the one there is brings some sixty others and reads none of the files
//! that GnuPG has kept its keys in since version 2.1.

mod armor;
mod cipher;
mod expression;
mod key;
mod keyring;
mod message;
mod packet;
mod program;
mod secret;

use std::sync::OnceLock;

use self::key::SessionKey;
use self::keyring::{Key, Keyring};
use self::message::Message;
use self::secret::Locked;
use super::{Ask, Environment};
use crate::error::Error;

/// PGP keys of this machine, read once.
#[derive(Default)]
pub(super) struct PgpKeys {
    ring: OnceLock<Keyring>,
}

impl PgpKeys {
    /// The key inside an armoured message.
    ///
    /// A key that needs a passphrase is opened with the one in the environment, by `gpg`, whose agent may know it, or with
    /// one that a person types, in this order.
    pub(super) fn unwrap(
        &self,
        armored: &str,
        environment: &Environment,
        ask: &Ask,
    ) -> Result<Vec<u8>, Error> {
        let ring = self.ring.get_or_init(|| Keyring::load(environment));
        let message = armor::dearmor(armored.as_bytes())
            .and_then(|blocks| Message::read(&blocks.concat()))
            .map_err(Error::new)?;
        let mut reasons: Vec<String> = ring.errors.clone();
        let mut locked = Vec::new();
        for (wrapped, key) in message
            .wrapped
            .iter()
            .flat_map(|wrapped| ring.candidates(wrapped.recipient).map(move |key| (wrapped, key)))
        {
            let opened = match ring.open(key) {
                Ok(secret) => session(&message, secret.unwrap(&key.public, wrapped.kind, &wrapped.body)),
                Err(Locked::Passphrase) => {
                    locked.push((wrapped, key));
                    continue;
                }
                Err(Locked::Elsewhere) => Err("it is on a smart card or another machine".to_owned()),
                Err(Locked::Broken(reason)) => Err(reason),
            };
            match opened {
                Ok(plain) => return Ok(plain),
                Err(reason) => reasons.push(of_key(key, &reason)),
            }
        }
        let program = match program::unwrap(armored, environment) {
            Ok(plain) => return Ok(plain),
            Err(error) => error,
        };
        for (wrapped, key) in locked {
            let opened = typed(ring, key, ask).and_then(|secret| {
                session(&message, secret.unwrap(&key.public, wrapped.kind, &wrapped.body))
            });
            match opened {
                Ok(plain) => return Ok(plain),
                Err(reason) => reasons.push(of_key(key, &reason)),
            }
        }
        Err(failure(ring, &reasons, &program))
    }
}

fn session(message: &Message, key: Result<SessionKey, String>) -> Result<Vec<u8>, String> {
    let plain = message.open(&key?)?;
    if plain.is_empty() {
        return Err("the message is empty".to_owned());
    }
    Ok(plain)
}

fn typed(ring: &Keyring, key: &Key, ask: &Ask) -> Result<key::SecretKey, String> {
    let name = key.public.shown();
    let passphrase = ask(&format!("Passphrase of the PGP key {name} in {}", key.place));
    let Some(passphrase) = passphrase else {
        return Err(if ring.has_passphrase() {
            format!(
                "the passphrase in `{}` is not its passphrase",
                keyring::PASSPHRASE
            )
        } else {
            format!(
                "it is protected by a passphrase and `{}` is not set",
                keyring::PASSPHRASE
            )
        });
    };
    ring.open_with(key, passphrase).map_err(|locked| match locked {
        Locked::Passphrase => "that is not its passphrase".to_owned(),
        Locked::Elsewhere => "it is on a smart card or another machine".to_owned(),
        Locked::Broken(reason) => reason,
    })
}

fn of_key(key: &Key, reason: &str) -> String {
    format!("{} in {}: {reason}", key.public.shown(), key.place)
}

fn failure(ring: &Keyring, reasons: &[String], program: &Error) -> Error {
    let message = if reasons.is_empty() {
        format!("no secret PGP key for it was found, and {program}")
    } else {
        format!("{}; and {program}", reasons.join("; "))
    };
    let hint = if ring.unused.is_empty() {
        format!("set `{}` to an exported key", keyring::KEY)
    } else {
        format!(
            "set `{}` or `{}` to an exported key (`gpg --export-secret-keys --armor`); there was none in {}",
            keyring::KEY,
            keyring::KEY_FILE,
            ring.unused.join(", ")
        )
    };
    Error::new(message).hint(hint)
}
