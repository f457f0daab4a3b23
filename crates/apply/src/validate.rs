//! Judges everything that the items deployed.

use jiff::Timestamp;
use kluctl_cluster::Discovery;
use kluctl_object::ObjectRef;

use crate::annotations::is_set;
use crate::hook::Hook;
use crate::item::Item;
use crate::live::LiveObjects;
use crate::problem::Problems;
use crate::readiness::readiness;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether every object that exists is ready.
    pub ready: bool,
    /// Missing, broken and unready objects, and what deserves attention.
    pub problems: Problems,
    /// Texts that objects carry in `validate-result.kluctl.io/*` annotations: object, annotation, text.
    pub results: Vec<(ObjectRef, String, String)>,
}

/// Judges the live objects of the items. Hooks count only where they stay after a successful run.
///
/// Source: kluctl `pkg/deployment/commands/validate.go`.
pub fn validate(items: &[Item], live: &LiveObjects, discovery: &Discovery, now: Timestamp) -> Verdict {
    let mut verdict = Verdict {
        ready: true,
        ..Verdict::default()
    };
    for object in items.iter().flat_map(|item| &item.objects) {
        let reference = object.reference();
        let found = live.get(&reference);
        if is_set(object, "kluctl.io/delete") {
            if found.is_some() {
                let message = "object is marked for deletion but still exists on the target cluster";
                verdict.problems.error(Some(&reference), message);
            }
            continue;
        }
        let hook = Hook::read(object, &mut verdict.problems);
        if hook.is_some_and(|hook| !hook.is_persistent() || !hook.is_ever_applied()) {
            continue;
        }
        let Some(found) = found else {
            verdict.problems.error(Some(&reference), "object not found");
            continue;
        };
        let judged = readiness(found, discovery, now);
        verdict.ready &= judged.ready;
        for text in judged.errors.iter().chain(&judged.pending) {
            verdict.problems.error(Some(&reference), text);
        }
        for text in &judged.warnings {
            verdict.problems.warning(Some(&reference), text);
        }
        let results = judged.results.into_iter();
        verdict
            .results
            .extend(results.map(|(annotation, text)| (reference.clone(), annotation, text)));
    }
    verdict
}
