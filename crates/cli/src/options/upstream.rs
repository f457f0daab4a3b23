//! Walks a table of all commands and flags of upstream: each is accepted, has help, a variable and an entry in the
//! configuration file.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory};

use super::preset::{Presets, parse, prepare};
use crate::Cli;

/// Commands of the table that are not there yet.
const TO_COME: [&str; 1] = ["oci push"];

/// A flag as the table has it.
#[derive(Clone, Debug)]
struct Flag<'t> {
    name: &'t str,
    kind: &'t str,
    short: Option<&'t str>,
    default: Option<&'t str>,
    required: bool,
}

/// Commands by name, each with all its flags.
fn table() -> Vec<(&'static str, Vec<Flag<'static>>)> {
    let mut groups: BTreeMap<&str, Vec<Flag<'_>>> = BTreeMap::new();
    let mut commands: Vec<(&str, Vec<Flag<'_>>)> = Vec::new();
    let mut group = None;
    let text = include_str!("upstream-flags.txt");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("group ") {
            group = Some(name);
            groups.entry(name).or_default();
        } else if let Some(rest) = line.strip_prefix("command ") {
            group = None;
            let (name, of) = rest.split_once(':').unwrap();
            let of = of.split_whitespace().chain(["GlobalFlags"]);
            commands.push((name, of.flat_map(|name| groups[name].clone()).collect()));
        } else {
            let flag = flag(line);
            match group {
                Some(name) => groups.get_mut(name).unwrap().push(flag),
                None => commands.last_mut().unwrap().1.push(flag),
            }
        }
    }
    let root = Cli::command();
    commands.retain(|(name, _)| !TO_COME.contains(name) || find(&root, name).is_some());
    commands
}

fn flag(line: &str) -> Flag<'_> {
    let mut words = line.split_whitespace();
    let mut flag = Flag {
        name: words.next().unwrap().strip_prefix("--").unwrap(),
        kind: words.next().unwrap(),
        short: None,
        default: None,
        required: false,
    };
    for word in words {
        match word.split_at(1) {
            ("-", short) => flag.short = Some(short),
            ("=", default) => flag.default = Some(default),
            _ => flag.required = true,
        }
    }
    flag
}

/// A value that the flag takes, and one that tells whether it was taken.
fn value(flag: &Flag<'_>) -> String {
    match flag.kind {
        "flag" => "true",
        "number" => "3",
        "duration" => "7s",
        "file" => concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "folder" => env!("CARGO_MANIFEST_DIR"),
        "text" if flag.name == "output" => "json",
        _ => "host/path=x",
    }
    .to_owned()
}

fn parsed(
    command: &Command,
    name: &str,
    typed: &[String],
    presets: &Presets,
    others: &[String],
) -> Result<ArgMatches, String> {
    let tokens = std::iter::once("kluctl")
        .chain(name.split(' '))
        .map(OsString::from)
        .chain(others.iter().chain(typed).map(OsString::from));
    let mut matches = parse(command, tokens.collect(), presets).map_err(|error| error.to_string())?;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner.clone();
    }
    Ok(matches)
}

fn given(matches: &ArgMatches, flag: &Flag<'_>) -> Vec<String> {
    let id = flag.name.replace('-', "_");
    let raw = matches.get_raw(&id).into_iter().flatten();
    raw.map(|text| text.to_string_lossy().into_owned()).collect()
}

/// Values for the flags that a command cannot do without.
fn required(flags: &[Flag<'_>], but: &str) -> Vec<String> {
    flags
        .iter()
        .filter(|flag| flag.required && flag.name != but)
        .map(|flag| format!("--{}={}", flag.name, value(flag)))
        .collect()
}

/// The root with one command only: every parse copies all that there is.
fn only(root: &Command, name: &str) -> Command {
    let mut words = name.split(' ');
    let first = words.next().unwrap_or_default();
    let flags: Vec<clap::Arg> = root.get_arguments().cloned().collect();
    let sub = root.find_subcommand(first).cloned();
    Command::new("kluctl")
        .args_override_self(true)
        .args(flags)
        .subcommands(sub)
}

fn find<'c>(root: &'c Command, name: &str) -> Option<&'c Command> {
    name.split(' ')
        .try_fold(root, |command, word| command.find_subcommand(word))
}

#[test]
fn every_flag_is_taken_from_the_command_line_the_environment_and_the_file() {
    let mut problems = Vec::new();
    let root = prepare(Cli::command());
    for (name, flags) in table() {
        let alone = only(&root, name);
        for flag in &flags {
            let value = value(flag);
            let others = required(&flags, flag.name);
            let mut forms = vec![format!("--{}={value}", flag.name)];
            forms.extend(flag.short.map(|short| format!("-{short}={value}")));
            for form in forms {
                match parsed(
                    &alone,
                    name,
                    std::slice::from_ref(&form),
                    &Presets::default(),
                    &others,
                ) {
                    Ok(matches) if given(&matches, flag) == [&*value] => {}
                    Ok(matches) => problems.push(format!("{name} {form}: {:?}", given(&matches, flag))),
                    Err(error) => problems.push(format!("{name} {form}: {error}")),
                }
            }
            // credentials are for the command line only
            if ["git-", "helm-", "registry-"]
                .iter()
                .any(|start| flag.name.starts_with(start))
                && flag.name != "git-cache-update-interval"
            {
                continue;
            }
            let variable = format!("KLUCTL_{}", flag.name.replace('-', "_").to_uppercase());
            let environment = Presets {
                environment: BTreeMap::from([(variable, value.clone())]),
                config: None,
            };
            let file = Presets {
                environment: BTreeMap::new(),
                config: Some((
                    "config.yaml".to_owned(),
                    BTreeMap::from([(flag.name.to_owned(), vec![value.clone()])]),
                )),
            };
            for (origin, presets) in [("environment", environment), ("file", file)] {
                let found = parsed(&alone, name, &[], &presets, &others).map(|matches| given(&matches, flag));
                if found != Ok(vec![value.clone()]) {
                    problems.push(format!("{name} --{} from the {origin}: {found:?}", flag.name));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_flag_has_help_and_its_default() {
    let root = prepare(Cli::command());
    let mut problems = Vec::new();
    for (name, flags) in table() {
        let command = find(&root, name).unwrap_or_else(|| panic!("`{name}` is missing"));
        if command.get_about().is_none() {
            problems.push(format!("{name} has no help"));
        }
        for flag in flags {
            let mut arguments = command.get_arguments().chain(root.get_arguments());
            let Some(arg) = arguments.find(|arg| arg.get_long() == Some(flag.name)) else {
                problems.push(format!("{name} --{} is missing", flag.name));
                continue;
            };
            if arg.get_help().is_none() || arg.is_hide_set() {
                problems.push(format!("{name} --{} has no help", flag.name));
            }
            let default = arg
                .get_default_values()
                .first()
                .map(|text| text.to_string_lossy().into_owned());
            let expected = flag.default.or(match flag.kind {
                "flag" => Some("false"),
                // upstream's zero value
                "duration" => Some("0"),
                _ => None,
            });
            if default.as_deref() != expected {
                problems.push(format!("{name} --{}: default {default:?}", flag.name));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
