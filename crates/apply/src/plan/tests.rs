use super::*;
use kluctl_cluster::Scope;
use serde_json::{Value, json};

fn object(kind: &str, name: &str, more: Value) -> Object {
    let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    merge(&mut value, more);
    Object::try_from(value).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn hook(name: &str, hook: &str, more: Value) -> Object {
    let mut object = object(
        "Job",
        name,
        json!({"metadata": {"annotations": {"kluctl.io/hook": hook}}}),
    );
    let mut value = object.to_value();
    merge(&mut value, more);
    object = Object::try_from(value).unwrap();
    object
}

fn item(objects: Vec<Object>) -> Item {
    Item {
        objects,
        ..Item::default()
    }
}

fn discovery() -> Discovery {
    let resource = |kind: &str, plural: &str, scope| ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        scope,
        verbs: vec!["list".to_owned()],
        subresources: Vec::new(),
    };
    Discovery::from_resources(vec![
        resource("ConfigMap", "configmaps", Scope::Namespaced),
        resource("Namespace", "namespaces", Scope::Cluster),
    ])
}

fn names(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| &*step.reference.name).collect()
}

fn in_namespace(namespace: &str) -> Value {
    json!({"metadata": {"namespace": namespace}})
}

#[test]
fn needed_namespaces_and_definitions_move_to_the_front_and_nothing_else() {
    let crd = object(
        "CustomResourceDefinition",
        "foos.ex.com",
        json!({"apiVersion": "apiextensions.k8s.io/v1", "spec": {"group": "ex.com", "scope": "Namespaced",
            "names": {"kind": "Foo", "plural": "foos"}, "versions": [{"name": "v1", "served": true}]}}),
    );
    let foo = object(
        "Foo",
        "f",
        json!({"apiVersion": "ex.com/v1", "metadata": {"namespace": "n"}}),
    );
    let objects = vec![
        object("ConfigMap", "z", json!({})),
        foo,
        object("Namespace", "unused", json!({})),
        object("Namespace", "n", json!({})),
        crd,
        object("ConfigMap", "a", in_namespace("n")),
    ];
    let plan = plan(
        &[item(objects)],
        &LiveObjects::from_objects([], &[]),
        &discovery(),
    );
    assert_eq!(
        names(&plan.items[0].apply),
        ["n", "foos.ex.com", "z", "f", "unused", "a"]
    );
    assert_eq!(
        plan.kind(&Gvk::new("ex.com", "v1", "Foo"), 0).unwrap().plural,
        "foos"
    );
}

#[test]
fn namespaces_that_hooks_need_come_before_the_hooks() {
    let objects = vec![
        hook("h", "pre-deploy", in_namespace("n")),
        object("Namespace", "n", json!({})),
        object("ConfigMap", "c", in_namespace("n")),
    ];
    let plan = plan(
        &[item(objects)],
        &LiveObjects::from_objects([], &[]),
        &discovery(),
    );
    let item = &plan.items[0];
    assert_eq!(names(&item.before_hooks), ["n"]);
    assert_eq!(item.pre_hooks[0].step.simulate, Simulate::OtherNamespace);
    assert_eq!(names(&item.apply), ["c"]);
}

#[test]
fn hooks_run_by_phase_and_weight() {
    let weight = |weight: &str| json!({"metadata": {"annotations": {"kluctl.io/hook-weight": weight}}});
    let objects = vec![
        hook("late", "pre-deploy", weight("2")),
        hook("early", "pre-deploy", weight("-1")),
        hook("upgrade", "pre-deploy-upgrade", json!({})),
        hook("initial", "post-deploy-initial", json!({})),
        object("ConfigMap", "c", json!({})),
    ];
    let live = LiveObjects::from_objects([object("ConfigMap", "c", json!({}))], &[]);
    let hook_names = |hooks: &[HookStep]| {
        hooks
            .iter()
            .map(|h| h.step.reference.name.clone())
            .collect::<Vec<_>>()
    };
    let fresh = plan(
        &[item(objects.clone())],
        &LiveObjects::from_objects([], &[]),
        &discovery(),
    );
    assert_eq!(hook_names(&fresh.items[0].pre_hooks), ["early", "late"]);
    assert_eq!(hook_names(&fresh.items[0].post_hooks), ["initial"]);
    let again = plan(&[item(objects)], &live, &discovery());
    assert_eq!(
        hook_names(&again.items[0].pre_hooks),
        ["early", "upgrade", "late"]
    );
    assert!(again.items[0].post_hooks.is_empty());
}

#[test]
fn namespaces_of_later_waves_do_not_count() {
    let late = item(vec![object("Namespace", "n", json!({}))]);
    let early = Item {
        barrier: Some(Barrier::default()),
        ..item(vec![object("ConfigMap", "c", in_namespace("n"))])
    };
    let live = LiveObjects::from_objects([], &["default"]);
    let wrong = plan(&[early.clone(), late.clone()], &live, &discovery());
    assert_eq!(wrong.items[0].apply[0].simulate, Simulate::Plainly);
    let beside = Item {
        barrier: None,
        ..early
    };
    let right = plan(&[beside, late], &live, &discovery());
    assert_eq!(right.items[0].apply[0].simulate, Simulate::OtherNamespace);
}

#[test]
fn deletions_are_neither_applied_nor_waited_for() {
    let gone = object(
        "ConfigMap",
        "gone",
        json!({"metadata": {"annotations": {"kluctl.io/delete": "true"}}}),
    );
    let item = Item {
        wait_readiness: true,
        delete: vec![
            Selector {
                kind: Some("ConfigMap".to_owned()),
                name: "listed".to_owned(),
                namespace: Some("n".to_owned()),
                ..Selector::default()
            },
            Selector {
                kind: Some("Nope".to_owned()),
                name: "x".to_owned(),
                ..Selector::default()
            },
        ],
        ..item(vec![
            gone,
            object("ConfigMap", "listed", in_namespace("n")),
            object("ConfigMap", "kept", json!({})),
        ])
    };
    let plan = plan(&[item], &LiveObjects::default(), &discovery());
    let planned = &plan.items[0];
    let texts: Vec<_> = planned.delete.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["n/ConfigMap/listed", "ConfigMap/gone"]);
    assert_eq!(names(&planned.apply), ["kept"]);
    assert_eq!(planned.wait.len(), 1);
    assert_eq!(
        planned.problems.errors[0].message,
        "failed to wait for readiness of x. resource with group/kind Nope not found"
    );
}
