//! Targets: inheritance from the project, and rendering until nothing changes.

use serde_json::{Map, Value, json};

use crate::args::with_defaults;
use crate::config::{AwsConfig, Project, TargetConfig};
use crate::problem::{Problem, Problems};
use crate::templates::{self, Templates};
use crate::vars::Vars;

/// How often a target's texts are rendered at most, since they may refer to one another.
const MAX_PASSES: usize = 10;

/// The project's file, for showing where something is wrong.
pub(crate) struct ProjectFile<'p> {
    pub(crate) project: &'p Project,
    pub(crate) shown: &'p str,
    pub(crate) text: &'p str,
}

/// Gives a target what it inherits from its project.
pub(crate) fn inherit(project: &Project, target: &TargetConfig) -> TargetConfig {
    let mut target = target.clone();
    if target.discriminator.is_empty() {
        target.discriminator.clone_from(&project.discriminator);
    }
    let inherited = project.aws.clone().unwrap_or_default();
    let own = target.aws.take().unwrap_or_default();
    target.aws = Some(AwsConfig {
        profile: own.profile.or(inherited.profile),
        service_account: own.service_account.or(inherited.service_account),
    });
    target
}

/// Renders all texts of a target with itself and its arguments, again and again until nothing changes. An error counts
/// only if it is still there in the last pass.
pub(crate) fn render(
    templates: &Templates,
    file: &ProjectFile<'_>,
    target: TargetConfig,
    external: &Map<String, Value>,
) -> Result<TargetConfig, Problems> {
    let mut value = as_value(&target, file.shown)?;
    let mut target = target;
    let mut failed = None;
    for _ in 0..MAX_PASSES {
        let vars = Vars::new(globals(file, &target, external)?);
        failed = None;
        match templates.plain(vars.context()).render_struct(&value) {
            Ok(rendered) if rendered == value => return Ok(target),
            Ok(rendered) => {
                target = kluctl_yaml::decode(file.shown, &rendered.to_string()).map_err(|error| {
                    Problem::in_file(file.shown, format!("after rendering: {}", error.message()))
                })?;
                value = rendered;
            }
            Err(errors) => {
                let (texts, broken) = render_what_works(templates, &vars, &value);
                if broken && texts != value {
                    value = texts;
                    target = kluctl_yaml::decode(file.shown, &value.to_string()).map_err(|error| {
                        Problem::in_file(file.shown, format!("after rendering: {}", error.message()))
                    })?;
                }
                failed = Some(templates::problems_within(&errors, file.shown, file.text));
            }
        }
    }
    match failed {
        Some(problems) => Err(problems),
        None => Ok(target),
    }
}

/// Renders the texts that can be rendered already and leaves the others for the next pass.
fn render_what_works(templates: &Templates, vars: &Vars, value: &Value) -> (Value, bool) {
    match value {
        Value::String(_) => match templates.plain(vars.context()).render_struct(value) {
            Ok(rendered) => (rendered, false),
            Err(_) => (value.clone(), true),
        },
        Value::Array(list) => {
            let (list, broken): (Vec<Value>, Vec<bool>) = list
                .iter()
                .map(|value| render_what_works(templates, vars, value))
                .unzip();
            (Value::Array(list), broken.contains(&true))
        }
        Value::Object(map) => {
            let mut any = false;
            let entries = map.iter().map(|(key, value)| {
                let (value, broken) = render_what_works(templates, vars, value);
                any |= broken;
                (key.clone(), value)
            });
            let map: Map<String, Value> = entries.collect();
            (Value::Object(map), any)
        }
        other => (other.clone(), false),
    }
}

/// The variables at the root: `target` and `args`.
pub(crate) fn globals(
    file: &ProjectFile<'_>,
    target: &TargetConfig,
    external: &Map<String, Value>,
) -> Result<Map<String, Value>, Problems> {
    let mut given = target.args.clone().unwrap_or_default();
    crate::merge::merge(&mut given, external.clone());
    let args = with_defaults(&file.project.args, given, file.shown)?;
    Ok(Map::from_iter([
        ("target".to_owned(), as_value(target, file.shown)?),
        ("args".to_owned(), Value::Object(args)),
    ]))
}

/// A target as templates and `list-targets` show it.
pub(crate) fn as_value(target: &TargetConfig, file: &str) -> Result<Value, Problem> {
    let mut value =
        serde_json::to_value(target).map_err(|error| Problem::in_file(file, error.to_string()))?;
    if let Value::Object(map) = &mut value {
        map.entry("aws").or_insert_with(|| json!({}));
    }
    Ok(value)
}
