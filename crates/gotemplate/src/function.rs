//! The functions templates may call.

use std::any::Any;
use std::sync::Arc;

use crate::error::Error;
use crate::hash::HashMap;
use crate::templates::Templates;
use crate::text::Text;
use crate::types::Type;
use crate::value::Value;

/// A function's place in [`Functions`].
pub(crate) type FunctionId = u32;

/// What a function or method takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    /// The types of the parameters; where the function is variadic, the last is that of each further argument.
    pub parameters: &'static [Type],
    /// Whether the last parameter may be given any number of times.
    pub variadic: bool,
}

impl Signature {
    /// A function with a fixed number of parameters.
    pub const fn fixed(parameters: &'static [Type]) -> Self {
        Self {
            parameters,
            variadic: false,
        }
    }

    /// A function whose last parameter may be given any number of times.
    pub const fn variadic(parameters: &'static [Type]) -> Self {
        Self {
            parameters,
            variadic: true,
        }
    }
}

/// What a function written for templates looks like.
///
/// The arguments have been checked against the signature: a [`Type::String`] parameter is a [`Value::String`], and so on.
pub type Native = fn(&[Value], &mut Context<'_>) -> Result<Value, Error>;

/// What a function that holds something of its own looks like.
pub type Closure = dyn Fn(&[Value], &mut Context<'_>) -> Result<Value, Error> + Send + Sync;

/// A function of the language itself, which sees whether a value came out of an interface.
pub(crate) type Builtin = fn(&[Slot]) -> Result<Value, Error>;

/// A value, and whether it stands in a variable of type `interface {}` and has not been taken out yet.
///
/// Go's messages and rules for nil depend on it: a field of a nil interface is an error, a field of no value is none.
#[derive(Clone, Default)]
pub(crate) struct Slot {
    pub(crate) value: Value,
    pub(crate) in_interface: bool,
}

impl From<Value> for Slot {
    fn from(value: Value) -> Self {
        Self {
            value,
            in_interface: false,
        }
    }
}

#[derive(Clone)]
pub(crate) enum Body {
    And,
    Or,
    Call,
    Builtin(Builtin),
    Native(Native),
    Closure(Arc<Closure>),
}

#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) signature: &'static Signature,
    pub(crate) body: Body,
}

/// The functions that templates are parsed with, by name.
///
/// Starts with those of the language; [`Functions::with_sprig`] also has sprig's. Adding a name again replaces the
/// function, which must happen before templates are parsed with it.
#[derive(Clone)]
pub struct Functions {
    names: HashMap<&'static [u8], FunctionId>,
    functions: Vec<Function>,
}

impl Default for Functions {
    fn default() -> Self {
        Self::new()
    }
}

impl Functions {
    /// The functions of the language itself: `and`, `eq`, `index`, `printf` and so on.
    pub fn new() -> Self {
        let mut functions = Self {
            names: HashMap::with_capacity_and_hasher(300, foldhash::fast::RandomState::default()),
            functions: Vec::with_capacity(300),
        };
        for (name, signature, body) in &crate::builtin::TABLE {
            functions.set(name, signature, body.clone());
        }
        functions
    }

    /// The functions of the language and sprig's, without `env` and `expandenv`, as Helm has them.
    pub fn with_sprig() -> Self {
        let mut functions = Self::new();
        for (name, signature, native) in crate::sprig::functions() {
            functions.add(name, signature, native);
        }
        functions
    }

    /// Adds a function that needs nothing but its arguments and the context.
    pub fn add(&mut self, name: &'static str, signature: &'static Signature, native: Native) {
        self.set(name, signature, Body::Native(native));
    }

    /// Adds a function that holds something of its own.
    pub fn add_closure(&mut self, name: &'static str, signature: &'static Signature, closure: Arc<Closure>) {
        self.set(name, signature, Body::Closure(closure));
    }

    /// Takes a function away. Templates that use it do not parse any more.
    pub fn remove(&mut self, name: &str) {
        self.names.remove(name.as_bytes());
    }

    /// Returns the functions' names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.values().map(|id| self.functions[*id as usize].name)
    }

    fn set(&mut self, name: &'static str, signature: &'static Signature, body: Body) {
        let function = Function {
            name,
            signature,
            body,
        };
        if let Some(id) = self.names.get(name.as_bytes()) {
            self.functions[*id as usize] = function;
            return;
        }
        let id = self.functions.len() as FunctionId;
        self.names.insert(name.as_bytes(), id);
        self.functions.push(function);
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<FunctionId> {
        self.names.get(name).copied()
    }

    pub(crate) fn get(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(id as usize)
    }
}

/// What a function knows of the execution it is called in.
pub struct Context<'c> {
    pub(crate) templates: &'c Templates,
    pub(crate) template: &'c Text,
    pub(crate) host: &'c dyn Any,
}

impl<'c> Context<'c> {
    /// Returns the templates among which the caller stands; `tpl` adds to a clone of them.
    pub fn templates(&self) -> &'c Templates {
        self.templates
    }

    /// Returns the name of the template that calls.
    pub fn template(&self) -> &'c Text {
        self.template
    }

    /// Returns what the host gave to [`Templates::execute`], where it is a `T`.
    pub fn host<T: Any>(&self) -> Option<&'c T> {
        self.host.downcast_ref()
    }

    /// Executes a template among those the caller stands in, with the same host, and returns its output.
    pub fn execute(&self, name: &[u8], data: Value) -> Result<Text, Error> {
        self.templates.execute(name, data, self.host)
    }
}
