//! What is said when the command line is not understood, in upstream's words.

use std::io::Write;
use std::process::ExitCode;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Prints help where help was asked for, and otherwise says in one line what is wrong.
pub(crate) fn report(error: &clap::Error, command: &Command) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(write!(std::io::stdout(), "{}", error.render()));
            ExitCode::SUCCESS
        }
        _ => {
            drop(writeln!(std::io::stderr(), "{}", message(error, command)));
            ExitCode::FAILURE
        }
    }
}

fn message(error: &clap::Error, command: &Command) -> String {
    let texts = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let hint = |kind| match texts(kind).first() {
        Some(similar) => format!(" (did you mean `{similar}`?)"),
        None => String::new(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => match texts(ContextKind::InvalidArg).first() {
            Some(flag) if flag.starts_with("--") => {
                format!("unknown flag: {flag}{}", hint(ContextKind::SuggestedArg))
            }
            Some(flag) if flag.starts_with('-') => {
                format!(
                    "unknown shorthand flag: '{}' in {flag}",
                    flag.trim_start_matches('-')
                )
            }
            Some(word) => format!("unexpected argument `{word}`"),
            None => error.to_string(),
        },
        ErrorKind::InvalidSubcommand => match texts(ContextKind::InvalidSubcommand).first() {
            Some(name) => format!(
                "unknown command \"{name}\" for \"kluctl\"{}",
                hint(ContextKind::SuggestedSubcommand)
            ),
            None => error.to_string(),
        },
        ErrorKind::MissingRequiredArgument => {
            let names: Vec<String> = texts(ContextKind::InvalidArg)
                .iter()
                .map(|flag| {
                    let name = flag.split([' ', '=']).next().unwrap_or(flag);
                    format!("\"{}\"", name.trim_start_matches('-'))
                })
                .collect();
            format!("required flag(s) {} not set", names.join(", "))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let argument = texts(ContextKind::InvalidArg).pop().unwrap_or_default();
            let value = texts(ContextKind::InvalidValue).pop().unwrap_or_default();
            wrong_value(error, command, &argument, &value, &texts(ContextKind::ValidValue))
        }
        _ => {
            let text = error.render().to_string();
            let first = text.split("\n\n").next().unwrap_or_default();
            first
                .strip_prefix("error: ")
                .unwrap_or(first)
                .trim_end()
                .to_owned()
        }
    }
}

/// Says what is wrong with the value of an argument, which clap names as `--flag <type>`.
fn wrong_value(
    error: &clap::Error,
    command: &Command,
    argument: &str,
    value: &str,
    possible: &[String],
) -> String {
    let name = argument.split([' ', '=', '[']).next().unwrap_or_default();
    if value.is_empty() {
        return format!("flag needs an argument: {name}");
    }
    // where a value comes from that was not typed
    let origin = argument
        .split_once(" (from ")
        .map_or(String::new(), |(_, origin)| format!(" (from {origin}"));
    let named = match short_of(command, name.trim_start_matches('-')) {
        _ if !name.starts_with('-') => format!("{name} argument"),
        Some(short) => format!("\"-{short}, {name}\" flag"),
        None => format!("\"{name}\" flag"),
    };
    let reason = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => format!("expected one of {}", possible.join(", ")),
    };
    format!("invalid argument \"{value}\" for {named}{origin}: {reason}")
}

/// The short form of a flag, in whatever command it stands.
fn short_of(command: &Command, long: &str) -> Option<char> {
    let own = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(long))
        .and_then(clap::Arg::get_short);
    own.or_else(|| command.get_subcommands().find_map(|sub| short_of(sub, long)))
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn words_are_upstream_s() {
        let command = || {
            Command::new("kluctl").subcommand(
                Command::new("render")
                    .arg(Arg::new("url").long("url").required(true))
                    .arg(
                        Arg::new("count")
                            .long("count")
                            .short('c')
                            .value_parser(clap::value_parser!(u8)),
                    )
                    .arg(Arg::new("style").long("style").value_parser(["a", "b"])),
            )
        };
        for (typed, expected) in [
            (vec!["--bogus"], "unknown flag: --bogus"),
            (vec!["bogus"], "unknown command \"bogus\" for \"kluctl\""),
            (
                vec!["rendr"],
                "unknown command \"rendr\" for \"kluctl\" (did you mean `render`?)",
            ),
            (vec!["render", "-x"], "unknown shorthand flag: 'x' in -x"),
            (vec!["render"], "required flag(s) \"url\" not set"),
            (
                vec!["render", "--url", "x", "--count", "y"],
                "invalid argument \"y\" for \"-c, --count\" flag: invalid digit found in string",
            ),
            (
                vec!["render", "--url", "x", "--style", "y"],
                "invalid argument \"y\" for \"--style\" flag: expected one of a, b",
            ),
            (vec!["render", "--url"], "flag needs an argument: --url"),
        ] {
            let tokens = std::iter::once("kluctl").chain(typed.iter().copied());
            let error = command().try_get_matches_from(tokens).unwrap_err();
            assert_eq!(message(&error, &command()), expected);
        }
    }
}
