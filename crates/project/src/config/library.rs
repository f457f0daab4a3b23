//! `.kluctl-library.yaml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ArgDeclaration;

/// A library project: what an include must give it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Arguments that the including item gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<ArgDeclaration>,
}
