//! What a shell may complete beyond names of commands and flags: targets, contexts, tags, folders, arguments, images.
//!
//! The shell runs this binary with what was typed so far. Whatever cannot be found out is simply not offered: nothing is printed
//! and no server is asked.

use std::ffi::OsString;
use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::builder::ValueHint;
use clap::{Arg, Command};
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate};
use kluctl_object::MaskKey;
use kluctl_project::config::FixedImage;
use kluctl_project::outside::NoSources;
use kluctl_project::{OpenProject, RenderOptions, Rendered, World};

use crate::opening;
use crate::options::args::ArgsFlags;
use crate::options::project::{ProjectDirFlags, ProjectFlags};
use crate::options::target::TargetFlags;

/// The variable through which a shell asks.
pub(crate) const VARIABLE: &str = "_KLUCTL_COMPLETE";

/// Answers a shell that asks for completions; then the process is over.
pub(crate) fn answer(factory: impl Fn() -> Command) {
    CompleteEnv::with_factory(|| attach(factory()))
        .var(VARIABLE)
        .bin("kluctl")
        .completer("kluctl")
        .complete();
}

/// Tells of every flag what its value may be.
fn attach(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.mut_args(with_values);
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, attach))
}

fn with_values(arg: Arg) -> Arg {
    let from = |arg: Arg, find: fn(&Typed) -> Vec<String>| {
        let candidates = move || {
            let found = find(&Typed::now());
            found.into_iter().map(CompletionCandidate::new).collect()
        };
        arg.add(ArgValueCandidates::new(candidates))
    };
    match arg.get_long().unwrap_or_default() {
        "target" => from(arg, targets),
        "context" => from(arg, contexts),
        "include-tag" | "exclude-tag" => from(arg, tags),
        "include-deployment-dir" | "exclude-deployment-dir" => from(arg, folders),
        "arg" => from(arg, arguments),
        "fixed-image" => from(arg, images),
        "output-format" => from(arg, formats),
        "project-dir" | "render-output-dir" | "sandbox" => arg.value_hint(ValueHint::DirPath),
        "project-config" | "args-from-file" | "fixed-images-file" | "kubeconfig" | "plan" | "save-plan" => {
            arg.value_hint(ValueHint::FilePath)
        }
        _ => arg,
    }
}

/// What was typed so far, as far as it says where to look.
#[derive(Debug, Default)]
struct Typed {
    words: Vec<String>,
}

impl Typed {
    fn now() -> Self {
        let words = std::env::args_os().filter_map(|word: OsString| word.into_string().ok());
        Self {
            // the shell puts the words behind two dashes
            words: words.skip_while(|word| word != "--").skip(1).collect(),
        }
    }

    /// Every value that a flag was given, and that of its variable before them.
    fn values(&self, long: &str, short: Option<char>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let variable = format!("KLUCTL_{}", long.replace('-', "_").to_ascii_uppercase());
        found.extend(std::env::var(variable).ok());
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            let long_value = word.strip_prefix("--").and_then(|rest| rest.strip_prefix(long));
            let short_value = short.and_then(|short| word.strip_prefix('-')?.strip_prefix(short));
            match long_value.or(short_value) {
                // bash gives the sign as a word of its own
                Some("") => match words.next() {
                    Some(sign) if sign == "=" => found.extend(words.next().cloned()),
                    value => found.extend(value.cloned()),
                },
                Some(rest) if rest.starts_with('=') => found.push(rest[1..].to_owned()),
                Some(rest) if long_value.is_none() => found.push(rest.to_owned()),
                _ => {}
            }
        }
        found.retain(|value| !value.is_empty());
        found
    }

    fn value(&self, long: &str, short: Option<char>) -> Option<String> {
        self.values(long, short).pop()
    }

    fn project(&self) -> Option<OpenProject> {
        let flags = ProjectFlags {
            dir: ProjectDirFlags {
                project_dir: self.value("project-dir", None).map(Utf8PathBuf::from),
            },
            project_config: self.value("project-config", Some('c')).map(Utf8PathBuf::from),
            ..ProjectFlags::default()
        };
        let args = ArgsFlags {
            // the one that is being typed has no value yet
            arg: self
                .values("arg", Some('a'))
                .into_iter()
                .filter(|arg| arg.contains('='))
                .collect(),
            args_from_file: self.values("args-from-file", None),
        };
        let opened = opening::open(&flags, &args, Arc::new(NoSources));
        Some(opened.ok()?.0)
    }

    /// What the target renders to without a cluster and without the world outside, errors left out.
    fn rendered(&self) -> Option<Rendered> {
        let project = self.project()?;
        let flags = TargetFlags {
            target: self.value("target", Some('t')),
            ..TargetFlags::default()
        };
        let mut target = opening::select(&project, &flags, None);
        if let (Err(_), Some(first)) = (&target, project.targets().first()) {
            let flags = TargetFlags {
                target: Some(first.name.clone()),
                ..TargetFlags::default()
            };
            target = opening::select(&project, &flags, None);
        }
        let options = RenderOptions {
            // whatever image is asked for is found
            images: vec![FixedImage {
                image_regex: Some(".*".to_owned()),
                result_image: "any".to_owned(),
                ..FixedImage::default()
            }],
            ..RenderOptions::default()
        };
        let world = World {
            cluster: None,
            sources: Arc::new(NoSources),
            secrets: Arc::new(NoSources),
            mask_key: MaskKey::default(),
        };
        kluctl_project::render(&project, &target.ok()?, &options, &world, &|_| {}).ok()
    }
}

fn targets(typed: &Typed) -> Vec<String> {
    let project = typed.project();
    let targets = project.iter().flat_map(kluctl_project::OpenProject::targets);
    targets.map(|target| target.name.clone()).collect()
}

/// Contexts of the kubeconfig files, sorted.
fn contexts(typed: &Typed) -> Vec<String> {
    let named = typed.value("kubeconfig", None);
    let from_env = || std::env::var("KUBECONFIG").ok().filter(|paths| !paths.is_empty());
    let paths = named.or_else(from_env).map_or_else(
        || {
            let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
            home.map(|home| home.join(".kube/config")).into_iter().collect()
        },
        |paths| std::env::split_paths(&paths).collect::<Vec<_>>(),
    );
    let mut names = Vec::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let Ok(config) = kluctl_yaml::from_str(&text) else {
            continue;
        };
        let contexts = config["contexts"].as_array().cloned().unwrap_or_default();
        names.extend(
            contexts
                .iter()
                .filter_map(|context| context["name"].as_str().map(str::to_owned)),
        );
    }
    sorted(names)
}

fn tags(typed: &Typed) -> Vec<String> {
    let items = typed
        .rendered()
        .map(|rendered| rendered.items)
        .unwrap_or_default();
    sorted(items.into_iter().flat_map(|item| item.tags).collect())
}

fn folders(typed: &Typed) -> Vec<String> {
    let items = typed
        .rendered()
        .map(|rendered| rendered.items)
        .unwrap_or_default();
    let folders = items.into_iter().filter_map(|item| item.dir);
    sorted(folders.map(Utf8PathBuf::into_string).collect())
}

fn arguments(typed: &Typed) -> Vec<String> {
    let project = typed.project();
    let args = project.iter().flat_map(|project| &project.config().args);
    args.map(|arg| format!("{}=", arg.name)).collect()
}

fn images(typed: &Typed) -> Vec<String> {
    let seen = typed.rendered().map(|rendered| rendered.seen_images);
    let images = seen.into_iter().flatten().filter_map(|seen| seen.image);
    sorted(images.map(|image| format!("{image}=")).collect())
}

fn formats(_: &Typed) -> Vec<String> {
    ["text", "yaml", "json", "markdown", "github"]
        .map(str::to_owned)
        .to_vec()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_they_were_typed() {
        let typed = |words: &str| Typed {
            words: words.split(' ').map(str::to_owned).collect(),
        };
        for words in [
            "kluctl deploy --target prod",
            "kluctl deploy --target=prod",
            "kluctl deploy --target = prod",
            "kluctl deploy -t prod -t",
            "kluctl deploy -tprod",
            "kluctl deploy -t=prod --targets x",
        ] {
            let found = typed(words).value("target", Some('t'));
            assert_eq!(found.as_deref(), Some("prod"), "{words}");
        }
        assert_eq!(
            typed("-a x=1 --arg y=2 -az=3").values("arg", Some('a')),
            ["x=1", "y=2", "z=3"]
        );
    }
}
