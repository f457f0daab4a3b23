//! Carries a plan out. The only part of a deploy that changes the cluster.

mod hooks;
mod item;
mod landmarks;
mod object;
mod remove;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use kluctl_cluster::Cluster;
use kluctl_object::{Object, ObjectRef};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, Events};
use crate::live::LiveObjects;
use crate::plan::Plan;
use crate::problem::Problems;
use landmarks::Landmarks;
pub use object::MANAGER;
pub(crate) use remove::{remove_object, uid_of, until_gone};

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct ExecuteOptions {
    /// Only ask the server what would happen.
    pub dry_run: bool,
    /// Take over every field that others own.
    pub force_apply: bool,
    /// Replace an object where applying it fails.
    pub replace_on_error: bool,
    /// Delete and apply an object again where nothing else helps.
    pub force_replace_on_error: bool,
    /// Stop at the first error.
    pub abort_on_error: bool,
    /// Do not wait for readiness.
    pub no_wait: bool,
    /// How long to wait for one object.
    pub readiness_timeout: Duration,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            force_apply: false,
            replace_on_error: false,
            force_replace_on_error: false,
            abort_on_error: false,
            no_wait: false,
            readiness_timeout: Duration::from_mins(5),
        }
    }
}

/// An object that was applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Its reference among the local objects.
    pub reference: ObjectRef,
    /// The object as the server answered it.
    pub object: Object,
    /// Whether it is a hook.
    pub hook: bool,
    /// Whether it was not there before (hooks never count as new).
    pub new: bool,
}

/// What came of one item.
#[derive(Clone, Debug, Default)]
pub struct ItemOutcome {
    /// What was applied, in order.
    pub applied: Vec<Applied>,
    /// Objects that were deleted.
    pub deleted: Vec<ObjectRef>,
    /// Hooks that were deleted before or after they ran.
    pub deleted_hooks: Vec<ObjectRef>,
    /// Objects that were not tried, because the run was stopped before.
    pub skipped: Vec<ObjectRef>,
    /// Errors and warnings.
    pub problems: Problems,
}

/// What came of a plan.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Item by item, in the plan's order.
    pub items: Vec<ItemOutcome>,
}

impl Outcome {
    /// Everything that was applied, in the plan's order.
    pub fn applied(&self) -> impl Iterator<Item = &Applied> {
        self.items.iter().flat_map(|item| &item.applied)
    }

    /// Everything that was deleted, hooks left out.
    pub fn deleted(&self) -> impl Iterator<Item = &ObjectRef> {
        self.items.iter().flat_map(|item| &item.deleted)
    }

    /// Everything that was not tried.
    pub fn skipped(&self) -> impl Iterator<Item = &ObjectRef> {
        self.items.iter().flat_map(|item| &item.skipped)
    }

    /// All errors and warnings, in the plan's order.
    pub fn problems(&self) -> Problems {
        let mut all = Problems::default();
        for item in &self.items {
            all.extend(item.problems.clone());
        }
        all
    }
}

/// Items at work at the same time.
const PARALLEL_ITEMS: usize = 8;

/// What all items of a run share.
pub(crate) struct Run {
    pub(crate) plan: Arc<Plan>,
    pub(crate) live: Arc<LiveObjects>,
    pub(crate) cluster: Cluster,
    pub(crate) options: ExecuteOptions,
    pub(crate) events: Events,
    /// Set by the caller (Ctrl-C, deadline), or by the run itself when it aborts.
    pub(crate) stop: CancellationToken,
    pub(crate) landmarks: Landmarks,
    pub(crate) slots: Arc<Semaphore>,
}

/// Carries a plan out: items in order, up to eight at once, held back by barriers.
///
/// Stopping (`stop`) lets requests that are under way end, starts no others, and leaves a list of what was skipped.
pub async fn execute(
    plan: Arc<Plan>,
    live: Arc<LiveObjects>,
    cluster: &Cluster,
    options: ExecuteOptions,
    events: &Events,
    stop: &CancellationToken,
) -> Outcome {
    let slots = Arc::new(Semaphore::new(PARALLEL_ITEMS));
    let run = Arc::new(Run {
        landmarks: Landmarks::default(),
        cluster: cluster.clone(),
        events: events.clone(),
        stop: stop.child_token(),
        slots: Arc::clone(&slots),
        plan: Arc::clone(&plan),
        live,
        options,
    });
    let mut outcome = Outcome {
        items: vec![ItemOutcome::default(); plan.items.len()],
    };
    let mut running = JoinSet::new();
    // items start working only when all that may start with them are told: lines then come in one order
    let (go, _) = watch::channel(0);
    for (index, item) in plan.items.iter().enumerate() {
        if slots.available_permits() == 0 {
            go.send_replace(index);
        }
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        collect(&mut running, &mut outcome, Some(()));
        if run.stop.is_cancelled() {
            outcome.items[index].skipped = item::everything(item);
            continue;
        }
        if item.name.is_some() {
            let name = item.name.clone();
            run.events.send(Event::ItemStarted { item: index, name });
        }
        // told before the item starts, so that lines always come in this order
        if let Some(barrier) = &item.barrier {
            run.events.send(Event::BarrierStarted(barrier.message.clone()));
        }
        let shared = Arc::clone(&run);
        let mut told = go.subscribe();
        running.spawn(async move {
            // the sender outlives the run, so this ends when the item is told
            let _ = told.wait_for(|started| *started > index).await;
            (index, item::run(&shared, index, slot).await)
        });
        if item.barrier.is_some() {
            go.send_replace(index + 1);
            while let Some(ended) = running.join_next().await {
                store(&mut outcome, ended);
            }
            run.events.send(Event::BarrierEnded);
        }
    }
    go.send_replace(plan.items.len());
    while let Some(ended) = running.join_next().await {
        store(&mut outcome, ended);
    }
    outcome
}

type Ended = Result<(usize, ItemOutcome), tokio::task::JoinError>;

/// Takes in what has ended without waiting.
fn collect(running: &mut JoinSet<(usize, ItemOutcome)>, outcome: &mut Outcome, mut more: Option<()>) {
    while more.is_some() {
        more = running.try_join_next().map(|ended| store(outcome, ended));
    }
}

fn store(outcome: &mut Outcome, ended: Ended) {
    match ended {
        Ok((index, item)) => outcome.items[index] = item,
        // a bug of ours must not look like success
        Err(error) => {
            let mut problems = Problems::default();
            problems.error(None, format!("internal error while applying: {error}"));
            let lost = ItemOutcome {
                problems,
                ..ItemOutcome::default()
            };
            outcome.items.push(lost);
        }
    }
}
