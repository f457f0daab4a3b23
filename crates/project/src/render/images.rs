//! Images: placeholders that templates left in objects, and what stands in their place.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_object::{KeyPath, Object, ObjectRef};
use regex::Regex;
use serde_json::Value;

use crate::config::FixedImage;
use crate::load::LoadedItem;
use crate::outside::{ClusterReader, KindQuery};
use crate::problem::{Gathered, Problem, Problems};
use crate::tree::named;

const BEGIN: &str = "XXXXXbegin_get_image_";
const END: &str = "_end_get_imageXXXXX";

/// An image with its regular expression ready.
struct Candidate {
    image: FixedImage,
    regex: Option<Regex>,
}

impl Candidate {
    fn new(image: FixedImage) -> Result<Self, Problem> {
        let regex = image.image_regex.as_deref().map(Regex::new).transpose();
        let regex = regex.map_err(|error| Problem::new(format!("imageRegex of a fixed image: {error}")))?;
        Ok(Self { image, regex })
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let same =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        same(&self.image.image, asked.image)
            && self
                .regex
                .as_ref()
                .is_none_or(|regex| regex.is_match(asked.image))
            && same(
                &self.image.namespace,
                asked.reference.namespace.as_deref().unwrap_or_default(),
            )
            && same(&self.image.deployment, asked.deployment)
            && same(&self.image.container, asked.container)
    }
}

/// The images of a run: what is fixed from outside, and what was seen.
pub(super) struct Images {
    fixed: Vec<Candidate>,
    seen: Mutex<Vec<(usize, FixedImage)>>,
}

/// One place that asks for an image.
struct Asked<'a> {
    image: &'a str,
    reference: &'a ObjectRef,
    deployment: &'a str,
    container: &'a str,
}

/// A text of an object that holds placeholders.
struct Found {
    path: KeyPath,
    container: String,
    text: String,
}

impl Images {
    pub(super) fn new(fixed: Vec<FixedImage>) -> Result<Self, Problem> {
        Ok(Self {
            fixed: fixed.into_iter().map(Candidate::new).collect::<Result<_, _>>()?,
            seen: Mutex::default(),
        })
    }

    /// What was seen, sorted by image, then in the order of the objects.
    pub(super) fn into_seen(self) -> Vec<FixedImage> {
        let mut seen = self.seen.into_inner().unwrap_or_default();
        seen.sort_by(|(order_a, a), (order_b, b)| (&a.image, order_a).cmp(&(&b.image, order_b)));
        seen.into_iter().map(|(_, image)| image).collect()
    }

    /// Replaces the placeholders of an object.
    pub(super) fn fill_in(
        &self,
        item: &LoadedItem,
        cluster: Option<&dyn ClusterReader>,
        object: &mut Object,
    ) -> Result<(), Problems> {
        let mut found = Vec::new();
        for (key, value) in sorted(object.as_map()) {
            collect(value, &KeyPath::default().child(key.as_str()), "", &mut found);
        }
        if found.is_empty() {
            return Ok(());
        }
        let own = own_images(item)?;
        let reference = object.reference();
        let live = match cluster {
            Some(cluster) => live_object(cluster, &reference)?,
            None => None,
        };
        let mut whole = Value::from(std::mem::take(object));
        let mut problems = Gathered::default();
        for found in found {
            let deployed = live
                .as_ref()
                .and_then(|live| found.path.get(live))
                .and_then(Value::as_str);
            let text = problems.keep(self.replace(item, &own, &reference, &found, deployed));
            if let (Some(text), Some(slot)) = (text, found.path.get_mut(&mut whole)) {
                *slot = Value::String(text);
            }
        }
        if let Ok(filled) = Object::try_from(whole) {
            *object = filled;
        }
        problems.finish(())
    }

    fn replace(
        &self,
        item: &LoadedItem,
        own: &[Candidate],
        reference: &ObjectRef,
        found: &Found,
        deployed: Option<&str>,
    ) -> Result<String, Problem> {
        let deployment = format!("{}/{}", reference.kind, reference.name);
        let mut result = String::new();
        let mut rest = found.text.as_str();
        let is_whole = rest.starts_with(BEGIN) && rest.ends_with(END) && rest.matches(BEGIN).count() == 1;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let (encoded, after) = after
                .split_once(END)
                .ok_or_else(|| Problem::new("beginPlaceholder marker without endPlaceholder marker"))?;
            let image = decode(encoded)?;
            let asked = Asked {
                image: &image,
                reference,
                deployment: &deployment,
                container: &found.container,
            };
            let chosen = pick(&self.fixed, &asked).or_else(|| pick(own, &asked));
            self.remember(item, &asked, chosen, deployed.filter(|_| is_whole));
            let Some(chosen) = chosen else {
                return Err(Problem::new(format!("failed to find fixed image for {image}"))
                    .context(format!("{reference} at {}", found.path))
                    .hint("pass `-F image=result`, or list the image in the target's `images` or in the variable `images`"));
            };
            result.push_str(before);
            result.push_str(&chosen.result_image);
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn remember(
        &self,
        item: &LoadedItem,
        asked: &Asked<'_>,
        chosen: Option<&FixedImage>,
        deployed: Option<&str>,
    ) {
        let dir = item.rendered_dir().unwrap_or_default();
        let image = FixedImage {
            image: Some(asked.image.to_owned()),
            result_image: chosen.map(|image| image.result_image.clone()).unwrap_or_default(),
            deployed_image: deployed.map(str::to_owned),
            namespace: Some(asked.reference.namespace.clone().unwrap_or_default()),
            object: Some(asked.reference.clone()),
            deployment: Some(asked.deployment.to_owned()),
            container: Some(asked.container.to_owned()),
            deploy_tags: item.tags.clone(),
            deployment_dir: Some(named(&dir).to_owned()),
            ..FixedImage::default()
        };
        if let Ok(mut seen) = self.seen.lock() {
            seen.push((item.order, image));
        }
    }
}

/// The last one that fits.
fn pick<'c>(candidates: &'c [Candidate], asked: &Asked<'_>) -> Option<&'c FixedImage> {
    candidates
        .iter()
        .rev()
        .find(|candidate| candidate.fits(asked))
        .map(|candidate| &candidate.image)
}

/// The list variable `images`.
fn own_images(item: &LoadedItem) -> Result<Vec<Candidate>, Problem> {
    let list = match item.vars.get("images") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return Err(Problem::new(format!(
                "failed to parse fixed images from vars: expected a list, found {}",
                kluctl_object::type_name(other)
            )));
        }
    };
    let read = list.iter().enumerate().map(|(index, value)| {
        let image = kluctl_yaml::decode("images", &value.to_string()).map_err(|error| {
            Problem::new(format!(
                "failed to parse fixed image from vars at index {index}: {}",
                error.message()
            ))
        })?;
        Candidate::new(image)
    });
    read.collect()
}

fn live_object(cluster: &dyn ClusterReader, reference: &ObjectRef) -> Result<Option<Value>, Problem> {
    let query = KindQuery {
        group: Some(reference.group.clone()),
        version: Some(reference.version.clone()),
        kind: reference.kind.clone(),
    };
    let found = cluster.get(&query, reference.namespace.as_deref(), &reference.name)?;
    Ok(found.map(Value::from))
}

/// The image that a placeholder asks for.
fn decode(encoded: &str) -> Result<String, Problem> {
    let broken = || {
        Problem::new("an image placeholder cannot be read; use `images.get_image` as the value's only text")
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| broken())?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| broken())?;
    value
        .get("image")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(broken)
}

fn sorted(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// Finds all texts with placeholders; `container` is the `name` beside them.
fn collect(value: &Value, path: &KeyPath, container: &str, found: &mut Vec<Found>) {
    match value {
        Value::String(text) if text.contains(BEGIN) => found.push(Found {
            path: path.clone(),
            container: container.to_owned(),
            text: text.clone(),
        }),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                if may_hold(value) {
                    collect(value, &path.child(index), "", found);
                }
            }
        }
        Value::Object(map) => {
            let name = map.get("name").and_then(Value::as_str).unwrap_or_default();
            for (key, value) in sorted(map) {
                if may_hold(value) {
                    collect(value, &path.child(key.as_str()), name, found);
                }
            }
        }
        _ => {}
    }
}

fn may_hold(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(BEGIN),
        Value::Array(_) | Value::Object(_) => true,
        _ => false,
    }
}
