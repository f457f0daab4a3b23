//! The kinds that objects can be of: those built into a Kubernetes version, and those that definitions add.

use std::collections::BTreeMap;

use kluctl_object::{GroupKind, Gvk, Object};
use kluctl_schema::{TypeRef, deprecation, from_schema, introduced, kubernetes};
use serde_json::{Value, json};

use super::Rule;

/// What is known of kinds.
#[derive(Debug)]
pub struct Kinds {
    minor: u32,
    custom: BTreeMap<GroupKind, Custom>,
}

/// A kind that a CustomResourceDefinition defines.
#[derive(Debug)]
struct Custom {
    namespaced: bool,
    /// By name; with what its use is warned of.
    versions: BTreeMap<String, (TypeRef, Option<String>)>,
}

/// What is known of one kind in one version.
pub(super) struct Known {
    /// Its type; `None` where this program has none.
    pub(super) ty: Option<TypeRef>,
    /// Whether a CustomResourceDefinition defines it.
    pub(super) custom: bool,
    /// What is wrong with using it.
    pub(super) problem: Option<(Rule, String)>,
}

impl Kinds {
    /// The kinds of Kubernetes 1.`minor`, and those that definitions among the objects add.
    pub fn new<'o>(minor: u32, objects: impl IntoIterator<Item = &'o Object>) -> Self {
        let custom = objects.into_iter().filter_map(definition).collect();
        Self { minor, custom }
    }

    /// Whether objects of a kind lie in namespaces; `None` where nothing is known of it.
    pub(super) fn namespaced(&self, gvk: &Gvk) -> Option<bool> {
        if let Some(custom) = self.custom.get(&gvk.group_kind()) {
            return Some(custom.namespaced);
        }
        let of = |gvk: &Gvk| kubernetes().resource_of(gvk).map(|resource| resource.namespaced);
        of(gvk).or_else(|| {
            let (api_version, kind) = deprecation(gvk)?.replacement?;
            of(&Gvk::from_api_version(api_version, kind).ok()?)
        })
    }

    pub(super) fn find(&self, gvk: &Gvk) -> Known {
        if let Some(custom) = self.custom.get(&gvk.group_kind()) {
            return custom.find(gvk);
        }
        let ty = kubernetes().type_of(gvk);
        let known = |problem: Option<(Rule, String)>| Known {
            ty: ty.clone(),
            custom: false,
            problem,
        };
        if let Some(deprecation) = deprecation(gvk) {
            return known(if deprecation.is_removed_in(self.minor) {
                Some((Rule::RemovedApi, deprecation.to_string()))
            } else {
                let deprecated = deprecation.is_deprecated_in(self.minor);
                deprecated.then(|| (Rule::DeprecatedApi, deprecation.to_string()))
            });
        }
        let Some(resource) = kubernetes().resource_of(gvk) else {
            return known(unknown(gvk));
        };
        let since = introduced(&gvk.group, &gvk.version, &resource.plural);
        known((since > self.minor).then(|| {
            let text = format!("{} {} is served since v1.{since}", gvk.api_version(), gvk.kind);
            (Rule::UnknownKind, text)
        }))
    }
}

impl Custom {
    fn find(&self, gvk: &Gvk) -> Known {
        let Some((ty, warning)) = self.versions.get(&gvk.version) else {
            let names: Vec<&str> = self.versions.keys().map(String::as_str).collect();
            let text = format!(
                "{} is not served in version {:?}; its definition serves {}",
                gvk.kind,
                gvk.version,
                names.join(", ")
            );
            return Known {
                ty: None,
                custom: true,
                problem: Some((Rule::UnknownKind, text)),
            };
        };
        Known {
            ty: Some(ty.clone()),
            custom: true,
            problem: warning.clone().map(|text| (Rule::DeprecatedApi, text)),
        }
    }
}

/// Reads a CustomResourceDefinition.
fn definition(object: &Object) -> Option<(GroupKind, Custom)> {
    let is_definition =
        object.kind() == "CustomResourceDefinition" && object.gvk().group == "apiextensions.k8s.io";
    let text = |keys: &[&str]| object.str_at(keys).filter(|text| !text.is_empty());
    let kind = GroupKind {
        group: text(&["spec", "group"]).filter(|_| is_definition)?.to_owned(),
        kind: text(&["spec", "names", "kind"])?.to_owned(),
    };
    let preserve = object.at(&["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true));
    let served = object.at(&["spec", "versions"]).and_then(Value::as_array);
    let served = served
        .into_iter()
        .flatten()
        .filter(|version| version["served"] != false);
    let versions = served.filter_map(|version| {
        let name = version["name"].as_str()?.to_owned();
        let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let schema = version.pointer("/schema/openAPIV3Schema").unwrap_or(&free);
        let warning = (version["deprecated"] == true).then(|| {
            let own = version["deprecationWarning"].as_str().map(str::to_owned);
            own.unwrap_or_else(|| format!("{}/{name} {} is deprecated", kind.group, kind.kind))
        });
        Some((name, (from_schema(schema, preserve), warning)))
    });
    let custom = Custom {
        namespaced: text(&["spec", "scope"]) == Some("Namespaced"),
        versions: versions.collect(),
    };
    Some((kind, custom))
}

/// What is wrong with a kind that Kubernetes does not have; nothing where its group is somebody else's.
fn unknown(gvk: &Gvk) -> Option<(Rule, String)> {
    let table = kubernetes();
    let Some(group) = table.group(&gvk.group) else {
        return Some((Rule::NoSchema, String::new()));
    };
    let mut text = format!("{} has no kind {:?}", gvk.api_version(), gvk.kind);
    // the same kind elsewhere, in a stable version if there is one
    let mut elsewhere: Vec<&Gvk> = table
        .kinds()
        .filter(|other| other.kind == gvk.kind && table.resource_of(other).is_some())
        .collect();
    elsewhere.sort_by_key(|other| (other.group != gvk.group, other.version.len(), *other));
    if let Some(other) = elsewhere.first() {
        text.push_str(&format!("; {} has it", other.api_version()));
        return Some((Rule::UnknownKind, text));
    }
    let versions = group.versions.iter().flat_map(|version| &version.resources);
    let names: Vec<&str> = versions.map(|resource| resource.kind.as_str()).collect();
    if let Some(similar) = kluctl_yaml::closest(&gvk.kind, &names) {
        text.push_str(&format!(", did you mean {similar:?}?"));
    }
    Some((Rule::UnknownKind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(minor: u32, api_version: &str, kind: &str, expected: Option<(Rule, &str)>) {
        let definition = Object::try_from(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {"group": "a.example", "scope": "Cluster", "names": {"kind": "Widget"}, "versions": [
                {"name": "v1", "served": true}, {"name": "v1beta1", "served": true, "deprecated": true}, {"name": "v0", "served": false}]}}))
        .unwrap();
        let kinds = Kinds::new(minor, [&definition]);
        let found = kinds.find(&Gvk::from_api_version(api_version, kind).unwrap());
        let found = found.problem.as_ref().map(|(rule, text)| (*rule, text.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn versions_are_judged_for_the_kubernetes_version() {
        let removed =
            "batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob";
        check(25, "batch/v1beta1", "CronJob", Some((Rule::RemovedApi, removed)));
        check(
            24,
            "batch/v1beta1",
            "CronJob",
            Some((Rule::DeprecatedApi, removed)),
        );
        check(20, "batch/v1beta1", "CronJob", None);
        check(
            20,
            "batch/v1",
            "CronJob",
            Some((Rule::UnknownKind, "batch/v1 CronJob is served since v1.21")),
        );
        check(37, "apps/v1", "Deployment", None);
    }

    #[test]
    fn kinds_that_do_not_exist_get_advice() {
        let unknown = |text| Some((Rule::UnknownKind, text));
        check(
            37,
            "apps/v1",
            "Deploymnt",
            unknown("apps/v1 has no kind \"Deploymnt\", did you mean \"Deployment\"?"),
        );
        check(
            37,
            "apps/v1",
            "CronJob",
            unknown("apps/v1 has no kind \"CronJob\"; batch/v1 has it"),
        );
        check(37, "b.example/v1", "Widget", Some((Rule::NoSchema, "")));
    }

    #[test]
    fn versions_of_definitions_count() {
        check(37, "a.example/v1", "Widget", None);
        check(
            37,
            "a.example/v1beta1",
            "Widget",
            Some((Rule::DeprecatedApi, "a.example/v1beta1 Widget is deprecated")),
        );
        check(
            37,
            "a.example/v0",
            "Widget",
            Some((
                Rule::UnknownKind,
                "Widget is not served in version \"v0\"; its definition serves v1, v1beta1",
            )),
        );
    }
}
