//! Arguments: their syntax on the command line, files, defaults, and which are required.

use camino::Utf8Path;
use serde_json::{Map, Value};

use crate::config::ArgDeclaration;
use crate::merge::{get, merge, set};
use crate::problem::{Gathered, Problem, Problems};

/// Reads `--arg` and `--args-from-file`. Files are merged over single arguments, and a warning names every argument
/// that both set to different values.
pub fn external_args(
    args: &[String],
    files: &[String],
    read: &dyn Fn(&Utf8Path) -> std::io::Result<String>,
) -> Result<(Map<String, Value>, Vec<String>), Problems> {
    let mut problems = Gathered::default();
    let mut all = Map::new();
    for arg in args {
        if let Some((name, value)) = problems.keep(parse(arg, read)) {
            let keys: Vec<&str> = name.split('.').collect();
            set(&mut all, &keys, value);
        }
    }
    let single = all.clone();
    for file in files {
        if let Some(map) = problems.keep(read_file(file, read)) {
            merge(&mut all, map);
        }
    }
    let mut warnings = Vec::new();
    overridden(&single, &all, "", &mut warnings);
    problems.finish((all, warnings))
}

/// Splits `name=value` and reads the value as YAML; `@file` takes it from a file.
fn parse(arg: &str, read: &dyn Fn(&Utf8Path) -> std::io::Result<String>) -> Result<(String, Value), Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let (name, text) = match arg.split_once('=') {
        Some((name, text)) if name.chars().all(allowed) => (name, text),
        _ => {
            return Err(Problem::new(format!(
                "invalid --arg argument. Must be --arg=some_var_name=value, not '{arg}'"
            )));
        }
    };
    let from = format!("--arg {name}");
    if let Some(rest) = text.strip_prefix('\\').filter(|rest| rest.starts_with('@')) {
        // YAML has no plain text that starts with `@`, so this can only be meant as text.
        return Ok((name.to_owned(), Value::String(rest.to_owned())));
    }
    let text = match text.strip_prefix('@') {
        Some(file) => read(Utf8Path::new(file))
            .map_err(|error| Problem::in_file(&from, format!("reading {file} failed: {error}")))?,
        None => text.to_owned(),
    };
    let value = kluctl_yaml::from_str(&text).map_err(|error| {
        Problem::yaml(&from, &error, &text)
            .hint("the value is read as YAML; put quotes around it to have it as text")
    })?;
    Ok((name.to_owned(), value))
}

fn read_file(
    file: &str,
    read: &dyn Fn(&Utf8Path) -> std::io::Result<String>,
) -> Result<Map<String, Value>, Problem> {
    let text = read(Utf8Path::new(file))
        .map_err(|error| Problem::in_file("--args-from-file", format!("opening {file} failed: {error}")))?;
    match kluctl_yaml::from_str(&text).map_err(|error| Problem::yaml(file, &error, &text))? {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(Problem::in_file(
            file,
            format!(
                "expected a map of arguments, found {}",
                kluctl_object::type_name(&other)
            ),
        )),
    }
}

/// Names what a file has set to something else than the command line asked for.
fn overridden(asked: &Map<String, Value>, got: &Map<String, Value>, path: &str, warnings: &mut Vec<String>) {
    let mut keys: Vec<&String> = asked.keys().collect();
    keys.sort();
    for key in keys {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (asked.get(key), got.get(key)) {
            (Some(Value::Object(asked)), Some(Value::Object(got))) => overridden(asked, got, &path, warnings),
            (asked, got) if asked != got => warnings.push(format!(
                "The argument {path} from --arg is overridden by --args-from-file"
            )),
            _ => {}
        }
    }
}

/// Puts defaults under what was given, and says which required arguments are missing.
///
/// A dotted name with a default stands under its literal name too, which upstream's templates may rely on.
pub(crate) fn with_defaults(
    declared: &[ArgDeclaration],
    given: Map<String, Value>,
    file: &str,
) -> Result<Map<String, Value>, Problems> {
    let mut all = Map::new();
    for arg in declared {
        if let Some(default) = &arg.default {
            merge(&mut all, Map::from_iter([(arg.name.clone(), default.clone())]));
            let keys: Vec<&str> = arg.name.split('.').collect();
            if keys.len() > 1 && get(&all, &keys).is_none() {
                set(&mut all, &keys, default.clone());
            }
        }
    }
    merge(&mut all, given);
    let mut problems = Gathered::default();
    for arg in declared.iter().filter(|arg| arg.default.is_none()) {
        let keys: Vec<&str> = arg.name.split('.').collect();
        if get(&all, &keys).is_none() {
            let problem = Problem::in_file(file, format!("required argument {} not set", arg.name));
            let hint = format!("pass it with `-a {}=…`, or give it a default in `args`", arg.name);
            problems.keep(Err::<(), _>(problem.hint(hint)));
        }
    }
    problems.finish(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(path: &Utf8Path) -> std::io::Result<String> {
        match path.as_str() {
            "f.yaml" => Ok("a: {c: file}\nx: 5\n".to_owned()),
            "text" => Ok("[1, 2]".to_owned()),
            _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        }
    }

    fn args(args: &[&str], files: &[&str]) -> Result<(Value, Vec<String>), String> {
        let strings = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        external_args(&strings(args), &strings(files), &read)
            .map(|(map, warnings)| (Value::Object(map), warnings))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn values_are_yaml() {
        let cases = [
            (&["a=y"][..], json!({"a": true})),
            (&["a="], json!({"a": null})),
            (&["a=b=c"], json!({"a": "b=c"})),
            (&["a.b.c=1", "a.b.d=x"], json!({"a": {"b": {"c": 1, "d": "x"}}})),
            (&["a=1", "a=2"], json!({"a": 2})),
            (&["a=@text"], json!({"a": [1, 2]})),
            (&["a=\\@text"], json!({"a": "@text"})),
            (&["a='1'"], json!({"a": "1"})),
        ];
        for (given, expected) in cases {
            assert_eq!(args(given, &[]).unwrap().0, expected, "{given:?}");
        }
        for wrong in ["a", "a b=c", "a=@none", "a=[1"] {
            assert!(args(&[wrong], &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_win_and_say_so() {
        let (value, warnings) = args(&["a.b=1", "a.c=arg", "x=5"], &["f.yaml"]).unwrap();
        assert_eq!(value, json!({"a": {"b": 1, "c": "file"}, "x": 5}));
        assert_eq!(
            warnings,
            ["The argument a.c from --arg is overridden by --args-from-file"]
        );
    }

    #[test]
    fn defaults_stand_under_what_is_given() {
        let declared: Vec<ArgDeclaration> = serde_json::from_value(json!([
            {"name": "a", "default": {"x": 1, "y": 2}},
            {"name": "n.m", "default": 5},
            {"name": "r"},
            {"name": "s.t"}
        ]))
        .unwrap();
        let given = json!({"a": {"x": 3}, "r": null, "s": {"t": 1}});
        let Value::Object(given) = given else {
            unreachable!()
        };
        let all = with_defaults(&declared, given, ".kluctl.yaml").unwrap();
        assert_eq!(
            Value::Object(all),
            json!({"a": {"x": 3, "y": 2}, "n": {"m": 5}, "n.m": 5, "r": null, "s": {"t": 1}})
        );
        let problems = with_defaults(&declared, Map::new(), ".kluctl.yaml").unwrap_err();
        let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            messages,
            ["required argument r not set", "required argument s.t not set"]
        );
    }
}
