//! `kluctl kustomize build` with charts, bases from elsewhere, and all its flags.
//!
//! `tests/kustomize-helm.txt` holds kustomizations with charts and what `kustomize build --enable-helm` 5.8.1 with Helm 4.2.2
//! made of them, in the form of `crates/kustomize/corpus/cases`; of messages the part that is Helm's or kustomize's own.

use std::fs;
use std::path::Path;

use kluctl_testkit::{ChartRepository, Environment, OciRegistry, Reply, Server, git, pack_chart, push_chart};

fn environment() -> Environment {
    let mut environment = Environment::new(env!("CARGO_BIN_EXE_kluctl"));
    let cache = environment.home().join("cache");
    environment.set("KLUCTL_CACHE_DIR", cache.to_string_lossy());
    environment
}

fn squash(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn charts_are_rendered_as_kustomize_with_helm_does() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kustomize-helm.txt"))
            .unwrap();
    let mut count = 0;
    let mut wrong = Vec::new();
    for case in text.split("\n=== ").filter(|case| !case.is_empty()) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (input, answer) = rest.split_once("\n<<< ").unwrap();
        let (kind, answer) = answer.split_once('\n').unwrap();
        let environment = environment();
        let (head, files) = input.split_once(">>> ").unwrap();
        let args = head.trim().trim_start_matches("@args ").to_owned();
        for file in files.split("\n>>> ") {
            let (path, content) = file.split_once('\n').unwrap();
            environment.write(path, &format!("{content}\n"));
        }
        let mut words = vec!["kustomize", "build"];
        words.extend(args.split_whitespace());
        let output = environment.run(words);
        count += 1;
        let in_work = answer.replace("$IN", &environment.work().to_string_lossy());
        let good = if kind == "out" {
            output.code == 0 && output.stdout.trim_end() == answer.trim_end()
        } else {
            output.code == 1 && squash(&output.stderr).contains(&squash(&in_work))
        };
        if !good {
            wrong.push(format!(
                "== {name}: expected {kind}\n{in_work}\nprinted\n{}{}",
                output.stdout, output.stderr
            ));
        }
    }
    assert!(count > 50, "only {count} cases");
    assert!(
        wrong.is_empty(),
        "{} of {count} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn charts_come_from_repositories() {
    let environment = environment();
    environment.write("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.2.3\n");
    environment.write("app/values.yaml", "text: own\n");
    environment.write(
        "app/templates/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {text: '{{ .Values.text }}', version: '{{ .Chart.Version }}'}\n",
    );
    let repository = ChartRepository::start("/charts");
    let archive = pack_chart(&environment.work().join("app"), "app");
    let registry = OciRegistry::start();
    push_chart(&registry.address(), "charts/app", "1.2.3", &archive);
    repository.add("app", "1.2.3", archive);
    let (http, oci) = (repository.url(), format!("oci://{}/charts", registry.address()));
    for (repo, version, inline) in [
        (&http, "version: 1.2.3", ""),
        (&http, "", ""),
        (&http, "version: 1.x", "valuesInline: {text: inline}"),
        (&oci, "version: 1.2.3", ""),
        (&oci, "version: 1.x", "valuesInline: {text: inline}"),
    ] {
        environment.write(
            "k/kustomization.yaml",
            &format!("helmCharts:\n- name: app\n  repo: {repo}\n  {version}\n  {inline}\n"),
        );
        let output = environment
            .run(["kustomize", "build", "--enable-helm", "k"])
            .expect(0);
        let text = if inline.is_empty() { "own" } else { "inline" };
        assert_eq!(
            output.stdout,
            format!(
                "apiVersion: v1\ndata:\n  text: {text}\n  version: 1.2.3\nkind: ConfigMap\nmetadata:\n  name: cm\n"
            )
        );
        assert!(
            !environment.work().join("k/charts").exists(),
            "nothing is put beside the kustomization"
        );
    }
}

#[test]
fn bases_come_from_git_and_the_web() {
    let environment = environment();
    let work = environment.work();
    environment.write("sub/kustomization.yaml", "resources: [s.yaml]\n");
    environment.write(
        "sub/s.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fromsub}\n",
    );
    environment.write(
        "repo/app/kustomization.yaml",
        "resources: [base]\nnamePrefix: r-\n",
    );
    environment.write("repo/app/base/kustomization.yaml", "resources: [cm.yaml]\n");
    environment.write(
        "repo/app/base/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\n",
    );
    for folder in ["sub", "repo"] {
        let folder = work.join(folder);
        git(&folder, &["init", "-q"]);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
    }
    let repo = work.join("repo");
    git(&repo, &["tag", "v1"]);
    let commit = git(&repo, &["rev-parse", "HEAD"]);
    git(&repo, &["submodule", "add", "-q", "../sub", "mods/sub"]);
    environment.write("repo/app/kustomization.yaml", "resources: [../mods/sub, base]\n");
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "second"]);
    let server = Server::start(|request| match request.path() {
        "/s.yaml" => Reply::new(
            200,
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fromweb}\n",
        ),
        _ => Reply::new(404, "not here"),
    });
    let address = format!("file://{}", repo.display());
    let old = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: r-cm\n".to_owned();
    let new = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fromsub\n";
    let web = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fromweb\n";
    let from_web = format!("{}/s.yaml", server.url());
    let annotated = old.replace(
        "metadata:\n",
        &format!("metadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: app/base/cm.yaml\n      repo: {address}\n      ref: v1\n"),
    );
    for (resource, more, expected) in [
        (format!("{address}//app?ref=v1"), "", old.clone()),
        (format!("{address}//app?ref={commit}"), "", old),
        (format!("{address}//app"), "", new.to_owned()),
        (format!("{address}//app?ref=main"), "", new.to_owned()),
        (from_web, "", web.to_owned()),
        (
            format!("{address}//app?ref=v1"),
            "buildMetadata: [originAnnotations]\n",
            annotated,
        ),
    ] {
        environment.write(
            "k/kustomization.yaml",
            &format!("resources:\n- {resource}\n{more}"),
        );
        let output = environment.run(["kustomize", "build", "k"]).expect(0);
        assert_eq!(output.stdout, expected, "{resource}");
    }
    for (resource, message) in [
        (format!("{address}//app?submodules=false"), "mods/sub"),
        (
            format!("{address}//app?ref=nope"),
            "couldn't find remote ref nope",
        ),
        (
            format!("{address}//app/base/cm.yaml?ref=v1"),
            "refers to file 'cm.yaml'; expecting directory",
        ),
        (
            format!("{}/nope.yaml", server.url()),
            "HTTP Error: status code 404 (Not Found)",
        ),
    ] {
        environment.write("k/kustomization.yaml", &format!("resources:\n- {resource}\n"));
        let output = environment.run(["kustomize", "build", "k"]).expect(1);
        assert!(output.stderr.contains(message), "{resource}: {}", output.stderr);
    }
}

#[test]
fn flags_are_taken_or_refused_by_name() {
    let environment = environment();
    environment.write(
        "kustomization.yaml",
        "resources: [cm.yaml, ns.yaml]\nnamespace: team\n",
    );
    environment.write(
        "cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\n",
    );
    environment.write(
        "ns.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n",
    );
    for flags in [
        ["--enable-alpha-plugins", "."],
        ["--enable-exec", "."],
        ["--network", "."],
        ["--network-name=x", "."],
        ["--mount=x", "."],
        ["--env=a=b", "."],
        ["--as-current-user", "."],
    ] {
        let output = environment
            .run(["kustomize", "build"].into_iter().chain(flags))
            .expect(1);
        let name = flags[0].split('=').next().unwrap();
        assert!(
            output.stderr.contains(&format!("flag {name} is not supported")),
            "{}",
            output.stderr
        );
    }
    for (flags, message) in [
        (
            ["--reorder=foo", "."],
            "illegal flag value --reorder foo; legal values: [legacy none]",
        ),
        (
            ["--load-restrictor=foo", "."],
            "illegal flag value --load-restrictor foo; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]",
        ),
        ([".", "x"], "specify one path to kustomization.yaml"),
    ] {
        let output = environment
            .run(["kustomize", "build"].into_iter().chain(flags))
            .expect(1);
        assert!(output.stderr.contains(message), "{}", output.stderr);
    }
    let ordered = environment
        .run(["kustomize", "build", "--enable-exec=false"])
        .expect(0);
    assert!(ordered.stdout.starts_with("apiVersion: v1\nkind: Namespace"));
    let listed = environment
        .run(["kustomize", "build", "--reorder", "none"])
        .expect(0);
    assert!(listed.stdout.starts_with("apiVersion: v1\nkind: ConfigMap"));
    let labelled = environment
        .run(["kustomize", "build", "--enable-managedby-label"])
        .expect(0);
    assert!(
        labelled
            .stdout
            .contains("app.kubernetes.io/managed-by: kustomize-v5.8.1")
    );
    let quiet = environment
        .run(["kustomize", "build", "-o", "all.yaml"])
        .expect(0);
    assert_eq!(quiet.stdout, "");
    assert_eq!(
        fs::read_to_string(environment.work().join("all.yaml")).unwrap(),
        ordered.stdout
    );
    fs::create_dir(environment.work().join("out")).unwrap();
    let quiet = environment.run(["kustomize", "build", "-o", "out"]).expect(0);
    assert_eq!(quiet.stdout, "");
    let mut names: Vec<_> = fs::read_dir(environment.work().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["v1_configmap_cm.yaml", "v1_namespace_team.yaml"]);
}

/// A project whose items show how kustomizations are made ready.
fn project(environment: &Environment) {
    let cm = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    fs::create_dir_all(environment.work().join("repo/.git")).unwrap();
    environment.write(
        "repo/.kluctl.yaml",
        "targets: [{name: t}]\ndiscriminator: d\nargs: [{name: word, default: hello}]\n",
    );
    environment.write(
        "repo/deployment.yaml",
        "deployments:\n- path: plain\n- path: own\n- path: other\n- path: rec\n  recursive: true\n- path: chart\n",
    );
    environment.write("repo/plain/a.yaml", &cm("{{ args.word }}-a"));
    environment.write("repo/plain/B.YML", &cm("b"));
    environment.write("repo/plain/sub/skipped.yaml", "not: an object\n");
    environment.write(
        "repo/own/kustomization.yaml",
        "resources: [cm.yaml]\nnamePrefix: '{{ args.word }}-'\nconfigMapGenerator:\n- name: gen\n  literals: ['x={{ args.word }}']\n",
    );
    environment.write("repo/own/cm.yaml", &cm("own"));
    environment.write(
        "repo/other/kustomization.yml",
        "resources: [../own]\nnameSuffix: -other\n",
    );
    environment.write("repo/rec/one.yaml", &cm("one"));
    environment.write("repo/rec/sub/two.yaml", &cm("two"));
    environment.write(
        "repo/chart/helm-chart.yaml",
        "helmChart: {path: charts/app, releaseName: rel, namespace: default, output: helm-rendered.yaml}\n",
    );
    environment.write(
        "repo/chart/charts/app/Chart.yaml",
        "apiVersion: v2\nname: app\nversion: 1.0.0\n",
    );
    environment.write("repo/chart/charts/app/templates/cm.yaml", &cm("fromchart"));
    environment.write(
        "repo/chart/kustomization.yaml",
        "resources: [helm-rendered.yaml]\nnamePrefix: k-\n",
    );
}

const RENDER: [&str; 7] = [
    "render",
    "-t",
    "t",
    "--offline-kubernetes",
    "--print-all",
    "--project-dir",
    "repo",
];

#[test]
fn items_get_a_kustomization_and_see_one_another() {
    let environment = environment();
    project(&environment);
    let output = environment.run(RENDER).expect(0);
    let names: Vec<_> = output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  name: "))
        .collect();
    assert_eq!(
        names,
        [
            "b",
            "hello-a",
            "hello-own",
            "hello-gen-9754k4d725",
            "hello-own-other",
            "hello-gen-other-9754k4d725",
            "one",
            "two",
            "k-fromchart"
        ]
    );
}

#[test]
fn kustomizations_of_items_stay_inside_and_say_what_is_wrong() {
    let environment = environment();
    project(&environment);
    // Outside of the repository, and there.
    environment.write(
        "outside.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: leak}\n",
    );
    environment.write(
        "repo/other/kustomization.yml",
        "resources: [../../outside.yaml]\n",
    );
    environment.write("repo/chart/kustomization.yaml", "resources: []\nnamePrefix: a-\n");
    environment.write("repo/rec/sub/kustomization.yaml", "resources: []\n");
    environment.write("repo/own/kustomization.yaml", "resources: [cm.yaml]\nfoo: bar\n");
    let output = environment.run(RENDER).expect(1);
    assert!(!output.stdout.contains("leak"));
    for message in [
        "building kustomize objects for",
        "/outside.yaml' doesn't exist",
        "chart/kustomization.yaml does not include the rendered helm chart: helm-rendered.yaml",
        "recursive: true cannot be used when a nested kustomization.yaml/yml already exists in sub/kustomization.yaml",
        "invalid Kustomization: json: unknown field \"foo\"",
    ] {
        assert!(output.stderr.contains(message), "{message}\n{}", output.stderr);
    }
}
