//! Builds every case of `corpus/` and compares with what `kustomize build` 5.8.1 printed.
//!
//! A case is a folder: `in/` is what is built, `out.yaml` what the original printed, or `err.txt` what it said when it failed
//! (`$IN` stands for the folder); `args` has the target and flags when there are any. `corpus/record.sh` makes the answers
//! anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]

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
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.into_iter().map(read_case).collect()
}

fn read_case(folder: PathBuf) -> Case {
    let words = fs::read_to_string(folder.join("args")).unwrap_or_else(|_| ".".to_owned());
    let words: Vec<&str> = words.split_whitespace().collect();
    let has = |value: &str| words.contains(&value);
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
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        target: words.first().copied().unwrap_or(".").to_owned(),
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
        );
        match (fs::read_to_string(case.folder.join("out.yaml")), built) {
            (Ok(expected), Ok(built)) => {
                let printed = to_yaml(&built.objects);
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

#[test]
fn builds_what_the_original_builds() {
    // The program's own thread has a stack like this.
    let thread = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(compare)
        .unwrap();
    assert!(thread.join().is_ok());
}
