//! The few settings of `~/.ssh/config` that decide how a Git server is reached.

use camino::{Utf8Path, Utf8PathBuf};

use super::known_hosts::wildcard;

/// What the file says for one host; the first value wins, as in OpenSSH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostConfig {
    /// The real name of the host.
    pub host_name: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Who to log in as.
    pub user: Option<String>,
    /// Key files; all of them are tried.
    pub identity_files: Vec<String>,
    /// Socket of the agent, `none`, or `SSH_AUTH_SOCK`.
    pub identity_agent: Option<String>,
}

impl HostConfig {
    /// Reads the person's file; without one nothing is set.
    pub(crate) fn load(home: &Utf8Path, host: &str) -> Self {
        let mut config = Self::default();
        let text = std::fs::read_to_string(home.join(".ssh/config")).unwrap_or_default();
        config.read(&text, host, home, 0);
        config
    }

    /// Source: ssh_config(5). `Match` blocks are passed over but for `Match all`; `Include` is followed.
    fn read(&mut self, text: &str, host: &str, home: &Utf8Path, depth: usize) {
        let mut applies = true;
        for line in text.lines() {
            let line = line.trim();
            let end = line
                .find(|c: char| c.is_whitespace() || c == '=')
                .unwrap_or(line.len());
            let (keyword, rest) = line.split_at(end);
            let value = rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == '=')
                .trim();
            let plain = value.trim_matches('"');
            match keyword.to_lowercase().as_str() {
                "host" => applies = covers(value, host),
                "match" => applies = value.eq_ignore_ascii_case("all"),
                _ if !applies => {}
                "include" if depth < 8 => self.include(value, host, home, depth),
                "hostname" => {
                    let name = plain.replace("%h", host);
                    self.host_name.get_or_insert(name);
                }
                "port" => self.port = self.port.or_else(|| plain.parse().ok()),
                "user" => {
                    self.user.get_or_insert(plain.to_owned());
                }
                "identityfile" => self.identity_files.push(plain.to_owned()),
                "identityagent" => {
                    self.identity_agent.get_or_insert(plain.to_owned());
                }
                _ => {}
            }
        }
    }

    fn include(&mut self, value: &str, host: &str, home: &Utf8Path, depth: usize) {
        for name in value.split_whitespace() {
            let path = expand(name.trim_matches('"'), home);
            let path = if path.is_relative() {
                home.join(".ssh").join(path)
            } else {
                path
            };
            for file in files(&path) {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                self.read(&text, host, home, depth + 1);
            }
        }
    }
}

/// The file itself, or those in its folder that fit where its name holds wildcards; sorted by name.
fn files(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    let name = path.file_name().unwrap_or_default();
    if !name.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    let Ok(entries) = folder.read_dir_utf8() else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| wildcard(name.as_bytes(), entry.file_name().as_bytes()))
        .map(|entry| entry.path().to_owned())
        .collect();
    found.sort();
    found
}

/// Whether a `Host` line covers a host: one pattern fits, and no negated one does.
fn covers(patterns: &str, host: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split_whitespace() {
        if let Some(negated) = pattern.strip_prefix('!') {
            if wildcard(negated.as_bytes(), host.as_bytes()) {
                return false;
            }
        } else {
            found |= wildcard(pattern.as_bytes(), host.as_bytes());
        }
    }
    found
}

/// A path with `~` and `%d` replaced by the home folder.
pub(crate) fn expand(path: &str, home: &Utf8Path) -> Utf8PathBuf {
    let path = path.replace("%d", home.as_str());
    match path.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => Utf8PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_wins_and_keys_add_up() {
        let text = "\
IdentityFile ~/.ssh/everywhere
Host git.* !git.other
  HostName=real.example
  Port 2222
  User  bob
  IdentityFile \"~/.ssh/git key\"
Host *
  Port 22
  User alice
  IdentityAgent none
Match user root
  User root
";
        let mut config = HostConfig::default();
        config.read(text, "git.example", Utf8Path::new("/home/x"), 0);
        assert_eq!(
            config,
            HostConfig {
                host_name: Some("real.example".into()),
                port: Some(2222),
                user: Some("bob".into()),
                identity_files: vec!["~/.ssh/everywhere".into(), "~/.ssh/git key".into()],
                identity_agent: Some("none".into()),
            }
        );
        let mut other = HostConfig::default();
        other.read(text, "git.other", Utf8Path::new("/home/x"), 0);
        assert_eq!((other.host_name, other.user.as_deref()), (None, Some("alice")));
    }
}
