//! Brings a mirror up to date, over whatever the address asks for.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use camino::Utf8Path;
use gix::progress::Discard;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::blocking_io::http::{self, reqwest};
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use gix::remote::Direction;

use super::{GitRepositories, GitScheme, GitUrl, causes, forget_references};
use crate::{Credential, SourceError};

impl GitRepositories {
    /// Fetches all branches and tags. Credentials are looked up for the address that was asked for, then for the mirror's.
    pub(super) fn fetch(
        &self,
        repository: &gix::Repository,
        asked: &GitUrl,
        url: &GitUrl,
        git: &Utf8Path,
    ) -> Result<(), SourceError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |reason: String| SourceError::Transport {
            url: url.shown(),
            reason,
        };
        let remote = repository
            .remote_at(url.bare().as_str())
            .and_then(|remote| {
                remote.with_refspecs(
                    ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                    Direction::Fetch,
                )
            })
            .map_err(|error| failed(causes(&error)))?;
        let credentials = &self.options.credentials;
        let credential = credentials.find_git(asked).or_else(|| credentials.find_git(url));
        let received = match url.scheme {
            GitScheme::Ssh => {
                let (reader, writer, complaint) = self.ssh.upload_pack(url, credential).map_err(failed)?;
                let transport = Connection::new(
                    reader,
                    writer,
                    Protocol::V2,
                    url.path.as_str(),
                    None::<(&str, Option<u16>)>,
                    ConnectMode::Process,
                    false,
                );
                let transport = transport.custom_url(Some(url.bare().into()));
                receive(remote.to_connection_with_transport(transport)).map_err(|error| {
                    // What the server has to say explains more than a connection that ended.
                    match complaint.text() {
                        text if text.is_empty() => failed(error),
                        text => failed(text),
                    }
                })?
            }
            GitScheme::Git => {
                let connection = remote.connect(Direction::Fetch);
                receive(connection.map_err(|error| failed(causes(&error)))?).map_err(failed)?
            }
            GitScheme::Https | GitScheme::Http => {
                let connection = remote.connect(Direction::Fetch);
                let connection = connection
                    .map_err(|error| failed(causes(&error)))?
                    .with_transport_options(http_options(credential).map_err(failed)?);
                receive(with_login(connection, login(asked, url, credential))).map_err(failed)?
            }
            GitScheme::File => return Ok(()),
        };
        forget_references(repository, &received.known).map_err(failed)?;
        if let Some(head) = received.head {
            crate::cache::write_whole(&git.join("HEAD"), format!("ref: {head}\n").as_bytes())?;
        }
        Ok(())
    }
}

/// What the remote has.
struct Received {
    known: BTreeSet<String>,
    head: Option<String>,
}

/// Receives all that is missing.
fn receive<T: Transport>(connection: gix::remote::Connection<'_, '_, '_, T>) -> Result<Received, String> {
    let options = gix::remote::ref_map::Options {
        prefix_from_spec_as_filter_on_remote: false,
        ..Default::default()
    };
    let prepared = connection
        .prepare_fetch(Discard, options)
        .map_err(|error| causes(&error))?;
    let outcome = prepared
        .receive(Discard, &AtomicBool::new(false))
        .map_err(|error| causes(&error))?;
    let mut received = Received {
        known: BTreeSet::new(),
        head: None,
    };
    for reference in &outcome.ref_map.remote_refs {
        let (name, _, _) = reference.unpack();
        received.known.insert(name.to_string());
        if name == "HEAD"
            && let Ref::Symbolic { target, .. } = reference
        {
            received.head = Some(target.to_string());
        }
    }
    Ok(received)
}

/// User name and password: what was given for the host, else what stands in the address.
fn login(asked: &GitUrl, url: &GitUrl, credential: Option<&Credential>) -> Option<(String, String)> {
    let given = credential.and_then(|credential| {
        let named = credential.username.clone().filter(|user| user != "*");
        let user = asked.user.clone().or(named)?;
        Some((user, credential.password.clone()?))
    });
    let own = |url: &GitUrl| Some((url.user.clone()?, url.password.clone()?));
    given.or_else(|| own(asked)).or_else(|| own(url))
}

/// Answers the question for a login once: a second one means that the first answer was refused.
fn with_login<'a, 'repo, T: Transport>(
    connection: gix::remote::Connection<'a, 'static, 'repo, T>,
    login: Option<(String, String)>,
) -> gix::remote::Connection<'a, 'static, 'repo, T> {
    let mut login = login;
    connection.with_credentials(move |action| {
        let gix::credentials::helper::Action::Get(_) = &action else {
            return Ok(None);
        };
        let Some((username, password)) = login.take() else {
            return Ok(None);
        };
        Ok(Some(gix::credentials::protocol::Outcome {
            identity: gix::sec::identity::Account {
                username,
                password,
                oauth_refresh_token: None,
            },
            next: gix::credentials::helper::NextAction::from(gix::credentials::protocol::Context::default()),
        }))
    })
}

/// Settings of the HTTP client: who we are, and whom to trust.
fn http_options(credential: Option<&Credential>) -> Result<Box<dyn Any>, String> {
    let mut options = http::Options {
        user_agent: Some(concat!("git/kluctl-", env!("CARGO_PKG_VERSION")).to_owned()),
        ..http::Options::default()
    };
    if let Some(ca) = credential.and_then(|credential| credential.ca.as_ref()) {
        let bundle = ::reqwest::Certificate::from_pem_bundle(ca)
            .map_err(|error| format!("the CA bundle cannot be read: {error}"))?;
        let backend = reqwest::Options {
            configure_client: Some(Box::new(move |builder| {
                Ok(builder.tls_certs_merge(bundle.clone()))
            })),
            configure_request: None,
        };
        options.backend = Some(Arc::new(Mutex::new(backend)));
    }
    Ok(Box::new(options))
}
