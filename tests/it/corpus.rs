//! What the real tools made of real inputs, beside what the binary makes of them.

use std::process::Command;

use kluctl_testkit::shared;

/// Cases that must pass of each suite. A number never goes down; raise it when more pass.
const PASSING: [(&str, usize); 6] = [
    ("charts", 172),
    ("synthetic", 262),
    ("expr", 434),
    ("kustomize", 64),
    ("jinja2", 1_540),
    ("projects", 9),
];

#[test]
fn the_corpus_passes_as_before() {
    let Some(check) = shared("check/corpus") else {
        return;
    };
    if !Command::new("python3")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("NOT RUN: the corpus runner needs python3");
        return;
    }
    let output = Command::new("python3")
        .arg(check)
        .args(["-b", env!("CARGO_BIN_EXE_kluctl"), "-t", "300", "all"])
        .output()
        .expect("the corpus runner starts");
    let report = String::from_utf8_lossy(&output.stdout);
    for (suite, least) in PASSING {
        let line = report
            .lines()
            .find(|line| line.starts_with(&format!("{suite}: ")))
            .unwrap_or_default();
        let passed = line
            .split_whitespace()
            .nth(1)
            .and_then(|count| count.parse().ok())
            .unwrap_or(0_usize);
        assert!(
            passed >= least,
            "{suite}: {passed} passed, {least} did before\n{report}"
        );
        eprintln!("{line}");
    }
}
