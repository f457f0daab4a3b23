//! `helm-pull` and `helm-update`: the charts that a project names elsewhere, kept in `.helm-charts` and up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_gotemplate::semver::{Constraints, Version};
use kluctl_project::config::{GitRef, HelmChart, HelmChartFile};
use kluctl_project::outside::{ChartRequest, Sources};
use kluctl_project::render::pulled_dir;
use kluctl_source::git;
use kluctl_yaml::{ScalarStyle, parse_first};

use crate::sources::{RemoteSources, chart_files};

/// Folder of a project that holds pulled charts.
const CHARTS: &str = ".helm-charts";

/// Why charts could not be pulled or updated.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The folder is no project, so nothing may be removed from it.
    #[error(
        "{0} has neither .kluctl.yaml nor .kluctl-library.yaml; helm-pull and helm-update work on whole projects only"
    )]
    NoProject(Utf8PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A `helm-chart.yaml` that cannot be read; it is read as it is written, not as a template.
    #[error("{0}")]
    Config(String),
    /// The repository is in no state for commits, or could not be read or written.
    #[error("{0}")]
    Commit(String),
    /// A chart could not be fetched or chosen.
    #[error("{chart}: {reason}")]
    Chart {
        /// The chart's name.
        chart: String,
        /// What is wrong.
        reason: String,
    },
}

impl ChartError {
    fn file(path: &Utf8Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    fn chart(chart: &HelmChart, reason: impl ToString) -> Self {
        Self::Chart {
            chart: chart.name().to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A `helm-chart.yaml` that names a chart of a repository, registry or Git server.
#[derive(Clone, Debug)]
pub struct ChartFile {
    /// Path relative to the project.
    pub path: Utf8PathBuf,
    /// What it says.
    pub chart: HelmChart,
    text: String,
}

impl ChartFile {
    /// The folder of the file relative to the project.
    pub fn folder(&self) -> &Utf8Path {
        match self.path.parent() {
            Some(folder) if !folder.as_str().is_empty() => folder,
            _ => Utf8Path::new("."),
        }
    }
}

/// What happens to a chart; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartEvent {
    /// A chart is fetched into the project.
    Pulling {
        /// Name of the chart.
        chart: String,
        /// Version, or the Git reference.
        version: String,
    },
    /// A pulled chart that nobody names any more was removed.
    Removed {
        /// Folder below `.helm-charts`.
        folder: Utf8PathBuf,
    },
    /// The versions of a chart are asked for.
    Querying {
        /// Name of the chart.
        chart: String,
    },
}

/// A chart that could be newer.
#[derive(Clone, Debug)]
pub struct Update {
    /// The file that names it.
    pub file: ChartFile,
    /// The version it names.
    pub old: String,
    /// The newest version that it may be.
    pub new: String,
}

/// Finds all `helm-chart.yaml` files of a project, without those of local charts, sorted by path.
pub fn find(project: &Utf8Path) -> Result<Vec<ChartFile>, ChartError> {
    let marks = [
        ".kluctl.yaml",
        ".kluctl.yml",
        ".kluctl-library.yaml",
        ".kluctl-library.yml",
    ];
    if !marks.iter().any(|mark| project.join(mark).is_file()) {
        return Err(ChartError::NoProject(project.to_owned()));
    }
    let mut found = Vec::new();
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(folder) = open.pop() {
        let shown = project.join(&folder);
        for entry in shown
            .read_dir_utf8()
            .map_err(|error| ChartError::file(&shown, error))?
        {
            let entry = entry.map_err(|error| ChartError::file(&shown, error))?;
            let kind = entry
                .file_type()
                .map_err(|error| ChartError::file(entry.path(), error))?;
            let path = folder.join(entry.file_name());
            if kind.is_dir() {
                if entry.file_name() != ".git" && entry.file_name() != CHARTS {
                    open.push(path);
                }
            } else if matches!(entry.file_name(), "helm-chart.yaml" | "helm-chart.yml") {
                found.extend(read(project, path)?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(project: &Utf8Path, path: Utf8PathBuf) -> Result<Option<ChartFile>, ChartError> {
    let file = project.join(&path);
    let text = fs::read_to_string(&file).map_err(|error| ChartError::file(&file, error))?;
    let decoded: HelmChartFile = kluctl_yaml::decode(file.as_str(), &text).map_err(|error| {
        ChartError::Config(format!(
            "{error}\nthis file is read without rendering it, so templates in it must be quoted texts"
        ))
    })?;
    let chart = decoded.helm_chart;
    Ok(chart.path.is_empty().then_some(ChartFile { path, chart, text }))
}

/// Pulls all charts of a project into `.helm-charts` and removes those that are no longer named.
///
/// Charts with `skipPrePull` are left out. With `force` charts that are there are fetched again.
pub fn pull(
    project: &Utf8Path,
    sources: &RemoteSources,
    force: bool,
    on_event: &mut dyn FnMut(ChartEvent),
) -> Result<(), ChartError> {
    let charts = project.join(CHARTS);
    let wanted = wanted(project)?;
    for folder in unused(&charts, &wanted.keys().cloned().collect())? {
        let path = charts.join(&folder);
        fs::remove_dir_all(&path).map_err(|error| ChartError::file(&path, error))?;
        on_event(ChartEvent::Removed { folder });
    }
    for (folder, chart) in &wanted {
        let target = charts.join(folder);
        if !force && target.join("Chart.yaml").is_file() {
            continue;
        }
        on_event(ChartEvent::Pulling {
            chart: chart.name().to_owned(),
            version: version(chart),
        });
        fetch(sources, chart, &target)?;
    }
    Ok(())
}

/// The charts that belong into `.helm-charts`, by their folder in it.
fn wanted(project: &Utf8Path) -> Result<BTreeMap<Utf8PathBuf, HelmChart>, ChartError> {
    let mut wanted = BTreeMap::new();
    for file in find(project)?
        .into_iter()
        .filter(|file| !file.chart.skip_pre_pull)
    {
        let folder = pulled_dir(&file.chart).map_err(|error| ChartError::chart(&file.chart, error))?;
        wanted.entry(folder).or_insert(file.chart);
    }
    Ok(wanted)
}

/// Version, or text of the Git reference.
fn version(chart: &HelmChart) -> String {
    match &chart.git {
        None => chart.chart_version.clone().unwrap_or_default(),
        Some(git) => git
            .reference
            .as_ref()
            .map_or_else(|| "HEAD".to_owned(), ToString::to_string),
    }
}

/// Folders below `.helm-charts` that hold a chart which nobody wants, sorted.
fn unused(charts: &Utf8Path, wanted: &BTreeSet<Utf8PathBuf>) -> Result<Vec<Utf8PathBuf>, ChartError> {
    let mut unused = Vec::new();
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(folder) = open.pop() {
        if wanted.contains(&folder) {
            continue;
        }
        let path = charts.join(&folder);
        if path.join("Chart.yaml").is_file() && !folder.as_str().is_empty() {
            unused.push(folder);
            continue;
        }
        let entries = match path.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(ChartError::file(&path, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| ChartError::file(&path, error))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(folder.join(entry.file_name()));
            }
        }
    }
    unused.sort();
    Ok(unused)
}

/// Fetches a chart and puts it in its place as a whole.
fn fetch(sources: &RemoteSources, chart: &HelmChart, target: &Utf8Path) -> Result<(), ChartError> {
    let failed = |error: &dyn std::fmt::Display| ChartError::chart(chart, error);
    let (files, information) = if let Some(git) = &chart.git {
        let tree = sources
            .git(&git.url, git.reference.as_ref())
            .map_err(|error| failed(&error))?;
        let files = sources.git_chart(git).map_err(|error| failed(&error))?;
        (
            files.as_ref().clone(),
            Some(git_information(git.reference.as_ref(), &tree.commit)),
        )
    } else {
        let request = ChartRequest {
            repo: &chart.repo,
            name: &chart.chart_name,
            version: chart.chart_version.as_deref().unwrap_or_default(),
        };
        let archive = sources
            .chart_archive(&request, true)
            .map_err(|error| failed(&error))?;
        (
            chart_files(chart.name(), &archive).map_err(|error| failed(&error))?,
            None,
        )
    };
    let partial = target.with_file_name(format!(".{}.part", target.file_name().unwrap_or_default()));
    let write = || -> io::Result<()> {
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        for (path, content) in &files {
            let path = partial.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&partial))?;
            fs::write(path, content)?;
        }
        if let Some(information) = &information {
            fs::write(partial.join(".git-info.yaml"), information)?;
        }
        if target.exists() {
            fs::remove_dir_all(target)?;
        }
        fs::rename(&partial, target)
    };
    write().map_err(|error| {
        let _ = fs::remove_dir_all(&partial);
        ChartError::file(target, error)
    })
}

/// What upstream writes beside a chart from Git, to see later whether a branch has moved.
fn git_information(reference: Option<&GitRef>, commit: &str) -> String {
    let reference = reference.and_then(|reference| serde_json::to_value(reference).ok());
    kluctl_yaml::to_string(&serde_json::json!({
        "checkedOutCommit": commit,
        "checkedOutRef": reference.unwrap_or_else(|| serde_json::json!({})),
    }))
}

/// Refuses projects in which a commit would hold more than a chart's update, or whose charts are not those of the files.
///
/// Source: kluctl `cmd/kluctl/commands/cmd_helm_update.go`.
pub fn check_committable(project: &Utf8Path, sources: &RemoteSources) -> Result<(), ChartError> {
    let (root, project) = repository_of(project)?;
    for file in git::changed_files(&root).map_err(|error| ChartError::Commit(error.to_string()))? {
        if root.join(&file.path).starts_with(project.join(CHARTS)) {
            return Err(ChartError::Commit(format!(
                "--commit can only be used when {CHARTS} is clean, but {} differs from the newest commit",
                file.path
            )));
        }
        if file.tracked {
            return Err(ChartError::Commit(format!(
                "--commit can only be used when the git worktree is unmodified, but {} is changed",
                file.path
            )));
        }
    }
    let wanted = wanted(&project)?;
    let charts = project.join(CHARTS);
    let stale = wanted
        .iter()
        .any(|(folder, chart)| !is_current(&charts.join(folder), chart));
    let unused = unused(&charts, &wanted.keys().cloned().collect())?;
    // Branches move: only their server knows whether they have.
    let moved = wanted
        .iter()
        .filter_map(|(folder, chart)| Some((folder, chart.git.as_ref()?)))
        .any(|(folder, git)| {
            let tree = sources.git(&git.url, git.reference.as_ref());
            let known = fs::read_to_string(charts.join(folder).join(".git-info.yaml"));
            tree.is_ok_and(|tree| known.is_ok_and(|known| !known.contains(&tree.commit)))
        });
    if stale || moved || !unused.is_empty() {
        return Err(ChartError::Commit(format!(
            "{CHARTS} is not up-to-date. Please run helm-pull before"
        )));
    }
    Ok(())
}

/// Commits a chart's new version: the files that name it and what has changed below `.helm-charts`. Gives the message.
pub fn commit(project: &Utf8Path, updates: &[&Update]) -> Result<String, ChartError> {
    let failed = |error: kluctl_source::SourceError| ChartError::Commit(format!("failed to commit: {error}"));
    let (root, project) = repository_of(project)?;
    let named: BTreeSet<_> = updates
        .iter()
        .map(|update| project.join(&update.file.path))
        .collect();
    let changed = git::changed_files(&root).map_err(failed)?;
    let paths: Vec<_> = changed
        .into_iter()
        .map(|file| file.path)
        .filter(|path| {
            let path = root.join(path);
            named.contains(&path) || path.starts_with(project.join(CHARTS))
        })
        .collect();
    let message = updates.first().map_or_else(String::new, |update| {
        let (chart, old, new) = (update.file.chart.name(), &update.old, &update.new);
        format!("Updated helm chart {chart} from version {old} to version {new}")
    });
    git::commit_files(&root, &paths, &message).map_err(failed)?;
    Ok(message)
}

/// The repository's top folder and the project's folder in it.
fn repository_of(project: &Utf8Path) -> Result<(Utf8PathBuf, Utf8PathBuf), ChartError> {
    let project = project
        .canonicalize_utf8()
        .map_err(|error| ChartError::file(project, error))?;
    let root = git::root_of(&project)
        .ok_or_else(|| {
            ChartError::Commit(format!(
                "--commit needs a git repository, and {project} is in none"
            ))
        })?
        .to_owned();
    Ok((root, project))
}

/// Whether a pulled chart is the one that the file asks for, as far as the disk tells.
fn is_current(folder: &Utf8Path, chart: &HelmChart) -> bool {
    let Ok(text) = fs::read_to_string(folder.join("Chart.yaml")) else {
        return false;
    };
    let Some(version) = &chart.chart_version else {
        return true;
    };
    let found = kluctl_yaml::from_str(&text)
        .ok()
        .and_then(|value| value["version"].as_str().map(str::to_owned));
    match (found.as_deref().map(Version::parse), Version::parse(version)) {
        (Some(Ok(found)), Ok(wanted)) => found == wanted,
        _ => found.as_ref() == Some(version),
    }
}

/// Looks for newer versions of all charts of a project, sorted by file.
///
/// Charts from Git are looked at where they are pinned to a tag that is a version.
pub fn updates(
    project: &Utf8Path,
    sources: &RemoteSources,
    on_event: &mut dyn FnMut(ChartEvent),
) -> Result<Vec<Update>, ChartError> {
    let mut known: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut updates = Vec::new();
    for file in find(project)? {
        let old = version(&file.chart);
        if let Some(git) = &file.chart.git {
            let tag = git
                .reference
                .as_ref()
                .and_then(|reference| reference.tag.as_deref());
            let Some(tag) = tag.filter(|tag| Version::parse(tag).is_ok()) else {
                continue;
            };
            on_event(ChartEvent::Querying {
                chart: file.chart.name().to_owned(),
            });
            let names = sources
                .git_refs(&git.url)
                .map_err(|error| ChartError::chart(&file.chart, error))?;
            let tags: Vec<_> = names
                .iter()
                .filter_map(|name| name.strip_prefix("refs/tags/").map(str::to_owned))
                .collect();
            let new = newest(&file.chart, &tags)?;
            if new != tag {
                updates.push(Update {
                    old: tag.to_owned(),
                    new,
                    file,
                });
            }
            continue;
        }
        let key = (file.chart.repo.clone(), file.chart.chart_name.clone());
        if !known.contains_key(&key) {
            on_event(ChartEvent::Querying {
                chart: file.chart.name().to_owned(),
            });
            let versions = sources
                .chart_versions(&file.chart.repo, &file.chart.chart_name)
                .map_err(|error| ChartError::chart(&file.chart, error))?;
            known.insert(key.clone(), versions);
        }
        let new = newest(&file.chart, known.get(&key).map_or(&[], Vec::as_slice))?;
        // Compared as versions: `v1.0` and `1.0.0` are the same.
        let same = match (Version::parse(&old), Version::parse(&new)) {
            (Ok(old), Ok(new)) => old == new,
            _ => old == new,
        };
        if !same {
            updates.push(Update { file, old, new });
        }
    }
    Ok(updates)
}

/// The highest version that the chart's constraints allow; without constraints no pre-release.
fn newest(chart: &HelmChart, versions: &[String]) -> Result<String, ChartError> {
    let constraints =
        match &chart.update_constraints {
            None => None,
            Some(text) => Some(Constraints::parse(text).map_err(|error| {
                ChartError::chart(chart, format!("invalid constraints '{text}': {error}"))
            })?),
        };
    let allowed = versions.iter().filter_map(|text| {
        let version = Version::parse(text).ok()?;
        let fits = match &constraints {
            None => !version
                .to_string()
                .split('+')
                .next()
                .unwrap_or_default()
                .contains('-'),
            Some(constraints) => constraints.check(&version),
        };
        fits.then_some((version, text))
    });
    let best = allowed
        .max_by(|(a, _), (b, _)| a.cmp(b))
        .map(|(_, text)| text.clone());
    best.ok_or_else(|| match &chart.update_constraints {
        None => ChartError::chart(chart, "no version found"),
        Some(text) => ChartError::chart(
            chart,
            format!("no version found that satisfies constraints '{text}'"),
        ),
    })
}

/// Writes the new version into the file; everything else in it stays as it is.
pub fn upgrade(project: &Utf8Path, update: &Update) -> Result<(), ChartError> {
    let file = project.join(&update.file.path);
    let keys: &[&str] = if update.file.chart.git.is_some() {
        &["git", "ref", "tag"]
    } else {
        &["chartVersion"]
    };
    let text = replace_scalar(&update.file.text, keys, &update.new).ok_or_else(|| {
        ChartError::Config(format!(
            "{file}: the version is not written as a plain text, change it by hand"
        ))
    })?;
    fs::write(&file, text).map_err(|error| ChartError::file(&file, error))
}

/// Replaces the scalar at a path below `helmChart`, in the quotes it had.
fn replace_scalar(text: &str, keys: &[&str], new: &str) -> Option<String> {
    let document = parse_first(text).ok()??;
    let mut node = document.get("helmChart")?;
    for key in keys {
        node = node.get(key)?;
    }
    let new = match node.style()? {
        ScalarStyle::Plain => new.to_owned(),
        ScalarStyle::SingleQuoted => format!("'{new}'"),
        ScalarStyle::DoubleQuoted => format!("\"{new}\""),
        ScalarStyle::Literal | ScalarStyle::Folded => return None,
    };
    let mut changed = text.to_owned();
    // A version without quotes must still be read as text: 1.10 alone would be a number.
    let quoted = if node.style()? == ScalarStyle::Plain && new.parse::<f64>().is_ok() {
        format!("\"{new}\"")
    } else {
        new
    };
    changed.replace_range(node.span.start..node.span.end, &quoted);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_touches_the_version_only() {
        let text = "# the proxy\nhelmChart:\n  repo: https://a.io # where\n  chartVersion: 4.5.0   # why\n  chartName: x\n";
        assert_eq!(
            replace_scalar(text, &["chartVersion"], "4.5.2").unwrap(),
            text.replace("4.5.0", "4.5.2")
        );
        let quoted = "helmChart: {chartVersion: '1.0.0'}\n";
        assert_eq!(
            replace_scalar(quoted, &["chartVersion"], "1.1").unwrap(),
            "helmChart: {chartVersion: '1.1'}\n"
        );
        let plain = "helmChart:\n  chartVersion: 1.0.0\n";
        assert_eq!(
            replace_scalar(plain, &["chartVersion"], "1.10").unwrap(),
            "helmChart:\n  chartVersion: \"1.10\"\n"
        );
    }

    #[test]
    fn the_newest_version_keeps_to_the_constraints() {
        let versions: Vec<_> = [
            "1.0.0",
            "1.2.0",
            "2.0.0",
            "2.1.0-rc.1",
            "nonsense",
            "10.0.0-alpha",
        ]
        .map(str::to_owned)
        .into();
        let newest = |constraints: Option<&str>| {
            let chart = HelmChart {
                update_constraints: constraints.map(str::to_owned),
                ..HelmChart::default()
            };
            super::newest(&chart, &versions)
        };
        assert_eq!(newest(None).unwrap(), "2.0.0");
        assert_eq!(newest(Some("~1")).unwrap(), "1.2.0");
        assert_eq!(newest(Some(">=2.0.0-0 <3")).unwrap(), "2.1.0-rc.1");
        assert!(
            newest(Some(">99"))
                .unwrap_err()
                .to_string()
                .contains("satisfies constraints '>99'")
        );
        assert!(newest(Some("!!")).is_err());
    }
}
