//! Trees to values.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions;
use super::parser::{Access, Expr, Loop, LoopKind, Program};
use super::value::{Cel, Key};

/// What an evaluation may cost, and has.
pub(crate) struct Budget(pub(crate) u64);

/// What a call that costs too much ends with.
pub(crate) const TOO_MUCH: &str = "operation cancelled: actual cost limit exceeded";

impl Budget {
    /// Takes a cost.
    pub(super) fn spend(&mut self, cost: usize) -> Result<(), String> {
        match self.0.checked_sub(cost as u64) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(TOO_MUCH.to_owned())
            }
        }
    }
}

struct Machine<'a> {
    names: Vec<(&'a str, Cel)>,
    budget: &'a mut Budget,
}

type Evaluated = Result<Cel, String>;

pub(super) fn no_overload() -> String {
    "no such overload".to_owned()
}

impl Program {
    /// Evaluates the expression with variables.
    ///
    /// # Errors
    /// With cel-go's text.
    pub(crate) fn evaluate(&self, variables: &[(&str, Cel)], budget: &mut Budget) -> Evaluated {
        let mut machine = Machine {
            names: variables.to_vec(),
            budget,
        };
        machine.value(&self.root)
    }
}

impl<'a> Machine<'a> {
    fn value(&mut self, expr: &'a Expr) -> Evaluated {
        self.budget.spend(1)?;
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Name(name) => self.name(name),
            Expr::Select(operand, field, access) => {
                let value = self.value(operand)?;
                select(value, field, *access)
            }
            Expr::Index(operand, index, optional) => {
                let value = self.value(operand)?;
                let index = self.value(index)?;
                at(value, &index, *optional)
            }
            Expr::Call(name, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.value(argument)?);
                }
                functions::call(name, &values, self.budget)
            }
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (item, optional) in items {
                    match (self.value(item)?, optional) {
                        (Cel::Optional(inner), true) => list.extend(inner.map(|inner| *inner)),
                        (value, _) => list.push(value),
                    }
                }
                Ok(Cel::list(list))
            }
            Expr::Map(entries) => self.map(entries),
            Expr::Not(inner) => match self.value(inner)? {
                Cel::Bool(set) => Ok(Cel::Bool(!set)),
                _ => Err(no_overload()),
            },
            Expr::Negative(inner) => match self.value(inner)? {
                Cel::Int(number) => number
                    .checked_neg()
                    .map(Cel::Int)
                    .ok_or_else(|| "integer overflow".to_owned()),
                Cel::Double(number) => Ok(Cel::Double(-number)),
                Cel::Duration(nanos) => Ok(Cel::Duration(-nanos)),
                _ => Err(no_overload()),
            },
            Expr::And(left, right) => self.either(left, right, false),
            Expr::Or(left, right) => self.either(left, right, true),
            Expr::Condition(parts) => {
                let [condition, yes, no] = &**parts;
                match self.value(condition)? {
                    Cel::Bool(true) => self.value(yes),
                    Cel::Bool(false) => self.value(no),
                    _ => Err(no_overload()),
                }
            }
            Expr::Binary(sign, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.binary(sign, &left, &right)
            }
            Expr::Loop(inner) => self.comprehend(inner),
            Expr::Bind(name, value, body) => {
                let value = self.value(value)?;
                self.with(name, value, body)
            }
            Expr::OptMap(operand, name, body, flat) => match self.value(operand)? {
                Cel::Optional(None) => Ok(Cel::Optional(None)),
                Cel::Optional(Some(inner)) => {
                    let value = self.with(name, *inner, body)?;
                    Ok(if *flat {
                        value
                    } else {
                        Cel::Optional(Some(Box::new(value)))
                    })
                }
                _ => Err(no_overload()),
            },
        }
    }

    fn name(&self, name: &str) -> Evaluated {
        let found = self.names.iter().rev().find(|(known, _)| *known == name);
        match found {
            Some((_, value)) => Ok(value.clone()),
            None => functions::TYPES
                .iter()
                .find(|known| **known == name)
                .map(|known| Cel::Type(known))
                .ok_or_else(|| format!("no such attribute(s): {name}")),
        }
    }

    fn with(&mut self, name: &'a str, value: Cel, body: &'a Expr) -> Evaluated {
        self.names.push((name, value));
        let done = self.value(body);
        self.names.pop();
        done
    }

    fn map(&mut self, entries: &'a [(Expr, Expr, bool)]) -> Evaluated {
        let mut map = BTreeMap::new();
        for (key, value, optional) in entries {
            let key = self.value(key)?;
            let value = self.value(value)?;
            let key = Key::of(&key).ok_or("unsupported key type")?;
            match (value, optional) {
                (Cel::Optional(None), true) => {}
                (Cel::Optional(Some(inner)), true) => drop(map.insert(key, *inner)),
                (value, _) => drop(map.insert(key, value)),
            }
        }
        Ok(Cel::Map(Arc::new(map)))
    }

    /// `&&` and `||`: one side alone may decide, whatever is wrong with the other.
    fn either(&mut self, left: &'a Expr, right: &'a Expr, decides: bool) -> Evaluated {
        let first = self.value(left);
        if matches!(first, Ok(Cel::Bool(set)) if set == decides) {
            return first;
        }
        let second = self.value(right);
        if matches!(second, Ok(Cel::Bool(set)) if set == decides) {
            return second;
        }
        match (first?, second?) {
            (Cel::Bool(_), Cel::Bool(_)) => Ok(Cel::Bool(!decides)),
            _ => Err(no_overload()),
        }
    }

    fn binary(&mut self, sign: &str, left: &Cel, right: &Cel) -> Evaluated {
        match sign {
            "==" | "!=" => {
                self.budget.spend(size_of(left).min(size_of(right)) / 10)?;
                Ok(Cel::Bool(left.equals(right) == (sign == "==")))
            }
            "in" => match right {
                Cel::List(items) | Cel::Bag(items) => {
                    self.budget.spend(items.len())?;
                    Ok(Cel::Bool(items.iter().any(|item| item.equals(left))))
                }
                Cel::Map(map) => Ok(Cel::Bool(Key::of(left).is_some_and(|key| map.contains_key(&key)))),
                _ => Err(no_overload()),
            },
            "<" | "<=" | ">" | ">=" => {
                let order = left.compare(right).ok_or_else(no_overload)?;
                Ok(Cel::Bool(match sign {
                    "<" => order == Ordering::Less,
                    "<=" => order != Ordering::Greater,
                    ">" => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
            sign => {
                self.budget.spend((size_of(left) + size_of(right)) / 10)?;
                functions::arithmetic(sign, left, right)
            }
        }
    }

    fn comprehend(&mut self, over: &'a Loop) -> Evaluated {
        let range = self.value(&over.range)?;
        // Of a map the first name is the key; of a list the only name is the item, and the first of two the index.
        let pairs: Vec<(Cel, Cel)> = match &range {
            Cel::Map(map) => map
                .iter()
                .map(|(key, value)| (key.value(), value.clone()))
                .collect(),
            Cel::List(items) | Cel::Bag(items) => {
                let numbered = items.iter().enumerate();
                numbered
                    .map(|(index, item)| (Cel::Int(index as i64), item.clone()))
                    .collect()
            }
            _ => return Err(no_overload()),
        };
        let is_map = matches!(range, Cel::Map(_));
        let mut found = Found::default();
        for (key, value) in pairs {
            let depth = self.names.len();
            let (first, second) = &over.names;
            if let Some(second) = second {
                self.names.push((first, key.clone()));
                self.names.push((second, value.clone()));
            } else {
                let item = if is_map { key.clone() } else { value.clone() };
                self.names.push((first, item));
            }
            let done = self.turn(over, &key, &value, is_map, &mut found);
            self.names.truncate(depth);
            if done? {
                break;
            }
        }
        found.end(over.kind)
    }

    /// One turn of a loop; tells whether it was the last.
    fn turn(
        &mut self,
        over: &'a Loop,
        key: &Cel,
        value: &Cel,
        is_map: bool,
        found: &mut Found,
    ) -> Result<bool, String> {
        if let Some(filter) = &over.filter {
            match self.value(filter)? {
                Cel::Bool(true) => {}
                Cel::Bool(false) => return Ok(false),
                _ => return Err(no_overload()),
            }
        }
        let result = self.value(&over.body);
        if matches!(over.kind, LoopKind::List | LoopKind::Map) {
            let result = result?;
            if over.kind == LoopKind::Map {
                let key = Key::of(key).ok_or("unsupported key type")?;
                found.map.insert(key, result);
            } else {
                found.list.push(result);
            }
            return Ok(false);
        }
        let holds = match result {
            Ok(Cel::Bool(holds)) => holds,
            Ok(_) => return Err(no_overload()),
            Err(error) if error != TOO_MUCH && matches!(over.kind, LoopKind::All | LoopKind::Exists) => {
                found.error.get_or_insert(error);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        match over.kind {
            LoopKind::All if !holds => found.decided = Some(false),
            LoopKind::Exists if holds => found.decided = Some(true),
            LoopKind::ExistsOne if holds => found.count += 1,
            LoopKind::Filter if holds => {
                found.list.push(if is_map { key.clone() } else { value.clone() });
            }
            _ => {}
        }
        Ok(found.decided.is_some())
    }
}

/// What a loop has come to.
#[derive(Default)]
struct Found {
    decided: Option<bool>,
    count: usize,
    error: Option<String>,
    list: Vec<Cel>,
    map: BTreeMap<Key, Cel>,
}

impl Found {
    fn end(self, kind: LoopKind) -> Evaluated {
        if let (None, Some(error)) = (self.decided, self.error) {
            return Err(error);
        }
        Ok(match kind {
            LoopKind::All => Cel::Bool(self.decided.unwrap_or(true)),
            LoopKind::Exists => Cel::Bool(self.decided.unwrap_or(false)),
            LoopKind::ExistsOne => Cel::Bool(self.count == 1),
            LoopKind::Filter | LoopKind::List => Cel::list(self.list),
            LoopKind::Map => Cel::Map(Arc::new(self.map)),
        })
    }
}

fn size_of(value: &Cel) -> usize {
    match value {
        Cel::Text(text) => text.len(),
        Cel::Bytes(bytes) => bytes.len(),
        Cel::List(items) | Cel::Bag(items) => items.len(),
        Cel::Map(map) => map.len(),
        _ => 0,
    }
}

fn select(value: Cel, field: &str, access: Access) -> Evaluated {
    let (inner, is_optional) = match value {
        Cel::Optional(None) => {
            return Ok(if access == Access::Test {
                Cel::Bool(false)
            } else {
                Cel::Optional(None)
            });
        }
        Cel::Optional(Some(inner)) => (*inner, true),
        other => (other, access == Access::Optional),
    };
    let Cel::Map(map) = &inner else {
        return Err(match inner {
            Cel::Null if is_optional => return Ok(Cel::Optional(None)),
            _ => no_overload(),
        });
    };
    let found = map.get(&Key::Text(field.into())).cloned();
    match access {
        Access::Test => Ok(Cel::Bool(found.is_some())),
        _ if is_optional => Ok(Cel::Optional(found.map(Box::new))),
        _ => found.ok_or_else(|| format!("no such key: {field}")),
    }
}

fn at(value: Cel, index: &Cel, optional: bool) -> Evaluated {
    let (inner, is_optional) = match value {
        Cel::Optional(None) => return Ok(Cel::Optional(None)),
        Cel::Optional(Some(inner)) => (*inner, true),
        other => (other, optional),
    };
    let found = match &inner {
        Cel::Map(map) => {
            let key = Key::of(index).ok_or_else(no_overload)?;
            map.get(&key).cloned().ok_or_else(|| match index {
                Cel::Text(text) => format!("no such key: {text}"),
                Cel::Int(number) => format!("no such key: {number}"),
                other => format!("no such key: {other:?}"),
            })
        }
        Cel::List(items) | Cel::Bag(items) => {
            let Some(Key::Int(number)) = Key::of(index) else {
                return Err(no_overload());
            };
            usize::try_from(number)
                .ok()
                .and_then(|number| items.get(number).cloned())
                .ok_or_else(|| format!("index out of bounds: {number}"))
        }
        _ => return Err(no_overload()),
    };
    if is_optional {
        return Ok(Cel::Optional(found.ok().map(Box::new)));
    }
    found
}
