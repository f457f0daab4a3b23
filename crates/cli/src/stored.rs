//! Writes results into the cluster and tells what happened; finds results there again.

use kluctl_api::{CommandResult, CommandResultSummary, Kept, ResultStore, StoreError, TargetKey};
use kluctl_cluster::Cluster;
use kluctl_commands::{StepEnd, same_target};

use crate::opened::Reached;
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

/// What stands for the newest result where an id is asked for.
const LAST: &str = "last";

/// Opens the store of a cluster.
pub(crate) fn open_store(reached: &Reached, namespace: &str) -> Result<ResultStore, String> {
    let cluster = reached.session.cluster.as_ref();
    let cluster = cluster.ok_or("results are stored in a cluster, and there is none to ask")?;
    Ok(ResultStore::new(cluster, namespace, Kept::default()))
}

/// The one id that begins with a text; `last` is the first one.
pub(crate) fn find_id<'i>(ids: &[&'i str], text: &str, namespace: &str) -> Result<&'i str, String> {
    if text == LAST {
        let first = ids.first().copied();
        return first.ok_or_else(|| format!("no results are stored in namespace {namespace}"));
    }
    let matching: Vec<&str> = ids.iter().copied().filter(|id| id.starts_with(text)).collect();
    match *matching {
        [id] => Ok(id),
        [] => Err(format!(
            "no result `{text}` is stored in namespace {namespace} (`kluctl results list` shows all)"
        )),
        _ => Err(format!(
            "`{text}` is the beginning of {} results: {}",
            matching.len(),
            matching.join(", ")
        )),
    }
}

/// Names the target that flags select as results do.
pub(crate) fn target_key(running: &Running, reached: &Reached) -> Result<TargetKey, String> {
    let (_, config) = reached.target.as_ref().ok_or("no target is selected")?;
    let cluster_id = running.runtime.block_on(reached.session.cluster_id());
    let cluster_id = cluster_id.map_err(|error| error.to_string())?;
    Ok(TargetKey {
        target_name: config.name.clone(),
        cluster_id: cluster_id.unwrap_or_default(),
        discriminator: config.discriminator.clone(),
    })
}

/// Results of the target that flags select, newest first.
pub(crate) fn results_of_target(
    running: &Running,
    reached: &Reached,
    store: &ResultStore,
) -> Result<Vec<CommandResultSummary>, String> {
    let key = target_key(running, reached)?;
    let summaries = running.runtime.block_on(store.list_command_results());
    let summaries = summaries.map_err(|error| error.to_string())?;
    let project = reached.target.as_ref().map(|(project, _)| project);
    let is_ours = |summary: &CommandResultSummary| {
        same_target(&summary.target_key, &key)
            && (!key.discriminator.is_empty() || Some(&summary.project_key) == project)
    };
    Ok(summaries.into_iter().filter(is_ours).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_found_by_the_beginning_of_their_id() {
        let ids = ["aa1", "ab2", "ab3"];
        assert_eq!(find_id(&ids, "last", "n"), Ok("aa1"));
        assert_eq!(find_id(&ids, "aa", "n"), Ok("aa1"));
        assert!(
            find_id(&ids, "ab", "n")
                .unwrap_err()
                .contains("2 results: ab2, ab3")
        );
        assert!(find_id(&ids, "x", "n").is_err() && find_id(&[], "last", "n").is_err());
    }
}
