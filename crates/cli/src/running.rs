//! What every command that works on a target shares: a runtime, a terminal, a way to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kluctl_commands::Session;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::options::global::GlobalFlags;
use crate::terminal::Terminal;

/// A command at work.
pub(crate) struct Running {
    pub(crate) runtime: Runtime,
    pub(crate) terminal: Terminal,
    pub(crate) stop: CancellationToken,
    pub(crate) color: bool,
}

/// Exit code for "there are changes", where it is asked for.
pub(crate) const CHANGES: u8 = 2;

/// How long a command may take to come to an end after its time is over.
const LAST_CALL: Duration = Duration::from_secs(30);

/// Threads that talk to the cluster: they decode answers too.
const WORKERS: usize = 4;

impl Running {
    /// Runs a command from its start to its exit code.
    pub(crate) fn run(
        global: &GlobalFlags,
        timeout: Duration,
        command: impl FnOnce(&Self) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Self::start(global, Some(timeout)) {
            Ok(running) => running.finish(command(&running)),
            Err(error) => crate::fail(&error),
        }
    }

    /// Starts a runtime, and stops everything on Ctrl-C or when the time is over.
    fn start(global: &GlobalFlags, timeout: Option<Duration>) -> Result<Self, String> {
        // the one place that decides which cryptography TLS uses; a second call changes nothing
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(|error| format!("starting the runtime failed: {error}"))?;
        let stop = CancellationToken::new();
        let running = Self {
            terminal: Terminal::of(global).until(&stop),
            stop,
            color: global.color(),
            runtime,
        };
        for (used, flag) in [
            (global.use_system_python, "--use-system-python"),
            (global.gops_agent, "--gops-agent"),
        ] {
            if used {
                running.terminal.info(&format!(
                    "{flag} has no effect: kluctl runs neither Python nor Go"
                ));
            }
        }
        running.watch_signals();
        if let Some(timeout) = timeout {
            running.watch_time(timeout);
        }
        Ok(running)
    }

    /// The first Ctrl-C starts nothing new, the second ends the process.
    fn watch_signals(&self) {
        let (stop, terminal) = (self.stop.clone(), self.terminal.clone());
        let seen = Arc::new(AtomicBool::new(false));
        self.runtime.spawn(async move {
            loop {
                interrupted().await;
                if seen.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
                terminal.warning("Stopping: requests under way are ended, nothing new is started (Ctrl-C again to quit at once)");
                stop.cancel();
            }
        });
    }

    fn watch_time(&self, timeout: Duration) {
        let (stop, terminal) = (self.stop.clone(), self.terminal.clone());
        self.runtime.spawn(async move {
            tokio::time::sleep(timeout).await;
            terminal.warning(&format!(
                "Stopping: the command took longer than {}s (--timeout)",
                timeout.as_secs()
            ));
            stop.cancel();
            // whatever does not look at `stop`, such as a server for variables that never answers
            tokio::time::sleep(LAST_CALL).await;
            terminal.error("the command did not end after its timeout");
            std::process::exit(1);
        });
    }

    /// What commands work with, on a cluster or without one.
    pub(crate) fn session(&self, cluster: Option<kluctl_cluster::Cluster>) -> Session {
        Session {
            cluster: cluster.map(|cluster| cluster.with_stop(&self.stop)),
            events: self.terminal.events(),
            stop: self.stop.clone(),
        }
    }

    /// Ends a command that was stopped before it changed anything.
    pub(crate) fn go_on(&self) -> Result<(), String> {
        if self.stop.is_cancelled() {
            return Err("stopped before anything was changed".to_owned());
        }
        Ok(())
    }

    /// Runs a command to its end and turns its error into the last line and the exit code.
    fn finish(&self, outcome: Result<ExitCode, String>) -> ExitCode {
        outcome.unwrap_or_else(|message| {
            self.terminal.error(&message);
            ExitCode::FAILURE
        })
    }
}

/// Ends with the next Ctrl-C or request to terminate.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
