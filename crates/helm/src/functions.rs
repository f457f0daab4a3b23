//! The functions that Helm adds to those of Go and sprig.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use kluctl_gotemplate::types::Type;
use kluctl_gotemplate::{Context, Error, Functions, List, Map, Native, Parsed, Signature, Text, Value, json};
use kluctl_yaml::{Commented, tree_documents};

use crate::Lookup;
use crate::coalesce::new_map;
use crate::toml;

/// What Helm wraps messages of `fail` and `required` in, to find them again in the error's text.
pub(crate) const WARN_START: &str = "HELM_ERR_START";
pub(crate) const WARN_END: &str = "HELM_ERR_END";

/// How often a template may be on the stack by `include`.
const DEEPEST_INCLUDE: usize = 1000;

/// What functions need beside their arguments.
pub(crate) struct Host {
    /// The templates that are being included right now.
    included: RefCell<Vec<Text>>,
    /// Texts that `tpl` has parsed, since charts render the same ones again and again.
    parsed: RefCell<HashMap<Text, Parsed, RandomState>>,
    /// How many calls of `tpl` are under way.
    rendering: Cell<usize>,
    lookup: Option<Arc<dyn Lookup>>,
}

impl Host {
    pub(crate) fn new(lookup: Option<Arc<dyn Lookup>>) -> Self {
        Self {
            included: RefCell::default(),
            parsed: RefCell::default(),
            rendering: Cell::new(0),
            lookup,
        }
    }
}

/// All functions that charts may call. Name resolution is a matter of the host's, so it is off unless asked for.
pub(crate) fn functions(enable_dns: bool) -> Arc<Functions> {
    static PLAIN: OnceLock<Arc<Functions>> = OnceLock::new();
    static WITH_DNS: OnceLock<Arc<Functions>> = OnceLock::new();
    let cell = if enable_dns { &WITH_DNS } else { &PLAIN };
    Arc::clone(cell.get_or_init(|| {
        let mut functions = Functions::with_sprig();
        for (name, signature, native) in TABLE {
            functions.add(name, signature, *native);
        }
        if enable_dns {
            functions.add("getHostByName", &TEXT, resolve_host);
        } else {
            functions.add("getHostByName", &TEXT, no_host);
        }
        Arc::new(functions)
    }))
}

static ANY: Signature = Signature::fixed(&[Type::Any]);
static TEXT: Signature = Signature::fixed(&[Type::String]);
static TEXT_ANY: Signature = Signature::fixed(&[Type::String, Type::Any]);
static FOUR_TEXTS: Signature = Signature::fixed(&[Type::String, Type::String, Type::String, Type::String]);

const TABLE: &[(&str, &Signature, Native)] = &[
    ("include", &TEXT_ANY, include),
    ("tpl", &TEXT_ANY, tpl),
    ("required", &TEXT_ANY, required),
    ("fail", &TEXT, fail),
    ("lookup", &FOUR_TEXTS, lookup),
    ("toYaml", &ANY, to_yaml),
    ("mustToYaml", &ANY, must_to_yaml),
    ("toYamlPretty", &ANY, to_yaml_pretty),
    ("fromYaml", &TEXT, from_yaml),
    ("fromYamlArray", &TEXT, from_yaml_array),
    ("toToml", &ANY, to_toml),
    ("mustToToml", &ANY, must_to_toml),
    ("fromToml", &TEXT, from_toml),
    ("toJson", &ANY, to_json),
    ("mustToJson", &ANY, must_to_json),
    ("fromJson", &TEXT, from_json),
    ("fromJsonArray", &TEXT, from_json_array),
];

fn text(arguments: &[Value], index: usize) -> Text {
    arguments
        .get(index)
        .and_then(Value::as_text)
        .cloned()
        .unwrap_or_default()
}

fn any(arguments: &[Value], index: usize) -> Value {
    arguments.get(index).cloned().unwrap_or_default()
}

/// How deep `tpl` may call itself; Helm has no limit but Go's stack, at which it crashes.
const DEEPEST_TPL: usize = 500;

fn include(arguments: &[Value], context: &mut Context<'_>) -> Result<Value, Error> {
    let name = text(arguments, 0);
    let Some(host) = context.host::<Host>() else {
        return Err(Error::message(
            "include is only available while a chart is rendered",
        ));
    };
    {
        let mut included = host.included.borrow_mut();
        if included.len() > DEEPEST_INCLUDE
            && included.iter().filter(|other| **other == name).count() > DEEPEST_INCLUDE
        {
            return Err(Error::wrap(
                format!(
                    "rendering template has a nested reference name: {}: ",
                    name.to_str()
                ),
                Error::message("unable to execute template"),
            ));
        }
        included.push(name.clone());
    }
    let result = context.execute(name.as_bytes(), any(arguments, 1));
    host.included.borrow_mut().pop();
    result.map(Value::String)
}

fn tpl(arguments: &[Value], context: &mut Context<'_>) -> Result<Value, Error> {
    const NAME: &str = "gotpl";
    let source = text(arguments, 0);
    if memchr::memmem::find(source.as_bytes(), b"{{").is_none() {
        // Nothing to execute, and what Helm would take out of the output.
        return Ok(Value::String(without_no_value(source)));
    }
    let quoted = || kluctl_gotemplate::quote(source.as_bytes());
    let host = context.host::<Host>();
    let known = host.and_then(|host| host.parsed.borrow().get(&source).cloned());
    let parsed = match known {
        Some(parsed) => parsed,
        None => {
            let parsed = context
                .templates()
                .parse_only(NAME, source.clone())
                .map_err(|error| Error::wrap(format!("cannot parse template {}: ", quoted()), error))?;
            if let Some(host) = host {
                host.parsed.borrow_mut().insert(source.clone(), parsed.clone());
            }
            parsed
        }
    };
    if let Some(host) = host {
        let depth = host.rendering.get();
        if depth >= DEEPEST_TPL {
            return Err(Error::message(format!(
                "templates in values are rendered by each other more than {DEEPEST_TPL} deep"
            )));
        }
        host.rendering.set(depth + 1);
    }
    let mut templates = context.templates().clone();
    templates.add(&parsed);
    let nothing = ();
    let passed: &dyn Any = match host {
        Some(host) => host,
        None => &nothing,
    };
    let output = templates.execute(NAME.as_bytes(), any(arguments, 1), passed);
    if let Some(host) = host {
        host.rendering.set(host.rendering.get().saturating_sub(1));
    }
    let output = output.map_err(|error| {
        Error::wrap(
            format!("error during tpl function execution for {}: ", quoted()),
            error,
        )
    })?;
    Ok(Value::String(without_no_value(output)))
}

/// Takes out what Go prints for a missing value.
pub(crate) fn without_no_value(text: Text) -> Text {
    const MARK: &[u8] = b"<no value>";
    let bytes = text.as_bytes();
    let mut marks = memchr::memmem::find_iter(bytes, MARK).peekable();
    if marks.peek().is_none() {
        return text;
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for at in marks {
        kept.extend_from_slice(&bytes[start..at]);
        start = at + MARK.len();
    }
    kept.extend_from_slice(&bytes[start..]);
    Text::from(kept)
}

fn warn(message: &Text) -> Error {
    Error::message(format!("{WARN_START}{}{WARN_END}", message.to_str()))
}

fn required(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    let value = any(arguments, 1);
    let missing = value.is_nil() || value.as_text().is_some_and(Text::is_empty);
    if missing {
        return Err(warn(&text(arguments, 0)));
    }
    Ok(value)
}

fn fail(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Err(warn(&text(arguments, 0)))
}

fn lookup(arguments: &[Value], context: &mut Context<'_>) -> Result<Value, Error> {
    let Some(lookup) = context.host::<Host>().and_then(|host| host.lookup.as_ref()) else {
        return Ok(new_map().into());
    };
    let [api_version, kind, namespace, name] = [0, 1, 2, 3].map(|index| text(arguments, index));
    let found = lookup.lookup(
        &api_version.to_str(),
        &kind.to_str(),
        &namespace.to_str(),
        &name.to_str(),
    );
    match found {
        Ok(Some(object)) => Ok(crate::convert::from_json(&object)),
        Ok(None) => Ok(new_map().into()),
        Err(message) => Err(Error::message(message)),
    }
}

/// The value's YAML without the last line break.
fn yaml_of(value: &Value) -> Result<String, Error> {
    let plain = json::to_plain(value).map_err(|error| Error::wrap("error marshaling into JSON: ", error))?;
    let mut yaml = kluctl_yaml::try_to_string(&plain).map_err(|error| Error::message(error.message()))?;
    if yaml.ends_with('\n') {
        yaml.pop();
    }
    Ok(yaml)
}

fn to_yaml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(yaml_of(&any(arguments, 0)).unwrap_or_default().into())
}

fn must_to_yaml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(yaml_of(&any(arguments, 0))?.into())
}

fn to_yaml_pretty(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    let tree = Commented::new(crate::convert::to_tree(&any(arguments, 0)));
    let yaml = tree_documents(&[tree], 2).unwrap_or_default();
    Ok(yaml.strip_suffix('\n').unwrap_or(&yaml).into())
}

/// Reads YAML as Helm's functions do: the last duplicate key wins, numbers are floats.
fn read_yaml(source: &Text) -> Result<serde_json::Value, String> {
    let source = kluctl_yaml::text_of(source.as_bytes()).map_err(|error| error.go_text())?;
    kluctl_yaml::from_str_lenient(&source).map_err(|error| error.go_text())
}

fn cannot_unmarshal(value: &serde_json::Value, target: &str) -> String {
    let found = match value {
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Bool(_) => "bool",
        _ => "number",
    };
    format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {target}"
    )
}

fn error_map(message: String) -> Value {
    let map: Map = [("Error", Value::from(message))].into_iter().collect();
    map.into()
}

fn error_list(message: String) -> Value {
    List::new(vec![message.into()]).into()
}

fn from_yaml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(match read_yaml(&text(arguments, 0)) {
        // Nothing leaves the empty map as it was.
        Ok(serde_json::Value::Null) => new_map().into(),
        Ok(value @ serde_json::Value::Object(_)) => json::from_plain(&value),
        Ok(other) => error_map(cannot_unmarshal(&other, "map[string]interface {}")),
        Err(message) => error_map(message),
    })
}

fn from_yaml_array(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(match read_yaml(&text(arguments, 0)) {
        Ok(serde_json::Value::Null) => List::new(Vec::new()).into(),
        Ok(value @ serde_json::Value::Array(_)) => json::from_plain(&value),
        Ok(other) => error_list(cannot_unmarshal(&other, "[]interface {}")),
        Err(message) => error_list(message),
    })
}

fn to_toml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    refuse_nil(arguments)?;
    Ok(toml::write(&any(arguments, 0))
        .unwrap_or_else(|message| message)
        .into())
}

/// Go's library fails on the untyped nil before it can tell so itself.
fn refuse_nil(arguments: &[Value]) -> Result<(), Error> {
    if any(arguments, 0).is_nil() {
        return Err(Error::message(
            "reflect: call of reflect.Value.Type on zero Value",
        ));
    }
    Ok(())
}

fn must_to_toml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    refuse_nil(arguments)?;
    Ok(toml::write(&any(arguments, 0)).map_err(Error::message)?.into())
}

fn from_toml(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(match toml::read(text(arguments, 0).as_bytes()) {
        Ok(map) => map.into(),
        Err(message) => error_map(message),
    })
}

fn to_json(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(json::to_text(&any(arguments, 0), true).unwrap_or_default().into())
}

fn must_to_json(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(json::to_text(&any(arguments, 0), true)?.into())
}

fn from_json(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(match json::parse_map(text(arguments, 0).as_bytes()) {
        Ok(map) => map.into(),
        Err(error) => error_map(error.to_string()),
    })
}

fn from_json_array(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok(match json::parse_list(text(arguments, 0).as_bytes()) {
        Ok(list) => list.into(),
        Err(error) => error_list(error.to_string()),
    })
}

fn no_host(_: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    Ok("".into())
}

fn resolve_host(arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
    use std::net::ToSocketAddrs;
    let name = text(arguments, 0).to_str().into_owned();
    // Go picks one of the addresses at random and fails on unknown names.
    let mut addresses = (name.as_str(), 0)
        .to_socket_addrs()
        .map_err(|error| Error::message(format!("lookup {name}: {error}")))?;
    Ok(addresses
        .next()
        .map_or_else(String::new, |address| address.ip().to_string())
        .into())
}
