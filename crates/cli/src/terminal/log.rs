//! One JSON document per line and event, for programs that follow a command.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kluctl_commands::{Event, ItemEvent, Nth, StepEnd};
use serde_json::{Map, Value, json};

use super::{Mark, texts, write_line};

/// Writes what happens as JSON lines.
#[derive(Debug, Default)]
pub(super) struct Log {
    names: BTreeMap<usize, String>,
}

impl Log {
    pub(super) fn show(&mut self, event: &Event) {
        if let Some(entry) = self.entry(event) {
            write(entry);
        }
    }

    /// A line that belongs to no event.
    pub(super) fn line(mark: Mark, text: &str) {
        let level = match mark {
            Mark::Failure => "error",
            Mark::Warning => "warning",
            Mark::Success | Mark::Info => "info",
        };
        write(entry(level, "message", text));
    }

    fn entry(&mut self, event: &Event) -> Option<Map<String, Value>> {
        let found = match event {
            Event::StepStarted(step) => entry("info", "stepStarted", &texts::step(step)),
            Event::StepEnded(step, end) => {
                let (level, outcome, text) = match end {
                    StepEnd::Succeeded => ("info", "succeeded", None),
                    StepEnd::Warned(text) => ("warning", "warned", text.clone()),
                    StepEnd::Failed(text) => ("error", "failed", text.clone()),
                };
                let text = text.unwrap_or_else(|| texts::step(step));
                with(entry(level, "stepEnded", &text), "outcome", outcome)
            }
            Event::Warning(text) => entry("warning", "message", text),
            Event::Info(text) => entry("info", "message", text),
            Event::ItemStarted { item, name } => {
                let name = name.clone()?;
                self.names.insert(*item, name.clone());
                with(entry("info", "itemStarted", "Initializing"), "item", name)
            }
            Event::Item { item, event } => with(item_entry(event)?, "item", self.names.get(item)?.clone()),
            Event::BarrierStarted(message) => {
                entry("info", "barrierStarted", &texts::barrier(message.as_deref()))
            }
            Event::Working { object, text } => with(
                entry("info", "working", text.as_ref()?),
                "object",
                object.to_string(),
            ),
            Event::BarrierEnded => entry("info", "barrierEnded", "Finished waiting"),
        };
        Some(found)
    }
}

fn item_entry(event: &ItemEvent) -> Option<Map<String, Value>> {
    let told = texts::item(event);
    let text = told.plain.or(told.live)?;
    let nth = |name: &str, nth: &Nth| {
        let found = with(entry("info", name, &text), "object", nth.object.to_string());
        with(with(found, "number", nth.number), "of", nth.of)
    };
    Some(match event {
        ItemEvent::Total(_) | ItemEvent::Advanced => return None,
        ItemEvent::DeletingObject(at) => nth("deletingObject", at),
        ItemEvent::DeletingHook { nth: at, .. } => nth("deletingHook", at),
        ItemEvent::ApplyingHook(at) => nth("applyingHook", at),
        ItemEvent::ApplyingObject(at) => nth("applyingObject", at),
        ItemEvent::WaitingToAppear(object) => {
            with(entry("info", "waiting", &text), "object", object.to_string())
        }
        ItemEvent::Waiting { object, seconds, .. } => with(
            with(entry("info", "waiting", &text), "object", object.to_string()),
            "seconds",
            *seconds,
        ),
        ItemEvent::WaitEnded { object, seconds } => with(
            with(entry("info", "waitEnded", &text), "object", object.to_string()),
            "seconds",
            *seconds,
        ),
        ItemEvent::Ended(counts) => {
            let level = if counts.errors == 0 && !counts.aborted {
                "info"
            } else {
                "error"
            };
            let numbers = json!({
                "applied": counts.applied, "hooks": counts.hooks, "deleted": counts.deleted,
                "deletedHooks": counts.deleted_hooks, "errors": counts.errors, "warnings": counts.warnings,
                "aborted": counts.aborted,
            });
            with(entry(level, "itemEnded", &text), "counts", numbers)
        }
        _ => entry("info", "itemProgress", &text),
    })
}

fn entry(level: &str, event: &str, message: &str) -> Map<String, Value> {
    [("level", level), ("event", event), ("message", message)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect()
}

fn with(mut entry: Map<String, Value>, key: &str, value: impl Into<Value>) -> Map<String, Value> {
    entry.insert(key.to_owned(), value.into());
    entry
}

fn write(entry: Map<String, Value>) {
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    write_line(&kluctl_object::to_go_json(&Value::Object(with(
        entry, "time", time,
    ))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_commands::{Counts, Step};
    use kluctl_object::{Gvk, ObjectRef};

    #[test]
    fn every_event_is_one_document() {
        let object = ObjectRef::new(&Gvk::new("", "v1", "Service"), Some("n"), "s");
        let item = |event| Event::Item { item: 3, event };
        let events = [
            Event::StepStarted(Step::ReadNamespaces),
            Event::ItemStarted {
                item: 3,
                name: Some("app".to_owned()),
            },
            item(ItemEvent::ApplyingObject(Nth {
                object,
                number: 1,
                of: 2,
            })),
            item(ItemEvent::Advanced),
            item(ItemEvent::Ended(Counts {
                errors: 1,
                ..Counts::default()
            })),
        ];
        let mut log = Log::default();
        let told: Vec<Value> = events
            .iter()
            .filter_map(|event| log.entry(event))
            .map(Value::Object)
            .collect();
        assert_eq!(
            told[..3],
            [
                json!({"level": "info", "event": "stepStarted", "message": "Getting namespaces"}),
                json!({"level": "info", "event": "itemStarted", "item": "app", "message": "Initializing"}),
                json!({"level": "info", "event": "applyingObject", "item": "app", "object": "n/Service/s", "number": 1,
                    "of": 2, "message": "Applying object n/Service/s (1 of 2)"}),
            ]
        );
        assert_eq!(told.len(), 4);
        assert_eq!(
            (&told[3]["level"], &told[3]["counts"]["errors"]),
            (&json!("error"), &json!(1))
        );
    }
}
