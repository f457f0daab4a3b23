//! Runs one program on another machine over SSH and talks to it, without the `ssh` program.

mod config;
mod identities;
mod known_hosts;

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use camino::Utf8PathBuf;
use russh::client::{self, Msg};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::runtime::Runtime;

use crate::git::GitUrl;
use crate::{Credential, Person};
use config::HostConfig;
use identities::Passphrases;
use known_hosts::Verdict;

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most of what the other side may say on its error channel (bytes).
const COMPLAINT_LIMIT: usize = 8 << 10;

/// What SSH needs to know of this machine and of the person on it.
#[derive(Clone, Debug, Default)]
pub struct SshSettings {
    /// Home folder, for `~/.ssh`.
    pub home: Option<Utf8PathBuf>,
    /// Name of the person on this machine, where neither address nor `~/.ssh/config` gives one.
    pub user: Option<String>,
    /// Socket of the agent (`SSH_AUTH_SOCK`).
    pub agent: Option<String>,
    /// Files to use instead of `~/.ssh/known_hosts` (`SSH_KNOWN_HOSTS`).
    pub known_hosts: Vec<Utf8PathBuf>,
    /// Take every server for what it says it is (`KLUCTL_SSH_DISABLE_STRICT_HOST_KEY_CHECKING`).
    pub trust_all_hosts: bool,
}

/// Connects to servers; remembers passphrases.
#[derive(Debug)]
pub(crate) struct Ssh {
    settings: SshSettings,
    person: Arc<dyn Person>,
    passphrases: Passphrases,
    /// One question about a server at a time.
    asking: Arc<Mutex<()>>,
}

/// What a program on the other side writes.
pub(crate) struct SshReader {
    shared: Arc<Shared>,
    half: ChannelReadHalf,
    left: Bytes,
}

/// What a program on the other side reads.
pub(crate) struct SshWriter {
    shared: Arc<Shared>,
    half: ChannelWriteHalf<Msg>,
}

struct Shared {
    /// Drives the connection while something is read or written.
    runtime: Runtime,
    _session: client::Handle<Host>,
    complaint: Arc<Mutex<String>>,
}

/// What the program wrote to its error channel, for messages.
#[derive(Clone)]
pub(crate) struct Complaint(Arc<Mutex<String>>);

impl Complaint {
    /// The text in one line.
    pub(crate) fn text(&self) -> String {
        let text = locked(&self.0);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("; ")
    }
}

impl Ssh {
    pub(crate) fn new(settings: SshSettings, person: Arc<dyn Person>) -> Self {
        Self {
            settings,
            person,
            passphrases: Passphrases::default(),
            asking: Arc::default(),
        }
    }

    /// Starts `git-upload-pack` for the repository of an address. The error says what went wrong, without the address.
    pub(crate) fn upload_pack(
        &self,
        url: &GitUrl,
        credential: Option<&Credential>,
    ) -> Result<(SshReader, SshWriter, Complaint), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("starting a runtime failed: {error}"))?;
        let config = self
            .settings
            .home
            .as_ref()
            .map(|home| HostConfig::load(home, &url.host))
            .unwrap_or_default();
        let (session, channel) = runtime.block_on(async {
            let mut session = self.connect(url, credential, &config).await?;
            let user = self.user(url, credential, &config);
            self.log_in(&mut session, &user, credential, &config).await?;
            let channel = session.channel_open_session().await.map_err(text)?;
            // The server may refuse this; it then speaks the first version of the protocol.
            let protocol = channel.set_env(false, "GIT_PROTOCOL", "version=2").await;
            protocol.map_err(text)?;
            let command = format!("git-upload-pack {}", quoted(&url.path));
            channel.exec(true, command).await.map_err(text)?;
            Ok::<_, String>((session, channel))
        })?;
        let (read, write) = channel.split();
        let complaint = Arc::new(Mutex::new(String::new()));
        let shared = Arc::new(Shared {
            runtime,
            _session: session,
            complaint: complaint.clone(),
        });
        let reader = SshReader {
            shared: shared.clone(),
            half: read,
            left: Bytes::new(),
        };
        Ok((reader, SshWriter { shared, half: write }, Complaint(complaint)))
    }

    async fn connect(
        &self,
        url: &GitUrl,
        credential: Option<&Credential>,
        config: &HostConfig,
    ) -> Result<client::Handle<Host>, String> {
        let host = config.host_name.clone().unwrap_or_else(|| url.host.clone());
        let port = url.port.or(config.port).unwrap_or(22);
        let name = known_hosts::name(&host, port);
        let known = self.known_hosts(credential)?;
        let options = client::Config {
            preferred: preferred(&known, &name),
            keepalive_interval: Some(PATIENCE),
            nodelay: true,
            ..client::Config::default()
        };
        let failure = Arc::new(Mutex::new(None));
        let handler = Host {
            name,
            known,
            trust_all: self.settings.trust_all_hosts,
            person: self.person.clone(),
            asking: self.asking.clone(),
            failure: failure.clone(),
        };
        let plain_host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let stream = tokio::time::timeout(
            PATIENCE,
            tokio::net::TcpStream::connect((plain_host.as_str(), port)),
        );
        let stream = match stream.await {
            Ok(stream) => stream.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        let _ = stream.set_nodelay(true);
        client::connect_stream(Arc::new(options), stream, handler)
            .await
            .map_err(|error| locked(&failure).take().unwrap_or_else(|| text(error)))
    }

    fn user(&self, url: &GitUrl, credential: Option<&Credential>, config: &HostConfig) -> String {
        let given = credential.and_then(|credential| credential.username.clone());
        let given = given.filter(|user| user != "*");
        let user = url.user.clone().or(given).or_else(|| config.user.clone());
        user.or_else(|| self.settings.user.clone())
            .unwrap_or_else(|| "git".to_owned())
    }

    /// What is known of servers: the credential's own list, else `SSH_KNOWN_HOSTS`, else the person's file.
    fn known_hosts(&self, credential: Option<&Credential>) -> Result<KnownHosts, String> {
        if let Some(given) = credential.and_then(|credential| credential.known_hosts.as_ref()) {
            return Ok(KnownHosts {
                texts: vec![(
                    "the known hosts given for it".to_owned(),
                    String::from_utf8_lossy(given).into_owned(),
                )],
                learn: None,
            });
        }
        let read = |path: &Utf8PathBuf| {
            (
                path.to_string(),
                std::fs::read_to_string(path).unwrap_or_default(),
            )
        };
        if !self.settings.known_hosts.is_empty() {
            let texts = self.settings.known_hosts.iter().map(read).collect();
            return Ok(KnownHosts { texts, learn: None });
        }
        let home = self.settings.home.as_ref();
        let own = home.map(|home| home.join(".ssh/known_hosts"));
        let files = own
            .iter()
            .cloned()
            .chain([Utf8PathBuf::from("/etc/ssh/ssh_known_hosts")]);
        Ok(KnownHosts {
            texts: files.map(|path| read(&path)).collect(),
            learn: own,
        })
    }
}

/// What is known of servers, and where to write down what is learnt.
struct KnownHosts {
    /// A name for messages, and the content.
    texts: Vec<(String, String)>,
    learn: Option<Utf8PathBuf>,
}

/// Asks for a kind of key that is known, so that a server that has several can be recognised.
fn preferred(known: &KnownHosts, name: &str) -> russh::Preferred {
    let mut preferred = russh::Preferred::default();
    let kinds: Vec<_> = known
        .texts
        .iter()
        .flat_map(|(_, text)| known_hosts::algorithms(text, name))
        .collect();
    let is_known =
        |algorithm: &russh::keys::Algorithm| kinds.iter().any(|kind| known_hosts::same_kind(kind, algorithm));
    let (first, rest): (Vec<_>, Vec<_>) = preferred.key.iter().cloned().partition(is_known);
    preferred.key = Cow::Owned(first.into_iter().chain(rest).collect());
    preferred
}

/// Judges the server.
struct Host {
    name: String,
    known: KnownHosts,
    trust_all: bool,
    person: Arc<dyn Person>,
    asking: Arc<Mutex<()>>,
    /// Why it was refused; the library has no word for it.
    failure: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let refusal = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.refusal(key),
            PublicKeyOrCertificate::Certificate(_) => {
                Some("the server shows a certificate instead of a key".to_owned())
            }
        };
        let trusted = refusal.is_none();
        *locked(&self.failure) = refusal;
        Ok(trusted)
    }
}

impl Host {
    /// Why the server is not trusted; `None` where it is.
    fn refusal(&self, key: &PublicKey) -> Option<String> {
        if self.trust_all {
            return None;
        }
        let mut changed = None;
        for (file, text) in &self.known.texts {
            match known_hosts::judge(text, &self.name, key) {
                Verdict::Known => return None,
                Verdict::Revoked { line } => {
                    return Some(format!(
                        "the key of {} is revoked in {file}, line {line}",
                        self.name
                    ));
                }
                Verdict::Changed { line } => changed = changed.or(Some((file, line))),
                Verdict::Unknown => {}
            }
        }
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        if let Some((file, line)) = changed {
            return Some(format!(
                "the key of {} is not the one in {file}, line {line}: somebody may stand between you and the server, or \
                 its key was changed; it shows {fingerprint}",
                self.name
            ));
        }
        let Some(learn) = &self.known.learn else {
            return Some(format!(
                "the host key {fingerprint} of {} is not in {}",
                self.name,
                self.known
                    .texts
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        };
        let _turn = locked(&self.asking);
        let learnt = std::fs::read_to_string(learn).unwrap_or_default();
        if known_hosts::judge(&learnt, &self.name, key) == Verdict::Known {
            return None;
        }
        let question = format!(
            "Unknown Host: {}\nFingerprint: {fingerprint}\nWould you like to add it?",
            self.name
        );
        if !self.person.confirm(&question) {
            return Some(format!(
                "the host key {fingerprint} of {} is not known, and was not accepted",
                self.name
            ));
        }
        remember(learn, &self.name, key)
            .err()
            .map(|error| format!("{learn}: {error}"))
    }
}

/// Appends a key to a file that only its owner may read.
fn remember(path: &Utf8PathBuf, name: &str, key: &PublicKey) -> io::Result<()> {
    let line = known_hosts::line(name, key).ok_or_else(|| io::Error::other("the key cannot be written"))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let before = std::fs::read(path).unwrap_or_default();
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let gap = if before.is_empty() || before.ends_with(b"\n") {
        ""
    } else {
        "\n"
    };
    options.open(path)?.write_all(format!("{gap}{line}").as_bytes())
}

impl Read for SshReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            let Some(message) = self.shared.runtime.block_on(self.half.wait()) else {
                return Ok(0);
            };
            match message {
                ChannelMsg::Data { data } => self.left = data,
                ChannelMsg::ExtendedData { data, .. } => {
                    let mut complaint = locked(&self.shared.complaint);
                    if complaint.len() < COMPLAINT_LIMIT {
                        complaint.push_str(&String::from_utf8_lossy(&data));
                    }
                }
                ChannelMsg::Failure => {
                    return Err(io::Error::other("the server refused to run git-upload-pack"));
                }
                // What is said on the error channel may still follow the end of the output.
                ChannelMsg::Close => return Ok(0),
                _ => {}
            }
        }
        let length = self.left.len().min(buffer.len());
        self.left.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Write for SshWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let sent = self.half.data_bytes(Bytes::copy_from_slice(buffer));
        self.shared.runtime.block_on(sent).map_err(io::Error::other)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A word for the shell of the other side, as Git writes it.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
