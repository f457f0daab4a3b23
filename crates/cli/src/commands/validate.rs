//! `kluctl validate`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use kluctl_commands::Validation;

use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::output::{MISC, OutputFlags};
use crate::options::values;
use crate::results::write_validation;
use crate::running::Running;

/// Validates the already deployed deployment
///
/// This means that all objects are retrieved from the cluster and checked for readiness.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    open: OpenFlags,
    #[command(flatten)]
    output: OutputFlags,

    /// Wait for the given amount of time until the deployment validates
    #[arg(long, value_name = "duration", default_value = "0", value_parser = values::duration, hide_default_value = true, help_heading = MISC)]
    wait: Duration,

    /// Sleep duration between validation attempts
    #[arg(long, value_name = "duration", default_value = "5s", value_parser = values::duration, help_heading = MISC)]
    sleep: Duration,

    /// Consider warnings as failures
    #[arg(long, help_heading = MISC)]
    warnings_as_errors: bool,
}

/// Looks at every object until all are ready or the time is over.
pub(crate) fn run(args: &ValidateArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.open.project.timeout, |running| {
        validate(args, running)
    })
}

fn validate(args: &ValidateArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        read_only: true,
        ..OpenChoices::default()
    };
    let opened = open(running, &args.open, &choices)?;
    let mut validation = Validation::default();
    let start = Instant::now();
    loop {
        let round = validation.round(&opened.session, &opened.target);
        let result = running.runtime.block_on(round).result;
        let failed = !result.errors.is_empty() || args.warnings_as_errors && !result.warnings.is_empty();
        write_validation(&running.terminal, &args.output.output, &result)?;
        if !failed {
            running.terminal.info("Validation succeeded");
            return Ok(ExitCode::SUCCESS);
        }
        if start.elapsed() >= args.wait || running.stop.is_cancelled() {
            return Err("Validation failed".to_owned());
        }
        validation.forget(&result);
        running.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(args.sleep) => {}
                () = running.stop.cancelled() => {}
            }
        });
    }
}
