//! `known_hosts` files: whether a server is who it says it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use russh::keys::{Algorithm, PublicKey};
use sha1::Sha1;

/// What a file says about a server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The key is known.
    Known,
    /// Another key of the same kind is known: somebody may stand in between.
    Changed {
        /// Line of the known key, counted from one.
        line: usize,
    },
    /// The key was taken back (`@revoked`).
    Revoked {
        /// Line that says so.
        line: usize,
    },
    /// Nothing is known.
    Unknown,
}

/// One line that speaks of keys.
struct Entry<'a> {
    line: usize,
    marker: Option<&'a str>,
    hosts: &'a str,
    key: PublicKey,
}

/// Judges a key. `host` is `name`, or `[name]:port` where the port is not 22.
///
/// Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Lines of `@cert-authority` are passed over, since certificates of
/// hosts are not asked for.
pub(crate) fn judge(text: &str, host: &str, key: &PublicKey) -> Verdict {
    let mut verdict = Verdict::Unknown;
    for entry in entries(text).filter(|entry| matches(entry.hosts, host)) {
        let same = entry.key.key_data() == key.key_data();
        match entry.marker {
            Some("@revoked") if same => return Verdict::Revoked { line: entry.line },
            Some(_) => {}
            None if same => verdict = Verdict::Known,
            None if verdict == Verdict::Unknown && same_kind(&entry.key.algorithm(), &key.algorithm()) => {
                verdict = Verdict::Changed { line: entry.line };
            }
            None => {}
        }
    }
    verdict
}

/// The kinds of keys that are known for a host, so that the server is asked for one of those.
pub(crate) fn algorithms(text: &str, host: &str) -> Vec<Algorithm> {
    entries(text)
        .filter(|entry| entry.marker.is_none() && matches(entry.hosts, host))
        .map(|entry| entry.key.algorithm())
        .collect()
}

/// Whether two algorithms use the same kind of key, whatever hash signs with it.
pub(crate) fn same_kind(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || (a.clone().is_rsa() && b.clone().is_rsa())
}

/// The line that makes a key known.
pub(crate) fn line(host: &str, key: &PublicKey) -> Option<String> {
    let mut key = key.clone();
    key.set_comment("");
    Some(format!("{host} {}\n", key.to_openssh().ok()?.trim()))
}

/// How `known_hosts` files name a server.
pub(crate) fn name(host: &str, port: u16) -> String {
    if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}

fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        let hosts = words.next().filter(|word| !word.starts_with('#'))?;
        let (kind, data) = (words.next()?, words.next()?);
        let key = PublicKey::from_openssh(&format!("{kind} {data}")).ok()?;
        Some(Entry {
            line: index + 1,
            marker,
            hosts,
            key,
        })
    })
}

/// Whether a list of patterns covers a host; a negated pattern that fits takes it out.
fn matches(patterns: &str, host: &str) -> bool {
    let host = host.to_lowercase();
    let mut found = false;
    for pattern in patterns.split(',') {
        if let Some(hashed) = pattern.strip_prefix("|1|") {
            found |= matches_hash(hashed, &host);
        } else if let Some(negated) = pattern.strip_prefix('!') {
            if wildcard(negated.to_lowercase().as_bytes(), host.as_bytes()) {
                return false;
            }
        } else {
            found |= wildcard(pattern.to_lowercase().as_bytes(), host.as_bytes());
        }
    }
    found
}

fn matches_hash(hashed: &str, host: &str) -> bool {
    let decoded = hashed.split_once('|').and_then(|(salt, hash)| {
        let (salt, hash) = (STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?);
        let mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
        Some((mac.chain_update(host), hash))
    });
    decoded.is_some_and(|(mac, hash)| mac.verify_slice(&hash).is_ok())
}

/// `*` stands for any text, `?` for one character.
pub(crate) fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    // where to go on after the last star when what follows does not fit
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((back, start)) => {
                    star = Some((back, start + 1));
                    at = back + 1;
                    from = start + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    #[track_caller]
    fn check(line: &str, host: &str, want: Verdict) {
        let key = PublicKey::from_openssh(ONE).unwrap();
        assert_eq!(
            judge(&format!("# comment\n\n{line}\n"), host, &key),
            want,
            "{line}"
        );
    }

    #[test]
    fn knows_plain_hashed_and_wildcard_names() {
        check(
            &format!("a.io,b.io {ONE} someone@somewhere"),
            "b.io",
            Verdict::Known,
        );
        check(&format!("A.io {ONE}"), "a.IO", Verdict::Known);
        check(&format!("[a.io]:2222 {ONE}"), &name("a.io", 2222), Verdict::Known);
        check(&format!("a.io {ONE}"), &name("a.io", 2222), Verdict::Unknown);
        check(&format!("*.io,!b.* {ONE}"), "a.io", Verdict::Known);
        check(&format!("*.io,!b.* {ONE}"), "b.io", Verdict::Unknown);
        // made by `ssh-keygen -H` (OpenSSH 9.2) for the host `example.com`
        let hashed = "|1|RDgfoMC0FiThFnpUZCBrjdZienA=|Ga4IZ6oB8wr2fPdiU5Zi0YXWs3E=";
        check(&format!("{hashed} {ONE}"), "example.com", Verdict::Known);
        check(&format!("{hashed} {ONE}"), "example.org", Verdict::Unknown);
    }

    #[test]
    fn tells_changed_and_revoked_keys() {
        check(&format!("a.io {TWO}"), "a.io", Verdict::Changed { line: 3 });
        check(&format!("a.io {TWO}\na.io {ONE}"), "a.io", Verdict::Known);
        check(
            &format!("a.io {ONE}\n@revoked * {ONE}"),
            "a.io",
            Verdict::Revoked { line: 4 },
        );
        check(&format!("@cert-authority *.io {ONE}"), "a.io", Verdict::Unknown);
        check("a.io ssh-ed25519 rubbish", "a.io", Verdict::Unknown);
    }

    #[test]
    fn matches_wildcards() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*b*c", "aXbYbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.a", "b.a.c", false),
        ] {
            assert_eq!(
                wildcard(pattern.as_bytes(), text.as_bytes()),
                want,
                "{pattern} {text}"
            );
        }
    }
}
