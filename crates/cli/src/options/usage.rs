//! What is said when the command line is not understood, in upstream's words.

use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Prints help where help was asked for, and otherwise says in one line what is wrong.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(write!(std::io::stdout(), "{}", error.render()));
            ExitCode::SUCCESS
        }
        _ => {
            drop(writeln!(std::io::stderr(), "{}", message(error)));
            ExitCode::FAILURE
        }
    }
}

fn message(error: &clap::Error) -> String {
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
            Some(flag) if flag.starts_with('-') => format!("unknown shorthand flag: {flag}"),
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

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

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
                            .value_parser(clap::value_parser!(u8)),
                    ),
            )
        };
        for (typed, expected) in [
            (vec!["--bogus"], "unknown flag: --bogus"),
            (vec!["bogus"], "unknown command \"bogus\" for \"kluctl\""),
            (
                vec!["rendr"],
                "unknown command \"rendr\" for \"kluctl\" (did you mean `render`?)",
            ),
            (vec!["render"], "required flag(s) \"url\" not set"),
            (
                vec!["render", "--url", "x", "--count", "y"],
                "invalid value 'y' for '--count <count>': invalid digit found in string",
            ),
        ] {
            let tokens = std::iter::once("kluctl").chain(typed.iter().copied());
            let error = command().try_get_matches_from(tokens).unwrap_err();
            assert_eq!(message(&error), expected);
        }
    }
}
