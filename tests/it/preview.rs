//! `kluctl preview`: what a pull request would do, without a cluster.

use kluctl_testkit::{Environment, git};

use crate::start::environment;

pub(crate) fn commit(environment: &Environment) {
    git(&environment.work(), &["add", "--all"]);
    git(&environment.work(), &["commit", "--quiet", "--message", "state"]);
}

const PROJECT: &str = "discriminator: preview-{{ target.name }}
targets:
  - name: dev
    context: dev-cluster
  - name: prod
    context: prod-cluster
";

const SETTINGS: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: default
data:
  level: low
  target: '{{ target.name }}'
";

/// A project with two commits: the second changes a ConfigMap of `dev` only and moves an object of both to another name.
fn project() -> Environment {
    let environment = environment();
    environment.write(".kluctl.yaml", PROJECT);
    environment.write("deployment.yaml", "deployments:\n  - path: app\n");
    environment.write("app/settings.yaml", SETTINGS);
    environment.write("app/old.yaml", &SETTINGS.replace("name: settings", "name: old"));
    git(&environment.work(), &["init", "--quiet"]);
    commit(&environment);
    let changed = SETTINGS.replace(
        "level: low",
        "level: '{% if target.name == \"dev\" %}high{% else %}low{% endif %}'",
    );
    environment.write("app/settings.yaml", &changed);
    std::fs::remove_file(environment.work().join("app/old.yaml")).expect("the old file");
    environment.write("app/new.yaml", &SETTINGS.replace("name: settings", "name: new"));
    environment
}

#[test]
fn shows_what_the_working_tree_would_change_for_each_target() {
    let environment = project();
    let output = environment.run(["preview", "--from", "main"]).expect(0);
    let (dev, prod) = output.stdout.split_once("Target prod:\n").expect("both targets");
    assert!(dev.starts_with("Target dev:\n"), "{dev}");
    for (text, target) in [(dev, "dev"), (prod, "prod")] {
        assert!(
            text.contains("New objects:\n  default/ConfigMap/new\n"),
            "{target}: {text}"
        );
        assert!(
            text.contains("Orphan objects:\n  default/ConfigMap/old\n"),
            "{target}: {text}"
        );
    }
    assert!(
        dev.contains("Changed objects:\n  default/ConfigMap/settings\n"),
        "{dev}"
    );
    assert!(dev.contains("-low") && dev.contains("+high"), "{dev}");
    assert!(!prod.contains("Changed objects:"), "{prod}");
}

#[test]
fn compares_two_commits_and_says_so_in_the_exit_code() {
    let environment = project();
    let run = |args: &[&str]| {
        let mut all = vec!["preview", "-t", "dev", "--detailed-exitcode"];
        all.extend(args);
        environment.run(all)
    };
    let same = run(&["--from", "HEAD", "--to", "HEAD"]).expect(0);
    assert_eq!(same.stdout, "Target dev:\nNo changes.\n");
    commit(&environment);
    let output = run(&["--from", "HEAD~1", "--to", "HEAD", "-o", "markdown"]).expect(2);
    assert!(
        output.stdout.starts_with("### Kluctl preview of target `dev`\n"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("`default/ConfigMap/new`"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_target_that_is_gone_or_new_is_shown_whole() {
    let environment = project();
    environment.write(".kluctl.yaml", &PROJECT.replace("name: prod", "name: staging"));
    let output = environment
        .run(["preview", "--from", "main", "--short-output"])
        .expect(0)
        .stdout;
    let gone = output
        .split("Target prod:\n")
        .nth(1)
        .expect("prod")
        .split("Target staging:\n")
        .next()
        .expect("prod");
    assert!(
        gone.contains("Orphan objects:\n  default/ConfigMap/old\n  default/ConfigMap/settings\n"),
        "{output}"
    );
    let new = output.split("Target staging:\n").nth(1).expect("staging");
    assert!(
        new.contains("New objects:\n  default/ConfigMap/new\n  default/ConfigMap/settings\n"),
        "{output}"
    );
}

#[test]
fn what_comes_from_outside_is_assumed_or_named() {
    let environment = project();
    let vars = "vars:
  - clusterConfigMap: {name: shared, namespace: infra, key: vars}
  - vault: {address: 'http://127.0.0.1:9', path: secret/data/app}
    targetPath: secrets
deployments:
  - path: app
";
    environment.write("deployment.yaml", vars);
    environment.write(
        "app/new.yaml",
        &SETTINGS.replace("name: settings", "name: new").replace(
            "level: low",
            "level: '{{ region }}/{{ secrets.database.password }}'",
        ),
    );
    let named = environment
        .run(["preview", "--from", "main", "-t", "dev", "-o", "yaml"])
        .expect(0)
        .stdout;
    for source in [
        "ConfigMap infra shared vars",
        "vault http://127.0.0.1:9 secret/data/app",
    ] {
        assert!(named.contains(&format!("{source} could not be asked")), "{named}");
    }
    assert!(named.contains("⟨ConfigMap infra shared vars.region⟩/"), "{named}");
    let assumed = "objects:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: shared, namespace: infra}
    data:
      vars: 'region: north'
vars:
  - source: {vault: {path: secret/data/app}}
    values: {database: {password: made-up}}
";
    environment.write("assumed.yaml", assumed);
    let output = environment
        .run([
            "preview",
            "--from",
            "main",
            "-t",
            "dev",
            "--assume",
            "assumed.yaml",
            "-o",
            "yaml",
        ])
        .expect(0)
        .stdout;
    assert!(
        output.contains("north/made-up") && !output.contains("could not be asked"),
        "{output}"
    );
}

#[test]
fn a_revision_that_is_not_there_is_an_error_that_names_it() {
    let environment = project();
    let output = environment.run(["preview", "--from", "nowhere"]).expect(1);
    assert!(
        output.stderr.contains("`nowhere` is no commit in the repository"),
        "{}",
        output.stderr
    );
}

#[test]
fn encrypted_files_without_a_key_are_assumed_or_named() {
    let environment = project();
    crate::secrets::encrypted(&environment, "vars.yaml", "secrets/vars.yaml");
    crate::secrets::encrypted(&environment, "encrypted-regex.yaml", "app/secret.yaml");
    environment.write(
        "app/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: demo\n",
    );
    environment.write(
        "deployment.yaml",
        "vars:\n  - file: secrets/vars.yaml\ndeployments:\n  - path: app\n",
    );
    environment.write(
        "app/new.yaml",
        &SETTINGS
            .replace("name: settings", "name: new")
            .replace("level: low", "level: '{{ database.password }}'"),
    );
    let run = |more: &[&str]| {
        let all = [&["preview", "--from", "main", "-t", "dev", "-o", "yaml"], more].concat();
        environment.run(all).expect(0).stdout
    };
    let named = run(&[]);
    assert!(
        named.contains("\"level\":\"⟨sops secrets/vars.yaml.database.password⟩\""),
        "{named}"
    );
    for file in ["secrets/vars.yaml", "app/secret.yaml"] {
        assert!(
            named.contains(&format!("sops {file} could not be asked")),
            "{named}"
        );
    }
    environment.write(
        "assumed.yaml",
        "files:\n- path: secrets/vars.yaml\n  content: |\n    database: {password: made-up}\n",
    );
    let assumed = run(&["--assume", "assumed.yaml"]);
    assert!(assumed.contains("\"level\":\"made-up\""), "{assumed}");
    assert!(!assumed.contains("sops secrets/vars.yaml"), "{assumed}");
    assert!(
        assumed.contains("sops app/secret.yaml could not be asked"),
        "{assumed}"
    );
}
