//! Builds every case of `corpus/` and compares with what `kustomize build` 5.8.1 printed.
//!
//! A case is a folder: `in/` is what is built, `out.yaml` what the original printed, or `err.txt` what it said when it failed
//! (`$IN` stands for the folder); `args` has the target and flags when there are any. `corpus/record.sh` makes the answers
//! anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]

mod cases;
mod limits;

use std::fs;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use kluctl_kustomize::{DiskFiles, LoadRestrictor, Options, Reorder, build, to_yaml};

struct Case {
    name: String,
    folder: Utf8PathBuf,
    target: String,
    options: Options<'static>,
}

fn cases() -> Vec<Case> {
    let mut folders: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("in").is_dir())
        .collect();
    folders.sort();
    folders.into_iter().map(read_case).collect()
}

/// What the arguments of a case ask for.
fn target_and_options(words: &str) -> (&str, Options<'static>) {
    let has = |value: &str| words.split_whitespace().any(|word| word == value);
    let options = Options {
        reorder: if has("none") {
            Reorder::None
        } else {
            Reorder::Legacy
        },
        load_restrictor: if has("LoadRestrictionsNone") {
            LoadRestrictor::None
        } else {
            LoadRestrictor::RootOnly
        },
        ..Options::default()
    };
    (words.split_whitespace().next().unwrap_or("."), options)
}

fn read_case(folder: PathBuf) -> Case {
    let words = fs::read_to_string(folder.join("args")).unwrap_or_else(|_| ".".to_owned());
    let (target, options) = target_and_options(&words);
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        target: target.to_owned(),
        folder: Utf8PathBuf::from_path_buf(folder).unwrap(),
        options,
    }
}

fn compare() {
    let cases = cases();
    assert!(cases.len() > 150, "the corpus is there");
    let mut wrong = Vec::new();
    for case in &cases {
        let built = build(
            &DiskFiles,
            &case.folder.join("in").join(&case.target),
            &case.options,
        )
        .and_then(|built| to_yaml(&built.objects));
        match (fs::read_to_string(case.folder.join("out.yaml")), built) {
            (Ok(expected), Ok(printed)) => {
                if printed != expected {
                    wrong.push(format!("{}: expected\n{expected}\nprinted\n{printed}", case.name));
                }
            }
            (Ok(_), Err(error)) => wrong.push(format!("{}: {error}", case.name)),
            (Err(_), Ok(_)) => wrong.push(format!("{}: expected an error", case.name)),
            (Err(_), Err(error)) => assert!(!error.message().is_empty()),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The program's own thread has a stack like this.
fn on_a_deep_stack(run: fn()) {
    let thread = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(run)
        .unwrap();
    assert!(thread.join().is_ok());
}

#[test]
fn builds_what_the_original_builds() {
    on_a_deep_stack(compare);
}
