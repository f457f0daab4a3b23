//! `kluctl list-images`.

use std::process::ExitCode;

use kluctl_project::config::{FixedImage, FixedImages};
use kluctl_project::{Problem, Problems};

use super::rendering::{RenderingFlags, render, report};
use crate::opening;
use crate::options::global::GlobalFlags;
use crate::options::output::{OutputFlags, RenderOutputDirFlags};
use crate::terminal::Terminal;

/// Renders the target and outputs all images used via 'images.get_image(...)'
///
/// The result is compatible with yaml files expected by --fixed-images-file. Fixed images that are given are taken into
/// account.
#[derive(Debug, clap::Args)]
pub(crate) struct ListImagesArgs {
    #[command(flatten)]
    rendering: RenderingFlags,

    #[command(flatten)]
    output: OutputFlags,

    #[command(flatten)]
    render_output: RenderOutputDirFlags,

    /// Output a simplified version of the images list
    #[arg(long)]
    simple: bool,
}

/// Renders a target and lists its images.
pub(crate) fn run(args: &ListImagesArgs, global: &GlobalFlags) -> ExitCode {
    let terminal = Terminal::of(global);
    report(&terminal, list(args, &terminal))
}

fn list(args: &ListImagesArgs, terminal: &Terminal) -> Result<(), Problems> {
    let keep_files = args.render_output.render_output_dir.is_some();
    let rendered = render(&args.rendering, keep_files, None, terminal)?;
    if let Some(folder) = &args.render_output.render_output_dir {
        super::render::write_files(folder, &rendered)?;
    }
    let images = if args.simple {
        rendered.seen_images.into_iter().map(simplified).collect()
    } else {
        rendered.seen_images
    };
    let value =
        serde_json::to_value(FixedImages { images }).map_err(|error| Problem::new(error.to_string()))?;
    Ok(opening::write_output(
        &args.output.output,
        &kluctl_yaml::to_string(&value),
    )?)
}

fn simplified(image: FixedImage) -> FixedImage {
    FixedImage {
        image: image.image,
        result_image: image.result_image,
        ..FixedImage::default()
    }
}
