//! Objects with their own attributes, methods and operators, and callables.

use std::rc::Rc;

use super::Value;
use crate::ast::{Binary, Compare};
use crate::call::CallArgs;
use crate::error::{Error, Result};
use crate::runtime::{Context, Vm};

/// A value with behaviour of its own: `loop`, namespaces, modules, dates, Kluctl's time.
pub(crate) trait Object {
    fn type_name(&self) -> &'static str;

    /// Module and type, as messages about missing attributes name it.
    fn qualified_name(&self) -> String {
        self.type_name().to_owned()
    }

    /// An attribute that is not a method.
    fn attribute(&self, _vm: &Vm, _name: &str) -> Result<Option<Value>> {
        Ok(None)
    }

    /// The method of this name.
    fn method(&self, _name: &str) -> Option<Method> {
        None
    }

    fn item(&self, _vm: &Vm, _key: &Value) -> Option<Result<Value>> {
        None
    }

    fn set_item(&self, _key: &str, _value: Value) -> bool {
        false
    }

    fn call(&self, _vm: &Vm, _context: &Rc<Context>, _args: CallArgs) -> Result<Value> {
        Err(Error::type_error(format!(
            "'{}' object is not callable",
            self.type_name()
        )))
    }

    fn is_callable(&self) -> bool {
        false
    }

    fn is_hashable(&self) -> bool {
        true
    }

    fn is_namespace(&self) -> bool {
        false
    }

    fn truth(&self) -> Result<bool> {
        match self.len() {
            Some(length) => Ok(length? > 0),
            None => Ok(true),
        }
    }

    fn len(&self) -> Option<Result<usize>> {
        None
    }

    fn to_str(&self) -> Result<String> {
        self.repr()
    }

    fn repr(&self) -> Result<String>;

    fn equal(&self, other: &Value) -> Result<bool> {
        Ok(match other {
            Value::Object(other) => std::ptr::addr_eq(std::ptr::from_ref(self), Rc::as_ptr(other)),
            _ => false,
        })
    }

    fn less(&self, _op: Compare, _other: &Value) -> Option<Result<bool>> {
        None
    }

    fn contains(&self, _needle: &Value) -> Option<Result<bool>> {
        None
    }

    /// `self op other`, or `other op self` when `reflected`.
    fn binary(&self, _this: &Value, _op: Binary, _other: &Value, _reflected: bool) -> Option<Result<Value>> {
        None
    }

    /// The items to iterate over.
    fn iterate(&self) -> Option<Result<Rc<super::Iter>>> {
        None
    }

    fn as_any(&self) -> &dyn std::any::Any;
}

/// A method: the object it belongs to comes first.
pub(crate) type Method = fn(&Vm, &Rc<Context>, &Value, CallArgs) -> Result<Value>;

/// A function; it sees the context of the caller.
pub(crate) type Native = fn(&Vm, &Rc<Context>, CallArgs) -> Result<Value>;

/// A callable that is not written in the template.
pub(crate) struct Func {
    pub(crate) name: &'static str,
    pub(crate) kind: FuncKind,
}

pub(crate) enum FuncKind {
    Native(Native),
    /// A Python type, `dict` for example.
    Type(Native),
    Bound(Value, Method),
}

impl Func {
    pub(crate) fn native(name: &'static str, call: Native) -> Value {
        Value::Func(Rc::new(Self {
            name,
            kind: FuncKind::Native(call),
        }))
    }

    pub(crate) fn class(name: &'static str, call: Native) -> Value {
        Value::Func(Rc::new(Self {
            name,
            kind: FuncKind::Type(call),
        }))
    }

    pub(crate) fn bound(name: &'static str, owner: Value, call: Method) -> Value {
        Value::Func(Rc::new(Self {
            name,
            kind: FuncKind::Bound(owner, call),
        }))
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            FuncKind::Native(_) => "function",
            FuncKind::Type(_) => "type",
            FuncKind::Bound(..) => "builtin_function_or_method",
        }
    }

    pub(crate) fn repr(&self) -> String {
        match &self.kind {
            FuncKind::Native(_) => format!("<function {} at {:p}>", self.name, std::ptr::from_ref(self)),
            FuncKind::Type(_) => format!("<class '{}'>", self.name),
            FuncKind::Bound(owner, _) => {
                format!(
                    "<built-in method {} of {} object at {:p}>",
                    self.name,
                    owner.type_name(),
                    std::ptr::from_ref(self)
                )
            }
        }
    }

    pub(crate) fn call(&self, vm: &Vm, context: &Rc<Context>, args: CallArgs) -> Result<Value> {
        match &self.kind {
            FuncKind::Native(call) | FuncKind::Type(call) => call(vm, context, args),
            FuncKind::Bound(owner, method) => method(vm, context, owner, args),
        }
    }
}
