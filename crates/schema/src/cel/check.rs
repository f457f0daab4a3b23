//! Types of expressions before they run, as far as they are certain: fields of a schema that are not there, and values
//! of two plain types that are compared or added.
//!
//! What depends on loops, functions or open parts of a schema is not looked at; it shows when a rule runs.
//!
//! Source: cel-go `checker`, apiserver `pkg/cel/common/schemas.go`.

use serde_json::Value;

use super::Cel;
use super::parser::{Access, Expr, Program, shown};

/// What is wrong with the types of a program, whose `self` has a schema.
pub(super) fn problem(program: &Program, source: &str, schema: &Value, old_is_plain: bool) -> Option<String> {
    let check = Check {
        source,
        schema,
        old_is_plain,
    };
    check.visit(&program.root)
}

/// The plain type of what a program gives.
pub(super) fn result(program: &Program, schema: &Value) -> Option<&'static str> {
    let check = Check {
        source: "",
        schema,
        old_is_plain: true,
    };
    check.plain(&program.root)
}

struct Check<'a> {
    source: &'a str,
    schema: &'a Value,
    old_is_plain: bool,
}

impl<'a> Check<'a> {
    /// The schema of a chain of fields; the error is a field that its object does not have.
    fn schema_of(&self, expr: &Expr) -> Result<Option<&'a Value>, String> {
        match expr {
            Expr::Name(name) if name == "self" || name == "oldSelf" && self.old_is_plain => {
                Ok(Some(self.schema))
            }
            Expr::Select(inner, name, access) if *access != Access::Optional => {
                let Some(schema) = self.schema_of(inner)? else {
                    return Ok(None);
                };
                field(schema, name).map_err(|()| self.undefined(name))
            }
            _ => Ok(None),
        }
    }

    fn undefined(&self, name: &str) -> String {
        let dotted = format!(".{name}");
        let at = self.source.find(&dotted).unwrap_or(0);
        let what = format!("undefined field '{name}'");
        format!("compilation failed: {}", shown(self.source, at, &what))
    }

    fn plain(&self, expr: &Expr) -> Option<&'static str> {
        match expr {
            Expr::Literal(Cel::Int(_)) => Some("int"),
            Expr::Literal(Cel::Text(_)) => Some("string"),
            Expr::Literal(Cel::Bool(_)) => Some("bool"),
            Expr::Select(_, _, Access::Value) | Expr::Name(_) => {
                let schema = self.schema_of(expr).ok()??;
                let is_open = schema["nullable"] == true
                    || !schema["format"].is_null()
                    || schema["x-kubernetes-int-or-string"] == true
                    || schema["x-kubernetes-preserve-unknown-fields"] == true;
                match schema["type"].as_str() {
                    _ if is_open => None,
                    Some("integer") => Some("int"),
                    Some("string") => Some("string"),
                    Some("boolean") => Some("bool"),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn visit(&self, expr: &Expr) -> Option<String> {
        if let Err(error) = self.schema_of(expr) {
            return Some(error);
        }
        match expr {
            Expr::Binary(sign, left, right) => {
                let found = self.visit(left).or_else(|| self.visit(right));
                found.or_else(|| self.pair(sign, left, right))
            }
            Expr::Select(inner, ..) | Expr::Not(inner) | Expr::Negative(inner) => self.visit(inner),
            Expr::Index(left, right, _) | Expr::And(left, right) | Expr::Or(left, right) => {
                self.visit(left).or_else(|| self.visit(right))
            }
            Expr::Call(_, arguments) => arguments.iter().find_map(|argument| self.visit(argument)),
            Expr::List(items) => items.iter().find_map(|(item, _)| self.visit(item)),
            Expr::Condition(parts) => parts.iter().find_map(|part| self.visit(part)),
            Expr::Loop(inner) => {
                let filter = inner.filter.as_ref().and_then(|filter| self.visit(filter));
                let found = self.visit(&inner.range).or(filter);
                found.or_else(|| self.visit(&inner.body))
            }
            Expr::Bind(_, value, body) => self.visit(value).or_else(|| self.visit(body)),
            _ => None,
        }
    }

    fn pair(&self, sign: &str, left: &Expr, right: &Expr) -> Option<String> {
        let (left, right) = (self.plain(left)?, self.plain(right)?);
        if left == right || !matches!(sign, "==" | "!=" | "<" | "<=" | ">" | ">=" | "+") {
            return None;
        }
        let at = self.source.find(sign).unwrap_or(0);
        let what = format!("found no matching overload for '_{sign}_' applied to '({left}, {right})'");
        Some(format!("compilation failed: {}", shown(self.source, at, &what)))
    }
}

/// A field's schema; `None` when the object may have any, an error when it cannot have this one.
fn field<'s>(schema: &'s Value, name: &str) -> Result<Option<&'s Value>, ()> {
    let is_known = matches!(name, "metadata" | "apiVersion" | "kind") || name.starts_with("__");
    let is_open = schema["type"] != "object"
        || !schema["additionalProperties"].is_null()
        || schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["x-kubernetes-embedded-resource"] == true
        || !schema["properties"].is_object();
    if is_known || is_open || name.contains("__") {
        return Ok(None);
    }
    match schema["properties"].get(name) {
        Some(found) => Ok(Some(found)),
        None => Err(()),
    }
}
