//! `kluctl template`: one file as the project sees it, or with variables of one's own.

use kluctl_testkit::{Environment, git};

use crate::start::environment;

/// A project with items, an include, a file of variables, ignored files and a chart.
fn project() -> Environment {
    let environment = environment();
    for (path, text) in [
        (
            ".kluctl.yaml",
            "targets:\n- name: dev\n  args: {env: dev}\n- name: prod\n  args: {env: prod}\nargs:\n- name: env\n- name: region\n  default: eu\n",
        ),
        (
            "deployment.yaml",
            "vars:\n- values: {level: root, who: '{{ args.env }}'}\n- file: vars.yaml\ndeployments:\n- path: app\n  vars: \
             [{values: {mine: first}}]\n- include: sub\n- path: raw\n- path: out\n  when: args.env == 'prod'\n- path: app\n  \
             tags: [second]\n  vars: [{values: {mine: second}}]\n",
        ),
        ("vars.yaml", "whole: '{{ who }}-{{ args.region }}'\n"),
        (
            "app/a.yaml",
            "{{ mine }} {{ level }} {{ whole }} {% include 'part.txt' %} {% include './deep/x.txt' %}\n",
        ),
        ("app/part.txt", "[{{ mine }}]\n"),
        ("app/deep/x.txt", "<{{ level }}>\n"),
        (
            "sub/deployment.yaml",
            "vars:\n- values: {level: sub, above: '{{ level }}'}\ndeployments:\n- path: item\n# {{ level }}\n",
        ),
        (
            "sub/item/b.yaml",
            "{{ level }} {{ above }} {% include 'shared/s.txt' %}\n",
        ),
        ("shared/s.txt", "S-{{ level }}\n"),
        ("raw/.templateignore", "*.tpl\n"),
        ("raw/a.tpl", "{{ nobody }}\n"),
        ("raw/chart/Chart.yaml", "name: c\n"),
        ("raw/chart/templates/t.yaml", "{{ .Values.x }}\n"),
        ("raw/plain", "no brace\r\n"),
        ("out/c.yaml", "{{ args.env }}\n"),
    ] {
        environment.write(path, text);
    }
    environment
}

#[track_caller]
fn shows(environment: &Environment, arguments: &[&str], expected: &str) {
    let head = ["template", "--offline-kubernetes"];
    let output = environment.run(head.iter().chain(arguments)).expect(0);
    assert_eq!(output.stdout, expected, "{arguments:?}\n{}", output.stderr);
}

#[test]
fn a_file_is_shown_as_its_item_sees_it() {
    let environment = project();
    for (path, expected) in [
        ("app/a.yaml", "first root dev-eu [first] <root>"),
        ("app/part.txt", "[first]"),
        ("sub/item/b.yaml", "sub root S-sub"),
        ("vars.yaml", "whole: 'dev-eu'"),
        ("raw/a.tpl", "{{ nobody }}\n"),
        ("raw/chart/templates/t.yaml", "{{ .Values.x }}\n"),
        ("raw/plain", "no brace\r\n"),
        (
            "sub/deployment.yaml",
            "vars:\n- values: {level: sub, above: 'root'}\ndeployments:\n- path: item\n# root",
        ),
    ] {
        shows(&environment, &["-t", "dev", path], expected);
    }
    shows(
        &environment,
        &["-t", "prod", "-a", "region=us", "out/c.yaml"],
        "prod",
    );
    shows(
        &environment,
        &["-t", "dev", "-a", "region=us", "-I", "second", "app/a.yaml"],
        "second root dev-us [second] <root>",
    );
}

#[test]
fn what_nobody_renders_is_shown_with_the_nearest_projects_variables() {
    let environment = project();
    let output = environment
        .run(["template", "--offline-kubernetes", "-t", "dev", "shared/s.txt"])
        .expect(0);
    assert_eq!(output.stdout, "S-root");
    assert!(
        output.stderr.contains("s.txt is rendered by no item"),
        "{}",
        output.stderr
    );
    let output = environment
        .run(["template", "--offline-kubernetes", "-t", "dev", "out/c.yaml"])
        .expect(0);
    assert_eq!(output.stdout, "dev");
    assert!(
        output.stderr.contains("is rendered by no item"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_text_and_a_tree_see_the_project_too() {
    let environment = project();
    let arguments = ["template", "--offline-kubernetes", "-t", "dev"];
    let text = environment.run_with_input(
        arguments.iter().chain(&["-"]),
        "{{ whole }} {% include 'shared/s.txt' %}\n",
    );
    assert_eq!(text.expect(0).stdout, "dev-eu S-root");
    let tree = environment.run_with_input(
        arguments.iter().chain(&["--mode", "struct", "-"]),
        "a: ['{{ level }}', 1]\n",
    );
    assert_eq!(
        tree.expect(0).stdout,
        "{\n  \"a\": [\n    \"root\",\n    1\n  ]\n}\n"
    );
    shows(
        &environment,
        &["-t", "dev", "--mode", "string", "sub/item/b.yaml"],
        "sub root S-sub",
    );
}

#[test]
fn errors_name_the_file_and_the_rest_of_the_project_does_not_matter() {
    let environment = project();
    environment.write("app/part.txt", "one\n{{ mein }}\n");
    environment.write("sub/deployment.yaml", "deployments: {{ nothing }}\n");
    let output = environment
        .run(["template", "--offline-kubernetes", "-t", "dev", "app/a.yaml"])
        .expect(1);
    assert_eq!(output.stdout, "");
    for part in [
        "'mein' is undefined",
        "app/part.txt:2:4\n   |\n 2 | {{ mein }}\n   |    ^",
        "from ",
        "app/a.yaml:1:47",
        "did you mean `mine`?",
    ] {
        assert!(
            output.stderr.contains(part),
            "{part} is missing:\n{}",
            output.stderr
        );
    }
    shows(&environment, &["-t", "dev", "vars.yaml"], "whole: 'dev-eu'");
    let output = environment
        .run(["template", "--offline-kubernetes", "-t", "dev", "sub/item/b.yaml"])
        .expect(1);
    assert!(
        output.stderr.contains("'nothing' is undefined"),
        "{}",
        output.stderr
    );
    let output = environment
        .run(["template", "--offline-kubernetes", "-t", "dev", "missing.yaml"])
        .expect(1);
    assert!(
        output.stderr.contains("there is no such file"),
        "{}",
        output.stderr
    );
}

#[test]
fn variables_of_ones_own_need_no_project() {
    let environment = environment();
    environment.write("one.yaml", "a: {b: 1, c: 2}\n");
    environment.write("two.json", "{\"a\": {\"c\": 3}, \"d\": 1.0}");
    environment.write("x/t.txt", "{{ a }} {{ d }} {% include './u.txt' %}\n");
    environment.write("x/u.txt", "u\n");
    let arguments = [
        "template",
        "--vars",
        "one.yaml",
        "--vars",
        "two.json",
        "--search-dir",
        "x",
        "x/t.txt",
    ];
    let output = environment.run(arguments).expect(0);
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("{'b': 1, 'c': 3} 1 u", "")
    );
    let output = environment.run(["template", "x/t.txt"]).expect(1);
    assert!(
        output.stderr.contains("there is no project here"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_latest_commit_of_a_file_is_known() {
    let environment = project();
    let ask = |environment: &Environment, path: &str| {
        let text = format!("{{{{ load_latest_git_commit('{path}') }}}}");
        let arguments = ["template", "--offline-kubernetes", "-t", "dev", "-"];
        environment.run_with_input(arguments, &text)
    };
    let refused = ask(&environment, "app/a.yaml").expect(1);
    assert!(
        refused.stderr.contains("No git repository was found at"),
        "{}",
        refused.stderr
    );
    git(&environment.work(), &["init", "-q", "-b", "main"]);
    let commit = |message: &str| {
        git(&environment.work(), &["add", "-A"]);
        git(&environment.work(), &["commit", "-q", "-m", message]);
        git(&environment.work(), &["rev-parse", "HEAD"])
    };
    let first = commit("first");
    git(&environment.work(), &["checkout", "-q", "-b", "side"]);
    environment.write("app/part.txt", "changed\n");
    let second = commit("second");
    git(&environment.work(), &["checkout", "-q", "main"]);
    environment.write("raw/plain", "changed\n");
    let third = commit("third");
    git(&environment.work(), &["merge", "-q", "-m", "merge", "side"]);
    environment.write("new.txt", "not committed\n");
    for (path, expected) in [
        ("app/a.yaml", &first),
        ("app/part.txt", &second),
        ("raw/plain", &third),
        ("raw/../raw/plain", &String::new()),
        ("new.txt", &String::new()),
        ("missing", &String::new()),
    ] {
        let output = ask(&environment, path);
        if expected.is_empty() {
            let output = output.expect(1);
            let wanted = match path {
                "new.txt" => "No commits found for path: new.txt",
                path => path,
            };
            assert!(output.stderr.contains(wanted), "{path}: {}", output.stderr);
        } else {
            assert_eq!(&output.expect(0).stdout, expected, "{path}");
        }
    }
}
