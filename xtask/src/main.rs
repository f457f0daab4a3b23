//! Workshop commands: everything longer than one cargo command.

mod bench;
mod columns;
mod dist;
mod faults;
mod go_tags;
mod protobuf;
mod schema;
mod tidy;

use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bench", groups @ ..] => bench::run(groups),
        ["tidy"] => tidy::run(),
        ["faults"] => faults::run(),
        ["columns", output] => columns::generate(Path::new(output)),
        ["dist"] => dist::run(None),
        ["dist", target] => dist::run(Some(target)),
        // `go mod download k8s.io/kubernetes@v1.37.2` brings the folder.
        ["schema", kubernetes, version, output] => {
            schema::generate(Path::new(kubernetes), version, Path::new(output))
        }
        // `go mod download k8s.io/api@v0.37.2` and three more bring the folder.
        ["protobuf", modules, version, output] => {
            protobuf::generate(Path::new(modules), version, Path::new(output))
        }
        _ => bail!(
            "usage: cargo xtask tidy | bench [start] [charts] [kustomize] [render] [deploy] [cluster] | faults | columns OUTPUT | dist [TARGET] | schema KUBERNETES-SOURCE VERSION OUTPUT | protobuf MODULES VERSION OUTPUT"
        ),
    }
}
