//! Copies values from one object's field to fields of others.
//!
//! Source: kustomize `api/filters/replacement/replacement.go`.

use crate::error::{Result, fail};
use crate::fieldspec::split_field_path;
use crate::kustomization::{FieldOptions, Replacement, ReplacementField, Source, Target};
use crate::loader::Loader;
use crate::node::Node;
use crate::path::{Shape, lookup, visit};
use crate::resid::ResId;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use crate::selector::Matcher;
use crate::structured::Structured;

/// Reads the entries of `replacements`, from their files where they have some.
pub(crate) fn load(fields: &[ReplacementField], loader: &Loader<'_>) -> Result<Vec<Replacement>> {
    let mut replacements = Vec::new();
    for field in fields {
        let inline = &field.replacement;
        if field.path.is_empty() {
            replacements.push(inline.clone());
            continue;
        }
        if inline.source.is_some() || inline.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
            return Err(fail!("cannot specify both path and inline replacement"));
        }
        let content = loader.load(&field.path)?;
        let text = crate::document::text_of(&content)?;
        let value = kluctl_yaml::from_str_lenient(&text).map_err(|error| {
            fail!(
                "error converting YAML to JSON: {} in file '{}'",
                crate::document::yaml_message(&error),
                field.path
            )
        })?;
        let decode = |value: &serde_json::Value| {
            crate::kustomization::decode_replacement(value).map_err(|error| {
                error.within(format!(
                    "error unmarshaling JSON: while decoding JSON of {}",
                    field.path
                ))
            })
        };
        match &value {
            serde_json::Value::Array(items) => {
                for item in items {
                    replacements.push(decode(item)?);
                }
            }
            serde_json::Value::Object(_) => replacements.push(decode(&value)?),
            other => {
                let kind = match other {
                    serde_json::Value::String(_) => "string",
                    serde_json::Value::Bool(_) => "bool",
                    serde_json::Value::Number(_) => "float64",
                    _ => "invalid",
                };
                return Err(fail!(
                    "unsupported replacement type encountered within replacement path: {kind}"
                ));
            }
        }
    }
    Ok(replacements)
}

/// Applies replacements one after the other.
pub(crate) fn apply(map: &mut ResMap, replacements: &[Replacement], schema: &Schema) -> Result<()> {
    for replacement in replacements {
        let has_source = replacement.source.is_some() || replacement.source_value.is_some();
        let targets = replacement.targets.as_ref().filter(|targets| !targets.is_empty());
        let (true, Some(targets)) = (has_source, targets) else {
            return Err(fail!(
                "replacements must specify a source and at least one target"
            ));
        };
        let value = value_of(map, replacement, schema)?;
        for target in targets {
            copy_to(map, &value, target, schema)?;
        }
    }
    map.drop_empties();
    Ok(())
}

/// All names an object has and had, without what is known of its scope.
fn all_ids(resource: &Resource, schema: &Schema) -> Vec<ResId> {
    let ids = resource.ids(schema);
    let mut all = Vec::with_capacity(1 + ids.previous.len());
    all.push(ResId {
        cluster_scoped: false,
        ..ids.current.clone()
    });
    all.extend(ids.previous.iter().cloned());
    all
}

fn describe(source: &Source) -> String {
    let mut text = source.id.to_string();
    if !source.field_path.is_empty() {
        text = format!("{text}:{}", source.field_path);
    }
    if let Some(options) = &source.options
        && (!options.delimiter.is_empty() || options.create)
    {
        text = format!(
            "{text}:{}({}), create={}",
            options.delimiter, options.index, options.create
        );
    }
    text
}

fn value_of(map: &ResMap, replacement: &Replacement, schema: &Schema) -> Result<Node> {
    let source = match (&replacement.source_value, &replacement.source) {
        (Some(_), Some(_)) => return Err(fail!("value and resource selectors are mutually exclusive")),
        (Some(value), None) => return Ok(Node::untyped(value.clone())),
        (None, Some(source)) => source,
        (None, None) => {
            return Err(fail!(
                "replacements must specify a source and at least one target"
            ));
        }
    };
    let mut found = map.resources().iter().filter(|resource| {
        all_ids(resource, schema)
            .iter()
            .any(|id| id.is_selected_by(&source.id))
    });
    let Some(resource) = found.next() else {
        return Err(fail!("nothing selected by {}", describe(source)));
    };
    if found.next().is_some() {
        return Err(fail!("multiple matches for selector {}", describe(source)));
    }
    let path = if source.field_path.is_empty() {
        "metadata.name"
    } else {
        &source.field_path
    };
    let value = lookup(resource.node(), &split_field_path(path))
        .map_err(|error| error.within("error looking up replacement source"))?
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            fail!(
                "fieldPath `{path}` is missing for replacement source {}",
                source.id
            )
        })?;
    if value.is_larger_than(MAX_COPIED) {
        return Err(fail!(
            "fieldPath `{path}` of replacement source {} has more than {MAX_COPIED} values",
            source.id
        ));
    }
    refine(value, source.options.as_ref())
}

/// How many values one replacement may copy, since each can double an object.
const MAX_COPIED: usize = 100_000;

/// The part of the value that the options ask for.
fn refine(value: &Node, options: Option<&FieldOptions>) -> Result<Node> {
    let Some(options) = options.filter(|options| !options.delimiter.is_empty()) else {
        return Ok(value.clone());
    };
    let Node::Scalar(scalar) = value else {
        return Err(fail!("delimiter option can only be used with scalar nodes"));
    };
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| scalar.text.split(options.delimiter.as_str()).nth(index));
    let Some(part) = part else {
        return Err(fail!(
            "options.index {} is out of bounds for value {}",
            options.index,
            scalar.text
        ));
    };
    let mut scalar = scalar.clone();
    part.clone_into(&mut scalar.text);
    Ok(Node::Scalar(scalar))
}

fn copy_to(map: &mut ResMap, value: &Node, target: &Target, schema: &Schema) -> Result<()> {
    let Some(select) = &target.select else {
        return Err(fail!("target must specify resources to select"));
    };
    let matcher = select
        .compile()
        .map_err(|error| error.within("error creating target selector"))?;
    let mut rejects = Vec::with_capacity(target.reject.len());
    for reject in &target.reject {
        let matcher = reject
            .compile()
            .map_err(|error| error.within("error creating target selector"))?;
        rejects.push((reject, matcher));
    }
    for resource in map.resources_mut() {
        if !matches_annotations_and_labels(resource, &matcher)? {
            continue;
        }
        let mut rejected = false;
        for (reject, matcher) in &rejects {
            let says_something = !reject.annotations.is_empty() || !reject.labels.is_empty();
            if says_something && matches_annotations_and_labels(resource, matcher)? {
                rejected = true;
                break;
            }
        }
        let ids = all_ids(resource, schema);
        rejected = rejected
            || rejects
                .iter()
                .filter(|(reject, _)| !reject.has_no_id())
                .any(|(_, matcher)| ids.iter().any(|id| matcher.matches_id(id)));
        if rejected || !ids.iter().any(|id| matcher.matches_id(id)) {
            continue;
        }
        copy_into(resource.node_mut(), value, target)?;
        crate::links::spread(resource.content_mut());
    }
    Ok(())
}

fn matches_annotations_and_labels(resource: &Resource, matcher: &Matcher<'_>) -> Result<bool> {
    Ok(
        matcher.matches_annotations(&resource.annotations())?
            && matcher.matches_labels(&resource.labels())?,
    )
}

fn copy_into(node: &mut Node, value: &Node, target: &Target) -> Result<()> {
    let default = ["metadata.name".to_owned()];
    let paths = if target.field_paths.is_empty() {
        &default[..]
    } else {
        &target.field_paths
    };
    let options = target.options.as_ref();
    let create = options.filter(|options| options.create).map(|_| Shape::of(value));
    for path in paths {
        let parts = split_field_path(path);
        if let Structured::Done = crate::structured::set(node, value, &parts, create)? {
            continue;
        }
        let missing = || {
            let what = if create.is_some() {
                "find or create"
            } else {
                "find"
            };
            format!("unable to {what} field {path:?} in replacement target")
        };
        let mut trouble = None;
        let count = visit(node, &parts, create, &mut |field| {
            if let Err(error) = set(field, value, options) {
                trouble = Some(error);
            }
            Ok(())
        })
        .map_err(|error| error.within(missing()))?;
        if let Some(error) = trouble {
            return Err(error);
        }
        if count == 0 {
            return Err(fail!("{}", missing()));
        }
    }
    Ok(())
}

fn set(field: &mut Node, value: &Node, options: Option<&FieldOptions>) -> Result<()> {
    let mut value = value.clone();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        let Node::Scalar(old) = &*field else {
            return Err(fail!("delimiter option can only be used with scalar nodes"));
        };
        let mut parts: Vec<&str> = old.text.split(options.delimiter.as_str()).collect();
        let text = value.value_text().to_owned();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) if index >= parts.len() => parts.push(&text),
            Ok(index) => parts[index] = &text,
        }
        let joined = parts.join(&options.delimiter);
        match &mut value {
            Node::Scalar(scalar) => scalar.text = joined,
            // The text of a map or list is lost when it is copied over a scalar.
            _ => value = Node::untyped(joined),
        }
    }
    match field {
        Node::Scalar(scalar) => {
            value.text().clone_into(&mut scalar.text);
            crate::links::note(scalar);
        }
        other => *other = value,
    }
    Ok(())
}
