use serde_json::json;

use super::*;

#[test]
fn places_print_as_kluctl_prints_them() {
    let cases: [(Vec<Key>, &str); 8] = [
        (vec!["data".into(), "a".into()], r#"data["a"]"#),
        (vec!["data".into(), "password".into()], "data.password"),
        (
            vec!["spec".into(), "ports".into(), 0.into(), "name".into()],
            "spec.ports[0].name",
        ),
        (vec!["x".into(), "yy".into()], r#"$["x"].yy"#),
        (
            vec!["metadata".into(), "annotations".into(), "a.b/c".into()],
            r#"metadata.annotations["a.b/c"]"#,
        ),
        (vec!["aa".into(), "q\"q".into()], r#"aa['q"q']"#),
        (vec!["_a1".into(), "1a".into()], r#"_a1["1a"]"#),
        (vec![], ""),
    ];
    for (keys, expected) in cases {
        assert_eq!(KeyPath(keys).to_string(), expected);
    }
}

#[test]
fn paths_locate() {
    let object = json!({
        "items": [
            {"name": "a", "value": 1, "tags": ["x", "y"]},
            {"name": "b", "value": 2, "on": false},
            {"name": "c", "value": 3, "on": true}
        ],
        "data": {"a.b": "1", "cc": {"name": "deep"}}
    });
    let cases = [
        ("data['a.b']", vec![r#"data["a.b"]"#]),
        (r#"$.data["a.b"]"#, vec![r#"data["a.b"]"#]),
        ("items[0].name", vec!["items[0].name"]),
        ("items[-1].name", vec!["items[2].name"]),
        (
            "items[*].name",
            vec!["items[0].name", "items[1].name", "items[2].name"],
        ),
        ("items.*.on", vec!["items[1].on", "items[2].on"]),
        ("items[1:].name", vec!["items[1].name", "items[2].name"]),
        ("items[::-2].name", vec!["items[2].name", "items[0].name"]),
        ("items[0,2].value", vec!["items[0].value", "items[2].value"]),
        ("data['cc','zz']", vec!["data.cc"]),
        ("items[?(@.name == 'b')].value", vec!["items[1].value"]),
        ("items[?@.value >= 2 && @.value != 3].name", vec!["items[1].name"]),
        ("items[?(@.on)].name", vec!["items[2].name"]),
        ("items[?(!(@.on has true))].name", vec!["items[0].name"]),
        (
            "items[?(@.name =~ /^[ac]$/)].value",
            vec!["items[0].value", "items[2].value"],
        ),
        (
            "items[?(@.name in ['a','b'])].value",
            vec!["items[0].value", "items[1].value"],
        ),
        ("items[?(@.tags empty false)].name", vec!["items[0].name"]),
        (
            "items[?(@.value == 1 || @.name == 'c')].name",
            vec!["items[0].name", "items[2].name"],
        ),
        (
            "..name",
            vec!["data.cc.name", "items[0].name", "items[1].name", "items[2].name"],
        ),
        ("nothing.here", vec![]),
        ("items.name", vec![]),
    ];
    for (text, expected) in cases {
        let path = JsonPath::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<String> = path.locate(&object).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
        for place in path.locate(&object) {
            assert!(place.get(&object).is_some());
        }
        assert_eq!(path.get(&object).len(), found.len());
    }
}

#[test]
fn wrong_paths_are_refused_where_they_are_wrong() {
    for (text, position) in [
        ("", 1),
        ("a.", 3),
        ("a[", 3),
        ("a['b", 5),
        ("a[x]", 3),
        ("a[1", 4),
        ("a[?(@.b ~~ 1)]", 9),
        ("a[::0]", 6),
        ("a]", 2),
        ("a[?(@.b =~ /(/)]", 15),
    ] {
        match JsonPath::parse(text) {
            Ok(path) => panic!("`{text}` parses as {path:?}"),
            Err(error) => assert_eq!(error.position, position, "{text}: {error}"),
        }
    }
}

#[test]
fn setting_makes_what_is_missing() {
    let set = |text: &str, mut root: Value, new: Value| {
        let path = JsonPath::parse(text).unwrap();
        let result = path.set(&mut root, &new);
        (root, result.map_err(|error| error.to_string()))
    };
    assert_eq!(
        set("a1.b1[1].c1", json!({}), json!(5)),
        (json!({"a1": {"b1": [null, {"c1": 5}]}}), Ok(1))
    );
    assert_eq!(
        set("a1[*].x1", json!({"a1": [{}, {"x1": 2}, {"x1": 3}]}), json!(0)),
        (json!({"a1": [{}, {"x1": 0}, {"x1": 0}]}), Ok(2))
    );
    let (_, result) = set("a1.b1", json!({"a1": 3}), json!(5));
    let (_, endless) = set("a1[99999999999]", json!({}), json!(5));
    assert_eq!(
        endless,
        Err("expected a longer list at `a1`, found a list".to_owned())
    );
    assert_eq!(result, Err("expected a map at `a1`, found a number".to_owned()));
}

#[test]
fn removing_keeps_the_others_right() {
    let mut root = json!({"a1": [1, 2, 3, 4], "b1": {"x": 1, "y": 2}});
    let path = |text| JsonPath::parse(text).unwrap();
    assert_eq!(path("a1[0,1,3]").remove(&mut root), 3);
    assert_eq!(path("b1.x").remove(&mut root), 1);
    assert_eq!(path("b1.x").remove(&mut root), 0);
    assert_eq!(root, json!({"a1": [3], "b1": {"y": 2}}));
}
