//! Writes results into the cluster and tells what happened.

use kluctl_api::{CommandResult, Kept, ResultStore, StoreError};
use kluctl_cluster::Cluster;
use kluctl_commands::StepEnd;

use crate::options::run::CommandResultFlags;
use crate::running::Running;

const STEP: &str = "Writing command result";

/// Stores a command's result, unless that is switched off or the command was a dry run.
///
/// A result that cannot be stored never fails what was deployed.
pub(crate) fn write_result(
    running: &Running,
    flags: &CommandResultFlags,
    cluster: Option<&Cluster>,
    result: &mut CommandResult,
) {
    let wanted = flags.write_command_result && (!result.command.dry_run || flags.force_write_command_result);
    let Some(cluster) = cluster.filter(|_| wanted) else {
        return;
    };
    let terminal = &running.terminal;
    if result.cluster_info.cluster_id.is_empty() {
        terminal.warning("Not enough permissions to write to the result store.");
        return;
    }
    let kept = Kept {
        commands: flags.keep_command_results_count,
        validations: flags.keep_validate_results_count,
    };
    terminal.start(STEP);
    let store = ResultStore::new(cluster, &flags.command_result_namespace, kept);
    match running.runtime.block_on(store.write_command_result(result)) {
        Ok(written) => {
            if let Some(what) = written.trimmed {
                terminal.warning(&format!(
                    "The command result was too large for the cluster and is stored without {what}"
                ));
            }
            for id in written.deleted {
                terminal.info(&format!("Deleted old command result {id}"));
            }
            for (id, error) in written.kept_by_failure {
                terminal.warning(&format!("Failed to delete old command result {id}: {error}"));
            }
            terminal.end(STEP, StepEnd::Succeeded);
        }
        Err(StoreError::Api(error)) if error.is_denied() => {
            terminal.end(STEP, StepEnd::Warned(None));
            terminal.warning("Not enough permissions to write to the result store.");
        }
        Err(error) => {
            let text = format!("Failed to write result to result store: {error}");
            terminal.end(STEP, StepEnd::Warned(Some(text)));
        }
    }
}
