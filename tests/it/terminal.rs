//! What a person sees on a terminal, and what Ctrl-C does.

use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{ControlCode, Eof, Expect, Regex, Session};
use kluctl_testkit::Environment;

use crate::start::environment;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: demo}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sandbox.kluctl.io/rollout: hang}}
    spec: {containers: [{name: web, image: web}]}
";

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: demo}}\n---\n")
}

/// A project whose second item never becomes ready, with one more behind a barrier.
fn project() -> Environment {
    let mut environment = environment();
    let folder = environment.home().join("sandbox");
    environment.set("KLUCTL_SANDBOX", folder.display().to_string());
    environment.write(".kluctl.yaml", "discriminator: terminal\n");
    environment.write(
        "deployment.yaml",
        "deployments:\n  - path: namespace\n  - barrier: true\n  - path: web\n    waitReadiness: true\n\
         \x20 - path: beside\n  - barrier: true\n  - path: later\n",
    );
    environment.write(
        "namespace/ns.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n",
    );
    environment.write("web/web.yaml", DEPLOYMENT);
    environment.write("beside/beside.yaml", &config_map("beside"));
    environment.write(
        "later/later.yaml",
        &(config_map("later-1") + &config_map("later-2")),
    );
    environment
}

struct Screen {
    session: OsSession,
    shown: String,
}

impl Screen {
    fn start(environment: &Environment, arguments: &[&str]) -> Self {
        let mut command = environment.command(arguments);
        command.env("TERM", "xterm-256color");
        let mut session = Session::spawn(command).expect("a terminal");
        session
            .get_process_mut()
            .set_window_size(160, 50)
            .expect("a size");
        session.set_expect_timeout(Some(Duration::from_mins(1)));
        Self {
            session,
            shown: String::new(),
        }
    }

    /// Waits until a text is shown.
    fn wait_for(&mut self, regex: &str) {
        let found = self.session.expect(Regex(regex));
        let found = found.unwrap_or_else(|error| {
            eprintln!("`{regex}` was not shown: {error}\n{}", self.shown);
            std::process::abort()
        });
        self.shown.push_str(&String::from_utf8_lossy(found.before()));
        self.shown
            .push_str(&String::from_utf8_lossy(found.get(0).unwrap_or_default()));
    }

    /// Everything that was shown until the end, and the exit code.
    fn end(mut self) -> (String, i32) {
        let rest = self.session.expect(Eof).expect("the end");
        self.shown.push_str(&String::from_utf8_lossy(rest.as_bytes()));
        let status = self.session.get_process().wait().expect("its status");
        let code = match status {
            WaitStatus::Exited(_, code) => code,
            _ => -1,
        };
        (self.shown, code)
    }
}

#[test]
fn ctrl_c_says_what_was_not_applied_and_a_second_run_goes_on() {
    let environment = project();
    let mut screen = Screen::start(&environment, &["deploy", "--yes"]);
    // a spinner with the item's name, what it waits for, why, and for how long
    screen
        .wait_for(r"web: .*Waiting for demo/Deployment/web to get ready\.\.\. \(1s elapsed\): readyReplicas");
    screen
        .session
        .send(ControlCode::EndOfText)
        .expect("typing Ctrl-C");
    let (shown, code) = screen.end();
    assert_eq!(code, 1, "{shown}");
    for text in [
        "Stopping: requests under way are ended, nothing new is started",
        "stopped before the end: 3 objects were applied, 2 were not:\r\n    demo/ConfigMap/later-1\r\n    demo/ConfigMap/later-2",
        "context cancelled while waiting for readiness of demo/Deployment/web",
        "⠋",
        "✓",
    ] {
        assert!(shown.contains(text), "`{text}` was not shown:\n{shown}");
    }

    environment.replace(
        "web/web.yaml",
        ", annotations: {sandbox.kluctl.io/rollout: hang}",
        "",
    );
    let second = environment.run(["deploy", "--yes"]).expect(0).stdout;
    assert!(
        second.contains("New objects:\n  demo/ConfigMap/later-1\n  demo/ConfigMap/later-2\n"),
        "{second}"
    );
    let third = environment.run(["deploy", "--yes"]).expect(0).stdout;
    assert_eq!(third, "", "nothing is left to do");
}

#[test]
fn ctrl_c_at_the_question_is_a_no() {
    let environment = project();
    let mut screen = Screen::start(&environment, &["deploy"]);
    screen.wait_for(r"The diff succeeded, do you want to proceed\? \(y/N\)");
    screen
        .session
        .send(ControlCode::EndOfText)
        .expect("typing Ctrl-C");
    let (shown, code) = screen.end();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("aborted"), "{shown}");
    let diff = environment.run(["diff", "--short-output"]).expect(0).stdout;
    assert!(diff.contains("Namespace/demo"), "something was applied: {diff}");
}

#[test]
fn a_deploy_that_takes_too_long_says_so() {
    let environment = project();
    let output = environment.run(["deploy", "--yes", "--timeout", "2s"]).expect(1);
    assert!(
        output
            .stderr
            .contains("Stopping: the command took longer than 2s (--timeout)"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stdout
            .contains("2 were not:\n    demo/ConfigMap/later-1\n"),
        "{}",
        output.stdout
    );
}
