//! Puts a chart together from its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8PathBuf;

use crate::archive::{self, LARGEST_FILE, unpack};
use crate::chart::{Chart, File};
use crate::error::Error;
use crate::ignore::IgnoreRules;
use crate::metadata::Metadata;
use crate::values;

/// How deep charts may be packed in each other.
const DEEPEST: usize = 50;

impl Chart {
    /// Loads a chart from the files of its folder, by path inside the folder.
    ///
    /// Files that `.helmignore` names are left out, as if Helm had walked the folder itself.
    pub fn from_files(files: &BTreeMap<Utf8PathBuf, Bytes>) -> Result<Self, Error> {
        let ignore = match files.get(camino::Utf8Path::new(".helmignore")) {
            Some(data) => String::from_utf8_lossy(data).into_owned(),
            None => String::new(),
        };
        let metadata = detect_version(files.get(camino::Utf8Path::new("Chart.yaml")))?;
        let rules = IgnoreRules::parse(&ignore)?;
        let mut kept = Vec::new();
        let mut folder = Folder::default();
        for (path, data) in files {
            let path = path.as_str();
            if folder.is_ignored(&rules, path) || rules.ignores(path, false) {
                continue;
            }
            check_size(path, data.len() as u64)?;
            kept.push(File {
                name: path.to_owned(),
                data: data.clone().into(),
            });
        }
        assemble(kept, metadata, 0)
    }

    /// Loads a chart from a folder that was walked as Helm walks it: without what its [`IgnoreRules`] leave out, and with
    /// files that passed [`check_size`]. `chart_yaml` is the folder's `Chart.yaml`, also where it is left out.
    ///
    /// Files whose content comes [later](crate::Content::later) are read when they are needed, if at all.
    ///
    /// # Errors
    /// What Helm says of a chart that cannot be loaded, or that a file cannot be read.
    pub fn from_folder(chart_yaml: &Bytes, files: Vec<File>) -> Result<Self, Error> {
        let metadata = detect_version(Some(chart_yaml))?;
        assemble(files, metadata, 0)
    }

    /// Loads a packed chart.
    pub fn from_archive(packed: &[u8]) -> Result<Self, Error> {
        let files = unpack(packed).map_err(|error| error.context("unable to load chart archive"))?;
        let chart_yaml = files.iter().find(|file| file.name == "Chart.yaml");
        let Some(chart_yaml) = chart_yaml else {
            return Err(Error::new("unable to detect chart version, no Chart.yaml found"));
        };
        let metadata = detect_version(Some(chart_yaml.data.bytes()?))?;
        assemble(files, metadata, 0)
    }
}

/// Refuses a chart's file that is larger than Helm takes.
///
/// Source: helm `pkg/chart/v2/loader/directory.go`, `LoadDir`.
pub fn check_size(path: &str, size: u64) -> Result<(), Error> {
    if size <= LARGEST_FILE {
        return Ok(());
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = kluctl_gotemplate::quote(name.as_bytes());
    Err(Error::new(format!(
        "chart file {name} is larger than the maximum file size {LARGEST_FILE}"
    )))
}

/// The folder of the last file that was looked at: most files lie beside the one before them.
#[derive(Default)]
struct Folder<'p> {
    path: &'p str,
    ignored: bool,
}

impl<'p> Folder<'p> {
    /// Whether one of the folders that a file lies in is ignored.
    fn is_ignored(&mut self, rules: &IgnoreRules, file: &'p str) -> bool {
        let folder = file.rfind('/').map_or("", |end| &file[..end]);
        if folder != self.path {
            self.path = folder;
            self.ignored = file
                .match_indices('/')
                .any(|(end, _)| rules.ignores(&file[..end], true));
        }
        self.ignored
    }
}

/// Refuses API versions that Helm does not know; returns the metadata where nothing is wrong with it.
fn detect_version(chart_yaml: Option<&Bytes>) -> Result<Option<Metadata>, Error> {
    let Some(data) = chart_yaml else {
        return Ok(None);
    };
    let mut metadata = Metadata::default();
    let text = text_of(data).map_err(|error| Error::new(format!("cannot load Chart.yaml: {error}")))?;
    let read = metadata.read(&text);
    // Type errors of other fields are told later.
    if let Err(message) = &read
        && !message.starts_with("error unmarshaling JSON")
    {
        return Err(Error::new(format!("cannot load Chart.yaml: {message}")));
    }
    match metadata.api_version.as_str() {
        // A byte order mark would be taken away once more.
        "" | "v1" | "v2" => Ok((read.is_ok() && text.len() == data.len()).then_some(metadata)),
        "v3" => Err(Error::new(
            "charts of apiVersion v3 are an experiment of Helm and are not supported",
        )),
        _ => Err(Error::new("unsupported chart version")),
    }
}

fn text_of(data: &Bytes) -> Result<std::borrow::Cow<'_, str>, String> {
    kluctl_yaml::text_of(data).map_err(|error| error.go_text())
}

/// Sorts files into a chart; `known` is what the first `Chart.yaml` says, where that is known.
///
/// Source: helm `pkg/chart/v2/loader/load.go`, `LoadFiles`.
fn assemble(files: Vec<File>, mut known: Option<Metadata>, depth: usize) -> Result<Chart, Error> {
    if depth > DEEPEST {
        return Err(Error::new(format!("charts are nested more than {DEEPEST} deep")));
    }
    let mut metadata: Option<Metadata> = None;
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        let metadata = match known.take() {
            Some(known) => metadata.insert(known),
            None => {
                let metadata = metadata.get_or_insert_default();
                read_metadata(metadata, file)?;
                metadata
            }
        };
        if metadata.api_version.is_empty() {
            "v1".clone_into(&mut metadata.api_version);
        }
    }
    let mut chart = Chart {
        metadata: Metadata::default(),
        templates: Vec::new(),
        values: None,
        schema: None,
        files: Arc::default(),
        dependencies: Vec::new(),
        logs: Vec::new(),
    };
    let mut others = Vec::new();
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => check_lock(&file)?,
            "values.yaml" => {
                let text = text_of(file.data.bytes()?)
                    .map_err(|error| Error::new(format!("cannot unmarshal yaml document: {error}")));
                let loaded = text.and_then(|text| values::from_yaml(&text));
                chart.values = Some(loaded.map_err(|error| error.context("cannot load values.yaml"))?);
            }
            "values.schema.json" => chart.schema = Some(file.data),
            "requirements.yaml" => {
                let metadata = metadata.get_or_insert_default();
                let is_old = metadata.api_version == "v1";
                if !is_old {
                    chart
                        .logs
                        .push(crate::error::log_line("INFO", V2_REQUIREMENTS, &[]));
                }
                read_metadata(metadata, &file)?;
                if is_old {
                    others.push(file);
                }
            }
            "requirements.lock" => {
                check_lock(&file)?;
                let metadata = metadata.get_or_insert_default();
                if metadata.api_version == "v1" {
                    others.push(file);
                } else {
                    chart.logs.push(crate::error::log_line("INFO", V2_LOCK, &[]));
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name if name.starts_with("charts/") => {
                let inner = &name["charts/".len()..];
                if name
                    .rsplit('/')
                    .next()
                    .is_some_and(|base| base.ends_with(".prov"))
                {
                    others.push(file);
                    continue;
                }
                let folder = inner.split('/').next().unwrap_or(inner).to_owned();
                let inner = inner.to_owned();
                subcharts.entry(folder).or_default().push(File {
                    name: inner,
                    data: file.data,
                });
            }
            _ => others.push(file),
        }
    }
    chart.files = Arc::new(others);
    chart.metadata = metadata.ok_or_else(|| Error::new("Chart.yaml file is missing"))?;
    chart.metadata.validate()?;
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let loaded = load_subchart(&chart.metadata.name, &name, files, depth)?;
        chart.dependencies.push(loaded);
    }
    Ok(chart)
}

const V2_REQUIREMENTS: &str = "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend \
                               migrating dependencies to Chart.yaml.";
const V2_LOCK: &str = "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend \
                       migrating to Chart.lock.";

fn read_metadata(metadata: &mut Metadata, file: &File) -> Result<(), Error> {
    text_of(file.data.bytes()?)
        .and_then(|text| metadata.read(&text))
        .map_err(|message| Error::new(format!("cannot load {}: {message}", file.name)))
}

/// Lock files are only checked for being readable.
fn check_lock(file: &File) -> Result<(), Error> {
    let checked = text_of(file.data.bytes()?).and_then(|text| {
        kluctl_yaml::from_str_lenient(&text)
            .map(|_| ())
            .map_err(|error| error.go_text())
    });
    checked.map_err(|message| Error::new(format!("cannot load {}: {message}", file.name)))
}

fn load_subchart(parent: &str, name: &str, files: Vec<File>, depth: usize) -> Result<Chart, Error> {
    let loaded = if name.ends_with(".tgz") {
        let first = files.first().map_or("", |file| file.name.as_str());
        if first != name {
            return Err(Error::new(format!(
                "error unpacking subchart tar in {parent}: expected {name}, got {first}"
            )));
        }
        files
            .first()
            .map_or_else(|| Ok(Vec::new()), |file| archive::unpack(file.data.bytes()?))
            .and_then(|files| assemble(files, None, depth + 1))
    } else {
        let inner = files.into_iter().filter_map(|file| {
            let (_, rest) = file.name.split_once('/')?;
            Some(File {
                name: rest.to_owned(),
                data: file.data,
            })
        });
        assemble(inner.collect(), None, depth + 1)
    };
    loaded.map_err(|error| error.context(format!("error unpacking subchart {name} in {parent}")))
}
