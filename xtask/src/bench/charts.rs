//! Every chart of the corpus, rendered by ours and by Helm.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::measure::{measure, report};
use super::{corpus, peer};

const RUNS: usize = 5;

/// One case a chart: the first of its successful ones.
pub(super) fn run(ours: &Path) -> Result<()> {
    let Some(corpus) = corpus() else { return Ok(()) };
    println!("## charts: `helm template`, best of {RUNS}");
    let helm = peer("helm");
    let cases: Value = serde_json::from_slice(&std::fs::read(corpus.join("cases.json"))?)?;
    let mut seen = BTreeSet::new();
    for case in cases.as_array().context("a list of cases")? {
        let chart = case["chart"].as_str().context("a chart")?;
        if case["exit"] != 0 || !seen.insert(chart) {
            continue;
        }
        let arguments = arguments(case);
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.args(if program == ours {
                &["helm", "template"][..]
            } else {
                &["template"][..]
            });
            command.args(&arguments).current_dir(&corpus);
            command
        };
        let own = measure(RUNS, || command(ours))?;
        let other = helm
            .as_deref()
            .map(|helm| measure(RUNS, || command(helm)))
            .transpose()?;
        report(chart.trim_start_matches("charts/"), own, other);
    }
    Ok(())
}

fn arguments(case: &Value) -> Vec<String> {
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| {
        let values = case[key].as_array().into_iter().flatten();
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut arguments = vec![text("release"), text("chart"), "-n".to_owned(), text("namespace")];
    arguments.extend(["--kube-version".to_owned(), text("kubeVersion")]);
    for (flag, key) in [
        ("--api-versions", "apiVersions"),
        ("-f", "values"),
        ("--set", "set"),
    ] {
        for value in list(key) {
            arguments.extend([flag.to_owned(), value]);
        }
    }
    if case["includeCRDs"] == true {
        arguments.push("--include-crds".to_owned());
    }
    arguments.extend(list("extraArgs"));
    arguments
}
