//! What the engine promises beyond the text: isolation, limits, errors a person can follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, ErrorKind, Host, Limits, Loader, Renderer};
use serde_json::{Value, json};

struct Files(BTreeMap<&'static str, &'static str>);

impl Loader for Files {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        self.0
            .get(path.as_str())
            .map(|text| Bytes::from_static(text.as_bytes()))
    }
}

fn renderer(context: &Value) -> Renderer {
    Engine::default().renderer(&Context::from_value(context))
}

fn with_files(files: &[(&'static str, &'static str)]) -> Renderer {
    renderer(&json!({ "replicas": 3, "db": { "password": "x" } }))
        .with_loader(Arc::new(Files(files.iter().copied().collect())))
        .with_search_dirs([Utf8PathBuf::from("/p")])
}

#[test]
fn a_change_made_in_place_stays_in_its_file() {
    let renderer = renderer(&json!({ "d": { "a": 1, "l": [1] } }));
    let change =
        "{% set _ = d.update({'b': 2}) %}{% set _ = d.l.append(2) %}{% set same = d.l %}{{ same }}{{ d }}";
    assert_eq!(
        renderer.render_string(change).unwrap(),
        "[1, 2]{'a': 1, 'l': [1, 2], 'b': 2}"
    );
    assert_eq!(renderer.render_string("{{ d }}").unwrap(), "{'a': 1, 'l': [1]}");
    let tree = json!(["{{ update_dict(d, {'b': 2}) }}", "{{ d }}"]);
    assert_eq!(
        renderer.render_struct(&tree).unwrap(),
        json!(["", "{'a': 1, 'l': [1]}"])
    );
}

#[test]
fn text_without_a_brace_is_returned_as_it_is() {
    let renderer = renderer(&json!({}));
    assert_eq!(renderer.render_string("a\r\nb\n").unwrap(), "a\r\nb\n");
    assert_eq!(renderer.render_string("a\r\n{# #}b\n").unwrap(), "a\nb");
}

#[test]
fn conditions() {
    let renderer = renderer(&json!({ "args": { "on": true, "n": 0 } }));
    for (expression, expected) in [
        ("", true),
        ("args.on", true),
        ("args.n", false),
        ("args.on and not args.n", true),
    ] {
        assert_eq!(
            renderer.eval_condition(expression).unwrap(),
            expected,
            "{expression}"
        );
    }
    assert_eq!(
        renderer.eval_condition("args.nope").unwrap_err().kind(),
        ErrorKind::UNDEFINED
    );
}

#[track_caller]
fn check_error(renderer: &Renderer, path: &str, expected: &str) {
    let error = renderer.render_file(Utf8Path::new(path)).unwrap_err();
    assert_eq!(error.to_string(), expected.trim_matches('\n'), "\n{error}");
}

#[test]
fn an_undefined_name_has_its_place_and_the_nearest_names() {
    let renderer = with_files(&[("/p/a.yaml", "kind: X\nspec:\n  replicas: {{ replcias }}\n")]);
    let expected = r"
UndefinedError: 'replcias' is undefined
  --> /p/a.yaml:3:16
   |
 3 |   replicas: {{ replcias }}
   |                ^
  = help: did you mean `replicas`?
";
    check_error(&renderer, "/p/a.yaml", expected);
}

#[test]
fn an_error_names_the_whole_chain() {
    let renderer = with_files(&[
        ("/p/a.yaml", "a\n{% include 'lib/b.yaml' %}\n"),
        (
            "/p/lib/b.yaml",
            "{% from './m.j2' import secret %}\n\n{{ secret() }}\n",
        ),
        (
            "/p/lib/m.j2",
            "{% macro secret() %}\n  {{ db.pasword }}\n{% endmacro %}\n",
        ),
    ]);
    let expected = r"
UndefinedError: 'dict object' has no attribute 'pasword'
  --> /p/lib/m.j2:2:9 in macro 'secret'
   |
 2 |   {{ db.pasword }}
   |         ^
  = help: did you mean `password`?
  from /p/lib/b.yaml:3:4
  from /p/a.yaml:2:12
";
    check_error(&renderer, "/p/a.yaml", expected);
}

#[test]
fn a_syntax_error_has_its_place() {
    let renderer = with_files(&[("/p/a.yaml", "a: 1\nb: {{ 1 + }}\n")]);
    let expected = r"
TemplateSyntaxError: unexpected 'end of print statement'
  --> /p/a.yaml:2:11
   |
 2 | b: {{ 1 + }}
   |           ^
";
    check_error(&renderer, "/p/a.yaml", expected);
}

#[test]
fn every_string_of_a_tree_that_fails_is_reported() {
    let errors = renderer(&json!({}))
        .render_struct(&json!({ "a": "{{ x }}", "b": ["{{ y }}", "{{ 1 }}"] }))
        .unwrap_err();
    let messages: Vec<_> = errors.iter().map(|error| error.message().to_owned()).collect();
    assert_eq!(messages, ["'x' is undefined", "'y' is undefined"]);
}

#[test]
fn nothing_runs_for_ever() {
    let limits = Limits {
        steps: 100_000,
        memory: 1 << 20,
        ..Limits::default()
    };
    let renderer = Engine::new(limits).renderer(&Context::default());
    for (template, kind) in [
        ("{% for x in range(10**12) %}{% endfor %}", ErrorKind::LIMIT),
        (
            "{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}",
            ErrorKind::LIMIT,
        ),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            ErrorKind::RECURSION,
        ),
        (
            "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            ErrorKind::RECURSION,
        ),
        ("{{ 'x' * 10**9 }}", ErrorKind::MEMORY),
        ("{{ [1] * 10**9 }}", ErrorKind::MEMORY),
        ("{{ '%999999999d' % 1 }}", ErrorKind::MEMORY),
        ("{{ '%*d' % (-(10**30), 1) }}", ErrorKind::MEMORY),
        ("{{ 10 ** 100000000 }}", ErrorKind::MEMORY),
        ("{{ range(10**10) | list }}", ErrorKind::MEMORY),
        ("{{ [1] | batch(10**10, 2) | list }}", ErrorKind::MEMORY),
        ("{{ '\t'.expandtabs(10**10) }}", ErrorKind::MEMORY),
        ("{{ lipsum(n=10**9, min=99, max=100) }}", ErrorKind::MEMORY),
        (
            "{% set l = [] %}{% for x in range(10**10) %}{% set _ = l.append('x' * 100) %}{% endfor %}",
            ErrorKind::MEMORY,
        ),
        (
            "{% set t = '{{ render(t) }}' %}{{ render(t) }}",
            ErrorKind::RECURSION,
        ),
    ] {
        let error = renderer.render_string(template).unwrap_err();
        assert_eq!(error.kind(), kind, "{template}: {error}");
    }
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(
        renderer.render_string(&nested).unwrap_err().kind(),
        ErrorKind::SYNTAX
    );
}

#[test]
fn files_that_include_themselves_end() {
    let renderer = with_files(&[("/p/a", "{% include 'a' %}")]);
    assert_eq!(
        renderer.render_file(Utf8Path::new("/p/a")).unwrap_err().kind(),
        ErrorKind::RECURSION
    );
}

#[derive(Default)]
struct Desk(Mutex<Vec<String>>);

impl Host for Desk {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }

    fn latest_git_commit(&self, path: &Utf8Path) -> Result<Option<String>, String> {
        Ok(Some(format!("0123456789abcdef of {path}")))
    }

    fn debug_print(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[test]
fn the_world_is_handed_in() {
    let desk = Arc::new(Desk::default());
    let renderer = with_files(&[("/p/f", "{")]).with_host(desk.clone());
    for (template, expected) in [
        ("{{ time.now() }}", "1970-01-01T00:00:00"),
        ("{{ time.utcnow() + time.hour * 2 }}", "1970-01-01T02:00:00"),
        ("{{ load_latest_git_commit('f', 4) }}", "0123"),
        ("{{ load_base64('f') }}", "ew=="),
        ("{{ debug_print({'a': 1}) }}", ""),
    ] {
        assert_eq!(renderer.render_string(template).unwrap(), expected, "{template}");
    }
    assert_eq!(*desk.0.lock().unwrap(), ["{'a': 1}"]);
}

#[test]
fn one_renderer_serves_many_threads() {
    let renderer = renderer(&json!({ "l": [3, 1, 2] }));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(
                        renderer.render_string("{% set _ = l.sort() %}{{ l }}").unwrap(),
                        "[1, 2, 3]"
                    );
                }
            });
        }
    });
}
