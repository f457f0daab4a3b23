//! Objects of a result with each stage stored as its difference from the one before.
//!
//! Source: kluctl `pkg/types/result/compact.go`.

use kluctl_object::Object;
use serde_json::{Map, Value};

use crate::delta;
use crate::result::ResultObject;

/// Why compacted objects cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// A stage refers to one before it that is not there.
    #[error("prevJson empty")]
    NoPrevious,
    /// A stage is neither whole nor a delta.
    #[error("unexpected object/delta")]
    Unexpected,
    /// A delta does not fit.
    #[error("patch did not fully apply: {0}")]
    Delta(String),
    /// The text is no JSON of the right form.
    #[error("{0}")]
    Json(String),
}

const STAGES: [&str; 3] = ["rendered", "remote", "applied"];

/// Compacts objects to JSON.
pub fn compact(objects: &[ResultObject]) -> Value {
    Value::Array(objects.iter().map(compact_object).collect())
}

/// One object, each stage as its difference from the one before.
pub(crate) fn compact_object(object: &ResultObject) -> Value {
    let without_stages = ResultObject {
        rendered: None,
        remote: None,
        applied: None,
        ..object.clone()
    };
    let mut map = match serde_json::to_value(without_stages) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let mut previous: Option<&Object> = None;
    for (name, stage) in STAGES
        .into_iter()
        .zip([&object.rendered, &object.remote, &object.applied])
    {
        let Some(stage) = stage else { continue };
        let json = stage.to_go_json();
        let delta = previous.map(|previous| delta::between(previous.as_map(), stage.as_map()));
        let text = match delta.filter(|delta| delta.len() < json.len()) {
            Some(delta) => format!("delta: {delta}"),
            None => format!("full: {json}"),
        };
        map.insert(name.to_owned(), Value::from(text));
        previous = Some(stage);
    }
    Value::Object(map)
}

/// Reads what [`compact`] (or upstream) wrote.
pub fn expand(compacted: &Value) -> Result<Vec<ResultObject>, CompactError> {
    let list = compacted.as_array().ok_or(CompactError::Unexpected)?;
    list.iter().map(expand_object).collect()
}

fn expand_object(compacted: &Value) -> Result<ResultObject, CompactError> {
    let mut map = compacted.as_object().ok_or(CompactError::Unexpected)?.clone();
    let stages = STAGES.map(|name| map.remove(name));
    let mut object: ResultObject =
        serde_json::from_value(Value::Object(map)).map_err(|error| CompactError::Json(error.to_string()))?;
    let mut previous = String::new();
    let [rendered, remote, applied] = stages;
    object.rendered = expand_stage(rendered.as_ref(), &mut previous)?;
    object.remote = expand_stage(remote.as_ref(), &mut previous)?;
    object.applied = expand_stage(applied.as_ref(), &mut previous)?;
    Ok(object)
}

fn expand_stage(stage: Option<&Value>, previous: &mut String) -> Result<Option<Object>, CompactError> {
    let Some(text) = stage.and_then(Value::as_str).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let json = if let Some(full) = text.strip_prefix("full: ") {
        full.to_owned()
    } else if let Some(delta) = text.strip_prefix("delta: ") {
        if previous.is_empty() {
            return Err(CompactError::NoPrevious);
        }
        delta::apply(previous, delta).map_err(|error| CompactError::Delta(error.to_string()))?
    } else {
        return Err(CompactError::Unexpected);
    };
    let object = serde_json::from_str(&json).map_err(|error| CompactError::Json(error.to_string()))?;
    *previous = json;
    Ok(Some(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Option<Object> {
        Some(Object::try_from(value).unwrap())
    }

    #[test]
    fn objects_survive_compaction() {
        let original = ResultObject {
            new: true,
            rendered: object(json!({"kind": "ConfigMap", "data": {"a": "<ä>", "long": "x".repeat(200)}})),
            remote: None,
            applied: object(
                json!({"kind": "ConfigMap", "data": {"a": "<ö>", "long": "x".repeat(200)}, "z": 1}),
            ),
            ..ResultObject::default()
        };
        let compacted = compact(std::slice::from_ref(&original));
        let text = compacted[0]["applied"].as_str().unwrap();
        assert!(text.starts_with("delta: ") && text.len() < 100, "{text}");
        assert!(compacted[0]["rendered"].as_str().unwrap().contains("\\u003c"));
        assert_eq!(expand(&compacted).unwrap(), [original]);
    }

    #[test]
    fn equal_stages_are_one_length() {
        let same = object(json!({"kind": "X", "data": {"a": "ä"}}));
        let original = ResultObject {
            rendered: same.clone(),
            remote: same,
            ..ResultObject::default()
        };
        assert_eq!(compact(&[original])[0]["remote"], "delta: =29");
    }

    #[test]
    fn deltas_of_upstream_are_read() {
        // written by diff-match-patch in Go: cut inside tokens
        let compacted = json!([{"ref": {"kind": "X", "name": "x"},
            "rendered": "full: {\"kind\":\"X\",\"n\":10}", "applied": "delta: =16\t-1\t+2\t=2"}]);
        let objects = expand(&compacted).unwrap();
        assert_eq!(objects[0].applied.as_ref().unwrap().at(&["n"]), Some(&json!(20)));
    }
}
