//! Upstream's words for what happens.
//!
//! Source: kluctl `pkg/deployment/utils/apply_utils.go`, `hooks_util.go`, `remote_objects_utils.go`.

use kluctl_commands::{Counts, ItemEvent, Nth, Step};

/// A text for each of the two ways to show progress.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// Replaces what a live line says.
    pub(super) live: Option<String>,
    /// Is a plain line of its own.
    pub(super) plain: Option<String>,
}

fn both(text: String) -> Texts {
    Texts {
        live: Some(text.clone()),
        plain: Some(text),
    }
}

fn live(text: String) -> Texts {
    Texts {
        live: Some(text),
        plain: None,
    }
}

fn plain(text: String) -> Texts {
    Texts {
        live: None,
        plain: Some(text),
    }
}

/// What a step of a command is called.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::ReadByDiscriminator => "Getting remote objects by discriminator".to_owned(),
        Step::ReadByName(count) => format!("Getting {count} additional remote objects"),
        Step::ReadNamespaces => "Getting namespaces".to_owned(),
        Step::Named(text) => text.clone(),
    }
}

/// What a barrier is called.
pub(super) fn barrier(message: Option<&str>) -> String {
    match message {
        Some(message) => format!("Waiting on barrier: {message}"),
        None => "Waiting on barrier...".to_owned(),
    }
}

fn nth(nth: &Nth) -> String {
    format!("({} of {})", nth.number, nth.of)
}

/// What an item does, without its name.
pub(super) fn item(event: &ItemEvent) -> Texts {
    match event {
        ItemEvent::Total(_) | ItemEvent::Advanced => Texts::default(),
        ItemEvent::DeletingObjects(count) => plain(format!("Deleting {count} objects")),
        ItemEvent::DeletingObject(at) => live(format!("Deleting object {} {}", at.object, nth(at))),
        ItemEvent::DeletingHooks { count, after } => {
            let when = if *after { "after" } else { "before" };
            plain(format!("Deleting {count} hooks {when} hook execution"))
        }
        ItemEvent::DeletingHook { nth: at, policies } => both(format!(
            "Deleting hook {} due to hook-delete-policy {policies} {}",
            at.object,
            nth(at)
        )),
        ItemEvent::ApplyingHooks(count) => plain(format!("Applying {count} hooks")),
        ItemEvent::ApplyingHook(at) => both(format!("Applying hook {} {}", at.object, nth(at))),
        ItemEvent::ApplyingObjects(count) => plain(format!("Applying {count} objects")),
        ItemEvent::ApplyingObject(at) => live(format!("Applying object {} {}", at.object, nth(at))),
        ItemEvent::StillApplying(done, of) => plain(format!("...applied {done} of {of} objects")),
        ItemEvent::WaitingToAppear(object) => live(format!("Waiting for {object} to appear...")),
        ItemEvent::Waiting {
            object,
            seconds,
            first,
            report,
            reason,
        } => Texts {
            live: Some(match reason {
                Some(reason) => {
                    format!("Waiting for {object} to get ready... ({seconds}s elapsed): {reason}")
                }
                None => format!("Waiting for {object} to get ready... ({seconds}s elapsed)"),
            }),
            plain: report.then(|| {
                let verb = if *first { "Waiting" } else { "Still waiting" };
                format!("{verb} for {object} to get ready... ({seconds}s elapsed)")
            }),
        },
        ItemEvent::WaitingToGo { object, seconds } => {
            live(format!("Waiting for {object} to be gone... ({seconds}s elapsed)"))
        }
        ItemEvent::WaitingForOthers(object) => live(format!("Waiting for another item to bring {object}...")),
        ItemEvent::WaitEnded { object, seconds } => {
            plain(format!("Finished waiting for {object} ({seconds}s elapsed)"))
        }
        ItemEvent::Ended(counts) => live(ended(counts)),
    }
}

/// What an item has done in the end.
fn ended(counts: &Counts) -> String {
    let parts = [
        ("Applied", counts.applied, "objects"),
        ("Applied", counts.hooks, "hooks"),
        ("Deleted", counts.deleted, "objects"),
        ("Deleted", counts.deleted_hooks, "hooks"),
        ("Encountered", counts.errors, "errors"),
        ("Encountered", counts.warnings, "warnings"),
    ];
    let texts: Vec<String> = parts
        .iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(verb, count, what)| format!("{verb} {count} {what}."))
        .collect();
    if texts.is_empty() {
        "Nothing to apply.".to_owned()
    } else {
        texts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_end_with_what_they_did() {
        let counts = Counts {
            applied: 49,
            hooks: 4,
            deleted_hooks: 4,
            ..Counts::default()
        };
        assert_eq!(
            ended(&counts),
            "Applied 49 objects. Applied 4 hooks. Deleted 4 hooks."
        );
        assert_eq!(ended(&Counts::default()), "Nothing to apply.");
    }
}
