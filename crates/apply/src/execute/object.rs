//! Applies one object, with everything that may come in between: conflicts, unknown kinds, replacing.

use std::borrow::Cow;
use std::time::Duration;

use kluctl_cluster::{Answer, ApiError, Apply, Reason};
use kluctl_object::{Object, ObjectRef};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{Run, remove_object};
use crate::conflicts::resolve;
use crate::event::Event;
use crate::orphans::is_protected;
use crate::plan::{ItemPlan, Simulate, Step};
use crate::problem::Problems;

/// Our field manager.
pub const MANAGER: &str = "kluctl";

/// For how long the server may need to serve a kind after its definition was applied.
const ESTABLISHING: Duration = Duration::from_secs(30);

/// How often an object is replaced again because another writer was faster.
const RACES: u32 = 5;

/// What came of applying one object.
#[derive(Debug, Default)]
pub(super) struct Applying {
    /// The object as the server answered it.
    pub(super) object: Option<Object>,
    /// Whether it was deleted first.
    pub(super) deleted: bool,
    pub(super) problems: Problems,
}

/// An object under the name that it is asked for with.
struct Asked<'a> {
    run: &'a Run,
    /// The item's index.
    index: usize,
    item: &'a ItemPlan,
    reference: &'a ObjectRef,
    object: Cow<'a, Object>,
    /// The other name of a simulation.
    alias: Option<String>,
}

/// Applies one object.
///
/// Source: kluctl `pkg/deployment/utils/apply_utils.go`, `ApplyObject` and what it calls.
pub(super) async fn apply_step(run: &Run, index: usize, step: &Step) -> Applying {
    let asked = Asked::new(run, index, step);
    let mut applying = Applying::default();
    let answer = match asked.apply(&asked.object, false).await {
        Err(error) if error.is_unknown_kind() => match asked.unknown_kind(error, &mut applying).await {
            Some(answer) => answer,
            None => return applying,
        },
        answer => answer,
    };
    match answer {
        Ok(answer) => asked.succeed(answer, &mut applying),
        Err(error) if error.is_unknown_kind() => asked.fail(&error, &mut applying),
        Err(error) if error.is_field_conflict() && !error.causes.is_empty() => {
            asked.conflicts(&error, &mut applying).await;
        }
        Err(error) => asked.replace(&error, &mut applying).await,
    }
    applying
}

impl<'a> Asked<'a> {
    fn new(run: &'a Run, index: usize, step: &'a Step) -> Self {
        let mut asked = Self {
            run,
            index,
            item: &run.plan.items[index],
            reference: &step.reference,
            object: Cow::Borrowed(&step.object),
            alias: None,
        };
        if run.options.dry_run && step.simulate != Simulate::Plainly {
            let alias = alias(&step.reference);
            let mut object = step.object.clone();
            object.set(&["metadata", "name"], Value::from(&*alias));
            if step.simulate == Simulate::OtherNamespace {
                object.set_namespace(Some("default"));
            }
            asked.object = Cow::Owned(object);
            asked.alias = Some(alias);
        }
        asked
    }

    async fn apply(&self, object: &Object, force: bool) -> Result<Answer<Object>, ApiError> {
        let how = Apply {
            manager: MANAGER,
            force,
            dry_run: self.run.options.dry_run,
        };
        self.run.cluster.apply(object, &how).await
    }

    fn live(&self) -> Option<&Object> {
        self.run.live.get(self.reference)
    }

    fn succeed(&self, answer: Answer<Object>, applying: &mut Applying) {
        applying
            .problems
            .server_warnings(self.reference, &answer.warnings);
        let mut object = answer.value;
        if let Some(alias) = &self.alias {
            let mut value = Value::from(object);
            rename(&mut value, alias, &self.reference.name);
            object = Object::try_from(value).unwrap_or_default();
            object.set_namespace(self.reference.namespace.as_deref());
        }
        applying.object = Some(object);
    }

    fn fail(&self, error: &ApiError, applying: &mut Applying) {
        applying
            .problems
            .error(Some(self.reference), self.patch_failed(error));
    }

    /// What upstream says where a patch failed; where a replace did, it gives the server's words alone.
    fn patch_failed(&self, error: &ApiError) -> String {
        let mut message = format!("failed to patch {}: {error}", self.reference);
        if let Some(alias) = &self.alias {
            message = message.replace(alias, &self.reference.name);
        }
        message
    }

    /// A kind that the server does not know: in a dry run its definition may be part of the run, in a real one it may just
    /// have been applied, or an operator may have brought it. `None` when that is all there is to say.
    async fn unknown_kind(
        &self,
        error: ApiError,
        applying: &mut Applying,
    ) -> Option<Result<Answer<Object>, ApiError>> {
        let gvk = self.reference.gvk();
        let to_come = self.run.plan.kind(&gvk, self.item.wave);
        if self.run.options.dry_run {
            if to_come.is_none() {
                return Some(Err(error));
            }
            let reference = self.reference;
            applying.object = Some(self.local_version());
            applying.problems.warning(
                Some(reference),
                format!(
                    "the underyling custom resource definition for {reference} has not been applied yet as Kluctl is running in \
                     dry-run mode. It is not guaranteed that the object will actually sucessfully apply"
                ),
            );
            return None;
        }
        match to_come {
            Some(resource) => {
                if let Err(error) = self.run.cluster.learn([resource.clone()]).await {
                    return Some(Err(error));
                }
                Some(self.until_served(error).await)
            }
            None => match self.run.cluster.refresh_discovery().await {
                Ok(known) if known.find(&gvk).is_some() => Some(self.apply(&self.object, false).await),
                _ => Some(Err(error)),
            },
        }
    }

    /// Applies until the server serves the kind whose definition was applied a moment ago.
    async fn until_served(&self, mut error: ApiError) -> Result<Answer<Object>, ApiError> {
        let deadline = Instant::now() + ESTABLISHING;
        let mut pause = Duration::from_millis(50);
        while Instant::now() < deadline && !self.run.stop.is_cancelled() {
            match self.apply(&self.object, false).await {
                Err(still) if still.is_unknown_kind() => error = still,
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        Err(error)
    }

    /// The object as it is meant, under its own name.
    fn local_version(&self) -> Object {
        let mut object = self.object.clone().into_owned();
        object.set(&["metadata", "name"], Value::from(&*self.reference.name));
        object.set_namespace(self.reference.namespace.as_deref());
        object
    }

    /// Fields that others own: takes some over, gives others up, and applies what remains by force.
    async fn conflicts(&self, error: &ApiError, applying: &mut Applying) {
        let appeared;
        let live = match self.live() {
            Some(live) => live,
            // it was not there when the run began
            None => match self.run.cluster.get(self.reference).await {
                Ok(Answer {
                    value: Some(object), ..
                }) => {
                    appeared = object;
                    &appeared
                }
                _ => {
                    self.fail(error, applying);
                    return;
                }
            },
        };
        let resolved = if self.run.options.force_apply {
            Cow::Borrowed(&*self.object)
        } else {
            let mut resolution = resolve(&self.object, live, &error.causes, &self.item.conflicts);
            if resolution.is_err()
                && let Ok(Answer {
                    value: Some(fresh), ..
                }) = self.run.cluster.get(self.reference).await
            {
                // what was read at the start may be older than the conflict
                resolution = resolve(&self.object, &fresh, &error.causes, &self.item.conflicts);
            }
            match resolution {
                Ok(resolution) => {
                    for message in resolution.lost {
                        applying.problems.warning(Some(self.reference), message);
                    }
                    Cow::Owned(resolution.object)
                }
                Err(message) => {
                    applying.problems.error(Some(self.reference), message);
                    return;
                }
            }
        };
        match self.apply(&resolved, true).await {
            Ok(answer) => self.succeed(answer, applying),
            Err(error) => self.recreate(&error, self.patch_failed(&error), applying).await,
        }
    }

    /// Replaces the live object whole, where that is asked for.
    async fn replace(&self, error: &ApiError, applying: &mut Applying) {
        let options = &self.run.options;
        let asked_for = options.replace_on_error || options.force_replace_on_error;
        let Some(live) = self.live().filter(|_| asked_for && may_replace(error)) else {
            self.fail(error, applying);
            return;
        };
        self.warn(
            format!(
                "patching {} failed, retrying with replace instead of patch",
                self.reference
            ),
            applying,
        );
        match self.replace_current(live).await {
            Ok(answer) => self.succeed(answer, applying),
            Err(error) => self.recreate(&error, error.to_string(), applying).await,
        }
    }

    /// Replaces what is live now: with another version than the one known, another writer was faster, or our own request
    /// went through and its answer was lost.
    async fn replace_current(&self, live: &Object) -> Result<Answer<Object>, ApiError> {
        let mut object = self.object.clone().into_owned();
        let mut version = live.at(&["metadata", "resourceVersion"]).cloned();
        let mut races = 0;
        loop {
            if let Some(version) = version.take() {
                object.set(&["metadata", "resourceVersion"], version);
            }
            let answer = self
                .run
                .cluster
                .replace(&object, MANAGER, self.run.options.dry_run)
                .await;
            match answer {
                Err(error) if error.reason == Reason::Conflict && races < RACES => {
                    races += 1;
                    match self.run.cluster.get(self.reference).await?.value {
                        Some(fresh) => version = fresh.at(&["metadata", "resourceVersion"]).cloned(),
                        None => return Err(error),
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Deletes the live object and applies it anew, where that is asked for and allowed.
    async fn recreate(&self, error: &ApiError, failed: String, applying: &mut Applying) {
        if !self.run.options.force_replace_on_error || !may_replace(error) || self.run.stop.is_cancelled() {
            applying.problems.error(Some(self.reference), failed);
            return;
        }
        if is_protected(&self.object) || self.live().is_some_and(is_protected) {
            let text = format!("skipped forced replace of {}", self.reference);
            self.run.events.send(Event::Warning(text));
            applying.problems.error(Some(self.reference), failed);
            return;
        }
        self.warn(
            format!(
                "patching {} failed, retrying by deleting and re-applying",
                self.reference
            ),
            applying,
        );
        let removed = remove_object(self.run, self.index, self.reference).await;
        applying.problems.extend(removed.problems);
        if !removed.deleted {
            return;
        }
        applying.deleted = true;
        if self.run.options.dry_run {
            applying.object = Some(self.local_version());
            return;
        }
        match self.apply(&self.object, false).await {
            Ok(answer) => self.succeed(answer, applying),
            Err(error) => self.fail(&error, applying),
        }
    }

    fn warn(&self, text: String, applying: &mut Applying) {
        self.run.events.send(Event::Warning(text.clone()));
        applying.problems.warning(Some(self.reference), text);
    }
}

/// Whether the server judged the object: replacing or even deleting it must not follow from a bad connection or a server
/// in trouble.
fn may_replace(error: &ApiError) -> bool {
    (400..500).contains(&error.code) && !error.is_denied() && error.code != 429
}

/// Another name for an object, always the same for one reference: at most 63 characters, with a suffix nobody has.
fn alias(reference: &ObjectRef) -> String {
    let digest = hex::encode(Sha256::digest(reference.to_string()));
    let mut stem = &*reference.name;
    while stem.len() > 54 {
        stem = &stem[..stem.len() - stem.chars().next_back().map_or(1, char::len_utf8)];
    }
    format!("{}-{}", stem.trim_end_matches(['-', '.']), &digest[..8])
}

/// Puts the real name back wherever the server has copied the other one to.
fn rename(value: &mut Value, alias: &str, name: &str) {
    match value {
        Value::String(text) if text.contains(alias) => *text = text.replace(alias, name),
        Value::Array(list) => list.iter_mut().for_each(|item| rename(item, alias, name)),
        Value::Object(map) => {
            let renamed: Vec<String> = map.keys().filter(|key| key.contains(alias)).cloned().collect();
            for key in renamed {
                if let Some(value) = map.remove(&key) {
                    map.insert(key.replace(alias, name), value);
                }
            }
            map.values_mut().for_each(|value| rename(value, alias, name));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_object::Gvk;
    use serde_json::json;

    #[test]
    fn aliases_are_stable_and_short_and_are_undone() {
        let reference = ObjectRef::new(&Gvk::new("", "v1", "Service"), Some("n"), &"x".repeat(63));
        let alias = alias(&reference);
        assert_eq!(alias.len(), 63);
        let mut value = json!({"metadata": {"name": alias}, "spec": {alias.clone(): [format!("a-{alias}")]}});
        rename(&mut value, &alias, "real");
        assert_eq!(
            value,
            json!({"metadata": {"name": "real"}, "spec": {"real": ["a-real"]}})
        );
    }
}
