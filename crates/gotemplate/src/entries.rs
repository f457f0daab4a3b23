//! What a map holds, ordered by key as Go prints it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::slice;

use crate::text::{Text, first_bytes};
use crate::value::Value;

/// From how many entries on a change in the middle costs too much in a list.
const MANY: usize = 512;

/// The entries of a map, ordered by key.
///
/// Most maps of charts have a few entries, which a list holds without room to spare; a large one becomes a tree when it is changed.
#[derive(Clone)]
pub struct Entries(Shape);

#[derive(Clone)]
enum Shape {
    List(Vec<(Text, Value)>),
    Tree(BTreeMap<Text, Value>),
}

impl Default for Entries {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds a key, or the place where it would be.
fn search(list: &[(Text, Value)], key: &[u8]) -> Result<usize, usize> {
    const A_FEW: usize = 4;
    let first = first_bytes(key);
    let mut place = 0;
    let mut size = list.len();
    while size > 0 {
        let half = size / 2;
        if list[place + half].0.first_bytes() < first {
            place += half + 1;
            size -= half + 1;
        } else {
            size = half;
        }
    }
    // What is left differs behind the first bytes, if at all.
    for _ in 0..A_FEW {
        match list.get(place) {
            Some((other, _)) if other.first_bytes() == first => match other.as_bytes().cmp(key) {
                Ordering::Less => place += 1,
                Ordering::Equal => return Ok(place),
                Ordering::Greater => return Err(place),
            },
            _ => return Err(place),
        }
    }
    let rest = list[place..].binary_search_by(|(other, _)| other.as_bytes().cmp(key));
    rest.map(|found| place + found).map_err(|found| place + found)
}

impl Entries {
    /// Starts without any entry.
    pub const fn new() -> Self {
        Self(Shape::List(Vec::new()))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        match &self.0 {
            Shape::List(list) => list.len(),
            Shape::Tree(tree) => tree.len(),
        }
    }

    /// Tells whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one entry.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        match &self.0 {
            Shape::List(list) => search(list, key).ok().map(|place| &list[place].1),
            Shape::Tree(tree) => tree.get(key),
        }
    }

    /// Tells whether there is such an entry.
    pub fn contains_key(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// Sets an entry, and returns the value it had.
    pub fn insert(&mut self, key: Text, value: Value) -> Option<Value> {
        let list = match &mut self.0 {
            Shape::List(list) => list,
            Shape::Tree(tree) => return tree.insert(key, value),
        };
        if list.last().is_none_or(|(last, _)| *last < key) {
            list.push((key, value));
            return None;
        }
        match search(list, key.as_bytes()) {
            Ok(place) => Some(std::mem::replace(&mut list[place].1, value)),
            Err(place) if list.len() < MANY => {
                list.insert(place, (key, value));
                None
            }
            Err(_) => self.change_tree(|tree| tree.insert(key, value)),
        }
    }

    /// Removes an entry, and returns the value it had.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        match &mut self.0 {
            Shape::List(list) => {
                let place = search(list, key).ok()?;
                if list.len() < MANY {
                    return Some(list.remove(place).1);
                }
                self.change_tree(|tree| tree.remove(key))
            }
            Shape::Tree(tree) => tree.remove(key),
        }
    }

    fn change_tree<T>(&mut self, change: impl FnOnce(&mut BTreeMap<Text, Value>) -> T) -> T {
        let mut tree = match std::mem::take(self).0 {
            Shape::List(list) => list.into_iter().collect(),
            Shape::Tree(tree) => tree,
        };
        let changed = change(&mut tree);
        self.0 = Shape::Tree(tree);
        changed
    }

    /// Returns the entries, ordered by key.
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Shape::List(list) => Iter::List(list.iter()),
            Shape::Tree(tree) => Iter::Tree(tree.iter()),
        }
    }
}

/// The entries of a map, ordered by key.
#[derive(Clone)]
pub enum Iter<'e> {
    /// Of a list.
    List(slice::Iter<'e, (Text, Value)>),
    /// Of a tree.
    Tree(btree_map::Iter<'e, Text, Value>),
}

impl<'e> Iterator for Iter<'e> {
    type Item = (&'e Text, &'e Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::List(entries) => entries.next().map(|(key, value)| (key, value)),
            Self::Tree(entries) => entries.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::List(entries) => entries.size_hint(),
            Self::Tree(entries) => entries.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'e> IntoIterator for &'e Entries {
    type Item = (&'e Text, &'e Value);
    type IntoIter = Iter<'e>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<(Text, Value)> for Entries {
    /// Of two entries with the same key the last one wins.
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(entries: I) -> Self {
        let mut list: Vec<_> = entries.into_iter().collect();
        if !list.is_sorted_by(|(left, _), (right, _)| left < right) {
            // The last one of a key comes first, and is the one that is kept.
            list.reverse();
            list.sort_by(|(left, _), (right, _)| left.cmp(right));
            list.dedup_by(|(later, _), (kept, _)| later == kept);
        }
        Self(Shape::List(list))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Entries;
    use crate::text::Text;
    use crate::value::Value;

    fn number(value: Option<&Value>) -> Option<i64> {
        match value {
            Some(Value::Int(number, _)) => Some(*number),
            _ => None,
        }
    }

    #[test]
    fn entries_are_those_of_an_ordered_map() {
        let mut entries = Entries::new();
        let mut model = BTreeMap::new();
        let mut seed = 1_u64;
        for step in 0..5000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number_of_key = (seed >> 33) % 900;
            // Some keys begin with others, or differ only behind their first bytes.
            let key = match number_of_key % 3 {
                0 => "k".repeat(1 + number_of_key as usize / 30),
                1 => format!("a-longer-key-{number_of_key}"),
                _ => format!("{number_of_key}"),
            };
            let key = Text::from(key);
            if step % 5 == 4 {
                let old = entries.remove(key.as_bytes());
                assert_eq!(number(old.as_ref()), model.remove(&key));
            } else {
                let old = entries.insert(key.clone(), Value::int(step));
                assert_eq!(number(old.as_ref()), model.insert(key.clone(), step));
            }
            assert_eq!(number(entries.get(key.as_bytes())), model.get(&key).copied());
            assert_eq!(entries.len(), model.len());
        }
        let found = entries.iter().map(|(key, value)| (key, number(Some(value))));
        assert!(found.eq(model.iter().map(|(key, value)| (key, Some(*value)))));
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let keys = ["b", "a", "b", "c", "a"];
        let pairs = keys
            .iter()
            .zip(0..)
            .map(|(key, at)| (Text::from(*key), Value::int(at)));
        let entries: Entries = pairs.collect();
        let found: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.to_string(), number(Some(value))))
            .collect();
        let wanted = [("a", 4), ("b", 2), ("c", 3)].map(|(key, at)| (key.to_owned(), Some(at)));
        assert_eq!(found, wanted);
    }
}
