//! Inputs of any size.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

/// `count` kustomizations of five ConfigMaps each under one root.
pub(super) fn kustomizations(root: &Path, count: usize) -> Result<()> {
    let mut resources = String::from("resources:\n");
    for index in 0..count {
        writeln!(resources, "  - k{index:05}")?;
        let folder = root.join(format!("k{index:05}"));
        let mut own =
            format!("namePrefix: p{index}-\ncommonAnnotations:\n  index: \"{index}\"\nresources:\n");
        for map in 0..5 {
            writeln!(own, "  - cm{map}.yaml")?;
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm{map}\n\
                 data:\n  key: value-{index}-{map}\n  more: text\n"
            );
            write(&folder.join(format!("cm{map}.yaml")), &text)?;
        }
        write(&folder.join("kustomization.yaml"), &own)?;
    }
    write(&root.join("kustomization.yaml"), &resources)
}

const CONFIG_MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: "{{ item.name }}-MAP"
data:
  owner: "{{ app.owner | upper }}"
  hash: "{{ (item.name + '-MAP') | sha256 }}"
  number: "{{ item.index * 3 }}"
  list: |
{%- for feature in app.features if feature != 'beta' %}
    {{ loop.index }} {{ feature }} of {{ item.name }}
{%- endfor %}
"#;

/// A project of `items` items with five templated ConfigMaps each.
pub(super) fn project(root: &Path, items: usize) -> Result<()> {
    write(
        &root.join(".kluctl.yaml"),
        "discriminator: bench-{{ target.name }}\ntargets:\n  - name: bench\n    args:\n      env: prod\nargs:\n  - name: env\n",
    )?;
    let variables = "app:\n  owner: team-{{ args.env }}\n  features: [alpha, beta, gamma, delta]\n";
    write(&root.join("vars.yaml"), variables)?;
    let mut deployment =
        String::from("vars:\n  - file: vars.yaml\ndeployments:\n  - path: namespace\n  - barrier: true\n");
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bench\n";
    write(&root.join("namespace/namespace.yaml"), namespace)?;
    for index in 0..items {
        writeln!(
            deployment,
            "  - path: item-{index:05}\n    vars:\n      - values:"
        )?;
        writeln!(
            deployment,
            "          item: {{name: item-{index:05}, index: {index}}}"
        )?;
        let folder = root.join(format!("item-{index:05}"));
        let mut own = String::from("namespace: bench\nresources:\n");
        for map in 0..5 {
            writeln!(own, "  - cm{map}.yaml")?;
            write(
                &folder.join(format!("cm{map}.yaml")),
                &CONFIG_MAP.replace("MAP", &map.to_string()),
            )?;
        }
        write(&folder.join("kustomization.yaml"), &own)?;
    }
    write(&root.join("deployment.yaml"), &deployment)
}
