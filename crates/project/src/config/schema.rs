//! JSON Schemas of the files, out of the types that read them.

use schemars::Schema;

use super::{Deployment, FixedImages, HelmChartFile, Library, Project, VarsSource};

/// A kind of file that a project has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.kluctl.yaml`
    Project,
    /// `.kluctl-library.yaml`
    Library,
    /// `deployment.yaml`
    Deployment,
    /// `helm-chart.yaml`
    HelmChart,
    /// `--fixed-images-file`
    FixedImages,
    /// One entry of `vars`
    Vars,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Project,
        Self::Library,
        Self::Deployment,
        Self::HelmChart,
        Self::FixedImages,
        Self::Vars,
    ];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Library => "library",
            Self::Deployment => "deployment",
            Self::HelmChart => "helm-chart",
            Self::FixedImages => "fixed-images",
            Self::Vars => "vars",
        }
    }
}

/// The JSON Schema of a kind of file.
pub fn json_schema(kind: FileKind) -> Schema {
    let mut schema = match kind {
        FileKind::Project => schemars::schema_for!(Project),
        FileKind::Library => schemars::schema_for!(Library),
        FileKind::Deployment => schemars::schema_for!(Deployment),
        FileKind::HelmChart => schemars::schema_for!(HelmChartFile),
        FileKind::FixedImages => schemars::schema_for!(FixedImages),
        FileKind::Vars => schemars::schema_for!(VarsSource),
    };
    schema.insert("$comment".to_owned(), "written by `kluctl schema`".into());
    schema
}
