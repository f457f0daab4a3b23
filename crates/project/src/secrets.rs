//! Decrypts SOPS files as they are read.

use camino::Utf8Path;

use crate::problem::Problem;

/// Decrypts what SOPS has encrypted and leaves everything else alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decrypter {}

impl Decrypter {
    /// The plain content; `None` when the file is not encrypted.
    #[expect(clippy::unused_self, reason = "keys come with decryption")]
    pub(crate) fn decrypt(&self, path: &Utf8Path, content: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
        if !looks_encrypted(content) {
            return Ok(None);
        }
        Err(Problem::in_file(
            path,
            "the file is encrypted with SOPS, which cannot be decrypted yet",
        ))
    }
}

/// Whether a file may be encrypted: it has SOPS's metadata and at least one of its values.
fn looks_encrypted(content: &[u8]) -> bool {
    let has = |wanted: &[u8]| content.windows(wanted.len()).any(|window| window == wanted);
    has(b"sops") && has(b"ENC[AES256_GCM,")
}
