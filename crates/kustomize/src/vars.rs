//! `$(NAME)` in objects, replaced by the values of other objects' fields.
//!
//! Source: kustomize `api/internal/accumulator/`, `api/filters/refvar/`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Result, fail};
use crate::fieldspec::{Create, FieldSpec, split_field_path, visit};
use crate::kustomization::Var;
use crate::node::Node;
use crate::path::lookup;
use crate::resmap::ResMap;
use crate::scalar::{Scalar, Style, Tag};

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq)]
enum VarValue {
    Text(Scalar),
    /// A map or list, which cannot be put into a text.
    Compound,
}

/// Replaces all variables. Returns what the user should know about them.
pub(crate) fn resolve(
    map: &mut ResMap,
    vars: &BTreeMap<String, Var>,
    specs: &[FieldSpec],
) -> Result<Vec<String>> {
    if vars.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = BTreeMap::new();
    for (name, var) in vars {
        values.insert(name.as_str(), value_of(map, var)?);
    }
    let mut replacer = Replacer {
        values,
        used: BTreeSet::new(),
        warnings: Vec::new(),
    };
    for resource in map.resources_mut() {
        for spec in specs {
            visit(resource.node_mut(), spec, &Create::Never, &mut |node| {
                replacer.set(node)
            })?;
        }
    }
    let unused: Vec<_> = replacer
        .values
        .keys()
        .filter(|name| !replacer.used.contains(**name))
        .copied()
        .collect();
    let mut warnings = replacer.warnings;
    if !unused.is_empty() {
        warnings.push(format!(
            "well-defined vars that were never replaced: {}",
            unused.join(",")
        ));
    }
    Ok(warnings)
}

fn describe(var: &Var) -> String {
    format!("{{{} {} {{{}}}}}", var.name, var.object.gvk, var.field_path)
}

fn value_of(map: &ResMap, var: &Var) -> Result<VarValue> {
    let source = map
        .resources()
        .iter()
        .find(|resource| resource.variables.contains(&var.name))
        .ok_or_else(|| {
            fail!(
                "var '{}' cannot be mapped to a field in the set of known resources",
                describe(var)
            )
        })?;
    let missing = || {
        fail!(
            "field specified in var '{}' not found in corresponding resource",
            describe(var)
        )
    };
    let path = split_indices(split_field_path(&var.field_path));
    let node = lookup(source.node(), &path).ok().flatten().ok_or_else(missing)?;
    let Node::Scalar(scalar) = node else {
        return Ok(VarValue::Compound);
    };
    let typed = match scalar.tag {
        Tag::Int => {
            let number: i64 = scalar.text.parse().map_err(|_| missing())?;
            Scalar::with_tag(number.to_string(), Tag::Int)
        }
        Tag::Float => {
            let number: f64 = scalar.text.parse().map_err(|_| missing())?;
            Scalar::with_tag(format!("{number}"), Tag::Float)
        }
        Tag::Bool => {
            let truth = matches!(scalar.text.as_str(), "true" | "True" | "TRUE");
            Scalar::with_tag(truth.to_string(), Tag::Bool)
        }
        _ => Scalar::string(scalar.text.clone()),
    };
    Ok(VarValue::Text(typed))
}

/// Splits `ports[0]` into `ports` and `0`.
fn split_indices(parts: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        let index = part.strip_suffix(']').and_then(|start| start.rsplit_once('['));
        match index {
            Some((field, index)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                if !field.is_empty() {
                    out.push(field.to_owned());
                }
                out.push(index.to_owned());
            }
            _ => out.push(part),
        }
    }
    out
}

struct Replacer<'v> {
    values: BTreeMap<&'v str, VarValue>,
    used: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Replacer<'_> {
    fn set(&mut self, node: &mut Node) -> Result<()> {
        match node {
            node if node.is_null() => Ok(()),
            Node::Scalar(scalar) => {
                self.replace(scalar);
                Ok(())
            }
            Node::Map(map) => {
                for (key, value) in &mut map.entries {
                    if !key.is_string() {
                        return Err(fail!(
                            "invalid map key: value='{}', tag='{}'",
                            key.text,
                            key.tag.as_str()
                        ));
                    }
                    if let Node::Scalar(scalar) = value {
                        self.replace(scalar);
                    }
                }
                Ok(())
            }
            Node::Seq(items) => {
                for item in items {
                    match item {
                        Node::Scalar(scalar) if scalar.is_string() => self.replace(scalar),
                        _ => return Err(fail!("invalid value type expect a string")),
                    }
                }
                Ok(())
            }
        }
    }

    fn replace(&mut self, scalar: &mut Scalar) {
        if !scalar.is_string() {
            return;
        }
        let replaced = self.expand(&scalar.text);
        *scalar = Scalar {
            style: if replaced.text.contains('\n') {
                Style::Literal
            } else {
                Style::Plain
            },
            ..replaced
        };
    }

    fn value(&mut self, name: &str) -> Scalar {
        let unchanged = || Scalar::string(format!("$({name})"));
        match self.values.get(name) {
            Some(VarValue::Text(value)) => {
                self.used.insert(name.to_owned());
                value.clone()
            }
            Some(VarValue::Compound) => {
                self.warnings.push(format!(
                    "variable {name} holds a map or a list, which cannot stand in a text"
                ));
                unchanged()
            }
            None => unchanged(),
        }
    }

    /// Replaces the variables of a text; one that is the whole text keeps its type.
    fn expand(&mut self, text: &str) -> Scalar {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            match after.chars().next() {
                None => {
                    out.push('$');
                    rest = "";
                }
                Some('$') => {
                    out.push('$');
                    rest = &after[1..];
                }
                Some('(') => match after.find(')') {
                    Some(end) => {
                        let name = &after[1..end];
                        let value = self.value(name);
                        if text.len() == name.len() + 3 {
                            return value;
                        }
                        out.push_str(&value.text);
                        rest = &after[end + 1..];
                    }
                    None => {
                        out.push_str("$(");
                        rest = &after[1..];
                    }
                },
                Some(other) => {
                    // The original takes one byte, not one character; the result is the same text.
                    out.push('$');
                    out.push(other);
                    rest = &after[other.len_utf8()..];
                }
            }
        }
        out.push_str(rest);
        Scalar::string(out)
    }
}
