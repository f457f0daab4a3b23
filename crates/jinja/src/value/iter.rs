//! Iteration: over containers as they are, and lazily through filters as Python's generators do.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Dict, List, Range, Tuple, Value, ViewKind};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Vm;

type Step = Box<dyn FnMut(&Vm) -> Result<Option<Value>>>;

enum Source {
    List(Rc<List>, usize),
    Tuple(Rc<Tuple>, usize),
    Range(Range, i64),
    Items(std::vec::IntoIter<Value>),
    Dict {
        dict: Rc<Dict>,
        kind: ViewKind,
        index: usize,
        size: usize,
    },
    Step(Step),
    Done,
}

/// An iterator: used up as it is read.
pub(crate) struct Iter {
    kind: &'static str,
    /// Function that made a generator.
    name: &'static str,
    source: RefCell<Source>,
}

impl Iter {
    fn of(kind: &'static str, source: Source) -> Rc<Self> {
        Rc::new(Self {
            kind,
            name: "",
            source: RefCell::new(source),
        })
    }

    /// A generator of the function `name`.
    pub(crate) fn generator(
        name: &'static str,
        step: impl FnMut(&Vm) -> Result<Option<Value>> + 'static,
    ) -> Value {
        Value::Iter(Rc::new(Self {
            kind: "generator",
            name,
            source: RefCell::new(Source::Step(Box::new(step))),
        }))
    }

    pub(crate) fn from_items(kind: &'static str, items: Vec<Value>) -> Rc<Self> {
        Self::of(kind, Source::Items(items.into_iter()))
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn description(&self) -> String {
        if self.name.is_empty() {
            format!("{} object", self.kind)
        } else {
            format!("{} object {}", self.kind, self.name)
        }
    }

    /// The next item; after the end or an error there is none.
    pub(crate) fn next(&self, vm: &Vm) -> Result<Option<Value>> {
        vm.tick()?;
        let Ok(mut source) = self.source.try_borrow_mut() else {
            return Err(Error::value_error("generator already executing"));
        };
        let result = source.next(vm);
        if !matches!(result, Ok(Some(_))) {
            *source = Source::Done;
        }
        result
    }

    /// All items that are left.
    pub(crate) fn collect(&self, vm: &Vm) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        while let Some(item) = self.next(vm)? {
            if items.len() == items.capacity() {
                vm.charge(items.len() * size_of::<Value>())?;
            }
            items.push(item);
        }
        Ok(items)
    }
}

impl Source {
    fn next(&mut self, vm: &Vm) -> Result<Option<Value>> {
        Ok(match self {
            Self::List(list, index) => {
                let item = list.borrow().get(*index).cloned();
                *index += 1;
                item
            }
            Self::Tuple(tuple, index) => {
                let item = tuple.items.get(*index).cloned();
                *index += 1;
                item
            }
            Self::Range(range, index) => {
                let item = (*index < range.len()).then(|| Value::Int(range.get(*index)));
                *index += 1;
                item
            }
            Self::Items(items) => items.next(),
            Self::Dict {
                dict,
                kind,
                index,
                size,
            } => {
                if dict.len() != *size {
                    return Err(Error::new(
                        ErrorKind::PYTHON_RUNTIME,
                        "dictionary changed size during iteration",
                    ));
                }
                let map = dict.borrow();
                let Some((key, value)) = map.get_index(*index) else {
                    return Ok(None);
                };
                *index += 1;
                Some(match kind {
                    ViewKind::Keys => key.value().clone(),
                    ViewKind::Values => value.clone(),
                    ViewKind::Items => Value::tuple(vec![key.value().clone(), value.clone()]),
                })
            }
            Self::Step(step) => step(vm)?,
            Self::Done => None,
        })
    }
}

/// `iter(value)`.
pub(crate) fn iterate(_vm: &Vm, value: &Value) -> Result<Rc<Iter>> {
    Ok(match value {
        Value::List(list) => Iter::of("list_iterator", Source::List(list.clone(), 0)),
        Value::Tuple(tuple) => Iter::of("tuple_iterator", Source::Tuple(tuple.clone(), 0)),
        Value::Dict(dict) => dict_iter("dict_keyiterator", dict, ViewKind::Keys),
        Value::Set(dict) => dict_iter("set_iterator", dict, ViewKind::Keys),
        Value::View(view) => match view.kind {
            ViewKind::Keys => dict_iter("dict_keyiterator", &view.dict, view.kind),
            ViewKind::Values => dict_iter("dict_valueiterator", &view.dict, view.kind),
            ViewKind::Items => dict_iter("dict_itemiterator", &view.dict, view.kind),
        },
        Value::Range(range) => Iter::of("range_iterator", Source::Range(*range.as_ref(), 0)),
        Value::Str(text) => Iter::from_items(
            "str_iterator",
            text.chars().map(super::text::char_value).collect(),
        ),
        Value::Markup(text) => Iter::from_items(
            "str_iterator",
            text.chars().map(super::text::char_value).collect(),
        ),
        Value::Bytes(bytes) => Iter::from_items(
            "bytes_iterator",
            bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect(),
        ),
        Value::Iter(iter) => iter.clone(),
        Value::Undefined(undefined) => match undefined.mode {
            super::UndefinedMode::Strict => return Err(undefined.error()),
            _ => Iter::from_items("generator", Vec::new()),
        },
        Value::Object(object) => match object.iterate() {
            Some(iter) => iter?,
            None => crate::runtime::loops::rest(value).ok_or_else(|| not_iterable(value))?,
        },
        _ => return Err(not_iterable(value)),
    })
}

fn not_iterable(value: &Value) -> Error {
    Error::type_error(format!("'{}' object is not iterable", value.type_name()))
}

fn dict_iter(name: &'static str, dict: &Rc<Dict>, kind: ViewKind) -> Rc<Iter> {
    Iter::of(
        name,
        Source::Dict {
            dict: dict.clone(),
            kind,
            index: 0,
            size: dict.len(),
        },
    )
}

/// All items of a value.
pub(crate) fn items(vm: &Vm, value: &Value) -> Result<Vec<Value>> {
    match value {
        Value::List(list) => Ok(list.borrow().clone()),
        Value::Tuple(tuple) => Ok(tuple.items.clone()),
        other => iterate(vm, other)?.collect(vm),
    }
}
