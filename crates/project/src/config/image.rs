//! Fixed images: `images` of a target, `--fixed-images-file`, and what `list-images` prints.

use kluctl_object::ObjectRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked;

/// Images in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedImages {
    /// The images; the last one that fits wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<FixedImage>,
}

/// An image for those places that all given fields fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct FixedImage {
    /// Image that a template asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Regular expression over images that templates ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_regex: Option<String>,
    /// Image that takes its place.
    #[serde(default)]
    pub result_image: String,
    /// Image that runs in the cluster now (output only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed_image: Option<String>,
    /// Namespace of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub object: Option<ObjectRef>,
    /// Kind and name of the object, `Deployment/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Name of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Tags of the deployment item (output only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deploy_tags: Vec<String>,
    /// Folder of the deployment item (output only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_dir: Option<String>,
}

checked!(FixedImage);

impl FixedImage {
    fn check(&self) -> Result<(), String> {
        match (&self.image, &self.image_regex) {
            (None, None) => return Err("one of image or imageRegex must be set".to_owned()),
            (Some(_), Some(_)) => return Err("only one of image or imageRegex can be set".to_owned()),
            _ => {}
        }
        if self.result_image.is_empty() {
            return Err("`resultImage` is required".to_owned());
        }
        Ok(())
    }
}
