//! Variables that live in the cluster, on both servers. What is expected is what Kluctl 2.28.2 gives for the same files,
//! but for the two places that say otherwise.

use kluctl_testkit::Environment;

use crate::servers::Bare;
use crate::start::environment;

const OBJECTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: src}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: src, labels: {pick: me, app: x}}
data:
  vars: "cm: {a: 1, r: '{% raw %}{{ base }}{% endraw %}'}\n"
  list: "[1, 2]"
  text: "hello"
  multi: "a: 1\n---\na: '{% raw %}{{ base }}{% endraw %}'\n"
binaryData: {b: aGVsbG86IDE=}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, namespace: src, labels: {app: x}}
data: {vars: "n: 2"}
---
apiVersion: v1
kind: Secret
metadata: {name: sec, namespace: src, labels: {s: t}}
stringData: {vars: "sec: {pw: verysecretvalue, r: '{% raw %}{{ base }}{% endraw %}'}", plain: justtext}
"#;

const VARS: &str = "
vars:
- values: {base: BASE}
- clusterConfigMap: {name: one, namespace: src, key: vars}
- clusterConfigMap: {labels: {pick: me}, namespace: \"{{ 'src' }}\", key: text, targetPath: old}
- clusterConfigMap: {name: one, namespace: src, key: list}
  targetPath: l
- clusterConfigMap: {name: one, namespace: src, key: multi}
  multidoc: true
  targetPath: m
- clusterConfigMap: {name: nope, namespace: src, key: vars}
  ignoreMissing: true
- clusterConfigMap: {name: one, namespace: src, key: nope}
  ignoreMissing: true
  targetPath: im
- clusterSecret: {name: sec, namespace: src, key: vars}
- clusterSecret: {labels: {s: t}, namespace: src, key: plain}
  targetPath: sp
- clusterObject: {kind: ConfigMap, namespace: src, name: one, path: data.text}
  targetPath: co1
- clusterObject: {kind: ConfigMap, apiVersion: v1, namespace: src, name: one, path: data.vars, render: true, parseYaml: true}
  targetPath: co2
- clusterObject: {kind: ConfigMap, namespace: src, labels: {app: x}, list: true, path: metadata.name}
  targetPath: co3
- clusterObject: {kind: ConfigMap, namespace: src, name: nope, path: data}
  targetPath: co4
  ignoreMissing: true
- clusterObject: {kind: ConfigMap, namespace: src, name: one, path: metadata.labels}
  targetPath: co5
deployments:
- path: app
";

const SHOW: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: out, namespace: default}
data:
  all: |
    {{ [cm, old, l, m, im | default('-'), sec, sp, co1, co2, co3, co4 | default('-'), co5.pick] | to_json }}
";

/// A source, and words of the error that it gives.
const WRONG: [(&str, &str); 9] = [
    (
        "clusterConfigMap: {name: nope, namespace: src, key: vars}",
        "nope",
    ),
    (
        "clusterConfigMap: {name: one, namespace: src, key: nope}",
        "key nope not found in src/ConfigMap/one on cluster",
    ),
    (
        "clusterConfigMap: {labels: {app: x}, namespace: src, key: vars}",
        "found more than one objects with labels",
    ),
    (
        "clusterConfigMap: {labels: {app: none}, namespace: src, key: vars}",
        "not found",
    ),
    (
        "clusterConfigMap: {name: one, namespace: src, key: text}",
        "'targetPath' is required for this variable source",
    ),
    (
        "clusterConfigMap: {name: one, namespace: src, key: b}",
        "key b not found in src/ConfigMap/one on cluster",
    ),
    (
        "clusterSecret: {name: sec, namespace: src, key: plain}",
        "'targetPath' is required for this variable source",
    ),
    (
        "{clusterObject: {kind: ConfigMap, namespace: src, name: one, path: data.nope}, targetPath: x}",
        "json path not found",
    ),
    (
        "{clusterObject: {kind: ConfigMap, namespace: src, name: one, path: 'data.*'}, targetPath: x}",
        "json path resulted in multiple matches",
    ),
];

fn render(environment: &Environment) -> kluctl_testkit::Output {
    environment.run(["render", "--print-all", "--project-dir", "read"])
}

#[test]
fn every_kind_of_variable_in_the_cluster() {
    Bare::each(|server| {
        let mut environment = environment();
        environment.set("KUBECONFIG", server.kubeconfig());
        environment.write("seed/deployment.yaml", "deployments: [{path: app}]\n");
        environment.write("seed/app/objects.yaml", OBJECTS);
        let deploy = ["deploy", "--yes", "--no-wait", "--project-dir", "seed"];
        let _ = environment.run(deploy).expect(0);
        environment.write("read/deployment.yaml", VARS);
        environment.write("read/app/out.yaml", SHOW);
        let output = render(&environment).expect(0);
        let all = output.stdout.replace("\n    ", " ");
        // Upstream leaves the second document of `m` unrendered, and puts `{}` in the place of `co4`.
        let expected = r#"[{"a": 1, "r": "BASE"}, "hello", [1, 2], [{"a": 1}, {"a": "BASE"}], "-", {"pw": "verysecretvalue", "r": "BASE"}, "justtext", "hello", {"cm": {"a": 1, "r": "BASE"}}, ["one", "two"], "-", "me"]"#;
        assert!(all.contains(expected), "{}", output.stdout);
        for (source, expected) in WRONG {
            environment.write("read/deployment.yaml", &format!("vars:\n- {source}\n"));
            let output = render(&environment).expect(1);
            assert!(output.stderr.contains(expected), "{source}\n{}", output.stderr);
            assert!(
                output.stderr.contains("read/deployment.yaml:2"),
                "{source}\n{}",
                output.stderr
            );
        }
        let missing =
            "vars:\n- clusterObject: {kind: Nope, namespace: src, name: one, path: data}\n  targetPath: x\n";
        environment.write("read/deployment.yaml", missing);
        let output = render(&environment).expect(1);
        assert!(output.stderr.contains("Nope"), "{}", output.stderr);
    });
}
