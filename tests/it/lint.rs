//! `kluctl lint`: what is wrong with a project, found without a cluster, with file and line.

use kluctl_testkit::{Environment, Output, git};

use crate::preview::commit;
use crate::start::environment;

const TARGETS: &str = "discriminator: lint-{{ target.name }}\ntargets:\n- name: dev\n- name: prod\n";

/// One mistake of each kind: in plain files, in a template, behind a kustomization and in a chart.
const FILES: &[(&str, &str)] = &[
    (".kluctl.yaml", TARGETS),
    (
        "deployment.yaml",
        "deployments:\n- path: base\n- path: app\n- path: chart\n- path: patched\n",
    ),
    (
        "base/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n",
    ),
    (
        "base/widgets.yaml",
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, maximum: 5}
              mode: {type: string, enum: [slow, fast], default: slow}
            x-kubernetes-validations:
            - rule: \"self.mode == 'slow' || self.size < 4\"
              message: fast widgets are smaller than 4
",
    ),
    (
        "app/web.yaml",
        "{% set labels = {'app': 'web'} %}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replica: 3
  selector:
    matchLabels: {{ labels }}
  template:
    metadata:
      labels: {{ labels }}
    spec:
{% if target.name == 'prod' %}
      terminationGracePeriodSeconds: \"30\"
{% endif %}
      containers:
      - name: web
        image: web
        ports:
        - protocol: TCP
",
    ),
    (
        "app/old.yaml",
        "apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: shop
spec:
  minAvailable: 1
---
apiVersion: v1
kind: Endpoints
metadata:
  name: outside
  namespace: shop
---
apiVersion: apps/v1
kind: CronJob
metadata:
  name: nightly
  namespace: shop
---
apiVersion: unknown.example.com/v1
kind: Thing
metadata:
  name: thing
  namespace: shop
",
    ),
    (
        "app/settings.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shopp
data:
  size: 3
",
    ),
    (
        "app/widgets.yaml",
        "apiVersion: example.com/v1
kind: Widget
metadata:
  name: large
  namespace: shop
spec:
  size: 9
---
apiVersion: example.com/v1
kind: Widget
metadata:
  name: fast
  namespace: shop
spec:
  mode: fast
  size: 4
",
    ),
    (
        "chart/helm-chart.yaml",
        "helmChart:\n  path: ../shop\n  releaseName: shop\n  namespace: shop\n",
    ),
    ("chart/helm-values.yaml", "port:\n  number: \"80\"\n"),
    ("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
    ("shop/values.yaml", "port: {}\n"),
    (
        "shop/templates/service.yaml",
        "apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports:
  - port: {{ .Values.port.number | quote }}
    portName: http
",
    ),
    (
        "patched/kustomization.yaml",
        "resources: [settings.yaml]\nnamespace: shop\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    - {op: add, path: /dat, value: {a: b}}\n",
    ),
    (
        "patched/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  ports:\n  - port: 80\n",
    ),
];

fn project(files: &[(&str, &str)]) -> Environment {
    let environment = environment();
    for (path, text) in files {
        environment.write(path, text);
    }
    environment
}

#[track_caller]
fn check(output: &Output, expected: &[&str]) {
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines, expected, "{}\n{}", output.stdout, output.stderr);
}

#[test]
fn each_mistake_is_found_where_it_was_made() {
    let environment = project(FILES);
    let output = environment.run(["lint"]).expect(1);
    check(
        &output,
        &[
            "app/old.yaml:1: error: shop/PodDisruptionBudget/web: apiVersion: policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget [removed-api] (targets dev, prod)",
            "app/old.yaml:9: warning: shop/Endpoints/outside: apiVersion: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice [deprecated-api] (targets dev, prod)",
            "app/old.yaml:16: error: shop/CronJob/nightly: kind: apps/v1 has no kind \"CronJob\"; batch/v1 has it [unknown-kind] (targets dev, prod)",
            "app/old.yaml:21: warning: shop/Thing/thing: apiVersion: no definition of unknown.example.com/v1 Thing is among the objects, so its fields were not checked (give it with --assume) [no-schema] (targets dev, prod)",
            "app/settings.yaml:5: warning: shopp/ConfigMap/settings: metadata.namespace: 1 object is in the namespace \"shopp\", which is not among the objects, did you mean \"shop\"? [missing-namespace] (targets dev, prod)",
            "app/settings.yaml:7: error: shopp/ConfigMap/settings: data.size: expected string, found integer [wrong-type] (targets dev, prod)",
            "app/web.yaml:8: error: shop/Deployment/web: spec.replica: unknown field, did you mean \"replicas\"? [unknown-field] (targets dev, prod)",
            "app/web.yaml:16: error: shop/Deployment/web: spec.template.spec.terminationGracePeriodSeconds: expected integer, found string [wrong-type] (target prod)",
            "app/web.yaml:22: error: shop/Deployment/web: spec.template.spec.containers[0].ports[0]: the required field \"containerPort\" is missing [missing-field] (targets dev, prod)",
            "app/widgets.yaml:7: error: shop/Widget/large: spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5 [invalid-value] (targets dev, prod)",
            "app/widgets.yaml:14: error: shop/Widget/fast: spec: Invalid value: fast widgets are smaller than 4 [invalid-value] (targets dev, prod)",
            "chart/helm-chart.yaml: error: shop/Service/shop: spec.ports[0].portName: unknown field [unknown-field] (chart shop/templates/service.yaml:8; targets dev, prod)",
            "chart/helm-values.yaml:2: error: shop/Service/shop: spec.ports[0].port: expected integer, found string [wrong-type] (chart shop/templates/service.yaml:7; targets dev, prod)",
            "patched/kustomization.yaml: error: shop/ConfigMap/settings: dat: unknown field, did you mean \"data\"? [unknown-field] (set by PatchTransformer in kustomization.yaml; targets dev, prod)",
            "patched/settings.yaml:9: error: shop/Service/shop: metadata.name: the same object is there twice, first in chart/helm-chart.yaml [duplicate-object] (targets dev, prod)",
            "12 errors and 3 warnings in 26 objects of 2 targets for Kubernetes 1.37.2",
        ],
    );
}

/// A project that has nothing wrong.
const FINE: &[(&str, &str)] = &[
    ("deployment.yaml", "deployments:\n- path: app\n"),
    (
        "app/web.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web
",
    ),
    (
        "app/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  clusterIP: None\n  ports:\n  - port: 80\n",
    ),
];

#[test]
fn nothing_wrong_is_one_line() {
    let environment = project(FINE);
    let output = environment.run(["lint"]).expect(0);
    check(&output, &["No problems in 2 objects for Kubernetes 1.37.2"]);
}

#[test]
fn fields_that_may_not_change_are_found_between_revisions() {
    let environment = project(FINE);
    git(&environment.work(), &["init", "--quiet"]);
    commit(&environment);
    let web = FINE[1].1.replace("app: web", "app: shop");
    environment.write("app/web.yaml", &web);
    environment.write("app/service.yaml", &FINE[2].1.replace("None", "10.0.0.9"));
    check(
        &environment.run(["lint"]).expect(0),
        &["No problems in 2 objects for Kubernetes 1.37.2"],
    );
    let output = environment.run(["lint", "--from", "HEAD"]).expect(1);
    check(
        &output,
        &[
            "app/service.yaml:6: error: default/Service/web: spec.clusterIP: may not change once set [immutable-field]",
            "app/web.yaml:6: error: default/Deployment/web: spec.selector: field is immutable [immutable-field]",
            "2 errors in 2 objects for Kubernetes 1.37.2",
        ],
    );
}

#[test]
fn what_a_server_would_refuse_is_found_too() {
    let environment = project(FINE);
    environment.write(
        "app/web.yaml",
        &FINE[1]
            .1
            .replace("matchLabels: {app: web}", "matchLabels: {app: shop}"),
    );
    let output = environment.run(["lint"]).expect(1);
    check(
        &output,
        &[
            "app/web.yaml:10: error: default/Deployment/web: spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels` [refused]",
            "1 error in 2 objects for Kubernetes 1.37.2",
        ],
    );
}

#[test]
fn versions_are_judged_for_the_version_that_is_asked_for() {
    let environment = project(&[
        ("deployment.yaml", "deployments:\n- path: app\n"),
        (
            "app/budget.yaml",
            "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 1\n",
        ),
        (
            "app/job.yaml",
            "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: job\nspec:\n  schedule: '* * * * *'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers:\n          - {name: a, image: b}\n",
        ),
    ]);
    let budget = "app/budget.yaml:1: {}: default/PodDisruptionBudget/web: apiVersion: policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, \
                  unavailable in v1.25+; use policy/v1 PodDisruptionBudget [{}]";
    let budget = |level: &str, rule: &str| budget.replacen("{}", level, 1).replacen("{}", rule, 1);
    check(
        &environment
            .run(["lint", "--kubernetes-version", "1.24"])
            .expect(0),
        &[
            &budget("warning", "deprecated-api"),
            "1 warning in 2 objects for Kubernetes 1.24",
        ],
    );
    let strict = environment.run(["lint", "--kubernetes-version", "1.24", "--strict"]);
    check(
        &strict.expect(1),
        &[
            &budget("warning", "deprecated-api"),
            "1 warning in 2 objects for Kubernetes 1.24",
        ],
    );
    check(
        &environment.run(["lint"]).expect(1),
        &[
            &budget("error", "removed-api"),
            "1 error in 2 objects for Kubernetes 1.37.2",
        ],
    );
    check(
        &environment
            .run(["lint", "--kubernetes-version", "v1.20.3"])
            .expect(1),
        &[
            "app/job.yaml:2: error: CronJob/job: kind: batch/v1 CronJob is served since v1.21 [unknown-kind]",
            "1 error in 2 objects for Kubernetes 1.20.3",
        ],
    );
    let output = environment.run(["lint", "--kubernetes-version", "new"]).expect(1);
    assert!(
        output.stderr.contains("`new` is not a Kubernetes version"),
        "{}",
        output.stderr
    );
}

#[test]
fn findings_can_be_switched_off_and_assumed_away() {
    let environment = project(&[
        ("deployment.yaml", "deployments:\n- path: app\n"),
        (
            "app/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: elsewhere\n---\napiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: a\n  namespace: elsewhere\nspec: {sice: 1}\n",
        ),
    ]);
    let namespace = "app/map.yaml:5: warning: elsewhere/ConfigMap/a: metadata.namespace: {} in the namespace \"elsewhere\", which is not among the objects [missing-namespace]";
    let thing = "app/map.yaml:7: warning: elsewhere/Thing/a: apiVersion: no definition of example.com/v1 Thing is among the objects, so its fields were not checked (give it with --assume) [no-schema]";
    check(
        &environment.run(["lint"]).expect(0),
        &[
            &namespace.replace("{}", "1 object is"),
            thing,
            "2 warnings in 2 objects for Kubernetes 1.37.2",
        ],
    );
    check(
        &environment
            .run(["lint", "--skip-rule", "missing-namespace"])
            .expect(0),
        &[thing, "1 warning in 2 objects for Kubernetes 1.37.2"],
    );
    environment.write(
        "assumed.yaml",
        "objects:\n- {apiVersion: v1, kind: Namespace, metadata: {name: elsewhere}}\n- apiVersion: apiextensions.k8s.io/v1\n  kind: CustomResourceDefinition\n  metadata: {name: things.example.com}\n  spec:\n    group: example.com\n    scope: Namespaced\n    names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}\n    versions:\n    - name: v1\n      served: true\n      storage: true\n      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}\n",
    );
    check(
        &environment.run(["lint", "--assume", "assumed.yaml"]).expect(1),
        &[
            "app/map.yaml:12: error: elsewhere/Thing/a: spec.sice: unknown field, did you mean \"size\"? [unknown-field]",
            "1 error in 2 objects for Kubernetes 1.37.2",
        ],
    );
    let allowed = "app/map.yaml";
    let text = std::fs::read_to_string(environment.work().join(allowed)).expect("the file");
    let text = text.replace(
        "  name: a\n",
        "  name: a\n  annotations: {kluctl.io/lint-ignore: 'no-schema, missing-namespace'}\n",
    );
    environment.write(allowed, &text);
    check(
        &environment.run(["lint"]).expect(0),
        &["No problems in 2 objects for Kubernetes 1.37.2"],
    );
}

#[test]
fn a_target_that_cannot_be_rendered_keeps_no_other_from_being_checked() {
    let environment = project(FINE);
    environment.write(".kluctl.yaml", TARGETS);
    environment.write(
        "app/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  port: 1\n  type: '{% if target.name == \"prod\" %}{{ missing.name }}{% else %}ExternalName{% endif %}'\n  externalName: a\n",
    );
    let output = environment
        .run(["lint", "-o", "json=found.json", "-o", "github"])
        .expect(1);
    let found = std::fs::read_to_string(environment.work().join("found.json")).expect("the file");
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let rules: Vec<String> = found["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| format!("{} {} {}", finding["rule"], finding["file"], finding["targets"]))
        .collect();
    assert_eq!(
        rules,
        [
            "\"unknown-field\" \"app/service.yaml\" [\"dev\"]",
            "\"render\" \"app/service.yaml\" [\"prod\"]"
        ]
    );
    assert!(
        output
            .stdout
            .starts_with("::error file=app/service.yaml,line=6,title=unknown-field::default/Service/web: spec.port: unknown field"),
        "{}",
        output.stdout
    );
}
