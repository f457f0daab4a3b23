//! A target's life: deployed, changed by others and by us, pruned, validated, deleted.

use std::time::Duration;

use kluctl_api::{CommandResult, DeploymentError, Kept, ResultStore};
use kluctl_commands::{
    DeleteOptions, DeployOptions, DiffCommandOptions, ExecuteOptions, Finished, Head, Target, Validation,
};
use kluctl_object::Object;
use kluctl_project::{Rendered, RenderedItem};
use serde_json::{Value, json};

use crate::server::Server;

fn object(value: Value) -> Object {
    Object::try_from(value).unwrap()
}

fn item(dir: &str, objects: &[Value]) -> RenderedItem {
    let labelled = objects.iter().map(|value| {
        let mut object = object(value.clone());
        object.set_label("kluctl.io/discriminator", "story");
        object.set_label("kluctl.io/tag-0", dir);
        object
    });
    RenderedItem {
        dir: Some(dir.into()),
        dir_in_project: Some(dir.into()),
        tags: vec![dir.to_owned()],
        objects: labelled.collect(),
        ..RenderedItem::default()
    }
}

fn target(items: Vec<RenderedItem>) -> Target {
    let head = Head {
        target_name: "test".to_owned(),
        ..Head::default()
    };
    let rendered = Rendered {
        items,
        discriminator: "story".to_owned(),
        ..Rendered::default()
    };
    Target::new(head, rendered)
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "demo"}, "data": data})
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn secret(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "demo"}, "stringData": {"password": value}})
}

fn foo(namespace: &str) -> Value {
    json!({"apiVersion": "story.example.com/v1", "kind": "Foo", "metadata": {"name": "f", "namespace": namespace}, "spec": {"a": 1}})
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.story.example.com"},
        "spec": {"group": "story.example.com", "scope": "Namespaced",
            "names": {"kind": "Foo", "listKind": "FooList", "plural": "foos", "singular": "foo"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties":
                    {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}})
}

fn job(name: &str, annotations: Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "demo", "annotations": annotations},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}})
}

fn first() -> Vec<RenderedItem> {
    let mut ns = item("ns", &[namespace("demo")]);
    ns.barrier = true;
    vec![
        ns,
        item(
            "app",
            &[
                config_map("cm", json!({"aa": "one", "bb": "one"})),
                config_map("left", json!({})),
                secret("first-password"),
            ],
        ),
    ]
}

fn deploy(server: &Server, target: &Target, options: &DeployOptions) -> Finished {
    let session = server.session();
    let mut yes = |_: &Finished| true;
    server
        .runtime
        .block_on(kluctl_commands::deploy(&session, target, options, &mut yes))
}

fn diff(server: &Server, target: &Target) -> CommandResult {
    let session = server.session();
    let options = DiffCommandOptions::default();
    let work = kluctl_commands::diff(&session, target, &options);
    server.runtime.block_on(work).result
}

fn refs(result: &CommandResult, is: fn(&kluctl_api::ResultObject) -> bool) -> Vec<String> {
    let selected = result.objects.iter().filter(|object| is(object));
    selected.map(|object| object.reference.to_string()).collect()
}

fn new(result: &CommandResult) -> Vec<String> {
    refs(result, |object| object.new)
}

fn changes(result: &CommandResult) -> Vec<String> {
    let changed = result.objects.iter().flat_map(|object| {
        let name = object.reference.to_string();
        object
            .changes
            .iter()
            .map(move |change| format!("{name} {} {}", change.json_path, change.unified_diff))
    });
    changed.collect()
}

fn texts(problems: &[DeploymentError]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| format!("{}: {}", problem.reference, problem.message))
        .collect()
}

/// Everything, in the order in which it happens to a target.
pub(crate) fn tell(server: &Server) {
    a_first_deploy_shows_everything_as_new_and_a_second_one_nothing(server);
    changes_are_shown_and_secrets_are_not(server);
    fields_of_others_stay_theirs(server);
    namespaces_and_kinds_may_come_in_the_same_run(server);
    hooks_run_and_failures_do_not_stop_what_comes_after(server);
    orphans_are_found_and_pruned(server);
    validation_tells_what_is_missing(server);
    results_are_stored_and_read_again(server);
    everything_can_be_deleted(server);
}

fn a_first_deploy_shows_everything_as_new_and_a_second_one_nothing(server: &Server) {
    let expected = [
        "demo/ConfigMap/cm",
        "demo/ConfigMap/left",
        "Namespace/demo",
        "demo/Secret/s",
    ];
    let target = target(first());
    let preview = diff(server, &target);
    assert_eq!(texts(&preview.errors), Vec::<String>::new());
    assert_eq!(new(&preview), expected, "a preview simulates namespaces to come");
    let result = deploy(server, &target, &DeployOptions::default()).result;
    assert_eq!(texts(&result.errors), Vec::<String>::new());
    assert_eq!(new(&result), expected);
    let again = deploy(server, &target, &DeployOptions::default()).result;
    assert_eq!(new(&again), Vec::<String>::new());
    assert_eq!(changes(&again), Vec::<String>::new());
    assert_eq!(again.rendered_objects_hash, result.rendered_objects_hash);
    assert!(!again.cluster_info.cluster_id.is_empty());
}

fn changes_are_shown_and_secrets_are_not(server: &Server) {
    let mut items = first();
    items[1].objects[0].set(&["data", "aa"], json!("two"));
    items[1].objects[2].set(&["stringData", "password"], json!("second-password"));
    let target = target(items);
    let options = DeployOptions {
        preview: true,
        want_clear: true,
        ..DeployOptions::default()
    };
    let mut previewed = Vec::new();
    let session = server.session();
    let mut yes = |preview: &Finished| {
        previewed = changes(&preview.result);
        true
    };
    let work = kluctl_commands::deploy(&session, &target, &options, &mut yes);
    let finished = server.runtime.block_on(work);
    let expected = [
        "demo/ConfigMap/cm data.aa -one\n+two",
        "demo/Secret/s data.password -***** (obfuscated)\n+***** (obfuscated)",
    ];
    assert_eq!(previewed, expected);
    assert_eq!(changes(&finished.result), expected);
    let stored = serde_json::to_string(&finished.result).unwrap();
    assert!(
        !stored.contains("second-password") && !stored.contains("c2Vjb25kLXBhc3N3b3Jk"),
        "{stored}"
    );
    let clear = serde_json::to_string(&finished.clear.unwrap()).unwrap();
    assert!(clear.contains("c2Vjb25kLXBhc3N3b3Jk"));
    // "no" leaves everything as it is
    let mut items = first();
    items[1].objects[0].set(&["data", "aa"], json!("three"));
    let target = self::target(items);
    let mut no = |_: &Finished| false;
    let work = kluctl_commands::deploy(&session, &target, &options, &mut no);
    let refused = server.runtime.block_on(work).result;
    assert_eq!(texts(&refused.errors), [": aborted"]);
    let cm = server.get(&target.items[1].objects[0]).unwrap();
    assert_eq!(cm.str_at(&["data", "aa"]), Some("two"));
}

fn fields_of_others_stay_theirs(server: &Server) {
    server.apply_as("other", &object(config_map("cm", json!({"aa": "theirs"}))));
    let target = target(first());
    let result = deploy(server, &target, &DeployOptions::default()).result;
    assert_eq!(
        texts(&result.warnings),
        [
            "demo/ConfigMap/cm: conflict with \"other\". Not updating field '.data.aa' as we lost field ownership"
        ]
    );
    let cm = &target.items[1].objects[0];
    assert_eq!(server.get(cm).unwrap().str_at(&["data", "aa"]), Some("theirs"));
    let options = DeployOptions {
        execute: ExecuteOptions {
            force_apply: true,
            ..ExecuteOptions::default()
        },
        ..DeployOptions::default()
    };
    let forced = deploy(server, &target, &options).result;
    assert_eq!(changes(&forced)[0], "demo/ConfigMap/cm data.aa -theirs\n+one");
    assert_eq!(server.get(cm).unwrap().str_at(&["data", "aa"]), Some("one"));
}

fn namespaces_and_kinds_may_come_in_the_same_run(server: &Server) {
    let hook = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hook", "namespace": "newns",
        "annotations": {"kluctl.io/hook": "pre-deploy"}}});
    let unknown =
        json!({"apiVersion": "nope.com/v1", "kind": "Bar", "metadata": {"name": "b", "namespace": "demo"}});
    let mut items = first();
    items.push(item(
        "new",
        &[foo("newns"), hook, unknown, definition(), namespace("newns")],
    ));
    let target = target(items);
    let preview = diff(server, &target);
    let expected_new = [
        "Namespace/newns",
        "CustomResourceDefinition/foos.story.example.com",
        "newns/Foo/f",
    ];
    let expected_errors =
        ["demo/Bar/b: failed to patch demo/Bar/b: no matches for kind \"Bar\" in version \"nope.com/v1\""];
    assert_eq!(new(&preview), expected_new);
    assert_eq!(texts(&preview.errors), expected_errors);
    assert_eq!(preview.warnings.len(), 1, "{:?}", preview.warnings);
    assert!(
        preview.warnings[0]
            .message
            .starts_with("the underyling custom resource definition for newns/Foo/f")
    );
    let result = deploy(server, &target, &DeployOptions::default()).result;
    assert_eq!(
        texts(&result.errors),
        expected_errors,
        "the preview says what the deploy does"
    );
    assert_eq!(new(&result), expected_new);
    assert_eq!(refs(&result, |object| object.hook), ["newns/ConfigMap/hook"]);
    assert!(server.get(&object(foo("newns"))).is_some());
}

fn hooks_run_and_failures_do_not_stop_what_comes_after(server: &Server) {
    let succeeded = json!({"kluctl.io/hook": "post-deploy", "kluctl.io/hook-delete-policy": "before-hook-creation,hook-succeeded"});
    let invalid = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad", "namespace": "demo"},
        "spec": {"ports": [{"port": 99999}]}});
    let mut items = first();
    let mut with_hook = item(
        "hooks",
        &[invalid, config_map("after", json!({})), job("hook", succeeded)],
    );
    with_hook.wait_readiness = true;
    items.push(with_hook);
    let target = target(items);
    let options = DeployOptions {
        execute: ExecuteOptions {
            no_wait: !server.has_controllers,
            readiness_timeout: Duration::from_secs(20),
            ..ExecuteOptions::default()
        },
        ..DeployOptions::default()
    };
    for _ in 0..2 {
        let result = deploy(server, &target, &options).result;
        assert_eq!(result.errors.len(), 1, "{:?}", result.errors);
        let message = &result.errors[0].message;
        assert!(
            message.starts_with("failed to patch demo/Service/bad: Service \"bad\" is invalid"),
            "{message}"
        );
        assert_eq!(refs(&result, |object| object.hook), ["demo/Job/hook"]);
        let left = server.get(&target.items[2].objects[2]).is_some();
        assert_eq!(
            left, !server.has_controllers,
            "a hook that was waited for is deleted as its policy says"
        );
    }
    assert!(server.get(&object(config_map("after", json!({})))).is_some());
}

fn orphans_are_found_and_pruned(server: &Server) {
    let mut items = first();
    items[1].objects.remove(1);
    let target = target(items);
    let preview = diff(server, &target);
    let orphans = refs(&preview, |object| object.orphan);
    assert!(orphans.contains(&"demo/ConfigMap/left".to_owned()), "{orphans:?}");
    assert!(
        orphans.contains(&"demo/ConfigMap/after".to_owned()),
        "{orphans:?}"
    );
    let session = server.session();
    let options = DeleteOptions {
        wait: server.has_controllers,
        ..DeleteOptions::default()
    };
    let mut seen = Vec::new();
    let mut yes = |doomed: &[kluctl_object::ObjectRef]| {
        seen = doomed.iter().map(ToString::to_string).collect::<Vec<_>>();
        true
    };
    let only_say = DeleteOptions {
        dry_run: true,
        ..options
    };
    let work = kluctl_commands::prune(&session, &target, &only_say, &mut yes);
    let said = refs(&server.runtime.block_on(work).result, |object| object.deleted);
    assert!(said.contains(&"demo/ConfigMap/left".to_owned()), "{said:?}");
    let left = server.get(&object(config_map("left", json!({})))).unwrap();
    assert!(
        left.at(&["metadata", "deletionTimestamp"]).is_none(),
        "a dry run deletes nothing"
    );
    let work = kluctl_commands::prune(&session, &target, &options, &mut yes);
    let result = server.runtime.block_on(work).result;
    assert_eq!(seen.first().map(String::as_str), Some("Namespace/newns"));
    assert_eq!(texts(&result.errors), Vec::<String>::new());
    let deleted = refs(&result, |object| object.deleted);
    assert!(deleted.contains(&"demo/ConfigMap/left".to_owned()), "{deleted:?}");
    assert!(
        !deleted.contains(&"newns/Foo/f".to_owned()),
        "what goes with its namespace is not listed: {deleted:?}"
    );
    assert_eq!(server.get(&object(config_map("left", json!({})))), None);
    assert!(server.get(&object(config_map("cm", json!({})))).is_some());
}

fn validation_tells_what_is_missing(server: &Server) {
    let mut items = first();
    items[1].objects.remove(1);
    let session = server.session();
    let complete = target(items.clone());
    let mut validation = Validation::default();
    let good = server
        .runtime
        .block_on(validation.round(&session, &complete))
        .result;
    assert_eq!(texts(&good.errors), Vec::<String>::new());
    assert!(good.ready);
    let missing = target(first());
    let mut validation = Validation::default();
    let bad = server
        .runtime
        .block_on(validation.round(&session, &missing))
        .result;
    assert_eq!(texts(&bad.errors), ["demo/ConfigMap/left: object not found"]);
    deploy(server, &missing, &DeployOptions::default());
    validation.forget(&bad);
    let mended = server
        .runtime
        .block_on(validation.round(&session, &missing))
        .result;
    assert_eq!(texts(&mended.errors), Vec::<String>::new());
}

fn results_are_stored_and_read_again(server: &Server) {
    let target = target(first());
    let kept = Kept {
        commands: 2,
        validations: 1,
    };
    let store = ResultStore::new(&server.cluster, "kluctl-results", kept);
    let mut last = CommandResult::default();
    let mut deleted = 0;
    for _ in 0..3 {
        last = deploy(server, &target, &DeployOptions::default()).result;
        deleted += server
            .runtime
            .block_on(store.write_command_result(&last))
            .unwrap()
            .deleted
            .len();
    }
    assert_eq!(deleted, 1);
    let summaries = server.runtime.block_on(store.list_command_results()).unwrap();
    assert_eq!(summaries.len(), 2);
    let read = server.runtime.block_on(store.command_result(&last.id)).unwrap();
    assert_eq!(read.trimmed, None);
    assert_eq!(
        serde_json::to_value(&read.result).unwrap(),
        serde_json::to_value(&last).unwrap()
    );
}

fn everything_can_be_deleted(server: &Server) {
    let target = target(first());
    let session = server.session();
    let options = DeleteOptions {
        wait: server.has_controllers,
        ..DeleteOptions::default()
    };
    let mut yes = |_: &[kluctl_object::ObjectRef]| true;
    let work = kluctl_commands::delete(&session, &target, &options, &mut yes);
    let result = server.runtime.block_on(work).result;
    assert_eq!(texts(&result.errors), Vec::<String>::new());
    let deleted = refs(&result, |object| object.deleted);
    assert_eq!(deleted[0], "Namespace/demo");
    // without a controller a deleted namespace stays, on its way out
    assert!(
        deleted.iter().all(|name| name.starts_with("Namespace/")),
        "{deleted:?}"
    );
}
