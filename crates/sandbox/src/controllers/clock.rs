//! The virtual clock: what takes time takes none.
//!
//! Nothing takes time by itself. What an annotation gives a time to is put on the clock, which stands still while requests are
//! answered and jumps to what is due next as soon as somebody looks again: a read or a watch. Whoever waits for readiness
//! so sees first that it is not there and then that it is, in the order of the times given.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Sandbox;
use crate::store::Key;
use crate::time;

use super::Live;

/// How long a Pod takes until it is ready, or has done its work.
pub(super) const TAKES: &str = "sandbox.kluctl.io/takes";

/// What is on the clock.
#[derive(Default)]
pub(crate) struct Clock(Mutex<OnClock>);

#[derive(Default)]
struct OnClock {
    /// When what was begun is over, with the uid of whoever began it.
    begun: HashMap<Key, (Box<str>, i64)>,
    due: BTreeSet<(i64, Key)>,
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, OnClock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds out of `90`, `30s`, `2m`, `1h` or several of them.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let span: jiff::Span = text.parse().ok()?;
    let seconds = span.total(jiff::Unit::Second).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a person's annotation")]
    let seconds = seconds.ceil() as i64;
    Some(seconds)
}

impl Sandbox {
    /// Whether what an object takes time for is over; otherwise it is put on the clock.
    pub(super) fn is_over(&self, live: &Live) -> bool {
        let takes = live.object.annotation(TAKES).and_then(seconds);
        let Some(takes) = takes.filter(|takes| *takes > 0) else {
            return true;
        };
        let now = time::second();
        let mut clock = self.life.clock.lock();
        let begun = clock.begun.entry(live.key.clone()).or_default();
        if *begun.0 != *live.uid() {
            *begun = (live.uid().into(), now.saturating_add(takes));
        }
        let over = begun.1;
        if over <= now {
            return true;
        }
        clock.due.insert((over, live.key.clone()));
        false
    }

    /// Somebody looks again: the clock goes on to what is due next. Tells whether anything was.
    pub(crate) fn pass_time(&self) -> bool {
        let due = {
            let mut clock = self.life.clock.lock();
            let Some(over) = clock.due.first().map(|(over, _)| *over) else {
                return false;
            };
            time::skip_to(over);
            let later = clock.due.split_off(&(over + 1, Key::default()));
            std::mem::replace(&mut clock.due, later)
        };
        for (_, key) in due {
            if let Some(live) = self.live(&key) {
                self.reconcile_pod(&live);
            }
        }
        self.settle();
        true
    }

    /// Takes what is gone off the clock.
    pub(super) fn forget_time(&self, key: &Key) {
        let mut clock = self.life.clock.lock();
        if let Some((_, over)) = clock.begun.remove(key) {
            clock.due.remove(&(over, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("90", Some(90)),
            ("30s", Some(30)),
            ("2m", Some(120)),
            ("1h 30m", Some(5400)),
            ("soon", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
