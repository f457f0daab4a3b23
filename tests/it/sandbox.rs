//! `kluctl sandbox import`: a sandbox that is like a cluster.

use std::path::Path;

use kluctl_testkit::Environment;

use crate::servers::Bare;
use crate::start::environment;

fn quickstart() -> Environment {
    let environment = environment();
    environment.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart"));
    environment
}

#[track_caller]
fn is_unchanged(environment: &Environment) {
    let diff = environment.run(["diff", "-t", "dev", "--sandbox=copy", "--detailed-exitcode"]);
    let diff = diff.expect(0);
    assert!(
        !diff.stdout.contains("New objects:") && !diff.stdout.contains("Changed objects:"),
        "{}",
        diff.stdout
    );
}

#[test]
fn what_is_on_a_cluster_can_be_compared_without_it() {
    Bare::each(|server| {
        let mut environment = quickstart();
        let kubeconfig = server.kubeconfig();
        environment.set("KUBECONFIG", kubeconfig.clone());
        let context = match server {
            Bare::Sandbox(_) | Bare::Real(_) => {
                let text = std::fs::read_to_string(&kubeconfig).expect("the kubeconfig");
                let value: serde_json::Value = kluctl_yaml::from_str(&text).expect("YAML");
                value["current-context"].as_str().expect("a context").to_owned()
            }
        };
        let deploy = environment.run([
            "deploy",
            "-t",
            "dev",
            "--context",
            &context,
            "--yes",
            "--no-wait",
            "--readiness-timeout",
            "1s",
        ]);
        assert!(
            deploy.stdout.contains("quickstart-dev/StatefulSet/database"),
            "{}\n{}",
            deploy.stdout,
            deploy.stderr
        );
        let imported = environment
            .run([
                "sandbox",
                "import",
                &format!("--from-cluster={context}"),
                "--kubeconfig",
                &kubeconfig,
                "-n",
                "quickstart-dev",
                "--data",
                "copy",
            ])
            .expect(0);
        assert!(imported.stdout.starts_with("Imported "), "{}", imported.stdout);
        // From here on the cluster is out of reach.
        environment.set("KUBECONFIG", "nowhere");
        is_unchanged(&environment);
    });
}

#[test]
fn manifests_can_be_imported() {
    let environment = quickstart();
    let rendered = environment
        .run(["render", "-t", "dev", "--sandbox=empty", "--print-all"])
        .expect(0);
    environment.write("rendered.yaml", &rendered.stdout);
    let imported = environment
        .run(["sandbox", "import", "rendered.yaml", "--data", "copy"])
        .expect(0);
    assert_eq!(imported.stdout, "Imported 9 objects\n");
    is_unchanged(&environment);
    let output = environment.run(["sandbox", "import", "--data", "copy"]);
    assert!(output.stderr.contains("<FILES>"), "{}", output.stderr);
}

#[test]
fn rendering_reads_the_sandbox() {
    let environment = environment();
    environment.write(
        "deployment.yaml",
        "vars:\n- clusterConfigMap: {name: shared, namespace: default, key: vars}\ndeployments:\n- path: app\n",
    );
    environment.write(
        "app/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: own\ndata:\n  region: '{{ region }}'\n  image: '{{ images.get_image(\"a/b\") }}'\n",
    );
    environment.write(
        "shared.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\ndata:\n  vars: 'region: north'\n",
    );
    let imported = environment.run(["sandbox", "import", "shared.yaml", "--data", "store"]);
    assert_eq!(imported.expect(0).stdout, "Imported 1 objects\n");
    let image = ["--fixed-image", "a/b=a/b:1", "--sandbox=store"];
    let rendered = environment
        .run([&["render", "--print-all"], &image[..]].concat())
        .expect(0);
    assert!(
        rendered.stdout.contains("region: north") && rendered.stdout.contains("namespace: default"),
        "{}",
        rendered.stdout
    );
    let images = environment.run([&["list-images"], &image[..]].concat()).expect(0);
    assert!(images.stdout.contains("resultImage: a/b:1"), "{}", images.stdout);
    let text = environment
        .run(["template", "app/map.yaml", "--sandbox=store"])
        .expect(0);
    assert!(text.stdout.contains("region: 'north'"), "{}", text.stdout);
}
