//! The command line with a single command in it: describing all of them takes longer than rendering a small chart.
//!
//! It only ever parses what is right. Whatever it cannot parse, help included, is given to the whole command line, which then
//! says what is wrong; so nothing that a person sees depends on it.

use std::ffi::OsString;

use clap::{Args, Command};

use crate::commands;
use crate::options::global::GlobalFlags;

/// Describes the command that was typed, where it is one of those that are run a thousand times.
pub(crate) fn command(typed: &[OsString]) -> Option<Command> {
    let name = typed.get(1)?.to_str()?;
    only(name).map(|sub| GlobalFlags::augment_args(Command::new("kluctl")).subcommand(sub))
}

fn only(name: &str) -> Option<Command> {
    let describe: (&'static str, fn(Command) -> Command) = match name {
        "helm" => ("helm", commands::helm::HelmArgs::augment_args),
        "kustomize" => ("kustomize", commands::kustomize::KustomizeArgs::augment_args),
        "template" => ("template", commands::template::TemplateArgs::augment_args),
        "render" => ("render", commands::render::RenderArgs::augment_args),
        "deploy" => ("deploy", commands::deploy::DeployArgs::augment_args),
        "diff" => ("diff", commands::diff::DiffArgs::augment_args),
        "version" => ("version", commands::version::VersionArgs::augment_args),
        _ => return None,
    };
    Some(describe.1(Command::new(describe.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Every argument of a command and of those below it, as far as it decides what is parsed.
    fn arguments(command: &Command, path: &str, into: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        for arg in command.get_arguments() {
            into.push(format!("{path}: {arg:?}"));
        }
        for sub in command.get_subcommands() {
            arguments(sub, &path, into);
        }
    }

    #[test]
    fn a_single_command_takes_what_it_takes_among_all() {
        let whole = crate::Cli::command();
        let mut seen = 0;
        for sub in whole.get_subcommands() {
            let Some(lean) = only(sub.get_name()) else {
                continue;
            };
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            arguments(sub, "", &mut expected);
            arguments(&lean, "", &mut found);
            assert_eq!(found, expected);
            assert_eq!(
                lean.is_arg_required_else_help_set(),
                sub.is_arg_required_else_help_set()
            );
            seen += 1;
        }
        assert_eq!(seen, 7);
        let lean = command(&["kluctl".into(), "version".into()]).unwrap();
        let ids = |command: &Command| {
            command
                .get_arguments()
                .map(|arg| format!("{arg:?}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&lean), ids(&whole));
    }
}
