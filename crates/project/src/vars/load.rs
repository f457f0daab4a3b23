//! Loads sources of variables, one after the other: each sees what came before it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;
use kluctl_object::{JsonPath, type_name};
use serde_json::{Map, Value};

use super::Vars;
use crate::assumed::{Assumed, outside_name, placeholder};
use crate::config::{GitVars, HttpVars, VarsKind, VarsSource};
use crate::outside::{
    CloudSecret, ClusterReader, HttpRequest, OutsideError, SecretContent, Secrets, Sources,
};
use crate::problem::{Problem, Problems};
use crate::render::World;
use crate::rendered::Sensitive;
use crate::secrets::Decrypter;
use crate::templates::{self, Templates};
use crate::tree::SourceTree;
use crate::trees::Trees;
use crate::watch::{Role, Watch};

/// Everything that sources of variables are loaded with.
pub(crate) struct VarsLoader {
    pub(crate) templates: Templates,
    pub(crate) cluster: Option<Arc<dyn ClusterReader>>,
    pub(crate) sources: Arc<dyn Sources>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) trees: Arc<Trees>,
    pub(crate) decrypter: Decrypter,
    pub(crate) sensitive: Mutex<Sensitive>,
    pub(crate) warnings: Mutex<Vec<String>>,
    /// Looks out for one file.
    pub(crate) watch: Option<Watch>,
    pub(crate) assumed: Arc<Assumed>,
    /// Names of sources that a placeholder stands for.
    pub(crate) placeholders: Mutex<BTreeSet<String>>,
}

/// Where sources stand and where they look for files.
pub(crate) struct TemplatePlace<'p> {
    /// The tree that files are looked for in.
    pub(crate) tree: &'p Arc<SourceTree>,
    /// Folders to look in, absolute.
    pub(crate) search_dirs: &'p [Utf8PathBuf],
    /// The file that the sources stand in, as it is shown.
    pub(crate) file: &'p str,
    /// Its text.
    pub(crate) text: &'p str,
}

/// What became of a source, for the stored result.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedSource {
    pub(crate) sensitive: bool,
    /// `None` when the source was left out.
    pub(crate) values: Option<Arc<Map<String, Value>>>,
}

/// What a source gave.
pub(super) struct Loaded {
    pub(super) value: Value,
    pub(super) sensitive: bool,
    /// The secret texts among the values, where not all of them are secret.
    pub(super) secrets: Option<Vec<String>>,
    /// It was not there, which was forgiven: nothing is merged.
    pub(super) skipped: bool,
}

impl Loaded {
    pub(super) fn new(value: Value, sensitive: bool) -> Self {
        Self {
            value,
            sensitive,
            secrets: None,
            skipped: false,
        }
    }

    pub(super) fn skipped(sensitive: bool) -> Self {
        Self {
            value: Value::Object(Map::new()),
            sensitive,
            secrets: None,
            skipped: true,
        }
    }
}

impl From<OutsideError> for Problem {
    fn from(error: OutsideError) -> Self {
        let mut problem = Self::new(error.message);
        problem.hint = error.hint;
        problem
    }
}

impl VarsLoader {
    /// What one run loads with.
    pub(crate) fn new(world: &World, sops_strict: bool) -> Self {
        let trees = Arc::<Trees>::default();
        Self {
            templates: Templates::new(world.sources.clone(), trees.clone()),
            cluster: world.cluster.clone(),
            sources: world.sources.clone(),
            secrets: world.secrets.clone(),
            trees,
            decrypter: Decrypter::new(world.secrets.clone(), sops_strict),
            sensitive: Mutex::new(Sensitive {
                key: world.mask_key.clone(),
                ..Sensitive::default()
            }),
            warnings: Mutex::default(),
            watch: None,
            assumed: Arc::default(),
            placeholders: Mutex::default(),
        }
    }

    /// Loads sources in order. The first that fails ends it, since what follows may need it.
    pub(crate) fn load_list(
        &self,
        vars: Arc<Vars>,
        sources: &[VarsSource],
        place: &TemplatePlace<'_>,
        at: &str,
    ) -> Result<(Arc<Vars>, Vec<LoadedSource>), Problems> {
        let mut vars = vars;
        let mut all = Vec::with_capacity(sources.len());
        for (index, source) in sources.iter().enumerate() {
            let (next, loaded) = self
                .load(&vars, source, place)
                .map_err(|problems| problems.located(place.file, place.text, &format!("{at}[{index}]")))?;
            all.push(loaded);
            if let Some(next) = next {
                vars = Arc::new(next);
            }
        }
        Ok((vars, all))
    }

    fn load(
        &self,
        vars: &Vars,
        source: &VarsSource,
        place: &TemplatePlace<'_>,
    ) -> Result<(Option<Vars>, LoadedSource), Problems> {
        let at_place = |problem: Problem| Problems::from(problem.from_file(place.file));
        let source = &self.render_source(vars, source, place)?;
        let renderer = self.templates.plain(vars.context());
        let holds = renderer
            .eval_condition(&source.when)
            .map_err(|error| Problems::from(templates::problem_within(&error, place.file, place.text)))?;
        if !holds {
            return Ok((None, LoadedSource::default()));
        }
        if source.multidoc == Some(true) && source.target_path.is_empty() {
            return Err(at_place(Problem::new(
                "multidoc vars sources can only be used when targetPath is also specified",
            )));
        }
        let loaded = match self.assumed.values(source) {
            Some(values) => Loaded::new(values.clone(), false),
            None => match self.load_kind(vars, source, place) {
                Ok(loaded) => loaded,
                Err(problem) => self.placeholder(source).ok_or_else(|| at_place(problem))?,
            },
        };
        let sensitive = source.sensitive.unwrap_or(loaded.sensitive);
        if sensitive && let Ok(mut values) = self.sensitive.lock() {
            match &loaded.secrets {
                Some(texts) if source.sensitive.is_none() => values.add_texts(texts),
                _ => values.add(&loaded.value),
            }
        }
        if loaded.skipped {
            return Ok((
                None,
                LoadedSource {
                    sensitive,
                    values: Some(Arc::default()),
                },
            ));
        }
        let values = at_target(loaded.value, &source.target_path).map_err(at_place)?;
        let record = LoadedSource {
            sensitive,
            values: Some(Arc::new(values.clone())),
        };
        Ok((
            Some(vars.merged(values, source.no_override == Some(true))),
            record,
        ))
    }

    /// What stands in for a source that could not be asked, where that is wanted.
    fn placeholder(&self, source: &VarsSource) -> Option<Loaded> {
        let name = outside_name(source).filter(|_| self.assumed.placeholders)?;
        let value = placeholder(&name);
        if let Ok(mut names) = self.placeholders.lock() {
            names.insert(name);
        }
        Some(Loaded::new(value, false))
    }

    /// Renders every text of a source.
    fn render_source(
        &self,
        vars: &Vars,
        source: &VarsSource,
        place: &TemplatePlace<'_>,
    ) -> Result<VarsSource, Problems> {
        let value =
            serde_json::to_value(source).map_err(|error| Problem::in_file(place.file, error.to_string()))?;
        if !has_template(&value) {
            return Ok(source.clone());
        }
        let rendered = self
            .templates
            .plain(vars.context())
            .render_struct(&value)
            .map_err(|errors| templates::problems_within(&errors, place.file, place.text))?;
        let text = rendered.to_string();
        kluctl_yaml::decode(place.file, &text).map_err(|error| {
            Problem::in_file(place.file, format!("after rendering: {}", error.message())).into()
        })
    }

    fn load_kind(
        &self,
        vars: &Vars,
        source: &VarsSource,
        place: &TemplatePlace<'_>,
    ) -> Result<Loaded, Problem> {
        let ignore_missing = source.ignore_missing == Some(true);
        let multidoc = source.multidoc == Some(true);
        let Some(kind) = source.kind() else {
            return Err(Problem::new("unknown vars source type"));
        };
        match kind {
            VarsKind::Values(values) => Ok(Loaded::new(Value::Object(values.clone()), false)),
            VarsKind::File(path) => self.load_file(
                vars,
                path,
                place.tree,
                place.search_dirs,
                ignore_missing,
                multidoc,
            ),
            VarsKind::Git(git) => self.load_git(vars, git, ignore_missing, multidoc),
            VarsKind::GitFiles(files) => self.load_git_files(vars, files),
            VarsKind::ClusterConfigMap(key) => {
                self.load_cluster_key(vars, key, "ConfigMap", ignore_missing, multidoc)
            }
            VarsKind::ClusterSecret(key) => {
                self.load_cluster_key(vars, key, "Secret", ignore_missing, multidoc)
            }
            VarsKind::ClusterObject(object) => self.load_cluster_object(vars, object, ignore_missing),
            VarsKind::SystemEnvVars(tree) => environment(tree, ignore_missing),
            VarsKind::Http(http) => self.load_http(http, ignore_missing, multidoc),
            VarsKind::Aws(secret) => {
                self.load_secret(vars, &CloudSecret::Aws(secret), ignore_missing, multidoc)
            }
            VarsKind::Gcp(secret) => {
                self.load_secret(vars, &CloudSecret::Gcp(secret), ignore_missing, multidoc)
            }
            VarsKind::Vault(secret) => {
                self.load_secret(vars, &CloudSecret::Vault(secret), ignore_missing, multidoc)
            }
            VarsKind::Azure(secret) => {
                self.load_secret(vars, &CloudSecret::Azure(secret), ignore_missing, multidoc)
            }
        }
    }

    fn load_file(
        &self,
        vars: &Vars,
        path: &str,
        tree: &Arc<SourceTree>,
        search_dirs: &[Utf8PathBuf],
        ignore_missing: bool,
        multidoc: bool,
    ) -> Result<Loaded, Problem> {
        let found = search_dirs
            .iter()
            .filter_map(|folder| {
                folder
                    .strip_prefix(tree.root())
                    .ok()
                    .map(|inside| inside.join(path))
            })
            .map(|candidate| crate::tree::normalize(&candidate))
            .find(|candidate| tree.is_file(candidate));
        let Some(file) = found else {
            if ignore_missing {
                return Ok(Loaded::skipped(false));
            }
            let folders: Vec<&str> = search_dirs.iter().map(|folder| folder.as_str()).collect();
            return Err(Problem::new(format!(
                "failed to render vars file {path}: template {path} not found"
            ))
            .hint(format!("it was looked for in {}", folders.join(", "))));
        };
        let shown = tree.shown(&file);
        if let Some(watch) = &self.watch {
            watch.rendered(Role::Vars, tree, &file, vars.context(), search_dirs);
        }
        let rendered = self
            .templates
            .for_tree(vars.context(), tree, search_dirs)
            .render_file(&shown)
            .map_err(|error| {
                templates::problem(&error).context(format!("failed to render vars file {path}"))
            })?;
        let decrypted = self.decrypter.decrypt(&shown, rendered.as_bytes())?;
        let sensitive = decrypted.is_some();
        let text = match &decrypted {
            Some(plain) => kluctl_yaml::text_of(&plain.content)
                .map_err(|error| Problem::in_file(&shown, error.to_string()))?,
            None => rendered.as_str().into(),
        };
        let mut value = parse(&text, multidoc, shown.as_str(), sensitive)?;
        if value.is_null() {
            value = Value::Object(Map::new());
        }
        Ok(Loaded {
            secrets: decrypted.map(|plain| plain.secrets.clone()),
            ..Loaded::new(value, sensitive)
        })
    }

    fn load_git(
        &self,
        vars: &Vars,
        git: &GitVars,
        ignore_missing: bool,
        multidoc: bool,
    ) -> Result<Loaded, Problem> {
        let tree = self
            .trees
            .git(&*self.sources, &git.url, git.reference.as_ref())
            .map_err(|error| {
                Problem::from(error).context(format!("failed to load vars from git repository {}", git.url))
            })?;
        let root = [tree.root().to_owned()];
        self.load_file(vars, &git.path, &tree, &root, ignore_missing, multidoc)
    }

    fn load_http(&self, http: &HttpVars, ignore_missing: bool, multidoc: bool) -> Result<Loaded, Problem> {
        let request = HttpRequest {
            url: &http.url,
            method: http.method.as_deref().unwrap_or("GET"),
            body: http.body.as_deref().unwrap_or_default(),
            headers: &http.headers,
        };
        let response = match self.sources.http(&request) {
            Ok(response) => response,
            Err(error) if error.missing && ignore_missing => return Ok(Loaded::skipped(false)),
            Err(error) => return Err(error.into()),
        };
        let sensitive = response.authenticated;
        let value = parse(&response.body, multidoc, &http.url, sensitive)?;
        let Some(path) = &http.json_path else {
            return Ok(Loaded::new(value, sensitive));
        };
        let found = JsonPath::parse(path).map_err(|error| Problem::new(error.to_string()))?;
        match found.get(&value).first() {
            None => Err(Problem::new(format!(
                "{path} not found in result from http request {}",
                http.url
            ))),
            Some(Value::String(text)) => {
                Ok(Loaded::new(parse(text, false, &http.url, sensitive)?, sensitive))
            }
            Some(_) => Err(Problem::new(format!(
                "{path} in result of http request {} is not a string",
                http.url
            ))),
        }
    }

    fn load_secret(
        &self,
        vars: &Vars,
        secret: &CloudSecret<'_>,
        ignore_missing: bool,
        multidoc: bool,
    ) -> Result<Loaded, Problem> {
        match self.secrets.secret(secret) {
            Ok(SecretContent::Tree(value)) => Ok(Loaded::new(value, true)),
            Ok(SecretContent::Text(text)) => {
                let value = self.render_and_parse(vars, &text, multidoc, secret.source_name(), true)?;
                Ok(Loaded::new(value, true))
            }
            Err(error) if error.missing && ignore_missing => Ok(Loaded::skipped(true)),
            Err(error) => Err(error.into()),
        }
    }

    /// Renders a text from elsewhere and reads it as YAML.
    pub(super) fn render_and_parse(
        &self,
        vars: &Vars,
        text: &str,
        multidoc: bool,
        name: &str,
        sensitive: bool,
    ) -> Result<Value, Problem> {
        let rendered = self
            .templates
            .plain(vars.context())
            .render_string(text)
            .map_err(|error| {
                let mut problem = templates::problem_within(&error, name, text);
                if sensitive {
                    hide_lines(&mut problem);
                }
                problem
            })?;
        parse(&rendered, multidoc, name, sensitive)
    }

    /// Says something that a person should know, once.
    pub(crate) fn warn(&self, message: String) {
        if let Ok(mut warnings) = self.warnings.lock()
            && !warnings.contains(&message)
        {
            warnings.push(message);
        }
    }
}

/// Reads YAML: one document, or all of them as a list. Lines of a secret text are not shown.
fn parse(text: &str, multidoc: bool, name: &str, sensitive: bool) -> Result<Value, Problem> {
    let value = if multidoc {
        kluctl_yaml::documents(text).map(Value::Array)
    } else {
        kluctl_yaml::from_str(text)
    };
    value.map_err(|error| {
        let mut problem = Problem::yaml(name, &error, text);
        if sensitive {
            hide_lines(&mut problem);
        }
        problem
    })
}

fn hide_lines(problem: &mut Problem) {
    for place in &mut problem.places {
        place.source_line = None;
    }
}

/// Puts a value at a path, or takes it as the whole tree.
fn at_target(value: Value, target_path: &str) -> Result<Map<String, Value>, Problem> {
    if target_path.is_empty() {
        return match value {
            Value::Object(map) => Ok(map),
            other => Err(
                Problem::new("'targetPath' is required for this variable source").hint(format!(
                    "the source gives {}, and only a map can be merged into the variables as it is",
                    type_name(&other)
                )),
            ),
        };
    }
    let path = JsonPath::parse(target_path)
        .map_err(|error| Problem::new(format!("failed to parse targetPath: {error}")))?;
    let Some(place) = path.single() else {
        return Err(Problem::new(format!(
            "failed to set value to targetPath: `{target_path}` does not name a single place"
        )));
    };
    let mut tree = Value::Object(Map::new());
    place
        .set(&mut tree, value)
        .map_err(|error| Problem::new(format!("failed to set value to targetPath: {error}")))?;
    match tree {
        Value::Object(map) => Ok(map),
        _ => Err(Problem::new("targetPath must name a key")),
    }
}

/// Replaces the leaves of a tree, `NAME` or `NAME:default`, by environment variables read as YAML.
fn environment(tree: &Map<String, Value>, ignore_missing: bool) -> Result<Loaded, Problem> {
    let mut result = Map::new();
    environment_into(
        tree,
        &mut result,
        &kluctl_object::KeyPath::default(),
        ignore_missing,
    )?;
    Ok(Loaded::new(Value::Object(result), true))
}

fn environment_into(
    tree: &Map<String, Value>,
    result: &mut Map<String, Value>,
    path: &kluctl_object::KeyPath,
    ignore_missing: bool,
) -> Result<(), Problem> {
    let mut keys: Vec<&String> = tree.keys().collect();
    keys.sort();
    for key in keys {
        let path = path.child(key.as_str());
        match tree.get(key) {
            Some(Value::Object(inner)) => {
                let mut below = Map::new();
                environment_into(inner, &mut below, &path, ignore_missing)?;
                if !below.is_empty() {
                    result.insert(key.clone(), Value::Object(below));
                }
            }
            Some(Value::String(text)) => {
                if let Some(value) = environment_value(text, &path, ignore_missing)? {
                    result.insert(key.clone(), value);
                }
            }
            _ => return Err(Problem::new(format!("value at {path} is not a string"))),
        }
    }
    Ok(())
}

fn environment_value(
    text: &str,
    path: &kluctl_object::KeyPath,
    ignore_missing: bool,
) -> Result<Option<Value>, Problem> {
    let (name, default) = match text.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (text, None),
    };
    let value = match (std::env::var(name), default) {
        (Ok(value), _) => value,
        (Err(_), Some("")) => return Ok(Some(Value::String(String::new()))),
        (Err(_), Some(default)) => default.to_owned(),
        (Err(_), None) if ignore_missing => return Ok(None),
        (Err(_), None) => {
            return Err(
                Problem::new(format!("environment variable {name} not found for {path}"))
                    .hint(format!("set it, or give it a default: `{name}:default`")),
            );
        }
    };
    parse(&value, false, &format!("environment variable {name}"), true).map(Some)
}

/// Whether any text of a tree, key or value, may be a template.
fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('{'),
        Value::Array(list) => list.iter().any(has_template),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('{') || has_template(value)),
        _ => false,
    }
}
