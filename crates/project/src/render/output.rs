//! What `--render-output-dir` writes.

use bytes::Bytes;
use camino::Utf8PathBuf;

/// Rendered files by their path below the output folder: `<source>/<item>/…`.
#[derive(Clone, Debug, Default)]
pub struct RenderedFiles(pub Vec<(Utf8PathBuf, Bytes)>);
