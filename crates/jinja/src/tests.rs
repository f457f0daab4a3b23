//! Tests: what may follow `is`.

use std::rc::Rc;

use crate::ast::{Binary, Compare};
use crate::call::CallArgs;
use crate::error::{Error, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Value, cmp, iter, ops, repr};

/// A test: the value, then the arguments.
pub(crate) type Test = fn(&Vm, &Rc<Context>, &Value, CallArgs) -> Result<Value>;

/// The test of this name.
pub(crate) fn find(name: &str) -> Option<Test> {
    Some(match name {
        "odd" => |vm, _, v, a| remainder(vm, v, a, "test_odd", &Value::Int(2), 1),
        "even" => |vm, _, v, a| remainder(vm, v, a, "test_even", &Value::Int(2), 0),
        "divisibleby" => |vm, _, v, a| {
            let [number] = a.bind("test_divisibleby", ["num"], 1)?;
            remainder(
                vm,
                v,
                CallArgs::default(),
                "test_divisibleby",
                &number.unwrap_or(Value::None),
                0,
            )
        },
        "defined" => |_, _, v, a| no_args(a, "test_defined", !v.is_undefined()),
        "undefined" => |_, _, v, a| no_args(a, "test_undefined", v.is_undefined()),
        "filter" => |_, _, v, a| known(v, a, "test_filter", |name| crate::filters::find(name).is_some()),
        "test" => |_, _, v, a| known(v, a, "test_test", |name| find(name).is_some()),
        "none" => |_, _, v, a| no_args(a, "test_none", matches!(v, Value::None)),
        "boolean" => |_, _, v, a| no_args(a, "test_boolean", matches!(v, Value::Bool(_))),
        "false" => |_, _, v, a| no_args(a, "test_false", matches!(v, Value::Bool(false))),
        "true" => |_, _, v, a| no_args(a, "test_true", matches!(v, Value::Bool(true))),
        "integer" => |_, _, v, a| no_args(a, "test_integer", matches!(v, Value::Int(_) | Value::Big(_))),
        "float" => |_, _, v, a| no_args(a, "test_float", matches!(v, Value::Float(_))),
        "lower" => |_, _, v, a| no_args(a, "test_lower", crate::methods::is_lower(&repr::to_str(v)?)),
        "upper" => |_, _, v, a| no_args(a, "test_upper", crate::methods::is_upper(&repr::to_str(v)?)),
        "string" => |_, _, v, a| no_args(a, "test_string", v.is_string()),
        "mapping" => |_, _, v, a| no_args(a, "test_mapping", matches!(v, Value::Dict(_))),
        "number" => |_, _, v, a| {
            no_args(
                a,
                "test_number",
                matches!(
                    v,
                    Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_)
                ),
            )
        },
        "sequence" => |_, _, v, a| no_args(a, "test_sequence", is_sequence(v)),
        "iterable" => is_iterable,
        "callable" => |_, _, v, a| {
            a.plain::<0>("callable", 0)?;
            Ok(Value::Bool(v.is_callable()))
        },
        "sameas" => |_, _, v, a| {
            let [other] = a.bind("test_sameas", ["other"], 1)?;
            Ok(Value::Bool(v.same(&other.unwrap_or(Value::None))))
        },
        "escaped" => |_, _, v, a| {
            let html = match v {
                Value::Undefined(undefined) => undefined.mode == crate::value::UndefinedMode::Lenient,
                Value::Object(object) => object.type_name() == "TemplateModule",
                other => matches!(other, Value::Markup(_)),
            };
            no_args(a, "test_escaped", html)
        },
        "in" => |vm, _, v, a| {
            let [container] = a.bind("test_in", ["seq"], 1)?;
            cmp::contains(vm, &container.unwrap_or(Value::None), v).map(Value::Bool)
        },
        "==" | "eq" | "equalto" => |_, _, v, a| {
            other(a, "eq")
                .and_then(|other| cmp::equal(v, &other))
                .map(Value::Bool)
        },
        "!=" | "ne" => |_, _, v, a| {
            other(a, "ne")
                .and_then(|other| cmp::equal(v, &other))
                .map(|same| Value::Bool(!same))
        },
        ">" | "gt" | "greaterthan" => {
            |_, _, v, a| other(a, "gt").and_then(|other| cmp::ordered(Compare::Gt, v, &other))
        }
        ">=" | "ge" => |_, _, v, a| other(a, "ge").and_then(|other| cmp::ordered(Compare::Ge, v, &other)),
        "<" | "lt" | "lessthan" => {
            |_, _, v, a| other(a, "lt").and_then(|other| cmp::ordered(Compare::Lt, v, &other))
        }
        "<=" | "le" => |_, _, v, a| other(a, "le").and_then(|other| cmp::ordered(Compare::Le, v, &other)),
        _ => return None,
    })
}

fn no_args(args: CallArgs, name: &str, holds: bool) -> Result<Value> {
    args.none(name)?;
    Ok(Value::Bool(holds))
}

fn other(args: CallArgs, name: &str) -> Result<Value> {
    let count = args.positional.len() + 1;
    match (<[Value; 1]>::try_from(args.positional), args.keywords.is_empty()) {
        (_, false) => Err(Error::type_error(format!(
            "_operator.{name}() takes no keyword arguments"
        ))),
        (Ok([other]), _) => Ok(other),
        (Err(_), _) => Err(Error::type_error(format!(
            "{name} expected 2 arguments, got {count}"
        ))),
    }
}

fn remainder(vm: &Vm, value: &Value, args: CallArgs, name: &str, by: &Value, wanted: i64) -> Result<Value> {
    args.none(name)?;
    let rest = ops::binary(vm, Binary::Mod, value, by)?;
    cmp::equal(&rest, &Value::Int(wanted)).map(Value::Bool)
}

fn known(value: &Value, args: CallArgs, name: &str, found: impl Fn(&str) -> bool) -> Result<Value> {
    args.none(name)?;
    crate::value::Key::new(value.clone())?;
    Ok(Value::Bool(value.as_str().is_some_and(|name| found(name))))
}

fn is_sequence(value: &Value) -> bool {
    match value {
        Value::Undefined(undefined) => undefined.mode != crate::value::UndefinedMode::Strict,
        Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Str(_)
        | Value::Markup(_)
        | Value::Range(_)
        | Value::Bytes(_) => true,
        _ => false,
    }
}

fn is_iterable(vm: &Vm, _: &Rc<Context>, value: &Value, args: CallArgs) -> Result<Value> {
    args.none("test_iterable")?;
    match iter::iterate(vm, value) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(error) if error.kind() == crate::error::ErrorKind::TYPE => Ok(Value::Bool(false)),
        Err(error) => Err(error),
    }
}
