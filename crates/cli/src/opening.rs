//! From flags to an opened project, a target and options of a render: what all commands that render begin with.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_cluster::Cluster;
use kluctl_commands::StepEnd;
use kluctl_commands::secrets::{RemoteSecrets, Runtime};
use kluctl_project::config::{FixedImage, FixedImages, TargetConfig};
use kluctl_project::outside::{Files, Secrets, Sources};
use kluctl_project::{
    Inclusion, InclusionOptions, OpenOptions, OpenProject, Problem, Problems, RenderOptions, Rendered, Stage,
    TargetSelection, external_args,
};
use kluctl_source::Person;
use serde_json::{Map, Value};

use crate::options::args::ArgsFlags;
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::project::{ProjectDirFlags, ProjectFlags};
use crate::options::target::TargetFlags;
use crate::terminal::Terminal;

/// The project's folder, absolute: as given, or the current one.
pub(crate) fn project_dir(flags: &ProjectDirFlags) -> Result<Utf8PathBuf, Problem> {
    let current = std::env::current_dir()
        .map_err(|error| Problem::new(format!("the current directory cannot be found: {error}")))?;
    let current = Utf8PathBuf::from_path_buf(current)
        .map_err(|path| Problem::new(format!("the current directory is not text: {}", path.display())))?;
    Ok(match &flags.project_dir {
        Some(dir) => current.join(dir),
        None => current,
    })
}

/// A project, the arguments that came from outside, and warnings.
pub(crate) type Opening = (OpenProject, Map<String, Value>, Vec<String>);

/// Opens the project that flags name, and gives the arguments from outside and what a person should know about it.
pub(crate) fn open(
    flags: &ProjectFlags,
    args: &ArgsFlags,
    sources: Arc<dyn Sources>,
) -> Result<Opening, Problems> {
    open_state(flags, args, None, sources)
}

/// The same where `files`, all files of the repository, stand in for what is on disk.
pub(crate) fn open_state(
    flags: &ProjectFlags,
    args: &ArgsFlags,
    files: Option<Arc<Files>>,
    sources: Arc<dyn Sources>,
) -> Result<Opening, Problems> {
    let read = |path: &Utf8Path| std::fs::read_to_string(path);
    let (args, mut warnings) = external_args(&args.arg, &args.args_from_file, &read)?;
    let options = OpenOptions {
        project_dir: project_dir(&flags.dir)?,
        project_config: flags.project_config.clone(),
        args: args.clone(),
        files,
    };
    let project = OpenProject::open(options, sources)?;
    warnings.extend(project.warnings().iter().cloned());
    Ok((project, args, warnings))
}

/// Warnings about targets that could not be loaded, for commands that go on without them.
pub(crate) fn failed_targets(project: &OpenProject) -> Vec<String> {
    let failed = project.failed_targets();
    failed
        .map(|(name, problems)| format!("Failed to load target {name}: {problems}"))
        .collect()
}

/// Selects the target that flags name.
pub(crate) fn select(
    project: &OpenProject,
    flags: &TargetFlags,
    discriminator: Option<&str>,
) -> Result<TargetConfig, Problems> {
    project.select(&TargetSelection {
        name: flags.target.clone(),
        name_override: flags.target_name_override.clone(),
        context: flags.context.clone(),
        discriminator: discriminator.map(str::to_owned),
    })
}

/// Options of a render out of flags.
pub(crate) fn render_options(
    images: &ImageFlags,
    inclusion: &InclusionFlags,
    kubernetes_version: Option<&str>,
    keep_files: bool,
    sops_strict: bool,
) -> Result<RenderOptions, Problems> {
    Ok(RenderOptions {
        images: fixed_images(images)?,
        inclusion: Inclusion::new(InclusionOptions {
            include_tags: inclusion.include_tag.clone(),
            exclude_tags: inclusion.exclude_tag.clone(),
            include_dirs: inclusion.include_deployment_dir.clone(),
            exclude_dirs: inclusion.exclude_deployment_dir.clone(),
        })?,
        kubernetes_version: kubernetes_version.map(str::to_owned),
        keep_files,
        sops_strict,
        trace: None,
        places: Vec::new(),
        assumed: Arc::default(),
    })
}

/// Secrets for a target, set up when they are needed; a person may be asked for passphrases of keys.
pub(crate) fn secrets(
    runtime: Runtime,
    target: &TargetConfig,
    cluster: Option<Cluster>,
    person: Arc<dyn Person>,
) -> Arc<dyn Secrets> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let aws = target.aws.clone().unwrap_or_default();
    Arc::new(RemoteSecrets::new(runtime, environment, aws, cluster, person))
}

/// Images of `--fixed-images-file`, then those of `--fixed-image`.
pub(crate) fn fixed_images(flags: &ImageFlags) -> Result<Vec<FixedImage>, Problem> {
    let mut images = Vec::new();
    if let Some(path) = &flags.fixed_images_file {
        let text =
            std::fs::read_to_string(path).map_err(|error| Problem::in_file(path, error.to_string()))?;
        let file: FixedImages = kluctl_yaml::decode(path.as_str(), &text)
            .map_err(|error| Problem::yaml(path.as_str(), &error, &text))?;
        images.extend(file.images);
    }
    for text in &flags.fixed_image {
        images.push(parse_fixed_image(text)?);
    }
    Ok(images)
}

/// Reads `image[:namespace[:deployment[:container]]]=result`. A port of the registry and a digest belong to the image.
fn parse_fixed_image(text: &str) -> Result<FixedImage, Problem> {
    let wrong = || {
        Problem::new("--fixed-image expects 'image<:namespace:deployment:container>=result'")
            .hint(format!("found `{text}`"))
    };
    let (left, result) = text.split_once('=').ok_or_else(wrong)?;
    if left.is_empty() || result.is_empty() || result.contains('=') {
        return Err(wrong());
    }
    let mut parts = left.split(':').peekable();
    let mut image = parts.next().unwrap_or_default().to_owned();
    let is_port = |part: &str| {
        let digits = part.split('/').next().unwrap_or_default();
        part.contains('/') && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    while let Some(part) = parts.peek() {
        let belongs = image.ends_with("@sha256") || (!image.contains('/') && is_port(part));
        if !belongs {
            break;
        }
        image.push(':');
        image.push_str(part);
        parts.next();
    }
    let mut next = || parts.next().map(str::to_owned);
    let (namespace, deployment, container) = (next(), next(), next());
    if next().is_some() {
        return Err(wrong());
    }
    Ok(FixedImage {
        image: Some(image),
        result_image: result.to_owned(),
        namespace,
        deployment,
        container,
        ..FixedImage::default()
    })
}

/// Writes a text to the files of `--output`, or to standard output.
pub(crate) fn write_output(output: &[String], text: &str) -> Result<(), Problem> {
    let to_stdout = || {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    let failed = |error: std::io::Error| Problem::new(format!("writing the result failed: {error}"));
    if output.is_empty() {
        return to_stdout().map_err(failed);
    }
    for path in output {
        match path.as_str() {
            "-" => to_stdout().map_err(failed)?,
            path => std::fs::write(path, text).map_err(|error| Problem::in_file(path, error.to_string()))?,
        }
    }
    Ok(())
}

/// Shows the stages of a render while it runs, and its warnings when it has ended.
pub(crate) fn in_stages(
    terminal: &Terminal,
    render: impl FnOnce(&(dyn Fn(Stage) + Sync)) -> Result<Rendered, Problems>,
) -> Result<Rendered, Problems> {
    let current = Mutex::new(None::<&'static str>);
    let next = |text: Option<&'static str>| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = current.take() {
            terminal.end(text, StepEnd::Succeeded);
        }
        if let Some(text) = text {
            terminal.start(text);
            *current = Some(text);
        }
    };
    let rendered = render(&|stage| next((stage != Stage::Loading).then(|| stage.text())));
    let failed = rendered
        .as_ref()
        .map_or(true, |rendered| !rendered.errors.is_empty());
    let last = *current.lock().unwrap_or_else(PoisonError::into_inner);
    match last {
        Some(text) if failed => terminal.end(text, StepEnd::Failed(None)),
        _ => next(None),
    }
    let rendered = rendered?;
    for warning in &rendered.warnings {
        terminal.warning(warning);
    }
    if rendered.errors.is_empty() {
        terminal.step("Writing rendered objects");
    }
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_images_may_have_ports_and_digests() {
        // text, image, namespace, deployment, container
        let cases = [
            ("a/b=r:1", Some(("a/b", None, None, None))),
            ("a/b:ns=r", Some(("a/b", Some("ns"), None, None))),
            (
                "a/b:ns:Deployment/x:c=r",
                Some(("a/b", Some("ns"), Some("Deployment/x"), Some("c"))),
            ),
            ("reg:5000/b:ns=r", Some(("reg:5000/b", Some("ns"), None, None))),
            ("reg:5000/b=reg:5000/b:2", Some(("reg:5000/b", None, None, None))),
            (
                "a@sha256:00ff:ns=r",
                Some(("a@sha256:00ff", Some("ns"), None, None)),
            ),
            ("a", None),
            ("a=b=c", None),
            ("a:b:c:d:e=r", None),
            ("=r", None),
        ];
        for (text, expected) in cases {
            let image = parse_fixed_image(text).ok();
            let parts = image.as_ref().map(|image| {
                (
                    image.image.as_deref().unwrap_or_default(),
                    image.namespace.as_deref(),
                    image.deployment.as_deref(),
                    image.container.as_deref(),
                )
            });
            assert_eq!(parts, expected, "{text}");
        }
    }
}
