//! What a chart's files hold: most of a chart is never looked at, so it need not be read.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::archive::without_mark;
use crate::error::Error;

/// What a file holds: its bytes, or a way to get them when they are asked for. Clones share both.
#[derive(Clone)]
pub struct Content(Held);

#[derive(Clone)]
enum Held {
    Bytes(Bytes),
    Later(Arc<Later<Read>>),
}

type Read = dyn Fn() -> Result<Bytes, String> + Send + Sync;

/// A file that is read once, when it is asked for.
struct Later<R: ?Sized> {
    known: OnceLock<Result<Bytes, String>>,
    read: R,
}

impl Content {
    /// Bytes that are read when they are asked for, and once only.
    ///
    /// Whoever makes one has seen to it that there is such a file, that it may be read and that it is not too large. The
    /// error of `read` names the file.
    pub fn later(read: impl Fn() -> Result<Bytes, String> + Send + Sync + 'static) -> Self {
        Self(Held::Later(Arc::new(Later {
            known: OnceLock::new(),
            read,
        })))
    }

    /// The bytes, without a byte order mark. They are read where that has not been done.
    ///
    /// # Errors
    /// When the file cannot be read any more, or is not what it was.
    pub fn bytes(&self) -> Result<&Bytes, Error> {
        let known = match &self.0 {
            Held::Bytes(bytes) => return Ok(bytes),
            Held::Later(later) => later.known.get_or_init(|| (later.read)().map(without_mark)),
        };
        known.as_ref().map_err(|message| Error::new(message.clone()))
    }

    /// Why the bytes were asked for in vain.
    pub(crate) fn failure(&self) -> Option<Error> {
        match &self.0 {
            Held::Later(later) => later.known.get().and_then(|known| known.as_ref().err()),
            Held::Bytes(_) => None,
        }
        .map(|message| Error::new(message.clone()))
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self(Held::Bytes(without_mark(bytes)))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match &self.0 {
            Held::Bytes(bytes) => Some(Ok(bytes)),
            Held::Later(later) => later.known.get().map(Result::as_ref),
        };
        f.debug_tuple("Content").field(&known).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn clones_read_once_and_share_what_was_read() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = reads.clone();
        let content = Content::later(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Bytes::from_static(b"\xEF\xBB\xBFtext"))
        });
        let clone = content.clone();
        assert_eq!(reads.load(Ordering::Relaxed), 0);
        assert_eq!(content.bytes().unwrap(), "text");
        assert_eq!(clone.bytes().unwrap().as_ptr(), content.bytes().unwrap().as_ptr());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(content.failure().is_none());
    }

    #[test]
    fn a_failure_stays() {
        let content = Content::later(|| Err("open x: gone".to_owned()));
        assert!(content.failure().is_none());
        assert_eq!(content.bytes().unwrap_err().message(), "open x: gone");
        assert_eq!(content.clone().failure().unwrap().message(), "open x: gone");
    }
}
