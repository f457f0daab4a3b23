//! Live lines at the bottom of a terminal; what has ended scrolls up with a mark.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kluctl_commands::{Event, ItemEvent, StepEnd};
use kluctl_object::ObjectRef;

use super::{Mark, texts};

/// What a live line belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Step(String),
    Item(usize),
    Barrier,
    Object(ObjectRef),
}

/// One line and what it says.
struct Line {
    bar: ProgressBar,
    prefix: String,
    text: String,
    done: usize,
    total: usize,
}

/// Shows progress as live lines.
pub(super) struct Live {
    lines: MultiProgress,
    open: BTreeMap<Owner, Line>,
    color: bool,
}

impl Live {
    pub(super) fn new(color: bool) -> Self {
        Self {
            lines: MultiProgress::new(),
            open: BTreeMap::new(),
            color,
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::StepStarted(step) => {
                let text = texts::step(step);
                self.start(Owner::Step(text.clone()), String::new(), &text);
            }
            Event::StepEnded(step, end) => {
                let owner = Owner::Step(texts::step(step));
                let (mark, text) = match end {
                    StepEnd::Succeeded => (Mark::Success, None),
                    StepEnd::Warned(text) => (Mark::Warning, text.as_deref()),
                    StepEnd::Failed(text) => (Mark::Failure, text.as_deref()),
                };
                self.end(&owner, mark, text);
            }
            Event::Warning(text) => self.line(Mark::Warning, text),
            Event::Info(text) => self.line(Mark::Info, text),
            Event::ItemStarted { item, name } => {
                let prefix = name.as_ref().map_or(String::new(), |name| format!("{name}: "));
                self.start(Owner::Item(*item), prefix, "Initializing");
            }
            Event::Item { item, event } => self.item(*item, event),
            Event::BarrierStarted(message) => {
                let text = texts::barrier(message.as_deref());
                self.start(Owner::Barrier, String::new(), &text);
            }
            Event::Working { object, text } => self.working(object, text.as_deref()),
            Event::BarrierEnded => self.end(&Owner::Barrier, Mark::Success, Some("Finished waiting")),
        }
    }

    /// Shows what is done with an object, or takes its line away.
    fn working(&mut self, object: &ObjectRef, text: Option<&str>) {
        let owner = Owner::Object(object.clone());
        match (text, self.open.get_mut(&owner)) {
            (Some(text), Some(line)) => {
                text.clone_into(&mut line.text);
                line.draw();
            }
            (Some(text), None) => self.start(owner, String::new(), text),
            (None, _) => {
                if let Some(line) = self.open.remove(&owner) {
                    line.bar.finish_and_clear();
                }
            }
        }
    }

    fn item(&mut self, item: usize, event: &ItemEvent) {
        let owner = Owner::Item(item);
        if let ItemEvent::Ended(counts) = event {
            let mark = if counts.errors == 0 && !counts.aborted {
                Mark::Success
            } else {
                Mark::Failure
            };
            let text = texts::item(event).live;
            self.end(&owner, mark, text.as_deref());
            return;
        }
        let Some(line) = self.open.get_mut(&owner) else {
            return;
        };
        match event {
            ItemEvent::Total(total) => line.total = *total,
            ItemEvent::Advanced => line.done = (line.done + 1).min(line.total),
            _ => {}
        }
        if let Some(text) = texts::item(event).live {
            line.text = text;
        }
        line.draw();
    }

    fn start(&mut self, owner: Owner, prefix: String, text: &str) {
        let bar = self.lines.add(ProgressBar::new_spinner());
        let template = if self.color {
            "{spinner:.cyan} {wide_msg}"
        } else {
            "{spinner} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let line = Line {
            bar,
            prefix,
            text: text.to_owned(),
            done: 0,
            total: 0,
        };
        line.draw();
        if let Some(old) = self.open.insert(owner, line) {
            old.bar.finish_and_clear();
        }
    }

    fn end(&mut self, owner: &Owner, mark: Mark, text: Option<&str>) {
        let Some(line) = self.open.remove(owner) else {
            return;
        };
        line.bar.finish_and_clear();
        let text = format!("{}{}", line.prefix, text.unwrap_or(&line.text));
        self.line(mark, &text);
    }

    /// Writes a line that stays.
    pub(super) fn line(&mut self, mark: Mark, text: &str) {
        let line = format!("{} {text}", self.glyph(mark));
        // `println` of the library loses lines that come when no bar is left.
        self.lines.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }

    fn glyph(&self, mark: Mark) -> String {
        let (glyph, color) = match mark {
            Mark::Success => ("✓", 32),
            Mark::Failure => ("✗", 31),
            Mark::Warning => ("⚠", 33),
            Mark::Info => ("ⓘ", 32),
        };
        self.colored(glyph, color)
    }

    fn colored(&self, text: &str, color: u8) -> String {
        if self.color {
            format!("\x1b[{color}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A question as it stands before the cursor.
    pub(super) fn prompt(&self, question: &str) -> String {
        format!("{} {question} (y/N) ", self.colored("?", 33))
    }

    /// Does something that writes to the terminal, with the lines out of the way.
    pub(super) fn aside<T>(&mut self, action: impl FnOnce() -> T) -> T {
        self.lines.suspend(action)
    }
}

impl Line {
    fn draw(&self) {
        // the last of the total is for what comes after applying
        let counter = if self.total > 2 {
            format!("[{}/{}] ", self.done, self.total - 1)
        } else {
            String::new()
        };
        self.bar
            .set_message(format!("{}{counter}{}", self.prefix, self.text));
    }
}
