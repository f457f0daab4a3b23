//! Variables that every template sees: Kluctl's functions, the project's variables, Jinja2's functions, in this order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::call::{CallArgs, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::kluctl;
use crate::runtime::{Context, Vm};
use crate::value::dict::{BuildFast, Key, Map};
use crate::value::frozen::{Frozen, FrozenMap};
use crate::value::object::Method;
use crate::value::{Dict, Func, Object, Range, Value, iter};

const JINJA: [&str; 6] = ["cycler", "dict", "joiner", "lipsum", "namespace", "range"];

/// Globals of one render. What was handed out is kept, so that changes made in place are seen again within the render
/// and nowhere else.
pub(crate) struct Globals {
    user: Arc<FrozenMap>,
    used: RefCell<HashMap<Arc<str>, Value, BuildFast>>,
}

impl Globals {
    pub(crate) fn new(user: Arc<FrozenMap>) -> Self {
        Self {
            user,
            used: RefCell::default(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.used.borrow().get(name) {
            return Some(value.clone());
        }
        let value = match kluctl::global(name) {
            Some(value) => value,
            None => match self.user.find(name) {
                Some(index) => {
                    let frozen = &self.user.entries[index].1;
                    let value = frozen.thaw();
                    if !matches!(frozen, Frozen::List(_) | Frozen::Dict(_)) {
                        return Some(value);
                    }
                    value
                }
                None => builtin(name)?,
            },
        };
        self.used.borrow_mut().insert(name.into(), value.clone());
        Some(value)
    }

    pub(crate) fn fill(&self, map: &mut Map) {
        let mut names = BTreeSet::new();
        self.names(&mut names);
        for name in names {
            if let Some(value) = self.get(&name) {
                map.insert(Key::str(name), value);
            }
        }
    }

    pub(crate) fn names(&self, names: &mut BTreeSet<Arc<str>>) {
        names.extend(self.user.entries.iter().map(|(name, _)| name.clone()));
        names.extend(JINJA.iter().chain(&kluctl::NAMES).map(|name| Arc::from(*name)));
    }
}

fn builtin(name: &str) -> Option<Value> {
    Some(match name {
        "range" => Func::class("range", range),
        "dict" => Func::class("dict", dict),
        "lipsum" => Func::native("generate_lorem_ipsum", lipsum),
        "cycler" => Func::class("jinja2.utils.Cycler", cycler),
        "joiner" => Func::class("jinja2.utils.Joiner", joiner),
        "namespace" => Func::class("jinja2.utils.Namespace", namespace),
        _ => return None,
    })
}

fn range(_: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::type_error("range expected at least 1 argument, got 0"));
    }
    let [a, b, c] = args.plain::<3>("range", 1)?;
    let number = |value: Option<Value>| value.map(|value| integer(&value)).transpose();
    let (a, b, c) = (
        number(a)?.unwrap_or_default(),
        number(b)?,
        number(c)?.unwrap_or(1),
    );
    if c == 0 {
        return Err(Error::value_error("range() arg 3 must not be zero"));
    }
    let (start, stop) = b.map_or((0, a), |b| (a, b));
    Ok(Value::Range(Rc::new(Range { start, stop, step: c })))
}

/// Fills a dict from a mapping or pairs, and keywords: `dict(...)` and `dict.update(...)`.
pub(crate) fn fill_dict(vm: &Vm, dict: &Dict, function: &str, args: CallArgs) -> Result<()> {
    if args.positional.len() > 1 {
        return Err(Error::type_error(format!(
            "{function} expected at most 1 argument, got {}",
            args.positional.len()
        )));
    }
    if let Some(source) = args.positional.first() {
        match source {
            Value::Dict(other) => {
                for (key, value) in other.pairs() {
                    dict.insert(Key::new(key)?, value);
                }
            }
            source => {
                for (index, pair) in iter::items(vm, source)?.iter().enumerate() {
                    let parts = iter::items(vm, pair).map_err(|error| match error.kind() {
                        ErrorKind::TYPE => Error::type_error("object is not iterable"),
                        _ => error,
                    })?;
                    let [key, value] = <[Value; 2]>::try_from(parts).map_err(|parts| {
                        let length = parts.len();
                        Error::value_error(format!(
                            "dictionary update sequence element #{index} has length {length}; 2 is required"
                        ))
                    })?;
                    dict.insert(Key::new(key)?, value);
                }
            }
        }
    }
    for (key, value) in args.keywords {
        dict.insert(Key::str(key), value);
    }
    Ok(())
}

fn dict(vm: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    let dict = Dict::default();
    fill_dict(vm, &dict, "dict", args)?;
    Ok(Value::dict(dict))
}

const WORDS: &str = "a ac accumsan ad adipiscing aenean aliquam aliquet amet ante aptent arcu at auctor augue bibendum blandit class commodo \
condimentum congue consectetuer consequat conubia convallis cras cubilia cum curabitur curae cursus dapibus diam dictum dictumst dignissim dis \
dolor donec dui duis egestas eget eleifend elementum elit enim erat eros est et etiam eu euismod facilisi facilisis fames faucibus felis \
fermentum feugiat fringilla fusce gravida habitant hac hendrerit hymenaeos iaculis id imperdiet in inceptos integer interdum ipsum justo lacinia \
lacus laoreet lectus leo libero ligula litora lobortis lorem luctus maecenas magna magnis malesuada massa mattis mauris metus mi molestie mollis \
montes morbi mus nam nascetur natoque nec neque netus nibh nisi nisl non nonummy nostra nulla nullam nunc odio orci ornare parturient pede \
pellentesque penatibus per pharetra phasellus placerat platea porta porttitor posuere potenti praesent pretium primis proin pulvinar purus quam \
quis quisque rhoncus ridiculus risus rutrum sagittis sapien scelerisque sed sem semper senectus sit sociis sociosqu sodales sollicitudin \
suscipit suspendisse taciti tellus tempor tempus tincidunt torquent tortor tristique turpis ullamcorper ultrices ultricies urna ut varius \
vehicula vel velit venenatis vestibulum vitae vivamus viverra volutpat vulputate";

/// Placeholder text; random, so it only promises its shape.
fn lipsum(vm: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    use rand::Rng as _;
    let [n, html, min, max] = args.bind("generate_lorem_ipsum", ["n", "html", "min", "max"], 0)?;
    let number = |value: Option<Value>, default: i64| value.map_or(Ok(default), |value| integer(&value));
    let (n, min, max) = (number(n, 5)?, number(min, 20)?, number(max, 100)?);
    let html = html.map_or(Ok(true), |value| value.truth())?;
    if min >= max {
        return Err(Error::value_error(format!(
            "empty range in randrange({min}, {max})"
        )));
    }
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut random = rand::rng();
    let mut paragraphs = Vec::new();
    for _ in 0..n.clamp(0, 10_000) {
        let mut text = String::new();
        let (mut capital, mut since_comma, mut since_stop) = (true, 0, 0);
        for _ in 0..random.random_range(min..max).min(100_000) {
            let word = words[random.random_range(0..words.len())];
            if !text.is_empty() {
                text.push(' ');
            }
            if capital {
                crate::value::text::title_char(word.chars().next().unwrap_or('a'), &mut text);
                text.push_str(&word[1..]);
            } else {
                text.push_str(word);
            }
            capital = false;
            since_comma += 1;
            since_stop += 1;
            if since_stop > random.random_range(10..20) {
                text.push('.');
                (capital, since_stop, since_comma) = (true, 0, 0);
            } else if since_comma > random.random_range(3..8) {
                text.push(',');
                since_comma = 0;
            }
        }
        let mut text = text.trim_end_matches(',').to_owned();
        if !text.ends_with('.') {
            text.push('.');
        }
        vm.charge(text.len())?;
        paragraphs.push(text);
    }
    Ok(if html {
        let marked: Vec<String> = paragraphs
            .iter()
            .map(|text| format!("<p>{}</p>", crate::value::text::escape(text)))
            .collect();
        Value::Markup(marked.join("\n").into())
    } else {
        paragraphs.join("\n\n").into()
    })
}

struct Cycler {
    items: Vec<Value>,
    position: Cell<usize>,
}

fn cycler(_: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::new(
            ErrorKind::PYTHON_RUNTIME,
            "at least one item has to be provided",
        ));
    }
    Ok(Value::object(Cycler {
        items: args.positional,
        position: Cell::new(0),
    }))
}

fn downcast<T: 'static>(value: &Value) -> Result<&T> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
    .ok_or_else(|| Error::type_error("wrong kind of object"))
}

fn cycler_next(_: &Vm, _: &Rc<Context>, owner: &Value, args: CallArgs) -> Result<Value> {
    args.none("Cycler.next")?;
    let cycler: &Cycler = downcast(owner)?;
    let position = cycler.position.get();
    cycler.position.set((position + 1) % cycler.items.len());
    Ok(cycler.items[position].clone())
}

fn cycler_reset(_: &Vm, _: &Rc<Context>, owner: &Value, args: CallArgs) -> Result<Value> {
    args.none("Cycler.reset")?;
    downcast::<Cycler>(owner)?.position.set(0);
    Ok(Value::None)
}

impl Object for Cycler {
    fn type_name(&self) -> &'static str {
        "Cycler"
    }

    fn qualified_name(&self) -> String {
        "jinja2.utils.Cycler".to_owned()
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "current" => Some(self.items[self.position.get()].clone()),
            "items" => Some(Value::tuple(self.items.clone())),
            "pos" => Some(Value::Int(self.position.get() as i64)),
            _ => None,
        })
    }

    fn method(&self, name: &str) -> Option<Method> {
        match name {
            "next" => Some(cycler_next),
            "reset" => Some(cycler_reset),
            _ => None,
        }
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "<jinja2.utils.Cycler object at {:p}>",
            std::ptr::from_ref(self)
        ))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

struct Joiner {
    separator: Value,
    used: Cell<bool>,
}

fn joiner(_: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    let [separator] = args.bind("Joiner.__init__", ["sep"], 0)?;
    Ok(Value::object(Joiner {
        separator: separator.unwrap_or_else(|| ", ".into()),
        used: Cell::new(false),
    }))
}

impl Object for Joiner {
    fn type_name(&self) -> &'static str {
        "Joiner"
    }

    fn qualified_name(&self) -> String {
        "jinja2.utils.Joiner".to_owned()
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "sep" => Some(self.separator.clone()),
            "used" => Some(Value::Bool(self.used.get())),
            _ => None,
        })
    }

    fn call(&self, _: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
        args.none("Joiner.__call__")?;
        Ok(if self.used.replace(true) {
            self.separator.clone()
        } else {
            "".into()
        })
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "<jinja2.utils.Joiner object at {:p}>",
            std::ptr::from_ref(self)
        ))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

struct Namespace {
    attributes: Rc<Dict>,
}

fn namespace(vm: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
    let attributes = Rc::new(Dict::default());
    fill_dict(vm, &attributes, "dict", args)?;
    Ok(Value::object(Namespace { attributes }))
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "Namespace"
    }

    fn qualified_name(&self) -> String {
        "jinja2.utils.Namespace".to_owned()
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(self.attributes.get_str(name))
    }

    fn set_item(&self, key: &str, value: Value) -> bool {
        self.attributes.insert(Key::str(key), value);
        true
    }

    fn is_namespace(&self) -> bool {
        true
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "<Namespace {}>",
            crate::value::repr::repr(&Value::Dict(self.attributes.clone()))?
        ))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
