//! Which values of a file are encrypted.

use regex::Regex;

/// The rule of a file; at most one of its parts is set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) unencrypted_suffix: Option<String>,
    pub(crate) encrypted_suffix: Option<String>,
    pub(crate) unencrypted_regex: Option<Regex>,
    pub(crate) encrypted_regex: Option<Regex>,
    pub(crate) unencrypted_comment_regex: Option<Regex>,
    pub(crate) encrypted_comment_regex: Option<Regex>,
}

/// The keys above a value, and the comments that stand before it on each level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) path: Vec<String>,
    pub(crate) comments: Vec<Vec<String>>,
}

impl Rules {
    /// Whether what stands at a place is encrypted.
    ///
    /// Source: sops `sops.go`, `shouldBeEncrypted`.
    pub(crate) fn encrypted(&self, place: &Place, is_comment: bool) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| place.path.iter().any(|key| test(key));
        let mut encrypted = true;
        if let Some(suffix) = &self.unencrypted_suffix {
            encrypted = !any(&|key| key.ends_with(suffix.as_str()));
        }
        if let Some(suffix) = &self.encrypted_suffix {
            encrypted = any(&|key| key.ends_with(suffix.as_str()));
        }
        if let Some(regex) = &self.unencrypted_regex {
            encrypted &= !any(&|key| regex.is_match(key));
        }
        if let Some(regex) = &self.encrypted_regex {
            encrypted = any(&|key| regex.is_match(key));
        }
        if let Some(regex) = &self.unencrypted_comment_regex {
            let all = place.comments.iter().flatten();
            encrypted &= !all.into_iter().any(|comment| regex.is_match(comment));
        }
        if let Some(regex) = &self.encrypted_comment_regex {
            let deepest = place.comments.len().saturating_sub(1);
            encrypted = place.comments.iter().enumerate().any(|(level, comments)| {
                // A comment is not encrypted because of itself, but because of those before it.
                let own = usize::from(is_comment && level == deepest);
                let before = &comments[..comments.len().saturating_sub(own)];
                before.iter().any(|comment| regex.is_match(comment))
            });
        }
        encrypted
    }
}
