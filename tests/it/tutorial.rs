//! The post "Managing many Helm Charts with Kluctl", step by step, with its charts served on loopback.

use std::path::{Path, PathBuf};

use expectrl::{Eof, Expect, Regex, Session};
use kluctl_testkit::{
    ChartRepository, DockerRegistry, Environment, OciRegistry, Output, pack_chart, push_chart, shared,
};

use crate::servers::Server;
use crate::start::environment;

/// Everything that serves charts; the project names their public addresses only.
struct Charts {
    _repositories: Vec<ChartRepository>,
    _registry: OciRegistry,
    docker: Option<DockerRegistry>,
    mirrors: Vec<String>,
    registry_mirror: String,
}

impl Charts {
    fn serve(corpus: &Path) -> Self {
        let mut mirrors = Vec::new();
        let mut repositories = Vec::new();
        for (public, path, chart, versions) in [
            ("https://helm.cilium.io/", "/cilium", "cilium", &["1.13.0"][..]),
            (
                "https://charts.jetstack.io",
                "/jetstack",
                "cert-manager",
                &["v1.11.0"],
            ),
            (
                "https://kubernetes.github.io/ingress-nginx",
                "/nginx",
                "ingress-nginx",
                &["4.5.0", "4.5.2"],
            ),
        ] {
            let repository = ChartRepository::start(path);
            for version in versions {
                repository.add(
                    chart,
                    version,
                    pack_chart(&corpus.join(format!("{chart}-{version}")), chart),
                );
            }
            mirrors.push(format!("{public}={}", repository.url()));
            repositories.push(repository);
        }
        let podinfo = pack_chart(&corpus.join("podinfo-6.3.4"), "podinfo");
        let registry = OciRegistry::start();
        push_chart(&registry.address(), "charts/podinfo", "6.3.4", &podinfo);
        let docker = DockerRegistry::start();
        if let Some(docker) = &docker {
            push_chart(docker.address(), "charts/podinfo", "6.3.4", &podinfo);
        }
        let registry_mirror = format!("oci://ghcr.io/stefanprodan=oci://{}", registry.address());
        Self {
            _repositories: repositories,
            _registry: registry,
            docker,
            mirrors,
            registry_mirror,
        }
    }

    fn mirror(&self, environment: &mut Environment) {
        for (index, mirror) in self.mirrors.iter().chain([&self.registry_mirror]).enumerate() {
            environment.set(&format!("KLUCTL_MIRROR_{index}"), mirror);
        }
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tutorial")
}

/// The section of a printed result, without its title.
fn section<'t>(output: &'t str, title: &str) -> Vec<&'t str> {
    let lines = output.lines().skip_while(|line| *line != format!("{title}:"));
    lines
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect()
}

fn deploy(environment: &Environment) -> Output {
    environment.run(["deploy", "--yes"]).expect(0)
}

fn on_terminal(environment: &Environment) -> std::process::Command {
    let mut command = environment.command(["deploy"]);
    command.env("TERM", "xterm-256color");
    command
}

/// Deploys on a terminal: waits for the question, answers it, and gives all that was shown.
fn deploy_and_confirm(environment: &Environment) -> String {
    let mut session = Session::spawn(on_terminal(environment)).expect("a terminal");
    session
        .get_process_mut()
        .set_window_size(160, 50)
        .expect("a size");
    session.set_expect_timeout(Some(std::time::Duration::from_mins(2)));
    let before = session
        .expect(Regex(r"The diff succeeded, do you want to proceed\? \(y/N\)"))
        .expect("the question");
    let mut shown = String::from_utf8_lossy(before.as_bytes()).into_owned();
    session.send_line("y").expect("typing");
    let after = session.expect(Eof).expect("the end");
    shown.push_str(&String::from_utf8_lossy(after.as_bytes()));
    without_colors(&shown)
}

/// The text without the escape sequences of a terminal (ECMA-48, `CSI ... final byte`).
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, sequence)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = sequence
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(sequence.len(), |end| end + 1);
        rest = &sequence[end..];
    }
    plain + rest
}

#[test]
fn the_tutorial_step_by_step() {
    let Some(corpus) = shared("corpus/charts") else {
        return;
    };
    let charts = Charts::serve(&corpus);
    Server::each(|server| {
        let mut environment = environment();
        server.connect(&mut environment);
        charts.mirror(&mut environment);
        environment.copy(&example());

        // The first chart, confirmed at the question.
        environment.write("deployment.yaml", "deployments:\n  - include: base\n");
        environment.write("base/deployment.yaml", "deployments:\n  - path: cilium\n");
        let shown = deploy_and_confirm(&environment);
        for text in [
            "✓ cilium: Applied 16 objects.",
            "No discriminator configured. Orphan object detection will not work",
            "kube-system/DaemonSet/cilium",
            "kube-system/Secret/cilium-ca",
        ] {
            assert!(shown.contains(text), "`{text}` was not shown:\n{shown}");
        }

        // cert-manager behind a barrier: its CRDs and hooks.
        environment.write(
            "base/deployment.yaml",
            "deployments:\n  - path: cilium\n  - barrier: true\n  - path: cert-manager\n",
        );
        let output = deploy(&environment);
        let new = section(&output.stdout, "New objects");
        assert!(
            new.contains(&"CustomResourceDefinition/certificates.cert-manager.io"),
            "{}",
            output.stdout
        );
        assert!(
            !new.contains(&"kube-system/DaemonSet/cilium"),
            "{}",
            output.stdout
        );
        let hooks = section(&output.stdout, "Applied hooks");
        assert!(
            hooks.contains(&"kube-system/Job/cert-manager-startupapicheck"),
            "{}",
            output.stdout
        );

        // ingress-nginx with its namespace, then the app from the registry.
        std::fs::copy(
            example().join("base/deployment.yaml"),
            environment.work().join("base/deployment.yaml"),
        )
        .expect("the base as in the post");
        let output = deploy(&environment);
        assert!(
            section(&output.stdout, "New objects").contains(&"Namespace/ingress-nginx"),
            "{}",
            output.stdout
        );
        std::fs::copy(
            example().join("deployment.yaml"),
            environment.work().join("deployment.yaml"),
        )
        .expect("the root as in the post");
        let output = deploy(&environment);
        let new = section(&output.stdout, "New objects");
        assert!(
            new.contains(&"podinfo/Deployment/podinfo") && new.contains(&"podinfo/Ingress/podinfo"),
            "{}",
            output.stdout
        );

        deploys_again(&environment);
        upgrades(&environment);
    });
}

/// A second deploy changes only what the charts make anew each time: cilium's certificates and podinfo's test Pods.
fn deploys_again(environment: &Environment) {
    let output = deploy(environment);
    for new in section(&output.stdout, "New objects") {
        assert!(
            new.starts_with("podinfo/Pod/podinfo-"),
            "{new} is new:\n{}",
            output.stdout
        );
    }
    for changed in section(&output.stdout, "Changed objects") {
        let made_anew =
            changed.starts_with("kube-system/Secret/") || changed == "kube-system/ConfigMap/hubble-ca-cert";
        assert!(made_anew, "{changed} has changed:\n{}", output.stdout);
    }
    assert!(
        !output.stdout.contains("BEGIN CERTIFICATE"),
        "a secret is shown:\n{}",
        output.stdout
    );
}

fn upgrades(environment: &Environment) {
    let update = environment.run(["helm-update"]).expect(0);
    let found = "Chart ingress-nginx (old version 4.5.0) has new version 4.5.2 available";
    assert!(update.stderr.contains(found), "{}", update.stderr);
    assert!(!update.stderr.contains("Chart cilium (old"), "{}", update.stderr);

    environment.replace(
        "base/ingress-nginx/helm-chart.yaml",
        "chartVersion: 4.5.0",
        "chartVersion: 4.5.2",
    );
    let diff = environment.run(["diff"]).expect(0).stdout;
    let changed = section(&diff, "Changed objects");
    for object in [
        "ClusterRole/ingress-nginx",
        "ingress-nginx/Deployment/ingress-nginx-controller",
    ] {
        assert!(changed.contains(&object), "{diff}");
        assert!(diff.contains(&format!("Diff for object {object}\n")), "{diff}");
    }
    let table = diff
        .split("Diff for object ClusterRole/ingress-nginx\n")
        .nth(1)
        .expect("a table");
    let rows: Vec<String> = table
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.starts_with('+'))
        .collect();
    assert_eq!(
        rows,
        [
            "| Path | Diff |",
            r#"| metadata.labels["app.kubernetes.io/version"] | -1.6.3 |"#,
            "| | +1.6.4 |",
            r#"| metadata.labels["helm.sh/chart"] | -ingress-nginx-4.5.0 |"#,
            "| | +ingress-nginx-4.5.2 |",
        ]
    );
    drop(deploy(environment));
    let after = environment.run(["diff", "--short-output"]).expect(0).stdout;
    let changed = section(&after, "Changed objects");
    assert!(
        !changed.iter().any(|name| name.contains("ingress-nginx")),
        "{after}"
    );
}

/// Tabula rasa: the order of the project holds on an empty server.
#[test]
fn the_tutorial_in_one_go() {
    let Some(corpus) = shared("corpus/charts") else {
        return;
    };
    let mut charts = Charts::serve(&corpus);
    if let Some(docker) = &charts.docker {
        charts.registry_mirror = format!("oci://ghcr.io/stefanprodan=oci://{}", docker.address());
    }
    Server::each(|server| {
        let mut environment = environment();
        server.connect(&mut environment);
        charts.mirror(&mut environment);
        environment.copy(&example());
        let output = deploy(&environment);
        let new = section(&output.stdout, "New objects");
        for object in [
            "kube-system/DaemonSet/cilium",
            "Namespace/podinfo",
            "podinfo/Service/podinfo",
        ] {
            assert!(new.contains(&object), "{}", output.stdout);
        }
        assert!(section(&output.stdout, "Errors").is_empty(), "{}", output.stdout);
    });
}
