//! Git over SSH, against OpenSSH's own server and agent on loopback.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;
use kluctl_source::git::{GitOptions, GitRepositories};
use kluctl_source::{Cache, Credential, Credentials, Nobody, Person, SshSettings};
use kluctl_testkit::{SshAgent, Sshd, hash_known_hosts, ssh_keygen};

use crate::git::{check, repository};

/// Answers what it was told to, and writes down what it was asked.
#[derive(Debug, Default)]
struct Scripted {
    yes: bool,
    secret: Option<String>,
    asked: Mutex<Vec<String>>,
}

impl Person for Scripted {
    fn confirm(&self, question: &str) -> bool {
        self.asked.lock().expect("questions").push(question.to_owned());
        self.yes
    }

    fn secret(&self, question: &str) -> Option<String> {
        self.asked.lock().expect("questions").push(question.to_owned());
        self.secret.clone()
    }

    fn text(&self, question: &str) -> Option<String> {
        self.secret(question)
    }

    fn warn(&self, text: &str) {
        self.asked.lock().expect("questions").push(text.to_owned());
    }
}

impl Scripted {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("questions"))
    }
}

/// A repository behind a server, and a home folder whose key may log in.
struct Scene {
    root: tempfile::TempDir,
    sshd: Sshd,
    first: String,
    second: String,
}

impl Scene {
    /// `None` where there is no server on this machine.
    fn new(kind: &str, passphrase: &str, accept_env: &str) -> Option<Self> {
        let root = tempfile::tempdir().expect("a folder");
        let (_, first, second) = repository(root.path());
        let key = root.path().join("key");
        ssh_keygen(&key, kind, passphrase);
        let sshd = Sshd::start(&[key.with_extension("pub")], accept_env)?;
        std::fs::create_dir_all(root.path().join("home/.ssh")).expect("a folder");
        Some(Self {
            root,
            sshd,
            first,
            second,
        })
    }

    fn address(&self) -> String {
        format!(
            "{}{}/team/project.git",
            self.sshd.url(),
            self.root.path().display()
        )
    }

    fn key(&self) -> PathBuf {
        self.root.path().join("key")
    }

    fn ssh(&self, name: &str) -> PathBuf {
        self.root.path().join("home/.ssh").join(name)
    }

    fn know_the_server(&self) {
        std::fs::write(self.ssh("known_hosts"), self.sshd.known_host()).expect("writing a file");
    }

    fn install_key(&self, name: &str) {
        std::fs::copy(self.key(), self.ssh(name)).expect("copying the key");
    }

    fn settings(&self) -> SshSettings {
        SshSettings {
            home: Some(utf8(&self.root.path().join("home"))),
            ..SshSettings::default()
        }
    }

    /// Reads the repository with a new cache.
    fn sources(
        &self,
        ssh: SshSettings,
        credentials: Vec<Credential>,
        person: Arc<dyn Person>,
    ) -> GitRepositories {
        let cache = tempfile::tempdir_in(self.root.path()).expect("a folder").keep();
        let options = GitOptions {
            ssh,
            person,
            credentials: Credentials::new(credentials).expect("credentials"),
            ..GitOptions::default()
        };
        GitRepositories::new(Cache::new(utf8(&cache)), options)
    }

    #[track_caller]
    fn succeeds(&self, sources: &GitRepositories) {
        check(sources, &self.address(), &self.first, &self.second);
    }

    #[track_caller]
    fn fails(&self, sources: &GitRepositories) -> String {
        let result = sources.snapshot(&self.address(), None);
        result.expect_err("it must not work").to_string()
    }
}

fn utf8(path: &Path) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(path.to_owned()).expect("UTF-8")
}

#[test]
fn logs_in_with_every_kind_of_key() {
    for (kind, name, accept_env) in [
        ("ed25519", "id_ed25519", "GIT_PROTOCOL"),
        ("ecdsa", "id_ecdsa", ""),
        ("rsa", "id_rsa", "GIT_PROTOCOL"),
    ] {
        let Some(scene) = Scene::new(kind, "", accept_env) else {
            return;
        };
        scene.know_the_server();
        scene.install_key(name);
        let sources = scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody));
        scene.succeeds(&sources);
    }
}

#[test]
fn takes_key_and_known_hosts_of_a_credential() {
    let Some(scene) = Scene::new("ed25519", "", "") else {
        return;
    };
    let credential = Credential {
        host: format!("127.0.0.1:{}", scene.sshd.port()),
        path: Some("**/team/*".to_owned()),
        username: Some("*".to_owned()),
        ssh_key: Some(std::fs::read(scene.key()).expect("the key")),
        known_hosts: Some(scene.sshd.known_host().into_bytes()),
        ..Credential::default()
    };
    scene.succeeds(&scene.sources(scene.settings(), vec![credential.clone()], Arc::new(Nobody)));
    let stranger = Credential {
        known_hosts: Some(Vec::new()),
        ..credential.clone()
    };
    let error = scene.fails(&scene.sources(scene.settings(), vec![stranger], Arc::new(Nobody)));
    assert!(error.contains("SHA256:"), "{error}");
    let elsewhere = Credential {
        path: Some("other/*".to_owned()),
        ..credential
    };
    scene.know_the_server();
    let error = scene.fails(&scene.sources(scene.settings(), vec![elsewhere], Arc::new(Nobody)));
    assert!(error.contains("there is no key to log in with"), "{error}");
}

#[test]
fn asks_before_it_trusts_a_server() {
    let Some(scene) = Scene::new("ed25519", "", "") else {
        return;
    };
    scene.install_key("id_ed25519");
    let no = Arc::new(Scripted::default());
    let error = scene.fails(&scene.sources(scene.settings(), Vec::new(), no.clone()));
    assert!(error.contains("was not accepted"), "{error}");
    assert!(no.asked()[0].starts_with("Unknown Host: [127.0.0.1]:"));
    assert!(!scene.ssh("known_hosts").exists());

    let yes = Arc::new(Scripted {
        yes: true,
        ..Scripted::default()
    });
    scene.succeeds(&scene.sources(scene.settings(), Vec::new(), yes.clone()));
    assert_eq!(yes.asked().len(), 1);
    // From now on it is known, under its plain and under its hashed name.
    scene.succeeds(&scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody)));
    hash_known_hosts(&scene.ssh("known_hosts"));
    scene.succeeds(&scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody)));
}

#[test]
fn refuses_a_server_whose_key_has_changed() {
    let Some(scene) = Scene::new("ed25519", "", "") else {
        return;
    };
    scene.install_key("id_ed25519");
    let other = std::fs::read_to_string(scene.key().with_extension("pub")).expect("a public key");
    let line = format!("[127.0.0.1]:{} {other}", scene.sshd.port());
    std::fs::write(scene.ssh("known_hosts"), line).expect("writing a file");
    let yes = Arc::new(Scripted {
        yes: true,
        ..Scripted::default()
    });
    let error = scene.fails(&scene.sources(scene.settings(), Vec::new(), yes.clone()));
    assert!(
        error.contains("known_hosts, line 1: somebody may stand between"),
        "{error}"
    );
    assert!(yes.asked().is_empty());

    let trusting = SshSettings {
        trust_all_hosts: true,
        ..scene.settings()
    };
    scene.succeeds(&scene.sources(trusting, Vec::new(), Arc::new(Nobody)));
    let listed = scene.root.path().join("hosts");
    std::fs::write(&listed, scene.sshd.known_host()).expect("writing a file");
    let listed = SshSettings {
        known_hosts: vec![utf8(&listed)],
        ..scene.settings()
    };
    scene.succeeds(&scene.sources(listed, Vec::new(), Arc::new(Nobody)));
}

#[test]
fn asks_for_a_passphrase_once() {
    let Some(scene) = Scene::new("ed25519", "open sesame", "") else {
        return;
    };
    scene.know_the_server();
    scene.install_key("id_ed25519");
    let knows = Arc::new(Scripted {
        secret: Some("open sesame".to_owned()),
        ..Scripted::default()
    });
    let sources = scene.sources(scene.settings(), Vec::new(), knows.clone());
    scene.succeeds(&sources);
    // The same repository under another name, so that it is fetched again.
    let again = scene.address().replace("/team/", "//team/");
    sources.snapshot(&again, None).expect("a snapshot");
    let asked = knows.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("Enter passphrase for key '"), "{asked:?}");

    let guesses = Arc::new(Scripted {
        secret: Some("letmein".to_owned()),
        ..Scripted::default()
    });
    let error = scene.fails(&scene.sources(scene.settings(), Vec::new(), guesses.clone()));
    assert!(
        error.contains("there is no key") && !error.contains("letmein"),
        "{error}"
    );
    assert!(guesses.asked()[1].contains("wrong passphrase"));
    scene.fails(&scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody)));
}

#[test]
fn uses_the_agent() {
    let Some(scene) = Scene::new("rsa", "", "GIT_PROTOCOL") else {
        return;
    };
    scene.know_the_server();
    let agent = SshAgent::start(&scene.key());
    let settings = SshSettings {
        agent: Some(agent.socket()),
        ..scene.settings()
    };
    scene.succeeds(&scene.sources(settings.clone(), Vec::new(), Arc::new(Nobody)));
    std::fs::write(scene.ssh("config"), "Host 127.*\n  IdentityAgent none\n").expect("writing a file");
    let error = scene.fails(&scene.sources(settings, Vec::new(), Arc::new(Nobody)));
    assert!(error.contains("there is no key"), "{error}");
    let config = format!("Host *\n  IdentityAgent {}\n", agent.socket());
    std::fs::write(scene.ssh("config"), config).expect("writing a file");
    scene.succeeds(&scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody)));
}

#[test]
fn reads_the_configuration_and_tells_what_the_server_says() {
    let Some(scene) = Scene::new("ed25519", "", "") else {
        return;
    };
    scene.know_the_server();
    let config = format!(
        "Host work\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n",
        scene.sshd.port(),
        kluctl_testkit::user(),
        scene.key().display()
    );
    std::fs::write(scene.ssh("config"), config).expect("writing a file");
    let sources = scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody));
    let folder = scene.root.path().display().to_string();
    check(
        &sources,
        &format!("work:{folder}/team/project.git"),
        &scene.first,
        &scene.second,
    );
    let missing = sources.snapshot(&format!("work:{folder}/it's-not-here"), None);
    let error = missing.expect_err("no repository").to_string();
    assert!(
        error.contains("does not appear to be a git repository"),
        "{error}"
    );

    let stranger = scene.root.path().join("stranger");
    ssh_keygen(&stranger, "ed25519", "");
    std::fs::write(scene.ssh("config"), "").expect("writing a file");
    std::fs::copy(&stranger, scene.ssh("id_ed25519")).expect("copying the key");
    let error = scene.fails(&scene.sources(scene.settings(), Vec::new(), Arc::new(Nobody)));
    assert!(error.contains("accepts none of the keys"), "{error}");
}
