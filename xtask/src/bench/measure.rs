//! Runs a command and asks the system what it cost.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What one command cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// Largest resident set, bytes.
    pub(super) memory: u64,
}

/// Runs a command several times and gives the best of each figure.
pub(super) fn measure(runs: usize, mut command: impl FnMut() -> Command) -> Result<Cost> {
    let mut best: Option<Cost> = None;
    for _ in 0..runs {
        let mut command = command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let used = child.wait4()?;
        let wall = start.elapsed();
        if !used.status.success() {
            bail!("{command:?} failed");
        }
        let cost = Cost {
            wall,
            cpu: used.rusage.utime + used.rusage.stime,
            memory: used.rusage.maxrss,
        };
        best = Some(best.map_or(cost, |best| Cost {
            wall: best.wall.min(cost.wall),
            cpu: best.cpu.min(cost.cpu),
            memory: best.memory.min(cost.memory),
        }));
    }
    best.context("at least one run")
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let (wall, cpu) = (milliseconds(self.wall), milliseconds(self.cpu));
        write!(
            f,
            "{wall:>8.1} ms wall {cpu:>8.1} ms cpu {:>6.1} MB",
            self.memory as f64 / 1e6
        )
    }
}

/// One line: ours, the peer's, and how many times cheaper ours is.
pub(super) fn report(name: &str, ours: Cost, peer: Option<Cost>) {
    let Some(peer) = peer else {
        println!("{name:<44} {ours}");
        return;
    };
    println!(
        "{name:<44} {ours} | peer {peer} | cpu 1/{:.1}, memory 1/{:.1}, wall 1/{:.1}",
        peer.cpu.as_secs_f64() / ours.cpu.as_secs_f64().max(1e-6),
        peer.memory as f64 / ours.memory.max(1) as f64,
        peer.wall.as_secs_f64() / ours.wall.as_secs_f64().max(1e-6),
    );
}
