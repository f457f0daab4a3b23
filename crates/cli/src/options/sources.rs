//! From credential flags, their variables and other tools' files to what `source` takes.
//!
//! Order of precedence: flags, then `KLUCTL_*` variables, then other tools' files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use kluctl_commands::sources::SourceOptions;
use kluctl_source::git::percent_decoded;
use kluctl_source::{Credential, Credentials, Mirrors, SshSettings};
use serde::Deserialize;

use super::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use super::project::{ProjectFlags, SourceOverrideFlags};
use super::values;

/// Other places for public addresses.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = super::credentials::MIRROR)]
pub(crate) struct MirrorFlags {
    /// Take what lies below one address from another. Must be in the form --mirror=<from>=<to>, where both are the beginning
    /// of an address of a Helm repository, an OCI registry or a Git server, e.g. --mirror
    /// https://charts.jetstack.io=https://mirror.example.com/jetstack. The longest <from> that fits counts.
    #[arg(long, value_name = "stringArray")]
    pub(crate) mirror: Vec<String>,
}

/// Credentials by host and path, in order of their first appearance; one flag after the other completes an entry.
#[derive(Default)]
struct Entries(Vec<Credential>);

impl Entries {
    fn entry(&mut self, host: &str, path: Option<&str>) -> &mut Credential {
        let known = self
            .0
            .iter()
            .position(|entry| entry.host == host && entry.path.as_deref() == path);
        let index = known.unwrap_or_else(|| {
            self.0.push(Credential {
                host: host.to_owned(),
                path: path.map(str::to_owned),
                ..Credential::default()
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// `host[/path]`.
    fn named(&mut self, flag: &str, name: &str) -> Result<&mut Credential, String> {
        let (host, path) = match name.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (name, None),
        };
        if host.is_empty() {
            return Err(format!("--{flag}: expected <host>/<path>, found `{name}`"));
        }
        Ok(self.entry(host, path.filter(|path| !path.is_empty())))
    }

    /// `host[/path]=value` for every use of a flag.
    fn each(
        &mut self,
        flag: &str,
        list: &[String],
        mut put: impl FnMut(&mut Credential, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        for text in list {
            // The value is left out of the message: it may be a secret.
            let (name, value) = text.split_once('=').ok_or_else(|| {
                format!("--{flag}: expected <host>/<path>=<value>, found a text without `=`")
            })?;
            put(self.named(flag, name)?, value).map_err(|error| format!("--{flag}: {error}"))?;
        }
        Ok(())
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(values::expand(path)).map_err(|error| format!("{path}: {error}"))
}

/// Combines all credentials and mirrors of a command.
///
/// `environment` holds the process's variables; `home` is the person's home folder.
pub(crate) fn resolve(
    git: &GitCredentials,
    helm: &HelmCredentials,
    registry: &RegistryCredentials,
    mirrors: &MirrorFlags,
    environment: &BTreeMap<String, String>,
    home: Option<&Utf8Path>,
) -> Result<SourceOptions, String> {
    let finish = |entries: Entries| Credentials::new(entries.0).map_err(|error| error.to_string());
    Ok(SourceOptions {
        mirrors: Mirrors::parse(&mirrors.mirror).map_err(|error| error.to_string())?,
        git: finish(git_entries(git, environment, home)?)?,
        helm: finish(helm_entries(helm, environment, home)?)?,
        registry: finish(registry_entries(registry, environment)?)?,
        ssh: ssh_settings(environment, home),
        ..SourceOptions::default()
    })
}

/// Adds what the flags of a project say: folders that stand in for repositories, and how new mirrors must be.
pub(crate) fn with_project(
    mut options: SourceOptions,
    flags: &ProjectFlags,
) -> Result<SourceOptions, String> {
    let SourceOverrideFlags {
        local_git_override,
        local_git_group_override,
        local_oci_override,
        local_oci_group_override,
    } = &flags.overrides;
    for (flag, scheme, group, rules) in [
        ("local-git-override", "git", false, local_git_override),
        ("local-git-group-override", "git", true, local_git_group_override),
        ("local-oci-override", "oci", false, local_oci_override),
        ("local-oci-group-override", "oci", true, local_oci_group_override),
    ] {
        options
            .overrides
            .add(scheme, group, rules)
            .map_err(|error| format!("invalid --{flag}: {error}"))?;
    }
    options.git_update_interval = flags.git_cache_update_interval;
    Ok(options)
}

/// Source: kluctl `lib/git/auth/ssh_known_hosts.go`.
fn ssh_settings(environment: &BTreeMap<String, String>, home: Option<&Utf8Path>) -> SshSettings {
    let text = |name: &str| environment.get(name).filter(|text| !text.is_empty());
    let trust_all = text("KLUCTL_SSH_DISABLE_STRICT_HOST_KEY_CHECKING");
    SshSettings {
        home: home.map(Utf8Path::to_owned),
        user: text("USER").or_else(|| text("USERNAME")).cloned(),
        agent: text("SSH_AUTH_SOCK").cloned(),
        known_hosts: text("SSH_KNOWN_HOSTS")
            .map(|list| std::env::split_paths(list).filter_map(|path| Utf8PathBuf::from_path_buf(path).ok()))
            .into_iter()
            .flatten()
            .collect(),
        trust_all_hosts: trust_all.is_some_and(|text| values::boolean(text).unwrap_or(false)),
    }
}

fn git_entries(
    flags: &GitCredentials,
    environment: &BTreeMap<String, String>,
    home: Option<&Utf8Path>,
) -> Result<Entries, String> {
    let GitCredentials {
        git_username,
        git_password,
        git_ssh_key_file,
        git_ssh_known_hosts_file,
        git_ca_file,
    } = flags;
    let mut entries = Entries::default();
    entries.each("git-username", git_username, |entry, value| {
        entry.username = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("git-password", git_password, |entry, value| {
        entry.password = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("git-ca-file", git_ca_file, |entry, value| {
        entry.ca = Some(read(value)?);
        Ok(())
    })?;
    entries.each("git-ssh-key-file", git_ssh_key_file, |entry, value| {
        entry.ssh_key = Some(read(value)?);
        Ok(())
    })?;
    entries.each(
        "git-ssh-known-hosts-file",
        git_ssh_known_hosts_file,
        |entry, value| {
            entry.known_hosts = Some(read(value)?);
            Ok(())
        },
    )?;
    from_environment(&mut entries, environment, "KLUCTL_GIT", "PATH", "CA_BUNDLE")?;
    let config = environment.get("XDG_CONFIG_HOME").filter(|path| !path.is_empty());
    let config = config
        .map(Utf8PathBuf::from)
        .or_else(|| home.map(|home| home.join(".config")));
    let files = [
        home.map(|home| home.join(".git-credentials")),
        config.as_ref().map(|config| config.join(".git-credentials")),
        config.as_ref().map(|config| config.join("git/credentials")),
    ];
    for file in files.iter().flatten() {
        git_credentials_file(&mut entries, file);
    }
    Ok(entries)
}

/// Lines of `https://user:password@host`; a path is passed over, as Git does unless told otherwise.
///
/// Source: git-credential-store(1), gitcredentials(7) `credential.useHttpPath`.
fn git_credentials_file(entries: &mut Entries, file: &Utf8Path) {
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        let Ok(url) = url::Url::parse(line.trim()) else {
            continue;
        };
        let (Some(host), Some(password)) = (url.host_str(), url.password()) else {
            continue;
        };
        let host = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let decode = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        entries.0.push(Credential {
            host,
            username: Some(decode(url.username())),
            password: Some(decode(password)),
            ..Credential::default()
        });
    }
}

fn helm_entries(
    flags: &HelmCredentials,
    environment: &BTreeMap<String, String>,
    home: Option<&Utf8Path>,
) -> Result<Entries, String> {
    let HelmCredentials {
        helm_username,
        helm_password,
        helm_key_file,
        helm_cert_file,
        helm_ca_file,
        helm_insecure_skip_tls_verify,
        helm_creds,
    } = flags;
    let mut entries = Entries::default();
    entries.each("helm-username", helm_username, |entry, value| {
        entry.username = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("helm-password", helm_password, |entry, value| {
        entry.password = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("helm-creds", helm_creds, |entry, value| {
        let (username, password) = value
            .split_once(':')
            .ok_or("expected <username>:<password> after `=`")?;
        entry.username = Some(username.to_owned());
        entry.password = Some(password.to_owned());
        Ok(())
    })?;
    entries.each("helm-key-file", helm_key_file, |entry, value| {
        entry.key = Some(read(value)?);
        Ok(())
    })?;
    entries.each("helm-cert-file", helm_cert_file, |entry, value| {
        entry.certificate = Some(read(value)?);
        Ok(())
    })?;
    entries.each("helm-ca-file", helm_ca_file, |entry, value| {
        entry.ca = Some(read(value)?);
        Ok(())
    })?;
    for name in helm_insecure_skip_tls_verify {
        entries
            .named("helm-insecure-skip-tls-verify", name)?
            .insecure_skip_tls_verify = true;
    }
    from_environment(&mut entries, environment, "KLUCTL_HELM", "PATH", "CA_FILE")?;
    let given = environment.get("HELM_REPOSITORY_CONFIG").map(Utf8PathBuf::from);
    let config = environment.get("XDG_CONFIG_HOME").map(Utf8PathBuf::from);
    let config = config.or_else(|| home.map(|home| home.join(".config")));
    if let Some(file) = given.or_else(|| config.map(|config| config.join("helm/repositories.yaml"))) {
        helm_repositories_file(&mut entries, &file)?;
    }
    Ok(entries)
}

#[derive(Deserialize)]
struct RepositoriesFile {
    #[serde(default)]
    repositories: Vec<RepositoryEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryEntry {
    #[serde(default)]
    url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    cert_file: String,
    #[serde(default)]
    key_file: String,
    #[serde(default)]
    ca_file: String,
    #[serde(default, rename = "insecure_skip_tls_verify")]
    insecure: bool,
    #[serde(default, rename = "pass_credentials_all")]
    pass_all: bool,
}

/// Helm's own list of repositories, where a person has logged in with `helm repo add`.
fn helm_repositories_file(entries: &mut Entries, file: &Utf8Path) -> Result<(), String> {
    let Ok(text) = fs::read_to_string(file) else {
        return Ok(());
    };
    let value = kluctl_yaml::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    let list: RepositoriesFile = serde_json::from_value(value).map_err(|error| format!("{file}: {error}"))?;
    for repository in list.repositories {
        let Ok(url) = url::Url::parse(&repository.url) else {
            continue;
        };
        let Some(host) = url.host_str() else { continue };
        let text = |text: String| (!text.is_empty()).then_some(text);
        let path = url.path().trim_matches('/');
        entries.0.push(Credential {
            host: url
                .port()
                .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: (!path.is_empty()).then(|| format!("{{{path},{path}/**}}")),
            username: text(repository.username),
            password: text(repository.password),
            certificate: text(repository.cert_file).map(|path| read(&path)).transpose()?,
            key: text(repository.key_file).map(|path| read(&path)).transpose()?,
            ca: text(repository.ca_file).map(|path| read(&path)).transpose()?,
            insecure_skip_tls_verify: repository.insecure,
            pass_credentials_all: repository.pass_all,
            ..Credential::default()
        });
    }
    Ok(())
}

fn registry_entries(
    flags: &RegistryCredentials,
    environment: &BTreeMap<String, String>,
) -> Result<Entries, String> {
    let RegistryCredentials {
        registry_username,
        registry_password,
        registry_identity_token,
        registry_token,
        registry_creds,
        registry_key_file,
        registry_cert_file,
        registry_ca_file,
        registry_plain_http,
        registry_insecure_skip_tls_verify,
    } = flags;
    let mut entries = Entries::default();
    entries.each("registry-username", registry_username, |entry, value| {
        entry.username = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("registry-password", registry_password, |entry, value| {
        entry.password = Some(value.to_owned());
        Ok(())
    })?;
    entries.each(
        "registry-identity-token",
        registry_identity_token,
        |entry, value| {
            entry.identity_token = Some(value.to_owned());
            Ok(())
        },
    )?;
    entries.each("registry-token", registry_token, |entry, value| {
        entry.token = Some(value.to_owned());
        Ok(())
    })?;
    entries.each("registry-creds", registry_creds, |entry, value| {
        match value.split_once(':') {
            Some((username, password)) => {
                entry.username = Some(username.to_owned());
                entry.password = Some(password.to_owned());
            }
            None => entry.token = Some(value.to_owned()),
        }
        Ok(())
    })?;
    entries.each("registry-key-file", registry_key_file, |entry, value| {
        entry.key = Some(read(value)?);
        Ok(())
    })?;
    entries.each("registry-cert-file", registry_cert_file, |entry, value| {
        entry.certificate = Some(read(value)?);
        Ok(())
    })?;
    entries.each("registry-ca-file", registry_ca_file, |entry, value| {
        entry.ca = Some(read(value)?);
        Ok(())
    })?;
    for name in registry_plain_http {
        entries.named("registry-plain-http", name)?.plain_http = true;
    }
    for name in registry_insecure_skip_tls_verify {
        entries
            .named("registry-insecure-skip-tls-verify", name)?
            .insecure_skip_tls_verify = true;
    }
    from_environment(
        &mut entries,
        environment,
        "KLUCTL_REGISTRY",
        "REPOSITORY",
        "CA_FILE",
    )?;
    Ok(entries)
}

/// `<prefix>_HOST` and its companions, and the same with a number: `<prefix>_0_HOST`. A registry may be named by its
/// `REPOSITORY` alone.
fn from_environment(
    entries: &mut Entries,
    environment: &BTreeMap<String, String>,
    prefix: &str,
    path: &str,
    ca: &str,
) -> Result<(), String> {
    let number = |name: &str| {
        let stem = name.strip_prefix(prefix)?;
        let middle = ["_HOST", "_REPOSITORY"]
            .iter()
            .find_map(|end| stem.strip_suffix(end))?;
        if middle.is_empty() {
            Some(None)
        } else {
            middle.strip_prefix('_')?.parse().ok().map(Some)
        }
    };
    let numbers: BTreeSet<Option<u32>> = environment.keys().filter_map(|name| number(name)).collect();
    let careless = format!("{prefix}_DEFAULT_INSECURE_SKIP_TLS_VERIFY");
    let careless = match environment.get(&careless).filter(|text| !text.is_empty()) {
        Some(text) => values::boolean(text).map_err(|error| format!("{careless}: {error}"))?,
        None => false,
    };
    for number in numbers {
        let stem = number.map_or_else(|| prefix.to_owned(), |number| format!("{prefix}_{number}"));
        let text = |name: &str| {
            environment
                .get(&format!("{stem}_{name}"))
                .filter(|text| !text.is_empty())
                .cloned()
        };
        let truth = |name: &str, default: bool| -> Result<bool, String> {
            let parsed = text(name).map(|value| values::boolean(&value));
            parsed
                .transpose()
                .map(|parsed| parsed.unwrap_or(default))
                .map_err(|error| format!("{stem}_{name}: {error}"))
        };
        let file = |name: &str| -> Result<Option<Vec<u8>>, String> {
            text(name)
                .map(|path| read(&path))
                .transpose()
                .map_err(|error| format!("{stem}_{name}: {error}"))
        };
        let (host, path) = match (text("HOST"), text(path)) {
            (Some(host), path) => (host, path),
            // The registry may stand before the repository, as in an image's name.
            (None, Some(repository)) if path == "REPOSITORY" => match repository.split_once('/') {
                Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                    (host.to_owned(), Some(path.to_owned()))
                }
                _ => ("index.docker.io".to_owned(), Some(repository)),
            },
            _ => continue,
        };
        entries.0.push(Credential {
            host,
            path,
            username: text("USERNAME"),
            password: text("PASSWORD"),
            token: text("TOKEN"),
            identity_token: text("IDENTITY_TOKEN"),
            certificate: file("CERT_FILE")?,
            key: file("KEY_FILE")?,
            ca: match text(ca).filter(|text| text.starts_with("-----BEGIN")) {
                Some(pem) => Some(pem.into_bytes()),
                None => file(ca)?,
            },
            ssh_key: file("SSH_KEY")?,
            known_hosts: file("KNOWN_HOSTS")?,
            insecure_skip_tls_verify: truth("INSECURE_SKIP_TLS_VERIFY", careless)?,
            plain_http: truth("PLAIN_HTTP", false)?,
            pass_credentials_all: truth("PASS_CREDENTIALS_ALL", false)?,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(git: GitCredentials, environment: &[(&str, &str)]) -> Result<SourceOptions, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (helm, registry, mirrors) = Default::default();
        resolve(&git, &helm, &registry, &mirrors, &environment, None)
    }

    #[test]
    fn flags_for_one_host_make_one_entry_and_go_before_variables() {
        let git = GitCredentials {
            git_username: vec!["git.example/team/*=bob".into()],
            git_password: vec!["git.example/team/*=a=b".into()],
            ..GitCredentials::default()
        };
        let environment = [
            ("KLUCTL_GIT_1_HOST", "git.example"),
            ("KLUCTL_GIT_1_USERNAME", "env"),
            ("KLUCTL_GIT_1_PASSWORD", "x"),
        ];
        let options = resolved(git, &environment).unwrap();
        let team = options.git.find("git.example", "team/project").unwrap();
        assert_eq!(
            (team.username.as_deref(), team.password.as_deref()),
            (Some("bob"), Some("a=b"))
        );
        assert_eq!(
            options
                .git
                .find("git.example", "other/project")
                .unwrap()
                .username
                .as_deref(),
            Some("env")
        );
    }

    #[test]
    fn a_wrong_flag_is_named_without_its_value() {
        let git = GitCredentials {
            git_password: vec!["secret".into()],
            ..GitCredentials::default()
        };
        let error = resolved(git, &[]).unwrap_err();
        assert!(
            error.starts_with("--git-password") && !error.contains("secret"),
            "{error}"
        );
    }
}
