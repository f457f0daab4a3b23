//! The README's first command, run as its reader runs it.

use std::path::Path;

use kluctl_testkit::Environment;

use crate::start::environment;

fn quickstart() -> Environment {
    let environment = environment();
    environment.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart"));
    environment
}

#[test]
fn deploys_onto_the_sandbox_and_again_without_changes() {
    let environment = quickstart();
    let first = environment
        .run(["deploy", "-t", "dev", "--sandbox", "--yes"])
        .expect(0)
        .stdout;
    for object in [
        "Namespace/quickstart-dev",
        "quickstart-dev/StatefulSet/database",
        "quickstart-dev/Deployment/web",
        "quickstart-dev/CronJob/report",
    ] {
        assert!(first.contains(object), "{object} is missing:\n{first}");
    }
    assert!(
        first.contains("Applied hooks:\n  quickstart-dev/Job/migrate\n"),
        "{first}"
    );
    assert!(!first.contains("Errors:"), "{first}");
    let second = environment
        .run(["deploy", "-t", "dev", "--sandbox", "--yes"])
        .expect(0)
        .stdout;
    assert!(
        !second.contains("New objects:") && !second.contains("Changed objects:"),
        "{second}"
    );
}

#[test]
fn shows_an_edited_value() {
    let environment = quickstart();
    environment
        .run(["deploy", "-t", "dev", "--sandbox", "--yes"])
        .expect(0)
        .stdout
        .clear();
    environment.replace("environments/dev.yaml", "replicas: 1", "replicas: 2");
    let diff = environment
        .run(["diff", "-t", "dev", "--sandbox"])
        .expect(0)
        .stdout;
    assert!(
        diff.contains("Changed objects:\n  quickstart-dev/Deployment/web\n"),
        "{diff}"
    );
    let row: Vec<_> = diff
        .lines()
        .filter(|line| line.contains("spec.replicas") || line.contains("+2"))
        .collect();
    assert_eq!(row.len(), 2, "{diff}");
    assert!(row[0].contains("-1"), "{diff}");
}

#[test]
fn environments_do_not_share_a_store() {
    let environment = quickstart();
    let names = environment.run(["list-targets", "--only-names"]).expect(0).stdout;
    assert_eq!(names, "dev\nprod\n");
    environment
        .run(["deploy", "-t", "dev", "--sandbox", "--yes"])
        .expect(0)
        .stdout
        .clear();
    let diff = environment
        .run(["diff", "-t", "prod", "--sandbox", "--short-output"])
        .expect(0)
        .stdout;
    assert!(
        diff.contains("Namespace/quickstart-prod") && !diff.contains("Orphan objects"),
        "{diff}"
    );
    environment.run(["sandbox", "reset"]).expect(0).stdout.clear();
    let again = environment
        .run(["diff", "-t", "dev", "--sandbox", "--short-output"])
        .expect(0)
        .stdout;
    assert!(again.contains("Namespace/quickstart-dev"), "{again}");
}
