//! Bounds on requests: how many at once, how many per second, how often again.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Bounds that all requests of a [`Cluster`](crate::Cluster) share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests in flight at once.
    pub in_flight: usize,
    /// Requests per second on average; 0 switches the rate limit off.
    pub per_second: f64,
    /// Requests that may start at once before the rate counts.
    pub burst: f64,
    /// Tries per request, the first one included.
    pub attempts: u32,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 32,
            per_second: 400.0,
            burst: 800.0,
            attempts: 6,
            timeout: Duration::from_secs(65),
        }
    }
}

/// Lets requests through as [`Limits`] allow.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Limits,
    slots: Semaphore,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            slots: Semaphore::new(limits.in_flight.max(1)),
            bucket: Mutex::new(Bucket {
                tokens: limits.burst.max(1.0),
                at: None,
            }),
            limits,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits for a slot and for the rate; the slot is held until the permit is dropped.
    pub(crate) async fn pass(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.slots.acquire().await.ok();
        let wait = self.take(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        permit
    }

    /// Takes a token, possibly one of the future, and tells how long to wait for it.
    fn take(&self, now: Instant) -> Duration {
        if self.limits.per_second <= 0.0 {
            return Duration::ZERO;
        }
        let Ok(mut bucket) = self.bucket.lock() else {
            return Duration::ZERO;
        };
        let elapsed = bucket.at.map_or(Duration::ZERO, |at| now.duration_since(at));
        let refilled = bucket.tokens + elapsed.as_secs_f64() * self.limits.per_second;
        bucket.tokens = refilled.min(self.limits.burst.max(1.0)) - 1.0;
        bucket.at = Some(now);
        if bucket.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-bucket.tokens / self.limits.per_second)
        }
    }
}

/// How long to wait before a try: what the server asks for, else growing from 100 ms to 5 s.
pub(crate) fn backoff(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let grown = Duration::from_millis(100) * 2u32.pow(attempt.min(8));
    retry_after.map_or(grown.min(Duration::from_secs(5)), |asked| {
        asked.min(Duration::from_secs(30))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_kept_after_the_burst() {
        let gate = Gate::new(Limits {
            per_second: 10.0,
            burst: 2.0,
            ..Limits::default()
        });
        let start = Instant::now();
        let waits: Vec<_> = (0..5).map(|_| gate.take(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 100, 200, 300]);
        assert_eq!(gate.take(start + Duration::from_secs(10)).as_millis(), 0);
    }

    #[test]
    fn waits_grow_and_follow_the_server() {
        assert_eq!(backoff(1, None).as_millis(), 200);
        assert_eq!(backoff(20, None).as_secs(), 5);
        assert_eq!(backoff(1, Some(Duration::from_secs(7))).as_secs(), 7);
    }
}
