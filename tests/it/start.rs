//! What a person sees first.

use kluctl_testkit::Environment;

/// The binary under test in an environment of its own.
pub(crate) fn environment() -> Environment {
    Environment::new(env!("CARGO_BIN_EXE_kluctl"))
}

#[test]
fn version_is_one_line() {
    let output = environment().run(["version"]).expect(0);
    assert_eq!(output.stdout, format!("{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(output.stderr, "");
}

#[test]
fn a_cpu_profile_is_one_that_pprof_reads() {
    use std::io::Read;
    let environment = environment();
    environment.write("deployment.yaml", "deployments:\n- path: app\n");
    environment.write(
        "app/many.yaml",
        "{% for i in range(3000) %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm-{{ i }}\n{% endfor %}\n",
    );
    let render = [
        "render",
        "--offline-kubernetes",
        "--print-all",
        "--cpu-profile",
        "cpu.pprof",
    ];
    environment.run(render).expect(0).stdout.clear();
    let file = std::fs::File::open(environment.work().join("cpu.pprof")).expect("a profile");
    let mut profile = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut profile)
        .expect("gzip");
    let has = |text: &[u8]| profile.windows(text.len()).any(|window| window == text);
    // the fields of google/pprof's profile.proto: both sample types by name, and names of our functions
    assert_eq!(profile.first(), Some(&0x0a));
    assert!(has(b"samples") && has(b"nanoseconds"), "no sample types");
    assert!(has(b"kluctl"), "no functions");
}
