//! Dicts and lists: ordered, shared, and thawed from the project's variables only as far as they are used.

use std::cell::{Ref, RefCell, RefMut};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};

use super::frozen::{Frozen, FrozenMap};
use super::{Value, cmp};
use crate::error::{Error, Result};

/// A fast hash; keys are the user's own, so nothing is gained by a slow one.
#[derive(Default, Clone)]
pub(crate) struct FastHasher(u64);

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }
}

pub(crate) type BuildFast = BuildHasherDefault<FastHasher>;

/// A value that was checked to be hashable.
#[derive(Clone)]
pub(crate) struct Key(Value);

impl Key {
    pub(crate) fn new(value: Value) -> Result<Self> {
        check_hashable(&value)?;
        Ok(Self(value))
    }

    pub(crate) fn str(text: impl Into<Arc<str>>) -> Self {
        Self(Value::Str(text.into()))
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

fn check_hashable(value: &Value) -> Result<()> {
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => Err(Error::type_error(format!(
            "cannot use '{0}' as a dict key (unhashable type: '{0}')",
            value.type_name()
        ))),
        Value::Tuple(tuple) => tuple.items.iter().try_for_each(check_hashable),
        Value::View(_) => Err(Error::type_error(format!(
            "cannot use '{0}' as a dict key (unhashable type: '{0}')",
            value.type_name()
        ))),
        Value::Undefined(undefined) if undefined.mode == super::UndefinedMode::Strict => {
            Err(undefined.error())
        }
        Value::Object(object) if !object.is_hashable() => Err(Error::type_error(format!(
            "cannot use '{0}' as a dict key (unhashable type: '{0}')",
            value.type_name()
        ))),
        _ => Ok(()),
    }
}

fn hash_value<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Bool(value) => state.write_u64(u64::from(*value)),
        Value::Int(value) => state.write_u64(*value as u64),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9e18 => {
            state.write_u64(*value as i64 as u64);
        }
        Value::Float(value) => state.write_u64(value.to_bits()),
        Value::Str(text) | Value::Markup(text) => hash_text(text, state),
        Value::Big(value) => state.write(&value.to_signed_bytes_le()),
        Value::Bytes(bytes) => state.write(bytes),
        Value::Tuple(tuple) => tuple.items.iter().for_each(|item| hash_value(item, state)),
        Value::None => state.write_u64(0x4e6f),
        other => state.write(other.type_name().as_bytes()),
    }
}

fn hash_text<H: Hasher>(text: &str, state: &mut H) {
    state.write(text.as_bytes());
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_value(&self.0, state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Value::Str(a), Value::Str(b)) => a == b,
            (a, b) => a.same(b) || cmp::equal(a, b).unwrap_or(false),
        }
    }
}

impl Eq for Key {}

/// Looks a key up by its text.
struct Text<'a>(&'a str);

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_text(self.0, state);
    }
}

impl Equivalent<Key> for Text<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        matches!(&key.0, Value::Str(text) | Value::Markup(text) if **text == *self.0)
    }
}

pub(crate) type Map = IndexMap<Key, Value, BuildFast>;

enum State {
    Own(Map),
    /// Still as in the project's variables; containers that were handed out are kept, since they have an identity.
    Frozen {
        map: Arc<FrozenMap>,
        used: Vec<(usize, Value)>,
    },
}

/// A Python dict.
pub(crate) struct Dict(RefCell<State>);

impl Default for Dict {
    fn default() -> Self {
        Self::from_map(Map::default())
    }
}

impl Dict {
    pub(crate) fn from_map(map: Map) -> Self {
        Self(RefCell::new(State::Own(map)))
    }

    pub(crate) fn frozen(map: Arc<FrozenMap>) -> Self {
        Self(RefCell::new(State::Frozen {
            map,
            used: Vec::new(),
        }))
    }

    pub(crate) fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        Self::from_map(
            pairs
                .into_iter()
                .map(|(key, value)| (Key::str(key), value))
                .collect(),
        )
    }

    fn thaw(&self) {
        // A thawed one may be borrowed already.
        if matches!(&*self.0.borrow(), State::Own(_)) {
            return;
        }
        let mut state = self.0.borrow_mut();
        let State::Frozen { map, used } = &mut *state else {
            return;
        };
        let used = std::mem::take(used);
        let thawed = map.entries.iter().enumerate().map(|(index, (key, value))| {
            let kept = used
                .iter()
                .find(|(at, _)| *at == index)
                .map(|(_, value)| value.clone());
            (Key::str(key.clone()), kept.unwrap_or_else(|| value.thaw()))
        });
        let own = thawed.collect();
        *state = State::Own(own);
    }

    pub(crate) fn borrow(&self) -> Ref<'_, Map> {
        self.thaw();
        Ref::map(self.0.borrow(), |state| match state {
            State::Own(map) => map,
            State::Frozen { .. } => unreachable!("thawed above"),
        })
    }

    pub(crate) fn borrow_mut(&self) -> RefMut<'_, Map> {
        self.thaw();
        RefMut::map(self.0.borrow_mut(), |state| match state {
            State::Own(map) => map,
            State::Frozen { .. } => unreachable!("thawed above"),
        })
    }

    pub(crate) fn len(&self) -> usize {
        match &*self.0.borrow() {
            State::Own(map) => map.len(),
            State::Frozen { map, .. } => map.entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get_str(&self, name: &str) -> Option<Value> {
        if let State::Own(map) = &*self.0.borrow() {
            return map.get(&Text(name)).cloned();
        }
        match &mut *self.0.borrow_mut() {
            State::Own(map) => map.get(&Text(name)).cloned(),
            State::Frozen { map, used } => {
                let index = map.find(name)?;
                if let Some((_, value)) = used.iter().find(|(at, _)| *at == index) {
                    return Some(value.clone());
                }
                let frozen = &map.entries[index].1;
                let value = frozen.thaw();
                if matches!(frozen, Frozen::List(_) | Frozen::Dict(_)) {
                    used.push((index, value.clone()));
                }
                Some(value)
            }
        }
    }

    pub(crate) fn get(&self, key: &Value) -> Result<Option<Value>> {
        if let Value::Str(name) = key {
            return Ok(self.get_str(name));
        }
        let key = Key::new(key.clone())?;
        Ok(self.borrow().get(&key).cloned())
    }

    pub(crate) fn contains(&self, key: &Value) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    pub(crate) fn insert(&self, key: Key, value: Value) -> Option<Value> {
        self.borrow_mut().insert(key, value)
    }

    pub(crate) fn keys(&self) -> Vec<Value> {
        self.borrow().keys().map(|key| key.value().clone()).collect()
    }

    pub(crate) fn pairs(&self) -> Vec<(Value, Value)> {
        self.borrow()
            .iter()
            .map(|(key, value)| (key.value().clone(), value.clone()))
            .collect()
    }
}

/// A Python list.
pub(crate) struct List(RefCell<ListState>);

enum ListState {
    Own(Vec<Value>),
    Frozen(Arc<[Frozen]>),
}

impl List {
    pub(crate) fn new(items: Vec<Value>) -> Self {
        Self(RefCell::new(ListState::Own(items)))
    }

    pub(crate) fn frozen(items: Arc<[Frozen]>) -> Self {
        Self(RefCell::new(ListState::Frozen(items)))
    }

    fn thaw(&self) {
        if matches!(&*self.0.borrow(), ListState::Own(_)) {
            return;
        }
        let mut state = self.0.borrow_mut();
        if let ListState::Frozen(items) = &*state {
            let own = items.iter().map(Frozen::thaw).collect();
            *state = ListState::Own(own);
        }
    }

    pub(crate) fn borrow(&self) -> Ref<'_, Vec<Value>> {
        self.thaw();
        Ref::map(self.0.borrow(), |state| match state {
            ListState::Own(items) => items,
            ListState::Frozen(_) => unreachable!("thawed above"),
        })
    }

    pub(crate) fn borrow_mut(&self) -> RefMut<'_, Vec<Value>> {
        self.thaw();
        RefMut::map(self.0.borrow_mut(), |state| match state {
            ListState::Own(items) => items,
            ListState::Frozen(_) => unreachable!("thawed above"),
        })
    }
}
