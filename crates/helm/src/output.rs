//! What `helm template` prints of a release.

use crate::error::Error;
use crate::manifests::split;
use crate::path_match::path_match;
use crate::release::Release;

/// What is printed, and where to.
#[derive(Debug, Clone, Default)]
pub struct PrintOptions {
    /// Prints the CRDs of the chart too.
    pub include_crds: bool,
    /// Leaves hooks out.
    pub no_hooks: bool,
    /// Leaves tests out.
    pub skip_tests: bool,
    /// Prints only what these templates rendered; patterns like `templates/*.yaml`.
    pub show_only: Vec<String>,
    /// Writes files instead; the second is the folder inside for all but CRDs.
    pub to_files: Option<(String, String)>,
}

/// What goes where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// What is printed.
    pub text: String,
    /// The files to write in this order; a path that comes again is appended to.
    pub files: Vec<(String, String)>,
}

/// Puts together what `helm template` prints.
///
/// Source: helm `pkg/cmd/template.go` and `pkg/action/action.go`, `renderResources`.
pub fn print(release: &Release, options: &PrintOptions) -> Result<Printed, Error> {
    let mut printed = Printed::default();
    let mut manifests = String::with_capacity(text_length(release, options)?);
    let add = |text: &mut String, path: &str, content: &str| {
        for part in ["---\n# Source: ", path, "\n", content, "\n"] {
            text.push_str(part);
        }
    };
    let document = |path: &str, content: &str| {
        let mut text = String::new();
        add(&mut text, path, content);
        text
    };
    if options.include_crds {
        for crd in &release.crds {
            let content = crd.text()?;
            match &options.to_files {
                None => add(&mut manifests, &crd.path, &content),
                Some((folder, _)) => {
                    let file = format!("{folder}/{}", crd.path);
                    printed.files.push((file, document(&crd.path, &content)));
                }
            }
        }
    }
    for manifest in &release.manifests {
        match &options.to_files {
            None => add(&mut manifests, &manifest.path, &manifest.content),
            Some((_, folder)) => {
                let file = format!("{folder}/{}", manifest.path);
                printed
                    .files
                    .push((file, document(&manifest.path, &manifest.content)));
            }
        }
    }
    let mut text = manifests;
    text.truncate(text.trim_end().len());
    text.drain(..text.len() - text.trim_start().len());
    text.push('\n');
    if !options.no_hooks {
        for hook in &release.hooks {
            if options.skip_tests && hook.is_test() {
                continue;
            }
            let manifest = &hook.manifest;
            match &options.to_files {
                None => add(&mut text, &manifest.path, &manifest.content),
                Some((_, folder)) => {
                    let file = format!("{folder}/{}", manifest.path);
                    printed
                        .files
                        .push((file, document(&manifest.path, &manifest.content)));
                }
            }
        }
    }
    printed.text = if options.show_only.is_empty() {
        text
    } else {
        chosen(&text, &options.show_only)?
    };
    Ok(printed)
}

/// How long the text will be about; asking for it at once spares half of the memory.
fn text_length(release: &Release, options: &PrintOptions) -> Result<usize, Error> {
    const AROUND: usize = "---\n# Source: \n\n".len();
    if options.to_files.is_some() {
        return Ok(0);
    }
    let mut length = 1;
    for crd in release.crds.iter().filter(|_| options.include_crds) {
        length += crd.path.len() + crd.content.bytes()?.len() + AROUND;
    }
    let hooks = release.hooks.iter().map(|hook| &hook.manifest);
    let manifests = release.manifests.iter().chain(hooks);
    let manifests = manifests.map(|manifest| manifest.path.len() + manifest.content.len() + AROUND);
    Ok(length + manifests.sum::<usize>())
}

/// The documents of what was printed that come from templates with these paths; each pattern must fit one.
pub fn chosen(text: &str, patterns: &[String]) -> Result<String, Error> {
    let documents = split(text);
    let mut chosen = String::new();
    for pattern in patterns {
        let mut found = false;
        for document in &documents {
            let Some(path) = source_of(document) else {
                continue;
            };
            if path_match(pattern, path).unwrap_or(false) {
                found = true;
                chosen.push_str(&format!("---\n{document}\n"));
            }
        }
        if !found {
            return Err(Error::new(format!("could not find template {pattern} in chart")));
        }
    }
    Ok(chosen)
}

/// The template's path inside the root chart, from the comment that every document starts with.
fn source_of(document: &str) -> Option<&str> {
    document.match_indices("# Source: ").find_map(|(at, mark)| {
        let line = document[at + mark.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}
