//! The files that people write, as types: read strictly, checked, and turned into JSON Schemas.

mod deployment;
mod helm;
mod image;
mod library;
mod project;
mod repository;
mod schema;
mod text_list;
mod vars;

pub use deployment::{
    ConflictAction, ConflictResolution, Deployment, DeploymentItem, IgnoreForDiff, ObjectSelector,
};
pub use helm::{HelmChart, HelmChartFile};
pub use image::{FixedImage, FixedImages};
pub use library::Library;
pub use project::{ArgDeclaration, AwsConfig, Project, ServiceAccountRef, TargetConfig};
pub use repository::{GitRef, GitSource, OciRef, OciSource};
pub use schema::{FileKind, json_schema};
pub use text_list::TextList;
pub use vars::{
    AwsSecret, AzureSecret, ClusterKey, ClusterObject, GcpSecret, GitFile, GitFiles, GitVars, HttpVars,
    VarsKind, VarsSource, VaultSecret,
};

/// Gives a type that is decoded field by field a check of the whole, placed where the value stands.
macro_rules! checked {
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <$type>::deserialize(deserializer)?;
                value.check().map_err(serde::de::Error::custom)?;
                Ok(value)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$type>::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use checked;

#[cfg(test)]
mod tests;
