//! `helm-update` on a project in a Git repository.

use std::process::Command;

use kluctl_testkit::{ChartRepository, Environment};

use super::helm_sources::chart;
use super::start::environment;

fn git(environment: &Environment, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(environment.work().join("project"))
        .env("HOME", environment.home())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn every_update_is_a_commit_of_its_own() {
    let environment = environment();
    let repository = ChartRepository::start("/charts");
    for (name, version) in [
        ("web", "1.0.0"),
        ("web", "2.0.0"),
        ("db", "0.1.0"),
        ("db", "0.2.0"),
    ] {
        repository.add(name, version, chart(&environment, name, version));
    }
    let url = repository.url();
    environment.write("project/.kluctl.yaml", "targets: [{name: dev}]\n");
    for (folder, name, version) in [("a", "web", "1.0.0"), ("b", "web", "1.0.0"), ("c", "db", "0.1.0")] {
        environment.write(
            &format!("project/{folder}/helm-chart.yaml"),
            &format!(
                "helmChart:\n  repo: {url} # there\n  chartName: {name}\n  chartVersion: {version} # pinned\n  releaseName: {folder}\n"
            ),
        );
    }
    let project = ["--project-dir", "project"];
    let run = |arguments: &[&str]| environment.run(arguments.iter().chain(&project));
    git(&environment, &["init", "-q", "-b", "main"]);
    git(&environment, &["config", "user.name", "Somebody"]);
    git(&environment, &["config", "user.email", "somebody@example.com"]);
    git(&environment, &["add", "-A"]);
    git(&environment, &["commit", "-q", "-m", "start"]);
    let commit = ["helm-update", "--upgrade", "--commit"];
    let output = run(&commit).expect(1);
    assert!(
        output
            .stderr
            .contains(".helm-charts is not up-to-date. Please run helm-pull before")
    );
    let output = run(&["helm-pull"]).expect(0);
    assert!(output.stderr.contains("db: Pulling Chart with version 0.1.0"));
    let output = run(&commit).expect(1);
    assert!(
        output
            .stderr
            .contains("can only be used when .helm-charts is clean"),
        "{}",
        output.stderr
    );
    git(&environment, &["add", "-A"]);
    git(&environment, &["commit", "-q", "-m", "pull"]);
    environment.write("project/untracked", "stays");
    let output = run(&commit).expect(0);
    assert!(
        output
            .stderr
            .contains("a: Chart web (old version 1.0.0) has new version 2.0.0 available")
    );
    assert_eq!(
        git(&environment, &["log", "--format=%s", "-2"]),
        "Updated helm chart web from version 1.0.0 to version 2.0.0\nUpdated helm chart db from version 0.1.0 to version 0.2.0"
    );
    let changed = git(
        &environment,
        &["show", "--format=", "--name-only", "--no-renames", "HEAD"],
    );
    assert!(
        changed.contains("a/helm-chart.yaml\nb/helm-chart.yaml"),
        "{changed}"
    );
    assert!(
        changed.contains("/web/2.0.0/Chart.yaml") && !changed.contains("/db/"),
        "{changed}"
    );
    assert_eq!(git(&environment, &["status", "--short"]), "?? untracked");
    let text =
        std::fs::read_to_string(environment.work().join("project/a/helm-chart.yaml")).expect("the file");
    assert!(
        text.contains(&format!("repo: {url} # there\n")) && text.contains("chartVersion: 2.0.0 # pinned\n")
    );
    environment.replace("project/c/helm-chart.yaml", "0.2.0", "0.1.0");
    let output = run(&commit).expect(1);
    assert!(
        output
            .stderr
            .contains("when the git worktree is unmodified, but c/helm-chart.yaml is changed")
    );
}

#[test]
fn each_update_may_be_asked_for() {
    let environment = environment();
    let repository = ChartRepository::start("/charts");
    for version in ["1.0.0", "1.5.0", "2.0.0"] {
        repository.add("web", version, chart(&environment, "web", version));
    }
    environment.write("project/.kluctl.yaml", "targets: [{name: dev}]\n");
    for folder in ["a", "b"] {
        environment.write(
            &format!("project/{folder}/helm-chart.yaml"),
            &format!(
                "helmChart:\n  repo: {}\n  chartName: web\n  chartVersion: 1.0.0\n  updateConstraints: '<2'\n  releaseName: r\n",
                repository.url()
            ),
        );
    }
    let arguments = ["helm-update", "--upgrade", "-i", "--project-dir", "project"];
    let output = environment.run_with_input(arguments, "n\ny\n").expect(0);
    assert!(
        output
            .stderr
            .contains("Do you want to upgrade Chart web to version 1.5.0?")
    );
    let version = |folder: &str| {
        let file = environment
            .work()
            .join(format!("project/{folder}/helm-chart.yaml"));
        let text = std::fs::read_to_string(file).expect("the file");
        text.contains("chartVersion: 1.5.0\n")
    };
    assert!(!version("a") && version("b"));
}
