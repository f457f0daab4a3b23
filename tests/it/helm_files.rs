//! The files that `helm template --output-dir` writes.
//!
//! `tests/helm-output-dir.txt` holds what `helm template r chart --output-dir out` of Helm 4.2.2 printed and wrote for the chart
//! below, with more flags each time: after `=== FLAGS` the standard output, after `rc` the exit code, then the files.

use std::fmt::Write as _;
use std::path::Path;

use super::start::environment;

const CHART: [(&str, &str); 8] = [
    ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
    (
        "charts/sub/Chart.yaml",
        "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    ),
    (
        "templates/a.yaml",
        "kind: A\nmetadata:\n  name: one\n---\nkind: B\nmetadata:\n  name: two\n",
    ),
    (
        "templates/hook.yaml",
        "kind: Hook\nmetadata:\n  name: before\n  annotations:\n    helm.sh/hook: pre-install\n",
    ),
    (
        "templates/test.yaml",
        "kind: Pod\nmetadata:\n  name: test\n  annotations:\n    helm.sh/hook: test\n",
    ),
    (
        "crds/c.yaml",
        "kind: CustomResourceDefinition\nmetadata:\n  name: c\n",
    ),
    (
        "charts/sub/templates/s.yaml",
        "kind: Sub\nmetadata:\n  name: {{ .Release.Name }}\n",
    ),
    ("templates/NOTES.txt", "Thanks"),
];

fn files(folder: &Path, inner: &str, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{inner}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            files(&entry.path(), &name, into);
        } else {
            into.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

#[test]
fn files_are_those_that_helm_writes() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/helm-output-dir.txt");
    let golden = std::fs::read_to_string(golden).unwrap();
    let mut found = String::new();
    for flags in golden.lines().filter_map(|line| line.strip_prefix("=== ")) {
        let environment = environment();
        for (path, text) in CHART {
            environment.write(&format!("chart/{path}"), text);
        }
        let command = ["helm", "template", "r", "chart", "--output-dir", "out"];
        let output = environment.run(command.into_iter().chain(flags.split_whitespace()));
        let code = output.code;
        write!(found, "=== {flags}\n{}rc {code}\n", output.stdout).unwrap();
        let mut written = Vec::new();
        files(&environment.work().join("out"), ".", &mut written);
        written.sort();
        for (path, text) in written {
            write!(found, "## {path}\n{text}").unwrap();
        }
    }
    assert_eq!(found, golden);
}
