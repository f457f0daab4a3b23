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
