//! Who a registry is told that asks: client certificates, tokens, credential helpers, through flags, variables and files.

use std::os::unix::fs::PermissionsExt as _;

use kluctl_testkit::{
    DockerRegistry, Environment, IDENTITY_TOKEN, OciRegistry, Server, TestAuthority, TokenRegistry, git,
    push_chart,
};

use crate::start::environment;

/// A project in a repository, and another one that takes it from a registry as an artifact.
fn projects(address: &str) -> Environment {
    let environment = environment();
    environment.write("pushed/deployment.yaml", "deployments:\n- path: app\n");
    environment.write(
        "pushed/app/config.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: from-the-registry, namespace: default}}\n",
    );
    let folder = environment.work().join("pushed");
    git(&folder, &["init", "-q", "-b", "main"]);
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-q", "-m", "one"]);
    environment.write(
        "user/deployment.yaml",
        &format!("deployments:\n- oci: {{url: 'oci://{address}/team/project'}}\n"),
    );
    environment
}

/// Pushes and renders; `environment` and `flags` say who asks.
#[track_caller]
fn check(environment: &Environment, address: &str, flags: &[&str]) {
    let url = format!("--url=oci://{address}/team/project");
    let push = ["oci", "push", "--project-dir", "pushed", &url];
    let _ = environment.run(push.iter().chain(flags)).expect(0);
    let render = [
        "render",
        "--project-dir",
        "user",
        "--offline-kubernetes",
        "--print-all",
    ];
    let output = environment.run(render.iter().chain(flags)).expect(0);
    assert!(
        output.stdout.contains("name: from-the-registry"),
        "{}",
        output.stdout
    );
}

/// Rendering fails.
#[track_caller]
fn refused(environment: &Environment, flags: &[&str]) -> String {
    let render = ["render", "--project-dir", "user", "--offline-kubernetes"];
    let output = environment.run(render.iter().chain(flags)).expect(1);
    assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    output.stderr
}

#[test]
fn client_certificates() {
    let authority = TestAuthority::new();
    let Some(server) = DockerRegistry::start_for_clients_of(&authority) else {
        return;
    };
    let address = server.address();
    let mut environment = projects(address);
    let (certificate, key) = authority.client();
    for (name, text) in [
        ("ca.pem", &authority.ca),
        ("client.pem", &certificate),
        ("client.key", &key),
    ] {
        environment.write(name, text);
    }
    let ca = format!("--registry-ca-file={address}/team/*=ca.pem");
    let certificate = format!("--registry-cert-file={address}/team/*=client.pem");
    let key = format!("--registry-key-file={address}/team/*=client.key");
    refused(&environment, &[&ca]);
    let half = refused(&environment, &[&ca, &certificate]);
    assert!(half.contains("a client certificate needs its key"), "{half}");
    check(&environment, address, &[&ca, &certificate, &key]);
    for (name, value) in [
        ("HOST", address),
        ("CA_FILE", "ca.pem"),
        ("CERT_FILE", "client.pem"),
        ("KEY_FILE", "client.key"),
    ] {
        environment.set(&format!("KLUCTL_REGISTRY_3_{name}"), value);
    }
    check(&environment, address, &[]);
}

#[test]
fn any_certificate_of_the_server_where_variables_say_so() {
    let authority = TestAuthority::new();
    let Some(server) = DockerRegistry::start_with(Some(&authority), true) else {
        return;
    };
    let address = server.address();
    let mut environment = projects(address);
    // The registry stands before the repository.
    environment.set("KLUCTL_REGISTRY_REPOSITORY", format!("{address}/team/*"));
    environment.set("KLUCTL_REGISTRY_USERNAME", "user");
    environment.set("KLUCTL_REGISTRY_PASSWORD", "secret");
    refused(&environment, &[]);
    environment.set("KLUCTL_REGISTRY_DEFAULT_INSECURE_SKIP_TLS_VERIFY", "true");
    check(&environment, address, &[]);
    environment.set("KLUCTL_REGISTRY_INSECURE_SKIP_TLS_VERIFY", "false");
    refused(&environment, &[]);
}

#[test]
fn tokens_by_flag_and_from_files_and_helpers() {
    let server = TokenRegistry::start(100);
    let address = server.address();
    let nobody = projects(&address);
    let said = refused(&nobody, &[]);
    assert!(said.contains("incorrect username or password"), "{said}");
    check(
        &nobody,
        &address,
        &[&format!("--registry-identity-token={address}={IDENTITY_TOKEN}")],
    );
    check(
        &nobody,
        &address,
        &[&format!("--registry-creds={address}/team/project=user:secret")],
    );
    check(
        &nobody,
        &address,
        &[&format!("--registry-token={address}=team/project:pull,push")],
    );
    // Docker's own file.
    let docker = |config: &str| {
        let mut environment = projects(&address);
        environment.write("docker/config.json", &config.replace("ADDRESS", &address));
        let folder = environment.work().join("docker");
        environment.set("DOCKER_CONFIG", folder.display().to_string());
        environment
    };
    let config = format!("{{\"auths\": {{\"ADDRESS\": {{\"identitytoken\": \"{IDENTITY_TOKEN}\"}}}}}}");
    check(&docker(&config), &address, &[]);
    // user:secret
    check(
        &docker("{\"auths\": {\"ADDRESS\": {\"auth\": \"dXNlcjpzZWNyZXQ=\"}}}"),
        &address,
        &[],
    );
    for config in [
        "{\"credHelpers\": {\"ADDRESS\": \"test\"}}",
        "{\"credsStore\": \"test\"}",
    ] {
        let mut environment = docker(config);
        helper(&mut environment, &address, "user", "secret");
        check(&environment, &address, &[]);
        // This name says that the secret is an identity token.
        helper(&mut environment, &address, "<token>", IDENTITY_TOKEN);
        check(&environment, &address, &[]);
        helper(&mut environment, "another.example", "user", "secret");
        refused(&environment, &[]);
    }
}

/// Puts a credential helper on the PATH that knows one registry.
///
/// Source: docker-credential-helpers, "Development": the registry comes on standard input, a JSON document goes out.
fn helper(environment: &mut Environment, registry: &str, username: &str, secret: &str) {
    let script = format!(
        "#!/bin/sh\nread -r registry\n[ \"$1\" = get ] || exit 2\n[ \"$registry\" = '{registry}' ] || {{ echo 'credentials not found \
         in native keychain'; exit 1; }}\necho '{{\"ServerURL\": \"{registry}\", \"Username\": \"{username}\", \"Secret\": \
         \"{secret}\"}}'\n"
    );
    environment.write("bin/docker-credential-test", &script);
    let folder = environment.work().join("bin");
    let file = folder.join("docker-credential-test");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    environment.set("PATH", format!("{}:{path}", folder.display()));
}

#[test]
fn charts_take_tokens_too() {
    let server = TokenRegistry::start(1);
    let address = server.address();
    let mut environment = environment();
    environment.write(
        "chart/Chart.yaml",
        "{apiVersion: v2, name: web, version: 1.0.0}\n",
    );
    environment.write(
        "chart/templates/a.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Chart.Version }}'}}\n",
    );
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        environment.write(
            "chart/Chart.yaml",
            &format!("{{apiVersion: v2, name: web, version: {version}}}\n"),
        );
        let archive = kluctl_testkit::pack_chart(&environment.work().join("chart"), "web");
        push_chart(server.open(), "charts/web", version, &archive);
    }
    let chart = format!("oci://{address}/charts/web");
    let template = ["helm", "template", "r", &chart, "--plain-http"];
    let refused = environment.run(template).expect(1);
    assert!(refused.stderr.contains("401 Unauthorized"), "{}", refused.stderr);
    let with_password = template
        .iter()
        .copied()
        .chain(["--username", "user", "--password", "secret"]);
    let output = environment.run(with_password).expect(0);
    assert!(output.stdout.contains("name: '1.2.0'"), "{}", output.stdout);
    // What `helm registry login` writes.
    environment.write(
        "registry.json",
        &format!("{{\"auths\": {{\"{address}\": {{\"identitytoken\": \"{IDENTITY_TOKEN}\"}}}}}}"),
    );
    environment.set("HELM_REGISTRY_CONFIG", "registry.json");
    let output = environment.run(template).expect(0);
    assert!(output.stdout.contains("name: '1.2.0'"), "{}", output.stdout);
    // A helper that the file of Helm or that of Docker names.
    for config in [
        "{\"credHelpers\": {\"ADDRESS\": \"test\"}}",
        "{\"credsStore\": \"test\"}",
    ] {
        let config = config.replace("ADDRESS", &address);
        environment.write("registry.json", &config);
        helper(&mut environment, "another.example", "user", "secret");
        let refused = environment.run(template).expect(1);
        assert!(refused.stderr.contains("401 Unauthorized"), "{}", refused.stderr);
        helper(&mut environment, &address, "user", "secret");
        let output = environment.run(template).expect(0);
        assert!(output.stdout.contains("name: '1.2.0'"), "{}", output.stdout);
        environment.write("registry.json", "{}");
        environment.write("docker/config.json", &config);
        environment.set(
            "DOCKER_CONFIG",
            environment.work().join("docker").display().to_string(),
        );
        let output = environment.run(template).expect(0);
        assert!(output.stdout.contains("name: '1.2.0'"), "{}", output.stdout);
    }
    // In a project.
    environment.write("deployment.yaml", "deployments:\n- path: app\n");
    environment.write(
        "app/helm-chart.yaml",
        &format!("helmChart: {{repo: '{chart}', chartVersion: 1.0.0, releaseName: r, namespace: default, output: out.yaml, skipPrePull: true}}\n"),
    );
    environment.write("app/kustomization.yaml", "resources: [out.yaml]\n");
    let render = ["render", "--offline-kubernetes", "--print-all"];
    let flags = [
        format!("--registry-plain-http={address}/charts/web"),
        format!("--registry-identity-token={address}/charts/web={IDENTITY_TOKEN}"),
    ];
    let flags = flags.iter().map(String::as_str);
    let output = environment.run(render.into_iter().chain(flags)).expect(0);
    assert!(output.stdout.contains("name: 1.0.0"), "{}", output.stdout);
    // Without the flag, what the helper says is asked for.
    let flag = format!("--registry-plain-http={address}/charts/web");
    std::fs::remove_dir_all(environment.home().join(".cache")).ok();
    let output = environment
        .run(render.into_iter().chain([flag.as_str()]))
        .expect(0);
    assert!(output.stdout.contains("name: 1.0.0"), "{}", output.stdout);
}

#[test]
fn registries_through_a_proxy() {
    let registry = OciRegistry::start();
    let inside = registry.address();
    let environment = projects(&inside);
    check(&environment, &inside, &[]);
    let proxy = Server::start(
        move |request| match request.target.strip_prefix("http://registry.example") {
            Some(rest) => {
                let mut inner = request.clone();
                rest.clone_into(&mut inner.target);
                registry.answer(&inner)
            }
            None => kluctl_testkit::Reply::new(502, "not for this proxy"),
        },
    );
    let mut outside = projects("registry.example");
    outside.set("HTTP_PROXY", proxy.url());
    let plain = ["--registry-plain-http=registry.example/team/project"];
    check(&outside, "registry.example", &plain);
}
