//! Hooks: what Kluctl's and Helm's annotations ask for.

use std::time::Duration;

use kluctl_object::Object;

use crate::annotations::{comma_list, is_set, parse_bool, parse_duration};
use crate::problem::Problems;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    PreDeploy,
    PostDeploy,
    PreDeployInitial,
    PostDeployInitial,
    PreDeployUpgrade,
    PostDeployUpgrade,
    /// Helm's delete hooks: counted as hooks, never run by a deploy.
    Delete,
    /// Helm's rollback hooks: counted as hooks, never run by a deploy.
    Rollback,
}

/// When a hook's object gets deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeletePolicy {
    BeforeCreation,
    Succeeded,
    Failed,
}

/// What an object's annotations say about it being a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) phases: Vec<Phase>,
    pub(crate) weight: i64,
    pub(crate) policies: Vec<DeletePolicy>,
    pub(crate) wait: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Hook {
    /// Reads an object's annotations; `None` when it is an ordinary object. What is wrong with them goes to `problems`.
    ///
    /// Source: kluctl `pkg/deployment/utils/hooks_util.go`, `GetHook`.
    pub(crate) fn read(object: &Object, problems: &mut Problems) -> Option<Self> {
        if is_set(object, "kluctl.io/delete") {
            return None;
        }
        let reference = object.reference();
        let mut phases = Vec::new();
        for name in comma_list(object, "kluctl.io/hook") {
            match kluctl_phase(&name) {
                Some(phase) => phases.push(phase),
                None => problems.error(Some(&reference), format!("unsupported kluctl.io/hook '{name}'")),
            }
        }
        for name in comma_list(object, "helm.sh/hook") {
            let (phase, supported) = helm_phase(&name);
            if !supported {
                problems.warning(Some(&reference), format!("unsupported helm.sh/hook '{name}'"));
            }
            phases.extend(phase);
        }
        let hook = Self {
            phases,
            weight: read_weight(object, problems),
            policies: read_policies(object, problems),
            wait: read_wait(object, problems),
            timeout: read_timeout(object, problems),
        };
        let declared = !comma_list(object, "kluctl.io/hook").is_empty();
        (declared || !hook.phases.is_empty()).then_some(hook)
    }

    /// Whether the hook runs in one of these phases.
    pub(crate) fn runs_in(&self, phases: &[Phase]) -> bool {
        self.phases.iter().any(|phase| phases.contains(phase))
    }

    pub(crate) fn has(&self, policy: DeletePolicy) -> bool {
        self.policies.contains(&policy)
    }

    /// Whether the object is still there after a successful run.
    pub(crate) fn is_persistent(&self) -> bool {
        !self.has(DeletePolicy::Succeeded)
    }

    /// Whether a deploy ever applies the object.
    pub(crate) fn is_ever_applied(&self) -> bool {
        let never = |phase: &Phase| matches!(phase, Phase::Delete | Phase::Rollback);
        self.phases.is_empty() || !self.phases.iter().all(never)
    }

    /// The policies as annotations write them.
    pub(crate) fn policy_text(&self) -> String {
        let names: Vec<_> = self.policies.iter().map(|policy| policy.name()).collect();
        names.join(",")
    }
}

impl DeletePolicy {
    const ALL: [Self; 3] = [Self::BeforeCreation, Self::Succeeded, Self::Failed];

    fn name(self) -> &'static str {
        match self {
            Self::BeforeCreation => "before-hook-creation",
            Self::Succeeded => "hook-succeeded",
            Self::Failed => "hook-failed",
        }
    }
}

fn kluctl_phase(name: &str) -> Option<Phase> {
    Some(match name {
        "pre-deploy" => Phase::PreDeploy,
        "post-deploy" => Phase::PostDeploy,
        "pre-deploy-initial" => Phase::PreDeployInitial,
        "post-deploy-initial" => Phase::PostDeployInitial,
        "pre-deploy-upgrade" => Phase::PreDeployUpgrade,
        "post-deploy-upgrade" => Phase::PostDeployUpgrade,
        _ => return None,
    })
}

/// The phase that a Helm hook stands for, and whether a deploy supports it.
fn helm_phase(name: &str) -> (Option<Phase>, bool) {
    match name {
        "pre-install" => (Some(Phase::PreDeployInitial), true),
        "post-install" => (Some(Phase::PostDeployInitial), true),
        "pre-upgrade" => (Some(Phase::PreDeployUpgrade), true),
        "post-upgrade" => (Some(Phase::PostDeployUpgrade), true),
        "pre-delete" | "post-delete" => (Some(Phase::Delete), false),
        "pre-rollback" | "post-rollback" => (Some(Phase::Rollback), false),
        _ => (None, false),
    }
}

fn read_weight(object: &Object, problems: &mut Problems) -> i64 {
    let text = object
        .annotation("kluctl.io/hook-weight")
        .or_else(|| object.annotation("helm.sh/hook-weight"))
        .unwrap_or("0");
    text.parse::<i32>().map_or_else(
        |_| {
            let message =
                format!("failed to parse hook weight: strconv.ParseInt: parsing {text:?}: invalid syntax");
            problems.error(Some(&object.reference()), message);
            0
        },
        i64::from,
    )
}

fn read_policies(object: &Object, problems: &mut Problems) -> Vec<DeletePolicy> {
    let mut policies = Vec::new();
    let mut names = comma_list(object, "kluctl.io/hook-delete-policy");
    names.extend(comma_list(object, "helm.sh/hook-delete-policy"));
    for name in &names {
        match DeletePolicy::ALL.into_iter().find(|policy| policy.name() == name) {
            Some(policy) if policies.contains(&policy) => {}
            Some(policy) => policies.push(policy),
            None => problems.error(
                Some(&object.reference()),
                format!("unsupported kluctl.io/hook-delete-policy '{name}'"),
            ),
        }
    }
    if names.is_empty() {
        policies.push(DeletePolicy::BeforeCreation);
    }
    // upstream's order is random; one order everywhere makes runs comparable
    policies.sort_by_key(|policy| DeletePolicy::ALL.iter().position(|known| known == policy));
    policies
}

fn read_wait(object: &Object, problems: &mut Problems) -> bool {
    match object.annotation("kluctl.io/hook-wait").map(parse_bool) {
        None => true,
        Some(Ok(wait)) => wait,
        Some(Err(error)) => {
            problems.error(Some(&object.reference()), error.to_string());
            true
        }
    }
}

fn read_timeout(object: &Object, problems: &mut Problems) -> Option<Duration> {
    match parse_duration(object.annotation("kluctl.io/hook-timeout")?) {
        Ok(timeout) => Some(timeout),
        Err(error) => {
            problems.error(
                Some(&object.reference()),
                format!("failed to parse duration: {error}"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(annotations: serde_json::Value) -> (Option<Hook>, Problems) {
        let object = Object::try_from(json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "j", "annotations": annotations}}))
        .unwrap();
        let mut problems = Problems::default();
        (Hook::read(&object, &mut problems), problems)
    }

    #[test]
    fn helm_hooks_are_mapped() {
        let (hook, problems) =
            read(json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "-5"}));
        let hook = hook.unwrap();
        assert_eq!(hook.phases, [Phase::PreDeployInitial, Phase::PreDeployUpgrade]);
        assert_eq!(hook.weight, -5);
        assert_eq!(hook.policy_text(), "before-hook-creation");
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn unknown_helm_hooks_leave_an_ordinary_object_with_a_warning() {
        let (hook, problems) = read(json!({"helm.sh/hook": "test-success"}));
        assert_eq!(hook, None);
        assert_eq!(
            problems.warnings[0].message,
            "unsupported helm.sh/hook 'test-success'"
        );
    }

    #[test]
    fn delete_hooks_are_never_applied() {
        let (hook, problems) = read(json!({"helm.sh/hook": "pre-delete"}));
        assert!(!hook.unwrap().is_ever_applied());
        assert_eq!(problems.warnings.len(), 1);
    }

    #[test]
    fn mistakes_are_errors_of_the_object() {
        let (hook, problems) = read(json!({"kluctl.io/hook": "sometime", "kluctl.io/hook-weight": "x",
            "kluctl.io/hook-delete-policy": "never", "kluctl.io/hook-wait": "maybe", "kluctl.io/hook-timeout": "5"}));
        assert!(
            hook.is_some(),
            "a misspelt hook must not be applied as an ordinary object"
        );
        let texts: Vec<_> = problems.errors.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(texts.len(), 5, "{texts:?}");
    }

    #[test]
    fn objects_marked_for_deletion_are_no_hooks() {
        assert_eq!(
            read(json!({"kluctl.io/hook": "pre-deploy", "kluctl.io/delete": "true"})).0,
            None
        );
    }
}
