//! Builds a folder as `kustomize build FOLDER` does: `cargo run -p kluctl-kustomize --example build -- FOLDER [--none] [--unrestricted]`.

use std::io::Write as _;
use std::process::ExitCode;

use camino::Utf8Path;
use kluctl_kustomize::{DiskFiles, LoadRestrictor, Options, Reorder, build, to_yaml};

fn main() -> ExitCode {
    let worker = std::thread::Builder::new().stack_size(256 << 20).spawn(run);
    worker
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or(ExitCode::FAILURE)
}

fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let folder = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"))
        .map_or(".", String::as_str);
    let options = Options {
        reorder: if has("--none") {
            Reorder::None
        } else {
            Reorder::Legacy
        },
        load_restrictor: if has("--unrestricted") {
            LoadRestrictor::None
        } else {
            LoadRestrictor::RootOnly
        },
        on_warning: Some(&|warning| eprintln!("{warning}")),
        ..Options::default()
    };
    let built = build(&DiskFiles, Utf8Path::new(folder), &options);
    match built.and_then(|built| to_yaml(&built.objects)) {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
