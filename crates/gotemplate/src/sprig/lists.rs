//! Functions on lists.

use super::arguments::{elements, int, nil_dereference};
use super::defaults::empty;
use super::reflect::deep_equal;
use super::*;
use crate::types::{ANY_LIST, ANY_LIST_LIST, Kind};
use crate::value::List;

pub(super) const TABLE: &[Entry] = &[
    ("append", &ANY_ANY, |a, _| push(a)),
    ("mustAppend", &ANY_ANY, |a, _| push(a)),
    ("push", &ANY_ANY, |a, _| push(a)),
    ("mustPush", &ANY_ANY, |a, _| push(a)),
    ("prepend", &ANY_ANY, |a, _| prepend(a)),
    ("mustPrepend", &ANY_ANY, |a, _| prepend(a)),
    ("chunk", &INT_ANY, |a, _| chunk(a)),
    ("mustChunk", &INT_ANY, |a, _| chunk(a)),
    ("first", &ANY, |a, _| {
        Ok(find(&a[0], "first")?.first().cloned().unwrap_or_default())
    }),
    ("mustFirst", &ANY, |a, _| {
        Ok(find(&a[0], "first")?.first().cloned().unwrap_or_default())
    }),
    ("last", &ANY, |a, _| {
        Ok(find(&a[0], "last")?.pop().unwrap_or_default())
    }),
    ("mustLast", &ANY, |a, _| {
        Ok(find(&a[0], "last")?.pop().unwrap_or_default())
    }),
    ("rest", &ANY, |a, _| rest(a)),
    ("mustRest", &ANY, |a, _| rest(a)),
    ("initial", &ANY, |a, _| initial(a)),
    ("mustInitial", &ANY, |a, _| initial(a)),
    ("reverse", &ANY, |a, _| reverse(a)),
    ("mustReverse", &ANY, |a, _| reverse(a)),
    ("compact", &ANY, |a, _| compact(a)),
    ("mustCompact", &ANY, |a, _| compact(a)),
    ("uniq", &ANY, |a, _| uniq(a)),
    ("mustUniq", &ANY, |a, _| uniq(a)),
    ("without", &ANY_ANYS, |a, _| without(a)),
    ("mustWithout", &ANY_ANYS, |a, _| without(a)),
    ("has", &ANY_ANY, |a, _| has(a)),
    ("mustHas", &ANY_ANY, |a, _| has(a)),
    ("slice", &ANY_ANYS, |a, _| slice(a)),
    ("mustSlice", &ANY_ANYS, |a, _| slice(a)),
    ("concat", &ANYS, |a, _| concat(a)),
];

fn list(items: Vec<Value>) -> Result<Value> {
    Ok(Value::List(List::new(items)))
}

fn find(value: &Value, what: &str) -> Result<Vec<Value>> {
    elements(value, |kind| format!("Cannot find {what} on type {kind}"))
}

fn push(a: &[Value]) -> Result<Value> {
    let mut items = elements(&a[0], |kind| format!("Cannot push on type {kind}"))?;
    items.push(a[1].clone());
    list(items)
}

fn prepend(a: &[Value]) -> Result<Value> {
    let mut items = elements(&a[0], |kind| format!("Cannot prepend on type {kind}"))?;
    items.insert(0, a[1].clone());
    list(items)
}

fn chunk(a: &[Value]) -> Result<Value> {
    let items = elements(&a[1], |kind| format!("Cannot chunk type {kind}"))?;
    let size = int(&a[0]);
    let length = items.len() as i64;
    let made = || Error::message("runtime error: makeslice: len out of range");
    if size == 0 {
        // The number of chunks is a division by zero in floats.
        return Err(made());
    }
    let count = ((length - 1) as f64 / size as f64).floor() as i64 + 1;
    if count < 0 || size < 0 && count > 0 && (length != 1 || size == -1) {
        return Err(made());
    }
    if count == 0 {
        return Ok(Value::List(List::typed(Vec::new(), &ANY_LIST_LIST)));
    }
    let chunks = items
        .chunks(usize::try_from(size.max(1)).unwrap_or(1))
        .map(|items| Value::List(List::new(items.to_vec())))
        .collect();
    Ok(Value::List(List::typed(chunks, &ANY_LIST_LIST)))
}

fn nil_list() -> Result<Value> {
    Ok(Value::List(List::nil(&ANY_LIST)))
}

fn rest(a: &[Value]) -> Result<Value> {
    let items = find(&a[0], "rest")?;
    if items.is_empty() {
        nil_list()
    } else {
        list(items[1..].to_vec())
    }
}

fn initial(a: &[Value]) -> Result<Value> {
    let mut items = find(&a[0], "initial")?;
    if items.pop().is_none() {
        nil_list()
    } else {
        list(items)
    }
}

fn reverse(a: &[Value]) -> Result<Value> {
    let mut items = find(&a[0], "reverse")?;
    items.reverse();
    list(items)
}

fn compact(a: &[Value]) -> Result<Value> {
    let items = elements(&a[0], |kind| format!("Cannot compact on type {kind}"))?;
    list(items.into_iter().filter(|item| !empty(item)).collect())
}

fn contains(haystack: &[Value], needle: &Value) -> bool {
    haystack.iter().any(|item| deep_equal(needle, item))
}

fn uniq(a: &[Value]) -> Result<Value> {
    let mut kept = Vec::new();
    for item in find(&a[0], "uniq")? {
        if !contains(&kept, &item) {
            kept.push(item);
        }
    }
    list(kept)
}

fn without(a: &[Value]) -> Result<Value> {
    let items = find(&a[0], "without")?;
    list(
        items
            .into_iter()
            .filter(|item| !contains(&a[1..], item))
            .collect(),
    )
}

fn has(a: &[Value]) -> Result<Value> {
    if a[1].is_nil() {
        return Ok(false.into());
    }
    Ok(contains(&find(&a[1], "has")?, &a[0]).into())
}

fn slice(a: &[Value]) -> Result<Value> {
    let items = elements(&a[0], |kind| {
        format!("list should be type of slice or array but {kind}")
    })?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = a.get(1).map_or(0, cast::to_int);
    let end = a.get(2).map_or(items.len() as i64, cast::to_int);
    if start < 0 || end < start || end > items.len() as i64 {
        return Err(Error::message("reflect.Value.Slice: slice index out of bounds"));
    }
    let (start, end) = (start as usize, end as usize);
    Ok(match &a[0] {
        Value::List(list) => Value::List(List::typed(items[start..end].to_vec(), list.go_type())),
        Value::Bytes(bytes) => Value::Bytes(bytes[start..end].into()),
        _ => Value::List(List::new(items[start..end].to_vec())),
    })
}

fn concat(a: &[Value]) -> Result<Value> {
    let mut all = Vec::new();
    for one in a {
        match one.kind() {
            Kind::Invalid => return Err(nil_dereference()),
            Kind::Slice => all.extend(elements(one, str::to_owned)?),
            kind => return Err(Error::message(format!("Cannot concat type {kind} as list"))),
        }
    }
    if all.is_empty() { nil_list() } else { list(all) }
}
