//! Builds the cases of `corpus/cases/*.txt` in memory and compares with what `kustomize build` 5.8.1 printed.
//!
//! A file holds cases: `=== name`, `@args` with the target and flags where there are any, the files after `>>> path`
//! (`[crlf]`: with Windows line ends; `[latin1]`: each character is one byte), and the answer after `<<< out` or `<<< err`.
//! Messages must hold the original's words (`$IN` is the folder of the case), but for those marked `[other words]`: there
//! the original prints Go's memory, a map in Go's syntax or a panic. `corpus/record.py` makes the answers anew.

use std::fs;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_kustomize::{MemoryFiles, build, to_yaml};

const ROOT: &str = "/case/in";

#[derive(Default)]
struct Case {
    name: String,
    args: String,
    files: Vec<(Utf8PathBuf, Vec<u8>)>,
    fails: bool,
    other_words: bool,
    answer: String,
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut in_answer = false;
    let mut flag = "";
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("=== ") {
            let args = ".".to_owned();
            let name = name.trim_end().to_owned();
            cases.push(Case {
                name,
                args,
                ..Case::default()
            });
            in_answer = false;
            continue;
        }
        let case = cases.last_mut().unwrap();
        if let Some(args) = line.strip_prefix("@args ") {
            args.trim_end().clone_into(&mut case.args);
        } else if let Some(path) = line.strip_prefix(">>> ") {
            let path = path.trim_end();
            let (path, rest) = path.split_once(" [").unwrap_or((path, ""));
            flag = rest.trim_end_matches(']');
            case.files.push((Utf8Path::new(ROOT).join(path), Vec::new()));
        } else if let Some(kind) = line.strip_prefix("<<< ") {
            in_answer = true;
            case.fails = kind.starts_with("err");
            case.other_words = kind.contains("[other words]");
        } else if in_answer {
            case.answer.push_str(line);
        } else {
            let content = &mut case.files.last_mut().unwrap().1;
            match flag {
                "crlf" => content.extend(line.replace('\n', "\r\n").into_bytes()),
                "latin1" => content.extend(
                    line.chars()
                        .map(|symbol| u8::try_from(u32::from(symbol)).unwrap()),
                ),
                _ => content.extend(line.as_bytes()),
            }
        }
    }
    cases
}

fn squash(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong with a case, if anything.
fn check(case: &Case) -> Option<String> {
    let files = case
        .files
        .iter()
        .map(|(path, content)| (path.clone(), content.clone().into()));
    let (target, options) = crate::target_and_options(&case.args);
    let root = Utf8Path::new(ROOT).join(target);
    let built = build(&MemoryFiles::new(files), &root, &options).and_then(|built| to_yaml(&built.objects));
    match built {
        Ok(printed) if case.fails => Some(format!("expected an error\n{}\nprinted\n{printed}", case.answer)),
        Ok(printed) if printed != case.answer => {
            Some(format!("expected\n{}\nprinted\n{printed}", case.answer))
        }
        Ok(_) => None,
        Err(error) if !case.fails => Some(error.to_string()),
        Err(error) => {
            let answer = case.answer.replace("$IN", ROOT);
            let wanted = squash(answer.trim_start_matches("Error: "));
            let same = squash(error.message()).contains(&wanted);
            (same == case.other_words).then(|| format!("expected\n{wanted}\nbut it says\n{error}"))
        }
    }
}

fn compare() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/cases");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in paths {
        for case in read(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            wrong.extend(check(&case).map(|why| format!("== {}: {why}", case.name)));
        }
    }
    assert!(count > 1400, "only {count} cases");
    assert!(
        wrong.is_empty(),
        "{} of {count} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn builds_and_fails_as_the_original() {
    crate::on_a_deep_stack(compare);
}
