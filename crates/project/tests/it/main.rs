//! Projects on disk, rendered offline.

mod manifests;
mod trace;

use std::path::Path;
use std::sync::Arc;

use kluctl_project::outside::NoSources;
use kluctl_project::{
    OpenOptions, OpenProject, Problems, RenderOptions, Rendered, TargetSelection, TraceRequest, World, render,
};

/// Writes files below a folder.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        std::fs::write(path, text).expect("writing a file");
    }
}

/// Renders the project in a folder without a target.
fn rendered(folder: &Path, trace: Option<TraceRequest>) -> Result<Rendered, Problems> {
    let options = OpenOptions {
        project_dir: camino::Utf8PathBuf::from_path_buf(folder.to_owned()).expect("UTF-8"),
        ..OpenOptions::default()
    };
    let sources = Arc::new(NoSources);
    let project = OpenProject::open(options, sources.clone())?;
    let target = project.select(&TargetSelection::default())?;
    let world = World {
        cluster: None,
        secrets: sources.clone(),
        mask_key: kluctl_object::MaskKey::default(),
        sources,
    };
    let options = RenderOptions {
        trace,
        ..RenderOptions::default()
    };
    render(&project, &target, &options, &world, &|_| {})
}
