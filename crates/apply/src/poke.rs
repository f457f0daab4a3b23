//! Replaces images in live objects, and nothing else.

use futures::future::join_all;
use kluctl_cluster::{ApiError, Cluster};
use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

use crate::execute::{Applied, MANAGER};
use crate::live::LiveObjects;
use crate::problem::Problems;

/// The image that a container of an object should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOverride {
    /// The object.
    pub object: ObjectRef,
    /// The container's name.
    pub container: String,
    /// The image.
    pub image: String,
}

/// Replaces images of containers in live objects. An object that changes meanwhile is read and changed again.
///
/// Source: kluctl `pkg/deployment/commands/poke_images.go`.
pub async fn poke_images(
    cluster: &Cluster,
    live: &LiveObjects,
    images: &[ImageOverride],
    problems: &mut Problems,
) -> Vec<Applied> {
    let mut objects: Vec<&ObjectRef> = Vec::new();
    for image in images {
        if !objects.contains(&&image.object) {
            objects.push(&image.object);
        }
    }
    let mut pokes = Vec::new();
    for reference in objects {
        match live.get(reference) {
            Some(object) => pokes.push((reference, object)),
            None => problems.warning(
                Some(reference),
                "remote object not found, skipped image replacement",
            ),
        }
    }
    let results = join_all(
        pokes
            .iter()
            .map(|(reference, object)| poke(cluster, object, reference, images)),
    )
    .await;
    let mut applied = Vec::new();
    for ((reference, _), result) in pokes.into_iter().zip(results) {
        match result {
            Ok((object, warnings)) => {
                problems.server_warnings(reference, &warnings);
                applied.extend(object.map(|object| Applied {
                    reference: reference.clone(),
                    object,
                    hook: false,
                    new: false,
                }));
            }
            Err(error) => problems.error(Some(reference), error.to_string()),
        }
    }
    applied
}

async fn poke(
    cluster: &Cluster,
    known: &Object,
    reference: &ObjectRef,
    images: &[ImageOverride],
) -> Result<(Option<Object>, Vec<String>), ApiError> {
    let mut live = known.clone();
    loop {
        let mut wanted = live.clone();
        set_images(&mut wanted, reference, images);
        if wanted == live {
            return Ok((Some(live), Vec::new()));
        }
        match cluster.replace(&wanted, MANAGER, false).await {
            Ok(answer) => return Ok((Some(answer.value), answer.warnings)),
            Err(error) if error.is_field_conflict() => match cluster.get(reference).await?.value {
                Some(fresh) => live = fresh,
                None => return Ok((None, Vec::new())),
            },
            Err(error) => return Err(error),
        }
    }
}

fn set_images(object: &mut Object, reference: &ObjectRef, images: &[ImageOverride]) {
    for key in ["containers", "initContainers"] {
        let Some(mut list) = object.remove(&["spec", "template", "spec", key]) else {
            continue;
        };
        for container in list.as_array_mut().into_iter().flatten() {
            let wanted = images
                .iter()
                .filter(|image| image.object.identity() == reference.identity())
                .rfind(|image| container["name"] == image.container.as_str());
            if let Some(wanted) = wanted {
                container["image"] = Value::from(&*wanted.image);
            }
        }
        object.set(&["spec", "template", "spec", key], list);
    }
}
