//! Rules of a schema (`x-kubernetes-validations`) and the objects they are held against.
//!
//! Source: apiextensions-apiserver `pkg/apiserver/schema/cel/validation.go`.

use std::sync::OnceLock;

use serde_json::Value;

use super::check;
use super::eval::{Budget, TOO_MUCH};
use super::{Cel, Program};
use crate::types::{JsonType, Type};
use crate::validation::{Finding, FindingKind};

/// What one rule may cost.
const PER_CALL: u64 = 1_000_000;
/// What all rules of an object may cost.
const PER_OBJECT: u64 = 10_000_000;
/// The longest message an expression may make.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// A rule of a schema, parsed when first used.
#[derive(Debug)]
pub struct Rule {
    expression: String,
    message: String,
    message_expression: String,
    reason: String,
    field_path: String,
    optional_old: bool,
    programs: OnceLock<(Result<Program, String>, Option<Program>)>,
}

/// What rules found wrong.
#[derive(Debug, Default)]
pub struct RuleFindings {
    /// What refuses the object.
    pub errors: Vec<Finding>,
    /// What was wrong before, and so is only told.
    pub warnings: Vec<Finding>,
}

impl Rule {
    /// Reads an entry of `x-kubernetes-validations`.
    pub fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            expression: text("rule"),
            message: text("message").trim().to_owned(),
            message_expression: text("messageExpression"),
            reason: text("reason"),
            field_path: text("fieldPath"),
            optional_old: value["optionalOldSelf"].as_bool().unwrap_or(false),
            programs: OnceLock::new(),
        }
    }

    /// Whether the rule looks at what was there before.
    pub fn uses_old(&self) -> bool {
        matches!(&self.programs().0, Ok(program) if program.uses("oldSelf"))
    }

    /// Why the rule's expressions cannot be used for values of a schema: the field that holds the expression, and what is
    /// wrong with it.
    pub fn problems(&self, schema: &Value) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        match &self.programs().0 {
            Err(error) => problems.push(("rule", error.clone())),
            Ok(program) => {
                if let Some(error) = check::problem(program, &self.expression, schema, !self.optional_old) {
                    problems.push(("rule", error));
                } else if matches!(check::result(program, schema), Some("int" | "string")) {
                    problems.push(("rule", "cel expression must evaluate to a bool".to_owned()));
                }
            }
        }
        if !self.message_expression.is_empty()
            && let Err(error) = Program::parse(&self.message_expression, &["self", "oldSelf"])
        {
            problems.push(("messageExpression", error));
        }
        problems
    }

    /// The expression as written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The expression of the message as written; empty when there is none.
    pub fn message_expression(&self) -> &str {
        &self.message_expression
    }

    fn programs(&self) -> &(Result<Program, String>, Option<Program>) {
        self.programs.get_or_init(|| {
            let message = (!self.message_expression.is_empty())
                .then(|| Program::parse(&self.message_expression, &["self", "oldSelf"]).ok())
                .flatten();
            (Program::parse(&self.expression, &["self", "oldSelf"]), message)
        })
    }

    /// The rule as errors name it.
    fn shown(&self) -> &str {
        if self.message.is_empty() {
            self.expression.trim()
        } else {
            &self.message
        }
    }
}

/// Holds an object, and what it was before, against all rules of its type.
pub fn check_rules(object: &Value, old: Option<&Value>, ty: &Type) -> RuleFindings {
    let mut walk = Walk {
        findings: RuleFindings::default(),
        budget: PER_OBJECT,
        over: false,
    };
    walk.value(object, old, ty, "", true, old == Some(object));
    walk.findings
}

struct Walk {
    findings: RuleFindings,
    budget: u64,
    over: bool,
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// What rules see of an object: of its metadata only the names.
fn visible(value: &Value, ty: &Type) -> Cel {
    let Some(map) = value.as_object() else {
        return Cel::of(value, ty);
    };
    let mut map = map.clone();
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "generateName"));
    }
    Cel::of(&Value::Object(map), ty)
}

impl Walk {
    fn value(
        &mut self,
        value: &Value,
        old: Option<&Value>,
        ty: &Type,
        path: &str,
        is_root: bool,
        same: bool,
    ) {
        if value.is_null() || self.over {
            return;
        }
        let same = same || old == Some(value);
        if let Some(limits) = ty
            .rules
            .limits
            .as_ref()
            .filter(|limits| !limits.validations.is_empty())
        {
            self.rules(&limits.validations, value, old, ty, path, is_root, same);
        }
        match value {
            Value::Object(entries) => {
                let Some(map) = &ty.map else { return };
                for (key, entry) in entries {
                    let old = old.and_then(|old| old.get(key));
                    match (map.field(key), &map.element) {
                        (Some(field), _) => {
                            if !(is_root && key == "metadata") {
                                let root = field.ty.rules.embedded_resource;
                                self.value(entry, old, &field.ty, &join(path, key), root, same);
                            }
                        }
                        (None, Some(element)) => {
                            self.value(entry, old, element, &format!("{path}[{key}]"), false, same);
                        }
                        (None, None) => {}
                    }
                }
            }
            Value::Array(items) => {
                let Some(list) = &ty.list else { return };
                for (index, item) in items.iter().enumerate() {
                    let old = if list.associative && !list.keys.is_empty() {
                        old.and_then(Value::as_array)
                            .into_iter()
                            .flatten()
                            .find(|other| list.keys.iter().all(|key| other.get(&**key) == item.get(&**key)))
                    } else {
                        None
                    };
                    self.value(item, old, &list.items, &format!("{path}[{index}]"), false, same);
                }
            }
            _ => {}
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a value, its past, its type and where it stands"
    )]
    fn rules(
        &mut self,
        rules: &[Rule],
        value: &Value,
        old: Option<&Value>,
        ty: &Type,
        path: &str,
        root: bool,
        same: bool,
    ) {
        let cel = |value: &Value| {
            if root {
                visible(value, ty)
            } else {
                Cel::of(value, ty)
            }
        };
        let this = cel(value);
        let before = old.filter(|old| !old.is_null()).map(cel);
        let kind = Value::from(ty.rules.json_type.map_or("", JsonType::name));
        let shown = match value {
            Value::Object(_) | Value::Array(_) => None,
            scalar => Some(scalar.clone()),
        };
        for rule in rules {
            let (program, message) = rule.programs();
            let program = match program {
                Ok(program) => program,
                Err(error) => {
                    let detail = format!("rule compile error: {error}");
                    self.add(FindingKind::Invalid, path, Some(kind.clone()), detail);
                    continue;
                }
            };
            let uses_old = program.uses("oldSelf");
            if uses_old && before.is_none() && !rule.optional_old {
                continue;
            }
            let mut variables = vec![("self", this.clone())];
            if rule.optional_old {
                variables.push(("oldSelf", Cel::Optional(before.clone().map(Box::new))));
            } else if let Some(before) = &before {
                variables.push(("oldSelf", before.clone()));
            }
            match self.evaluate(program, &variables) {
                Ok(Cel::Bool(true)) => continue,
                Ok(_) => {}
                Err(error) => {
                    let rule = rule.shown();
                    let detail = if error.starts_with("no such overload") {
                        format!(
                            "'{error}': call arguments did not match a supported operator, function or macro signature for rule: {rule}"
                        )
                    } else if error == TOO_MUCH {
                        self.over = true;
                        format!(
                            "'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {rule}"
                        )
                    } else {
                        format!("{error} evaluating rule: {rule}")
                    };
                    self.add(FindingKind::Invalid, path, Some(kind.clone()), detail);
                    if self.over {
                        return;
                    }
                    continue;
                }
            }
            let made = message
                .as_ref()
                .and_then(|program| match self.evaluate(program, &variables) {
                    Ok(Cel::Text(text)) => {
                        let text = text.trim().to_owned();
                        let fits = !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n');
                        fits.then_some(text)
                    }
                    _ => None,
                });
            let detail = made.unwrap_or_else(|| {
                if rule.message.is_empty() {
                    format!("failed rule: {}", rule.expression.trim())
                } else {
                    rule.message.clone()
                }
            });
            let place = match rule.field_path.trim_start_matches('.') {
                "" => path.to_owned(),
                below => join(path, below),
            };
            let (kind, value, detail) = match rule.reason.as_str() {
                "FieldValueForbidden" => (FindingKind::Forbidden, None, detail),
                "FieldValueRequired" => (FindingKind::Required, None, detail),
                "FieldValueDuplicate" => (FindingKind::Duplicate, shown.clone(), String::new()),
                _ => (FindingKind::Invalid, shown.clone(), detail),
            };
            let finding = Finding::new(kind, place, value, detail);
            if same && !uses_old {
                self.findings.warnings.push(finding);
            } else {
                self.findings.errors.push(finding);
            }
        }
    }

    fn evaluate(&mut self, program: &Program, variables: &[(&str, Cel)]) -> Result<Cel, String> {
        let mut budget = Budget(PER_CALL.min(self.budget));
        let before = budget.0;
        let done = program.evaluate(variables, &mut budget);
        self.budget -= before - budget.0;
        done
    }

    fn add(&mut self, kind: FindingKind, path: &str, value: Option<Value>, detail: String) {
        self.findings.errors.push(Finding::new(kind, path, value, detail));
    }
}
