//! Which items are in: by tags and by folders.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::problem::Problem;

/// Tags and folders to include and to leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inclusion {
    include_tags: BTreeSet<String>,
    include_dirs: BTreeSet<String>,
    exclude_tags: BTreeSet<String>,
    exclude_dirs: BTreeSet<String>,
}

/// What was given on the command line.
#[derive(Clone, Debug, Default)]
pub struct InclusionOptions {
    /// `--include-tag`
    pub include_tags: Vec<String>,
    /// `--exclude-tag`
    pub exclude_tags: Vec<String>,
    /// `--include-deployment-dir`
    pub include_dirs: Vec<String>,
    /// `--exclude-deployment-dir`
    pub exclude_dirs: Vec<String>,
}

impl Inclusion {
    /// Takes what was given; folders must be relative.
    pub fn new(options: InclusionOptions) -> Result<Self, Problem> {
        for (flag, dirs) in [
            ("include", &options.include_dirs),
            ("exclude", &options.exclude_dirs),
        ] {
            if dirs.iter().any(|dir| Utf8Path::new(dir).is_absolute()) {
                return Err(Problem::new(format!(
                    "--{flag}-deployment-dir path must be relative"
                )));
            }
        }
        Ok(Self {
            include_tags: options.include_tags.into_iter().collect(),
            include_dirs: options.include_dirs.into_iter().collect(),
            exclude_tags: options.exclude_tags.into_iter().collect(),
            exclude_dirs: options.exclude_dirs.into_iter().collect(),
        })
    }

    /// Whether nothing was given, so that everything is in.
    pub fn is_everything(&self) -> bool {
        self == &Self::default()
    }

    /// Whether something with these tags and this folder is in: nothing that leaves it out fits, and something that
    /// includes it does, when anything includes at all.
    pub fn contains(&self, tags: &[impl AsRef<str>], dir: Option<&str>) -> bool {
        let fits = |wanted_tags: &BTreeSet<String>, wanted_dirs: &BTreeSet<String>| {
            tags.iter().any(|tag| wanted_tags.contains(tag.as_ref()))
                || dir.is_some_and(|dir| wanted_dirs.contains(dir))
        };
        if fits(&self.exclude_tags, &self.exclude_dirs) {
            return false;
        }
        let includes_any = !self.include_tags.is_empty() || !self.include_dirs.is_empty();
        !includes_any || fits(&self.include_tags, &self.include_dirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_wins_over_inclusion() {
        let strings = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        // include tags, include dirs, exclude tags, exclude dirs, in?
        let cases = [
            (&[][..], &[][..], &[][..], &[][..], true),
            (&["a"], &[], &[], &[], true),
            (&["x"], &[], &[], &[], false),
            (&["x"], &["d/e"], &[], &[], true),
            (&["x"], &["d"], &[], &[], false),
            (&["a"], &[], &["b"], &[], false),
            (&["a"], &[], &[], &["d/e"], false),
            (&[], &[], &["x"], &["d"], true),
        ];
        for (include_tags, include_dirs, exclude_tags, exclude_dirs, expected) in cases {
            let inclusion = Inclusion::new(InclusionOptions {
                include_tags: strings(include_tags),
                exclude_tags: strings(exclude_tags),
                include_dirs: strings(include_dirs),
                exclude_dirs: strings(exclude_dirs),
            })
            .unwrap();
            assert_eq!(
                inclusion.contains(&["a", "b"], Some("d/e")),
                expected,
                "{inclusion:?}"
            );
        }
    }

    #[test]
    fn absolute_folders_are_refused() {
        let options = InclusionOptions {
            exclude_dirs: vec!["/x".to_owned()],
            ..InclusionOptions::default()
        };
        let problem = Inclusion::new(options).unwrap_err();
        assert_eq!(problem.message, "--exclude-deployment-dir path must be relative");
    }
}
