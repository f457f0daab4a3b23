//! Flags that every command takes.

use camino::Utf8PathBuf;
use clap::Args;

use crate::terminal::LogFormat;

/// Flags that every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global arguments")]
pub(crate) struct GlobalFlags {
    /// Enable debug logging
    #[arg(long, global = true)]
    pub(crate) debug: bool,

    /// Disable update check on startup
    #[arg(long, global = true)]
    pub(crate) no_update_check: bool,

    /// Disable colored output; the variable NO_COLOR does the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,

    /// How progress is written to standard error
    #[arg(long, global = true, value_name = "format", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// Enable CPU profiling and write the result to the given path
    #[arg(long, global = true, value_name = "string")]
    pub(crate) cpu_profile: Option<Utf8PathBuf>,

    /// Accepted without effect: there is no Go runtime to look into
    #[arg(long, global = true)]
    pub(crate) gops_agent: bool,

    /// Accepted without effect: there is no Go runtime to look into
    #[arg(
        long,
        global = true,
        value_name = "string",
        default_value = "127.0.0.1:0",
        hide_default_value = true
    )]
    pub(crate) gops_agent_addr: String,

    /// Accepted without effect: templates need no Python
    #[arg(long, global = true)]
    pub(crate) use_system_python: bool,
}

/// Whether the person wants no colours anywhere.
///
/// Source: no-color.org.
pub(crate) fn is_colorless() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

impl GlobalFlags {
    /// Whether colours may be used where a terminal shows them.
    pub(crate) fn color(&self) -> bool {
        !self.no_color && !is_colorless()
    }
}
