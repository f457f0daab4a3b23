//! `--arg` and `--args-from-file`: the arguments of a project.

use clap::Args;

use super::project::HEADING;

/// Arguments given to the project.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct ArgsFlags {
    /// Passes a template argument in the form of name=value
    ///
    /// Nested args can be set with the '-a my.nested.arg=value' syntax. Values are interpreted as yaml values, meaning that
    /// 'true' and 'false' will lead to boolean values and numbers will be treated as numbers. Use quotes if you want these
    /// to be treated as strings. If the value starts with @, it is treated as a file, meaning that the contents of the file
    /// will be loaded and treated as yaml.
    #[arg(long, short = 'a', value_name = "stringArray")]
    pub(crate) arg: Vec<String>,

    /// Loads a yaml file and makes it available as arguments, meaning that they will be available through the global 'args' variable
    #[arg(long, value_name = "stringArray")]
    pub(crate) args_from_file: Vec<String>,
}
