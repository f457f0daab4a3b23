//! Who to be: keys of the agent, of files, or the one that was given for a repository.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8PathBuf;
use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use russh::keys::{Error as KeyError, HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};

use super::config::{HostConfig, expand};
use super::{Host, Ssh, text};
use crate::Credential;

/// Passphrases by the file of their key, so that each is asked for once; `None` where nobody answered.
#[derive(Default)]
pub(super) struct Passphrases(Mutex<BTreeMap<String, Option<String>>>);

impl std::fmt::Debug for Passphrases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrases")
    }
}

/// Key files that are tried without being named.
///
/// Source: kluctl `lib/git/auth/ssh_auth_provider.go`; its `id_xmss` and `id_dsa` are kinds that OpenSSH has given up.
const DEFAULT_KEYS: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

type Agent = AgentClient<Box<dyn AgentStream + Send + Unpin>>;

impl Ssh {
    /// Presents one key after the other until the server takes one.
    pub(super) async fn log_in(
        &self,
        session: &mut Handle<Host>,
        user: &str,
        credential: Option<&Credential>,
        config: &HostConfig,
    ) -> Result<(), String> {
        let mut tried = Vec::new();
        if let Some(key) = credential.and_then(|credential| credential.ssh_key.as_ref()) {
            let key = self.unlock("the key given for it", &String::from_utf8_lossy(key))?;
            tried.push("the key given for it".to_owned());
            if present(session, user, key).await? {
                return Ok(());
            }
        } else {
            if let Some(mut agent) = self.agent(config).await
                && self.try_agent(session, user, &mut agent, &mut tried).await?
            {
                return Ok(());
            }
            for file in self.key_files(config) {
                let Ok(pem) = std::fs::read_to_string(&file) else {
                    continue;
                };
                match self.unlock(file.as_str(), &pem) {
                    Ok(key) => {
                        tried.push(file.to_string());
                        if present(session, user, key).await? {
                            return Ok(());
                        }
                    }
                    Err(error) => self.person.warn(&format!("Failed to read key {error}")),
                }
            }
        }
        if tried.is_empty() {
            return Err(format!(
                "there is no key to log in with as `{user}`: neither an agent nor a key file (~/.ssh/id_ed25519, \
                 --git-ssh-key-file, KLUCTL_GIT_SSH_KEY)"
            ));
        }
        Err(format!(
            "the server accepts none of the keys for `{user}` ({})",
            tried.join(", ")
        ))
    }

    async fn try_agent(
        &self,
        session: &mut Handle<Host>,
        user: &str,
        agent: &mut Agent,
        tried: &mut Vec<String>,
    ) -> Result<bool, String> {
        let identities = match agent.request_identities().await {
            Ok(identities) => identities,
            Err(error) => {
                self.person
                    .warn(&format!("Failed to get the keys of the ssh agent: {error}"));
                return Ok(false);
            }
        };
        for identity in identities {
            let AgentIdentity::PublicKey { key, comment } = identity else {
                continue;
            };
            tried.push(format!("`{comment}` of the agent"));
            let hash = rsa_hash(session, key.algorithm().is_rsa()).await?;
            let result = session.authenticate_publickey_with(user, key, hash, agent).await;
            match result {
                Ok(result) if result.success() => return Ok(true),
                Ok(_) => {}
                // A key that must be confirmed, or that the agent has lost since.
                Err(error) => self.person.warn(&format!("the ssh agent did not sign: {error}")),
            }
        }
        Ok(false)
    }

    /// The agent that `~/.ssh/config` or the environment names.
    async fn agent(&self, config: &HostConfig) -> Option<Agent> {
        let home = self.settings.home.clone().unwrap_or_default();
        let socket = match config.identity_agent.as_deref() {
            Some("none") => return None,
            None | Some("" | "SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK") => self.settings.agent.clone()?,
            Some(path) => expand(path, &home).into_string(),
        };
        match connect(&socket).await {
            Ok(agent) => Some(agent),
            Err(error) => {
                self.person
                    .warn(&format!("Failed to connect to the ssh agent {socket}: {error}"));
                None
            }
        }
    }

    /// Default keys, then those of `~/.ssh/config`.
    fn key_files(&self, config: &HostConfig) -> Vec<Utf8PathBuf> {
        let Some(home) = &self.settings.home else {
            return Vec::new();
        };
        let mut files: Vec<_> = DEFAULT_KEYS
            .iter()
            .map(|name| home.join(".ssh").join(name))
            .collect();
        for file in &config.identity_files {
            let file = expand(file, home);
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    /// Reads a key, and asks for its passphrase where it has one. The error starts with the key's name.
    fn unlock(&self, name: &str, pem: &str) -> Result<PrivateKey, String> {
        match decode_secret_key(pem, None) {
            Err(KeyError::KeyIsEncrypted) => {}
            result => return result.map_err(|error| format!("{name}: {error}")),
        }
        let mut known = self.passphrases.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passphrase = known
            .entry(name.to_owned())
            .or_insert_with(|| self.person.secret(&format!("Enter passphrase for key '{name}'")));
        let Some(passphrase) = passphrase else {
            return Err(format!("{name}: it needs a passphrase, and nobody gave one"));
        };
        decode_secret_key(pem, Some(passphrase))
            .map_err(|error| format!("{name}: wrong passphrase, or a broken key: {error}"))
    }
}

#[cfg(unix)]
async fn connect(socket: &str) -> Result<Agent, KeyError> {
    Ok(AgentClient::connect_uds(socket).await?.dynamic())
}

#[cfg(windows)]
async fn connect(socket: &str) -> Result<Agent, KeyError> {
    Ok(AgentClient::connect_named_pipe(socket).await?.dynamic())
}

async fn present(session: &mut Handle<Host>, user: &str, key: PrivateKey) -> Result<bool, String> {
    let hash = rsa_hash(session, key.algorithm().is_rsa()).await?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    let result = session.authenticate_publickey(user, key).await;
    result.map(|result| result.success()).map_err(text)
}

/// The best hash that the server takes with RSA keys; SHA-1 only where it knows no other.
async fn rsa_hash(session: &Handle<Host>, rsa: bool) -> Result<Option<HashAlg>, String> {
    if !rsa {
        return Ok(None);
    }
    let best = session.best_supported_rsa_hash().await.map_err(text)?;
    Ok(best.unwrap_or(Some(HashAlg::Sha256)))
}
