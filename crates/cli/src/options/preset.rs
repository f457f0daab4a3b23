//! What stands behind every flag: `KLUCTL_*` variables and the configuration file, for all commands alike.
//!
//! Presets are put in front of what was typed, as if the person had typed them first: the configuration file, then the
//! environment, then the command line. A single value takes the last one, a list takes them all in that order, and a
//! required flag is satisfied by any of the three. Source: kluctl `cmd/kluctl/commands/cobra_utils.go`; unlike there, numbered
//! variables keep their order and required flags may come from the environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use serde_json::Value;

use super::{credentials, values};

/// Where presets come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presets {
    /// The environment, sorted by name.
    pub(crate) environment: BTreeMap<String, String>,
    /// The configuration file: its path, and the values of each flag.
    pub(crate) config: Option<Config>,
}

/// One value that stands in front of what was typed.
struct Preset {
    token: OsString,
    flag: String,
    origin: String,
}

impl Presets {
    /// The process's environment, and the first configuration file there is.
    pub(crate) fn gather() -> Result<Self, String> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("KLUCTL_"))
            .collect();
        Ok(Self {
            environment,
            config: read_config()?,
        })
    }

    /// Values for one flag in the order in which they count, each with where it came from.
    fn values(&self, flag: &str, list: bool) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Some((path, flags)) = &self.config {
            for value in flags.get(flag).into_iter().flatten() {
                found.push((value.clone(), format!("`{flag}` in {path}")));
            }
        }
        let name = format!("KLUCTL_{}", flag.replace('-', "_").to_ascii_uppercase());
        if let Some(value) = self.environment.get(&name) {
            found.push((value.clone(), format!("the environment variable {name}")));
        }
        if list {
            let prefix = format!("{name}_");
            let mut numbered: Vec<(u32, &String, &String)> = self
                .environment
                .range(prefix.clone()..)
                .take_while(|(key, _)| key.starts_with(&prefix))
                .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.parse().ok()?, key, value)))
                .collect();
            numbered.sort_unstable();
            found.extend(
                numbered
                    .into_iter()
                    .map(|(_, key, value)| (value.clone(), format!("the environment variable {key}"))),
            );
        }
        found
    }
}

/// The configuration file: a flat map from names of flags to values.
type Config = (String, BTreeMap<String, Vec<String>>);

/// Reads the first configuration file that exists.
fn read_config() -> Result<Option<Config>, String> {
    let home = std::env::var_os("HOME").map(|home| std::path::PathBuf::from(home).join(".kluctl"));
    let folders = [Some(std::path::PathBuf::from("/etc/kluctl")), home];
    for folder in folders.into_iter().flatten() {
        for name in ["config.yaml", "config.yml"] {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => return parse_config(&path.display().to_string(), &text).map(Some),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("reading {} failed: {error}", path.display())),
            }
        }
    }
    Ok(None)
}

fn parse_config(path: &str, text: &str) -> Result<Config, String> {
    let value = kluctl_yaml::from_str(text).map_err(|error| format!("{path}: {error}"))?;
    let map = match value {
        Value::Null => serde_json::Map::new(),
        Value::Object(map) => map,
        _ => return Err(format!("{path}: expected a map of flag names to values")),
    };
    let wrong =
        |flag: &str| format!("{path}: `{flag}` must be a text, a number, a boolean or a list of them");
    let mut flags = BTreeMap::new();
    for (flag, value) in map {
        let values = match &value {
            Value::Array(list) => list.iter().map(config_text).collect(),
            other => config_text(other).map(|text| vec![text]),
        };
        let values: Vec<String> = values.ok_or_else(|| wrong(&flag))?;
        // `yes:` is a boolean to YAML 1.1, and the one flag's name that is.
        let name = if flag == "true" {
            "yes".to_owned()
        } else {
            flag.to_ascii_lowercase()
        };
        flags.insert(name, values);
    }
    Ok((path.to_owned(), flags))
}

fn config_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Lets every flag be given twice (the last one counts) and every boolean be given as `--flag=false`.
pub(crate) fn prepare(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.args_override_self(true).mut_args(|arg| {
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            arg.action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .default_value("false")
                .hide_default_value(true)
                .hide_possible_values(true)
                .value_parser(values::boolean)
        } else {
            arg
        }
    });
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, prepare))
}

/// Parses what was typed, with presets in front of it.
pub(crate) fn parse(
    command: &Command,
    typed: Vec<OsString>,
    presets: &Presets,
) -> Result<clap::ArgMatches, clap::Error> {
    let (leaf, globals, position) = leaf(command, &typed);
    let flags = leaf.get_arguments().chain(
        globals
            .iter()
            .flat_map(|parent| parent.get_arguments().filter(|arg| arg.is_global_set())),
    );
    let mut chosen = Vec::new();
    for arg in flags {
        let Some(long) = arg.get_long().filter(|_| takes_presets(arg)) else {
            continue;
        };
        let list = matches!(arg.get_action(), ArgAction::Append);
        for (value, origin) in presets.values(long, list) {
            chosen.push(Preset {
                token: format!("--{long}={value}").into(),
                flag: long.to_owned(),
                origin,
            });
        }
    }
    let mut all = typed.clone();
    let tokens: Vec<OsString> = chosen.iter().map(|preset| preset.token.clone()).collect();
    all.splice(position..position, tokens);
    command
        .clone()
        .try_get_matches_from(all)
        .map_err(|error| name_origin(error, &chosen))
}

/// Says that a refused value came from a variable or the configuration file, when it did.
fn name_origin(mut error: clap::Error, presets: &[Preset]) -> clap::Error {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return error;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let guilty = presets.iter().find(|preset| {
        let flag = format!("--{}", preset.flag);
        let named = argument.split([' ', '=', '[']).next() == Some(&flag);
        named && preset.token.to_str() == Some(&format!("{flag}={value}"))
    });
    if let Some(preset) = guilty {
        let named = format!("{argument} (from {})", preset.origin);
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

/// Whether variables and the configuration file reach a flag: all but help and credentials.
fn takes_presets(arg: &Arg) -> bool {
    let settable = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let credentials = [credentials::GIT, credentials::HELM, credentials::REGISTRY];
    settable
        && !arg
            .get_help_heading()
            .is_some_and(|heading| credentials.contains(&heading))
}

/// The subcommand that was asked for, the commands above it, and where in the tokens its own begin.
fn leaf<'c>(command: &'c Command, typed: &[OsString]) -> (&'c Command, Vec<&'c Command>, usize) {
    let (mut current, mut parents, mut position) = (command, Vec::new(), 1.min(typed.len()));
    let mut index = 1;
    while let Some(token) = typed.get(index).and_then(|token| token.to_str()) {
        index += 1;
        if token == "--" || current.get_subcommands().next().is_none() {
            break;
        }
        if let Some(flag) = token.strip_prefix("--") {
            let arg = current.get_arguments().find(|arg| arg.get_long() == Some(flag));
            index += usize::from(arg.is_some_and(takes_next_token));
        } else if let Some(flags) = token.strip_prefix('-').filter(|flags| !flags.is_empty()) {
            let arg = current
                .get_arguments()
                .find(|arg| arg.get_short() == flags.chars().next());
            index += usize::from(flags.chars().count() == 1 && arg.is_some_and(takes_next_token));
        } else if let Some(sub) = current.find_subcommand(OsStr::new(token)) {
            parents.push(current);
            (current, position) = (sub, index);
        } else {
            break;
        }
    }
    (current, parents, position)
}

fn takes_next_token(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !arg.is_require_equals_set()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        prepare(
            Command::new("kluctl")
                .arg(
                    Arg::new("debug")
                        .long("debug")
                        .global(true)
                        .action(ArgAction::SetTrue),
                )
                .arg(Arg::new("cpu_profile").long("cpu-profile").global(true))
                .subcommand(
                    Command::new("deploy")
                        .arg(Arg::new("yes").long("yes").short('y').action(ArgAction::SetTrue))
                        .arg(Arg::new("arg").long("arg").short('a').action(ArgAction::Append))
                        .arg(
                            Arg::new("timeout")
                                .long("timeout")
                                .default_value("10m")
                                .value_parser(values::duration),
                        )
                        .arg(
                            Arg::new("git_username")
                                .long("git-username")
                                .help_heading(credentials::GIT)
                                .action(ArgAction::Append),
                        ),
                )
                .subcommand(
                    Command::new("oci")
                        .subcommand(Command::new("push").arg(Arg::new("url").long("url").required(true))),
                ),
        )
    }

    fn parsed(
        tokens: &str,
        environment: &[(&str, &str)],
        config: &[(&str, &[&str])],
    ) -> Result<clap::ArgMatches, String> {
        let presets = Presets {
            environment: environment
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            config: Some((
                "config.yaml".to_owned(),
                config
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), v.iter().map(|v| (*v).to_owned()).collect()))
                    .collect(),
            )),
        };
        let typed = std::iter::once("kluctl")
            .chain(tokens.split_whitespace())
            .map(OsString::from)
            .collect();
        parse(&command(), typed, &presets).map_err(|error| error.to_string())
    }

    fn list(matches: &clap::ArgMatches) -> Vec<String> {
        matches.get_many("arg").into_iter().flatten().cloned().collect()
    }

    #[test]
    fn lists_join_config_environment_and_command_line_in_that_order() {
        let environment = [
            ("KLUCTL_ARG", "e=0"),
            ("KLUCTL_ARG_10", "e=3"),
            ("KLUCTL_ARG_2", "e=2"),
            ("KLUCTL_ARG_1", "e=1"),
            ("KLUCTL_ARG_X", "no"),
        ];
        let matches = parsed(
            "--cpu-profile oci deploy -a c=1",
            &environment,
            &[("arg", &["f=1", "f=2"])],
        )
        .unwrap();
        let deploy = matches.subcommand_matches("deploy").unwrap();
        assert_eq!(list(deploy), ["f=1", "f=2", "e=0", "e=1", "e=2", "e=3", "c=1"]);
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        for (tokens, environment, seconds) in [
            ("deploy --timeout 1s", Some("2s"), 1),
            ("deploy", Some("2s"), 2),
            ("deploy", None, 3),
        ] {
            let environment: Vec<_> = environment.map(|v| ("KLUCTL_TIMEOUT", v)).into_iter().collect();
            let matches = parsed(tokens, &environment, &[("timeout", &["3s"])]).unwrap();
            let deploy = matches.subcommand_matches("deploy").unwrap();
            let timeout: &std::time::Duration = deploy.get_one("timeout").unwrap();
            assert_eq!(timeout.as_secs(), seconds, "{tokens}");
        }
    }

    #[test]
    fn booleans_take_a_value_after_an_equals_sign_only() {
        for (tokens, environment, yes, debug) in [
            ("deploy", "true", true, false),
            ("deploy --yes=false", "true", false, false),
            ("--debug deploy -y", "0", true, true),
            ("deploy --debug", "F", false, true),
        ] {
            let matches = parsed(tokens, &[("KLUCTL_YES", environment)], &[]).unwrap();
            let deploy = matches.subcommand_matches("deploy").unwrap();
            assert_eq!(
                (deploy.get_one("yes"), deploy.get_one("debug")),
                (Some(&yes), Some(&debug)),
                "{tokens}"
            );
        }
    }

    #[test]
    fn required_flags_are_satisfied_by_the_environment() {
        assert!(parsed("oci push", &[], &[]).is_err());
        assert!(parsed("oci push", &[("KLUCTL_URL", "oci://x")], &[]).is_ok());
    }

    #[test]
    fn credentials_have_no_variable() {
        let matches = parsed("deploy", &[("KLUCTL_GIT_USERNAME", "x")], &[]).unwrap();
        let deploy = matches.subcommand_matches("deploy").unwrap();
        assert_eq!(
            deploy
                .get_many::<String>("git_username")
                .into_iter()
                .flatten()
                .count(),
            0
        );
    }

    #[test]
    fn the_configuration_file_is_a_flat_map() {
        let (_, flags) = parse_config("c", "Timeout: 5m\nyes: true\nkeep: 5\narg: [a=1, b=2]\n").unwrap();
        let shown: Vec<String> = flags
            .iter()
            .map(|(k, v)| format!("{k}={}", v.join("|")))
            .collect();
        assert_eq!(shown, ["arg=a=1|b=2", "keep=5", "timeout=5m", "yes=true"]);
        for wrong in ["[1]", "a: {b: 1}", "a: [[1]]", "a: b: c"] {
            assert!(parse_config("c", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let error = parsed("deploy", &[("KLUCTL_TIMEOUT", "5")], &[]).unwrap_err();
        assert!(error.contains("KLUCTL_TIMEOUT"), "{error}");
        let error = parsed("deploy --timeout 6", &[("KLUCTL_TIMEOUT", "5s")], &[]).unwrap_err();
        assert!(!error.contains("KLUCTL_TIMEOUT"), "{error}");
    }
}
