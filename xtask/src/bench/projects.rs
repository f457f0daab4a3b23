//! Kustomizations and whole projects of growing size.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::measure::{measure, report};
use super::{inputs, peer};

/// What every command costs before it does anything.
pub(super) fn start(ours: &Path) -> Result<()> {
    println!("## start");
    let cost = measure(20, || {
        let mut command = Command::new(ours);
        command.arg("version");
        command
    })?;
    report("kluctl version", cost, None);
    Ok(())
}

/// `kustomize build` of one root over many kustomizations.
pub(super) fn kustomize(ours: &Path) -> Result<()> {
    println!("## kustomize build: kustomizations of 5 ConfigMaps under one root");
    let kustomize = peer("kustomize");
    for (count, with_peer) in [
        (100, true),
        (300, true),
        (1_000, true),
        (3_000, false),
        (10_000, false),
    ] {
        let folder = tempfile::tempdir()?;
        inputs::kustomizations(folder.path(), count)?;
        let command = |program: &Path, words: &[&str]| {
            let mut command = Command::new(program);
            command.args(words).arg(folder.path());
            command
        };
        let own = measure(3, || command(ours, &["kustomize", "build"]))?;
        let other = kustomize.as_deref().filter(|_| with_peer);
        let other = other
            .map(|kustomize| measure(1, || command(kustomize, &["build"])))
            .transpose()?;
        report(
            &format!("{count} kustomizations, {} objects", count * 5),
            own,
            other,
        );
    }
    Ok(())
}

/// The binary of upstream; its absence is said.
pub(super) fn upstream() -> Option<PathBuf> {
    let upstream = std::env::var_os("KLUCTL_UPSTREAM").map(PathBuf::from);
    if upstream.is_none() {
        println!("(KLUCTL_UPSTREAM names no binary of upstream: our figures only)");
    }
    upstream
}

/// `render` of whole projects.
pub(super) fn render(ours: &Path) -> Result<()> {
    println!("## render: items of 5 templated ConfigMaps");
    let upstream = upstream();
    for (items, with_peer) in [
        (100, true),
        (300, true),
        (1_000, false),
        (2_000, false),
        (10_000, false),
    ] {
        let folder = tempfile::tempdir()?;
        inputs::project(folder.path(), items)?;
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.args([
                "render",
                "-t",
                "bench",
                "--print-all",
                "--offline-kubernetes",
                "--no-update-check",
            ]);
            command.current_dir(folder.path());
            command
        };
        let own = measure(3, || command(ours))?;
        let other = upstream.as_deref().filter(|_| with_peer);
        let other = other
            .map(|upstream| measure(2, || command(upstream)))
            .transpose()?;
        report(&format!("{items} items, {} objects", items * 5), own, other);
    }
    Ok(())
}

/// `deploy` onto the sandbox: the first one, and one that changes nothing.
pub(super) fn deploy(ours: &Path) -> Result<()> {
    println!("## deploy onto the sandbox: items of 5 templated ConfigMaps");
    for items in [100, 300, 1_000] {
        let folder = tempfile::tempdir()?;
        inputs::project(folder.path(), items)?;
        let store = tempfile::tempdir()?;
        let command = || {
            let mut command = Command::new(ours);
            command
                .args(["deploy", "-t", "bench", "--yes"])
                .current_dir(folder.path());
            command.arg(format!("--sandbox={}", store.path().display()));
            command
        };
        report(
            &format!("{items} items, first deploy"),
            measure(1, command)?,
            None,
        );
        report(
            &format!("{items} items, nothing to change"),
            measure(3, command)?,
            None,
        );
    }
    Ok(())
}
