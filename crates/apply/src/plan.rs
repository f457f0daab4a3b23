//! Decides what is done in which order. Pure: the same input gives the same plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kluctl_cluster::{ApiResource, Discovery};
use kluctl_object::{Gvk, Object, ObjectRef};

use crate::annotations::is_set;
use crate::hook::{DeletePolicy, Hook, Phase};
use crate::item::{Barrier, ConflictRule, Item, Selector};
use crate::kinds::{defined_kinds, enables, is_namespace};
use crate::live::LiveObjects;
use crate::prepare::prepare;
use crate::problem::Problems;

/// What a deploy does, item by item.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(crate) items: Vec<ItemPlan>,
    /// Namespaces that the run brings along, with the wave (the stretch between barriers) and item that bring them.
    pub(crate) namespaces: BTreeMap<String, (usize, usize)>,
    /// Kinds that the run brings along, with the wave and item that bring them.
    pub(crate) kinds: Vec<(Gvk, ApiResource, usize, usize)>,
}

/// What one item does, in this order.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemPlan {
    pub(crate) name: Option<String>,
    pub(crate) wave: usize,
    /// Wrong or doubtful annotations.
    pub(crate) problems: Problems,
    pub(crate) delete: Vec<ObjectRef>,
    /// Namespaces and definitions that the hooks need.
    pub(crate) before_hooks: Vec<Step>,
    pub(crate) pre_hooks: Vec<HookStep>,
    pub(crate) apply: Vec<Step>,
    pub(crate) wait: Vec<ObjectRef>,
    pub(crate) post_hooks: Vec<HookStep>,
    pub(crate) barrier: Option<Barrier>,
    pub(crate) conflicts: Vec<ConflictRule>,
}

/// Applies one object.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) reference: ObjectRef,
    pub(crate) object: Object,
    pub(crate) simulate: Simulate,
}

/// Applies one hook and, perhaps, waits for it and deletes it.
#[derive(Clone, Debug)]
pub(crate) struct HookStep {
    pub(crate) step: Step,
    pub(crate) policies: String,
    pub(crate) delete_before: bool,
    pub(crate) delete_succeeded: bool,
    pub(crate) delete_failed: bool,
    pub(crate) wait: bool,
    pub(crate) timeout: Option<Duration>,
}

/// How a dry run asks for an object that the server cannot judge as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Simulate {
    /// As it is.
    Plainly,
    /// Under another name, since the object of this name would have been deleted before.
    OtherName,
    /// Under another name in another namespace, since its own does not exist yet.
    OtherNamespace,
}

impl Plan {
    /// How many objects the plan applies, hooks included.
    pub fn len(&self) -> usize {
        let of_item = |item: &ItemPlan| {
            item.before_hooks.len() + item.pre_hooks.len() + item.apply.len() + item.post_hooks.len()
        };
        self.items.iter().map(of_item).sum()
    }

    /// Whether nothing is applied.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kind that the run brings along under this name, if it comes no later than the given wave.
    pub(crate) fn kind(&self, gvk: &Gvk, wave: usize) -> Option<&ApiResource> {
        let found = self
            .kinds
            .iter()
            .find(|(known, _, from, _)| known == gvk && *from <= wave);
        found.map(|(_, resource, _, _)| resource)
    }

    /// Whether the run brings a namespace along no later than the given wave.
    pub(crate) fn makes_namespace(&self, name: &str, wave: usize) -> bool {
        self.namespaces.get(name).is_some_and(|(from, _)| *from <= wave)
    }
}

/// Plans a deploy of items onto what is live.
pub fn plan(items: &[Item], live: &LiveObjects, discovery: &Discovery) -> Plan {
    let mut plan = Plan::default();
    let mut wave = 0;
    for (index, item) in items.iter().enumerate() {
        for object in item
            .objects
            .iter()
            .filter(|object| !is_set(object, "kluctl.io/delete"))
        {
            if is_namespace(&object.reference()) {
                plan.namespaces
                    .entry(object.name().to_owned())
                    .or_insert((wave, index));
            }
            let defined = defined_kinds(object).into_iter();
            plan.kinds
                .extend(defined.map(|resource| (resource.gvk(), resource, wave, index)));
        }
        wave += usize::from(item.barrier.is_some());
    }
    wave = 0;
    for item in items {
        let planned = plan_item(item, wave, live, discovery, &plan);
        plan.items.push(planned);
        wave += usize::from(item.barrier.is_some());
    }
    plan
}

fn plan_item(item: &Item, wave: usize, live: &LiveObjects, discovery: &Discovery, plan: &Plan) -> ItemPlan {
    let mut planned = ItemPlan {
        name: item.name.clone(),
        wave,
        barrier: item.barrier.clone(),
        conflicts: item.conflicts.clone(),
        ..ItemPlan::default()
    };
    let problems = &mut planned.problems;
    let mut delete = resolve(&item.delete, discovery, problems);
    let mut wait = resolve(&item.wait, discovery, problems);
    let mut hooks: Vec<(&Object, Hook)> = Vec::new();
    let mut objects = Vec::new();
    for object in &item.objects {
        let reference = object.reference();
        let hook = Hook::read(object, problems);
        if is_set(object, "kluctl.io/delete") {
            push_once(&mut delete, reference);
        } else if let Some(hook) = hook {
            hooks.push((object, hook));
        } else {
            if item.wait_readiness || is_set(object, "kluctl.io/wait-readiness") {
                push_once(&mut wait, reference);
            }
            objects.push(object);
        }
    }
    objects.retain(|object| !delete.contains(&object.reference()));
    wait.retain(|reference| !delete.contains(reference));
    let initial = !item
        .objects
        .iter()
        .any(|object| live.get(&object.reference()).is_some());
    hooks.sort_by_key(|(_, hook)| hook.weight);

    let step = |object: &Object| step(object, wave, live, plan);
    let of_phases = |phases: &[Phase]| -> Vec<HookStep> {
        let runs = hooks.iter().filter(|(_, hook)| hook.runs_in(phases));
        runs.map(|(object, hook)| hook_step(step(object), hook, live))
            .collect()
    };
    if initial {
        planned.pre_hooks = of_phases(&[Phase::PreDeployInitial, Phase::PreDeploy]);
        planned.post_hooks = of_phases(&[Phase::PostDeployInitial, Phase::PostDeploy]);
    } else {
        planned.pre_hooks = of_phases(&[Phase::PreDeployUpgrade, Phase::PreDeploy]);
        planned.post_hooks = of_phases(&[Phase::PostDeployUpgrade, Phase::PostDeploy]);
    }
    let for_hooks = |object: &Object| {
        planned
            .pre_hooks
            .iter()
            .any(|hook| enables(object, &hook.step.object))
    };
    let (early, rest): (Vec<&Object>, Vec<&Object>) =
        objects.into_iter().partition(|object| for_hooks(object));
    planned.before_hooks = early.into_iter().map(step).collect();
    planned.apply = needed_first(rest).into_iter().map(step).collect();
    planned.delete = delete;
    planned.wait = wait;
    planned
}

/// Moves Namespaces and definitions that earlier objects need to the front; the rest keeps its order.
fn needed_first(objects: Vec<&Object>) -> Vec<&Object> {
    let late: BTreeSet<usize> = (0..objects.len())
        .filter(|&at| objects[..at].iter().any(|earlier| enables(objects[at], earlier)))
        .collect();
    if late.is_empty() {
        return objects;
    }
    let moved = late.iter().map(|&at| objects[at]);
    let stay = objects
        .iter()
        .enumerate()
        .filter(|(at, _)| !late.contains(at))
        .map(|(_, object)| *object);
    moved.chain(stay).collect()
}

fn step(object: &Object, wave: usize, live: &LiveObjects, plan: &Plan) -> Step {
    let reference = object.reference();
    let namespace = reference.namespace.as_deref();
    let to_come =
        namespace.is_some_and(|name| live.lacks_namespace(name) && plan.makes_namespace(name, wave));
    Step {
        object: prepare(object.clone()),
        simulate: if to_come {
            Simulate::OtherNamespace
        } else {
            Simulate::Plainly
        },
        reference,
    }
}

fn hook_step(mut step: Step, hook: &Hook, live: &LiveObjects) -> HookStep {
    let delete_before = hook.has(DeletePolicy::BeforeCreation);
    if delete_before && step.simulate == Simulate::Plainly && live.get(&step.reference).is_some() {
        step.simulate = Simulate::OtherName;
    }
    HookStep {
        step,
        policies: hook.policy_text(),
        delete_before,
        delete_succeeded: hook.has(DeletePolicy::Succeeded),
        delete_failed: hook.has(DeletePolicy::Failed),
        wait: hook.wait,
        timeout: hook.timeout,
    }
}

/// Finds the kinds that selectors mean; an unknown one is an error of the run.
fn resolve(selectors: &[Selector], discovery: &Discovery, problems: &mut Problems) -> Vec<ObjectRef> {
    let mut references = Vec::new();
    for selector in selectors {
        let matches = |filter: &Option<String>, value: &str| filter.as_deref().is_none_or(|f| f == value);
        let kinds = discovery.preferred().into_iter();
        let mut kinds = kinds
            .filter(|r| matches(&selector.group, &r.group) && matches(&selector.kind, &r.kind))
            .peekable();
        if kinds.peek().is_none() {
            let name = match &selector.namespace {
                Some(namespace) if !namespace.is_empty() => format!("{namespace}/{}", selector.name),
                _ => selector.name.clone(),
            };
            let kind = kluctl_object::GroupKind {
                group: selector.group.clone().unwrap_or_default(),
                kind: selector.kind.clone().unwrap_or_default(),
            };
            problems.error(
                None,
                format!("failed to wait for readiness of {name}. resource with group/kind {kind} not found"),
            );
        }
        for kind in kinds {
            push_once(
                &mut references,
                ObjectRef::new(&kind.gvk(), selector.namespace.as_deref(), &selector.name),
            );
        }
    }
    references
}

fn push_once(references: &mut Vec<ObjectRef>, reference: ObjectRef) {
    if !references.contains(&reference) {
        references.push(reference);
    }
}

#[cfg(test)]
mod tests;
