//! Secrets reach the objects that want them, and nothing else: files that the real `sops` encrypted, and a search for what
//! was in them in everything that commands print and store.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_testkit::{Environment, Output};

use crate::servers::Server;
use crate::start::environment;

/// Texts of the encrypted files and of sensitive variables; none of them may be seen.
const CANARIES: [&str; 13] = [
    "canary-Pa55word/with+odd&chars",
    "canary-token-0123456789",
    "canary-line-one-aaaaaaaa",
    "canary-line-two-bbbbbbbb",
    "canary-own-value",
    "canary-environment",
    "correct horse battery staple",
    "postgres://app@db:5432/app?sslmode=require",
    // base64 of the first three, and of a part of a longer text
    "Y2FuYXJ5LVBhNTV3b3JkL3dpdGgrb2RkJmNoYXJz",
    "Y2FuYXJ5LXRva2VuLTAxMjM0NTY3ODk",
    "YXBwOmNhbmFyeS1QYTU1d29yZC93aXRoK29kZCZjaGFycw",
    "c2VjcmV0LXRva2VuLXZhbHVl",
    "secret-token-value",
];

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sops/tests/it/goldens")
}

/// Puts an encrypted file into the project.
pub(crate) fn encrypted(environment: &Environment, name: &str, path: &str) {
    let target = environment.work().join(path);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::copy(goldens().join("encrypted").join(name), target).unwrap();
}

/// Bytes in base64.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// Puts the encrypted `vars.yaml` into the project with its key wrapped by somebody else than age: `entry` is given the key
/// in base64 and makes that part of the metadata.
pub(crate) fn rewrapped(environment: &Environment, path: &str, entry: impl Fn(&str) -> String) {
    use kluctl_sops::{KeyService as _, LocalKeys, MasterKey, Wrapped};
    let text = std::fs::read_to_string(goldens().join("encrypted/vars.yaml")).unwrap();
    let (before, rest) = text.split_once("    age:\n").unwrap();
    let (own, after) = rest.split_once("    lastmodified:").unwrap();
    let armored: Vec<&str> = own
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains(": "))
        .collect();
    let keys = goldens().join("keys/age-1.txt").display().to_string();
    let keys = LocalKeys::new([("SOPS_AGE_KEY_FILE".to_owned(), keys)].into());
    let wrapped = Wrapped {
        key: MasterKey::Age {
            recipient: String::new(),
        },
        data: armored.join("\n"),
    };
    let key = STANDARD.encode(keys.unwrap(&wrapped).unwrap());
    environment.write(path, &format!("{before}{}    lastmodified:{after}", entry(&key)));
}

fn project() -> Environment {
    let mut environment = environment();
    environment.set(
        "SOPS_AGE_KEY_FILE",
        goldens().join("keys/age-1.txt").display().to_string(),
    );
    environment.set("FROM_ENVIRONMENT", "canary-environment");
    encrypted(&environment, "vars.yaml", "secrets/vars.yaml");
    encrypted(&environment, "encrypted-regex.yaml", "app/secret.yaml");
    encrypted(&environment, "app.env", "generated/app.env");
    encrypted(&environment, "app.ini", "generated/app.ini");
    encrypted(&environment, "key.bin", "generated/key.bin");
    encrypted(&environment, "types.yaml", "generated/types.yaml");
    encrypted(&environment, "vars.yaml", "chart/helm-values.yaml");
    for (path, text) in [
        (
            ".kluctl.yaml",
            "discriminator: canaries\ntargets: [{name: test}]\n",
        ),
        (
            "deployment.yaml",
            "vars:\n- file: secrets/vars.yaml\n- values: {own: canary-own-value}\n  sensitive: true\n\
             - systemEnvVars: {env: FROM_ENVIRONMENT}\n\
             deployments:\n- path: namespace\n- barrier: true\n- path: app\n- path: generated\n- path: chart\n",
        ),
        (
            "namespace/namespace.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n",
        ),
        (
            "app/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  namespace: demo\n  annotations:\n    \
             example.com/auth: 'Basic {{ (\"app:\" + database.password) | b64encode }}'\ndata:\n  \
             password: '{{ database.password }}'\n  url: 'https://app:{{ token }}@db/'\n  \
             encoded: '{{ token | b64encode }}'\n  own: '{{ own }}'\n  environment: '{{ env }}'\n  \
             certificate: |\n{{ certificate | indent(4, true) }}\n  edited: first\n",
        ),
        (
            "generated/kustomization.yaml",
            "namespace: demo\nsecretGenerator:\n- name: generated\n  envs: [app.env]\n  \
             files: [app.ini, key.bin, types.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n",
        ),
        (
            "chart/helm-chart.yaml",
            "helmChart:\n  path: chart\n  releaseName: release\n  namespace: demo\n  output: deploy.yaml\n",
        ),
        (
            "chart/chart/Chart.yaml",
            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        ),
        (
            "chart/chart/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-chart}\ndata:\n  \
             password: {{ .Values.database.password | quote }}\n",
        ),
    ] {
        environment.write(path, text);
    }
    environment
}

#[track_caller]
fn check_text(what: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{what} shows `{canary}`:\n{text}");
    }
}

/// Nothing of it shows a canary; gives standard output.
#[track_caller]
fn check(what: &str, output: Output) -> String {
    check_text(&format!("{what} (stdout)"), &output.stdout);
    check_text(&format!("{what} (stderr)"), &output.stderr);
    output.stdout
}

/// No file of a folder shows a canary.
fn check_folder(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            check_folder(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            check_text(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn encrypted_files_are_decrypted_wherever_upstream_does() {
    let environment = project();
    let rendered = environment
        .run(["render", "-t", "test", "--offline-kubernetes", "--print-all"])
        .expect(0)
        .stdout;
    let golden = |name: &str| std::fs::read(goldens().join("decrypted").join(name)).unwrap();
    let compact: String = rendered.split_whitespace().collect();
    for file in ["app.ini", "key.bin", "types.yaml"] {
        let expected = STANDARD.encode(golden(file));
        assert!(compact.contains(&expected), "{file} is not in\n{rendered}");
    }
    for text in [
        "password: correct horse battery staple",
        "token: c2VjcmV0LXRva2VuLXZhbHVl",
        "password: canary-Pa55word/with+odd&chars",
        "DB_PASSWORD: cEBzcz13b3JkIzE=",
        "own: canary-own-value",
    ] {
        assert!(rendered.contains(text), "`{text}` is not in\n{rendered}");
    }
    assert!(
        !rendered.contains("ENC[AES256_GCM") && !rendered.contains("sops:"),
        "{rendered}"
    );
}

#[test]
fn nothing_shows_what_was_secret() {
    Server::each(|server| {
        let mut environment = project();
        server.connect(&mut environment);
        let run = |arguments: &[&str]| {
            let all = [arguments, &["-t", "test"]].concat();
            environment.run(all)
        };
        let folder = environment.home().join("results");
        let file = |name: &str| format!("yaml={}", folder.join(name).display());
        std::fs::create_dir_all(&folder).unwrap();
        check("diff", run(&["diff"]).expect(0));
        let first = check(
            "deploy",
            run(&["deploy", "--yes", "-o", "text", "-o", &file("deploy.yaml")]).expect(0),
        );
        assert!(first.contains("demo/Secret/db"), "{first}");
        let again = check("second deploy", run(&["deploy", "--yes"]).expect(0));
        assert!(!again.contains("Changed objects"), "{again}");
        environment.replace("app/config.yaml", "edited: first", "edited: '{{ token }}'");
        environment.replace(
            "app/config.yaml",
            "own: '{{ own }}'",
            "own: {{ (own ~ certificate) | to_json }}",
        );
        let diff = check(
            "diff -o yaml",
            run(&["diff", "-o", "text", "-o", &file("diff.yaml")]).expect(0),
        );
        assert!(diff.contains("data.edited") && diff.contains("*****("), "{diff}");
        check("validate", run(&["validate"]));
        check(
            "validate -o yaml",
            run(&["validate", "-o", &file("validate.yaml")]),
        );
        check("poke-images", run(&["poke-images", "--yes"]));
        check(
            "list-images",
            run(&["list-images", "--offline-kubernetes"]).expect(0),
        );
        check("deploy of the change", run(&["deploy", "--yes"]).expect(0));
        check("drift", run(&["drift", "-o", "text", "-o", &file("drift.yaml")]));
        check(
            "results",
            environment
                .run(["results", "show", "last", "-o", "yaml"])
                .expect(0),
        );
        let plan = folder.join("plan.json").display().to_string();
        check("plan", run(&["diff", "--save-plan", &plan]).expect(0));
        check("rollback", run(&["rollback", "--yes"]).expect(0));
        check("prune", run(&["prune", "--yes"]).expect(0));
        check_folder(&folder);
        let clear = run(&["diff", "-o", "yaml", "--no-obfuscate"]).expect(0).stdout;
        assert!(clear.contains("canary-token-0123456789"));
        check("delete", run(&["delete", "--yes", "--no-wait"]).expect(0));
    });
}

#[test]
fn errors_show_nothing_secret() {
    Server::each(|server| {
        let mut environment = project();
        server.connect(&mut environment);
        let deploy = |what: &str| {
            let output = environment.run(["deploy", "-t", "test", "--yes"]);
            assert_ne!(output.code, 0, "{what}");
            check(what, output.clone());
            output.stdout + &output.stderr
        };
        let config = std::fs::read_to_string(environment.work().join("app/config.yaml")).unwrap();
        // The server's message quotes the value.
        environment.write(
            "app/config.yaml",
            &config.replace(
                "  annotations:",
                "  labels: {l: '{{ database.password }}'}\n  annotations:",
            ),
        );
        let all = deploy("an invalid label");
        assert!(all.contains("*****("), "{all}");
        environment.write("app/config.yaml", &config.replace("'{{ own }}'", "'{{ own'"));
        deploy("a template that cannot be parsed");
        environment.write(
            "app/config.yaml",
            &config.replace("{{ own }}", "{{ token.missing.deep }}"),
        );
        deploy("a template that cannot be rendered");
        environment.write(
            "app/config.yaml",
            &config.replace("'{{ own }}'", "{{ token }}: [{{ database.password }}"),
        );
        deploy("text that is no YAML");
        environment.write("app/config.yaml", &config);
        environment.write(
            "chart/chart/templates/fails.yaml",
            "{{ fail (printf \"the password is %s\" .Values.database.password) }}",
        );
        deploy("a chart that fails with a value");
        environment.write("chart/chart/templates/fails.yaml", "");
        environment.replace(
            "deployment.yaml",
            "- path: chart",
            "- path: chart\n  when: token.fail(",
        );
        deploy("a condition that cannot be read");
    });
}

#[test]
fn hand_edited_files_give_a_warning_or_an_error() {
    let environment = project();
    environment.replace("app/secret.yaml", "app: db", "app: changed");
    let render = ["render", "-t", "test", "--offline-kubernetes", "--print-all"];
    let loose = environment.run(render).expect(0);
    assert!(
        loose
            .stderr
            .contains("app/secret.yaml: its checksum (mac) does not match"),
        "{}",
        loose.stderr
    );
    assert!(loose.stdout.contains("app: changed"));
    let strict = environment
        .run([&render[..], &["--sops-strict"]].concat())
        .expect(1);
    assert!(
        strict
            .stderr
            .contains("failed to verify the integrity of the encrypted file"),
        "{}",
        strict.stderr
    );
}

#[test]
fn a_missing_key_is_named() {
    let mut environment = project();
    environment.set("SOPS_AGE_KEY_FILE", "/nonexistent");
    let output = environment
        .run(["render", "-t", "test", "--offline-kubernetes"])
        .expect(1);
    let text = output.stderr;
    for part in [
        "secrets/vars.yaml",
        "cannot get sops data key",
        "no age identity was found",
        "SOPS_AGE_KEY_FILE",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}
