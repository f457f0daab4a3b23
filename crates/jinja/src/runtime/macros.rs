//! Macros, and the bodies of `{% call %}`.

use std::rc::Rc;
use std::sync::Arc;

use super::{Env, Vm};
use crate::ast::Macro;
use crate::call::CallArgs;
use crate::error::{Error, Result};
use crate::value::{Dict, Key, Value};

/// A macro with the variables around it.
pub(crate) struct MacroValue {
    pub(crate) def: Arc<Macro>,
    env: Rc<Env>,
    /// Whether output was escaped where the macro stands.
    autoescape: bool,
}

/// The value that a macro statement makes.
pub(crate) fn define(def: &Arc<Macro>, env: &Rc<Env>) -> Value {
    Value::Macro(Rc::new(MacroValue {
        def: def.clone(),
        env: env.clone(),
        autoescape: env.context.autoescape.get(),
    }))
}

impl MacroValue {
    pub(crate) fn attribute(&self, name: &str) -> Option<Value> {
        Some(match name {
            "name" => self.def.name.clone().map_or(Value::None, Value::Str),
            "arguments" => Value::tuple(self.def.params.iter().cloned().map(Value::Str).collect()),
            "catch_kwargs" => Value::Bool(self.def.kwargs.is_some()),
            "catch_varargs" => Value::Bool(self.def.varargs.is_some()),
            "caller" => Value::Bool(self.def.caller.is_some()),
            "explicit_caller" => Value::Bool(self.def.params.iter().any(|param| &**param == "caller")),
            _ => return None,
        })
    }
}

impl Vm {
    pub(crate) fn call_macro(
        &self,
        value: &MacroValue,
        mut args: CallArgs,
        autoescape: bool,
    ) -> Result<Value> {
        let def = &value.def;
        let name = || {
            def.name
                .as_ref()
                .map_or_else(|| "None".to_owned(), |name| crate::parser::quoted(name))
        };
        let env = Env::inner(def.slots, &value.env);
        let count = def.params.len();
        let extra = if args.positional.len() > count {
            args.positional.split_off(count)
        } else {
            Vec::new()
        };
        let given = args.positional.len();
        for (slot, value) in def.param_slots.iter().zip(args.positional.drain(..)) {
            env.set(*slot, value);
        }
        let mut found_caller = given == count && def.params.iter().any(|param| &**param == "caller");
        for (param, slot) in def.params.iter().zip(&def.param_slots).skip(given) {
            if let Some(value) = args.take_keyword(param) {
                env.set(*slot, value);
            }
            found_caller |= &**param == "caller";
        }
        if let Some(slot) = def.caller
            && !found_caller
        {
            let caller = match args.take_keyword("caller") {
                None | Some(Value::None) => self.undefined_hint("No caller defined", "caller".into()),
                Some(caller) => caller,
            };
            env.set(slot, caller);
        }
        if let Some(slot) = def.kwargs {
            let kwargs = args
                .keywords
                .into_iter()
                .map(|(key, value)| (Key::str(key), value))
                .collect();
            env.set(slot, Value::dict(Dict::from_map(kwargs)));
        } else if let Some((key, _)) = args.keywords.first() {
            if args.keywords.iter().any(|(key, _)| &**key == "caller") {
                return Err(Error::type_error(format!(
                    "macro {} was invoked with two values for the special caller argument. This is most likely a bug.",
                    name()
                )));
            }
            return Err(Error::type_error(format!(
                "macro {} takes no keyword argument {}",
                name(),
                crate::parser::quoted(key)
            )));
        }
        if let Some(slot) = def.varargs {
            env.set(slot, Value::tuple(extra));
        } else if !extra.is_empty() {
            return Err(Error::type_error(format!(
                "macro {} takes not more than {count} argument(s)",
                name()
            )));
        }
        let before = env.context.autoescape.replace(value.autoescape);
        let result = self.deeper(4, || self.run_macro(def, &env)).map_err(|error| {
            let what = def
                .name
                .as_ref()
                .map_or_else(|| "call block".to_owned(), |name| format!("macro '{name}'"));
            self.located(error, &env.template, &env.context, &what)
        });
        env.context.autoescape.set(before);
        let text = result?;
        Ok(if autoescape {
            Value::Markup(text.into())
        } else {
            Value::str(text)
        })
    }

    fn run_macro(&self, def: &Macro, env: &Rc<Env>) -> Result<String> {
        self.enter(&def.enter, env);
        let required = def.params.len() - def.defaults.len();
        for (index, (param, slot)) in def.params.iter().zip(&def.param_slots).enumerate() {
            let here = crate::ast::Slot {
                hops: 0,
                index: *slot,
            };
            if !matches!(env.get(here), Value::Missing) {
                continue;
            }
            let value = match index.checked_sub(required) {
                Some(index) => self.eval(&def.defaults[index], env).map_err(|mut error| {
                    error.set_statement_line(def.reported);
                    error
                })?,
                None => self.undefined_hint(
                    format!("parameter {} was not provided", crate::parser::quoted(param)),
                    Value::Str(param.clone()),
                ),
            };
            env.set(*slot, value);
        }
        let mut text = String::new();
        self.exec(&def.body, env, &mut text)?;
        Ok(text)
    }
}
