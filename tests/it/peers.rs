//! Other people's tools on the sandbox: kubectl 1.37 and Helm 4, where they are there.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kluctl_testkit::{Environment, kubectl, shared};

use crate::start::environment;

/// `kluctl sandbox serve`, ended when it is dropped.
struct Served {
    environment: Environment,
    child: Child,
}

impl Served {
    fn start() -> Self {
        let environment = environment();
        let kubeconfig = environment.home().join("kubeconfig");
        let mut child = environment
            .command(["sandbox", "serve", "--kubeconfig"])
            .arg(&kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("its messages"))
            .read_line(&mut line)
            .expect("it says where it listens");
        assert!(line.contains("listens on https://127.0.0.1:"), "{line}");
        Self { environment, child }
    }

    /// Runs a tool to its end; gives its standard output, or fails with all it said.
    #[track_caller]
    fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.try_run(program, arguments);
        assert_eq!(
            code, 0,
            "{arguments:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        stdout
    }

    fn try_run(&self, program: &Path, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.environment.work())
            .env_clear()
            .env("HOME", self.environment.home())
            .env("PATH", "/usr/bin:/bin")
            .env("KUBECONFIG", self.environment.home().join("kubeconfig"))
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Helm 4 on the search path; `None`, said on standard error, where it is missing.
fn helm() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("helm"))
        .find(|program| {
            let version = Command::new(program).args(["version", "--short"]).output();
            version.is_ok_and(|output| output.stdout.starts_with(b"v4."))
        });
    if found.is_none() {
        eprintln!("NOT RUN: no Helm 4 on the PATH");
    }
    found
}

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'nginx:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: fast}
";

#[test]
fn kubectl_applies_and_shows() {
    let Some(kubectl) = kubectl() else { return };
    let served = Served::start();
    let run = |arguments: &[&str]| served.run(&kubectl, arguments);
    served.environment.write("web.yaml", WEB);
    assert_eq!(
        run(&["apply", "-f", "web.yaml"]),
        "deployment.apps/web created\nservice/web created\nconfigmap/settings created\n"
    );
    assert_eq!(
        run(&["apply", "-f", "web.yaml"]),
        "deployment.apps/web unchanged\nservice/web unchanged\nconfigmap/settings unchanged\n"
    );
    served.environment.write(
        "changed.yaml",
        &WEB.replace("nginx:1", "nginx:2").replace("fast", "slow"),
    );
    let (code, diff, _) = served.try_run(&kubectl, &["diff", "-f", "changed.yaml"]);
    assert_eq!(code, 1, "{diff}");
    assert!(
        diff.contains("-      - image: nginx:1\n+      - image: nginx:2\n")
            && diff.contains("+  mode: slow\n"),
        "{diff}"
    );
    assert_eq!(
        run(&["apply", "-f", "changed.yaml"]),
        "deployment.apps/web configured\nservice/web unchanged\nconfigmap/settings configured\n"
    );
    let (code, _, conflict) = served.try_run(
        &kubectl,
        &[
            "apply",
            "--server-side",
            "--field-manager=other",
            "-f",
            "web.yaml",
        ],
    );
    assert_eq!(code, 1);
    assert!(conflict.contains("conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.template.spec.containers[name=\"c\"].image"), "{conflict}");
    assert_eq!(
        run(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=other",
            "-f",
            "web.yaml"
        ]),
        "deployment.apps/web serverside-applied\nservice/web serverside-applied\nconfigmap/settings serverside-applied\n"
    );
    assert_eq!(
        run(&["rollout", "status", "deployment/web"]),
        "deployment \"web\" successfully rolled out\n"
    );
    assert_eq!(
        run(&["wait", "--for=condition=Available", "deployment/web"]),
        "deployment.apps/web condition met\n"
    );
    let table = run(&["get", "deployments"]);
    assert!(
        table.starts_with(
            "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    2/2     2            2           "
        ),
        "{table}"
    );
    let wide = run(&["get", "deployments,services", "-o", "wide"]);
    assert!(
        wide.contains("CONTAINERS   IMAGES    SELECTOR\n") && wide.contains("nginx:1   app=web"),
        "{wide}"
    );
    assert!(
        run(&["get", "pods", "-l", "app=web", "--no-headers"])
            .lines()
            .all(|line| line
                .split_whitespace()
                .skip(1)
                .take(3)
                .eq(["1/1", "Running", "0"]))
    );
    assert_eq!(
        run(&["get", "configmap", "settings", "-o", "jsonpath={.data.mode}"]),
        "fast"
    );
    assert_eq!(
        run(&["get", "configmap", "settings", "-o", "go-template={{.data.mode}}"]),
        "fast"
    );
    assert_eq!(
        run(&[
            "get",
            "configmap",
            "settings",
            "-o",
            "custom-columns=A:.metadata.name,B:.data.mode"
        ]),
        "A          B\nsettings   fast\n"
    );
    assert_eq!(
        run(&["get", "service/web", "configmap/settings", "-o", "name"]),
        "service/web\nconfigmap/settings\n"
    );
    assert!(run(&["get", "configmap", "settings", "-o", "yaml"]).contains("\ndata:\n  mode: fast\n"));
    assert!(
        run(&[
            "get",
            "configmap",
            "settings",
            "-o",
            "json",
            "--show-managed-fields"
        ])
        .contains("\"f:mode\": {}")
    );
    assert!(run(&["get", "all", "-A"]).contains("replicaset.apps/web-"));
    assert!(
        run(&["describe", "deployment", "web"]).contains(
            "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable"
        )
    );
    assert!(run(&["describe", "service", "web"]).contains("Endpoints:"));
}

#[test]
fn kubectl_changes_and_deletes() {
    let Some(kubectl) = kubectl() else { return };
    let served = Served::start();
    let run = |arguments: &[&str]| served.run(&kubectl, arguments);
    served.environment.write("web.yaml", WEB);
    run(&["create", "-f", "web.yaml"]);
    let (code, _, twice) = served.try_run(&kubectl, &["create", "-f", "web.yaml"]);
    assert_eq!(code, 1);
    assert!(twice.contains("Error from server (AlreadyExists): error when creating \"web.yaml\": deployments.apps \"web\" already exists"), "{twice}");
    for (arguments, expected) in [
        (&["create", "namespace", "other"][..], "namespace/other created\n"),
        (
            &["create", "configmap", "made", "--from-literal=a=b"],
            "configmap/made created\n",
        ),
        (
            &["create", "secret", "generic", "hidden", "--from-literal=a=b"],
            "secret/hidden created\n",
        ),
        (
            &["create", "deployment", "app", "--image=nginx", "-n", "other"],
            "deployment.apps/app created\n",
        ),
        (
            &["create", "job", "once", "--image=busybox"],
            "job.batch/once created\n",
        ),
        (
            &["create", "serviceaccount", "robot"],
            "serviceaccount/robot created\n",
        ),
        (
            &["create", "role", "reader", "--verb=get", "--resource=pods"],
            "role.rbac.authorization.k8s.io/reader created\n",
        ),
        (
            &["create", "ingress", "front", "--rule=a.b/x=web:80"],
            "ingress.networking.k8s.io/front created\n",
        ),
        (
            &["wait", "--for=condition=Complete", "job/once"],
            "job.batch/once condition met\n",
        ),
        (&["label", "configmap", "made", "x=y"], "configmap/made labeled\n"),
        (
            &["annotate", "configmap", "made", "x=y"],
            "configmap/made annotated\n",
        ),
        (
            &[
                "patch",
                "configmap",
                "made",
                "--type=merge",
                "-p",
                "{\"data\":{\"a\":\"c\"}}",
            ],
            "configmap/made patched\n",
        ),
        (
            &[
                "patch",
                "configmap",
                "made",
                "--type=json",
                "-p",
                "[{\"op\":\"remove\",\"path\":\"/data/a\"}]",
            ],
            "configmap/made patched\n",
        ),
        (
            &[
                "patch",
                "deployment",
                "web",
                "-p",
                "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx:3\"}]}}}}",
            ],
            "deployment.apps/web patched\n",
        ),
        (
            &["set", "image", "deployment/web", "c=nginx:4"],
            "deployment.apps/web image updated\n",
        ),
        (
            &["scale", "deployment/web", "--replicas=3"],
            "deployment.apps/web scaled\n",
        ),
        (
            &["rollout", "restart", "deployment/web"],
            "deployment.apps/web restarted\n",
        ),
        (
            &["rollout", "status", "deployment/web"],
            "deployment \"web\" successfully rolled out\n",
        ),
        (
            &["rollout", "undo", "deployment/web"],
            "deployment.apps/web rolled back\n",
        ),
        (
            &["expose", "deployment", "web", "--name=again", "--port=80"],
            "service/again exposed\n",
        ),
        (
            &["autoscale", "deployment", "web", "--max=5"],
            "horizontalpodautoscaler.autoscaling/web autoscaled\n",
        ),
        (
            &["delete", "configmap", "made"],
            "configmap \"made\" deleted from default namespace\n",
        ),
        (
            &["delete", "-f", "web.yaml"],
            "deployment.apps \"web\" deleted from default namespace\nservice \"web\" deleted from default namespace\nconfigmap \"settings\" deleted from default namespace\n",
        ),
        (&["delete", "namespace", "other"], "namespace \"other\" deleted\n"),
        (&["get", "pods", "-o", "name", "-l", "app=web"], ""),
        (&["auth", "can-i", "create", "pods"], "yes\n"),
    ] {
        assert_eq!(run(arguments), expected, "{arguments:?}");
    }
    let resources = run(&["api-resources"]);
    assert!(
        resources.contains("deployments                         deploy       apps/v1"),
        "{resources}"
    );
    assert!(run(&["api-versions"]).contains("\nbatch/v1\n"));
    assert!(run(&["explain", "deployment.spec.replicas"]).contains("FIELD: replicas <integer>"));
    assert!(run(&["version"]).contains("Server Version: v1.37.2"));
    assert!(run(&["cluster-info"]).contains("Kubernetes control plane"));
}

/// Installs, upgrades, rolls back and uninstalls a chart of the shared corpus.
fn helm_release(chart: &str, values: &[&str], upgrade: &str, expected: &[&str]) {
    let (Some(helm), Some(kubectl), Some(chart)) =
        (helm(), kubectl(), shared(&format!("corpus/charts/{chart}")))
    else {
        return;
    };
    let served = Served::start();
    let chart = chart.display().to_string();
    let with = |start: &[&str], more: &[&str]| {
        let mut arguments: Vec<&str> = start.to_vec();
        for value in values.iter().chain(more) {
            arguments.extend(["--set", value]);
        }
        served.run(&helm, &arguments)
    };
    let install = [
        "install",
        "rel",
        &chart,
        "-n",
        "apps",
        "--create-namespace",
        "--wait",
    ];
    assert!(with(&install, &[]).contains("STATUS: deployed"));
    assert!(with(&["upgrade", "rel", &chart, "-n", "apps", "--wait"], &[upgrade]).contains("REVISION: 2"));
    assert!(
        served
            .run(&helm, &["history", "rel", "-n", "apps"])
            .contains("superseded")
    );
    let objects = served.run(
        &kubectl,
        &[
            "get",
            "deployments,statefulsets,services,secrets",
            "-n",
            "apps",
            "-o",
            "name",
        ],
    );
    for name in expected {
        assert!(
            objects.lines().any(|line| line == *name),
            "{name} is not in\n{objects}"
        );
    }
    assert!(
        served
            .run(&helm, &["rollback", "rel", "1", "-n", "apps", "--wait"])
            .contains("Rollback was a success")
    );
    assert!(
        served
            .run(&helm, &["status", "rel", "-n", "apps"])
            .contains("REVISION: 3")
    );
    assert!(served.run(&helm, &["list", "-A"]).contains("deployed"));
    served.run(&helm, &["uninstall", "rel", "-n", "apps", "--wait"]);
    let left = served.run(
        &kubectl,
        &[
            "get",
            "deployments,statefulsets,services,secrets",
            "-n",
            "apps",
            "-o",
            "name",
        ],
    );
    assert_eq!(left, "");
}

#[test]
fn helm_keeps_podinfo() {
    helm_release(
        "podinfo-6.3.4",
        &[],
        "replicaCount=2",
        &[
            "deployment.apps/rel-podinfo",
            "service/rel-podinfo",
            "secret/sh.helm.release.v1.rel.v2",
        ],
    );
}

#[test]
fn helm_keeps_ingress_nginx() {
    helm_release(
        "ingress-nginx-4.5.2",
        &[],
        "controller.replicaCount=2",
        &[
            "deployment.apps/rel-ingress-nginx-controller",
            "service/rel-ingress-nginx-controller-admission",
        ],
    );
}

#[test]
fn helm_keeps_postgresql() {
    helm_release(
        "postgresql-17.1.0",
        &["auth.postgresPassword=x"],
        "primary.podLabels.a=b",
        &[
            "statefulset.apps/rel-postgresql",
            "service/rel-postgresql-hl",
            "secret/rel-postgresql",
        ],
    );
}
