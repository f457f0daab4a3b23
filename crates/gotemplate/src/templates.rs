//! Templates that know each other by name.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::exec::{self, Stacks};
use crate::function::Functions;
use crate::hash::HashMap;
use crate::parse::node::Tree;
use crate::parse::{self, Draft, Known};
use crate::strconv;
use crate::text::Text;
use crate::value::Value;

/// What a key that a map does not have gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value, which prints as `<no value>` and whose fields are no value either.
    #[default]
    Invalid,
    /// The zero value of the map's elements; for `interface {}` that is nil, whose fields are an error. Helm's choice.
    Zero,
    /// An error.
    Error,
}

/// Templates that know each other by name, and the functions they were parsed with.
///
/// A clone shares what was parsed before; what is parsed into it later is its own, as `tpl` needs it.
#[derive(Clone)]
pub struct Templates {
    name: Arc<str>,
    functions: Arc<Functions>,
    missing_key: MissingKey,
    shared: Rc<HashMap<Text, Rc<Tree>>>,
    own: HashMap<Text, Rc<Tree>>,
    room: Rc<RefCell<Room>>,
    /// How often bodies of loops have been run so far.
    rounds: Rc<Cell<usize>>,
}

/// How much room for output is kept.
const LARGEST_ROOM: usize = 1 << 20;

/// What is used again and again, for the room it has.
#[derive(Default)]
struct Room {
    draft: Draft,
    known: Known,
    stacks: Vec<Stacks>,
    outputs: Vec<Vec<u8>>,
}

/// A template's text, which the parsed template goes on holding.
pub struct Source(Bytes);

impl From<Bytes> for Source {
    fn from(text: Bytes) -> Self {
        Self(text)
    }
}

impl From<Text> for Source {
    fn from(text: Text) -> Self {
        Self(Bytes::from_owner(text))
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<Vec<u8>> for Source {
    fn from(text: Vec<u8>) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

/// A parsed text that has not been added to any templates yet. It can be added to many.
#[derive(Clone)]
pub struct Parsed(Vec<Rc<Tree>>);

impl Templates {
    /// Starts without any template.
    pub fn new(functions: Arc<Functions>, missing_key: MissingKey) -> Self {
        Self {
            name: "gotpl".into(),
            functions,
            missing_key,
            shared: Rc::default(),
            own: HashMap::default(),
            room: Rc::default(),
            rounds: Rc::default(),
        }
    }

    /// Gives the set a name of its own, which an error about an unknown template mentions. Helm's is `gotpl`.
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Parses a text under a name, and adds it and the templates it defines.
    ///
    /// A template that is already there is replaced, unless the new one has nothing but space.
    pub fn parse(&mut self, name: &str, text: impl Into<Source>) -> Result<(), Error> {
        let text = Source(text.into().0);
        let known = self.room.borrow().known.find(name, &text.0);
        let parsed = match known {
            Some(trees) => Parsed(trees),
            None => {
                let parsed = self.parse_only(name, text)?;
                self.room.borrow_mut().known.add(&parsed.0);
                parsed
            }
        };
        self.add(&parsed);
        Ok(())
    }

    /// Parses a text without adding it.
    pub fn parse_only(&self, name: &str, text: impl Into<Source>) -> Result<Parsed, Error> {
        parse::parse(
            name,
            text.into().0,
            &self.functions,
            &mut self.room.borrow_mut().draft,
        )
        .map(Parsed)
    }

    /// Adds a parsed text's templates. It must have been parsed with the same functions.
    pub fn add(&mut self, parsed: &Parsed) {
        for tree in &parsed.0 {
            if tree.is_empty() && self.find(tree.name.as_bytes()).is_some() {
                continue;
            }
            self.own.insert(tree.name.clone(), tree.clone());
        }
    }

    /// Makes clones cheap, whatever has been parsed so far.
    pub fn freeze(&mut self) {
        if self.own.is_empty() {
            return;
        }
        Rc::make_mut(&mut self.shared).extend(self.own.drain());
    }

    /// Tells whether there is such a template.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// Returns the templates' names, sorted.
    pub fn names(&self) -> Vec<Text> {
        let mut names: Vec<_> = self.shared.keys().chain(self.own.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the functions.
    pub fn functions(&self) -> &Arc<Functions> {
        &self.functions
    }

    /// Tells what missing keys give.
    pub fn missing_key(&self) -> MissingKey {
        self.missing_key
    }

    /// Executes a template and returns its output. Functions find `host` in their context.
    pub fn execute(&self, name: &[u8], data: Value, host: &dyn Any) -> Result<Text, Error> {
        let Some(tree) = self.find(name) else {
            let (name, set) = (strconv::quote(name), strconv::quote(self.name.as_bytes()));
            return Err(Error::message(format!(
                "template: no template {name} associated with template {set}"
            )));
        };
        let mut out = self.room.borrow_mut().outputs.pop().unwrap_or_default();
        if tree.name.as_bytes() == tree.file.as_bytes() {
            // A file mostly prints what stands in it; room that doubles until it is enough leaves as much behind.
            out.reserve_exact(tree.code.text.len());
        }
        let executed = exec::execute(self, tree, data, host, &mut out);
        let text = executed.map(|()| Text::from(&out[..]));
        if out.capacity() <= LARGEST_ROOM {
            out.clear();
            self.room.borrow_mut().outputs.push(out);
        }
        text
    }

    /// Counts one run of a loop's body, and tells how many there were before it.
    pub(crate) fn count_round(&self) -> usize {
        self.rounds.replace(self.rounds.get() + 1)
    }

    /// Lends room to an execution.
    pub(crate) fn take_stacks(&self) -> Stacks {
        self.room.borrow_mut().stacks.pop().unwrap_or_default()
    }

    /// Takes it back.
    pub(crate) fn keep_stacks(&self, stacks: Stacks) {
        self.room.borrow_mut().stacks.push(stacks);
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<Tree>> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MissingKey, Templates};
    use crate::function::Functions;
    use crate::value::{Map, Value};

    #[test]
    fn the_same_text_under_two_names_is_told_apart() {
        let text = "{{ define \"d\" }}{{ if .a }}{{ index .a 5 }}{{ end }}{{ end }}x{{ template \"d\" . }}";
        let data = || -> Value {
            let map: Map = [("a", Value::from("b"))].into_iter().collect();
            map.into()
        };
        let said = |second: &str| {
            let mut templates = Templates::new(Arc::new(Functions::new()), MissingKey::Zero);
            templates.parse("one", text).unwrap();
            templates.parse("two", second).unwrap();
            let names: Vec<_> = templates.names().iter().map(ToString::to_string).collect();
            let of = |name: &[u8]| templates.execute(name, data(), &()).unwrap_err().to_string();
            (names, of(b"one"), of(b"two"))
        };
        let (names, one, two) = said(text);
        assert_eq!(names, ["d", "one", "two"]);
        assert!(two.starts_with("template: two:1:"), "{two}");
        // With another text, however little differs, nothing is shared.
        assert_eq!((names, one, two), said(&format!("{text} ")));
        // A text that defines what the other one is called is read for itself.
        let mut templates = Templates::new(Arc::new(Functions::new()), MissingKey::Zero);
        let text = "{{ define \"b\" }}inner{{ end }}outer";
        templates.parse("a", text).unwrap();
        assert!(templates.parse("b", text).is_err());
    }
    #[test]
    fn rounds_of_all_loops_count_together() {
        let mut templates = Templates::new(Arc::new(Functions::new()), MissingKey::Zero);
        templates
            .parse("t", "{{ range 2 }}{{ range 3 }}.{{ end }}{{ end }}")
            .unwrap();
        templates.rounds.set(100_000_000 - 8);
        assert_eq!(
            templates.execute(b"t", Value::Nil, &()).unwrap().to_string(),
            "......"
        );
        templates.rounds.set(100_000_000 - 5);
        let error = templates.execute(b"t", Value::Nil, &()).unwrap_err().to_string();
        let expected =
            "template: t:1:22: executing \"t\" at <3>: range over more than 100000000 elements in all";
        assert_eq!(error, expected);
    }
}
