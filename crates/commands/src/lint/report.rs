//! From flaws of single targets to findings of a run.

use std::collections::BTreeMap;

use camino::Utf8Path;
use kluctl_api::{LintFinding, LintLevel, LintResult, LintTemplate};
use kluctl_project::{FieldPlace, FieldRequest, Problem};

use super::{Flaw, Rule};

/// What came of one target.
#[derive(Debug, Default)]
pub struct Linted {
    /// The target's name; empty in a project without targets.
    pub target: String,
    /// How many objects it has.
    pub objects: usize,
    /// What is wrong with them.
    pub flaws: Vec<Flaw>,
    /// The places that flaws name.
    pub places: BTreeMap<FieldRequest, FieldPlace>,
    /// Why it could not be rendered.
    pub problems: Vec<Problem>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Puts the targets together: what several have in the same place is one finding. Files are named from `base`.
pub fn report(targets: Vec<Linted>, base: &Utf8Path) -> LintResult {
    let mut result = LintResult {
        targets: targets.iter().map(|linted| linted.target.clone()).collect(),
        objects: targets.iter().map(|linted| linted.objects).sum(),
        ..LintResult::default()
    };
    let mut found: BTreeMap<Key, LintFinding> = BTreeMap::new();
    for linted in targets {
        result.notes.extend(linted.notes.iter().cloned());
        let flaws = linted.flaws.iter().map(|flaw| finding(flaw, &linted, base));
        let problems = linted.problems.iter().map(|problem| from_problem(problem, base));
        for finding in problems.chain(flaws) {
            let known = found.entry(key(&finding)).or_insert_with(|| finding.clone());
            for object in finding.objects {
                if !known.objects.contains(&object) {
                    known.objects.push(object);
                }
            }
            if !known.targets.contains(&linted.target) {
                known.targets.push(linted.target.clone());
            }
        }
    }
    result.findings = found.into_values().collect();
    let count = |level| {
        result
            .findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    (result.errors, result.warnings) = (count(LintLevel::Error), count(LintLevel::Warning));
    result.notes.sort();
    result.notes.dedup();
    result
}

/// What orders findings, and what is the same in findings that are told once.
type Key = (
    String,
    Option<u32>,
    Option<(String, Option<u32>)>,
    String,
    String,
    String,
    String,
);

fn key(finding: &LintFinding) -> Key {
    let chart = finding.chart.as_ref();
    // Without a line, what tells findings apart is the object.
    let placed = finding.line.is_some() || chart.is_some_and(|chart| chart.line.is_some());
    let object = match finding.objects.first() {
        Some(object) if !placed => object.to_string(),
        _ => String::new(),
    };
    (
        finding.file.clone(),
        finding.line,
        chart.map(|chart| (chart.file.clone(), chart.line)),
        object,
        finding.path.clone(),
        finding.rule.clone(),
        finding.message.clone(),
    )
}

/// A file as it is named from a folder.
fn relative(file: &str, base: &Utf8Path) -> String {
    let path = Utf8Path::new(file);
    path.strip_prefix(base).unwrap_or(path).to_string()
}

fn finding(flaw: &Flaw, linted: &Linted, base: &Utf8Path) -> LintFinding {
    let place = linted.places.get(&flaw.at).cloned().unwrap_or_default();
    let mut message = flaw.message.clone();
    if let Some((words, at)) = &flaw.other
        && let Some(other) = linted.places.get(at)
    {
        let line = other.line.map_or_else(String::new, |line| format!(":{line}"));
        message.push_str(&format!(", {words} {}{line}", relative(&other.file, base)));
    }
    let path = if flaw.at.path.0.is_empty() {
        String::new()
    } else {
        flaw.at.path.to_string()
    };
    LintFinding {
        rule: flaw.rule.name().to_owned(),
        level: flaw.level,
        message,
        objects: vec![flaw.object.clone()],
        path,
        file: relative(&place.file, base),
        line: place.line,
        chart: place.chart.map(|(file, line)| LintTemplate { file, line }),
        changed_by: place.changed_by,
        targets: Vec::new(),
    }
}

fn from_problem(problem: &Problem, base: &Utf8Path) -> LintFinding {
    let place = problem.places.first();
    let mut message = problem.message.clone();
    if let Some(hint) = &problem.hint {
        message.push_str(&format!(" ({hint})"));
    }
    LintFinding {
        rule: Rule::Render.name().to_owned(),
        level: Rule::Render.level(),
        message,
        file: place.map(|place| relative(&place.file, base)).unwrap_or_default(),
        line: place.map(|place| place.line).filter(|line| *line > 0),
        ..LintFinding::default()
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::{Gvk, KeyPath, ObjectRef};

    use super::*;

    fn linted(target: &str, line: Option<u32>) -> Linted {
        let at = FieldRequest {
            item: 0,
            object: 0,
            path: KeyPath::default().child("spec"),
        };
        let place = FieldPlace {
            file: "/p/a/x.yaml".to_owned(),
            line,
            ..FieldPlace::default()
        };
        Linted {
            target: target.to_owned(),
            objects: 2,
            flaws: vec![Flaw {
                rule: Rule::UnknownField,
                level: LintLevel::Error,
                object: ObjectRef::new(&Gvk::new("", "v1", "Pod"), Some(target), "x"),
                at: at.clone(),
                message: "unknown field".to_owned(),
                other: None,
            }],
            places: BTreeMap::from([(at, place)]),
            ..Linted::default()
        }
    }

    #[test]
    fn what_several_targets_have_in_one_line_is_told_once() {
        let result = report(vec![linted("dev", Some(3)), linted("prod", Some(3))], "/p".into());
        assert_eq!((result.errors, result.objects, result.findings.len()), (1, 4, 1));
        let finding = &result.findings[0];
        assert_eq!((finding.file.as_str(), finding.line), ("a/x.yaml", Some(3)));
        assert_eq!(finding.targets, ["dev", "prod"]);
        assert_eq!(finding.objects.len(), 2);
        let apart = report(vec![linted("dev", None), linted("prod", None)], "/p".into());
        assert_eq!(apart.findings.len(), 2);
    }
}
