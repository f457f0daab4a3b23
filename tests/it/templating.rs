//! Which files of a project are templates, what each sees, and how their errors are shown.

use kluctl_testkit::Environment;

use crate::start::environment;

/// A project of these files, and a target without a name.
fn project(files: &[(&str, &str)]) -> Environment {
    let environment = environment();
    for (path, text) in files {
        environment.write(path, text);
    }
    environment
}

/// A ConfigMap whose data is one text.
fn config_map(name: &str, text: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  x: '{text}'\n")
}

/// The lines `x: ...` of all rendered objects.
#[track_caller]
fn data(environment: &Environment) -> Vec<String> {
    let output = environment
        .run(["render", "--offline-kubernetes", "--print-all"])
        .expect(0);
    let lines = output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  x: "));
    lines.map(|line| line.trim_matches('\'').to_owned()).collect()
}

#[test]
fn each_level_sees_its_own_variables() {
    let environment = project(&[
        (
            ".kluctl.yaml",
            "args:\n- name: replicas\n  default: 3\n- name: name\n  default: a\n",
        ),
        (
            "deployment.yaml",
            "vars:\n- values: {v: {root: 1, over: root}}\n- values: {v: {second: '{% raw %}{{ v.root + 1 }}{% endraw %}'}}\n- file: more.yaml\n- when: \
             args.replicas > 5\n  values: {v: {over: never}}\ndeployments:\n- path: one\n- path: two\n  vars: [{values: {v: {over: \
             two}}}]\n- include: sub\n- path: one\n  when: v.nope is defined\n{% for n in [args.replicas - 2] %}- path: 'many/{{ n }}'\n{% endfor %}",
        ),
        ("more.yaml", "fromfile: {{ v.second }}-{{ args.name }}\n"),
        (
            "one/a.yaml",
            &config_map(
                "one",
                "{{ v.over }} {{ v.second }} {{ fromfile }} {{ target.name | default(\"none\") }}",
            ),
        ),
        ("two/a.yaml", &config_map("two", "{{ v.over }} {{ v.root }}")),
        (
            "sub/deployment.yaml",
            "vars:\n- values: {v: {over: sub}, version: mine}\ndeployments:\n- path: item\n",
        ),
        (
            "sub/item/a.yaml",
            &config_map(
                "three",
                "{{ v.over }} {{ version.number() }} {{ get_var(\"version\") is mapping }}",
            ),
        ),
        ("many/1/a.yaml", &config_map("many", "{{ v.over }}")),
    ]);
    assert_eq!(
        data(&environment),
        ["root 2 2-a ", "two 1", "sub number() True", "root"]
    );
}

#[test]
fn a_change_in_place_stays_in_its_file() {
    let change = "{{ update_dict(v, {\"added\": 1}) }}{% set _ = v.list.append(2) %}{{ v.list }}{{ v.added is defined }}";
    let look = "{{ v.list }}{{ v.added is defined }}";
    let environment = project(&[
        (
            "deployment.yaml",
            "vars:\n- values: {v: {list: [1]}}\n- values: {w: '{% raw %}{{ update_dict(v, {\"w\": 1}) }}{{ v.w }}', u: '{{ v.w is defined }}{% endraw %}'}\ndeployments:\n- path: one\n  when: \"update_dict(v, {'when': 1}) == '' and v.when == 1\"\n- path: two\n",
        ),
        ("one/a.yaml", &config_map("a", change)),
        ("one/b.yaml", &config_map("b", look)),
        ("one/c.yaml", &config_map("c", change)),
        (
            "two/a.yaml",
            &config_map(
                "d",
                "{{ v }} {{ w }} {{ u }}"
                    .replace("{{ v }}", "{{ v | to_json | b64encode }}")
                    .as_str(),
            ),
        ),
    ]);
    assert_eq!(
        data(&environment),
        [
            "[1, 2]True",
            "[1]False",
            "[1, 2]True",
            "eyJsaXN0IjogWzFdfQ== 1 False"
        ]
    );
}

#[test]
fn files_are_found_in_the_item_then_up_to_the_root() {
    let show = "{% include \"name.txt\" %} {% include \"./name.txt\" %} {% include \"only-root.txt\" %} {% include \
                \"../beside.txt\" %} {% from \"macros.txt\" import m %}{{ m() }} {{ load_template(\"name.txt\", extra=1) }} {{ \
                load_base64(\"name.txt\") }}";
    let environment = project(&[
        (
            "deployment.yaml",
            "vars: [{values: {who: world}}]\ndeployments:\n- include: sub\n",
        ),
        ("sub/deployment.yaml", "deployments:\n- path: item\n"),
        ("name.txt", "root\n"),
        ("only-root.txt", "only-root {{ who }}\n"),
        ("macros.txt", "{% macro m() %}macro {{ who }}{% endmacro %}"),
        ("sub/name.txt", "sub\n"),
        ("sub/beside.txt", "beside\n"),
        ("sub/item/kustomization.yaml", "resources: [a.yaml]\n"),
        ("sub/item/name.txt", "item {{ extra is defined }}\n"),
        ("sub/item/a.yaml", &config_map("a", show)),
    ]);
    assert_eq!(
        data(&environment),
        [
            "item False item False only-root world beside macro world item True aXRlbSB7eyBleHRyYSBpcyBkZWZpbmVkIH19Cg=="
        ]
    );
    environment.write(
        "sub/item/a.yaml",
        &config_map("a", "{% include \"x/../name.txt\" %}"),
    );
    let output = environment.run(["render", "--offline-kubernetes"]).expect(1);
    assert!(
        output.stderr.contains("template x/../name.txt not found"),
        "{}",
        output.stderr
    );
}

#[test]
fn ignored_files_and_charts_stay_as_they_are() {
    let environment = project(&[
        (
            "deployment.yaml",
            "deployments:\n- path: item\n- path: item/deep\n",
        ),
        (
            ".templateignore",
            "*.raw.yaml\n!kept.raw.yaml\n/item/by-path.yaml\nfolder/\n",
        ),
        ("item/kustomization.yaml", "resources: []\n"),
        ("item/by-path.yaml", "{{ a }}"),
        ("item/x.raw.yaml", "{{ a }}"),
        ("item/kept.raw.yaml", "{{ 1 + 1 }}"),
        ("item/folder/x.yaml", "{{ a }}"),
        ("item/nested/.templateignore", "own.txt\n# a comment\n"),
        ("item/nested/own.txt", "{{ a }}"),
        ("item/own.txt", "{{ 2 + 2 }}"),
        ("item/chart/Chart.yaml", "name: {{ a }}\n"),
        ("item/chart/templates/a.yaml", "{{ .Values.a }}"),
        ("item/no-brace.txt", "text\r\n\n"),
        ("item/brace.txt", "{\r\ntext\r\n\n"),
        ("item/deep/kustomization.yaml", "resources: []\n"),
        ("item/deep/by-path.yaml", "{{ 3 + 3 }}"),
    ]);
    environment
        .run(["render", "--offline-kubernetes", "--render-output-dir", "out"])
        .expect(0)
        .stdout
        .clear();
    let read =
        |path: &str| std::fs::read_to_string(environment.work().join("out/0/item").join(path)).unwrap();
    for (path, expected) in [
        ("by-path.yaml", "{{ a }}"),
        ("x.raw.yaml", "{{ a }}"),
        ("kept.raw.yaml", "2"),
        ("folder/x.yaml", "{{ a }}"),
        ("nested/own.txt", "{{ a }}"),
        ("own.txt", "4"),
        ("chart/Chart.yaml", "name: {{ a }}\n"),
        ("chart/templates/a.yaml", "{{ .Values.a }}"),
        ("no-brace.txt", "text\r\n\n"),
        ("brace.txt", "{\ntext\n"),
        ("deep/by-path.yaml", "6"),
    ] {
        assert_eq!(read(path), expected, "{path}");
    }
}

#[test]
fn all_files_in_error_are_shown_once_each() {
    let environment = project(&[
        (
            "deployment.yaml",
            "vars: [{values: {replicas: 3}}]\ndeployments:\n- path: one\n- path: two\n",
        ),
        (
            "macros.txt",
            "{% macro twice(n) %}\n{{ n * 2 + missing }}\n{% endmacro %}\n",
        ),
        ("one/a.yaml", "a: {{ replcas }}\n"),
        ("one/b.yaml", "a: 1\nb: {% if %}\n"),
        (
            "one/c.yaml",
            "a:\n  {% from 'macros.txt' import twice %}\n  b: {{ twice(1) }}\n",
        ),
        ("two/d.yaml", "{% include 'part.txt' %}\n"),
        ("two/part.txt", "x\n{{ 1 // 0 }}\n"),
        ("two/fine.yaml", "{{ replicas }}\n"),
    ]);
    let output = environment.run(["render", "--offline-kubernetes"]).expect(1);
    let text = output.stderr.replace(
        &environment.work().canonicalize().unwrap().display().to_string(),
        "",
    );
    for (part, times) in [
        (
            "UndefinedError: 'replcas' is undefined\n  --> /one/a.yaml:1:7\n   |\n 1 | a: {{ replcas }}\n   |       ^\n",
            1,
        ),
        ("= help: did you mean `replicas`?", 1),
        (
            "TemplateSyntaxError: Expected an expression, got 'end of statement block'\n  --> /one/b.yaml:2:10\n",
            1,
        ),
        ("'missing' is undefined\n  --> /macros.txt:2:12\n", 1),
        ("  from /one/c.yaml:3:9", 1),
        (
            "ZeroDivisionError: division by zero\n  --> /two/part.txt:2:6\n",
            1,
        ),
        ("  from /two/d.yaml:1:12", 1),
    ] {
        assert_eq!(text.matches(part).count(), times, "{part}\n{text}");
    }
}

#[test]
fn conditions_say_what_they_are_and_where() {
    let environment = project(&[("deployment.yaml", "deployments:\n- path: one\n  when: no.such\n")]);
    let output = environment.run(["render", "--offline-kubernetes"]).expect(1);
    for part in [
        "unable to render conditional 'no.such'",
        "'no' is undefined",
        "deployment.yaml:3",
    ] {
        assert!(
            output.stderr.contains(part),
            "{part} is missing:\n{}",
            output.stderr
        );
    }
}

#[test]
fn templates_that_do_not_end_are_stopped() {
    let environment = project(&[
        ("deployment.yaml", "deployments:\n- path: one\n"),
        ("one/kustomization.yaml", "{}\n"),
    ]);
    for (text, message) in [
        (
            "{% for i in range(10 ** 15) %}{% endfor %}",
            "is there a loop that does not end?",
        ),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "maximum recursion depth exceeded",
        ),
        ("{% include 'a.txt' %}", "maximum recursion depth exceeded"),
        ("{{ load_template('a.txt') }}", "maximum recursion depth exceeded"),
        (
            "{% set x = [['a'] * 1000] * 1000 %}{% set y = (x * 1000) * 1000 %}{{ y }}",
            "bytes",
        ),
        ("{{ 'a' * (10 ** 12) }}", "bytes"),
        ("{{ 10 ** (10 ** 9) }}", ""),
    ] {
        environment.write("one/a.txt", text);
        let output = environment.run(["render", "--offline-kubernetes"]).expect(1);
        assert!(output.stderr.contains(message), "{text}\n{}", output.stderr);
        assert!(output.stderr.contains("one/a.txt:1"), "{text}\n{}", output.stderr);
        if message.contains("loop") {
            continue; // takes long
        }
        let output = environment
            .run(["template", "--offline-kubernetes", "one/a.txt"])
            .expect(1);
        assert!(output.stderr.contains(message), "{text}\n{}", output.stderr);
    }
}
