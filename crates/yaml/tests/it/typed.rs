//! Typed decoding: what Go's decoder accepts, and errors with their place.

use std::collections::BTreeMap;

use kluctl_yaml::decode;
use serde::Deserialize;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Project {
    name: String,
    targets: Vec<Target>,
    labels: BTreeMap<String, String>,
    weight: i64,
    when: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Target {
    name: String,
    context: Option<String>,
}

#[test]
fn values_become_what_go_makes_of_them() {
    let project: Project = decode(
        "p.yaml",
        "Name: 12\nweight: 1e3\nlabels: {a: true, 1: 1.5}\ntargets:\n- &t {name: x}\n- <<: *t\n  context: z\nwhen:\n",
    )
    .unwrap();
    assert_eq!(project.name, "12");
    assert_eq!(project.weight, 1000);
    assert_eq!(project.labels["a"], "true");
    assert_eq!(project.labels["1"], "1.5");
    assert_eq!(project.targets[1].name, "x");
    assert_eq!(project.targets[1].context.as_deref(), Some("z"));
    assert_eq!(project.when, None);
}

#[test]
fn an_empty_document_is_the_default() {
    for text in ["", "# nothing\n", "---\n", "null\n"] {
        assert_eq!(decode::<Project>("p.yaml", text).unwrap(), Project::default());
    }
}

#[test]
fn errors_have_place_path_and_hint() {
    let error = decode::<Project>("p.yaml", "targets:\n- name: a\n- name: b\n  contxt: c\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "p.yaml:4:3: targets[1]: json: unknown field \"contxt\""
    );
    assert_eq!(error.unknown_field(), Some("contxt"));
    assert_eq!(
        error.excerpt().unwrap(),
        "  |\n4 |   contxt: c\n  |   ^ did you mean \"context\"?"
    );
    let error = decode::<Project>("p.yaml", "weight: heavy\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "p.yaml:1:9: weight: expected i64, found the text \"heavy\""
    );
    let error = decode::<Project>("p.yaml", "name: a\nname: b\n").unwrap_err();
    assert_eq!((error.line(), error.column()), (2, 1));
    assert!(
        error.message().contains("key \"name\" already set in map"),
        "{error}"
    );
}
