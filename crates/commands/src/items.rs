//! From rendered items to what is applied. Pure.

use kluctl_apply::{Barrier, ConflictAction, ConflictRule, IgnoreRule, Item, Match, Selector};
use kluctl_project::config::{ConflictAction as ProjectAction, ObjectSelector};
use kluctl_project::{Rendered, RenderedItem, Rules};

/// Maps rendered items.
pub fn items(rendered: &Rendered) -> Vec<Item> {
    rendered.items.iter().map(item).collect()
}

fn item(rendered: &RenderedItem) -> Item {
    Item {
        name: name(rendered),
        objects: if rendered.only_render {
            Vec::new()
        } else {
            rendered.objects.clone()
        },
        delete: rendered.delete_objects.iter().map(selector).collect(),
        wait: rendered.wait_readiness_objects.iter().map(selector).collect(),
        wait_readiness: rendered.wait_readiness,
        barrier: rendered.barrier.then(|| Barrier {
            message: rendered.message.clone(),
        }),
        ignore_for_diff: ignore_rules(&rendered.rules),
        conflicts: conflict_rules(&rendered.rules),
    }
}

/// What progress lines are prefixed with.
///
/// Source: kluctl `pkg/deployment/utils/apply_utils.go`, `buildProgressName`.
fn name(rendered: &RenderedItem) -> Option<String> {
    let dir = rendered
        .dir_in_project
        .as_ref()
        .filter(|dir| !dir.as_str().is_empty());
    match dir {
        Some(dir) => Some(dir.to_string()),
        None if !rendered.delete_objects.is_empty() => Some("<delete>".to_owned()),
        None if !rendered.wait_readiness_objects.is_empty() => Some("<wait>".to_owned()),
        None => None,
    }
}

fn selector(selector: &ObjectSelector) -> Selector {
    Selector {
        group: selector.group.clone(),
        kind: selector.kind.clone(),
        name: selector.name.clone(),
        namespace: Some(selector.namespace.clone()).filter(|namespace| !namespace.is_empty()),
    }
}

fn ignore_rules(rules: &Rules) -> Vec<IgnoreRule> {
    let rule = |rule: &kluctl_project::config::IgnoreForDiff| IgnoreRule {
        object: Match {
            group: rule.group.clone(),
            kind: rule.kind.clone(),
            name: rule.name.clone(),
            namespace: rule.namespace.clone(),
        },
        field_paths: rule.field_path.0.clone(),
        field_path_regexes: rule.field_path_regex.0.clone(),
    };
    rules.ignore_for_diff.iter().map(rule).collect()
}

fn conflict_rules(rules: &Rules) -> Vec<ConflictRule> {
    let rule = |rule: &kluctl_project::config::ConflictResolution| ConflictRule {
        object: Match {
            group: rule.group.clone(),
            kind: rule.kind.clone(),
            name: rule.name.clone(),
            namespace: rule.namespace.clone(),
        },
        field_paths: rule.field_path.0.clone(),
        field_path_regexes: rule.field_path_regex.0.clone(),
        managers: rule.manager.0.clone(),
        action: match rule.action {
            ProjectAction::Ignore => ConflictAction::Ignore,
            ProjectAction::ForceApply => ConflictAction::ForceApply,
        },
    };
    rules.conflict_resolution.iter().map(rule).collect()
}
