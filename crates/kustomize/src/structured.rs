//! Values inside texts that are JSON or YAML themselves: `data.config\.json.server.port`.
//!
//! Source: kustomize `api/filters/replacement/replacement.go`, `setValueInStructuredData`.

use crate::error::{Result, fail};
use crate::node::Node;
use crate::path::{Shape, lookup, visit};

/// Sets a value behind a path that leads into a text. An error when it does not, or when nothing is there.
pub(crate) fn set(node: &mut Node, value: &Node, path: &[String], create: Option<Shape>) -> Result<()> {
    let mut split = None;
    for length in 1..path.len() {
        if let Ok(Some(Node::Scalar(scalar))) = lookup(node, &path[..length])
            && let Ok(parsed) = crate::document::parse_first(&scalar.text)
        {
            split = Some((length, scalar.text.clone(), parsed));
            break;
        }
    }
    let Some((length, text, parsed)) = split else {
        return Err(fail!("no structured data found in path"));
    };
    let Some(mut inner) = parsed else {
        return Err(fail!("no structured data found in path"));
    };
    let count = visit(&mut inner, &path[length..], create, &mut |field| {
        match field {
            Node::Scalar(scalar) => value.text().clone_into(&mut scalar.text),
            other => *other = value.clone(),
        }
        Ok(())
    })?;
    if count == 0 {
        return Err(fail!("unable to find field in structured data"));
    }
    let printed = print(&inner, &text)?;
    visit(node, &path[..length], None, &mut |field| {
        if let Node::Scalar(scalar) = field {
            scalar.text.clone_from(&printed);
        }
        Ok(())
    })?;
    Ok(())
}

fn print(inner: &Node, original: &str) -> Result<String> {
    if !original.trim_start().starts_with(['{', '[']) {
        return Ok(kluctl_yaml::to_string(&inner.to_value()?).trim().to_owned());
    }
    let value = inner.to_value()?;
    if original.contains('\n') && original.contains("  ") {
        return Ok(kluctl_yaml::go_json::to_string_pretty(&value));
    }
    Ok(kluctl_yaml::go_json::to_string(&value))
}
