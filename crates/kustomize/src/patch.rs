//! Patches: which kind a text is, which objects it is meant for, and its application.
//!
//! Source: kustomize `api/internal/builtins/Patch*Transformer.go`.

use bytes::Bytes;
use serde_json::json;

use crate::document::objects;
use crate::error::{Result, fail};
use crate::jsonpatch::{self, Operation};
use crate::kustomization::Patch;
use crate::loader::Loader;
use crate::node::Node;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use crate::selector::Selector;

/// A patch that has been read.
#[derive(Debug, Clone)]
pub(crate) struct LoadedPatch {
    content: Content,
    target: Option<Selector>,
    /// Where it comes from, for messages.
    source: String,
}

#[derive(Debug, Clone)]
enum Content {
    Merge(Vec<Resource>),
    Json(Vec<Operation>),
}

/// Reads an entry of `patches`.
pub(crate) fn load(patch: &Patch, loader: &Loader<'_>) -> Result<LoadedPatch> {
    let trimmed = patch.text.trim();
    let (text, source): (Bytes, String) = match (trimmed, patch.path.as_str()) {
        ("", "") => {
            return Err(fail!(
                "must specify one of patch and path in\n{}",
                settings(patch)
            ));
        }
        ("", path) => {
            let content = loader
                .load(path)
                .map_err(|error| error.within(format!("failed to get the patch file from path({path})")))?;
            (content, format!("[path: {path:?}]"))
        }
        (text, "") => (text.to_owned().into(), format!("[patch: {text:?}]")),
        _ => {
            return Err(fail!(
                "patch and path can't be set at the same time\n{}",
                settings(patch)
            ));
        }
    };
    let merges = objects(&text);
    let operations = match std::str::from_utf8(&text) {
        Ok("") => Err(fail!("empty json patch operations")),
        Ok(text) => jsonpatch::parse(text),
        Err(_) => Err(fail!("not UTF-8")),
    };
    let content = match (merges, operations) {
        (Ok(merges), Ok(operations)) if !merges.is_empty() && !operations.is_empty() => {
            return Err(fail!(
                "illegally qualifies as both an SM and JSON patch: {source}"
            ));
        }
        (Err(_), Err(_)) => return Err(fail!("unable to parse SM or JSON patch from {source}")),
        (Ok(merges), _) => {
            let mut resources: Vec<_> = merges.into_iter().map(Resource::new).collect();
            if let Some(options) = patch.options {
                for resource in &mut resources {
                    if options.allow_name_change {
                        resource.allow_name_change()?;
                    }
                    if options.allow_kind_change {
                        resource.allow_kind_change()?;
                    }
                }
            }
            Content::Merge(resources)
        }
        (_, Ok(operations)) => Content::Json(operations),
    };
    Ok(LoadedPatch {
        content,
        target: patch.target.clone(),
        source,
    })
}

/// The settings of an entry of `patchesJson6902` as its transformer would print them.
pub(crate) fn json_settings(patch: &Patch) -> String {
    settings_with(patch, "jsonOp")
}

/// The settings of a patch as its transformer would print them.
pub(crate) fn settings(patch: &Patch) -> String {
    settings_with(patch, "patch")
}

fn settings_with(patch: &Patch, text_name: &str) -> String {
    let mut value = json!({});
    if !patch.path.is_empty() {
        value["path"] = json!(patch.path);
    }
    if !patch.text.is_empty() {
        value[text_name] = json!(patch.text);
    }
    if let Some(target) = &patch.target {
        let mut map = serde_json::Map::new();
        for (key, text) in [
            ("annotationSelector", &target.annotations),
            ("group", &target.id.gvk.group),
            ("kind", &target.id.gvk.kind),
            ("labelSelector", &target.labels),
            ("name", &target.id.name),
            ("namespace", &target.id.namespace),
            ("version", &target.id.gvk.version),
        ] {
            if !text.is_empty() {
                map.insert(key.to_owned(), json!(text));
            }
        }
        value["target"] = map.into();
    }
    if let Some(options) = &patch.options {
        let mut map = serde_json::Map::new();
        if options.allow_kind_change {
            map.insert("allowKindChange".to_owned(), json!(true));
        }
        if options.allow_name_change {
            map.insert("allowNameChange".to_owned(), json!(true));
        }
        value["options"] = map.into();
    }
    kluctl_yaml::to_string(&value)
}

/// Applies an entry of `patches`.
pub(crate) fn apply(map: &mut ResMap, patch: &LoadedPatch, schema: &Schema) -> Result<()> {
    match (&patch.content, &patch.target) {
        (Content::Merge(patches), _) if patches.is_empty() => Ok(()),
        (Content::Merge(patches), Some(target)) => {
            let [merge] = patches.as_slice() else {
                return Err(fail!(
                    "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
                    patch.source
                ));
            };
            let positions = map.select(target, schema).map_err(|error| {
                error.within(format!("unable to find patch target \"{target}\" in `resources`"))
            })?;
            map.apply_patch(&positions, merge, schema)
        }
        (Content::Merge(patches), None) => {
            for merge in patches {
                let id = merge.ids(schema).original().clone();
                let position = map.get_by_id(&id, schema).map_err(|error| {
                    error.within(format!("no resource matches strategic merge patch \"{id}\""))
                })?;
                map.patch_in_place(position, merge, schema)?;
            }
            Ok(())
        }
        (Content::Json(operations), target) => {
            if operations.is_empty() {
                return Ok(());
            }
            let Some(target) = target else {
                return Err(fail!("must specify a target for JSON patch {}", patch.source));
            };
            for position in map.select(target, schema)? {
                let resource = &mut map.resources_mut()[position];
                resource.store_previous_id(schema)?;
                apply_json(resource, operations)?;
            }
            Ok(())
        }
    }
}

/// Applies a JSON patch to one object, which keeps its internal annotations.
fn apply_json(resource: &mut Resource, operations: &[Operation]) -> Result<()> {
    let internal = resource.internal_annotations();
    let patched = jsonpatch::apply(resource.node().to_value()?, operations)?;
    if !patched.is_object() {
        return Err(fail!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            crate::document::go_type(&patched)
        ));
    }
    *resource.node_mut() = Node::from_json(&patched);
    let mut annotations = resource.annotations();
    annotations.extend(internal);
    resource.set_annotations(annotations)
}

/// An entry of `patchesJson6902` that has been read.
#[derive(Debug, Clone)]
pub(crate) struct LoadedJsonPatch {
    operations: Vec<Operation>,
    target: Selector,
}

/// Reads an entry of `patchesJson6902`.
pub(crate) fn load_json(
    target: Option<&Selector>,
    path: &str,
    text: &str,
    loader: &Loader<'_>,
) -> Result<LoadedJsonPatch> {
    let Some(target) = target else {
        return Err(fail!("must specify a target for patch {text}"));
    };
    if target.id.name.is_empty() {
        return Err(fail!("must specify the target name"));
    }
    let text = match (path, text) {
        ("", "") => return Err(fail!("empty file path and empty jsonOp")),
        ("", text) => text.to_owned(),
        (path, "") => {
            let content = loader.load(path)?;
            let text = crate::document::text_of(&content)?.into_owned();
            if text.is_empty() {
                return Err(fail!("patch file '{path}' empty seems to be empty"));
            }
            text
        }
        _ => return Err(fail!("must specify a file path or jsonOp, not both")),
    };
    let operations = jsonpatch::parse(&text).map_err(|error| {
        let json = if text.starts_with('[') {
            None
        } else {
            kluctl_yaml::from_str_lenient(&text).ok()
        };
        let shown = json.map_or_else(|| text.clone(), |json| kluctl_yaml::go_json::to_string(&json));
        error.within(format!("decoding {shown}"))
    })?;
    if operations.is_empty() {
        return Err(fail!("patch appears to be empty; file={path}, JsonOp={text}"));
    }
    Ok(LoadedJsonPatch {
        operations,
        target: target.clone(),
    })
}

/// Applies an entry of `patchesJson6902`.
pub(crate) fn apply_json_patch(map: &mut ResMap, patch: &LoadedJsonPatch, schema: &Schema) -> Result<()> {
    for position in map.select(&patch.target, schema)? {
        apply_json(&mut map.resources_mut()[position], &patch.operations)?;
    }
    Ok(())
}

/// Reads the entries of `patchesStrategicMerge`: each one is a patch, or the path of a file of patches.
pub(crate) fn load_merges(paths: &[String], text: &str, loader: &Loader<'_>) -> Result<Vec<Resource>> {
    if paths.is_empty() && text.is_empty() {
        return Err(fail!("empty file path and empty patch content"));
    }
    let mut patches = Vec::new();
    for path in paths {
        let nodes = match objects(&Bytes::from(path.clone())) {
            Ok(nodes) => nodes,
            Err(_) => {
                let content = loader.load(path)?;
                objects(&content).map_err(|error| crate::target::in_file(error, path))?
            }
        };
        patches.extend(nodes.into_iter().map(Resource::new));
    }
    if !text.is_empty() {
        patches.extend(
            objects(&Bytes::from(text.to_owned()))?
                .into_iter()
                .map(Resource::new),
        );
    }
    if patches.is_empty() {
        return Err(fail!(
            "patch appears to be empty; files=[{}], Patch={text}",
            paths.join(" ")
        ));
    }
    Ok(patches)
}

/// Applies the patches of `patchesStrategicMerge`.
pub(crate) fn apply_merges(map: &mut ResMap, patches: &[Resource], schema: &Schema) -> Result<()> {
    for patch in patches {
        let id = patch.ids(schema).original().clone();
        let position = map.get_by_id(&id, schema)?;
        map.apply_patch(&[position], patch, schema)?;
    }
    Ok(())
}
