//! The hooks of one phase: delete, apply, wait, delete.

use std::collections::BTreeMap;

use super::item::ItemRun;
use super::remove::remove_object;
use super::wait::wait_ready;
use crate::event::{ItemEvent, Nth};
use crate::plan::HookStep;

/// Runs hooks. One that fails does not keep the next from running; only a stop does.
///
/// Source: kluctl `pkg/deployment/utils/hooks_util.go`, `RunHooks`.
pub(super) async fn run(item: &mut ItemRun<'_>, hooks: &[HookStep]) {
    if item.stopped() {
        let skipped = hooks.iter().map(|hook| hook.step.reference.clone());
        item.outcome.skipped.extend(skipped);
        return;
    }
    let before: Vec<&HookStep> = hooks.iter().filter(|hook| hook.delete_before).collect();
    delete(item, &before, false).await;
    let ready = apply(item, hooks).await;
    let after: Vec<&HookStep> = hooks
        .iter()
        .enumerate()
        .rev()
        .filter(|(at, hook)| match ready.get(at) {
            Some(true) => hook.delete_succeeded,
            Some(false) => hook.delete_failed,
            None => false,
        })
        .map(|(_, hook)| hook)
        .collect();
    delete(item, &after, true).await;
}

/// Applies hooks and waits for them; tells of those that were waited for whether they became ready.
async fn apply(item: &mut ItemRun<'_>, hooks: &[HookStep]) -> BTreeMap<usize, bool> {
    let mut ready = BTreeMap::new();
    if !hooks.is_empty() {
        item.send(ItemEvent::ApplyingHooks(hooks.len()));
    }
    for (at, hook) in hooks.iter().enumerate() {
        let reference = &hook.step.reference;
        if item.stopped() {
            item.outcome.skipped.push(reference.clone());
            continue;
        }
        item.send(ItemEvent::ApplyingHook(Nth {
            object: reference.clone(),
            number: at + 1,
            of: hooks.len(),
        }));
        let applying = item.apply(&hook.step).await;
        item.take(&hook.step, applying, true);
        item.send(ItemEvent::Advanced);
        if item.failed.contains(reference) || !hook.wait || item.run.options.no_wait {
            continue;
        }
        if item.run.options.dry_run {
            // nothing runs, so that there is nothing to wait for
            ready.insert(at, true);
            continue;
        }
        let timeout = hook.timeout.unwrap_or(item.run.options.readiness_timeout);
        let waited = wait_ready(item, reference, timeout).await;
        item.take_problems(waited.problems);
        ready.insert(at, waited.ready);
    }
    ready
}

async fn delete(item: &mut ItemRun<'_>, hooks: &[&HookStep], after: bool) {
    if hooks.is_empty() {
        return;
    }
    let count = hooks.len();
    item.send(ItemEvent::DeletingHooks { count, after });
    for (at, hook) in hooks.iter().enumerate() {
        let reference = &hook.step.reference;
        item.send(ItemEvent::DeletingHook {
            nth: Nth {
                object: reference.clone(),
                number: at + 1,
                of: count,
            },
            policies: hook.policies.clone(),
        });
        if after && item.run.options.dry_run {
            // the dry run has left nothing behind that could be deleted
            item.outcome.deleted_hooks.push(reference.clone());
            continue;
        }
        let removed = remove_object(item.run, item.index, reference).await;
        if removed.deleted {
            item.outcome.deleted_hooks.push(reference.clone());
        }
        item.take_problems(removed.problems);
    }
}
