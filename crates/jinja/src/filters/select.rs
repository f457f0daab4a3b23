//! Filters that look into items: `map`, `select`, `sort`, `groupby` and their like.

use std::rc::Rc;

use super::attribute::{Path, several};
use super::lists::group;
use crate::ast::{Binary, Compare};
use crate::call::{CallArgs, flag};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Dict, Iter, Key, UndefinedMode, Value, cmp, iter, ops, repr};

type Ctx = Rc<Context>;

/// A filter by the value that names it, at run time.
fn filter_by_name(name: &Value) -> Result<super::Filter> {
    let found = name.as_str().and_then(|name| super::find(name));
    found.ok_or_else(|| unknown("filter", name))
}

fn unknown(what: &str, name: &Value) -> Error {
    let shown = repr::repr(name).unwrap_or_default();
    let mut message = format!("No {what} named {shown}.");
    if let Value::Undefined(undefined) = name {
        message.push_str(&format!(
            " ({}; did you forget to quote the callable name?)",
            undefined.message()
        ));
    }
    Error::new(ErrorKind::RUNTIME, message)
}

type Step = Box<dyn Fn(&Vm, &Value) -> Result<Value>>;

fn prepare_map(ctx: &Ctx, mut args: CallArgs) -> Result<Step> {
    if args.positional.is_empty() {
        if let Some(attribute) = args.take_keyword("attribute") {
            let default = args.take_keyword("default");
            if let Some((key, _)) = args.keywords.first() {
                return Err(Error::new(
                    ErrorKind::FILTER_ARGUMENT,
                    format!("Unexpected keyword argument {}", crate::parser::quoted(key)),
                ));
            }
            let path = Path::new(Some(&attribute), false).with_default(default);
            return Ok(Box::new(move |vm, item| path.get(vm, item)));
        }
        return Err(Error::new(
            ErrorKind::FILTER_ARGUMENT,
            "map requires a filter argument",
        ));
    }
    let name = args.positional.remove(0);
    let ctx = ctx.clone();
    Ok(Box::new(move |vm, item| {
        filter_by_name(&name)?(vm, &ctx, item.clone(), args.clone())
    }))
}

/// A generator that starts its work when it is first asked.
fn lazily(
    name: &'static str,
    value: Value,
    prepare: impl Fn() -> Result<Step> + 'static,
    keep: Option<bool>,
) -> Value {
    let mut state: Option<(Rc<Iter>, Step)> = None;
    let mut empty = false;
    Iter::generator(name, move |vm| {
        if state.is_none() && !empty {
            if value.truth()? {
                let step = prepare()?;
                state = Some((iter::iterate(vm, &value)?, step));
            } else {
                empty = true;
            }
        }
        let Some((source, step)) = &state else {
            return Ok(None);
        };
        while let Some(item) = source.next(vm)? {
            let result = step(vm, &item)?;
            match keep {
                None => return Ok(Some(result)),
                Some(keep) if result.truth()? == keep => return Ok(Some(item)),
                Some(_) => {}
            }
        }
        Ok(None)
    })
}

pub(crate) fn map(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let ctx = ctx.clone();
    Ok(lazily(
        "sync_do_map",
        value,
        move || prepare_map(&ctx, args.clone()),
        None,
    ))
}

fn prepare_select(ctx: &Ctx, mut args: CallArgs, attribute: bool) -> Result<Step> {
    let mut path = Path::new(None, false);
    if attribute {
        if args.positional.is_empty() {
            return Err(Error::new(
                ErrorKind::FILTER_ARGUMENT,
                "Missing parameter for attribute name",
            ));
        }
        path = Path::new(Some(&args.positional.remove(0)), false);
    }
    if args.positional.is_empty() {
        return Ok(Box::new(move |vm, item| {
            path.get(vm, item)?.truth().map(Value::Bool)
        }));
    }
    let name = args.positional.remove(0);
    let ctx = ctx.clone();
    Ok(Box::new(move |vm, item| {
        let test = name
            .as_str()
            .and_then(|name| crate::tests::find(name))
            .ok_or_else(|| unknown("test", &name));
        let value = path.get(vm, item)?;
        test?(vm, &ctx, &value, args.clone())
    }))
}

fn selecting(
    name: &'static str,
    ctx: &Ctx,
    value: Value,
    args: CallArgs,
    attribute: bool,
    keep: bool,
) -> Value {
    let ctx = ctx.clone();
    lazily(
        name,
        value,
        move || prepare_select(&ctx, args.clone(), attribute),
        Some(keep),
    )
}

pub(crate) fn select(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    Ok(selecting("select_or_reject", ctx, value, args, false, true))
}

pub(crate) fn reject(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    Ok(selecting("select_or_reject", ctx, value, args, false, false))
}

pub(crate) fn selectattr(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    Ok(selecting("select_or_reject", ctx, value, args, true, true))
}

pub(crate) fn rejectattr(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    Ok(selecting("select_or_reject", ctx, value, args, true, false))
}

pub(crate) fn attr(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [name] = args.bind("do_attr", ["name"], 1)?;
    let name = name.unwrap_or(Value::None);
    let Some(text) = name.as_str() else {
        return Err(match &name {
            Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => undefined.error(),
            other => Error::type_error(format!(
                "attribute name must be string, not '{}'",
                other.type_name()
            )),
        });
    };
    match vm.attribute(&value, text)? {
        Some(found) => Ok(found),
        None => Ok(vm.undefined_in(&value, name.clone())),
    }
}

pub(crate) fn sort(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [reverse, case_sensitive, attribute] =
        args.bind("do_sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let paths = several(attribute.as_ref(), !flag(case_sensitive.as_ref())?);
    let mut keyed = Vec::new();
    for item in iter::items(vm, &value)? {
        let keys = paths
            .iter()
            .map(|path| path.get(vm, &item))
            .collect::<Result<Vec<_>>>()?;
        keyed.push((Value::list(keys), item));
    }
    cmp::sort_by_key(keyed, flag(reverse.as_ref())?).map(Value::list)
}

pub(crate) fn unique(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [case_sensitive, attribute] = args.bind("do_unique", ["case_sensitive", "attribute"], 0)?;
    let path = Path::new(attribute.as_ref(), !flag(case_sensitive.as_ref())?);
    let seen = Dict::default();
    let mut source: Option<Rc<Iter>> = None;
    Ok(Iter::generator("sync_do_unique", move |vm| {
        let source = match &source {
            Some(source) => source.clone(),
            None => source.insert(iter::iterate(vm, &value)?).clone(),
        };
        while let Some(item) = source.next(vm)? {
            let key = Key::new(path.get(vm, &item)?)?;
            if seen.insert(key, Value::None).is_none() {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }))
}

fn extreme(vm: &Vm, value: &Value, args: CallArgs, name: &str, op: Compare) -> Result<Value> {
    let [case_sensitive, attribute] = args.bind(name, ["case_sensitive", "attribute"], 0)?;
    let path = Path::new(attribute.as_ref(), !flag(case_sensitive.as_ref())?);
    let source = iter::iterate(vm, value)?;
    let Some(first) = source.next(vm)? else {
        return Ok(vm.undefined_hint("No aggregated item, sequence was empty.", Value::None));
    };
    let mut best = (path.get(vm, &first)?, first);
    while let Some(item) = source.next(vm)? {
        let key = path.get(vm, &item)?;
        if cmp::ordered(op, &key, &best.0)?.truth()? {
            best = (key, item);
        }
    }
    Ok(best.1)
}

pub(crate) fn min(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    extreme(vm, &value, args, "do_min", Compare::Lt)
}

pub(crate) fn max(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    extreme(vm, &value, args, "do_max", Compare::Gt)
}

pub(crate) fn sum(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [attribute, start] = args.bind("do_sum", ["attribute", "start"], 0)?;
    let path = Path::new(attribute.as_ref(), false);
    let mut total = start.unwrap_or(Value::Int(0));
    if total.is_string() {
        return Err(Error::type_error(
            "sum() can't sum strings [use ''.join(seq) instead]",
        ));
    }
    let source = iter::iterate(vm, &value)?;
    // Python adds floats with a running compensation.
    let mut compensation = 0.0;
    while let Some(item) = source.next(vm)? {
        let item = path.get(vm, &item)?;
        match (&total, &item) {
            (Value::Float(sum), Value::Float(next)) => {
                let (sum, next) = (*sum, *next);
                let result = sum + next;
                compensation += if sum.abs() >= next.abs() {
                    (sum - result) + next
                } else {
                    (next - result) + sum
                };
                total = Value::Float(result);
            }
            _ => {
                if let (Value::Float(sum), true) = (
                    &total,
                    compensation != 0.0 && !matches!(item, Value::Int(_) | Value::Bool(_)),
                ) {
                    total = Value::Float(sum + compensation);
                    compensation = 0.0;
                }
                total = ops::binary(vm, Binary::Add, &total, &item)?;
            }
        }
    }
    if let (Value::Float(sum), true) = (&total, compensation != 0.0 && compensation.is_finite()) {
        total = Value::Float(sum + compensation);
    }
    Ok(total)
}

pub(crate) fn groupby(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [attribute, default, case_sensitive] =
        args.bind("do_groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let case_sensitive = flag(case_sensitive.as_ref())?;
    let key = Path::new(attribute.as_ref(), !case_sensitive).with_default(default.clone());
    let shown = Path::new(attribute.as_ref(), false).with_default(default);
    let mut keyed = Vec::new();
    for item in iter::items(vm, &value)? {
        keyed.push((key.get(vm, &item)?, item));
    }
    let sorted = cmp::sort_by_key(keyed, false)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in sorted {
        let by = key.get(vm, &item)?;
        match groups.last_mut() {
            Some((last, items)) if cmp::equal(last, &by)? => items.push(item),
            _ => groups.push((by, vec![item])),
        }
    }
    let mut out = Vec::new();
    for (by, items) in groups {
        let by = match (case_sensitive, items.first()) {
            (false, Some(first)) => shown.get(vm, first)?,
            _ => by,
        };
        out.push(group(by, items));
    }
    Ok(Value::list(out))
}
