//! From loaded items to objects: templates, charts, kustomizations, and what every object gets.
//!
//! Each step runs over all items in parallel before the next begins, since kustomizations may use the rendered files of other
//! items. Nothing touches the disk.

mod helm;
mod images;
mod kustomization;
mod objects;
mod origins;
mod output;
mod record;
mod remote;
mod run;
mod templates;
mod tracing;

pub(crate) use helm::Charts;
pub use helm::pulled_dir;
pub(crate) use kustomization::{ItemFiles, RenderedTree};
pub(crate) use origins::{ChartSource, chart_behind, kustomize_with_origins};
pub use output::RenderedFiles;
pub use remote::KustomizeRemote;
pub use run::{RenderOptions, Stage, World, render};
pub(crate) use run::{is_in, on_threads};
pub(crate) use templates::is_raw;
