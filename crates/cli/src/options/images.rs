//! `--fixed-image`: pinned images.

use camino::Utf8PathBuf;
use clap::Args;

use super::values;

/// Images that stand where templates ask for one.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Image arguments")]
pub(crate) struct ImageFlags {
    /// Pin an image to a given version. Expects '--fixed-image=image<:namespace:deployment:container>=result'
    #[arg(long, short = 'F', value_name = "stringArray")]
    pub(crate) fixed_image: Vec<String>,

    /// Use .yaml file to pin image versions. See output of list-images sub-command
    #[arg(long, value_name = "existingfile", value_parser = values::existing_file)]
    pub(crate) fixed_images_file: Option<Utf8PathBuf>,
}
