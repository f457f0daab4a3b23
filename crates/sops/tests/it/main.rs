//! Files that the real `sops` encrypted (see `goldens/make.sh`), decrypted to what it decrypts them to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kluctl_sops::{Decrypted, Encrypted, Format, Integrity, LocalKeys};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/goldens")
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(goldens().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap()
}

/// Keys as an environment names them, in an empty home.
fn keys(variables: &[(&str, String)]) -> LocalKeys {
    let mut environment: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("GNUPGHOME", "/nonexistent"),
        ("SOPS_GPG_EXEC", "/nonexistent/gpg"),
    ] {
        environment
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    LocalKeys::new(environment)
}

fn age_keys(numbers: &[u32]) -> LocalKeys {
    let all: Vec<String> = numbers
        .iter()
        .map(|number| text(&format!("keys/age-{number}.txt")))
        .collect();
    let secret = |line: &&str| line.starts_with("AGE-SECRET-KEY");
    let lines: Vec<&str> = all.iter().flat_map(|file| file.lines().filter(secret)).collect();
    keys(&[("SOPS_AGE_KEY", lines.join(" "))])
}

fn decrypt(name: &str, content: &[u8], keys: &LocalKeys) -> Result<Decrypted, kluctl_sops::Error> {
    let encrypted = Encrypted::read(content, Format::of_path(name))?;
    encrypted
        .unwrap_or_else(|| panic!("{name} is not encrypted"))
        .decrypt(keys)
}

/// The file comes to what sops decrypts it to, and its checksum fits.
fn check(name: &str, keys: &LocalKeys) {
    let decrypted = decrypt(name, &read(&format!("encrypted/{name}")), keys)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = read(&format!("decrypted/{name}"));
    assert_eq!(
        String::from_utf8_lossy(&decrypted.content),
        String::from_utf8_lossy(&expected),
        "{name}"
    );
    assert_eq!(decrypted.content, expected, "{name}");
    assert_eq!(decrypted.integrity, Integrity::Intact, "{name}");
}

#[test]
fn every_store_and_rule_with_an_age_key() {
    let keys = age_keys(&[1]);
    let mut checked = 0;
    for entry in std::fs::read_dir(goldens().join("encrypted")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let other_keys = ["groups-", "ssh-", "pgp-"];
        if !other_keys.iter().any(|prefix| name.starts_with(prefix)) {
            check(&name, &keys);
            checked += 1;
        }
    }
    assert!(checked >= 18, "{checked}");
}

#[test]
fn keys_from_files_commands_and_the_default_place() {
    let file = goldens().join("keys/age-1.txt").display().to_string();
    check("types.yaml", &keys(&[("SOPS_AGE_KEY_FILE", file.clone())]));
    check(
        "types.yaml",
        &keys(&[("SOPS_AGE_KEY_CMD", format!("cat '{file}'"))]),
    );
    let config = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(config.path().join("sops/age")).unwrap();
    std::fs::copy(file, config.path().join("sops/age/keys.txt")).unwrap();
    if cfg!(unix) {
        let folder = config.path().display().to_string();
        check("types.yaml", &keys(&[("XDG_CONFIG_HOME", folder)]));
    }
}

#[test]
fn ssh_keys() {
    let key = |name: &str| goldens().join("keys").join(name).display().to_string();
    check(
        "ssh-ed25519.yaml",
        &keys(&[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", key("id_ed25519"))]),
    );
    check(
        "ssh-ed25519.yaml",
        &keys(&[(
            "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
            format!("cat '{}'", key("id_ed25519")),
        )]),
    );
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".ssh")).unwrap();
    std::fs::copy(key("id_rsa"), home.path().join(".ssh/id_rsa")).unwrap();
    check(
        "ssh-rsa.yaml",
        &keys(&[("HOME", home.path().display().to_string())]),
    );
}

/// Ends the agent of a GnuPG folder with the test.
struct Agent(tempfile::TempDir);

impl Drop for Agent {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("gpgconf");
        let _ = command
            .args(["--kill", "all"])
            .env("GNUPGHOME", self.0.path())
            .status();
    }
}

#[test]
fn pgp_keys_of_gpg() {
    use std::process::Command;
    if Command::new("gpg").arg("--version").output().is_err() {
        eprintln!("gpg is not installed here: its keyring is not tested");
        return;
    }
    let home = Agent(tempfile::Builder::new().prefix("g").tempdir().unwrap());
    let imported = Command::new("gpg")
        .args(["--batch", "--quiet", "--import"])
        .args(["pgp-rsa2048.asc", "pgp-future-default.asc"].map(|key| goldens().join("keys").join(key)))
        .env("GNUPGHOME", home.0.path())
        .output()
        .unwrap();
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let folder = home.0.path().display().to_string();
    let keys = keys(&[("GNUPGHOME", folder), ("SOPS_GPG_EXEC", "gpg".to_owned())]);
    for name in ["pgp-rsa.yaml", "pgp-ecc.yaml", "pgp.env", "pgp.ini"] {
        check(name, &keys);
    }
}

#[test]
fn two_of_three_key_groups_are_enough() {
    for name in [
        "groups-secret.yaml",
        "groups-values.json",
        "groups-app.env",
        "groups-app.ini",
    ] {
        for pair in [[1, 2], [2, 3], [1, 3]] {
            check(name, &age_keys(&pair));
        }
        check(name, &age_keys(&[1, 2, 3]));
        let one = decrypt(name, &read(&format!("encrypted/{name}")), &age_keys(&[2]));
        let error = one.unwrap_err().to_string();
        assert!(
            error.contains("2 key groups are needed, 1 could be had"),
            "{error}"
        );
    }
}

#[test]
fn hand_edited_files_are_told_by_their_checksum() {
    let keys = age_keys(&[1]);
    let file = text("encrypted/encrypted-regex.yaml");
    let edited = file.replace("namespace: demo", "namespace: other");
    assert_ne!(file, edited);
    let decrypted = decrypt("secret.yaml", edited.as_bytes(), &keys).unwrap();
    assert_eq!(decrypted.integrity, Integrity::Changed);
    let plain = String::from_utf8(decrypted.content).unwrap();
    assert!(
        plain.contains("namespace: other") && plain.contains("correct horse"),
        "{plain}"
    );
    // Not covered by a checksum over encrypted values only.
    let edited = text("encrypted/mac-only-encrypted.yaml").replace("namespace: demo", "namespace: other");
    let decrypted = decrypt("secret.yaml", edited.as_bytes(), &keys).unwrap();
    assert_eq!(decrypted.integrity, Integrity::Intact);
    let without: Vec<&str> = file.lines().filter(|line| !line.contains("mac: ENC")).collect();
    let decrypted = decrypt("secret.yaml", without.join("\n").as_bytes(), &keys).unwrap();
    assert_eq!(decrypted.integrity, Integrity::Unknown);
}

#[test]
fn values_are_bound_to_their_place() {
    let file = text("encrypted/encrypted-regex.yaml").replace("password:", "pass:");
    let error = decrypt("secret.yaml", file.as_bytes(), &age_keys(&[1]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("stringData.pass") && error.contains("authentication failed"),
        "{error}"
    );
    assert!(!error.contains("correct horse"), "{error}");
}

#[test]
fn secrets_are_the_texts_that_were_encrypted() {
    let file = read("encrypted/encrypted-regex.yaml");
    let decrypted = decrypt("secret.yaml", &file, &age_keys(&[1])).unwrap();
    assert_eq!(
        decrypted.secrets,
        [
            "correct horse battery staple",
            "postgres://app@db:5432/app?sslmode=require",
            "c2VjcmV0LXRva2VuLXZhbHVl"
        ]
    );
    assert!(!format!("{decrypted:?}").contains("horse"));
}

#[test]
fn missing_and_wrong_keys_are_named() {
    let file = read("encrypted/types.yaml");
    let none = decrypt("types.yaml", &file, &keys(&[])).unwrap_err();
    assert!(none.to_string().contains("no age identity was found"), "{none}");
    assert!(
        none.advice()
            .is_some_and(|hint| hint.contains("SOPS_AGE_KEY_FILE"))
    );
    let wrong = decrypt("types.yaml", &file, &age_keys(&[2]))
        .unwrap_err()
        .to_string();
    assert!(
        wrong.contains("age age1") && wrong.contains("no identity matched any of the recipients"),
        "{wrong}"
    );
    let broken = keys(&[("SOPS_AGE_KEY", "AGE-PLUGIN-YUBIKEY-1".to_owned())]);
    let broken = decrypt("types.yaml", &file, &broken).unwrap_err().to_string();
    assert!(broken.contains("plugins are not supported"), "{broken}");
}

#[test]
fn other_files_are_left_alone() {
    for (name, content) in [
        ("values.yaml", "sops: true\n"),
        ("values.yaml", "sops:\n  enabled: true\n  version: 3\n"),
        ("values.yaml", "- sops\n- list\n"),
        ("values.yaml", "a: {{ sops }}\n"),
        ("values.json", "{\"sops\": {}}"),
        ("app.env", "SOPS=1\nsops_x=y\n"),
        ("app.ini", "[sops]\na = b\n"),
        ("readme.txt", "all about sops"),
    ] {
        assert!(
            Encrypted::read(content.as_bytes(), Format::of_path(name))
                .unwrap()
                .is_none(),
            "{content}"
        );
    }
}
