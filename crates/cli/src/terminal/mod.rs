//! What a person sees while a command runs: progress, warnings, questions. Everything here goes to standard error.

mod live;
mod log;
mod plain;
mod texts;

use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kluctl_commands::{Event, Events, Step, StepEnd};
use kluctl_source::Person;
use tokio_util::sync::CancellationToken;

use crate::options::global::GlobalFlags;
use live::Live;
use log::Log;
use plain::Plain;

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Success,
    Failure,
    Warning,
    Info,
}

/// How progress is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Live lines on a terminal, plain lines elsewhere.
    #[default]
    Text,
    /// One JSON document per line.
    Json,
}

/// Draws what happens: live lines on a terminal, plain lines elsewhere.
#[derive(Clone)]
pub(crate) struct Terminal {
    display: Arc<Mutex<Display>>,
    stop: CancellationToken,
}

enum Display {
    Live(Live),
    Plain(Plain),
    Log(Log),
}

impl Terminal {
    /// Looks at standard error: live lines need a terminal, and debug logs would tear them apart.
    pub(crate) fn new(no_color: bool, debug: bool) -> Self {
        let live = !debug && std::io::stderr().is_terminal();
        let display = if live {
            Display::Live(Live::new(!no_color))
        } else {
            Display::Plain(Plain::default())
        };
        Self {
            display: Arc::new(Mutex::new(display)),
            stop: CancellationToken::new(),
        }
    }

    /// As the flags ask for.
    pub(crate) fn of(global: &GlobalFlags) -> Self {
        Self::new(!global.color(), global.debug).in_format(global.log_format)
    }

    /// The same terminal, whose questions are over, and answered with "no", once `stop` is cancelled.
    pub(crate) fn until(mut self, stop: &CancellationToken) -> Self {
        self.stop = stop.clone();
        self
    }

    /// Writes in another way than the terminal suggests.
    pub(crate) fn in_format(self, format: LogFormat) -> Self {
        if format == LogFormat::Json {
            *self.lock() = Display::Log(Log::default());
        }
        self
    }

    fn lock(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where commands send what happens.
    pub(crate) fn events(&self) -> Events {
        let terminal = self.clone();
        Events::new(move |event| terminal.show(&event))
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match &mut *self.lock() {
            Display::Live(live) => live.show(event),
            Display::Plain(plain) => plain.show(event),
            Display::Log(log) => log.show(event),
        }
    }

    /// Starts a step that ends when [`Terminal::end`] is called.
    pub(crate) fn start(&self, text: &str) {
        self.show(&Event::StepStarted(Step::Named(text.to_owned())));
    }

    /// Ends a step.
    pub(crate) fn end(&self, text: &str, end: StepEnd) {
        self.show(&Event::StepEnded(Step::Named(text.to_owned()), end));
    }

    /// A step that is over at once.
    pub(crate) fn step(&self, text: &str) {
        self.start(text);
        self.end(text, StepEnd::Succeeded);
    }

    /// Warns.
    pub(crate) fn warning(&self, text: &str) {
        self.show(&Event::Warning(text.to_owned()));
    }

    /// Tells.
    pub(crate) fn info(&self, text: &str) {
        self.show(&Event::Info(text.to_owned()));
    }

    /// The final error of a command.
    pub(crate) fn error(&self, text: &str) {
        match &mut *self.lock() {
            Display::Live(live) => live.line(Mark::Failure, text),
            Display::Plain(_) => write_line(text),
            Display::Log(_) => Log::line(Mark::Failure, text),
        }
    }

    /// Text on standard error that is part of the conversation, such as what will be deleted.
    pub(crate) fn text(&self, text: &str) {
        self.aside(|| {
            let _ = std::io::stderr().write_all(text.as_bytes());
        });
    }

    /// Does something that writes to the terminal too, with live lines out of the way.
    pub(crate) fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        match &mut *self.lock() {
            Display::Live(live) => live.aside(action),
            Display::Plain(_) | Display::Log(_) => action(),
        }
    }

    /// Asks a question; whatever is not understood is asked again, and no answer is a "no".
    pub(crate) fn confirm(&self, question: &str) -> bool {
        loop {
            let prompt = match &*self.lock() {
                Display::Live(live) => live.prompt(question),
                Display::Plain(_) | Display::Log(_) => format!("{question} (y/N) "),
            };
            self.text(&prompt);
            let (answer, error) = match self.read_line() {
                None => {
                    self.text("\n");
                    return false;
                }
                Some(Ok(answer)) if answer.is_empty() => (answer, Some("EOF".to_owned())),
                Some(Ok(answer)) => (answer, None),
                Some(Err(error)) => (String::new(), Some(error.to_string())),
            };
            if let Some(error) = error {
                self.warning(&format!("Failed prompting for \"{question}\". Error: {error}"));
                return false;
            }
            match answer.trim() {
                "y" | "Y" | "yes" | "Yes" | "YES" => return true,
                "" | "n" | "N" | "no" | "No" | "NO" => return false,
                _ => self.warning("Please type yes or no and then press enter!"),
            }
        }
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terminal")
    }
}

impl Person for Terminal {
    fn confirm(&self, question: &str) -> bool {
        Self::confirm(self, question)
    }

    fn secret(&self, question: &str) -> Option<String> {
        self.aside(|| kluctl_source::ask_secretly(question))
    }

    fn text(&self, question: &str) -> Option<String> {
        self.aside(|| kluctl_source::ask_openly(question))
    }

    fn warn(&self, text: &str) {
        self.warning(text);
    }
}

impl Terminal {
    /// Reads a line from standard input, empty at its end; `None` when the command is stopped meanwhile.
    fn read_line(&self) -> Option<std::io::Result<String>> {
        let (send, receive) = std::sync::mpsc::channel();
        // reading cannot be interrupted; the thread ends with the process
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
        while !self.stop.is_cancelled() {
            match receive.recv_timeout(STOP_LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(read) => return Some(read),
                Err(RecvTimeoutError::Disconnected) => return Some(Ok(String::new())),
            }
        }
        None
    }
}

/// How often a question looks whether the command has been stopped.
const STOP_LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// Writes a line to standard error; where that fails there is nobody to tell.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Columns of the terminal: `COLUMNS`, else what standard output has, else 80.
pub(crate) fn width() -> usize {
    let from_env = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let from_terminal = || {
        let size = std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten();
        size.map(|(width, _)| usize::from(width.0))
    };
    from_env
        .or_else(from_terminal)
        .filter(|width| *width > 0)
        .unwrap_or(80)
}
