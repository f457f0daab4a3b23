//! Filters on lists, dicts and other containers.

use std::cell::Cell;
use std::rc::Rc;

use super::attribute::{Path, lowered};
use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Iter, Tuple, UndefinedMode, Value, cmp, iter, repr};

type Ctx = Rc<Context>;

pub(crate) fn length(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.plain::<0>("len", 0)?;
    value.len().map(|length| Value::Int(length as i64))
}

pub(crate) fn default(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [default, boolean] = args.bind("do_default", ["default_value", "boolean"], 0)?;
    let default = default.unwrap_or_else(|| "".into());
    if value.is_undefined() || (flag(boolean.as_ref())? && !value.truth()?) {
        return Ok(default);
    }
    Ok(value)
}

pub(crate) fn list(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_list")?;
    iter::items(vm, &value).map(Value::list)
}

pub(crate) fn first(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_first")?;
    let next = iter::iterate(vm, &value)?.next(vm)?;
    Ok(next.unwrap_or_else(|| vm.undefined_hint("No first item, sequence was empty.", Value::None)))
}

fn reversed(vm: &Vm, value: &Value) -> Result<Option<Vec<Value>>> {
    match value {
        Value::List(_)
        | Value::Tuple(_)
        | Value::Str(_)
        | Value::Markup(_)
        | Value::Dict(_)
        | Value::View(_)
        | Value::Range(_)
        | Value::Bytes(_) => {
            let mut items = iter::items(vm, value)?;
            items.reverse();
            Ok(Some(items))
        }
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => Err(undefined.error()),
        Value::Undefined(_) => Ok(Some(Vec::new())),
        _ => Ok(None),
    }
}

pub(crate) fn last(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_last")?;
    match reversed(vm, &value)? {
        Some(items) => Ok(items
            .into_iter()
            .next()
            .unwrap_or_else(|| vm.undefined_hint("No last item, sequence was empty.", Value::None))),
        None => Err(Error::type_error(format!(
            "'{}' object is not reversible",
            value.type_name()
        ))),
    }
}

pub(crate) fn reverse(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_reverse")?;
    if let Some(text) = value.as_str() {
        let turned: String = text.chars().rev().collect();
        return Ok(crate::methods::like(&value, turned));
    }
    let kind = match &value {
        Value::List(_) => "list_reverseiterator",
        Value::Dict(_) => "dict_reversekeyiterator",
        Value::Range(_) => "range_iterator",
        Value::View(view) => match view.kind {
            crate::value::ViewKind::Keys => "dict_reversekeyiterator",
            crate::value::ViewKind::Values => "dict_reversevalueiterator",
            crate::value::ViewKind::Items => "dict_reverseitemiterator",
        },
        _ => "reversed",
    };
    if let Some(items) = reversed(vm, &value)? {
        return Ok(Value::Iter(Iter::from_items(kind, items)));
    }
    let mut items = iter::items(vm, &value).map_err(|error| match error.kind() {
        ErrorKind::TYPE => Error::new(ErrorKind::FILTER_ARGUMENT, "argument must be iterable"),
        _ => error,
    })?;
    items.reverse();
    Ok(Value::list(items))
}

pub(crate) fn random(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    use rand::Rng as _;
    args.none("do_random")?;
    let length = value.len()?;
    if length == 0 {
        return Ok(vm.undefined_hint("No random item, sequence was empty.", Value::None));
    }
    vm.item(&value, &Value::Int(rand::rng().random_range(0..length) as i64))
}

pub(crate) fn join(vm: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [separator, attribute] = args.bind("do_join", ["d", "attribute"], 0)?;
    let separator = separator.unwrap_or_else(|| "".into());
    let path = Path::new(attribute.as_ref(), false);
    let source = iter::iterate(vm, &value)?;
    let mut items = Vec::new();
    while let Some(item) = source.next(vm)? {
        items.push(path.get(vm, &item)?);
    }
    if ctx.autoescape.get() {
        return super::html::join(&separator, &items);
    }
    let separator = repr::to_str(&separator)?;
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        repr::write_str(item, &mut out)?;
    }
    vm.charge(out.len())?;
    Ok(out.into())
}

pub(crate) fn items(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_items")?;
    let started = Cell::new(false);
    let mut source: Option<Rc<Iter>> = None;
    Ok(Iter::generator("do_items", move |vm| {
        if !started.replace(true) {
            match &value {
                Value::Undefined(_) => return Ok(None),
                Value::Dict(dict) => {
                    let view = crate::value::View {
                        dict: dict.clone(),
                        kind: crate::value::ViewKind::Items,
                    };
                    source = Some(iter::iterate(vm, &Value::View(Rc::new(view)))?);
                }
                _ => return Err(Error::type_error("Can only get item pairs from a mapping.")),
            }
        }
        match &source {
            Some(source) => source.next(vm),
            None => Ok(None),
        }
    }))
}

pub(crate) fn dictsort(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [case_sensitive, by, reverse] = args.bind("do_dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let case_sensitive = flag(case_sensitive.as_ref())?;
    let reverse = flag(reverse.as_ref())?;
    let by = by.unwrap_or_else(|| "key".into());
    let by_key = match by.as_str().map(|by| &**by) {
        Some("key") => true,
        Some("value") => false,
        _ => {
            return Err(Error::new(
                ErrorKind::FILTER_ARGUMENT,
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    let Value::Dict(dict) = &value else {
        return Err(match &value {
            Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => undefined.error(),
            other => Error::new(
                ErrorKind::ATTRIBUTE,
                format!("'{}' object has no attribute 'items'", other.type_name()),
            ),
        });
    };
    let keyed = dict.pairs().into_iter().map(|(key, value)| {
        let sort_by = if by_key { key.clone() } else { value.clone() };
        let sort_by = if case_sensitive { sort_by } else { lowered(sort_by) };
        (sort_by, Value::tuple(vec![key, value]))
    });
    cmp::sort_by_key(keyed.collect(), reverse).map(Value::list)
}

pub(crate) fn slice(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [slices, fill] = args.bind("do_slice", ["slices", "fill_with"], 1)?;
    let slices = slices.unwrap_or(Value::None);
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    let mut parts: Option<std::vec::IntoIter<Value>> = None;
    Ok(Iter::generator("sync_do_slice", move |vm| {
        if parts.is_none() {
            parts = Some(slices_of(vm, &value, integer(&slices)?, fill.as_ref())?.into_iter());
        }
        Ok(parts.as_mut().and_then(Iterator::next))
    }))
}

fn slices_of(vm: &Vm, value: &Value, slices: i64, fill: Option<&Value>) -> Result<Vec<Value>> {
    let items = iter::items(vm, value)?;
    if slices == 0 {
        return Err(Error::new(ErrorKind::ZERO_DIVISION, "division by zero"));
    }
    let slices = usize::try_from(slices).unwrap_or_default();
    vm.charge(slices.saturating_mul(24))?;
    let each = items.len().checked_div(slices).unwrap_or_default();
    let extra = items.len().checked_rem(slices).unwrap_or_default();
    let mut out = Vec::new();
    let mut at = 0;
    for number in 0..slices {
        let size = each + usize::from(number < extra);
        let mut part = items[at..at + size].to_vec();
        at += size;
        if let (Some(fill), true) = (fill, number >= extra) {
            part.push(fill.clone());
        }
        out.push(Value::list(part));
    }
    Ok(out)
}

pub(crate) fn batch(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [count, fill] = args.bind("do_batch", ["linecount", "fill_with"], 1)?;
    let count = count.unwrap_or(Value::None);
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    let mut source: Option<Rc<Iter>> = None;
    let mut done = false;
    Ok(Iter::generator("do_batch", move |vm| {
        if done {
            return Ok(None);
        }
        let source = match &source {
            Some(source) => source.clone(),
            None => source.insert(iter::iterate(vm, &value)?).clone(),
        };
        let wanted = cmp_count(&count)?;
        let mut part = Vec::new();
        while part.len() as i64 != wanted || part.is_empty() {
            match source.next(vm)? {
                Some(item) => part.push(item),
                None => {
                    done = true;
                    break;
                }
            }
        }
        if part.is_empty() {
            return Ok(None);
        }
        if let Some(fill) = &fill {
            let missing = usize::try_from(wanted)
                .unwrap_or_default()
                .saturating_sub(part.len());
            vm.charge(missing.saturating_mul(size_of::<Value>()))?;
            part.extend(std::iter::repeat_n(fill.clone(), missing));
        }
        Ok(Some(Value::list(part)))
    }))
}

fn cmp_count(count: &Value) -> Result<i64> {
    match count {
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => Err(undefined.error()),
        other => Ok(other.index().unwrap_or(-1)),
    }
}

/// A pair that `groupby` makes.
pub(crate) fn group(key: Value, items: Vec<Value>) -> Value {
    Value::Tuple(Rc::new(Tuple {
        items: vec![key, Value::list(items)],
        group: true,
    }))
}
