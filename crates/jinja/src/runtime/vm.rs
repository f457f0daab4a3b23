//! The state of one render: limits, loaded templates, and the way from a template to its text.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{Context, Env, Layer};
use crate::engine::{Limits, RenderInput};
use crate::error::{Error, ErrorKind, Result};
use crate::globals::Globals;
use crate::runtime::imports::Module;
use crate::template::Template;
use crate::value::dict::BuildFast;
use crate::value::frozen::Frozen;
use crate::value::{PLACEHOLDER, Placeholder, Undefined, UndefinedMode, Value};

/// What one value takes in a list.
const VALUE_BYTES: usize = size_of::<Value>();

/// One render.
pub(crate) struct Vm {
    pub(crate) input: RenderInput,
    pub(crate) base: Rc<Layer>,
    pub(crate) root: RefCell<Option<Arc<str>>>,
    pub(crate) templates: RefCell<HashMap<Arc<str>, Rc<Template>, BuildFast>>,
    pub(crate) modules: RefCell<HashMap<Arc<str>, Rc<Module>, BuildFast>>,
    limits: Limits,
    steps: Cell<u64>,
    memory: Cell<usize>,
    depth: Cell<u32>,
    stack_base: usize,
}

fn stack_address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(&here).addr()
}

impl Vm {
    pub(crate) fn new(input: RenderInput) -> Self {
        let globals = Rc::new(Globals::new(input.context.clone()));
        let limits = input.limits();
        Self {
            base: Rc::new(Layer::Globals(globals)),
            root: RefCell::default(),
            templates: RefCell::default(),
            modules: RefCell::default(),
            limits,
            steps: Cell::new(0),
            memory: Cell::new(0),
            depth: Cell::new(0),
            stack_base: stack_address(),
            input,
        }
    }

    /// Counts one step of work.
    pub(crate) fn tick(&self) -> Result<()> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > self.limits.steps {
            return Err(Error::new(
                ErrorKind::LIMIT,
                format!(
                    "the template takes more than {} steps; is there a loop that does not end?",
                    self.limits.steps
                ),
            ));
        }
        Ok(())
    }

    /// Counts the bytes of a value that nothing else holds, which must have been made just now.
    pub(crate) fn charge_new(&self, value: Value) -> Result<Value> {
        let bytes = match &value {
            Value::Str(text) | Value::Markup(text) if Arc::strong_count(text) == 1 => text.len(),
            Value::Bytes(bytes) if Rc::strong_count(bytes) == 1 => bytes.len(),
            Value::List(list) if Rc::strong_count(list) == 1 => list.borrow().len() * VALUE_BYTES,
            Value::Tuple(tuple) if Rc::strong_count(tuple) == 1 => tuple.items.len() * VALUE_BYTES,
            Value::Dict(dict) if Rc::strong_count(dict) == 1 => dict.len() * 4 * VALUE_BYTES,
            _ => 0,
        };
        self.charge(bytes)?;
        Ok(value)
    }

    /// Counts bytes that an operation makes; what is freed again still counts.
    pub(crate) fn charge(&self, bytes: usize) -> Result<()> {
        let total = self.memory.get().saturating_add(bytes);
        self.memory.set(total);
        if total > self.limits.memory {
            return Err(Error::new(
                ErrorKind::MEMORY,
                format!(
                    "the template makes more than {} bytes of text or data",
                    self.limits.memory
                ),
            ));
        }
        Ok(())
    }

    /// Bounds the output of a render.
    pub(crate) fn check_output(&self, length: usize) -> Result<()> {
        if length > self.limits.memory {
            return Err(Error::new(
                ErrorKind::MEMORY,
                format!("the template prints more than {} bytes", self.limits.memory),
            ));
        }
        Ok(())
    }

    /// Runs `inside` some levels deeper, `cost` as Python counts calls.
    pub(crate) fn deeper<T>(&self, cost: u32, inside: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = self.depth.get() + cost;
        let used = self.stack_base.abs_diff(stack_address());
        if depth > self.limits.depth || used > self.limits.stack {
            return Err(Error::new(
                ErrorKind::RECURSION,
                "maximum recursion depth exceeded",
            ));
        }
        self.depth.set(depth);
        let result = inside();
        self.depth.set(depth - cost);
        result
    }

    pub(crate) fn mode(&self) -> UndefinedMode {
        if self.input.strict {
            UndefinedMode::Strict
        } else {
            UndefinedMode::Lenient
        }
    }

    pub(crate) fn undefined_name(&self, name: &Arc<str>) -> Value {
        let variables = &self.input.context;
        if let Some(index) = variables.find(PLACEHOLDER)
            && let Frozen::Str(source) = &variables.entries[index].1
        {
            return Placeholder::child(source, &Value::Str(name.clone()));
        }
        Value::Undefined(Rc::new(Undefined {
            hint: None,
            object: None,
            name: Value::Str(name.clone()),
            mode: self.mode(),
        }))
    }

    pub(crate) fn undefined_hint(&self, hint: impl Into<String>, name: Value) -> Value {
        Value::Undefined(Rc::new(Undefined {
            hint: Some(hint.into()),
            object: None,
            name,
            mode: self.mode(),
        }))
    }

    pub(crate) fn undefined_in(&self, object: &Value, name: Value) -> Value {
        if let Value::Dict(dict) = object
            && let Some(Value::Str(source)) = dict.get_str(PLACEHOLDER)
        {
            return Placeholder::child(&source, &name);
        }
        Value::Undefined(Rc::new(Undefined {
            hint: None,
            object: Some(object.clone()),
            name,
            mode: self.mode(),
        }))
    }

    /// Renders a template with a context that is made from `layer`.
    pub(crate) fn render(&self, template: &Rc<Template>, layer: Rc<Layer>) -> Result<String> {
        let context = Context::new(template.clone(), layer);
        let mut out = String::with_capacity(template.source.text.len() + template.source.text.len() / 4);
        self.run_root(template, &context, &mut out)?;
        Ok(out)
    }

    /// Runs the top level of `template` in `context`, then that of the template it extends.
    pub(crate) fn run_root(
        &self,
        template: &Rc<Template>,
        context: &Rc<Context>,
        out: &mut String,
    ) -> Result<()> {
        let mut template = template.clone();
        loop {
            let program = &template.program;
            let env = Env::new(program.slots, context.clone(), template.clone());
            if let Some(slot) = program.self_slot {
                env.set(slot, super::blocks::self_reference(context));
            }
            self.enter(&program.enter, &env);
            let result = self.exec(&program.body, &env, out);
            if let Err(error) = result {
                return Err(self.located(error, &template, context, "template"));
            }
            let Some(parent) = env.extends.take() else {
                return Ok(());
            };
            template = parent;
        }
    }

    /// Turns the place inside `template` into one of the error's chain, and looks for names near an undefined one.
    pub(crate) fn located(
        &self,
        mut error: Error,
        template: &Template,
        context: &Context,
        what: &str,
    ) -> Error {
        if let Some(name) = error.missing_name() {
            let names = context.names();
            if let Some(hint) = crate::suggest::nearest(&name, names.iter().map(|name| &**name)) {
                error.set_hint(hint);
            }
        }
        error.locate(&template.source, what)
    }
}
