//! What becomes of a chart's manifests.

use crate::{rendered, write};

/// The texts are what Kluctl 2.28.2 printed.
#[test]
fn a_block_at_the_end_of_a_manifest_keeps_its_line_break() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  v: |\n{{ \"x\" | indent 4 }}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";
    write(
        folder.path(),
        &[
            (".kluctl.yaml", ""),
            ("deployment.yaml", "deployments:\n- path: item\n"),
            (
                "item/helm-chart.yaml",
                "helmChart: {path: ../c, releaseName: r, output: zz.yaml}\n",
            ),
            (
                "item/m.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n",
            ),
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/templates/a.yaml", template),
        ],
    );
    let rendered = rendered(folder.path(), None).expect("a result");
    let objects: Vec<_> = rendered.items.iter().flat_map(|item| &item.objects).collect();
    // the chart's output stands where the folder's listing has it
    let names: Vec<_> = objects.iter().map(|object| object.name()).collect();
    assert_eq!(names, ["m", "a", "b"]);
    assert_eq!(objects[1].str_at(&["data", "v"]), Some("x\n"));
}
