//! One item from its deletions to its post hooks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kluctl_object::ObjectRef;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::object::{Applying, apply_step};
use super::remove::remove_object;
use super::wait::wait_ready;
use super::{Applied, ItemOutcome, Run, hooks};
use crate::event::{Counts, ItemEvent, Nth};
use crate::execute::landmarks::Landmark;
use crate::kinds::{defined_kinds, is_namespace};
use crate::plan::{ItemPlan, Step};
use crate::problem::Problems;

/// Objects of one item that a dry run asks for at the same time: their order means nothing to the server.
const PARALLEL_DRY_RUN: usize = 16;

/// Objects of a dry run between two looks at how long applying takes.
const CHUNK: usize = 64;

/// After how long applying reports how far it is.
const REPORT_AFTER: Duration = Duration::from_secs(10);

/// An item at work.
pub(super) struct ItemRun<'a> {
    pub(super) run: &'a Run,
    pub(super) index: usize,
    pub(super) plan: &'a ItemPlan,
    pub(super) outcome: ItemOutcome,
    pub(super) slot: Mutex<Option<OwnedSemaphorePermit>>,
    /// Objects that had an error: nobody waits for them.
    pub(super) failed: BTreeSet<ObjectRef>,
}

/// Everything that an item would have applied.
pub(super) fn everything(item: &ItemPlan) -> Vec<ObjectRef> {
    let hooks = item
        .pre_hooks
        .iter()
        .chain(&item.post_hooks)
        .map(|hook| &hook.step);
    let steps = item.before_hooks.iter().chain(&item.apply).chain(hooks);
    steps.map(|step| step.reference.clone()).collect()
}

/// Runs one item.
pub(super) async fn run(run: &Run, index: usize, slot: Option<OwnedSemaphorePermit>) -> ItemOutcome {
    let plan = &run.plan.items[index];
    let mut item = ItemRun {
        run,
        index,
        plan,
        outcome: ItemOutcome::default(),
        slot: Mutex::new(slot),
        failed: BTreeSet::new(),
    };
    item.outcome.problems.extend(plan.problems.clone());
    item.failed.extend(
        plan.problems
            .errors
            .iter()
            .filter_map(|problem| problem.object.clone()),
    );
    let total = plan.before_hooks.len() + plan.apply.len() + plan.pre_hooks.len() + plan.post_hooks.len() + 1;
    item.send(ItemEvent::Total(total));
    item.delete_first().await;
    item.apply_all(&plan.before_hooks).await;
    hooks::run(&mut item, &plan.pre_hooks).await;
    item.apply_all(&plan.apply).await;
    item.wait_for_readiness().await;
    hooks::run(&mut item, &plan.post_hooks).await;
    // whoever still waits for something of this item must not wait for ever
    for step in plan.before_hooks.iter().chain(&plan.apply) {
        item.arrive(step);
    }
    item.end();
    item.outcome
}

impl ItemRun<'_> {
    pub(super) fn send(&self, event: ItemEvent) {
        if self.plan.name.is_some() {
            self.run.events.item(self.index, event);
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.run.stop.is_cancelled()
    }

    /// Takes in problems; with `--abort-on-error` an error stops the whole run.
    pub(super) fn take_problems(&mut self, problems: Problems) {
        if !problems.errors.is_empty() {
            self.failed.extend(
                problems
                    .errors
                    .iter()
                    .filter_map(|problem| problem.object.clone()),
            );
            if self.run.options.abort_on_error {
                self.run.stop.cancel();
            }
        }
        self.outcome.problems.extend(problems);
    }

    async fn delete_first(&mut self) {
        let count = self.plan.delete.len();
        if count == 0 {
            return;
        }
        self.send(ItemEvent::DeletingObjects(count));
        for (at, reference) in self.plan.delete.iter().enumerate() {
            if self.stopped() {
                return;
            }
            self.send(ItemEvent::DeletingObject(Nth {
                object: reference.clone(),
                number: at + 1,
                of: count,
            }));
            let removed = remove_object(self.run, self.index, reference).await;
            if removed.deleted {
                self.outcome.deleted.push(reference.clone());
            }
            self.take_problems(removed.problems);
            self.send(ItemEvent::Advanced);
        }
    }

    /// Applies objects: one after the other, or in a dry run many at once.
    async fn apply_all(&mut self, steps: &[Step]) {
        if steps.is_empty() || self.stopped() {
            self.outcome
                .skipped
                .extend(steps.iter().map(|step| step.reference.clone()));
            return;
        }
        self.send(ItemEvent::ApplyingObjects(steps.len()));
        let parallel = if self.run.options.dry_run {
            PARALLEL_DRY_RUN
        } else {
            1
        };
        let mut reported = Instant::now();
        let mut did_report = false;
        let mut done = 0;
        let chunk_size = if self.run.options.dry_run { CHUNK } else { 1 };
        for chunk in steps.chunks(chunk_size) {
            let mut applies: Vec<BoxFuture<'_, Option<Applying>>> = Vec::with_capacity(chunk.len());
            for (at, step) in chunk.iter().enumerate() {
                applies.push(self.apply_nth(step, done + at + 1, steps.len()).boxed());
            }
            let mut applying = futures::stream::iter(applies)
                .buffered(parallel)
                .collect::<Vec<_>>()
                .await;
            for (step, applied) in chunk.iter().zip(applying.drain(..)) {
                match applied {
                    Some(applied) => self.take(step, applied, false),
                    None => self.outcome.skipped.push(step.reference.clone()),
                }
            }
            done += chunk.len();
            if reported.elapsed() >= REPORT_AFTER || did_report && done == steps.len() {
                self.send(ItemEvent::StillApplying(done, steps.len()));
                reported = Instant::now();
                did_report = true;
            }
        }
    }

    /// Applies one of many objects unless the run has been stopped.
    async fn apply_nth(&self, step: &Step, number: usize, of: usize) -> Option<Applying> {
        if self.stopped() {
            return None;
        }
        let object = step.reference.clone();
        self.send(ItemEvent::ApplyingObject(Nth { object, number, of }));
        let applied = self.apply(step).await;
        self.send(ItemEvent::Advanced);
        if self.run.options.abort_on_error && !applied.problems.errors.is_empty() {
            self.run.stop.cancel();
        }
        Some(applied)
    }

    /// Applies one object, after what it needs of other items.
    pub(super) async fn apply(&self, step: &Step) -> Applying {
        if !self.run.options.dry_run {
            self.wait_for_landmarks(step).await;
        }
        let applying = apply_step(self.run, self.index, step).await;
        self.arrive(step);
        applying
    }

    /// Stores what came of one object.
    pub(super) fn take(&mut self, step: &Step, applying: Applying, hook: bool) {
        if applying.deleted {
            let list = if hook {
                &mut self.outcome.deleted_hooks
            } else {
                &mut self.outcome.deleted
            };
            list.push(step.reference.clone());
        }
        if let Some(object) = applying.object {
            let live = self.run.live.get(&step.reference);
            self.outcome.applied.push(Applied {
                new: !hook && live.is_none(),
                // most objects do not change: these are kept once
                object: live.filter(|live| **live == object).cloned().unwrap_or(object),
                reference: step.reference.clone(),
                hook,
            });
        }
        self.take_problems(applying.problems);
    }

    /// Waits for a Namespace or kind that another item of the same wave brings along.
    async fn wait_for_landmarks(&self, step: &Step) {
        let plan = &self.run.plan;
        let reference = &step.reference;
        let mut needed = Vec::new();
        if let Some(namespace) = &reference.namespace
            && self.run.live.lacks_namespace(namespace)
            && plan
                .namespaces
                .get(namespace)
                .is_some_and(|&(wave, item)| wave == self.plan.wave && item != self.index)
        {
            needed.push(Landmark::Namespace(namespace.clone()));
        }
        let gvk = reference.gvk();
        let defines = |&(ref known, _, wave, item): &(_, _, usize, usize)| {
            *known == gvk && wave == self.plan.wave && item != self.index
        };
        if plan.kinds.iter().any(defines) {
            let known = self.run.cluster.discovery().await;
            if known.is_ok_and(|known| known.find(&gvk).is_none()) {
                needed.push(Landmark::Kind(gvk.group_kind()));
            }
        }
        for landmark in needed {
            self.send(ItemEvent::WaitingForOthers(landmark.object()));
            // others must be able to start meanwhile: they may bring what is needed
            drop(self.slot.lock().await.take());
            tokio::select! {
                () = self.run.landmarks.arrived(landmark) => {}
                () = self.run.stop.cancelled() => {}
            }
            let slot = std::sync::Arc::clone(&self.run.slots).acquire_owned().await.ok();
            *self.slot.lock().await = slot;
        }
    }

    /// Tells other items that a Namespace or kind has been tried.
    fn arrive(&self, step: &Step) {
        if is_namespace(&step.reference) {
            self.run
                .landmarks
                .arrive(Landmark::Namespace(step.reference.name.clone()));
        }
        if let Some(kind) = defined_kinds(&step.object).first() {
            self.run.landmarks.arrive(Landmark::Kind(kind.gvk().group_kind()));
        }
    }

    async fn wait_for_readiness(&mut self) {
        if self.run.options.no_wait || self.run.options.dry_run {
            return;
        }
        for reference in &self.plan.wait {
            if self.stopped() {
                return;
            }
            if self.failed.contains(reference) {
                continue;
            }
            let waited = wait_ready(self, reference, self.run.options.readiness_timeout).await;
            self.take_problems(waited.problems);
        }
    }

    fn end(&mut self) {
        let outcome = &self.outcome;
        self.send(ItemEvent::Ended(Counts {
            applied: outcome.applied.len(),
            hooks: outcome.applied.iter().filter(|applied| applied.hook).count(),
            deleted: outcome.deleted.len(),
            deleted_hooks: outcome.deleted_hooks.len(),
            errors: outcome.problems.errors.len(),
            warnings: outcome.problems.warnings.len(),
            aborted: self.stopped(),
        }));
    }
}
