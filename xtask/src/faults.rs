//! Tries every position of a deploy with faults, on both servers, and prints the figures.

use std::process::Command;

use anyhow::{Result, ensure};

/// Runs the end-to-end test of faults in full. It takes its time: some thousand deploys.
pub(crate) fn run() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--quiet", "--package", "kluctl", "--test", "e2e"])
        .args(["--", "faults::", "--nocapture"])
        .env("KLUCTL_FAULTS", "all")
        .status()?;
    ensure!(status.success(), "a fault did harm (see above)");
    Ok(())
}
