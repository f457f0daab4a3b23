use super::*;

fn error<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    let error = kluctl_yaml::decode::<T>("f.yaml", text).unwrap_err();
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{error}{hint}")
}

#[test]
fn every_field_of_a_deployment_is_read() {
    let text = r#"
vars:
- values: {a: 1}
- file: x.yaml
  ignoreMissing: true
  noOverride: yes
  sensitive: false
  targetPath: a.b
  when: "1 == 1"
- git: {url: https://example.com/x, ref: {tag: v1}, path: y.yaml}
- gitFiles: {url: https://example.com/x, ref: {branch: ".*"}, files: [{glob: "*.yaml", render: true, parseYaml: true, yamlMultiDoc: true}]}
  targetPath: x
- clusterConfigMap: {name: c, namespace: n, key: k}
- clusterSecret: {labels: {a: b}, namespace: n, key: k, targetPath: z}
- clusterObject: {kind: Deployment, apiVersion: apps/v1, namespace: n, name: x, path: a.b, render: true, parseYaml: true}
- systemEnvVars: {a: HOME}
- http: {url: "https://x", method: POST, body: b, headers: {a: b}, jsonPath: a}
- awsSecretsManager: {secretName: s, region: r, profile: p}
- gcpSecretManager: {secretName: s}
- vault: {address: a, path: p}
- azureKeyVault: {vaultUri: v, secretName: s}
when: "True"
deployments:
- path: a
  tags: [x]
  barrier: true
  message: m
  recursive: true
  waitReadiness: true
  waitReadinessObjects: [{kind: Pod, name: p, namespace: n}]
  deleteObjects: [{group: apps, name: p}]
  skipDeleteIfTags: true
  onlyRender: true
  alwaysDeploy: true
  when: "x"
  vars: [{values: {}}]
- include: b
  args: {x: 1}
  passVars: true
- git: https://example.com/x.git
- git: {url: https://example.com/x.git, ref: {commit: abc}, subDir: a/b}
- oci: {url: "oci://example.com/x", ref: {digest: "sha256:1", tag: t}, subDir: a}
commonLabels: {a: b, num: 1}
commonAnnotations: {a: b}
overrideNamespace: ns
tags: [t]
ignoreForDiff:
- fieldPath: a.b
  group: apps
- fieldPathRegex: [a, b]
  kind: X
  name: n
  namespace: m
conflictResolution:
- fieldPath: a
  action: ignore
- manager: [x]
  action: force-apply
"#;
    let read: Deployment = kluctl_yaml::decode("f.yaml", text).unwrap();
    assert_eq!(read.vars.len(), 13);
    assert!(read.vars.iter().all(|source| source.kind().is_some()));
    assert_eq!(read.deployments.len(), 5);
    assert_eq!(read.common_labels["num"], "1");
    assert_eq!(read.ignore_for_diff[0].field_path.0, ["a.b"]);
    assert_eq!(read.conflict_resolution[1].action, ConflictAction::ForceApply);
    // What is written is read as the same again.
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(
        kluctl_yaml::decode::<Deployment>("f.json", &written).unwrap(),
        read
    );
}

#[test]
fn mistakes_are_named_where_they_stand() {
    let cases = [
        ("deployments:\n- paht: x\n", "f.yaml:2:3: deployments[0]"),
        (
            "deployments:\n- path: x\n  include: y\n",
            "only one of path, include, git and oci can be set at the same time",
        ),
        ("deployments:\n- path: x\n- barrier: 5\n", "f.yaml:3:"),
        ("vars:\n- ignoreMissing: true\n", "unknown vars source type"),
        (
            "vars:\n- file: a\n  values: {}\n",
            "more then one vars source type",
        ),
        (
            "deployments:\n- git: {url: x, ref: {branch: a, tag: b}}\n",
            "only one of branch, tag or commit can be set",
        ),
        (
            "deployments:\n- git: {url: x, subDir: 'a:b'}\n",
            "'a:b' is not valid git subdirectory path",
        ),
        (
            "deployments:\n- deleteObjects: [{name: x}]\n",
            "at least one of group or kind must be set",
        ),
        (
            "ignoreForDiff: [{kind: X}]\n",
            "at least one of fieldPath or fieldPathRegex must be set",
        ),
        ("conflictResolution: [{fieldPath: x, action: bogus}]\n", "bogus"),
        ("renderedVars: 1\n", "unknown field"),
    ];
    for (text, expected) in cases {
        let found = error::<Deployment>(text);
        assert!(found.contains(expected), "{text}\n{found}");
        assert!(found.starts_with("f.yaml:"), "{found}");
    }
    assert!(error::<Deployment>("deployments:\n- paht: x\n").contains("did you mean \"path\"?"));
}

#[test]
fn charts_come_from_one_place() {
    let cases = [
        ("{releaseName: x}", "either repo, path or git must be specified"),
        (
            "{repo: x, path: y, releaseName: x}",
            "only one of repo, path and git can be specified",
        ),
        (
            "{repo: x, chartName: a, releaseName: x}",
            "chartVersion must be specified",
        ),
        (
            "{repo: 'oci://x/a', chartName: a, chartVersion: 1.0, releaseName: x}",
            "chartName can not be specified when",
        ),
        (
            "{repo: x, chartVersion: '1', releaseName: x}",
            "chartName must be specified",
        ),
        (
            "{path: x, chartVersion: '1', releaseName: x}",
            "chartVersion can not be specified for local",
        ),
        ("{path: x}", "`releaseName` is required"),
    ];
    for (text, expected) in cases {
        let found = error::<HelmChartFile>(&format!("helmChart: {text}\n"));
        assert!(found.contains(expected), "{text}\n{found}");
    }
    for (text, name) in [
        ("{repo: 'oci://x/y/a', chartVersion: 1.0, releaseName: x}", "a"),
        (
            "{repo: 'https://x', chartName: b, chartVersion: 1.0, releaseName: x}",
            "b",
        ),
        ("{path: ../charts/c/, releaseName: x}", "c"),
        (
            "{git: {url: 'https://x/y.git', subDir: charts/d}, releaseName: x}",
            "d",
        ),
    ] {
        let file: HelmChartFile = kluctl_yaml::decode("f", &format!("helmChart: {text}")).unwrap();
        assert_eq!(file.helm_chart.name(), name);
    }
}

#[test]
fn a_default_of_null_is_a_default() {
    let project: Project = kluctl_yaml::decode(
        "f",
        "args:\n- name: a\n- name: b\n  default: null\n- name: c\n  default: 1\n",
    )
    .unwrap();
    let defaults: Vec<bool> = project.args.iter().map(|arg| arg.default.is_some()).collect();
    assert_eq!(defaults, [false, true, true]);
}

#[test]
fn every_kind_of_file_has_a_schema() {
    for kind in FileKind::ALL {
        let schema = serde_json::to_value(json_schema(kind)).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{}", kind.name());
        assert!(schema["properties"].as_object().is_some_and(|p| !p.is_empty()));
    }
}
