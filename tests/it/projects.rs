//! Projects of every form, rendered and listed as upstream's binary does (`tests/projects/record.py` wrote what it gave).

use std::fs;
use std::path::{Path, PathBuf};

use kluctl_testkit::Environment;

use crate::start::environment;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/projects")
}

/// A project as its group's file describes it.
struct Project {
    name: String,
    in_git: bool,
    runs: Vec<String>,
    files: Vec<(String, String)>,
}

fn projects(group: &str) -> Vec<Project> {
    let text = fs::read_to_string(folder().join(format!("{group}.txt"))).unwrap();
    let mut all: Vec<Project> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("##### ") {
            let mut words = head.split(' ').map(str::to_owned);
            all.push(Project {
                name: words.next().unwrap(),
                in_git: words.next().is_some_and(|flag| flag == "git"),
                runs: Vec::new(),
                files: Vec::new(),
            });
            continue;
        }
        let Some(project) = all.last_mut() else {
            continue;
        };
        if let Some(path) = line.strip_prefix("=== ") {
            project.files.push((path.to_owned(), String::new()));
        } else if let Some((_, content)) = project.files.last_mut() {
            content.push_str(line);
            content.push('\n');
        } else if let Some(run) = line.strip_prefix("$ ") {
            project.runs.push(run.to_owned());
        }
    }
    for project in &mut all {
        if project.runs.is_empty() {
            project.runs.push("render --print-all".to_owned());
        }
    }
    all
}

/// What upstream gave for a run: its exit code and standard output.
fn goldens(group: &str) -> Vec<(String, i32, String)> {
    let text = fs::read_to_string(folder().join(format!("{group}.golden"))).unwrap();
    let mut lines = text.split_inclusive('\n');
    let mut all = Vec::new();
    while let Some(head) = lines.next() {
        let words: Vec<&str> = head.split_whitespace().collect();
        let [_, name, index, code, count] = words[..] else {
            panic!("{group}: {head}")
        };
        let stdout = lines.by_ref().take(count.parse().unwrap()).collect();
        all.push((format!("{name} {index}"), code.parse().unwrap(), stdout));
    }
    all
}

/// Words of a line, in which single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in line.split('\'').enumerate() {
        for (nth, piece) in part.split(' ').enumerate() {
            if index % 2 == 1 && nth > 0 {
                words.last_mut().unwrap().push(' ');
            } else if nth > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(piece);
        }
    }
    words
}

fn run(environment: &Environment, line: &str) -> kluctl_testkit::Output {
    let mut words = words(line);
    let mut variables = Vec::new();
    let mut folder = environment.work();
    while !words[0].starts_with(|first: char| first.is_ascii_lowercase()) || words[0].starts_with("cd:") {
        let word = words.remove(0);
        match (word.strip_prefix("cd:"), word.split_once('=')) {
            (Some(path), _) => folder = folder.join(path),
            (None, Some((name, value))) => variables.push((name.to_owned(), value.to_owned())),
            (None, None) => panic!("{line}"),
        }
    }
    if ["render", "list-images"].contains(&words[0].as_str()) {
        words.push("--offline-kubernetes".to_owned());
    }
    environment.run_in(&folder, words, variables)
}

fn check(group: &str) {
    let mut goldens = goldens(group).into_iter();
    let mut wrong = Vec::new();
    for project in projects(group) {
        let environment = environment();
        for (path, content) in &project.files {
            environment.write(path, content);
        }
        if project.in_git {
            let status = std::process::Command::new("git")
                .args(["init", "-q", "."])
                .current_dir(environment.work())
                .status();
            assert!(status.unwrap().success());
        }
        for (index, line) in project.runs.iter().enumerate() {
            let output = run(&environment, line);
            let (name, code, stdout) = goldens.next().unwrap();
            assert_eq!(
                name,
                format!("{} {index}", project.name),
                "{group}: record the goldens again"
            );
            if (output.code, &output.stdout) != (code, &stdout) {
                wrong.push(format!(
                    "{group} {name}: {line}\n--- exit {code} expected, {} found\n{stdout}--- found\n{}{}",
                    output.code, output.stdout, output.stderr
                ));
            }
            // What is wrong is told with a place or in a sentence; nothing is left to a panic.
            if code != 0 {
                assert!(!output.stderr.trim().is_empty(), "{group} {name}");
                assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
            }
        }
    }
    assert!(goldens.next().is_none(), "{group}: record the goldens again");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn targets_and_arguments() {
    check("targets");
}

#[test]
fn items_includes_and_inclusion() {
    check("items");
}

#[test]
fn variables_libraries_and_images() {
    check("vars");
}

#[test]
fn charts() {
    check("helm");
}

#[test]
fn whole_projects() {
    check("whole");
}

#[test]
fn odd_ones() {
    check("odd");
}
