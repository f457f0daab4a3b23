//! `.helmignore`

use crate::error::Error;
use crate::path_match::path_match;

/// The rules of a `.helmignore`, with Helm's own at the end.
#[derive(Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: String,
    negate: bool,
    only_folders: bool,
    /// Matches the whole path and not just its last part.
    whole_path: bool,
}

impl IgnoreRules {
    /// Reads the file; without one, the text is empty.
    ///
    /// Source: helm `pkg/ignore/rules.go`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut rules = Self::default();
        for line in text.lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(Error::new("double-star (**) syntax is not supported"));
        }
        if path_match(rule, "abc").is_err() {
            return Err(Error::new("syntax error in pattern"));
        }
        let (rule, negate) = match rule.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (rule, false),
        };
        let (rule, only_folders) = match rule.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (rule, false),
        };
        let (pattern, whole_path) = match rule.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rule, rule.contains('/')),
        };
        self.rules.push(Rule {
            pattern: pattern.to_owned(),
            negate,
            only_folders,
            whole_path,
        });
        Ok(())
    }

    /// Whether a file or folder is left out; an ignored folder is not looked into.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        for rule in &self.rules {
            // A negated rule does not bring files back: it drops all that does not match.
            if rule.negate {
                if (rule.only_folders && !is_folder) || !rule.matches(path) {
                    return true;
                }
                continue;
            }
            if (!rule.only_folders || is_folder) && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let name = if self.whole_path {
            path
        } else {
            path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
        };
        path_match(&self.pattern, name).unwrap_or(false)
    }
}
