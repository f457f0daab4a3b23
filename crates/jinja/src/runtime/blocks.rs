//! Blocks, `super()` and `self`.

use std::rc::Rc;
use std::sync::Arc;

use super::context::BlockRef;
use super::{Context, Env, Vm};
use crate::ast::{Expr, Slot};
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Object, Value, repr::str_repr};

impl Vm {
    pub(crate) fn extends(&self, template: &Expr, repeated: bool, env: &Rc<Env>) -> Result<()> {
        if repeated && env.extends.borrow().is_some() {
            return Err(Error::new(ErrorKind::RUNTIME, "extended multiple times"));
        }
        let name = self.eval(template, env)?;
        let parent = self.get_template(&name, &env.template)?;
        let mut blocks = env.context.blocks.borrow_mut();
        for block in &parent.program.blocks {
            let reference = BlockRef {
                block: block.clone(),
                template: parent.clone(),
            };
            blocks.entry(block.name.clone()).or_default().push(reference);
        }
        drop(blocks);
        env.extends.replace(Some(parent));
        Ok(())
    }

    pub(crate) fn block(
        &self,
        name: &Arc<str>,
        scoped: bool,
        required: bool,
        locals: &[(Arc<str>, Slot)],
        env: &Rc<Env>,
        out: &mut String,
    ) -> Result<()> {
        let context = if scoped {
            env.context.derived(Self::locals(locals, env))
        } else {
            env.context.clone()
        };
        let stack = env.context.blocks.borrow().get(name).cloned().unwrap_or_default();
        if required && stack.len() <= 1 {
            return Err(Error::new(
                ErrorKind::RUNTIME,
                format!("Required block {} not found", str_repr(name)),
            ));
        }
        match stack.first() {
            Some(reference) => self.run_block(reference, &context, out),
            None => Ok(()),
        }
    }

    fn run_block(&self, reference: &BlockRef, context: &Rc<Context>, out: &mut String) -> Result<()> {
        let BlockRef { block, template } = reference;
        let env = Env::new(block.slots, context.clone(), template.clone());
        if let Some(slot) = block.self_slot {
            env.set(slot, self_reference(context));
        }
        if let Some(slot) = block.super_slot {
            let stack = context
                .blocks
                .borrow()
                .get(&block.name)
                .cloned()
                .unwrap_or_default();
            let depth = stack
                .iter()
                .position(|other| Arc::ptr_eq(&other.block, block))
                .map_or(usize::MAX, |at| at + 1);
            env.set(slot, self.block_value(&block.name, context, stack, depth));
        }
        self.enter(&block.enter, &env);
        self.deeper(2, || self.exec(&block.body, &env, out))
            .map_err(|mut error| {
                error.set_statement_line(block.line);
                self.located(error, template, context, &format!("block '{}'", block.name))
            })?;
        Ok(())
    }

    fn block_value(
        &self,
        name: &Arc<str>,
        context: &Rc<Context>,
        stack: Vec<BlockRef>,
        depth: usize,
    ) -> Value {
        if depth >= stack.len() {
            return self.undefined_hint(
                format!("there is no parent block called {}.", str_repr(name)),
                "super".into(),
            );
        }
        Value::object(BlockValue {
            name: name.clone(),
            context: context.clone(),
            stack,
            depth,
        })
    }
}

/// `self` of a template.
pub(crate) fn self_reference(context: &Rc<Context>) -> Value {
    Value::object(SelfReference {
        context: context.clone(),
    })
}

struct SelfReference {
    context: Rc<Context>,
}

impl Object for SelfReference {
    fn type_name(&self) -> &'static str {
        "TemplateReference"
    }

    fn qualified_name(&self) -> String {
        "jinja2.runtime.TemplateReference".to_owned()
    }

    fn item(&self, vm: &Vm, key: &Value) -> Option<Result<Value>> {
        let name = key.as_str()?;
        let stack = self.context.blocks.borrow().get(name).cloned();
        Some(match stack {
            Some(stack) => Ok(vm.block_value(name, &self.context, stack, 0)),
            None => Err(Error::new(ErrorKind::KEY, str_repr(name))),
        })
    }

    fn repr(&self) -> Result<String> {
        let name = self
            .context
            .template
            .name
            .as_ref()
            .map_or_else(|| "None".to_owned(), |name| str_repr(name));
        Ok(format!("<TemplateReference {name}>"))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

struct BlockValue {
    name: Arc<str>,
    context: Rc<Context>,
    stack: Vec<BlockRef>,
    depth: usize,
}

impl Object for BlockValue {
    fn type_name(&self) -> &'static str {
        "BlockReference"
    }

    fn qualified_name(&self) -> String {
        "jinja2.runtime.BlockReference".to_owned()
    }

    fn attribute(&self, vm: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "super" => Some(vm.block_value(&self.name, &self.context, self.stack.clone(), self.depth + 1)),
            "name" => Some(Value::Str(self.name.clone())),
            _ => None,
        })
    }

    fn call(&self, vm: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
        args.none("BlockReference.__call__")?;
        let mut text = String::new();
        vm.run_block(&self.stack[self.depth], &self.context, &mut text)?;
        Ok(if self.context.autoescape.get() {
            Value::Markup(text.into())
        } else {
            Value::str(text)
        })
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "<jinja2.runtime.BlockReference object at {:p}>",
            std::ptr::from_ref(self)
        ))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
