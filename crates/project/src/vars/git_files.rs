//! Variables from many files of a git repository, of one or more refs.

use camino::Utf8PathBuf;
use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::Vars;
use super::load::{Loaded, VarsLoader};
use crate::config::{GitFile, GitFiles, GitRef};
use crate::merge::set;
use crate::problem::Problem;
use crate::templates;

impl VarsLoader {
    /// A list with one entry per ref that fits, sorted by ref.
    pub(super) fn load_git_files(&self, vars: &Vars, wanted: &GitFiles) -> Result<Loaded, Problem> {
        let globs = wanted
            .files
            .iter()
            .map(|file| Ok((file, glob(&file.glob)?)))
            .collect::<Result<Vec<_>, Problem>>()?;
        let mut results = Vec::new();
        let mut secrets: Option<Vec<String>> = None;
        for reference in self.matching_refs(wanted)? {
            let tree = self
                .trees
                .git(&*self.sources, &wanted.url, reference.as_ref())
                .map_err(|error| {
                    Problem::from(error)
                        .context(format!("failed to load vars from git repository {}", wanted.url))
                })?;
            let paths = tree
                .walk("".into(), &|path, _| path.file_name() == Some(".git"))
                .map_err(|error| Problem::in_file(&wanted.url, error.to_string()))?;
            let mut files = Vec::new();
            for path in paths {
                let Some((file, _)) = globs.iter().find(|(_, glob)| glob.is_match(&path)) else {
                    continue;
                };
                let bytes = tree
                    .read(&path)
                    .map_err(|error| Problem::in_file(&path, error.to_string()))?
                    .unwrap_or_default();
                let (found, texts) = self.one_file(vars, file, &tree.shown(&path), &path, &bytes)?;
                if let Some(texts) = texts {
                    secrets.get_or_insert_default().extend(texts);
                }
                files.push((path, found));
            }
            results.push(result(reference.as_ref(), files));
        }
        let sensitive = secrets.is_some();
        Ok(Loaded {
            secrets,
            ..Loaded::new(Value::Array(results), sensitive)
        })
    }

    /// The refs that fit; one `None` stands for the remote's HEAD.
    fn matching_refs(&self, wanted: &GitFiles) -> Result<Vec<Option<GitRef>>, Problem> {
        let Some(reference) = &wanted.reference else {
            let head = self.sources.git_head(&wanted.url)?;
            let branch = head.as_deref().and_then(|name| name.strip_prefix("refs/heads/"));
            return Ok(vec![branch.map(|branch| GitRef {
                branch: Some(branch.to_owned()),
                ..GitRef::default()
            })]);
        };
        let (folder, pattern) = match (&reference.branch, &reference.tag) {
            (Some(branch), _) => ("refs/heads/", branch),
            (_, Some(tag)) => ("refs/tags/", tag),
            _ => return Ok(vec![Some(reference.clone())]),
        };
        let regex = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| Problem::new(format!("invalid regular expression for a git ref: {error}")))?;
        let mut names = self.sources.git_refs(&wanted.url)?;
        names.sort_unstable();
        let fitting = names.iter().filter_map(|name| {
            let short = name.strip_prefix(folder)?;
            regex.is_match(short).then(|| match folder {
                "refs/heads/" => GitRef {
                    branch: Some(short.to_owned()),
                    ..GitRef::default()
                },
                _ => GitRef {
                    tag: Some(short.to_owned()),
                    ..GitRef::default()
                },
            })
        });
        Ok(fitting.map(Some).collect())
    }

    fn one_file(
        &self,
        vars: &Vars,
        file: &GitFile,
        shown: &Utf8PathBuf,
        path: &Utf8PathBuf,
        bytes: &[u8],
    ) -> Result<(Value, Option<Vec<String>>), Problem> {
        let mut content = String::from_utf8_lossy(bytes).into_owned();
        let mut size = bytes.len();
        if file.render {
            content = self
                .templates
                .plain(vars.context())
                .render_string(&content)
                .map_err(|error| {
                    templates::problem_within(&error, shown.as_str(), &content)
                        .context(format!("failed to render {path}"))
                })?;
        }
        let decrypted = self.decrypter.decrypt(shown, content.as_bytes())?;
        let secret = decrypted.is_some();
        if let Some(plain) = &decrypted {
            size = plain.content.len();
            content = String::from_utf8_lossy(&plain.content).into_owned();
        }
        let mut found = json!({
            "file": serde_json::to_value(file).unwrap_or_default(),
            "path": path.as_str(),
            "size": size,
        });
        if file.parse_yaml {
            let parsed = if file.yaml_multi_doc {
                kluctl_yaml::documents(&content).map(Value::Array)
            } else {
                kluctl_yaml::from_str(&content)
            };
            let parsed = parsed.map_err(|error| {
                let text = if secret { "" } else { content.as_str() };
                Problem::yaml(shown.as_str(), &error, text).context(format!("failed to parse {path}"))
            })?;
            insert(&mut found, "parsed", parsed);
        }
        insert(&mut found, "content", Value::String(content));
        // The whole content is a value, too.
        let secrets = decrypted.map(|plain| plain.secrets.clone());
        Ok((found, secrets))
    }
}

fn insert(value: &mut Value, key: &str, entry: Value) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), entry);
    }
}

/// A glob over paths: `*` stays in one folder, `**` does not.
fn glob(pattern: &str) -> Result<GlobMatcher, Problem> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| Problem::new(format!("invalid glob: {error}")))
}

fn result(reference: Option<&GitRef>, files: Vec<(Utf8PathBuf, Value)>) -> Value {
    let mut by_path = Map::new();
    let mut tree = Map::new();
    let mut list = Vec::with_capacity(files.len());
    for (path, file) in files {
        let keys: Vec<&str> = path.as_str().split('/').collect();
        set(&mut tree, &keys, file.clone());
        by_path.insert(path.into_string(), file.clone());
        list.push(file);
    }
    json!({
        "ref": reference.map_or_else(|| json!({}), |reference| serde_json::to_value(reference).unwrap_or_default()),
        "refStr": reference.map(ToString::to_string).unwrap_or_default(),
        "files": list,
        "filesByPath": by_path,
        "filesTree": tree,
    })
}
