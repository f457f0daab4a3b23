//! Charts that `helm template` fetches from servers on loopback.

use kluctl_testkit::{
    ChartRepository, DockerRegistry, Environment, OciRegistry, Reply, Request, Server, TestAuthority,
    pack_chart, push_chart,
};

use super::start::environment;

/// A packed chart whose only object holds its version.
pub(crate) fn chart(environment: &Environment, name: &str, version: &str) -> Vec<u8> {
    let folder = format!("packed/{name}-{version}");
    environment.write(
        &format!("{folder}/Chart.yaml"),
        &format!("apiVersion: v2\nname: {name}\nversion: {version}\n"),
    );
    environment.write(
        &format!("{folder}/templates/a.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Chart.Name }}\ndata:\n  v: {{ .Chart.Version }}\n",
    );
    pack_chart(&environment.work().join(folder), name)
}

/// The versions that the objects in a text name.
fn versions(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("  v: "))
        .collect()
}

#[test]
fn charts_come_from_repositories() {
    let environment = environment();
    let repository = ChartRepository::start("/charts");
    for version in ["1.0.0", "1.1.0", "1.2.0-rc.1"] {
        repository.add("web", version, chart(&environment, "web", version));
    }
    let url = repository.url();
    let template = |arguments: &[&str]| environment.run(["helm", "template", "r"].iter().chain(arguments));
    for (arguments, version) in [
        (&["web", "--repo", &url][..], "1.1.0"),
        (&["web", "--repo", &url, "--version", "~1.0"], "1.0.0"),
        (&["web", "--repo", &url, "--devel"], "1.2.0-rc.1"),
        (&[&format!("{url}/charts/web-1.0.0.tgz")], "1.0.0"),
    ] {
        assert_eq!(
            versions(&template(arguments).expect(0).stdout),
            [version],
            "{arguments:?}"
        );
    }
    // What Helm 4.2.2 says.
    for (arguments, error) in [
        (
            &["web", "--version", "9"][..],
            format!("chart \"web\" version \"9\" not found in {url} repository"),
        ),
        (&["nope"], format!("chart \"nope\" not found in {url} repository")),
    ] {
        let output = template(&[arguments, &["--repo", &url]].concat()).expect(1);
        assert_eq!(output.stderr, format!("Error: {error}\n"));
    }
    environment.write(
        "repositories.yaml",
        &format!("repositories: [{{name: mine, url: '{url}'}}]\n"),
    );
    let output = template(&["mine/web", "--repository-config", "repositories.yaml"]).expect(0);
    assert_eq!(versions(&output.stdout), ["1.1.0"]);
}

#[test]
fn charts_come_from_registries() {
    let environment = environment();
    let check = |registry: &str| {
        for version in ["1.0.0", "2.0.0"] {
            push_chart(
                registry,
                "charts/web",
                version,
                &chart(&environment, "web", version),
            );
        }
        let address = format!("oci://{registry}/charts/web");
        let template = |arguments: &[&str]| {
            environment.run(["helm", "template", "r", "--plain-http"].iter().chain(arguments))
        };
        for (arguments, version) in [
            (&[address.as_str()][..], "2.0.0"),
            (&[&address, "--version", "^1"], "1.0.0"),
            (&[&format!("{address}:1.0.0")], "1.0.0"),
        ] {
            assert_eq!(
                versions(&template(arguments).expect(0).stdout),
                [version],
                "{arguments:?}"
            );
        }
        // What Helm 4.2.2 says.
        let output = template(&[&format!("{address}:1.0.0"), "--version", "2.0.0"]).expect(1);
        assert_eq!(
            output.stderr,
            "Error: chart reference and version mismatch: 2.0.0 is not 1.0.0\n"
        );
        let output = template(&[&address, "--version", "9.9.9"]).expect(1);
        assert_eq!(
            output.stderr,
            format!(
                "Error: failed to perform \"FetchReference\" on source: {registry}/charts/web:9.9.9: not found\n"
            )
        );
    };
    check(&OciRegistry::start().address());
    if let Some(registry) = DockerRegistry::start() {
        check(registry.address());
    }
}

#[test]
fn missing_dependencies_come_from_everywhere() {
    let environment = environment();
    let repository = ChartRepository::start("/charts");
    repository.add("web", "1.1.0", chart(&environment, "web", "1.1.0"));
    let registry = OciRegistry::start();
    push_chart(
        &registry.address(),
        "charts/web",
        "2.0.0",
        &chart(&environment, "web", "2.0.0"),
    );
    chart(&environment, "local", "3.0.0");
    environment.write(
        "app/Chart.yaml",
        &format!(
            "apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies:\n- {{name: web, version: ^1, repository: '{}'}}\n- {{name: \
             web, alias: other, version: 2.0.0, repository: 'oci://{}/charts'}}\n- {{name: local, version: '*', repository: \
             'file://../packed/local-3.0.0'}}\n",
            repository.url(),
            registry.address()
        ),
    );
    let template = ["helm", "template", "r", "app", "--plain-http"];
    let output = environment.run(template).expect(1);
    assert!(
        output
            .stderr
            .contains("missing in charts/ directory: web, web, local"),
        "{}",
        output.stderr
    );
    let output = environment
        .run(template.iter().chain(&["--dependency-update"]))
        .expect(0);
    assert_eq!(versions(&output.stdout), ["3.0.0", "2.0.0", "1.1.0"]);
    assert!(
        !environment.work().join("app/charts").exists(),
        "the chart's folder stays as it is"
    );
}

/// Serves a repository of one chart to those who know the password.
fn guarded(archive: Vec<u8>) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| match (request.header("authorization"), request.path()) {
        // user:pass
        (Some("Basic dXNlcjpwYXNz"), "/index.yaml") => Reply::new(
            200,
            "apiVersion: v1\nentries:\n  web:\n  - {name: web, version: 1.0.0, urls: [moved.tgz]}\n",
        ),
        (Some("Basic dXNlcjpwYXNz"), "/moved.tgz") => Reply::new(302, "").with("Location", "/web.tgz"),
        (Some("Basic dXNlcjpwYXNz"), "/web.tgz") => Reply::new(200, archive.clone()),
        _ => Reply::new(401, "who are you?"),
    }
}

#[test]
fn passwords_and_certificates_are_shown_to_servers() {
    let environment = environment();
    let archive = chart(&environment, "web", "1.0.0");
    let plain = Server::start(guarded(archive.clone()));
    let authority = TestAuthority::new();
    let tls = Server::start_tls(&authority, guarded(archive));
    environment.write("ca.pem", &authority.ca);
    let (certificate, key) = authority.client();
    environment.write("client.pem", &certificate);
    environment.write("client.key", &key);
    let template = |url: &str, flags: &str| {
        let arguments = ["helm", "template", "r", "web", "--repo", url].into_iter();
        environment.run(arguments.chain(flags.split_whitespace()))
    };
    let known = "--username user --password pass";
    for (url, flags) in [
        (plain.url(), known.to_owned()),
        (tls.url(), format!("{known} --ca-file ca.pem")),
        (tls.url(), format!("{known} --insecure-skip-tls-verify")),
        (
            tls.url(),
            format!("{known} --ca-file ca.pem --cert-file client.pem --key-file client.key"),
        ),
    ] {
        assert_eq!(
            versions(&template(&url, &flags).expect(0).stdout),
            ["1.0.0"],
            "{flags}"
        );
    }
    let output = template(&plain.url(), "--username user --password wrong").expect(1);
    assert!(
        output
            .stderr
            .contains("is not a valid chart repository or cannot be reached: failed to fetch")
    );
    assert!(!output.stderr.contains("wrong"), "{}", output.stderr);
    let output = template(&tls.url(), known).expect(1);
    assert!(output.stderr.contains("certificate"), "{}", output.stderr);
    // What Helm 4.2.2 says.
    let output = template(&tls.url(), "--ca-file nope.pem").expect(1);
    assert_eq!(
        output.stderr,
        "Error: missing registry client: can't create TLS config for client: can't read CA file: \"nope.pem\": open nope.pem: no \
         such file or directory\n"
    );
}

#[test]
fn passwords_stay_with_their_host() {
    let environment = environment();
    let archive = chart(&environment, "web", "1.0.0");
    let other = Server::start(move |request| match request.header("authorization") {
        None => Reply::new(401, "who are you?"),
        Some(_) => Reply::new(200, archive.clone()),
    });
    let place = other.url();
    let server = Server::start(move |_| {
        Reply::new(
            200,
            format!("apiVersion: v1\nentries:\n  web:\n  - {{version: 1.0.0, urls: ['{place}/web.tgz']}}\n"),
        )
    });
    let url = server.url();
    let flags = [
        "helm",
        "template",
        "r",
        "web",
        "--repo",
        &url,
        "--username",
        "user",
        "--password",
        "pass",
    ];
    let output = environment.run(flags).expect(1);
    assert!(output.stderr.contains("401"), "{}", output.stderr);
    let output = environment
        .run(flags.iter().chain(&["--pass-credentials"]))
        .expect(0);
    assert_eq!(versions(&output.stdout), ["1.0.0"]);
}

#[test]
fn schemas_of_values_may_be_on_web_servers() {
    let environment = environment();
    let server = Server::start(|request: &Request| match request.path() {
        "/size.json" => Reply::new(200, r#"{"type": "integer", "maximum": 3}"#),
        _ => Reply::new(404, "no such schema"),
    });
    let url = server.url();
    environment.write("deployment.yaml", "deployments:\n- path: app\n");
    let item = "helmChart: {path: chart, releaseName: r, namespace: default, output: out.yaml}\n";
    environment.write("app/helm-chart.yaml", item);
    environment.write("app/kustomization.yaml", "resources: [out.yaml]\n");
    environment.write(
        "app/chart/Chart.yaml",
        "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    );
    environment.write(
        "app/chart/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  v: size-{{ .Values.size }}\n",
    );
    let commands = [
        &["helm", "template", "r", "app/chart"][..],
        &["render", "--offline-kubernetes", "--print-all"],
    ];
    let run = |schema: &str, size: &str| {
        let schema = format!("{{\"properties\": {{\"size\": {{\"$ref\": \"{url}/{schema}\"}}}}}}");
        environment.write("app/chart/values.schema.json", &schema);
        environment.write("app/chart/values.yaml", &format!("size: {size}\n"));
        commands.map(|command| environment.run(command))
    };
    for output in run("size.json", "3") {
        let output = output.expect(0);
        assert!(output.stdout.contains("v: size-3"), "{}", output.stdout);
    }
    for output in run("size.json", "4") {
        let output = output.expect(1);
        let refused = "at '/size': maximum: got 4, want 3";
        assert!(output.stderr.contains(refused), "{}", output.stderr);
    }
    let [template, render] = run("other.json", "3").map(|output| output.expect(1));
    let failing = format!("failing loading \"{url}/other.json\": ");
    // What Helm 4.2.2 says.
    let answer = format!("{failing}HTTP request to {url}/other.json returned status 404 (Not Found)");
    assert!(template.stderr.contains(&answer), "{}", template.stderr);
    assert!(render.stderr.contains(&failing), "{}", render.stderr);
}
