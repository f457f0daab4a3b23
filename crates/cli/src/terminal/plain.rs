//! One line per thing worth telling, for logs and pipelines.

use std::collections::BTreeMap;

use kluctl_commands::{Event, StepEnd};

use super::{texts, write_line};

/// Shows progress as plain lines.
#[derive(Debug, Default)]
pub(super) struct Plain {
    names: BTreeMap<usize, String>,
}

impl Plain {
    pub(super) fn show(&mut self, event: &Event) {
        if let Some(line) = self.line(event) {
            write_line(&line);
        }
    }

    /// The line that an event is worth.
    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::StepStarted(step) => Some(texts::step(step)),
            Event::StepEnded(_, StepEnd::Succeeded) => None,
            Event::StepEnded(_, StepEnd::Warned(text) | StepEnd::Failed(text)) => text.clone(),
            Event::Warning(text) | Event::Info(text) => Some(text.clone()),
            Event::ItemStarted { item, name } => {
                let name = name.clone()?;
                self.names.insert(*item, name.clone());
                Some(format!("{name}: Initializing"))
            }
            Event::Item { item, event } => {
                let text = texts::item(event).plain?;
                Some(format!("{}: {text}", self.names.get(item)?))
            }
            Event::BarrierStarted(message) => Some(texts::barrier(message.as_deref())),
            Event::Working { .. } => None,
            Event::BarrierEnded => Some("Finished waiting".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_commands::{ItemEvent, Step};

    #[test]
    fn lines_are_upstream_s() {
        let events = [
            Event::StepStarted(Step::ReadByName(4)),
            Event::StepEnded(Step::ReadByName(4), StepEnd::Succeeded),
            Event::ItemStarted {
                item: 0,
                name: Some("ns".to_owned()),
            },
            Event::BarrierStarted(None),
            Event::Item {
                item: 0,
                event: ItemEvent::ApplyingObjects(1),
            },
            Event::Item {
                item: 0,
                event: ItemEvent::Advanced,
            },
            Event::BarrierEnded,
        ];
        let mut plain = Plain::default();
        let lines: Vec<String> = events.iter().filter_map(|event| plain.line(event)).collect();
        assert_eq!(
            lines,
            [
                "Getting 4 additional remote objects",
                "ns: Initializing",
                "Waiting on barrier...",
                "ns: Applying 1 objects",
                "Finished waiting",
            ]
        );
    }
}
