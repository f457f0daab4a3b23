//! Files that the real `sops` encrypted (see `goldens/make.sh`), decrypted to what it decrypts them to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// What everything in `protected` and `gnupg/protected` is protected with.
const PASSPHRASE: &str = "battery staple";

fn with_passphrase(text: &str) -> (&'static str, String) {
    ("KLUCTL_AGE_PASSPHRASE", text.to_owned())
}

#[test]
fn age_identities_under_a_passphrase() {
    let file = |name: &str| goldens().join("protected").join(name).display().to_string();
    for name in ["age-1.age", "age-1-armored.age"] {
        let key_file = ("SOPS_AGE_KEY_FILE", file(name));
        check(
            "types.yaml",
            &keys(&[key_file.clone(), with_passphrase(PASSPHRASE)]),
        );
        let asked = keys(std::slice::from_ref(&key_file)).with_person(Arc::new(|question| {
            assert!(question.contains("Passphrase of /"), "{question}");
            Some(PASSPHRASE.to_owned())
        }));
        check("types.yaml", &asked);
        for (variables, expected) in [
            (vec![key_file.clone()], "`KLUCTL_AGE_PASSPHRASE` is not set"),
            (
                vec![key_file, with_passphrase("wrong")],
                "that is not its passphrase",
            ),
        ] {
            let error = decrypt("types.yaml", &read("encrypted/types.yaml"), &keys(&variables)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
    let armored = text("protected/age-1-armored.age");
    check(
        "types.yaml",
        &keys(&[("SOPS_AGE_KEY", armored), with_passphrase(PASSPHRASE)]),
    );
}

#[test]
fn ssh_keys_under_a_passphrase() {
    for (key, name) in [("id_ed25519", "ssh-ed25519.yaml"), ("id_rsa", "ssh-rsa.yaml")] {
        let file = goldens().join("protected").join(key).display().to_string();
        let key_file = ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", file);
        check(name, &keys(&[key_file.clone(), with_passphrase(PASSPHRASE)]));
        for variables in [vec![key_file.clone()], vec![key_file, with_passphrase("wrong")]] {
            let error = decrypt(name, &read(&format!("encrypted/{name}")), &keys(&variables)).unwrap_err();
            assert!(error.to_string().contains("passphrase"), "{error}");
        }
    }
}

const PGP_PLAIN: [&str; 5] = [
    "pgp-rsa.yaml",
    "pgp-ecc.yaml",
    "pgp-aead.yaml",
    "pgp.env",
    "pgp.ini",
];
const PGP_NIST: [&str; 3] = ["pgp-nistp256.yaml", "pgp-nistp384.yaml", "pgp-nistp521.yaml"];
const PGP_PROTECTED: [&str; 2] = ["pgp-protected-rsa.yaml", "pgp-protected-ecc.yaml"];

fn pgp_passphrase(text: &str) -> (&'static str, String) {
    ("KLUCTL_PGP_PASSPHRASE", text.to_owned())
}

/// No test but one has a `gpg` program: these files are opened without.
#[test]
fn pgp_keys_in_the_folders_of_gnupg() {
    let home = |name: &str| {
        (
            "GNUPGHOME",
            goldens().join("gnupg").join(name).display().to_string(),
        )
    };
    for name in PGP_PLAIN {
        check(name, &keys(&[home("imported")]));
    }
    for name in ["pgp-rsa.yaml", "pgp.env"] {
        check(name, &keys(&[home("old")]));
    }
    for name in PGP_NIST {
        check(name, &keys(&[home("plain")]));
    }
    check(PGP_NIST[0], &keys(&[home("chained"), pgp_passphrase(PASSPHRASE)]));
    let wrong = keys(&[home("chained"), pgp_passphrase("wrong")]);
    let error = decrypt(PGP_NIST[0], &read("encrypted/pgp-nistp256.yaml"), &wrong).unwrap_err();
    assert!(error.to_string().contains("is not its passphrase"), "{error}");
    for name in PGP_PROTECTED {
        for folder in ["protected", "imported"] {
            check(name, &keys(&[home(folder), pgp_passphrase(PASSPHRASE)]));
        }
        let asked = keys(&[home("protected")]).with_person(Arc::new(|question| {
            assert!(question.starts_with("Passphrase of the PGP key "), "{question}");
            Some(PASSPHRASE.to_owned())
        }));
        check(name, &asked);
        check(name, &asked);
    }
}

#[test]
fn exported_pgp_keys() {
    let file = |name: &str| goldens().join(name).display().to_string();
    for (key, name) in [
        ("keys/pgp-rsa2048.asc", "pgp-rsa.yaml"),
        ("keys/pgp-future-default.asc", "pgp-ecc.yaml"),
        ("keys/pgp-nistp256.asc", "pgp-nistp256.yaml"),
        ("keys/pgp-nistp384.asc", "pgp-nistp384.yaml"),
        ("keys/pgp-nistp521.asc", "pgp-nistp521.yaml"),
        ("gnupg/old/secring.gpg", "pgp-rsa.yaml"),
    ] {
        check(name, &keys(&[("KLUCTL_PGP_KEY_FILE", file(key))]));
    }
    check(
        "pgp-ecc.yaml",
        &keys(&[("KLUCTL_PGP_KEY", text("keys/pgp-future-default.asc"))]),
    );
    let both = ["pgp-rsa2048", "pgp-future-default"].map(|name| text(&format!("keys/{name}.asc")));
    check("pgp-ecc.yaml", &keys(&[("KLUCTL_PGP_KEY", both.concat())]));
    for (key, name) in [("pgp-rsa", PGP_PROTECTED[0]), ("pgp-ecc", PGP_PROTECTED[1])] {
        let key = ("KLUCTL_PGP_KEY", text(&format!("protected/{key}.asc")));
        check(name, &keys(&[key, pgp_passphrase(PASSPHRASE)]));
    }
}

#[test]
fn what_is_wrong_with_pgp_keys_is_told() {
    let home = |name: &str| {
        (
            "GNUPGHOME",
            goldens().join("gnupg").join(name).display().to_string(),
        )
    };
    let cases = [
        (vec![], "no secret PGP key for it was found"),
        (vec![home("plain")], "no secret PGP key for it was found"),
        (vec![home("protected")], "`KLUCTL_PGP_PASSPHRASE` is not set"),
        (
            vec![home("protected"), pgp_passphrase("wrong")],
            "is not its passphrase",
        ),
        (
            vec![("KLUCTL_PGP_KEY", "nonsense".to_owned())],
            "KLUCTL_PGP_KEY: there is no OpenPGP data in it",
        ),
        (
            vec![("KLUCTL_PGP_KEY_FILE", "/nonexistent/key".to_owned())],
            "/nonexistent/key: No such file",
        ),
    ];
    for (variables, expected) in cases {
        for name in PGP_PROTECTED {
            let file = read(&format!("encrypted/{name}"));
            let error = decrypt(name, &file, &keys(&variables)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains("/nonexistent/gpg"), "{error}");
        }
    }
}

#[test]
fn changed_pgp_messages_are_refused() {
    let home = (
        "GNUPGHOME",
        goldens().join("gnupg/imported").display().to_string(),
    );
    for name in ["pgp-rsa.yaml", "pgp-ecc.yaml"] {
        let file = text(&format!("encrypted/{name}"));
        // A letter of each line of the message, whose bytes are those of its packets.
        let lines: Vec<&str> = file.lines().collect();
        let start = lines.iter().position(|line| line.contains("BEGIN PGP")).unwrap();
        let end = lines.iter().position(|line| line.contains("END PGP")).unwrap();
        let body: Vec<usize> = (start + 1..end)
            .filter(|at| lines[*at].trim().len() > 8 && !lines[*at].contains(": "))
            .collect();
        assert!(body.len() > 2, "{file}");
        for at in body {
            let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let (head, tail) = changed[at].split_at(changed[at].len() - 7);
            let letter = if tail.starts_with('A') { 'B' } else { 'A' };
            changed[at] = format!("{head}{letter}{}", &tail[1..]);
            let changed = changed.join("\n");
            let result = decrypt(name, changed.as_bytes(), &keys(std::slice::from_ref(&home)));
            let error = result.expect_err(&changed);
            assert!(!error.to_string().is_empty());
        }
    }
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
