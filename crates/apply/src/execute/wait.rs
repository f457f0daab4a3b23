//! Waits until an object is ready.

use std::time::Duration;

use jiff::Timestamp;
use kluctl_object::ObjectRef;
use tokio::time::Instant;

use super::item::ItemRun;
use crate::event::{Event, ItemEvent};
use crate::problem::Problems;
use crate::readiness::{Readiness, readiness};

/// What came of waiting.
#[derive(Debug, Default)]
pub(super) struct Waited {
    pub(super) ready: bool,
    pub(super) problems: Problems,
}

/// Between two looks at an object.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two reports of a wait.
const REPORT: Duration = Duration::from_secs(10);

/// Waits for one object until it is ready, failed, gone, or the time is over.
///
/// Source: kluctl `pkg/deployment/utils/apply_utils.go`, `WaitReadiness`.
pub(super) async fn wait_ready(item: &ItemRun<'_>, reference: &ObjectRef, timeout: Duration) -> Waited {
    let mut waited = Waited::default();
    let start = Instant::now();
    let mut seen = false;
    let mut last_report: Option<Instant> = None;
    // the first looks come quickly: much is ready within moments
    let mut pause = Duration::from_millis(50);
    loop {
        let seconds = start.elapsed().as_secs();
        let object = match item.run.cluster.get(reference).await {
            Ok(answer) => {
                waited.problems.server_warnings(reference, &answer.warnings);
                answer.value
            }
            Err(error) => {
                waited.problems.error(Some(reference), error.to_string());
                return waited;
            }
        };
        let mut reason = None;
        match object {
            None if seen => {
                if last_report.is_some() {
                    let text = format!(
                        "Cancelled waiting for {reference} as it disappeared while waiting for it ({seconds}s elapsed)"
                    );
                    item.run.events.send(Event::Warning(text));
                }
                let message = format!("{reference} disappeared while waiting for it to become ready");
                waited.problems.error(Some(reference), message);
                return waited;
            }
            None => item.send(ItemEvent::WaitingToAppear(reference.clone())),
            Some(object) => {
                seen = true;
                let Ok(discovery) = item.run.cluster.discovery().await else {
                    return waited;
                };
                let found = readiness(&object, &discovery, Timestamp::now());
                if found.ready {
                    if last_report.is_some() {
                        let object = reference.clone();
                        item.send(ItemEvent::WaitEnded { object, seconds });
                    }
                    take_texts(&mut waited.problems, reference, &found, false);
                    waited.ready = true;
                    return waited;
                }
                if !found.errors.is_empty() {
                    if last_report.is_some() {
                        let text =
                            format!("Cancelled waiting for {reference} due to errors ({seconds}s elapsed)");
                        item.run.events.send(Event::Warning(text));
                    }
                    take_texts(&mut waited.problems, reference, &found, true);
                    return waited;
                }
                reason = found.pending.into_iter().next();
            }
        }
        let report = last_report.is_none_or(|at| at.elapsed() >= REPORT);
        item.send(ItemEvent::Waiting {
            object: reference.clone(),
            seconds,
            first: last_report.is_none(),
            report,
            reason,
        });
        if report {
            last_report = Some(Instant::now());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE),
            () = tokio::time::sleep_until(start + timeout) => {
                let message = format!("timed out while waiting for readiness of {reference}");
                item.run.events.send(Event::Warning(format!("{message} ({}s elapsed)", start.elapsed().as_secs())));
                waited.problems.error(Some(reference), message);
                return waited;
            }
            () = item.run.stop.cancelled() => {
                let message = format!("context cancelled while waiting for readiness of {reference}");
                item.run.events.send(Event::Warning(format!("{message} ({}s elapsed)", start.elapsed().as_secs())));
                waited.problems.error(Some(reference), message);
                return waited;
            }
        }
    }
}

fn take_texts(problems: &mut Problems, reference: &ObjectRef, found: &Readiness, pending: bool) {
    for text in &found.errors {
        problems.error(Some(reference), text);
    }
    for text in &found.warnings {
        problems.warning(Some(reference), text);
    }
    for text in found.pending.iter().filter(|_| pending) {
        problems.warning(Some(reference), text);
    }
}
