//! Lays values over the defaults of charts and their dependencies.
//!
//! Maps are shared as they are in Helm: what one place changes, all that hold the map see. Charts rely on it.

use kluctl_gotemplate::{Entries, List, Map, Value};

use crate::error::{Error, log_line};
use crate::tree::Tree;

const GLOBAL: &str = "global";

/// Lays a copy of `values` over the chart's defaults. Nulls take defaults away.
///
/// Source: helm `pkg/chart/common/util/coalesce.go`, `CoalesceValues`.
pub(crate) fn coalesce_values(chart: &Tree<'_>, values: &Map, logs: &mut Vec<String>) -> Result<Map, Error> {
    let mut coalescer = Coalescer { merge: false, logs };
    coalescer.coalesce(chart, copy_map(values), "")
}

/// Lays a copy of `values` over the chart's defaults. Nulls stay.
///
/// Source: helm `pkg/chart/common/util/coalesce.go`, `MergeValues`.
pub(crate) fn merge_values(chart: &Tree<'_>, values: &Map, logs: &mut Vec<String>) -> Result<Map, Error> {
    let mut coalescer = Coalescer { merge: true, logs };
    coalescer.coalesce(chart, copy_map(values), "")
}

/// Walks the charts; warnings are logged as Helm logs them.
struct Coalescer<'l> {
    merge: bool,
    logs: &'l mut Vec<String>,
}

impl Coalescer<'_> {
    fn coalesce(&mut self, chart: &Tree<'_>, destination: Map, prefix: &str) -> Result<Map, Error> {
        self.defaults(chart, &destination, prefix);
        self.dependencies(chart, &destination, prefix)?;
        Ok(destination)
    }

    fn dependencies(&mut self, chart: &Tree<'_>, destination: &Map, prefix: &str) -> Result<(), Error> {
        for dependency in &chart.dependencies {
            let name = dependency.name();
            let own = match destination.get(name) {
                None => new_map(),
                Some(Value::Map(map)) => map,
                Some(other) => {
                    let shown = kluctl_gotemplate::sprintf(b"%t", &[other]);
                    return Err(Error::new(format!("type mismatch on {name}: {}", shown.to_str())));
                }
            };
            destination.insert(name, Value::Map(own.clone()));
            let inner = join(prefix, chart.name());
            self.globals(&own, destination, &inner);
            self.coalesce(dependency, own, &inner)?;
        }
        Ok(())
    }

    /// Hands a chart's globals down to a dependency.
    fn globals(&mut self, destination: &Map, source: &Map, prefix: &str) {
        let mut tables = Vec::new();
        for (map, side) in [(destination, "destination"), (source, "source")] {
            match map.get(GLOBAL) {
                None => tables.push(new_map()),
                Some(Value::Map(map)) => tables.push(map),
                Some(_) => {
                    self.log(&format!(
                        "warning: skipping globals because {side} {GLOBAL} is not a table."
                    ));
                    return;
                }
            }
        }
        let [own, given] = tables.as_slice() else {
            return;
        };
        for (key, value) in given.to_vec() {
            if let Value::Map(value) = &value {
                let copy = shallow_copy(value);
                match own.get(&key) {
                    None => {}
                    Some(Value::Map(known)) => {
                        let inner = join(prefix, &key.to_str());
                        self.tables(&copy, &known, &inner, true);
                    }
                    Some(_) => {
                        let key = kluctl_gotemplate::quote(key.as_bytes());
                        self.log(&format!(
                            "Conflict: cannot merge map onto non-map for {key}. Skipping."
                        ));
                        continue;
                    }
                }
                own.insert(key, Value::Map(copy));
            } else if own.get(&key).is_some_and(|known| is_table(&known)) {
                self.log(&format!("key {} is table. Skipping", key.to_str()));
            } else {
                own.insert(key, value);
            }
        }
        destination.insert(GLOBAL, Value::Map(own.clone()));
    }

    fn defaults(&mut self, chart: &Tree<'_>, values: &Map, prefix: &str) {
        let Some(defaults) = &chart.values else {
            return;
        };
        let prefix = join(prefix, chart.name());
        let copied = copy_map(defaults);
        for (key, default) in copied.to_vec() {
            let Some(value) = values.get(&key) else {
                if !self.merge {
                    match &default {
                        Value::Nil => continue,
                        Value::Map(map) => remove_nils(map),
                        _ => {}
                    }
                }
                values.insert(key, default);
                continue;
            };
            match (value, default) {
                (Value::Nil, _) if !self.merge => {
                    values.remove(&key);
                }
                (Value::Map(value), Value::Map(default)) => {
                    let is_dependency = chart
                        .dependencies
                        .iter()
                        .any(|dependency| dependency.name().as_bytes() == key.as_bytes());
                    let merge = self.merge || is_dependency;
                    if !merge {
                        remove_nils(&default);
                    }
                    self.tables(&value, &default, &join(&prefix, &key.to_str()), merge);
                }
                (Value::Map(_), default) if !default.is_nil() => {
                    let key = key.to_str();
                    self.log(&format!(
                        "warning: skipped value for {prefix}.{key}: Not a table."
                    ));
                }
                _ => {}
            }
        }
    }

    /// Lays `over` over `under`, in place.
    ///
    /// Source: helm `pkg/chart/common/util/coalesce.go`, `coalesceTablesFullKey`.
    fn tables(&mut self, over: &Map, under: &Map, prefix: &str, merge: bool) -> Map {
        if under.is_nil() {
            return over.clone();
        }
        if over.is_nil() {
            return under.clone();
        }
        let mut nulls = Vec::new();
        if let Some(entries) = over.borrow() {
            let found = entries.iter().filter(|(_, value)| value.is_nil());
            nulls.extend(found.map(|(key, _)| key.clone()));
        }
        // Those that take a value away.
        let mut taken = Vec::new();
        for key in nulls {
            if under.get(&key).is_some_and(|value| !value.is_nil()) {
                taken.push(key.clone());
            }
            under.insert(key, Value::Nil);
        }
        for (key, value) in under.to_vec() {
            match (over.get(&key), value) {
                (None, value) => {
                    over.insert(key, value);
                }
                (Some(Value::Nil), _) if !merge && taken.contains(&key) => {
                    over.remove(&key);
                }
                (Some(Value::Map(known)), Value::Map(value)) => {
                    self.tables(&known, &value, &join(prefix, &key.to_str()), merge);
                }
                (Some(_), Value::Map(value)) => {
                    let place = join(prefix, &key.to_str());
                    let shown = kluctl_gotemplate::sprintf(b"%v", &[Value::Map(value)]);
                    let shown = shown.to_str();
                    self.log(&format!(
                        "warning: cannot overwrite table with non table for {place} ({shown})"
                    ));
                }
                (Some(Value::Map(_)), value) if !value.is_nil() => {
                    let place = join(prefix, &key.to_str());
                    let shown = kluctl_gotemplate::sprintf(b"%v", &[value]);
                    let shown = shown.to_str();
                    self.log(&format!(
                        "warning: destination for {place} is a table. Ignoring non-table value ({shown})"
                    ));
                }
                _ => {}
            }
        }
        over.clone()
    }

    fn log(&mut self, message: &str) {
        self.logs.push(log_line("INFO", message, &[]));
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// Lays `over` over `under`, in place, and keeps nulls; returns the one that is not nil.
pub(crate) fn merge_tables(over: &Map, under: &Map, logs: &mut Vec<String>) -> Map {
    let mut coalescer = Coalescer { merge: true, logs };
    coalescer.tables(over, under, "", true)
}

fn remove_nils(map: &Map) {
    let mut nils = Vec::new();
    if let Some(entries) = map.borrow() {
        for (key, value) in entries.iter() {
            match value {
                Value::Nil => nils.push(key.clone()),
                Value::Map(inner) => remove_nils(inner),
                _ => {}
            }
        }
    }
    for key in nils {
        map.remove(&key);
    }
}

/// A map that shares nothing with the old one.
pub(crate) fn copy_map(map: &Map) -> Map {
    let entries = map.borrow().map_or_else(Entries::new, |entries| {
        let copied = entries.iter().map(|(key, value)| (key.clone(), copy(value)));
        copied.collect()
    });
    Map::typed(entries, map.go_type())
}

fn copy(value: &Value) -> Value {
    match value {
        Value::Map(map) if !map.is_nil() => Value::Map(copy_map(map)),
        Value::List(list) => match list.borrow() {
            Some(items) => Value::List(List::typed(items.iter().map(copy).collect(), list.go_type())),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

fn shallow_copy(map: &Map) -> Map {
    map.to_vec().into_iter().collect()
}

pub(crate) fn new_map() -> Map {
    Map::new(Entries::new())
}

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// The map at a path with dots, or `None` when something on the way is no map.
pub(crate) fn table(values: &Map, path: &str) -> Option<Map> {
    path.split('.')
        .try_fold(values.clone(), |map, key| match map.get(key) {
            Some(Value::Map(map)) => Some(map),
            _ => None,
        })
}

/// The value at a path with dots, unless it is a map or not there.
pub(crate) fn path_value(values: &Map, path: &str) -> Option<Value> {
    let (map, key) = match path.rsplit_once('.') {
        Some((parents, key)) => (table(values, parents)?, key),
        None => (values.clone(), path),
    };
    map.get(key).filter(|value| !is_table(value))
}
