//! Results in Secrets of the cluster, as upstream's tools read them.
//!
//! Source: kluctl `pkg/results/result-store-secrets.go`.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use kluctl_cluster::{ApiError, ApiResource, Apply, Cluster, Delete};
use kluctl_object::{Gvk, Object, ObjectRef, to_go_json};
use serde_json::{Value, json};

use crate::compact::expand;
use crate::packed::{command_data, packed};
use crate::result::{CommandResult, ProjectKey};
use crate::summary::{CommandResultSummary, ValidateResultSummary};
use crate::validation::ValidateResult;

/// How many results of one target are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Command results.
    pub commands: usize,
    /// Validate results.
    pub validations: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            commands: 5,
            validations: 2,
        }
    }
}

/// What happened while a result was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Ids of older results that were deleted.
    pub deleted: Vec<String>,
    /// Ids of older results that could not be deleted, and why.
    pub kept_by_failure: Vec<(String, String)>,
    /// What was left out because the result was too large.
    pub trimmed: Option<&'static str>,
}

/// Why a result could not be written or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The server refused.
    #[error("{0}")]
    Api(ApiError),
    /// There is no such result.
    #[error("result {0} not found")]
    NotFound(String),
    /// What is stored cannot be read.
    #[error("stored result cannot be read: {0}")]
    Malformed(String),
}

/// A command result as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The result.
    pub result: CommandResult,
    /// What was left out of it because it was too large.
    pub trimmed: Option<String>,
}

impl Stored {
    /// Whether the result holds the objects as they were rendered.
    pub fn has_bodies(&self) -> bool {
        let without = self.trimmed.as_deref().unwrap_or_default();
        !without.contains("bodies") && !without.contains("everything")
    }
}

/// Keeps results in Secrets of one namespace.
#[derive(Clone, Debug)]
pub struct ResultStore {
    cluster: Cluster,
    namespace: String,
    kept: Kept,
}

const MANAGER: &str = "kluctl-results";
const COMMAND_ID: &str = "kluctl.io/command-result-id";
const VALIDATE_ID: &str = "kluctl.io/validate-result-id";
const COMMAND_SUMMARY: &str = "kluctl.io/command-result-summary";
const VALIDATE_SUMMARY: &str = "kluctl.io/validate-result-summary";
/// Ours: says what a result lacks.
const TRIMMED: &str = "kluctl.io/result-trimmed";

/// Bytes that fit into the summary: all annotations together may have 256 KiB.
const SUMMARY_LIMIT: usize = 200_000;

impl ResultStore {
    /// Opens a store. Nothing is asked of the server yet.
    pub fn new(cluster: &Cluster, namespace: &str, kept: Kept) -> Self {
        Self {
            // results are also written about dry runs
            cluster: cluster.with_dry_run(false),
            namespace: namespace.to_owned(),
            kept,
        }
    }

    /// Writes a command result and deletes those that are too old.
    pub async fn write_command_result(&self, result: &CommandResult) -> Result<Written, StoreError> {
        self.ensure_namespace().await?;
        let (data, trimmed) = command_data(result);
        let summary = command_summary(result);
        let mut secret = self.secret(
            "cr",
            COMMAND_ID,
            COMMAND_SUMMARY,
            &result.id,
            result_key(result),
            &summary,
            &data,
        );
        if let Some(what) = trimmed {
            secret.set_annotation(TRIMMED, what);
        }
        self.apply(&secret).await?;
        let mut written = Written {
            trimmed,
            ..Written::default()
        };
        let summaries = match self.list_command_results().await {
            Ok(summaries) => summaries,
            Err(StoreError::Api(error)) if error.is_denied() => return Ok(written),
            Err(error) => return Err(error),
        };
        let old = summaries
            .iter()
            .filter(|known| known.project_key == result.project_key && known.target_key == result.target_key)
            // times have only seconds: what was just written stays, whatever it is sorted behind
            .filter(|known| known.id != result.id)
            .skip(self.kept.commands.saturating_sub(1));
        for known in old {
            self.delete("cr", &known.id, &known.project_key, &mut written)
                .await;
        }
        Ok(written)
    }

    /// Writes a validate result and deletes those that are too old.
    pub async fn write_validate_result(&self, result: &ValidateResult) -> Result<Written, StoreError> {
        self.ensure_namespace().await?;
        let data = json!({"result": packed(result)});
        let summary = serde_json::to_value(result.summary()).unwrap_or_default();
        let key = Key {
            project: &result.project_key,
            deployment: result.kluctl_deployment.as_ref(),
        };
        let secret = self.secret(
            "vr",
            VALIDATE_ID,
            VALIDATE_SUMMARY,
            &result.id,
            key,
            &summary,
            &data,
        );
        self.apply(&secret).await?;
        let mut written = Written::default();
        let summaries = match self.list_validate_results().await {
            Ok(summaries) => summaries,
            Err(StoreError::Api(error)) if error.is_denied() => return Ok(written),
            Err(error) => return Err(error),
        };
        let old = summaries
            .iter()
            .filter(|known| known.project_key == result.project_key && known.target_key == result.target_key)
            // times have only seconds: what was just written stays, whatever it is sorted behind
            .filter(|known| known.id != result.id)
            .skip(self.kept.validations.saturating_sub(1));
        for known in old {
            self.delete("vr", &known.id, &known.project_key, &mut written)
                .await;
        }
        Ok(written)
    }

    /// Summaries of all command results in the namespace, newest first.
    pub async fn list_command_results(&self) -> Result<Vec<CommandResultSummary>, StoreError> {
        let mut summaries: Vec<CommandResultSummary> = self.summaries(COMMAND_SUMMARY).await?;
        summaries.sort_by(|a, b| {
            let key = |s: &CommandResultSummary| {
                (s.command_info.start_time.clone(), s.command_info.end_time.clone())
            };
            key(b).cmp(&key(a))
        });
        Ok(summaries)
    }

    /// Summaries of all validate results in the namespace, newest first.
    pub async fn list_validate_results(&self) -> Result<Vec<ValidateResultSummary>, StoreError> {
        let mut summaries: Vec<ValidateResultSummary> = self.summaries(VALIDATE_SUMMARY).await?;
        summaries.sort_by(|a, b| {
            let key = |s: &ValidateResultSummary| (s.start_time.clone(), s.end_time.clone());
            key(b).cmp(&key(a))
        });
        Ok(summaries)
    }

    /// Reads one command result with all its objects.
    pub async fn command_result(&self, id: &str) -> Result<Stored, StoreError> {
        let secret = self.result_secret(COMMAND_ID, id).await?;
        let mut result: CommandResult = unpacked(&secret, "reducedResult")?;
        let compacted: Value = unpacked(&secret, "compactedObjects")?;
        result.objects = expand(&compacted).map_err(|error| StoreError::Malformed(error.to_string()))?;
        let trimmed = secret.annotation(TRIMMED).map(str::to_owned);
        Ok(Stored { result, trimmed })
    }

    /// Reads one validate result.
    pub async fn validate_result(&self, id: &str) -> Result<ValidateResult, StoreError> {
        unpacked(&self.result_secret(VALIDATE_ID, id).await?, "result")
    }

    async fn result_secret(&self, label: &str, id: &str) -> Result<Object, StoreError> {
        let resource = self.secrets().await?;
        let labels = format!("{label}={id}");
        let list = self.cluster.list(&resource, Some(&self.namespace), &labels).await;
        let list = list.map_err(StoreError::Api)?.value;
        list.into_iter()
            .next()
            .ok_or_else(|| StoreError::NotFound(id.to_owned()))
    }

    async fn summaries<T: serde::de::DeserializeOwned>(
        &self,
        annotation: &str,
    ) -> Result<Vec<T>, StoreError> {
        let resource = self.secrets().await?;
        let list = self.cluster.list_metadata(&resource, Some(&self.namespace)).await;
        let mut list = list.map_err(StoreError::Api)?.value;
        // times have only seconds: what was written later comes first
        list.sort_by_cached_key(|secret| {
            let version = secret.str_at(&["metadata", "resourceVersion"]);
            std::cmp::Reverse(version.and_then(|text| text.parse::<u64>().ok()))
        });
        // what cannot be read is somebody else's, or of a later version
        let texts = list.iter().filter_map(|secret| secret.annotation(annotation));
        Ok(texts.filter_map(|text| serde_json::from_str(text).ok()).collect())
    }

    async fn secrets(&self) -> Result<ApiResource, StoreError> {
        let kind = ObjectRef::new(&Gvk::new("", "v1", "Secret"), None, "");
        self.cluster.resource(&kind).await.map_err(StoreError::Api)
    }

    async fn ensure_namespace(&self) -> Result<(), StoreError> {
        let reference = ObjectRef::new(&Gvk::new("", "v1", "Namespace"), None, &self.namespace);
        if self
            .cluster
            .get(&reference)
            .await
            .map_err(StoreError::Api)?
            .value
            .is_some()
        {
            return Ok(());
        }
        let namespace =
            object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}));
        match self.cluster.create(&namespace, MANAGER).await {
            Err(error) if error.reason != kluctl_cluster::Reason::AlreadyExists => {
                Err(StoreError::Api(error))
            }
            _ => Ok(()),
        }
    }

    async fn apply(&self, secret: &Object) -> Result<(), StoreError> {
        let how = Apply {
            manager: MANAGER,
            force: false,
            dry_run: false,
        };
        self.cluster.apply(secret, &how).await.map_err(StoreError::Api)?;
        Ok(())
    }

    async fn delete(&self, prefix: &str, id: &str, project: &ProjectKey, written: &mut Written) {
        let name = secret_name(prefix, id, project);
        let reference = ObjectRef::new(&Gvk::new("", "v1", "Secret"), Some(&self.namespace), &name);
        match self.cluster.delete(&reference, &Delete::default()).await {
            Ok(_) => written.deleted.push(id.to_owned()),
            Err(error) => written.kept_by_failure.push((id.to_owned(), error.to_string())),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one Secret, put together in one place"
    )]
    fn secret(
        &self,
        prefix: &str,
        id_label: &str,
        summary_annotation: &str,
        id: &str,
        key: Key<'_>,
        summary: &Value,
        data: &Value,
    ) -> Object {
        let mut secret = object(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret_name(prefix, id, key.project), "namespace": self.namespace},
            "data": data,
        }));
        secret.set_label("kluctl.io/result", "true");
        secret.set_label(id_label, id);
        secret.set_annotation(summary_annotation, &to_go_json(summary));
        let mut annotate = |name: &str, value: &str| {
            if !value.is_empty() {
                secret.set_annotation(name, value);
            }
        };
        annotate("kluctl.io/result-project-repo-key", &key.project.repo_key);
        annotate("kluctl.io/result-project-subdir", &key.project.sub_dir);
        if let Some(deployment) = key.deployment {
            annotate("kluctl.io/result-deployment-name", &deployment.name);
            annotate("kluctl.io/result-deployment-namespace", &deployment.namespace);
        }
        secret
    }
}

/// What a result belongs to.
struct Key<'a> {
    project: &'a ProjectKey,
    deployment: Option<&'a crate::result::KluctlDeploymentInfo>,
}

fn result_key(result: &CommandResult) -> Key<'_> {
    Key {
        project: &result.project_key,
        deployment: result.kluctl_deployment.as_ref(),
    }
}

fn object(value: Value) -> Object {
    Object::try_from(value).unwrap_or_default()
}

/// `cr-<repository>-<id>` with at most 63 characters.
fn secret_name(prefix: &str, id: &str, project: &ProjectKey) -> String {
    let base = project
        .repo_key
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let room = 63usize.saturating_sub(id.len() + prefix.len() + 2);
    let base: String = base
        .replace('_', "-")
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || *char == '-')
        .take(room)
        .collect();
    if base.is_empty() {
        format!("{prefix}-{id}")
    } else {
        format!("{prefix}-{base}-{id}")
    }
}

/// The summary, with as many errors and warnings as fit into an annotation.
fn command_summary(result: &CommandResult) -> Value {
    let mut summary = result.summary();
    let mut value = serde_json::to_value(&summary).unwrap_or_default();
    while to_go_json(&value).len() > SUMMARY_LIMIT
        && !(summary.errors.is_empty() && summary.warnings.is_empty())
    {
        summary.errors.truncate(summary.errors.len() / 2);
        summary.warnings.truncate(summary.warnings.len() / 2);
        value = serde_json::to_value(&summary).unwrap_or_default();
    }
    value
}

fn unpacked<T: serde::de::DeserializeOwned>(secret: &Object, key: &str) -> Result<T, StoreError> {
    let malformed = |error: &dyn std::fmt::Display| StoreError::Malformed(format!("{key}: {error}"));
    let text = secret
        .str_at(&["data", key])
        .ok_or_else(|| malformed(&"missing"))?;
    let bytes = STANDARD.decode(text).map_err(|error| malformed(&error))?;
    let mut json = Vec::new();
    // a bound against bombs: nothing that we or upstream write comes near it
    let mut decoder = GzDecoder::new(&*bytes).take(512 << 20);
    decoder
        .read_to_end(&mut json)
        .map_err(|error| malformed(&error))?;
    serde_json::from_slice(&json).map_err(|error| malformed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::ResultObject;

    #[test]
    fn names_fit_and_hold_the_repository() {
        let id = "c78950bd-1c34-489e-9bda-6d17b0266e7b";
        let key = |repo: &str| ProjectKey {
            repo_key: repo.to_owned(),
            sub_dir: String::new(),
        };
        assert_eq!(secret_name("cr", id, &key("")), format!("cr-{id}"));
        assert_eq!(
            secret_name("cr", id, &key("git://host/a/my_repo.x")),
            format!("cr-my-repox-{id}")
        );
        assert_eq!(
            secret_name("vr", id, &key(&format!("git://h/{}", "a".repeat(80)))).len(),
            63
        );
    }

    #[test]
    fn large_results_are_trimmed() {
        // random enough not to be squeezed by gzip
        let noise = |seed: u64| -> String {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            (0..60_000)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    char::from(b'!' + (state % 90) as u8)
                })
                .collect()
        };
        let objects: Vec<ResultObject> = (0..40)
            .map(|at| {
                let body = |seed| {
                    Some(object(
                        json!({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": noise(seed)}}),
                    ))
                };
                ResultObject {
                    rendered: body(at),
                    remote: body(at + 1000),
                    ..ResultObject::default()
                }
            })
            .collect();
        let result = CommandResult {
            id: "one".to_owned(),
            rendered_objects_hash: "hash".to_owned(),
            objects,
            ..CommandResult::default()
        };
        let (data, trimmed) = command_data(&result);
        assert_eq!(trimmed, Some("bodies of objects"));
        let size: usize = data
            .as_object()
            .unwrap()
            .values()
            .map(|v| v.as_str().unwrap().len())
            .sum();
        assert!(size < 1_300_000);
        let secret = object(json!({"data": data}));
        let compacted: Value = unpacked(&secret, "compactedObjects").unwrap();
        assert_eq!(expand(&compacted).unwrap().len(), 40);
        let reduced: CommandResult = unpacked(&secret, "reducedResult").unwrap();
        let without = |result: &CommandResult| CommandResult {
            objects: Vec::new(),
            ..result.clone()
        };
        assert_eq!(without(&reduced), without(&result));
        assert_eq!(reduced.objects.len(), 40);
        let bodies =
            |object: &ResultObject| object.rendered.as_ref().map(|body| body.at(&["data"]).is_some());
        assert_eq!(bodies(&reduced.objects[0]), Some(false));
    }
}
