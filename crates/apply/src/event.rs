//! What happens during a run, as it happens. Consumers: terminal, logs, controller status, web pages.

use std::sync::Arc;

use kluctl_object::ObjectRef;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step of a command started.
    StepStarted(Step),
    /// A step of a command ended.
    StepEnded(Step, StepEnd),
    /// Something that does not stop the run but should be seen at once.
    Warning(String),
    /// Something worth telling.
    Info(String),
    /// An item started; its total is the number of things it counts through.
    ItemStarted {
        /// Index of the item.
        item: usize,
        /// What its lines are prefixed with.
        name: Option<String>,
    },
    /// What an item does at the moment.
    Item {
        /// Index of the item.
        item: usize,
        /// What it does.
        event: ItemEvent,
    },
    /// A barrier holds back further items.
    BarrierStarted(Option<String>),
    /// Everything before the barrier has ended.
    BarrierEnded,
    /// Something is under way with an object outside of items; refreshes what a live display shows of it.
    Working {
        /// The object.
        object: ObjectRef,
        /// What is being done; `None` when it is over.
        text: Option<String>,
    },
}

/// What an item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemEvent {
    /// How many things the item will count through.
    Total(usize),
    /// One of them is done.
    Advanced,
    /// Objects get deleted before anything else.
    DeletingObjects(usize),
    /// One of these objects gets deleted.
    DeletingObject(Nth),
    /// Hooks get deleted before or after they run.
    DeletingHooks {
        /// How many.
        count: usize,
        /// Whether they have run.
        after: bool,
    },
    /// A hook gets deleted because of its policies.
    DeletingHook {
        /// Which one.
        nth: Nth,
        /// Its delete policies, joined by commas.
        policies: String,
    },
    /// Hooks get applied.
    ApplyingHooks(usize),
    /// A hook gets applied.
    ApplyingHook(Nth),
    /// Objects get applied.
    ApplyingObjects(usize),
    /// An object gets applied.
    ApplyingObject(Nth),
    /// Applying takes long; so many of the total are done.
    StillApplying(usize, usize),
    /// An object does not exist yet.
    WaitingToAppear(ObjectRef),
    /// An object is not ready yet.
    Waiting {
        /// Which one.
        object: ObjectRef,
        /// Seconds since the wait began.
        seconds: u64,
        /// Whether this is the first time that it is reported.
        first: bool,
        /// Whether a plain log should show it (others only refresh a live display).
        report: bool,
        /// What the object itself says is missing.
        reason: Option<String>,
    },
    /// A deleted object is still there; refreshes a live display.
    WaitingToGo {
        /// Which one.
        object: ObjectRef,
        /// Seconds since it was deleted.
        seconds: u64,
    },
    /// The item needs something that another one brings along; refreshes a live display.
    WaitingForOthers(ObjectRef),
    /// An object became ready after it had been reported as not ready.
    WaitEnded {
        /// Which one.
        object: ObjectRef,
        /// Seconds since the wait began.
        seconds: u64,
    },
    /// The item has ended.
    Ended(Counts),
}

/// Which of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nth {
    /// The object.
    pub object: ObjectRef,
    /// Counted from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

/// What an item did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects applied, hooks included.
    pub applied: usize,
    /// Hooks applied.
    pub hooks: usize,
    /// Objects deleted.
    pub deleted: usize,
    /// Hooks deleted.
    pub deleted_hooks: usize,
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Whether the item stopped before its end.
    pub aborted: bool,
}

/// A step of a command that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reads the objects that carry the discriminator.
    ReadByDiscriminator,
    /// Reads so many objects by name.
    ReadByName(usize),
    /// Reads the namespaces.
    ReadNamespaces,
    /// Any other step, by its text.
    Named(String),
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Well.
    Succeeded,
    /// With something to look at; a text replaces the step's own.
    Warned(Option<String>),
    /// Not well; a text replaces the step's own.
    Failed(Option<String>),
}

/// Takes events; cheap to clone.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Hands every event to a function.
    pub fn new(take: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Drops every event.
    pub fn none() -> Self {
        Self::new(drop)
    }

    /// Hands an event on.
    pub fn send(&self, event: Event) {
        (self.0)(event);
    }

    /// Hands on what an item does.
    pub(crate) fn item(&self, item: usize, event: ItemEvent) {
        self.send(Event::Item { item, event });
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
