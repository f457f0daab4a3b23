//! Methods of `list`, `tuple`, `dict`, `set` and views.

use std::rc::Rc;

use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::globals::fill_dict;
use crate::runtime::attributes::position;
use crate::runtime::{Context, Vm};
use crate::value::object::Method;
use crate::value::{Dict, Key, List, Value, View, ViewKind, cmp, iter, repr};

type Ctx = Rc<Context>;

pub(crate) fn find_list(name: &str) -> Option<Method> {
    Some(match name {
        "append" => append,
        "clear" => |_, _, v, a| {
            a.plain::<0>("list.clear", 0)?;
            list(v)?.borrow_mut().clear();
            Ok(Value::None)
        },
        "copy" => |_, _, v, a| {
            a.plain::<0>("list.copy", 0)?;
            Ok(Value::list(list(v)?.borrow().clone()))
        },
        "count" => count,
        "extend" => extend,
        "index" => index,
        "insert" => insert,
        "pop" => pop_list,
        "remove" => remove_list,
        "reverse" => |_, _, v, a| {
            a.plain::<0>("list.reverse", 0)?;
            list(v)?.borrow_mut().reverse();
            Ok(Value::None)
        },
        "sort" => sort,
        _ => return None,
    })
}

pub(crate) fn find_tuple(name: &str) -> Option<Method> {
    Some(match name {
        "count" => count,
        "index" => index,
        _ => return None,
    })
}

pub(crate) fn find_dict(name: &str) -> Option<Method> {
    Some(match name {
        "clear" => |_, _, v, a| {
            a.plain::<0>("dict.clear", 0)?;
            dict(v)?.borrow_mut().clear();
            Ok(Value::None)
        },
        "copy" => |_, _, v, a| {
            a.plain::<0>("dict.copy", 0)?;
            Ok(Value::dict(Dict::from_map(dict(v)?.borrow().clone())))
        },
        "fromkeys" => fromkeys,
        "get" => get,
        "items" => |_, _, v, a| view(v, a, "dict.items", ViewKind::Items),
        "keys" => |_, _, v, a| view(v, a, "dict.keys", ViewKind::Keys),
        "pop" => pop_dict,
        "popitem" => popitem,
        "setdefault" => setdefault,
        "update" => |vm, _, v, a| {
            fill_dict(vm, dict(v)?, "update", a)?;
            Ok(Value::None)
        },
        "values" => |_, _, v, a| view(v, a, "dict.values", ViewKind::Values),
        _ => return None,
    })
}

pub(crate) fn find_set(name: &str) -> Option<Method> {
    Some(match name {
        "add" => |_, _, v, a| {
            let [item] = a.plain::<1>("set.add", 1)?;
            set(v)?.insert(Key::new(item.unwrap_or(Value::None))?, Value::None);
            Ok(Value::None)
        },
        "clear" => |_, _, v, a| {
            a.plain::<0>("set.clear", 0)?;
            set(v)?.borrow_mut().clear();
            Ok(Value::None)
        },
        "copy" => |_, _, v, a| {
            a.plain::<0>("set.copy", 0)?;
            Ok(Value::Set(Rc::new(Dict::from_map(set(v)?.borrow().clone()))))
        },
        "discard" => |_, _, v, a| {
            let [item] = a.plain::<1>("set.discard", 1)?;
            set(v)?
                .borrow_mut()
                .shift_remove(&Key::new(item.unwrap_or(Value::None))?);
            Ok(Value::None)
        },
        "remove" => |_, _, v, a| {
            let [item] = a.plain::<1>("set.remove", 1)?;
            let item = item.unwrap_or(Value::None);
            match set(v)?.borrow_mut().shift_remove(&Key::new(item.clone())?) {
                Some(_) => Ok(Value::None),
                None => Err(Error::new(ErrorKind::KEY, repr::repr(&item)?)),
            }
        },
        "pop" => |_, _, v, a| {
            a.plain::<0>("set.pop", 0)?;
            match set(v)?.borrow_mut().shift_remove_index(0) {
                Some((key, _)) => Ok(key.into_value()),
                None => Err(Error::new(ErrorKind::KEY, "'pop from an empty set'")),
            }
        },
        "union" => |vm, _, v, a| combine(vm, v, a, |mine, other| mine || other),
        "intersection" => |vm, _, v, a| combine(vm, v, a, |mine, other| mine && other),
        "difference" => |vm, _, v, a| combine(vm, v, a, |mine, other| mine && !other),
        "symmetric_difference" => |vm, _, v, a| combine(vm, v, a, |mine, other| mine != other),
        "update" => |vm, _, v, a| {
            for source in &a.positional {
                for item in iter::items(vm, source)? {
                    set(v)?.insert(Key::new(item)?, Value::None);
                }
            }
            Ok(Value::None)
        },
        "issubset" => |vm, _, v, a| {
            let [other] = a.plain::<1>("set.issubset", 1)?;
            let other = to_set(vm, &other.unwrap_or(Value::None))?;
            subset(set(v)?, &other)
        },
        "issuperset" => |vm, _, v, a| {
            let [other] = a.plain::<1>("set.issuperset", 1)?;
            let other = to_set(vm, &other.unwrap_or(Value::None))?;
            subset(&other, set(v)?)
        },
        "isdisjoint" => |vm, _, v, a| {
            let [other] = a.plain::<1>("set.isdisjoint", 1)?;
            let other = to_set(vm, &other.unwrap_or(Value::None))?;
            let mine = set(v)?;
            Ok(Value::Bool(
                other
                    .keys()
                    .iter()
                    .all(|key| !mine.contains(key).unwrap_or(false)),
            ))
        },
        _ => return None,
    })
}

pub(crate) fn find_view(view: &View, name: &str) -> Option<Method> {
    match (view.kind, name) {
        (ViewKind::Keys | ViewKind::Items, "isdisjoint") => Some(|vm, _, v, a| {
            let [other] = a.plain::<1>(&format!("{}.isdisjoint", v.type_name()), 1)?;
            let other = to_set(vm, &other.unwrap_or(Value::None))?;
            let mine = to_set(vm, v)?;
            Ok(Value::Bool(
                other
                    .keys()
                    .iter()
                    .all(|key| !mine.contains(key).unwrap_or(false)),
            ))
        }),
        _ => None,
    }
}

fn list(value: &Value) -> Result<&Rc<List>> {
    match value {
        Value::List(list) => Ok(list),
        _ => Err(Error::type_error("not a list")),
    }
}

fn dict(value: &Value) -> Result<&Rc<Dict>> {
    match value {
        Value::Dict(dict) => Ok(dict),
        _ => Err(Error::type_error("not a dict")),
    }
}

fn set(value: &Value) -> Result<&Rc<Dict>> {
    match value {
        Value::Set(set) => Ok(set),
        _ => Err(Error::type_error("not a set")),
    }
}

fn to_set(vm: &Vm, value: &Value) -> Result<Dict> {
    let set = Dict::default();
    for item in iter::items(vm, value)? {
        set.insert(Key::new(item)?, Value::None);
    }
    Ok(set)
}

fn subset(small: &Dict, large: &Dict) -> Result<Value> {
    for key in small.keys() {
        if !large.contains(&key)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn combine(vm: &Vm, value: &Value, args: CallArgs, keep: fn(bool, bool) -> bool) -> Result<Value> {
    let mut current = set(value)?.borrow().clone();
    for other in &args.positional {
        let other = to_set(vm, other)?;
        let mine = Dict::from_map(current.clone());
        let next = Dict::default();
        for key in mine.keys().into_iter().chain(other.keys()) {
            if keep(mine.contains(&key)?, other.contains(&key)?) {
                next.insert(Key::new(key)?, Value::None);
            }
        }
        current.clone_from(&next.borrow());
    }
    Ok(Value::Set(Rc::new(Dict::from_map(current))))
}

fn append(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [item] = args.plain::<1>("list.append", 1)?;
    vm.tick()?;
    list(value)?.borrow_mut().push(item.unwrap_or(Value::None));
    Ok(Value::None)
}

fn extend(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [source] = args.plain::<1>("list.extend", 1)?;
    let items = iter::items(vm, &source.unwrap_or(Value::None))?;
    vm.charge(items.len() * 24)?;
    list(value)?.borrow_mut().extend(items);
    Ok(Value::None)
}

fn sequence(vm: &Vm, value: &Value) -> Result<Vec<Value>> {
    iter::items(vm, value)
}

fn count(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [wanted] = args.plain::<1>(&format!("{}.count", value.type_name()), 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let mut found = 0;
    for item in sequence(vm, value)? {
        found += i64::from(item.same(&wanted) || cmp::equal(&item, &wanted)?);
    }
    Ok(Value::Int(found))
}

fn index(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [wanted, start, stop] = match value {
        Value::Range(_) => {
            let [wanted] = args.plain::<1>("range.index", 1)?;
            [wanted, None, None]
        }
        _ => args.plain::<3>(&format!("{}.index", value.type_name()), 1)?,
    };
    let wanted = wanted.unwrap_or(Value::None);
    let items = sequence(vm, value)?;
    let length = items.len() as i64;
    let bound = |value: Option<Value>, default: i64| {
        let at = value.map_or(Ok(default), |value| {
            integer(&value)
                .map_err(|_| Error::type_error("slice indices must be integers or have an __index__ method"))
        })?;
        Ok::<_, Error>(if at < 0 { (at + length).max(0) } else { at }.min(length) as usize)
    };
    let (start, stop) = (bound(start, 0)?, bound(stop, length)?);
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        if item.same(&wanted) || cmp::equal(item, &wanted)? {
            return Ok(Value::Int(at as i64));
        }
    }
    Err(Error::value_error(match value {
        Value::List(_) => "list.index(x): x not in list".to_owned(),
        Value::Tuple(_) => "tuple.index(x): x not in tuple".to_owned(),
        _ if matches!(wanted, Value::Int(_) | Value::Bool(_) | Value::Big(_)) => {
            format!("{} is not in range", repr::repr(&wanted)?)
        }
        _ => "sequence.index(x): x not in sequence".to_owned(),
    }))
}

fn insert(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [at, item] = args.plain::<2>("list.insert", 2)?;
    vm.tick()?;
    let at = integer(&at.unwrap_or(Value::None))?;
    let mut items = list(value)?.borrow_mut();
    let length = items.len() as i64;
    let at = if at < 0 {
        (at + length).max(0)
    } else {
        at.min(length)
    };
    items.insert(at as usize, item.unwrap_or(Value::None));
    Ok(Value::None)
}

fn pop_list(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [at] = args.plain::<1>("list.pop", 0)?;
    let at = at.map_or(Ok(-1), |at| integer(&at))?;
    let mut items = list(value)?.borrow_mut();
    if items.is_empty() {
        return Err(Error::new(ErrorKind::INDEX, "pop from empty list"));
    }
    match position(at, items.len()) {
        Some(at) => Ok(items.remove(at)),
        None => Err(Error::new(ErrorKind::INDEX, "pop index out of range")),
    }
}

fn remove_list(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [wanted] = args.plain::<1>("list.remove", 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let items = list(value)?.borrow().clone();
    for (at, item) in items.iter().enumerate() {
        if item.same(&wanted) || cmp::equal(item, &wanted)? {
            list(value)?.borrow_mut().remove(at);
            return Ok(Value::None);
        }
    }
    Err(Error::value_error("list.remove(x): x not in list"))
}

fn sort(vm: &Vm, ctx: &Ctx, value: &Value, mut args: CallArgs) -> Result<Value> {
    let (key, reverse) = (args.take_keyword("key"), args.take_keyword("reverse"));
    if !args.positional.is_empty() {
        return Err(Error::type_error("sort() takes no positional arguments"));
    }
    args.plain::<0>("list.sort", 0)?;
    let reverse = flag(reverse.as_ref())?;
    let items = list(value)?.borrow().clone();
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let by = match &key {
            None | Some(Value::None) => item.clone(),
            Some(key) => vm.call(key, ctx, CallArgs::of(vec![item.clone()]))?,
        };
        keyed.push((by, item));
    }
    *list(value)?.borrow_mut() = cmp::sort_by_key(keyed, reverse)?;
    Ok(Value::None)
}

fn view(value: &Value, args: CallArgs, name: &str, kind: ViewKind) -> Result<Value> {
    args.plain::<0>(name, 0)?;
    Ok(Value::View(Rc::new(View {
        dict: dict(value)?.clone(),
        kind,
    })))
}

fn get(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [key, default] = args.plain::<2>("dict.get", 1)?;
    let found = dict(value)?.get(&key.unwrap_or(Value::None))?;
    Ok(found.or(default).unwrap_or(Value::None))
}

fn fromkeys(vm: &Vm, _: &Ctx, _: &Value, args: CallArgs) -> Result<Value> {
    let [keys, value] = args.plain::<2>("dict.fromkeys", 1)?;
    let made = Dict::default();
    let value = value.unwrap_or(Value::None);
    for key in iter::items(vm, &keys.unwrap_or(Value::None))? {
        made.insert(Key::new(key)?, value.clone());
    }
    Ok(Value::dict(made))
}

fn pop_dict(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [key, default] = args.plain::<2>("dict.pop", 1)?;
    let key = key.unwrap_or(Value::None);
    let removed = dict(value)?.borrow_mut().shift_remove(&Key::new(key.clone())?);
    match removed.or(default) {
        Some(value) => Ok(value),
        None => Err(Error::new(ErrorKind::KEY, repr::repr(&key)?)),
    }
}

fn popitem(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    args.plain::<0>("dict.popitem", 0)?;
    match dict(value)?.borrow_mut().pop() {
        Some((key, value)) => Ok(Value::tuple(vec![key.into_value(), value])),
        None => Err(Error::new(ErrorKind::KEY, "'popitem(): dictionary is empty'")),
    }
}

fn setdefault(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [key, default] = args.plain::<2>("dict.setdefault", 1)?;
    let key = key.unwrap_or(Value::None);
    if let Some(found) = dict(value)?.get(&key)? {
        return Ok(found);
    }
    let default = default.unwrap_or(Value::None);
    dict(value)?.insert(Key::new(key)?, default.clone());
    Ok(default)
}
