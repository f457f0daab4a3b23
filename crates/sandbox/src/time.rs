//! Times as objects carry them. They are those of the virtual clock, which is ahead of the real one by what was skipped.

use std::sync::atomic::{AtomicI64, Ordering};

/// Seconds that were skipped. All sandboxes of a process share them, so that time goes backwards in none.
static SKIPPED: AtomicI64 = AtomicI64::new(0);

/// Now, in seconds.
pub(crate) fn second() -> i64 {
    jiff::Timestamp::now().as_second() + SKIPPED.load(Ordering::Relaxed)
}

/// Goes on to a second, unless it is over.
pub(crate) fn skip_to(then: i64) {
    let ahead = then - jiff::Timestamp::now().as_second();
    SKIPPED.fetch_max(ahead, Ordering::Relaxed);
}

/// Now, to the second.
pub(crate) fn now() -> String {
    let now = jiff::Timestamp::from_second(second()).unwrap_or_else(|_| jiff::Timestamp::now());
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds since a time in an object.
pub(crate) fn seconds_since(time: &str) -> Option<i64> {
    let then: jiff::Timestamp = time.parse().ok()?;
    Some(second() - then.as_second())
}

/// A time to the second in UTC; `None` when it is not one.
pub(crate) fn canonical_time(text: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A time to the microsecond in UTC; `None` when it is not one.
pub(crate) fn canonical_micro_time(text: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
}
