//! Where results go: `--output-format`, `--output`, `--render-output-dir`.

use camino::Utf8PathBuf;
use clap::Args;

/// Heading of flags that belong to single commands.
pub(crate) const MISC: &str = "Misc arguments";

/// How the result of a command that changes or compares is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct OutputFormatFlags {
    /// Specify output format and target file, in the format 'format=path'. Can be specified multiple times
    #[arg(long, short = 'o', value_name = "stringArray")]
    pub(crate) output_format: Vec<String>,

    /// Disable obfuscation of sensitive/secret data
    #[arg(long)]
    pub(crate) no_obfuscate: bool,

    /// When using the 'text' output format (which is the default), only names of changed objects are shown instead of all changes
    #[arg(long)]
    pub(crate) short_output: bool,
}

/// Files that a list is written to.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct OutputFlags {
    /// Specify output target file. Can be specified multiple times
    #[arg(long, short = 'o', value_name = "stringArray")]
    pub(crate) output: Vec<String>,
}

/// Where rendered files are left for people to read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct RenderOutputDirFlags {
    /// Specifies the target directory to render the project into. If omitted, nothing is written to disk.
    #[arg(long, value_name = "string")]
    pub(crate) render_output_dir: Option<Utf8PathBuf>,
}
