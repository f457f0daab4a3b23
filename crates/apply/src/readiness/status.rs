//! Reads an object's `status`, saying in upstream's words what is missing.

use kluctl_object::Object;
use serde_json::{Map, Value};

use super::Readiness;

/// The `status` of an object.
pub(super) struct Status<'a>(&'a Map<String, Value>);

/// One condition of a status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    message: &'a str,
}

impl<'a> Condition<'a> {
    pub(super) fn is_true(self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(self) -> bool {
        self.status == "False"
    }

    pub(super) fn message_or(self, default: &'a str) -> &'a str {
        if self.message.is_empty() {
            default
        } else {
            self.message
        }
    }
}

impl<'a> Status<'a> {
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        object.at(&["status"])?.as_object().map(Self)
    }

    pub(super) fn at(&self, keys: &[&str]) -> Option<&'a Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter()
            .try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    pub(super) fn integer(&self, field: &str) -> Option<i64> {
        self.0.get(field)?.as_i64()
    }

    /// A number that must be there before anything can be said.
    pub(super) fn needed_integer(&self, field: &str, found: &mut Readiness) -> Option<i64> {
        let value = self.integer(field);
        if value.is_none() {
            found.wait(format!("{field} field not in status or empty"));
        }
        value
    }

    /// A condition by its type. Two of one type are a mistake of the controller, and an error.
    pub(super) fn condition(&self, kind: &str, found: &mut Readiness) -> Option<Condition<'a>> {
        let list = self.0.get("conditions").and_then(Value::as_array);
        let mut of_kind = list
            .into_iter()
            .flatten()
            .filter(|condition| condition["type"] == kind);
        let first = of_kind.next()?;
        if of_kind.next().is_some() {
            found.fail(format!("{kind} condition found more then once"));
        }
        let text = |key: &str| first.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(Condition {
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        })
    }

    /// A condition that must be there.
    pub(super) fn needed_condition(&self, kind: &str, found: &mut Readiness) -> Option<Condition<'a>> {
        let condition = self.condition(kind, found);
        if condition.is_none() {
            found.wait(format!("{kind} condition not in status"));
        }
        condition
    }
}
