//! Variables: a template's context, the layers below it, and the slots of running functions.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::ast::Slot;
use crate::globals::Globals;
use crate::scope::Block;
use crate::template::Template;
use crate::value::dict::{BuildFast, Key, Map};
use crate::value::{Dict, Value};

pub(crate) type VarMap = IndexMap<Arc<str>, Value, BuildFast>;

/// What a context was made from. Never changed; a new layer is put over it instead.
pub(crate) enum Layer {
    Globals(Rc<Globals>),
    Over { vars: VarMap, below: Rc<Layer> },
}

impl Layer {
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let mut layer = self;
        loop {
            match layer {
                Self::Globals(globals) => return globals.get(name),
                Self::Over { vars, below } => match vars.get(name) {
                    Some(value) => return Some(value.clone()),
                    None => layer = below,
                },
            }
        }
    }

    /// All variables, as one dict would hold them.
    fn fill(&self, map: &mut Map) {
        match self {
            Self::Globals(globals) => globals.fill(map),
            Self::Over { vars, below } => {
                below.fill(map);
                for (name, value) in vars {
                    map.insert(Key::str(name.clone()), value.clone());
                }
            }
        }
    }

    fn names(&self, names: &mut BTreeSet<Arc<str>>) {
        match self {
            Self::Globals(globals) => globals.names(names),
            Self::Over { vars, below } => {
                below.names(names);
                names.extend(vars.keys().cloned());
            }
        }
    }
}

/// A block and the template it stands in.
#[derive(Clone)]
pub(crate) struct BlockRef {
    pub(crate) block: Arc<Block>,
    pub(crate) template: Rc<Template>,
}

/// Jinja2's context: what templates and functions see as variables.
pub(crate) struct Context {
    pub(crate) parent: Rc<Layer>,
    pub(crate) vars: RefCell<VarMap>,
    pub(crate) exported: RefCell<BTreeSet<Arc<str>>>,
    pub(crate) template: Rc<Template>,
    pub(crate) blocks: RefCell<IndexMap<Arc<str>, Vec<BlockRef>, BuildFast>>,
    pub(crate) autoescape: Cell<bool>,
}

impl Context {
    pub(crate) fn new(template: Rc<Template>, parent: Rc<Layer>) -> Rc<Self> {
        let block = |block: &Arc<Block>| {
            (
                block.name.clone(),
                vec![BlockRef {
                    block: block.clone(),
                    template: template.clone(),
                }],
            )
        };
        let blocks = template.program.blocks.iter().map(block).collect();
        Rc::new(Self {
            parent,
            vars: RefCell::default(),
            exported: RefCell::default(),
            blocks: RefCell::new(blocks),
            template,
            autoescape: Cell::new(false),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.vars.borrow().get(name) {
            return Some(value.clone());
        }
        self.parent.get(name)
    }

    /// A layer with everything this context holds.
    pub(crate) fn all(&self) -> Rc<Layer> {
        let vars = self.vars.borrow();
        if vars.is_empty() {
            return self.parent.clone();
        }
        Rc::new(Layer::Over {
            vars: vars.clone(),
            below: self.parent.clone(),
        })
    }

    /// The same with more variables on top.
    pub(crate) fn all_with(&self, more: VarMap) -> Rc<Layer> {
        let below = self.all();
        if more.is_empty() {
            below
        } else {
            Rc::new(Layer::Over { vars: more, below })
        }
    }

    /// A context of the same template with more variables.
    pub(crate) fn derived(&self, more: VarMap) -> Rc<Self> {
        Rc::new(Self {
            parent: self.all_with(more),
            vars: RefCell::default(),
            exported: RefCell::default(),
            template: self.template.clone(),
            blocks: RefCell::new(self.blocks.borrow().clone()),
            autoescape: Cell::new(self.autoescape.get()),
        })
    }

    /// All variables as a dict.
    pub(crate) fn to_dict(&self) -> Dict {
        let mut map = Map::default();
        self.all().fill(&mut map);
        Dict::from_map(map)
    }

    pub(crate) fn names(&self) -> BTreeSet<Arc<str>> {
        let mut names = BTreeSet::new();
        self.all().names(&mut names);
        names
    }
}

/// Slots of one running function: a template's top level, a block, a macro.
pub(crate) struct Env {
    slots: RefCell<Vec<Value>>,
    parent: Option<Rc<Env>>,
    pub(crate) context: Rc<Context>,
    pub(crate) template: Rc<Template>,
    pub(crate) loop_vars: RefCell<VarMap>,
    pub(crate) block_vars: RefCell<VarMap>,
    pub(crate) extends: RefCell<Option<Rc<Template>>>,
}

impl Env {
    pub(crate) fn new(slots: u16, context: Rc<Context>, template: Rc<Template>) -> Rc<Self> {
        Self::with_parent(slots, None, context, template)
    }

    pub(crate) fn inner(slots: u16, parent: &Rc<Env>) -> Rc<Self> {
        Self::with_parent(
            slots,
            Some(parent.clone()),
            parent.context.clone(),
            parent.template.clone(),
        )
    }

    fn with_parent(
        slots: u16,
        parent: Option<Rc<Env>>,
        context: Rc<Context>,
        template: Rc<Template>,
    ) -> Rc<Self> {
        Rc::new(Self {
            slots: RefCell::new(vec![Value::Missing; slots as usize]),
            parent,
            context,
            template,
            loop_vars: RefCell::default(),
            block_vars: RefCell::default(),
            extends: RefCell::default(),
        })
    }

    pub(crate) fn get(&self, slot: Slot) -> Value {
        let mut env = self;
        for _ in 0..slot.hops {
            match &env.parent {
                Some(parent) => env = parent,
                None => return Value::Missing,
            }
        }
        env.slots
            .borrow()
            .get(slot.index as usize)
            .cloned()
            .unwrap_or(Value::Missing)
    }

    pub(crate) fn set(&self, index: u16, value: Value) {
        let old = self
            .slots
            .borrow_mut()
            .get_mut(index as usize)
            .map(|slot| std::mem::replace(slot, value));
        drop(old);
    }
}
