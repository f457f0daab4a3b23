//! Git repositories behind a web server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Reply, Request, Server};

/// Runs git in a folder, with no settings of this machine, and gives what it printed without white space around it.
///
/// # Panics
/// When git fails.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let settings = [
        "user.name=test",
        "user.email=test@example.com",
        "init.defaultBranch=main",
        "commit.gpgsign=false",
        "protocol.file.allow=always",
    ];
    let output = Command::new("git")
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Serves repositories below `root` through Git's own CGI program; asks for the password `secret` when told to.
pub fn serve_git(root: PathBuf, password: bool) -> Server {
    Server::start(move |request| {
        if password && request.header("authorization") != Some("Basic dXNlcjpzZWNyZXQ=") {
            return Reply::new(401, "").with("WWW-Authenticate", "Basic realm=\"git\"");
        }
        git_backend(&root, request)
    })
}

/// Answers a request as Git's own CGI program does for the repositories below a folder.
pub fn git_backend(root: &Path, request: &Request) -> Reply {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default())
        .env(
            "HTTP_CONTENT_ENCODING",
            request.header("content-encoding").unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git http-backend runs");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(&request.body)
        .expect("sending the body");
    let output = child.wait_with_output().expect("its answer").stdout;
    let end = output
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("headers");
    let mut reply = Reply::new(200, &output[end + 4..]);
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => {
                reply.status = status
                    .split(' ')
                    .next()
                    .and_then(|code| code.parse().ok())
                    .expect("a status");
            }
            Some((name, value)) => reply = reply.with(name, value),
            None => {}
        }
    }
    reply
}
