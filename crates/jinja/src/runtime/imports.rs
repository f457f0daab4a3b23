//! `include`, `import` and `from`, and how a template's name becomes a file.

use std::rc::Rc;
use std::sync::Arc;

use super::{Context, Env, Layer, Vm};
use crate::ast::{Expr, Slot};
use crate::error::{Error, ErrorKind, Result};
use crate::template::Template;
use crate::value::{Object, Value, iter, repr::str_repr};

/// An imported template: what it exports, and its text.
pub(crate) struct Module {
    name: Option<Arc<str>>,
    exported: super::VarMap,
    text: String,
}

pub(crate) fn not_found(name: &str) -> Error {
    Error::new(ErrorKind::NOT_FOUND, format!("template {name} not found"))
}

impl Vm {
    /// A template by the value that names it.
    pub(crate) fn get_template(&self, name: &Value, parent: &Template) -> Result<Rc<Template>> {
        match name {
            Value::Str(text) | Value::Markup(text) => self.load_relative(text, parent.name.as_deref()),
            Value::Undefined(undefined) => Err(undefined.error()),
            other => Err(Error::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            ))),
        }
    }

    /// A template by name, `./` and `../` meant from the parent's folder.
    pub(crate) fn load_relative(&self, name: &str, parent: Option<&str>) -> Result<Rc<Template>> {
        let name = crate::paths::join(name, parent);
        self.load(&name)
    }

    pub(crate) fn load(&self, name: &str) -> Result<Rc<Template>> {
        if let Some(template) = self.templates.borrow().get(name) {
            return Ok(template.clone());
        }
        let (path, bytes) = self.find_file(name).ok_or_else(|| not_found(name))?;
        let shown: Arc<str> = crate::paths::normalize(&path).into();
        let text = crate::value::text::decode_file(&shown, &bytes)?;
        let template = Rc::new(self.input.engine.compile(Some(name.into()), shown, text)?);
        self.templates.borrow_mut().insert(name.into(), template.clone());
        Ok(template)
    }

    /// The file of a name: the rendered file itself, an absolute path within a search dir, or searched for.
    pub(crate) fn find_file(&self, name: &str) -> Option<(String, bytes::Bytes)> {
        let read = |path: &str| {
            self.input
                .loader
                .read(camino::Utf8Path::new(path))
                .map(|bytes| (path.to_owned(), bytes))
        };
        if self.root.borrow().as_deref() == Some(name) {
            return read(name);
        }
        if name.starts_with('/') {
            let path = crate::paths::normalize(name);
            let inside = |dir: &camino::Utf8PathBuf| {
                let dir = crate::paths::normalize(dir.as_str());
                path.strip_prefix(dir.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
            };
            if self.input.search_dirs.iter().any(inside) {
                return read(&path);
            }
        }
        let pieces = crate::paths::pieces(name)?;
        self.input.search_dirs.iter().find_map(|dir| {
            let path = std::iter::once(dir.as_str().trim_end_matches('/'))
                .chain(pieces.iter().copied())
                .collect::<Vec<_>>()
                .join("/");
            read(&path)
        })
    }

    fn select_template(&self, names: &Value, parent: &Template) -> Result<Rc<Template>> {
        match names {
            Value::Str(_) | Value::Markup(_) | Value::Undefined(_) => {
                return self.get_template(names, parent);
            }
            _ => {}
        }
        if !names.truth()? {
            return Err(Error::new(
                ErrorKind::NONE_FOUND,
                "template Tried to select from an empty list of templates. not found",
            ));
        }
        let names = iter::items(self, names)?;
        for name in &names {
            match self.get_template(name, parent) {
                Err(error) if error.is_not_found() || error.kind() == ErrorKind::UNDEFINED => {}
                other => return other,
            }
        }
        let mut words = Vec::new();
        for name in &names {
            words.push(match name {
                Value::Undefined(undefined) => undefined.message(),
                other => crate::value::repr::to_str(other)?.to_string(),
            });
        }
        Err(Error::new(
            ErrorKind::NONE_FOUND,
            format!(
                "template none of the templates given were found: {} not found",
                words.join(", ")
            ),
        ))
    }

    pub(crate) fn include(
        &self,
        template: &Expr,
        ignore_missing: bool,
        with_context: bool,
        locals: &[(Arc<str>, Slot)],
        env: &Rc<Env>,
        out: &mut String,
    ) -> Result<()> {
        let names = self.eval(template, env)?;
        let found = match self.select_template(&names, &env.template) {
            Err(error) if ignore_missing && error.is_not_found() && error.place().is_none() => return Ok(()),
            Err(error) => return Err(error.at(template.offset)),
            Ok(found) => found,
        };
        if !with_context {
            let module = self.module(&found).map_err(|error| error.at(template.offset))?;
            out.push_str(&module.text);
            return Ok(());
        }
        let layer = env.context.all_with(Self::locals(locals, env));
        self.deeper(2, || {
            let context = Context::new(found.clone(), layer);
            self.run_root(&found, &context, out)
        })
        .map_err(|error| error.at(template.offset))
    }

    pub(crate) fn import(
        &self,
        template: &Expr,
        with_context: bool,
        locals: &[(Arc<str>, Slot)],
        env: &Rc<Env>,
    ) -> Result<Value> {
        let name = self.eval(template, env)?;
        let found = self
            .get_template(&name, &env.template)
            .map_err(|error| error.at(template.offset))?;
        if !with_context {
            let module = self.module(&found).map_err(|error| error.at(template.offset))?;
            return Ok(Value::Object(module));
        }
        let layer = env.context.all_with(Self::locals(locals, env));
        Ok(Value::Object(Rc::new(self.make_module(&found, layer)?)))
    }

    /// The module of a template without context; made once.
    fn module(&self, template: &Rc<Template>) -> Result<Rc<Module>> {
        let key: Arc<str> = template.name.clone().unwrap_or_default();
        if let Some(module) = self.modules.borrow().get(&key) {
            return Ok(module.clone());
        }
        let module = Rc::new(self.make_module(template, self.base.clone())?);
        self.modules.borrow_mut().insert(key, module.clone());
        Ok(module)
    }

    fn make_module(&self, template: &Rc<Template>, layer: Rc<Layer>) -> Result<Module> {
        let context = Context::new(template.clone(), layer);
        let mut text = String::new();
        self.deeper(4, || self.run_root(template, &context, &mut text))?;
        let vars = context.vars.borrow();
        let exported = context.exported.borrow();
        let exported = exported
            .iter()
            .filter_map(|name| Some((name.clone(), vars.get(name)?.clone())))
            .collect();
        Ok(Module {
            name: template.name.clone(),
            exported,
            text,
        })
    }

    pub(crate) fn from_import(
        &self,
        module: &Value,
        names: &[(Arc<str>, Arc<str>, Slot)],
        toplevel: bool,
        line: u32,
        env: &Rc<Env>,
    ) -> Result<()> {
        for (name, alias, slot) in names {
            let value = match self.attribute(module, name)? {
                Some(value) => value,
                None => self.not_exported(module, name, line, env),
            };
            if toplevel {
                env.context.vars.borrow_mut().insert(alias.clone(), value.clone());
                env.context.exported.borrow_mut().remove(alias);
            }
            env.set(slot.index, value);
        }
        Ok(())
    }

    fn not_exported(&self, module: &Value, name: &Arc<str>, line: u32, env: &Rc<Env>) -> Value {
        let from = match module {
            Value::Object(object) => object
                .as_any()
                .downcast_ref::<Module>()
                .and_then(|module| module.name.clone()),
            _ => None,
        };
        let from = from.map_or_else(|| "None".to_owned(), |from| str_repr(&from));
        let place = match &env.template.name {
            Some(template) => format!("line {line} in {}", str_repr(template)),
            None => format!("line {line}"),
        };
        let hint = format!(
            "the template {from} (imported on {place}) does not export the requested name {}",
            str_repr(name)
        );
        self.undefined_hint(hint, Value::Str(name.clone()))
    }
}

impl Object for Module {
    fn type_name(&self) -> &'static str {
        "TemplateModule"
    }

    fn qualified_name(&self) -> String {
        "jinja2.environment.TemplateModule".to_owned()
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(match self.exported.get(name) {
            Some(value) => Some(value.clone()),
            None if name == "__name__" => Some(self.name.clone().map_or(Value::None, Value::Str)),
            None => None,
        })
    }

    fn to_str(&self) -> Result<String> {
        Ok(self.text.clone())
    }

    fn repr(&self) -> Result<String> {
        let name = self
            .name
            .as_ref()
            .map_or_else(|| "memory:".to_owned(), |name| str_repr(name));
        Ok(format!("<TemplateModule {name}>"))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
