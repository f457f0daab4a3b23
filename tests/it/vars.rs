//! Variables from the world outside, through the binary: web servers over TLS, the vendors' secrets, service accounts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use expectrl::{Eof, Expect as _, Session};
use kluctl_testkit::{
    AzureServer, Environment, GcpServer, MotoServer, NtlmServer, Reply, Server as Web, TestAuthority,
    VaultServer,
};
use serde_json::json;

use crate::servers::Server;
use crate::start::environment;

/// A project whose only object shows what `text`, `more` and `list` became.
fn project(vars: &str) -> Environment {
    let environment = environment();
    environment.write(
        "deployment.yaml",
        &format!("vars:\n{vars}\ndeployments:\n- path: app\n"),
    );
    environment.write(
        "app/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: default}\ndata:\n  \
         all: |\n    {{ {'text': text|default('-'), 'more': more|default('-'), 'list': list|default([])} | to_json }}\n",
    );
    environment
}

const RENDER: [&str; 3] = ["render", "--offline-kubernetes", "--print-all"];

#[track_caller]
fn renders(environment: &Environment, expected: &str) {
    let output = environment.run(RENDER).expect(0);
    assert!(
        output.stdout.contains(expected),
        "`{expected}` is not in\n{}",
        output.stdout
    );
}

#[track_caller]
fn fails(environment: &Environment, expected: &[&str]) {
    let output = environment.run(RENDER).expect(1);
    for text in expected {
        assert!(
            output.stderr.contains(text),
            "`{text}` is not in\n{}",
            output.stderr
        );
    }
}

/// A web server over TLS, and an environment that trusts it.
fn web(handler: impl Fn(&kluctl_testkit::Request) -> Reply + Send + Sync + 'static) -> (Web, TestAuthority) {
    let authority = TestAuthority::new();
    (Web::start_tls(&authority, handler), authority)
}

fn trust(environment: &mut Environment, authority: &TestAuthority) {
    let file = environment.home().join("ca.pem");
    std::fs::write(&file, &authority.ca).unwrap();
    environment.set("SSL_CERT_FILE", file.display().to_string());
}

#[test]
fn http_with_method_body_headers_and_json_path() {
    let (server, authority) = web(|request| {
        let fits = request.method == "POST"
            && request.header("x-key") == Some("v")
            && request.body == br#"{"wanted": "rendered"}"#;
        match request.path() {
            "/vars" if fits => Reply::new(
                200,
                r#"{"inner": {"yaml": "text: from http\nmore: '{{ not }}'"}}"#,
            ),
            "/plain" => Reply::new(200, "text: plain\nmore: [1, 2]\n"),
            "/several" => Reply::new(200, "a: 1\n---\nb: 2\n"),
            "/number" => Reply::new(200, "inner: 1\n"),
            _ => Reply::new(404, ""),
        }
    });
    let url = server.url();
    let cases = [
        (
            format!("- http: {{url: '{url}/plain'}}"),
            r#"{"text": "plain", "more": [1, 2], "list": []}"#,
        ),
        (
            format!("- http: {{url: '{url}/several'}}\n  multidoc: true\n  targetPath: list"),
            r#""list": [{"a": 1}, {"b": 2}]"#,
        ),
        (
            format!(
                "- values: {{word: rendered}}\n- http:\n    url: '{url}/vars'\n    method: POST\n    \
                 headers: {{X-Key: v}}\n    body: '{{\"wanted\": \"{{% raw %}}{{{{ word }}}}{{% endraw %}}\"}}'\n    jsonPath: inner.yaml"
            ),
            // What a server answers is not rendered.
            r#""text": "from http""#,
        ),
        (
            format!("- http: {{url: '{url}/missing'}}\n  ignoreMissing: true\n- values: {{text: t}}"),
            r#""text": "t""#,
        ),
    ];
    for (vars, expected) in cases {
        let mut environment = project(&vars);
        trust(&mut environment, &authority);
        if vars.contains("jsonPath") {
            environment.replace("app/config.yaml", "more|default('-')", "'-'");
        }
        renders(&environment, expected);
    }
    let mut environment = project(&format!("- http: {{url: '{url}/missing'}}"));
    trust(&mut environment, &authority);
    fails(&environment, &["/missing", "404"]);
    let mut environment = project(&format!("- http: {{url: '{url}/number', jsonPath: inner}}"));
    trust(&mut environment, &authority);
    fails(
        &environment,
        &["inner in result of http request", "is not a string"],
    );
    let distrusting = project(&format!("- http: {{url: '{url}/plain'}}"));
    fails(&distrusting, &["failed to reach", "certificate"]);
}

#[test]
fn http_asks_once_for_credentials() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let server = Web::start(move |request| {
        // user:canary-password
        if request.header("authorization") == Some("Basic dXNlcjpjYW5hcnktcGFzc3dvcmQ=") {
            return Reply::new(200, format!("{}: got it\n", request.path().trim_matches('/')));
        }
        count.fetch_add(1, Ordering::SeqCst);
        Reply::new(401, "").with("WWW-Authenticate", "Basic realm=\"test\"")
    });
    let url = server.url();
    let environment = project(&format!(
        "- http: {{url: '{url}/text'}}\n- http: {{url: '{url}/more'}}"
    ));
    let mut session = Session::spawn(environment.command(RENDER)).expect("a terminal");
    session.set_expect_timeout(Some(std::time::Duration::from_mins(2)));
    let host = server.address();
    session
        .expect(format!("Please enter credentials for host '{host}', username: "))
        .expect("the first question");
    session.send_line("user").expect("typing");
    session
        .expect(format!("Please enter credentials for host '{host}', password: "))
        .expect("the second question");
    session.send_line("canary-password").expect("typing");
    let shown = session.expect(Eof).expect("the end");
    let shown = String::from_utf8_lossy(shown.as_bytes()).into_owned();
    assert!(
        shown.contains(r#"{"text": "got it", "more": "got it", "list": []}"#),
        "{shown}"
    );
    assert!(!shown.contains("canary-password"), "{shown}");
    // Each address is asked without a name first, and once more to learn how to tell it.
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // Nobody is there to answer.
    fails(&environment, &["401 Unauthorized"]);
}

#[test]
fn ntlm_logs_a_connection_in() {
    for (scheme, tells_time) in [("NTLM", true), ("NTLM", false), ("Negotiate", true)] {
        let server = NtlmServer::start(scheme, tells_time, "{text: behind the door}");
        let url = server.url();
        let with_user = url.replace("http://", "http://COMPANY%5Cuser:secret@");
        // COMPANY\user:secret
        let header = "headers: {Authorization: 'Basic Q09NUEFOWVx1c2VyOnNlY3JldA=='}";
        for source in [
            format!("- http: {{url: '{with_user}/a'}}"),
            format!("- http: {{url: '{url}/a', method: POST, body: x, {header}}}"),
        ] {
            renders(
                &project(&source),
                r#"{"text": "behind the door", "more": "-", "list": []}"#,
            );
        }
        let stranger = url.replace("http://", "http://COMPANY%5Cuser:canary@");
        let output = project(&format!("- http: {{url: '{stranger}/a'}}"))
            .run(RENDER)
            .expect(1);
        assert!(output.stderr.contains("401 Unauthorized"), "{}", output.stderr);
        assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    }
}

#[test]
fn vault_secrets() {
    let server = VaultServer::start(&[
        (
            "secret/data/app",
            json!({"text": "from {{ 1 + 1 }}", "more": "m"}),
        ),
        ("kv/app", json!({"text": "old"})),
    ]);
    let url = server.url();
    let mut environment = project(&format!("- vault: {{address: '{url}', path: secret/data/app}}"));
    environment.set("VAULT_TOKEN", VaultServer::TOKEN);
    renders(&environment, r#"{"text": "from 2", "more": "m", "list": []}"#);
    for (path, more, expected) in [
        ("kv/app", "", r#""text": "old""#),
        ("kv/none", "\n  ignoreMissing: true", r#""text": "-""#),
    ] {
        environment.write(
            "deployment.yaml",
            &format!("vars:\n- vault: {{address: '{url}', path: {path}}}{more}\ndeployments:\n- path: app\n"),
        );
        renders(&environment, expected);
    }
    environment.replace("deployment.yaml", "\n  ignoreMissing: true", "");
    fails(
        &environment,
        &["the specified vault secret was not found", "deployment.yaml"],
    );
    environment.replace("deployment.yaml", "kv/none", "kv/app");
    environment.set("VAULT_TOKEN", "hvs.wrong-canary");
    let output = environment.run(RENDER).expect(1);
    assert!(output.stderr.contains("permission denied") && !output.stderr.contains("wrong-canary"));
}

#[test]
fn azure_and_google_secrets() {
    let azure = AzureServer::start(&[("app", "text: from azure")]);
    let mut environment = project(&format!(
        "- azureKeyVault: {{vaultUri: '{}', secretName: app}}",
        azure.url()
    ));
    environment.set("AZURE_TENANT_ID", AzureServer::TENANT);
    environment.set("AZURE_CLIENT_ID", AzureServer::CLIENT);
    environment.set("AZURE_CLIENT_SECRET", AzureServer::CLIENT_SECRET);
    renders(&environment, r#""text": "from azure""#);

    let name = "projects/p/secrets/app/versions/latest";
    let google = GcpServer::start(&[(name, "text: from google\n---\nmore: second\n")]);
    let mut environment = project(&format!(
        "- gcpSecretManager: {{secretName: '{name}'}}\n  multidoc: true\n  targetPath: list"
    ));
    let file = environment.home().join("account.json");
    std::fs::write(&file, google.service_account()).unwrap();
    environment.set("GOOGLE_APPLICATION_CREDENTIALS", file.display().to_string());
    environment.set("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", google.url());
    renders(
        &environment,
        r#""list": [{"text": "from google"}, {"more": "second"}]"#,
    );
}

fn aws(server: &MotoServer, environment: &mut Environment) {
    let body = json!({"Name": "app", "SecretString": "text: from aws",
        "ClientRequestToken": "0123456789abcdef0123456789abcdef"});
    server.json("secretsmanager", "secretsmanager.CreateSecret", &body);
    environment.set("AWS_ENDPOINT_URL", server.url());
    environment.set("AWS_EC2_METADATA_DISABLED", "true");
}

#[test]
fn aws_secrets_by_environment_and_profile() {
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    let mut environment = project("- awsSecretsManager: {secretName: app, region: us-east-1}");
    aws(&server, &mut environment);
    fails(
        &environment,
        &["no AWS credentials were found", "AWS_ACCESS_KEY_ID"],
    );
    std::fs::create_dir(environment.home().join(".aws")).unwrap();
    let file = environment.home().join(".aws/credentials");
    std::fs::write(
        file,
        "[deployer]\naws_access_key_id = A\naws_secret_access_key = S\n",
    )
    .unwrap();
    environment.write(".kluctl.yaml", "aws: {profile: deployer}\n");
    renders(&environment, r#""text": "from aws""#);
    environment.replace(".kluctl.yaml", "deployer", "nobody");
    let output = environment.run(RENDER).expect(1);
    assert!(
        output.stderr.contains("no AWS credentials were found"),
        "{}",
        output.stderr
    );
    environment.replace("deployment.yaml", "us-east-1}", "us-east-1, profile: deployer}");
    renders(&environment, r#""text": "from aws""#);
    environment.replace("deployment.yaml", ", profile: deployer", "");
    environment.set("AWS_ACCESS_KEY_ID", "A");
    environment.set("AWS_SECRET_ACCESS_KEY", "S");
    let output = environment.run(RENDER).expect(0);
    assert!(
        output
            .stderr
            .contains("The AWS profile nobody could not be loaded, reverting to default handling"),
        "{}",
        output.stderr
    );
    environment.replace("deployment.yaml", ", region: us-east-1", "");
    fails(
        &environment,
        &["when omitting the AWS region, the secret name must be a valid ARN"],
    );
}

/// A key of KMS in an encrypted file: the file of the goldens, its key wrapped anew.
#[test]
fn aws_keys_of_encrypted_files() {
    use crate::secrets::rewrapped;
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    let mut environment = project("- file: vars.yaml");
    aws(&server, &mut environment);
    environment.set("AWS_ACCESS_KEY_ID", "A");
    environment.set("AWS_SECRET_ACCESS_KEY", "S");
    let key = server.json("kms", "TrentService.CreateKey", &json!({}));
    let arn = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    rewrapped(&environment, "vars.yaml", |data_key| {
        let encrypt = json!({"KeyId": arn, "Plaintext": data_key, "EncryptionContext": {"app": "x"}});
        let wrapped = server.json("kms", "TrentService.Encrypt", &encrypt);
        let wrapped = wrapped["CiphertextBlob"].as_str().unwrap();
        format!(
            "    kms:\n        - arn: {arn}\n          context:\n            app: x\n          \
             created_at: \"2026-01-01T00:00:00Z\"\n          enc: {wrapped}\n          aws_profile: \"\"\n"
        )
    });
    environment.replace("app/config.yaml", "'text': text", "'text': token");
    renders(&environment, r#""text": "canary-token-0123456789""#);
}

#[test]
fn keys_of_vault_azure_and_google_in_encrypted_files() {
    use crate::secrets::{from_base64, rewrapped};
    let (vault, azure, google) = (
        VaultServer::start(&[]),
        AzureServer::start(&[]),
        GcpServer::start(&[]),
    );
    let created = "created_at: \"2026-01-01T00:00:00Z\"";
    type Entry<'s> = Box<dyn Fn(&str) -> String + 's>;
    let entries: [Entry<'_>; 3] = [
        Box::new(|key| {
            let enc = VaultServer::wrap(&from_base64(key));
            format!(
                "    hc_vault:\n        - vault_address: {}\n          engine_path: transit\n          \
                 key_name: sops\n          {created}\n          enc: {enc}\n",
                vault.url()
            )
        }),
        Box::new(|key| {
            let enc = AzureServer::wrap(&from_base64(key));
            format!(
                "    azure_kv:\n        - vault_url: {}\n          name: sops\n          version: v1\n          \
                 {created}\n          enc: {enc}\n",
                azure.url()
            )
        }),
        Box::new(|key| {
            let enc = GcpServer::wrap(&from_base64(key));
            format!(
                "    gcp_kms:\n        - resource_id: {}\n          {created}\n          enc: {enc}\n",
                GcpServer::KEY_NAME
            )
        }),
    ];
    for entry in entries {
        let mut environment = project("- file: vars.yaml");
        environment.replace("app/config.yaml", "'text': text", "'text': token");
        let file = environment.home().join("account.json");
        std::fs::write(&file, google.service_account()).unwrap();
        for (name, value) in [
            ("VAULT_TOKEN", VaultServer::TOKEN.to_owned()),
            ("AZURE_TENANT_ID", AzureServer::TENANT.to_owned()),
            ("AZURE_CLIENT_ID", AzureServer::CLIENT.to_owned()),
            ("AZURE_CLIENT_SECRET", AzureServer::CLIENT_SECRET.to_owned()),
            ("GOOGLE_APPLICATION_CREDENTIALS", file.display().to_string()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", google.url()),
        ] {
            environment.set(name, value);
        }
        rewrapped(&environment, "vars.yaml", &*entry);
        renders(&environment, r#""text": "canary-token-0123456789""#);
    }
}

#[test]
fn aws_by_a_service_account_of_the_cluster() {
    let Some(moto) = MotoServer::start(None) else {
        return;
    };
    let Some(server) = Server::real() else { return };
    // STS is played apart, to see the token; all else goes to moto.
    let seen = Arc::new(Mutex::new(String::new()));
    let token = seen.clone();
    let sts = Web::start(move |request| {
        *token.lock().unwrap() = String::from_utf8_lossy(&request.body).into_owned();
        Reply::new(
            200,
            "<R><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken></R>",
        )
    });
    let mut environment = project("- awsSecretsManager: {secretName: app, region: us-east-1}");
    aws(&moto, &mut environment);
    environment.set("AWS_ENDPOINT_URL_STS", sts.url());
    server.connect(&mut environment);
    environment.write(
        "account/app/account.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: deployer\n  namespace: default\n  annotations: \
         {eks.amazonaws.com/role-arn: 'arn:aws:iam::123456789012:role/irsa'}\n",
    );
    environment.write("account/deployment.yaml", "deployments: [{path: app}]\n");
    environment
        .run(["deploy", "--project-dir", "account", "--yes"])
        .expect(0)
        .stdout
        .clear();
    environment.write(
        ".kluctl.yaml",
        "aws: {serviceAccount: {name: deployer, namespace: default}}\n",
    );
    let output = environment.run(["render", "--print-all"]).expect(0);
    assert!(
        output.stdout.contains(r#""text": "from aws""#),
        "{}",
        output.stdout
    );
    let seen = seen.lock().unwrap().clone();
    for part in [
        "Action=AssumeRoleWithWebIdentity",
        "role%2Firsa",
        "WebIdentityToken=ey",
    ] {
        assert!(seen.contains(part), "`{part}` is not in {seen}");
    }
}
