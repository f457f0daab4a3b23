//! Certificates of every kind of key, signed by each other.

use std::process::{Command, Stdio};
use std::sync::Arc;

use kluctl_gotemplate::{Functions, MissingKey, Templates, Value};

fn render(text: &str) -> String {
    let mut templates = Templates::new(Arc::new(Functions::with_sprig()), MissingKey::Zero);
    templates.parse("t", text).unwrap();
    templates.execute(b"t", Value::Nil, &()).unwrap().to_string()
}

/// Hands text to openssl, where there is one.
fn openssl(arguments: &[&str], input: &str) -> Option<String> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn openssl_reads_what_is_generated() {
    let certificate = render(
        r#"{{ $ca := genCA "my ca" 365 }}
{{- $c := genSignedCertWithKey "app" (list "10.0.0.1" "::1") (list "app.example.com") 30 $ca (genPrivateKey "ecdsa") }}
{{- $c.Cert }}"#,
    );
    let Some(text) = openssl(&["x509", "-noout", "-text"], &certificate) else {
        println!("no openssl here: the certificate was not looked at");
        return;
    };
    for part in [
        "Issuer: CN = my ca",
        "Subject: CN = app",
        "sha256WithRSAEncryption",
        "id-ecPublicKey",
        "DNS:app.example.com, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "CA:FALSE",
    ] {
        assert!(
            text.replace("CN=", "CN = ").contains(part),
            "{part} is not in {text}"
        );
    }
    let key = render(r#"{{ genPrivateKey "ed25519" }}"#);
    assert!(
        openssl(&["pkey", "-noout", "-text"], &key)
            .unwrap()
            .contains("ED25519 Private-Key")
    );
}
