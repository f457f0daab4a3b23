//! A hermetic environment around a program: own home, no variables of the caller.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An own home folder and an own working folder, in which a program is run with a cleared environment.
pub struct Environment {
    program: PathBuf,
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How a program ended.
#[derive(Debug, Clone)]
#[must_use = "check the exit code or the text"]
pub struct Output {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Fails the test unless the program exited with a code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

impl Environment {
    /// An environment for one program.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("home")).expect("a home folder");
        fs::create_dir_all(folder.path().join("work")).expect("a working folder");
        Self {
            program: program.into(),
            folder,
            variables: Vec::new(),
        }
    }

    /// Sets a variable for all runs.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// The working folder.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file below the working folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        fs::write(path, text).expect("writing a file");
    }

    /// Replaces a text that must be there in a file below the working folder.
    #[track_caller]
    pub fn replace(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.work().join(path)).expect("reading a file");
        assert!(text.contains(old), "`{old}` is not in {path}");
        self.write(path, &text.replace(old, new));
    }

    /// Copies a folder's content into the working folder.
    pub fn copy(&self, from: &Path) {
        copy_folder(from, &self.work());
    }

    /// The program with arguments, not yet started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("KUBECONFIG", self.home().join("no-kubeconfig"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end without input.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        finish(self.command(arguments), b"")
    }

    /// Runs the program to its end in some folder with more variables, without input.
    pub fn run_in<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Output {
        let mut command = self.command(arguments);
        command.current_dir(folder).envs(variables);
        finish(command, b"")
    }

    /// Runs the program to its end with input.
    pub fn run_with_input<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Output {
        finish(self.command(arguments), input.as_bytes())
    }
}

fn finish(mut command: Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    // A program that reads no input closes the pipe; that is not a failure.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its output");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("making a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copying a file");
        }
    }
}
