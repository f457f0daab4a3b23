//! OpenSSH's own server, agent and key generator.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `sshd` on a free port of loopback, for the person who runs the test.
pub struct Sshd {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Sshd {
    /// Starts it with the public keys that may log in; `None`, said on standard error, where it is not installed.
    ///
    /// `accept_env` holds names of variables that clients may set, e.g. `GIT_PROTOCOL`.
    pub fn start(public_keys: &[PathBuf], accept_env: &str) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        // root's sshd wants this folder, which the system's service makes
        let privileges = Path::new("/run/sshd");
        let _ = std::fs::create_dir_all(privileges);
        if !program.exists() || !privileges.exists() {
            eprintln!("NOT RUN: sshd is not installed or cannot be used (Debian package `openssh-server`)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let host_key = folder.path().join("host_key");
        ssh_keygen(&host_key, "ed25519", "");
        let keys: Vec<String> = public_keys
            .iter()
            .map(|path| std::fs::read_to_string(path).expect("a public key"))
            .collect();
        let authorized = folder.path().join("authorized_keys");
        std::fs::write(&authorized, keys.concat()).expect("writing the authorized keys");
        let port = crate::apiserver::free_port();
        let mut config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n",
            host_key.display(),
            authorized.display()
        );
        if !accept_env.is_empty() {
            config.push_str(&format!("AcceptEnv {accept_env}\n"));
        }
        let file = folder.path().join("sshd_config");
        std::fs::write(&file, config).expect("writing sshd's settings");
        let child = Command::new(program)
            .arg("-D")
            .arg("-E")
            .arg(folder.path().join("log"))
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting sshd");
        let sshd = Self { child, port, folder };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "sshd does not answer: {}",
                sshd.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has to say for itself.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its line for a `known_hosts` file.
    pub fn known_host(&self) -> String {
        let key = std::fs::read_to_string(self.folder.path().join("host_key.pub")).expect("its public key");
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// `ssh://USER@127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", user(), self.port)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who runs the test.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("`id` runs");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Makes a key pair: `path` and `path.pub`.
pub fn ssh_keygen(path: &Path, kind: &str, passphrase: &str) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", kind, "-f"])
        .arg(path));
}

/// Hides the names in a `known_hosts` file, as `ssh-keygen -H` does.
pub fn hash_known_hosts(path: &Path) {
    run(Command::new("ssh-keygen").arg("-H").arg("-f").arg(path));
}

/// `ssh-agent` with one key.
pub struct SshAgent {
    child: Child,
    folder: tempfile::TempDir,
}

impl SshAgent {
    /// Starts it and gives it a key without a passphrase.
    pub fn start(key: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("agent");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("starting ssh-agent");
        let start = Instant::now();
        while !socket.exists() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "ssh-agent does not answer"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let agent = Self { child, folder };
        run(Command::new("ssh-add")
            .arg(key)
            .env("SSH_AUTH_SOCK", agent.socket()));
        agent
    }

    /// What goes into `SSH_AUTH_SOCK`.
    pub fn socket(&self) -> String {
        self.folder.path().join("agent").display().to_string()
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("OpenSSH's tools run");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
