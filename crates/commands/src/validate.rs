//! `validate`: whether everything that was deployed is ready.

use jiff::Timestamp;
use kluctl_api::{TargetKey, ValidateResult, ValidateResultEntry, new_id};
use kluctl_apply::{Fetch, LiveObjects, Problems, SecretTexts, validate};
use kluctl_cluster::ApiError;
use kluctl_object::{Object, ObjectRef};

use crate::finish::{cluster_id, entries, now};
use crate::hash::objects_hash;
use crate::session::Session;
use crate::target::Target;

/// A validation that may look several times, each time only at what was not in order before.
#[derive(Debug, Default)]
pub struct Validation {
    live: Option<LiveObjects>,
}

/// What one look came to.
#[derive(Clone, Debug)]
pub struct ValidationRound {
    /// The result.
    pub result: ValidateResult,
}

impl Validation {
    /// Looks once.
    pub async fn round(&mut self, session: &Session, target: &Target) -> ValidationRound {
        let mut problems = Problems::default();
        let mut result = ValidateResult {
            id: new_id(),
            project_key: target.head.project_key.clone(),
            start_time: target.head.command.start_time.clone(),
            ready: true,
            rendered_objects_hash: objects_hash(target.objects()),
            ..ValidateResult::default()
        };
        if let Err(error) = self.look(session, target, &mut problems, &mut result).await {
            problems.error(None, error.to_string());
        }
        result.target_key = TargetKey {
            target_name: target.head.target_name.clone(),
            cluster_id: cluster_id(session, &mut problems).await,
            discriminator: target.discriminator().to_owned(),
        };
        let live = self.live.iter().flat_map(LiveObjects::iter);
        let sensitive = &target.rendered.sensitive;
        let secrets = SecretTexts::of(target.objects().chain(live), &sensitive.texts, &sensitive.key);
        secrets.obfuscate_problems(&mut problems.errors);
        secrets.obfuscate_problems(&mut problems.warnings);
        result.errors = entries(&problems.errors);
        result.warnings = entries(&problems.warnings);
        result.end_time = Some(now());
        ValidationRound { result }
    }

    async fn look(
        &mut self,
        session: &Session,
        target: &Target,
        problems: &mut Problems,
        result: &mut ValidateResult,
    ) -> Result<(), ApiError> {
        let Some(cluster) = &session.cluster else {
            problems.error(None, "can not validate objects without a Kubernetes API client");
            return Ok(());
        };
        let local: Vec<&Object> = target.objects().collect();
        let live = match self.live.take() {
            Some(mut live) => {
                live.fetch_missing(cluster, &local, &session.events, problems)
                    .await?;
                live
            }
            None => {
                let what = Fetch {
                    discriminator: Some(target.discriminator()),
                    local: &local,
                    only_local_kinds: true,
                };
                let (live, found) = LiveObjects::fetch(cluster, &what, &session.events).await?;
                problems.extend(found);
                live
            }
        };
        let discovery = cluster.discovery().await?;
        let verdict = validate(&target.items, &live, &discovery, Timestamp::now());
        result.ready = verdict.ready;
        problems.extend(verdict.problems);
        let results = verdict.results.into_iter();
        result.results = results
            .map(|(reference, annotation, message)| ValidateResultEntry {
                reference,
                annotation,
                message,
            })
            .collect();
        self.live = Some(live);
        Ok(())
    }

    /// Forgets everything that the result has an entry about, so that the next look sees it anew.
    pub fn forget(&mut self, result: &ValidateResult) {
        let Some(live) = &mut self.live else { return };
        let problems = result
            .errors
            .iter()
            .chain(&result.warnings)
            .map(|problem| &problem.reference);
        let references: Vec<ObjectRef> = problems.cloned().collect();
        for reference in references {
            live.forget(&reference);
        }
    }
}
