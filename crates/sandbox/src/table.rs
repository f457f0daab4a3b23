//! Objects as rows of a `Table`, or only their metadata.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::answer::Form;
use crate::columns;
use crate::convert;
use crate::read::Page;
use crate::resources::Resource;
use crate::write::typed;

/// Only an object's metadata.
fn partial(object: &Object, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object.at(&["metadata"]).cloned().unwrap_or_else(|| json!({})),
    })
}

fn row(resource: &Resource, object: &mut Object, include: &str) -> Value {
    let cells = columns::cells(resource, object);
    let mut row = json!({ "cells": cells });
    match include {
        "None" => row["object"] = Value::Null,
        "Object" => {
            typed(resource, object);
            row["object"] = object.to_value();
        }
        _ => row["object"] = partial(object, "v1"),
    }
    row
}

/// One object in a form that is not its own.
pub(crate) fn shape(resource: &Resource, object: &mut Object, form: &Form, with_columns: bool) -> Value {
    match form {
        Form::Object => object.to_value(),
        Form::Metadata { version, .. } => partial(object, version),
        Form::Table { version, include } => {
            let resource_version = object.at(&["metadata", "resourceVersion"]).cloned();
            let definitions = if with_columns {
                Value::Array(columns::definitions(resource))
            } else {
                Value::Null
            };
            json!({
                "kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"),
                "metadata": {"resourceVersion": resource_version},
                "columnDefinitions": definitions,
                "rows": [row(resource, object, include)],
            })
        }
    }
}

/// A page in a form that is not its own.
pub(crate) fn shape_list(resource: &Resource, page: &Page, form: &Form) -> Value {
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(next) = &page.next {
        metadata["continue"] = json!(next);
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    let objects = page
        .items
        .iter()
        .map(|(_, stored)| convert::to_version(stored.parse(), resource));
    match form {
        Form::Table { version, include } => {
            let rows: Vec<Value> = objects
                .map(|mut object| row(resource, &mut object, include))
                .collect();
            json!({
                "kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"), "metadata": metadata,
                "columnDefinitions": columns::definitions(resource), "rows": rows,
            })
        }
        Form::Metadata { version, .. } => {
            let items: Vec<Value> = objects.map(|object| partial(&object, version)).collect();
            json!({
                "kind": "PartialObjectMetadataList", "apiVersion": format!("meta.k8s.io/{version}"),
                "metadata": metadata, "items": items,
            })
        }
        Form::Object => {
            let items: Vec<Value> = objects.map(Value::from).collect();
            json!({
                "kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items,
            })
        }
    }
}
