//! Completion in real shells on a terminal.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use expectrl::session::OsSession;
use expectrl::{Expect, Session};
use kluctl_testkit::Environment;

use crate::start::environment;

fn project() -> Environment {
    let environment = environment();
    environment.write(
        ".kluctl.yaml",
        "targets:\n- name: staging-one\n  context: ctx-alpha\n- name: staging-two\nargs:\n- name: replicas_count\n  default: 1\n",
    );
    environment.write(
        "deployment.yaml",
        "deployments:\n- path: frontend-app\n  tags: [public-tag]\n",
    );
    environment.write(
        "frontend-app/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\ndata:\n  image: '{{ images.get_image(\"registry.example.com/shop\") }}'\n",
    );
    environment.write(
        "kubeconfig",
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: ctx-alpha\n- name: ctx-beta\n",
    );
    environment
}

/// A shell with the binary on its path; `None`, said on standard error, where there is no such shell.
fn shell(environment: &Environment, name: &str, arguments: &[&str]) -> Option<OsSession> {
    let found = ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file());
    let Some(found) = found else {
        eprintln!("NOT RUN: there is no {name} here");
        return None;
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_kluctl"));
    let folder = binary.parent().expect("a folder").display().to_string();
    // the environment of a run, for a shell
    let like = environment.command(["version"]);
    let mut command = Command::new(found);
    command
        .args(arguments)
        .current_dir(environment.work())
        .env_clear();
    for (key, value) in like.get_envs() {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    command
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .env("KUBECONFIG", environment.work().join("kubeconfig"))
        .env("TERM", "dumb");
    let mut session = Session::spawn(command).expect("a terminal");
    session
        .get_process_mut()
        .set_window_size(200, 50)
        .expect("a size");
    session.set_expect_timeout(Some(Duration::from_mins(1)));
    Some(session)
}

/// What was typed, and what the shell must make of it: either shows, or fills in.
const CASES: [(&str, &[&str]); 8] = [
    ("kluctl depl", &["deploy"]),
    ("kluctl deploy --target staging-o", &["staging-one"]),
    ("kluctl deploy -t staging-", &["staging-one", "staging-two"]),
    ("kluctl diff --context ctx-b", &["ctx-beta"]),
    ("kluctl deploy -t staging-one --include-tag pub", &["public-tag"]),
    (
        "kluctl deploy -t staging-one --include-deployment-dir front",
        &["frontend-app"],
    ),
    ("kluctl render --arg repl", &["replicas_count="]),
    (
        "kluctl deploy -t staging-two --fixed-image registry.ex",
        &["registry.example.com/shop="],
    ),
];

fn check(session: &mut OsSession, clear: &str) {
    for (typed, expected) in CASES {
        session.send(typed).expect("typing");
        session
            .expect(typed)
            .unwrap_or_else(|error| panic!("`{typed}` is not echoed: {error}"));
        session.send("\t").expect("a tab");
        if expected.len() > 1 {
            session.send("\t").expect("another tab");
        }
        // what is filled in continues the last word
        let last = typed.rsplit(' ').next().unwrap_or_default();
        for text in expected {
            let rest = if expected.len() > 1 {
                text
            } else {
                &text[last.len()..]
            };
            session
                .expect(rest)
                .unwrap_or_else(|error| panic!("`{typed}` is not completed to {text}: {error}"));
        }
        session.send(clear).expect("clearing the line");
    }
}

#[test]
fn bash_completes() {
    let environment = project();
    let Some(mut session) = shell(&environment, "bash", &["--norc", "--noprofile", "-i"]) else {
        return;
    };
    session
        .send_line("stty echo; PS1='ready> '; bind 'set enable-bracketed-paste off'; source <(kluctl completion bash); echo done-$((1+1))")
        .expect("typing");
    session.expect("done-2").expect("the script is read");
    session.expect("ready> ").expect("the prompt");
    check(&mut session, "\x15");
}

#[test]
fn zsh_completes() {
    let environment = project();
    let Some(mut session) = shell(&environment, "zsh", &["-f", "-i"]) else {
        return;
    };
    session
        .send_line("stty echo; PS1='ready> '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source <(kluctl completion zsh); echo done-$((1+1))")
        .expect("typing");
    session.expect("done-2").expect("the script is read");
    session.expect("ready> ").expect("the prompt");
    check(&mut session, "\x15");
}

#[test]
fn fish_completes() {
    // fish redraws whole lines, so it is asked without a terminal
    let environment = project();
    if !Path::new("/usr/bin/fish").is_file() {
        eprintln!("NOT RUN: there is no fish here");
        return;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_kluctl"));
    for (typed, expected) in CASES {
        let script = format!("kluctl completion fish | source; complete -C '{typed}'");
        let output = Command::new("/usr/bin/fish")
            .args(["--no-config", "-c", &script])
            .current_dir(environment.work())
            .env("HOME", environment.home())
            .env("KUBECONFIG", environment.work().join("kubeconfig"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display()),
            )
            .output()
            .expect("fish runs");
        let text = String::from_utf8_lossy(&output.stdout);
        for value in expected {
            assert!(
                text.contains(value),
                "`{typed}` is not completed to {value}: {text}"
            );
        }
    }
}

#[test]
fn scripts_ask_the_binary_and_pages_are_written() {
    let environment = project();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = environment.run(["completion", shell]).expect(0).stdout;
        assert!(script.contains("_KLUCTL_COMPLETE"), "{shell}: {script}");
    }
    let page = environment.run(["man", "results", "show"]).expect(0).stdout;
    assert!(page.contains(".TH kluctl-results-show 1"), "{page}");
    environment
        .run(["man", "--output-dir", "pages"])
        .expect(0)
        .stdout
        .clear();
    for name in ["kluctl.1", "kluctl-deploy.1", "kluctl-results-list.1"] {
        assert!(environment.work().join("pages").join(name).is_file(), "{name}");
    }
}
