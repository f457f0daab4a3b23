//! Functions on dictionaries.

use super::arguments::{map, owned, strings, strval, text};
use super::merge::merge;
use super::*;
use crate::entries::Entries;
use crate::value::{List, Map};

pub(super) const TABLE: &[Entry] = &[
    ("dict", &ANYS, |a, _| Ok(dict(a))),
    ("get", &MAP_TEXT, |a, _| {
        Ok(map(&a[0]).get(text(&a[1])).unwrap_or_else(|| "".into()))
    }),
    ("set", &MAP_TEXT_ANY, |a, _| set(a)),
    ("unset", &MAP_TEXT, |a, _| {
        map(&a[0]).remove(text(&a[1]));
        Ok(a[0].clone())
    }),
    ("hasKey", &MAP_TEXT, |a, _| {
        Ok(map(&a[0]).contains(text(&a[1])).into())
    }),
    ("pluck", &TEXT_MAPS, |a, _| {
        Ok(Value::List(
            a[1..]
                .iter()
                .filter_map(|other| map(other).get(text(&a[0])))
                .collect(),
        ))
    }),
    ("keys", &MAPS, |a, _| {
        Ok(strings(
            a.iter().flat_map(|one| map(one).to_vec()).map(|(key, _)| key),
        ))
    }),
    ("values", &MAP, |a, _| {
        Ok(Value::List(
            map(&a[0]).to_vec().into_iter().map(|(_, value)| value).collect(),
        ))
    }),
    ("pick", &MAP_TEXTS, |a, _| Ok(pick(a))),
    ("omit", &MAP_TEXTS, |a, _| Ok(omit(a))),
    ("merge", &MAP_MAPS, |a, _| merge_all(a, false)),
    ("mustMerge", &MAP_MAPS, |a, _| merge_all(a, false)),
    ("mergeOverwrite", &MAP_MAPS, |a, _| merge_all(a, true)),
    ("mustMergeOverwrite", &MAP_MAPS, |a, _| merge_all(a, true)),
    ("dig", &ANYS, |a, _| dig(a)),
    ("list", &ANYS, |a, _| Ok(list(a))),
    ("tuple", &ANYS, |a, _| Ok(list(a))),
];

fn list(arguments: &[Value]) -> Value {
    Value::List(List::new(arguments.to_vec()))
}

fn dict(arguments: &[Value]) -> Value {
    let mut entries = Entries::new();
    for pair in arguments.chunks(2) {
        entries.insert(
            strval(&pair[0]),
            pair.get(1).cloned().unwrap_or_else(|| "".into()),
        );
    }
    Value::Map(Map::new(entries))
}

fn set(a: &[Value]) -> Result<Value> {
    if !map(&a[0]).insert(owned(&a[1]), a[2].clone()) {
        return Err(Error::message("assignment to entry in nil map"));
    }
    Ok(a[0].clone())
}

fn pick(a: &[Value]) -> Value {
    let given = map(&a[0]);
    let entries = a[1..]
        .iter()
        .filter_map(|key| given.get(text(key)).map(|value| (owned(key), value)))
        .collect();
    Value::Map(Map::new(entries))
}

fn omit(a: &[Value]) -> Value {
    let mut entries: Entries = map(&a[0]).to_vec().into_iter().collect();
    for key in &a[1..] {
        entries.remove(text(key));
    }
    Value::Map(Map::new(entries))
}

fn merge_all(a: &[Value], overwrite: bool) -> Result<Value> {
    let mut target = map(&a[0]).clone();
    if target.is_nil() && a[1..].iter().any(|source| !map(source).is_nil()) {
        target = Map::new(Entries::new());
    }
    for source in &a[1..] {
        merge(&target, map(source), overwrite, 0)?;
    }
    Ok(Value::Map(target))
}

fn conversion(value: &Value, wanted: &str) -> Error {
    let found = if value.is_nil() {
        "nil".to_owned()
    } else {
        value.type_name()
    };
    Error::message(format!(
        "interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}

fn dig(a: &[Value]) -> Result<Value> {
    let [keys @ .., default, last] = a else {
        return Err(Error::message("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(Error::message("dig needs at least three arguments"));
    }
    let plain_map = |value: &Value| match value {
        Value::Map(map) if *map.go_type() == ANY_MAP_TYPE => Ok(map.clone()),
        other => Err(conversion(other, "map[string]interface {}")),
    };
    let mut current = plain_map(last)?;
    for key in keys {
        if key.as_text().is_none() {
            return Err(conversion(key, "string"));
        }
    }
    for (index, key) in keys.iter().enumerate() {
        let Some(step) = current.get(text(key)) else {
            return Ok(default.clone());
        };
        if index + 1 == keys.len() {
            return Ok(step);
        }
        current = plain_map(&step)?;
    }
    Ok(default.clone())
}
