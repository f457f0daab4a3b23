//! AWS, played by moto.

use kluctl_cloud::{Aws, AwsProfile, Irsa, KeyService as _, SecretStore as _};
use kluctl_testkit::MotoServer;
use serde_json::json;

use crate::{block, environment, error, text, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const REGION: &str = "us-east-1";

fn client(server: &MotoServer, profile: &AwsProfile, variables: &[(&str, &str)]) -> Aws {
    let url = server.url();
    let mut all = vec![("AWS_ENDPOINT_URL", url.as_str())];
    all.extend_from_slice(variables);
    Aws::new(REGION, profile, &environment(&all), &web())
}

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

fn create(server: &MotoServer, name: &str, value: &str) -> String {
    let body = json!({"Name": name, "SecretString": value, "ClientRequestToken": "0123456789abcdef0123456789abcdef"});
    let answer = server.json("secretsmanager", "secretsmanager.CreateSecret", &body);
    answer["ARN"].as_str().unwrap().to_owned()
}

/// The text between a pair of tags.
fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

#[test]
fn secrets_by_name_and_arn() {
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    let arn = create(&server, "app/config", "a: 1");
    let binary = json!({"Name": "binary", "SecretBinary": STANDARD.encode("b: 2"),
        "ClientRequestToken": "0123456789abcdef0123456789abcdee"});
    server.json("secretsmanager", "secretsmanager.CreateSecret", &binary);
    let aws = client(&server, &AwsProfile::default(), &KEYS);
    assert_eq!(text(block(aws.secret("app/config"))), "a: 1");
    assert_eq!(text(block(aws.secret(&arn))), "a: 1");
    assert_eq!(text(block(aws.secret("binary"))), "b: 2");
    assert_eq!(Aws::region_of(&arn), Some(REGION));
    let missing = error(block(aws.secret("other")));
    assert!(
        missing.is_missing() && missing.to_string().contains("ResourceNotFoundException"),
        "{missing}"
    );
}

#[test]
fn keys_of_kms_unwrap_in_their_context() {
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    let key = server.json("kms", "TrentService.CreateKey", &json!({}));
    let arn = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let encrypt =
        json!({"KeyId": arn, "Plaintext": STANDARD.encode("data key"), "EncryptionContext": {"app": "x"}});
    let wrapped = server.json("kms", "TrentService.Encrypt", &encrypt);
    let wrapped = STANDARD
        .decode(wrapped["CiphertextBlob"].as_str().unwrap())
        .unwrap();
    let aws = client(&server, &AwsProfile::default(), &KEYS);
    let context = |value: &str| vec![("app".to_owned(), value.to_owned())];
    assert_eq!(
        text(block(aws.clone().with_key(&arn, context("x")).unwrap(&wrapped))),
        "data key"
    );
    let wrong = error(block(aws.clone().with_key(&arn, context("y")).unwrap(&wrapped))).to_string();
    assert!(wrong.contains("InvalidCiphertextException"), "{wrong}");
    let as_role = aws
        .with_role("arn:aws:iam::123456789012:role/deployer")
        .with_key(&arn, context("x"));
    assert_eq!(text(block(as_role.unwrap(&wrapped))), "data key");
}

#[test]
fn signatures_are_checked() {
    // Making a user, its key, its rights and a secret go unchecked; all that follows is checked.
    let Some(server) = MotoServer::start(Some(4)) else {
        return;
    };
    server.form("iam", "Action=CreateUser&Version=2010-05-08&UserName=deployer");
    let key = server.form(
        "iam",
        "Action=CreateAccessKey&Version=2010-05-08&UserName=deployer",
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
    server.form(
        "iam",
        &format!(
            "Action=PutUserPolicy&Version=2010-05-08&UserName=deployer&PolicyName=all&PolicyDocument={policy}"
        ),
    );
    create(&server, "app", "a: 1");
    let (id, secret) = (element(&key, "AccessKeyId"), element(&key, "SecretAccessKey"));
    let with = |secret: &str| {
        let variables = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        client(&server, &AwsProfile::default(), &variables)
    };
    assert_eq!(text(block(with(&secret).secret("app"))), "a: 1");
    let wrong = error(block(with("wrong-secret").secret("app"))).to_string();
    assert!(
        wrong.contains("signature") || wrong.contains("Signature"),
        "{wrong}"
    );
    assert!(!wrong.contains("wrong-secret"), "{wrong}");
}

#[test]
fn profiles_lead_to_roles() {
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    create(&server, "app", "a: 1");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("token"), "a.b.c").unwrap();
    std::fs::write(
        path("config"),
        format!(
            "[profile keys]\nregion = eu-west-1\n\
             [profile role]\nrole_arn = arn:aws:iam::123456789012:role/deployer\nsource_profile = keys\n\
             [profile chain]\nrole_arn = arn:aws:iam::123456789012:role/second\nsource_profile = role\n\
             [profile token]\nrole_arn = arn:aws:iam::123456789012:role/web\nweb_identity_token_file = {}\n\
             [profile process]\ncredential_process = echo '{{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"S\"}}'\n\
             [profile broken]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nobody\n\
             [profile sso]\nsso_session = my\n",
            path("token")
        ),
    )
    .unwrap();
    std::fs::write(
        path("credentials"),
        "[keys]\naws_access_key_id = A\naws_secret_access_key = S\n",
    )
    .unwrap();
    let (config, credentials) = (path("config"), path("credentials"));
    let files = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()),
    ];
    let named = |name: &str| AwsProfile {
        name: Some(name.to_owned()),
        irsa: None,
    };
    for name in ["keys", "role", "chain", "token", "process"] {
        let aws = client(&server, &named(name), &files);
        assert_eq!(text(block(aws.secret("app"))), "a: 1", "{name}");
        let by_variable = [&files[..], &[("AWS_PROFILE", name)]].concat();
        let aws = client(&server, &AwsProfile::default(), &by_variable);
        assert_eq!(text(block(aws.secret("app"))), "a: 1", "{name} by AWS_PROFILE");
    }
    for (name, expected) in [
        ("broken", "nobody"),
        ("sso", "SSO"),
        ("none", "no AWS credentials were found"),
    ] {
        let failed = error(block(client(&server, &named(name), &files).secret("app"))).to_string();
        assert!(failed.contains(expected), "{name}: {failed}");
    }
    assert!(AwsProfile::unusable("none", &environment(&files)).is_some());
    assert!(AwsProfile::unusable("keys", &environment(&files)).is_none());
}

#[test]
fn tokens_of_service_accounts_become_roles() {
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    create(&server, "app", "a: 1");
    let irsa = AwsProfile {
        name: Some("missing".to_owned()),
        irsa: Some(Irsa {
            role: "arn:aws:iam::123456789012:role/irsa".to_owned(),
            token: "a.b.c".to_owned(),
        }),
    };
    assert_eq!(text(block(client(&server, &irsa, &[]).secret("app"))), "a: 1");
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token").display().to_string();
    std::fs::write(&token, "a.b.c").unwrap();
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web"),
    ];
    let aws = client(&server, &AwsProfile::default(), &variables);
    assert_eq!(text(block(aws.secret("app"))), "a: 1");
    assert!(!format!("{irsa:?}").contains("a.b.c"));
}

#[test]
fn containers_and_machines_have_credentials() {
    use kluctl_testkit::{Reply, Server};
    let Some(server) = MotoServer::start(None) else {
        return;
    };
    create(&server, "app", "a: 1");
    let metadata = Server::start(|request| {
        let credentials = json!({"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"}).to_string();
        let has = |name: &str, value: &str| request.header(name) == Some(value);
        match (request.method.as_str(), request.path()) {
            ("GET", "/container") if has("authorization", "container-token") => Reply::new(200, credentials),
            ("PUT", "/latest/api/token") => Reply::new(200, "session"),
            ("GET", path) if path.starts_with("/latest") && !has("x-aws-ec2-metadata-token", "session") => {
                Reply::new(401, "")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/") => Reply::new(200, "role-of-machine"),
            ("GET", "/latest/meta-data/iam/security-credentials/role-of-machine") => {
                Reply::new(200, credentials)
            }
            _ => Reply::new(403, ""),
        }
    });
    let container = format!("{}/container", metadata.url());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"),
    ];
    let aws = client(&server, &AwsProfile::default(), &variables);
    assert_eq!(text(block(aws.secret("app"))), "a: 1");
    let url = metadata.url();
    let variables = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str()),
    ];
    let aws = client(&server, &AwsProfile::default(), &variables);
    assert_eq!(text(block(aws.secret("app"))), "a: 1");
}

#[test]
fn a_busy_service_is_asked_again() {
    use kluctl_testkit::{Reply, Server};
    use std::sync::atomic::{AtomicU32, Ordering};
    let asked = AtomicU32::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(
            400,
            json!({"__type": "ThrottlingException", "message": "Rate exceeded"}).to_string(),
        ),
        1 => Reply::new(503, ""),
        _ => Reply::new(200, json!({"SecretString": "a: 1"}).to_string()),
    });
    let url = server.url();
    let variables = [
        KEYS[0],
        KEYS[1],
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str()),
    ];
    let aws = Aws::new(REGION, &AwsProfile::default(), &environment(&variables), &web());
    assert_eq!(text(block(aws.secret("app"))), "a: 1");
}
