//! Upstream's own words: the tutorial deployed step by step, compared with what Kluctl 2.28.2 printed.
//!
//! Upstream orders objects of one kind, warnings, and lines of items that run side by side at random; these are sorted on
//! both sides, as are the random names that a chart gives its test Pods. Everything else must be the same, byte for byte.

use std::path::Path;

use kluctl_testkit::{Environment, shared};

use crate::servers::Bare;
use crate::start::environment;

/// The sections whose lines are objects.
const LISTS: [&str; 6] = [
    "New objects:",
    "Changed objects:",
    "Deleted objects:",
    "Applied hooks:",
    "Orphan objects:",
    "The following objects will be deleted:",
];

/// What is random becomes the same on both sides.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let mut line = line.replace(
            "hook-succeeded,before-hook-creation",
            "before-hook-creation,hook-succeeded",
        );
        for test in ["grpc-test-", "jwt-test-", "service-test-"] {
            if let Some(at) = line.find(test) {
                let name = at + test.len();
                let end = line[name..].find(':').map_or(line.len(), |colon| name + colon);
                line.replace_range(name..end, "?");
            }
        }
        if let Some(start) = line.strip_prefix("Deleted old command result ") {
            line.truncate(line.len() - start.len());
        }
        masked.push_str(&line);
        masked.push('\n');
    }
    masked
}

/// The kind of an object in a list: `ns/Kind/name` or `Kind/name`.
fn kind(line: &str) -> &str {
    let parts: Vec<&str> = line.trim().split('/').collect();
    if parts.len() > 2 { parts[1] } else { parts[0] }
}

/// A result with objects sorted inside their kinds, and messages sorted.
pub(crate) fn sorted_result(text: &str) -> String {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        if line.starts_with("Diff for object ") {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    let mut diffs: Vec<Vec<&str>> = Vec::new();
    let mut rest: Vec<&str> = Vec::new();
    for block in blocks {
        if block
            .first()
            .is_some_and(|line| line.starts_with("Diff for object "))
        {
            let end = block
                .iter()
                .rposition(|line| line.starts_with('+'))
                .map_or(0, |at| at + 1);
            diffs.push(block[..end].to_vec());
            rest.push("<a diff>");
            rest.extend(&block[end..]);
        } else {
            rest.extend(block);
        }
    }
    let mut sorted = Vec::new();
    let mut section = "";
    for line in rest {
        if !line.starts_with("  ") {
            section = line;
        }
        sorted.push((section, line));
    }
    for run in sorted.chunk_by_mut(|(one, a), (other, b)| {
        let both = a.starts_with("  ") && b.starts_with("  ") && one == other;
        both && (!LISTS.contains(one) || kind(a) == kind(b))
    }) {
        run.sort_by_key(|(_, line)| *line);
    }
    for run in diffs.chunk_by_mut(|a, b| kind(a[0]) == kind(b[0])) {
        run.sort();
    }
    let lines = sorted.into_iter().map(|(_, line)| line);
    lines
        .chain(diffs.into_iter().flatten())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Progress with the lines between two barriers sorted, since items of one stretch run side by side.
pub(crate) fn sorted_progress(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for run in lines.chunk_by_mut(|a, b| *a != "Finished waiting" && *b != "Finished waiting") {
        run.sort_unstable();
    }
    lines.join("\n")
}

struct Transcript<'a> {
    folder: &'a Path,
    environment: &'a Environment,
}

impl Transcript<'_> {
    /// Runs a command and compares what it says.
    fn check(&self, name: &str, arguments: &[&str]) {
        let output = self.environment.run(arguments);
        let stdout = format!(
            "$ kluctl {}\n{}exit {}\n",
            arguments.join(" "),
            output.stdout,
            output.code
        );
        let expected = |stream: &str| {
            let path = self.folder.join(format!("{name}.{stream}.txt"));
            std::fs::read_to_string(&path).expect("a transcript")
        };
        same(
            name,
            "stdout",
            &sorted_result(&masked(&stdout)),
            &sorted_result(&masked(&expected("stdout"))),
        );
        same(
            name,
            "stderr",
            &sorted_progress(&masked(&output.stderr)),
            &sorted_progress(&masked(&expected("stderr"))),
        );
    }

    fn write(&self, path: &str, text: &str) {
        self.environment.write(path, text);
    }
}

#[track_caller]
fn same(name: &str, stream: &str, ours: &str, theirs: &str) {
    let only = |a: &str, b: &str| -> String {
        let other: Vec<&str> = b.lines().collect();
        let lines = a.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("    {line}\n")).collect()
    };
    assert!(
        ours == theirs,
        "{name}, {stream}: only ours:\n{}only upstream's:\n{}--- ours, sorted:\n{ours}\n--- upstream's, sorted:\n{theirs}",
        only(ours, theirs),
        only(theirs, ours)
    );
}

const DEPLOY: [&str; 3] = ["deploy", "--yes", "--no-wait"];

#[test]
fn the_tutorial_says_what_upstream_says() {
    let (Some(folder), Some(project)) = (shared("corpus/transcripts"), shared("corpus/projects/tutorial"))
    else {
        return;
    };
    Bare::each(|server| {
        let mut environment = environment();
        environment.set("KUBECONFIG", server.kubeconfig());
        environment.copy(&project);
        // upstream warns where there is no repository, and the recorded run was in one
        environment.write(".git/HEAD", "ref: refs/heads/main\n");
        environment.write(".git/config", "[core]\n\trepositoryformatversion = 0\n");
        for folder in ["objects", "refs"] {
            std::fs::create_dir(environment.work().join(".git").join(folder)).expect("a folder");
        }
        let run = Transcript {
            folder: &folder,
            environment: &environment,
        };
        run.write("deployment.yaml", "deployments:\n  - include: base\n");
        run.write("base/deployment.yaml", "deployments:\n  - path: cilium\n");
        run.check("1-cilium-diff", &["diff"]);
        run.check("1-cilium-deploy", &DEPLOY);
        run.write(
            "base/deployment.yaml",
            "deployments:\n  - path: cilium\n  - barrier: true\n  - path: cert-manager\n",
        );
        run.check("2-cert-manager", &DEPLOY);
        let chart = "base/ingress-nginx/helm-chart.yml";
        environment.replace(chart, "chartVersion: 4.5.2", "chartVersion: 4.5.0");
        run.write(
            "base/deployment.yaml",
            "deployments:\n  - path: namespaces\n  - barrier: true\n  - path: cilium\n  - barrier: true\n\
             \x20 - path: cert-manager\n  - path: ingress-nginx\n    waitReadiness: true\n",
        );
        run.check("3-ingress-nginx", &DEPLOY);
        run.write(
            "deployment.yaml",
            "deployments:\n  - include: base\n  - barrier: true\n  - include: apps\n",
        );
        run.check("4-podinfo", &DEPLOY);
        environment.replace(chart, "chartVersion: 4.5.0", "chartVersion: 4.5.2");
        run.check("5-upgrade-diff", &["diff"]);
        run.check("5-upgrade-deploy", &DEPLOY);
        run.check("6-deploy-again", &DEPLOY);
        run.write(".kluctl.yaml", "discriminator: tutorial\n");
        run.check(
            "7-discriminator",
            &["deploy", "--yes", "--no-wait", "--short-output"],
        );
        run.write("deployment.yaml", "deployments:\n  - include: base\n");
        run.check("8-prune-dry-run", &["prune", "--yes", "--dry-run"]);
        run.check("9-validate", &["validate"]);
        run.check("10-list-images", &["list-images"]);
        run.check("11-delete", &["delete", "--yes", "--no-wait"]);
    });
}
