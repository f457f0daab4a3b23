//! `render --trace`: where fields come from.

use kluctl_project::TraceRequest;

use crate::{rendered, write};

const PROJECT: &[(&str, &str)] = &[
    (".kluctl.yaml", "discriminator: d\n"),
    (
        "deployment.yaml",
        "vars:\n- file: vars.yaml\n- values: {size: 1}\n- values: {size: 3}\ncommonLabels: {team: web}\ndeployments:\n- path: app\n\
         - path: chart\n",
    ),
    ("vars.yaml", "image: {tag: \"1.2\"}\n"),
    (
        "app/kustomization.yaml",
        "resources: [web.yaml]\nnamePrefix: p-\nimages: [{name: side, newTag: \"9\"}]\n",
    ),
    (
        "app/web.yaml",
        "{% set unused = 1 %}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {{ size }}\n  \
         template:\n    spec:\n      containers:\n{% for name in ['main', 'other'] %}\n      - name: {{ name }}\n        image: \
         web:{{ image.tag }}\n{% endfor %}\n      - name: side\n        image: side:1\n",
    ),
    (
        "chart/helm-chart.yaml",
        "helmChart: {path: ../c, releaseName: r}\n",
    ),
    ("chart/helm-values.yaml", "web:\n  port: {{ size }}80\n"),
    ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
    ("c/values.yaml", "# defaults\nweb:\n  port: 1\n  kind: plain\n"),
    (
        "c/templates/_helpers.tpl",
        "{{- define \"labels\" -}}\nkind: {{ .Values.web.kind }}\n{{- end }}\n",
    ),
    (
        "c/templates/web.yaml",
        "{{- if .Values.web }}\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n  labels:\n    {{- include \"labels\" \
         . | nindent 4 }}\nspec:\n  ports:\n  - port: {{ .Values.web.port }}\n{{- end }}\n",
    ),
];

#[track_caller]
fn check(object: &str, path: &str, want: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), PROJECT);
    let request = TraceRequest {
        object: object.to_owned(),
        path: Some(path.to_owned()),
    };
    let rendered = rendered(folder.path(), Some(request)).expect("a result");
    let trace = rendered.trace.expect("a trace").to_string();
    let root = format!("{}/", folder.path().display());
    let got = trace.replace(&root, "");
    let (_, got) = got.split_once('\n').expect("a first line");
    assert_eq!(got, want, "{got}");
}

#[test]
fn a_template_s_line_and_the_variables_on_it() {
    check(
        "Deployment/p-web",
        "spec.replicas",
        "spec.replicas: 3\n  template  app/web.yaml:7\n            | replicas: {{ size }}\n  variable  size = 3, from `values` in \
         deployment.yaml\n",
    );
    check(
        "Deployment/p-web",
        "spec.template.spec.containers[1].image",
        "spec.template.spec.containers[1].image: \"web:1.2\"\n  template  app/web.yaml:13\n            | image: web:{{ image.tag }}\n  \
         variable  image.tag = \"1.2\", from the file vars.yaml, named in deployment.yaml\n",
    );
}

#[test]
fn what_kustomize_and_kluctl_put_on() {
    check(
        "Deployment/p-web",
        "metadata.name",
        "metadata.name: \"p-web\"\n  kustomize changed by PrefixTransformer in kustomization.yaml\n  template  app/web.yaml:5\n            \
         | name: web\n",
    );
    check(
        "deployment/p-web",
        "spec.template.spec.containers[2].image",
        "spec.template.spec.containers[2].image: \"side:9\"\n  kustomize changed by ImageTagTransformer in kustomization.yaml\n  template  \
         app/web.yaml:16\n            | image: side:1\n",
    );
    check(
        "Deployment/p-web",
        "metadata.labels.team",
        "metadata.labels.team: \"web\"\n  kluctl    commonLabels in deployment.yaml\n",
    );
}

#[test]
fn a_chart_s_line_and_the_values_on_it() {
    check(
        "Service/r",
        "spec.ports[0].port",
        "spec.ports[0].port: 380\n  chart     c/templates/web.yaml:10\n            | - port: {{ .Values.web.port }}\n  values    \
         .Values.web.port of chart/helm-values.yaml:2\n            | port: 380\n  variable  size = 3, from `values` in deployment.yaml\n",
    );
    check(
        "Service/r",
        "metadata.labels.kind",
        "metadata.labels.kind: \"plain\"\n  chart     c/templates/web.yaml:7\n            | {{- include \"labels\" . | nindent 4 }}\n  \
         chart     `labels` in c/templates/_helpers.tpl\n  values    .Values.web.kind by default in c/values.yaml:4\n            | kind: \
         plain\n",
    );
}

#[test]
fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), PROJECT);
    let ask = |object: &str, path: Option<&str>| {
        let request = TraceRequest {
            object: object.to_owned(),
            path: path.map(str::to_owned),
        };
        rendered(folder.path(), Some(request))
            .expect_err("nothing to trace")
            .to_string()
    };
    let error = ask("Deployment/web", None);
    assert!(error.contains("there are Deployment/p-web"), "{error}");
    let error = ask("Service/r", Some("spec.nothing"));
    assert!(error.contains("has no field spec.nothing"), "{error}");
}
