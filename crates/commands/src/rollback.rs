//! `rollback`: applies the objects of a stored result again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_api::{CommandResult, CommandResultSummary, Stored};
use kluctl_apply::{Problems, is_secret, unmasked};
use kluctl_cluster::ApiError;
use kluctl_object::{MASK, MaskKey, Object, ObjectRef};
use kluctl_project::{Inclusion, InclusionOptions, Rendered, RenderedItem, Sensitive};
use serde_json::Value;

use crate::deploy::{DeployOptions, Preview, deploy_as};
use crate::finish::Finished;
use crate::session::Session;
use crate::stored;
use crate::target::{Head, Target};

/// What stands for a value in the `data` of a stored Secret.
const MASK_BASE64: &str = "KioqKio=";

/// How to roll back.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// How objects are applied, and whether what the result does not have is deleted.
    pub deploy: DeployOptions,
    /// Whether hooks run too.
    pub hooks: bool,
    /// When the command started.
    pub start_time: Option<String>,
    /// What the fingerprints of secrets are made with.
    pub mask_key: MaskKey,
}

/// Which of the results of a target, newest first, a rollback goes to: the newest one without errors that deployed something
/// else than the last.
pub fn previous(summaries: &[CommandResultSummary]) -> Option<&CommandResultSummary> {
    let mut deploys = summaries.iter().filter(|summary| {
        matches!(&*summary.command_info.command, "deploy" | "rollback")
            && stored::changed_the_cluster(summary)
    });
    let last = deploys.next()?;
    // upstream's command line stores no hash: then nothing says that it was the same
    let differs = |summary: &&CommandResultSummary| {
        let (hash, last) = (&summary.rendered_objects_hash, &last.rendered_objects_hash);
        hash.is_empty() || hash != last
    };
    deploys.find(|summary| summary.errors.is_empty() && differs(summary))
}

/// Applies what a result has rendered. `confirm` sees what would happen first, where the options ask for that.
///
/// # Errors
///
/// When the result does not hold the objects, or masked values are not in the cluster any more. Nothing is changed then.
pub async fn rollback(
    session: &Session,
    stored: &Stored,
    options: &RollbackOptions,
    confirm: &mut (dyn FnMut(&Preview) -> bool + Send),
) -> Result<Finished, String> {
    let target = target(session, stored, options).await?;
    Ok(deploy_as("rollback", session, &target, &options.deploy, confirm).await)
}

/// The target as it was, with masked values filled in.
async fn target(session: &Session, stored: &Stored, options: &RollbackOptions) -> Result<Target, String> {
    let result = &stored.result;
    if !stored.has_bodies() {
        let what = stored.trimmed.as_deref().unwrap_or_default();
        return Err(format!(
            "result {} was too large for the cluster and was stored without {what}, so it cannot be applied again",
            result.id
        ));
    }
    let mut items = stored::items(result);
    let mut spared = Vec::new();
    for item in &mut items {
        item.objects.retain(|object| {
            let hook = is_hook(object) && !options.hooks;
            if hook {
                spared.push(object.reference());
            }
            !hook && object.annotation("kluctl.io/delete").is_none()
        });
    }
    if items.iter().all(|item| item.objects.is_empty()) {
        return Err(format!("result {} holds no objects to apply", result.id));
    }
    let mut filling = Filling {
        live: live_versions(session, &items)
            .await
            .map_err(|error| error.to_string())?,
        missing: Problems::default(),
        found: Vec::new(),
    };
    for item in &mut items {
        for object in &mut item.objects {
            filling.fill(object);
        }
    }
    if !filling.missing.errors.is_empty() {
        let lines: Vec<String> = filling
            .missing
            .errors
            .iter()
            .map(|problem| {
                let object = problem.object.as_ref().map(ToString::to_string);
                format!("\n  {}: {}", object.unwrap_or_default(), problem.message)
            })
            .collect();
        return Err(format!(
            "values that the result has masked are not in the cluster any more, nothing was changed:{}",
            lines.concat()
        ));
    }
    let mut sensitive = Sensitive {
        key: options.mask_key.clone(),
        ..Sensitive::default()
    };
    sensitive.add(&Value::from(filling.found));
    let info = &result.command;
    let inclusion = Inclusion::new(InclusionOptions {
        include_tags: info.include_tags.clone(),
        exclude_tags: info.exclude_tags.clone(),
        include_dirs: info.include_deployment_dirs.clone(),
        exclude_dirs: info.exclude_deployment_dirs.clone(),
    });
    let rendered = Rendered {
        items,
        discriminator: result.target_key.discriminator.clone(),
        inclusion: inclusion.map_err(|problem| problem.to_string())?,
        sensitive,
        target: result.target.clone(),
        deployment: result.deployment.clone().unwrap_or_default(),
        ..Rendered::default()
    };
    Ok(Target {
        spared,
        ..Target::new(head(result, options), rendered)
    })
}

fn head(result: &CommandResult, options: &RollbackOptions) -> Head {
    let mut command = result.command.clone();
    command.start_time.clone_from(&options.start_time);
    command.end_time = None;
    Head {
        project_key: result.project_key.clone(),
        git_info: result.git_info.clone(),
        target_name: result.target_key.target_name.clone(),
        target: result.target.clone(),
        command,
    }
}

fn is_hook(object: &Object) -> bool {
    ["kluctl.io/hook", "helm.sh/hook"]
        .iter()
        .any(|key| object.annotation(key).is_some())
}

/// Whether something in an object is masked.
fn is_masked(object: &Object) -> bool {
    fn has_mask(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains(MASK),
            Value::Array(list) => list.iter().any(has_mask),
            Value::Object(map) => map.values().any(has_mask),
            _ => false,
        }
    }
    is_secret(&object.reference()) || has_mask(&object.to_value())
}

/// The live versions of all objects that lack something.
async fn live_versions(
    session: &Session,
    items: &[RenderedItem],
) -> Result<BTreeMap<ObjectRef, Object>, ApiError> {
    let mut live = BTreeMap::new();
    let Some(cluster) = &session.cluster else {
        return Ok(live);
    };
    let masked = items.iter().flat_map(|item| &item.objects);
    for object in masked.filter(|object| is_masked(object)) {
        let reference = object.reference();
        match cluster.get(&reference).await {
            Ok(answer) => {
                if let Some(found) = answer.value {
                    live.insert(reference.identity(), found);
                }
            }
            Err(error) if error.is_not_found() || error.is_unknown_kind() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(live)
}

/// Puts values back that a result has lost.
struct Filling {
    live: BTreeMap<ObjectRef, Object>,
    missing: Problems,
    /// Texts that were filled in, to be masked again.
    found: Vec<String>,
}

impl Filling {
    fn fill(&mut self, object: &mut Object) {
        let reference = object.reference();
        let live = self.live.get(&reference.identity()).cloned();
        if is_secret(&reference) {
            self.secret(object, live.as_ref(), &reference);
        }
        let mut value = Value::from(std::mem::take(object));
        let live = live.map(|live| live.to_value());
        self.texts(&mut value, live.as_ref(), &reference, "");
        *object = Object::try_from(value).unwrap_or_default();
    }

    /// Every value of a Secret is masked; the live one may have more keys, but not fewer.
    fn secret(&mut self, object: &mut Object, live: Option<&Object>, reference: &ObjectRef) {
        let mut data = serde_json::Map::new();
        for (section, mask) in [("data", MASK_BASE64), ("stringData", MASK)] {
            let values = object.remove(&[section]);
            for (key, value) in values.as_ref().and_then(Value::as_object).into_iter().flatten() {
                let known = live.and_then(|live| live.str_at(&["data", key]));
                match (value.as_str() == Some(mask), known) {
                    (true, Some(known)) => drop(data.insert(key.clone(), Value::from(known))),
                    (true, None) => {
                        let text = format!("the value of `{key}` is unknown");
                        self.missing.error(Some(reference), text);
                    }
                    (false, _) if section == "data" => drop(data.insert(key.clone(), value.clone())),
                    (false, _) => {
                        let text = value.as_str().unwrap_or_default();
                        data.insert(key.clone(), Value::from(STANDARD.encode(text)));
                    }
                }
            }
        }
        if !data.is_empty() {
            object.set(&["data"], Value::Object(data));
        }
    }

    fn texts(&mut self, value: &mut Value, live: Option<&Value>, reference: &ObjectRef, path: &str) {
        match value {
            Value::String(text) if text.contains(MASK) => {
                let known = live.and_then(Value::as_str);
                match known.and_then(|known| Some((known, unmasked(text, known)?))) {
                    Some((known, found)) => {
                        self.found.extend(found.into_iter().map(str::to_owned));
                        known.clone_into(text);
                    }
                    None => {
                        let text = format!("the value of `{path}` is unknown");
                        self.missing.error(Some(reference), text);
                    }
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter_mut().enumerate() {
                    let live = live.and_then(|live| live.get(index));
                    self.texts(value, live, reference, &format!("{path}[{index}]"));
                }
            }
            Value::Object(map) => {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort_unstable();
                for key in keys {
                    let live = live.and_then(|live| live.get(&key));
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    if let Some(value) = map.get_mut(&key) {
                        self.texts(value, live, reference, &path);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::CommandInfo;
    use serde_json::json;

    fn object(value: Value) -> Object {
        Object::try_from(value).unwrap()
    }

    fn filled(masked: Value, live: Value) -> (Object, Vec<String>) {
        let (mut masked, live) = (object(masked), object(live));
        let mut filling = Filling {
            live: BTreeMap::from([(live.reference().identity(), live)]),
            missing: Problems::default(),
            found: Vec::new(),
        };
        filling.fill(&mut masked);
        let errors = filling.missing.errors.into_iter().map(|problem| problem.message);
        (masked, errors.collect())
    }

    #[test]
    fn values_of_secrets_come_from_the_cluster() {
        let named = |rest: Value| {
            let mut value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
            value
                .as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            value
        };
        let masked = named(json!({"data": {"a": MASK_BASE64}, "stringData": {"b": MASK}}));
        let (secret, errors) = filled(
            masked.clone(),
            named(json!({"data": {"a": "QQ==", "b": "Qg==", "c": "Qw=="}})),
        );
        assert_eq!(secret.at(&["data"]), Some(&json!({"a": "QQ==", "b": "Qg=="})));
        assert_eq!(secret.at(&["stringData"]), None);
        assert_eq!(errors, Vec::<String>::new());
        let (_, errors) = filled(masked, named(json!({"data": {"a": "QQ=="}})));
        assert_eq!(errors, ["the value of `b` is unknown"]);
    }

    #[test]
    fn masked_parts_of_texts_come_from_the_cluster_where_the_rest_is_the_same() {
        let map = |url: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"url": url}});
        let (object, errors) = filled(map("postgres://me:*****@db"), map("postgres://me:secret@db"));
        assert_eq!(object.str_at(&["data", "url"]), Some("postgres://me:secret@db"));
        assert_eq!(errors, Vec::<String>::new());
        let (_, errors) = filled(map("postgres://me:*****@db"), map("mysql://me:secret@db"));
        assert_eq!(errors, ["the value of `data.url` is unknown"]);
    }

    #[test]
    fn the_previous_result_is_the_last_one_that_differs_and_had_no_errors() {
        let summary = |id: &str, hash: &str, command: &str, errors: usize| CommandResultSummary {
            id: id.to_owned(),
            rendered_objects_hash: hash.to_owned(),
            applied_objects: 1,
            errors: vec![kluctl_api::DeploymentError::default(); errors],
            command_info: CommandInfo {
                command: command.to_owned(),
                ..CommandInfo::default()
            },
            ..CommandResultSummary::default()
        };
        let all = [
            summary("7", "c", "prune", 0),
            summary("6", "c", "deploy", 0),
            summary("5", "c", "deploy", 0),
            summary("4", "b", "deploy", 1),
            summary("3", "a", "diff", 0),
            summary("2", "a", "deploy", 0),
        ];
        assert_eq!(previous(&all).map(|found| &*found.id), Some("2"));
        assert_eq!(previous(&all[..4]), None);
    }
}
