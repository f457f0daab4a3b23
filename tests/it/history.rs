//! What is stored about a target: listed, shown, compared with the cluster, gone back to; and plans.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use kluctl_testkit::{Environment, Output};

use crate::servers::{Bare, Server};
use crate::start::environment;

fn project(server: &Server) -> Environment {
    let mut environment = environment();
    server.connect(&mut environment);
    write_project(&environment);
    environment
}

fn write_project(environment: &Environment) {
    environment.write(
        ".kluctl.yaml",
        "discriminator: history-{{ target.name }}\ntargets:\n- name: test\nargs:\n- name: value\n  default: one\n",
    );
    environment.write(
        "deployment.yaml",
        "deployments:\n- path: ns\n- barrier: true\n- path: app\n",
    );
    environment.write(
        "ns/ns.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: history\n",
    );
    environment.write(
        "app/app.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\n  namespace: history\ndata:\n  value: '{{ args.value }}'\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: history\nstringData:\n  token: very-secret-token\n",
    );
    // somebody else who thinks the object is his
    environment.write(
        "other/.kluctl.yaml",
        "discriminator: other\ntargets:\n- name: other\n",
    );
    environment.write("other/deployment.yaml", "deployments:\n- path: app\n");
    environment.write(
        "other/app/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\n  namespace: history\ndata:\n  value: meddled\n",
    );
}

fn deploy(environment: &Environment, value: &str) -> Output {
    let value = format!("value={value}");
    environment
        .run(["deploy", "--yes", "-t", "test", "-a", &value])
        .expect(0)
}

#[test]
fn results_are_listed_compared_and_gone_back_to() {
    Server::each(|server| {
        let environment = project(server);
        let none = environment.run(["drift", "-t", "test"]).expect(1).stderr;
        assert!(none.contains("no result of this target is stored"), "{none}");

        let first = deploy(&environment, "one");
        assert!(first.stdout.contains("New objects:\n"), "{}", first.stdout);
        let calm = environment.run(["drift", "-t", "test"]).expect(0);
        assert_eq!(calm.stdout, "");
        assert!(calm.stderr.ends_with("No drift.\n"), "{}", calm.stderr);
        deploy(&environment, "two").stdout.clear();

        let list = environment.run(["results", "list"]).expect(0).stdout;
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 3, "{list}");
        assert!(lines[0].starts_with("ID "), "{list}");
        assert!(
            lines[1..].iter().all(|line| line.contains("  deploy   test    ")),
            "{list}"
        );
        let other = environment.run(["results", "list", "--project-dir", "other", "-t", "other"]);
        assert_eq!(
            other.expect(0).stdout,
            "",
            "results of other targets are left out"
        );

        let back = environment.run(["rollback", "--yes", "-t", "test"]).expect(0);
        assert!(back.stdout.contains("| data.value | -two"), "{}", back.stdout);
        assert!(
            back.stderr.contains("Rolling back to deploy of target test at "),
            "{}",
            back.stderr
        );
        let shown = environment
            .run(["results", "list", "-o", "json"])
            .expect(0)
            .stdout;
        assert!(shown.contains("\"command\": \"rollback\""), "{shown}");
        assert!(!shown.contains("very-secret"), "{shown}");
        let id = lines[1].split(' ').next().unwrap_or_default();
        let show = environment.run(["results", "show", id]).expect(0);
        assert!(
            show.stdout.contains("Diff for object history/ConfigMap/cm")
                || show.stdout.contains("New objects")
        );
        let unknown = environment.run(["results", "show", "zzz"]).expect(1).stderr;
        assert!(
            unknown.contains("no result `zzz` is stored in namespace kluctl-results"),
            "{unknown}"
        );

        environment
            .run([
                "deploy",
                "--yes",
                "--force-apply",
                "--project-dir",
                "other",
                "-t",
                "other",
            ])
            .expect(0)
            .stdout
            .clear();
        let drift = environment.run(["drift", "-t", "test"]).expect(2);
        assert!(
            drift.stdout.contains(
                "\nChanged objects:\n  history/ConfigMap/cm\n\nDrift of object history/ConfigMap/cm\n"
            ),
            "{}",
            drift.stdout
        );
        assert!(drift.stdout.contains("| data.value "), "{}", drift.stdout);
        let json = environment
            .run(["drift", "-t", "test", "-o", "json"])
            .expect(2)
            .stdout;
        assert!(json.contains("\"newValue\": \"meddled\""), "{json}");
        assert!(!json.contains("very-secret"), "{json}");
    });
}

/// Sends the lines of a stream on.
fn forward(stream: impl Read + Send + 'static, to: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}

#[test]
fn watching_tells_of_every_drift_and_of_its_end() {
    Bare::each(|server| {
        let mut environment = environment();
        environment.set("KUBECONFIG", server.kubeconfig());
        write_project(&environment);
        deploy(&environment, "one").stdout.clear();
        let mut watching = environment
            .command(["drift", "--watch", "--interval", "50ms", "-t", "test"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting the binary");
        let (send, lines) = mpsc::channel();
        forward(watching.stdout.take().expect("its output"), send.clone());
        forward(watching.stderr.take().expect("its errors"), send);
        let mut seen = Vec::new();
        let mut wait_for = |text: &str| {
            loop {
                let line = lines
                    .recv_timeout(Duration::from_mins(1))
                    .unwrap_or_else(|_| panic!("`{text}` was not told: {seen:#?}"));
                seen.push(line);
                if seen.last().is_some_and(|line| line.contains(text)) {
                    return;
                }
            }
        };
        let meddle = [
            "deploy",
            "--yes",
            "--force-apply",
            "--project-dir",
            "other",
            "-t",
            "other",
        ];
        wait_for("No drift.");
        environment.run(meddle).expect(0).stdout.clear();
        wait_for("Drift of object history/ConfigMap/cm");
        wait_for("+meddled");
        environment
            .run([
                "deploy",
                "--yes",
                "--force-apply",
                "-t",
                "test",
                "-a",
                "value=one",
            ])
            .expect(0)
            .stdout
            .clear();
        wait_for("No drift.");
        environment.run(meddle).expect(0).stdout.clear();
        wait_for("+meddled");
        let terminated = std::process::Command::new("kill")
            .arg(watching.id().to_string())
            .status()
            .expect("kill runs");
        assert!(terminated.success());
        // what was seen last counts
        assert_eq!(watching.wait().expect("its end").code(), Some(2));
    });
}

#[test]
fn a_plan_is_carried_out_once() {
    Server::each(|server| {
        let environment = project(server);
        deploy(&environment, "one").stdout.clear();
        let plan = [
            "diff",
            "-t",
            "test",
            "-a",
            "value=two",
            "--save-plan",
            "plan.json",
            "--detailed-exitcode",
        ];
        let diff = environment.run(plan).expect(2);
        assert!(
            diff.stderr.contains("Wrote the plan to plan.json"),
            "{}",
            diff.stderr
        );
        let text = std::fs::read_to_string(environment.work().join("plan.json")).unwrap_or_default();
        assert!(
            text.contains("\"action\": \"change\"") && !text.contains("very-secret"),
            "{text}"
        );

        let with = |value: &str| {
            let value = format!("value={value}");
            environment.run(["deploy", "-t", "test", "-a", &value, "--plan", "plan.json"])
        };
        let refused = with("three").expect(1).stdout;
        assert!(
            refused.contains("the plan was made with other arguments"),
            "{refused}"
        );
        let done = with("two").expect(0).stdout;
        assert!(done.contains("| data.value | -one"), "{done}");
        let again = with("two").expect(1).stdout;
        assert!(
            again.contains("history/ConfigMap/cm: has changed in the cluster since the plan was made"),
            "{again}"
        );
        assert!(
            again.ends_with("the plan does not hold any more, nothing was changed\n"),
            "{again}"
        );
    });
}

#[test]
fn progress_may_be_json() {
    let environment = project(&Server::Sandbox);
    let output = environment
        .run(["deploy", "--yes", "-t", "test", "--log-format", "json"])
        .expect(0);
    let lines: Vec<serde_json::Value> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let applied: Vec<&str> = lines
        .iter()
        .filter(|line| line["event"] == "applyingObject")
        .filter_map(|line| line["object"].as_str())
        .collect();
    assert_eq!(
        applied,
        ["Namespace/history", "history/ConfigMap/cm", "history/Secret/s"]
    );
    assert!(
        lines
            .iter()
            .all(|line| line["time"].is_string() && line["level"].is_string())
    );
}

#[test]
fn drift_of_masked_values_outside_of_secrets_is_seen() {
    Server::each(|server| {
        let environment = project(server);
        environment.write(
            "deployment.yaml",
            "vars:\n- values: {password: hidden-away-one, other: hidden-away-too}\n  sensitive: true\ndeployments:\n- path: ns\n- barrier: true\n- path: app\n",
        );
        let config = |password: &str, kept: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\n  namespace: history\n  labels: {{kluctl.io/discriminator: history-test}}\ndata:\n  value: 'user:{password}@host'\n  kept: {kept}\n"
            )
        };
        environment.write("app/app.yaml", &config("{{ password }}", "'{{ other }}'"));
        environment.write("other/.kluctl.yaml", "targets:\n- name: other\n");
        deploy(&environment, "one").stdout.clear();
        let other = |password: &str| {
            environment.write("other/app/cm.yaml", &config(password, "hidden-away-too"));
            let arguments = [
                "deploy",
                "--yes",
                "--project-dir",
                "other",
                "-t",
                "other",
                "--force-apply",
            ];
            let done = environment.run(arguments).expect(0);
            assert!(!done.stderr.contains("hidden-away"), "{}", done.stderr);
        };
        // Somebody writes the same: then it is not another value.
        other("hidden-away-one");
        let same = environment.run(["drift", "-t", "test"]).expect(0);
        assert!(same.stderr.ends_with("No drift.\n"), "{}", same.stderr);
        other("hidden-away-two");
        let drift = environment.run(["drift", "-t", "test"]).expect(2);
        assert!(drift.stdout.contains("data.value"), "{}", drift.stdout);
        assert!(drift.stdout.contains("(changed)"), "{}", drift.stdout);
        assert!(!drift.stdout.contains("hidden-away"), "{}", drift.stdout);
    });
}
