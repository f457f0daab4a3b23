//! What is stored about a target, and what can be done with it: drift, rollback, plans.

use kluctl_api::{CommandResult, DeployPlan, DriftResult, Kept, ResultStore, Stored};
use kluctl_commands::{
    Baseline, DeployOptions, DiffCommandOptions, Finished, Head, RollbackOptions, Target, previous,
};
use kluctl_object::Object;
use kluctl_project::{Rendered, RenderedItem};
use serde_json::{Value, json};

use crate::server::Server;

fn object(value: Value) -> Object {
    Object::try_from(value).unwrap()
}

fn named(kind: &str, name: &str, rest: Value) -> Value {
    let mut value =
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "history"}});
    value
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    value
}

fn config_map(data: Value) -> Value {
    named("ConfigMap", "cm", json!({"data": data}))
}

fn secret(data: Value) -> Value {
    named("Secret", "s", json!({"stringData": data}))
}

/// A target of one Namespace, and whatever else is given.
fn target(objects: &[Value]) -> Target {
    let ns = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "history"}});
    let labelled = std::iter::once(&ns).chain(objects).map(|value| {
        let mut object = object(value.clone());
        object.set_label("kluctl.io/discriminator", "history");
        object
    });
    let item = RenderedItem {
        dir: Some("app".into()),
        dir_in_project: Some("app".into()),
        objects: labelled.collect(),
        ..RenderedItem::default()
    };
    let head = Head {
        target_name: "history".to_owned(),
        ..Head::default()
    };
    let rendered = Rendered {
        items: vec![item],
        discriminator: "history".to_owned(),
        ..Rendered::default()
    };
    Target::new(head, rendered)
}

fn store(server: &Server) -> ResultStore {
    let kept = Kept {
        commands: 10,
        validations: 1,
    };
    ResultStore::new(&server.cluster, "kluctl-results", kept)
}

/// Deploys and stores the result.
fn deploy(server: &Server, target: &Target, options: &DeployOptions) -> CommandResult {
    let session = server.session();
    let mut yes = |_: &Finished| true;
    let work = kluctl_commands::deploy(&session, target, options, &mut yes);
    let result = server.runtime.block_on(work).result;
    write(server, &result);
    result
}

fn write(server: &Server, result: &CommandResult) {
    let store = store(server);
    server
        .runtime
        .block_on(store.write_command_result(result))
        .unwrap();
}

fn read(server: &Server, result: &CommandResult) -> Stored {
    let store = store(server);
    server.runtime.block_on(store.command_result(&result.id)).unwrap()
}

fn drift(server: &Server, results: &[Stored], all: bool) -> DriftResult {
    let session = server.session();
    let baseline = Baseline::new(results);
    server.runtime.block_on(kluctl_commands::drift(
        &session,
        &baseline,
        all,
        &kluctl_object::MaskKey::default(),
    ))
}

/// One line per object, and one per change.
fn lines(drift: &DriftResult) -> Vec<String> {
    let mut lines = Vec::new();
    for object in &drift.objects {
        let gone = if object.deleted { " is gone" } else { "" };
        lines.push(format!("{}{gone}", object.reference));
        for change in &object.changes {
            let likely = if change.likely { "probably " } else { "" };
            lines.push(format!(
                "  {}: {} by {likely}{}",
                change.change.json_path,
                change.change.unified_diff.replace('\n', " "),
                change.manager
            ));
        }
    }
    lines
}

fn errors(result: &CommandResult) -> Vec<String> {
    let errors = result.errors.iter();
    errors
        .map(|error| format!("{}: {}", error.reference, error.message))
        .collect()
}

fn data(server: &Server, value: &Value) -> Value {
    let live = server.get(&object(value.clone())).unwrap();
    live.at(&["data"]).cloned().unwrap_or_default()
}

pub(crate) fn tell(server: &Server) {
    drift_names_who_changed_what(server);
    drift_knows_deploys_of_a_part(server);
    a_rollback_applies_what_was(server);
    a_rollback_without_the_secret_changes_nothing(server);
    a_plan_is_carried_out_or_says_what_has_moved(server);
}

fn drift_names_who_changed_what(server: &Server) {
    let objects = [
        config_map(json!({"aa": "1", "bb": "1"})),
        named("ConfigMap", "left", json!({"data": {"aa": "1"}})),
        secret(json!({"password": "first-password", "user": "me"})),
    ];
    let stored = [read(
        server,
        &deploy(server, &target(&objects), &DeployOptions::default()),
    )];
    assert_eq!(lines(&drift(server, &stored, true)), Vec::<String>::new());

    // a controller may add what it likes
    let noted = named(
        "ConfigMap",
        "cm",
        json!({"metadata": {"name": "cm", "namespace": "history", "annotations": {"note": "x"}}}),
    );
    server.apply_as("some-controller", &object(noted));
    let found = drift(server, &stored, false);
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.changes_by_others, 1);
    assert_eq!(
        lines(&drift(server, &stored, true)),
        [
            "history/ConfigMap/cm",
            "  metadata.annotations.note: +x by some-controller"
        ]
    );

    server.apply_as(
        "kubectl-edit",
        &object(config_map(json!({"bb": "2", "cc": "new"}))),
    );
    server.apply_as("someone", &object(secret(json!({"password": "other-password"}))));
    let session = server.session();
    let left = object(objects[1].clone()).reference();
    let how = kluctl_cluster::Delete::default();
    let gone = session.cluster.as_ref().unwrap().delete(&left, &how);
    server.runtime.block_on(gone).unwrap();
    let found = drift(server, &stored, false);
    assert_eq!(
        lines(&found),
        [
            "history/ConfigMap/cm",
            "  data.bb: -1 +2 by kubectl-edit",
            "  data.cc: +new by kubectl-edit",
            "history/ConfigMap/left is gone",
            "history/Secret/s",
            "  data.password: -***** (obfuscated) +***** (obfuscated) by someone",
        ]
    );
    let text = serde_json::to_string(&found).unwrap();
    assert!(
        !text.contains("password\":\"") && !text.contains("b3RoZXI"),
        "{text}"
    );
    assert!(
        found.objects[0]
            .changes
            .iter()
            .all(|change| change.time.is_some()),
        "{found:?}"
    );
    assert_ne!(
        found.objects[0].fingerprint,
        found.objects[0].expected_fingerprint
    );
}

fn drift_knows_deploys_of_a_part(server: &Server) {
    let force = || {
        let mut options = DeployOptions::default();
        options.execute.force_apply = true;
        options
    };
    let objects = [
        config_map(json!({"aa": "1"})),
        secret(json!({"password": "first-password"})),
    ];
    let whole = read(server, &deploy(server, &target(&objects), &force()));
    let mut part = target(&objects[..1]);
    part.head.command.include_tags = vec!["app".to_owned()];
    let part = read(server, &deploy(server, &part, &force()));
    assert!(!Baseline::is_complete(std::slice::from_ref(&part)));
    let both = [part, whole];
    assert!(Baseline::is_complete(&both));
    let found = drift(server, &both, false);
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.compared, 3, "the Secret is known from the whole deploy");
}

fn rollback(server: &Server, stored: &Stored, prune: bool) -> Result<CommandResult, String> {
    let session = server.session();
    let options = RollbackOptions {
        deploy: DeployOptions {
            prune,
            ..DeployOptions::default()
        },
        ..RollbackOptions::default()
    };
    let mut yes = |_: &Finished| true;
    let work = kluctl_commands::rollback(&session, stored, &options, &mut yes);
    server.runtime.block_on(work).map(|finished| finished.result)
}

fn a_rollback_applies_what_was(server: &Server) {
    let hook = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hook", "namespace": "history",
        "annotations": {"kluctl.io/hook": "pre-deploy"}}});
    let password = secret(json!({"password": "first-password"}));
    let before = [
        config_map(json!({"aa": "before"})),
        password.clone(),
        hook.clone(),
    ];
    let first = deploy(server, &target(&before), &DeployOptions::default());
    let added = named("ConfigMap", "added", json!({"data": {"aa": "1"}}));
    let after = [
        config_map(json!({"aa": "after"})),
        password.clone(),
        added.clone(),
    ];
    let second = deploy(server, &target(&after), &DeployOptions::default());
    assert_eq!(errors(&second), Vec::<String>::new());

    let summaries = server
        .runtime
        .block_on(store(server).list_command_results())
        .unwrap();
    let ours: Vec<_> = summaries
        .into_iter()
        .filter(|summary| summary.id == first.id || summary.id == second.id)
        .collect();
    let found = previous(&ours).map(|summary| summary.id.clone());
    // times have only seconds, so the two may stand in any order
    assert!(found.is_some_and(|id| id == first.id || id == second.id));

    let stored = read(server, &first);
    assert!(
        !serde_json::to_string(&stored.result)
            .unwrap()
            .contains("first-password")
    );
    let result = rollback(server, &stored, false).unwrap();
    assert_eq!(errors(&result), Vec::<String>::new());
    assert_eq!(result.command.command, "rollback");
    assert_eq!(data(server, &before[0])["aa"], "before");
    assert_eq!(data(server, &password)["password"], "Zmlyc3QtcGFzc3dvcmQ=");
    assert!(
        !result.objects.iter().any(|object| object.hook),
        "hooks do not run"
    );
    assert!(!serde_json::to_string(&result).unwrap().contains("Zmlyc3Q"));
    assert!(server.get(&object(added.clone())).is_some(), "nothing is pruned");
    let orphans: Vec<_> = result.objects.iter().filter(|object| object.orphan).collect();
    assert_eq!(orphans.len(), 1);

    let result = rollback(server, &stored, true).unwrap();
    assert_eq!(errors(&result), Vec::<String>::new());
    assert!(server.get(&object(added)).is_none());
    assert!(server.get(&object(hook)).is_some(), "a hook is no orphan");
}

fn a_rollback_without_the_secret_changes_nothing(server: &Server) {
    let objects = [
        config_map(json!({"aa": "with-token"})),
        named(
            "Secret",
            "s",
            json!({"data": {"password": "Zmlyc3QtcGFzc3dvcmQ=", "token": "YWJj"}}),
        ),
    ];
    let stored = read(
        server,
        &deploy(server, &target(&objects), &DeployOptions::default()),
    );
    let without = [
        config_map(json!({"aa": "without"})),
        named(
            "Secret",
            "s",
            json!({"data": {"password": "Zmlyc3QtcGFzc3dvcmQ="}}),
        ),
    ];
    deploy(server, &target(&without), &DeployOptions::default());
    let error = rollback(server, &stored, false).unwrap_err();
    assert!(
        error.contains("history/Secret/s: the value of `token` is unknown"),
        "{error}"
    );
    assert_eq!(data(server, &objects[0])["aa"], "without");
}

fn plan(server: &Server, target: &Target) -> DeployPlan {
    let session = server.session();
    let options = DiffCommandOptions {
        want_plan: true,
        ..DiffCommandOptions::default()
    };
    let work = kluctl_commands::diff(&session, target, &options);
    let finished = server.runtime.block_on(work);
    assert_eq!(errors(&finished.result), Vec::<String>::new());
    let text = finished.plan.unwrap().to_text();
    assert!(!text.contains("password"), "{text}");
    DeployPlan::parse(&text).unwrap()
}

fn a_plan_is_carried_out_or_says_what_has_moved(server: &Server) {
    let with = |plan: &DeployPlan| DeployOptions {
        plan: Some(plan.clone()),
        ..DeployOptions::default()
    };
    let last = "the plan does not hold any more, nothing was changed";
    let wanted = [
        config_map(json!({"aa": "planned"})),
        secret(json!({"password": "second-password"})),
    ];
    let approved = plan(server, &target(&wanted));
    let actions: Vec<&str> = approved.objects.iter().map(|object| &*object.action).collect();
    assert_eq!(actions, ["keep", "change", "change"]);

    // rendered differently
    let other = [config_map(json!({"aa": "other"})), wanted[1].clone()];
    let refused = deploy(server, &target(&other), &with(&approved));
    let text = "history/ConfigMap/cm: is rendered differently than when the plan was made".to_owned();
    assert_eq!(errors(&refused), [text, format!(": {last}")]);

    // another object in, one out
    let moved = [
        wanted[0].clone(),
        named("ConfigMap", "new", json!({"data": {"aa": "1"}})),
    ];
    let refused = deploy(server, &target(&moved), &with(&approved));
    assert_eq!(
        errors(&refused),
        [
            "history/ConfigMap/new: is rendered now, but was not when the plan was made".to_owned(),
            "history/Secret/s: was rendered when the plan was made, but is not now".to_owned(),
            format!(": {last}")
        ]
    );

    // changed in the cluster
    server.apply_as("someone", &object(config_map(json!({"zz": "meanwhile"}))));
    let refused = deploy(server, &target(&wanted), &with(&approved));
    let found = errors(&refused);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with(
            "history/ConfigMap/cm: has changed in the cluster since the plan was made (version "
        ),
        "{found:?}"
    );
    assert_eq!(data(server, &wanted[0])["aa"], "without", "nothing was applied");

    // and as it was approved
    let approved = plan(server, &target(&wanted));
    let done = deploy(server, &target(&wanted), &with(&approved));
    assert_eq!(errors(&done), Vec::<String>::new());
    assert_eq!(data(server, &wanted[0])["aa"], "planned");

    // a plan is good for one deploy only
    let refused = deploy(server, &target(&wanted), &with(&approved));
    assert_eq!(errors(&refused).last(), Some(&format!(": {last}")));
}
