//! `cargo xtask bench`: whole commands, ours and the peer's side by side in one run.
//!
//! Peers are taken from the PATH (`helm`, `kustomize`) or, for upstream Kluctl, from `KLUCTL_UPSTREAM`; one that is
//! missing is left out and said so. Figures are the best of several runs: wall time, CPU (user and system) and the
//! largest resident set of the process.

mod charts;
mod cluster;
mod inputs;
mod measure;
mod projects;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

/// Runs the named groups of benchmarks, or all.
pub(crate) fn run(groups: &[&str]) -> Result<()> {
    const GROUPS: [&str; 6] = ["start", "charts", "kustomize", "render", "deploy", "cluster"];
    if let Some(unknown) = groups.iter().find(|name| !GROUPS.contains(name)) {
        bail!("unknown group `{unknown}`: expected one of {}", GROUPS.join(", "));
    }
    let ours = build()?;
    let wanted = |name: &str| groups.is_empty() || groups.contains(&name);
    if wanted("start") {
        projects::start(&ours)?;
    }
    if wanted("charts") {
        charts::run(&ours)?;
    }
    if wanted("kustomize") {
        projects::kustomize(&ours)?;
    }
    if wanted("render") {
        projects::render(&ours)?;
    }
    if wanted("deploy") {
        projects::deploy(&ours)?;
    }
    if wanted("cluster") {
        cluster::run(&ours)?;
    }
    Ok(())
}

/// Builds the release binary, so that nobody measures an old one; `KLUCTL_BENCH_BINARY` names another one.
fn build() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("KLUCTL_BENCH_BINARY") {
        return Ok(std::path::absolute(PathBuf::from(binary))?);
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    if !Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "kluctl"])
        .status()?
        .success()
    {
        bail!("the release build failed");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(std::path::absolute(target.join("release/kluctl"))?)
}

/// A program on the PATH; its absence is said.
fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("({name} is not on the PATH: our figures only)");
    }
    found
}

/// The corpus beside the checkout.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let corpus = std::env::var_os("KLUCTL_SHARED")
        .map_or_else(beside, PathBuf::from)
        .join("corpus");
    if !corpus.is_dir() {
        println!("(the shared corpus is not beside this checkout: no charts to render)");
    }
    corpus.is_dir().then_some(corpus)
}
