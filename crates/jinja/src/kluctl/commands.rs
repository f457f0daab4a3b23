//! Functions that load, render, hash and raise, and the small extensions.

use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::call::{CallArgs, integer, string};
use crate::error::{Error, ErrorKind, Result};
use crate::filters::json::{Style, dumps};
use crate::runtime::imports::not_found;
use crate::runtime::{Context, Layer, VarMap, Vm};
use crate::value::{Dict, Func, UndefinedMode, Value, repr};

type Ctx = Rc<Context>;

/// Text of a value whose method `name` a Python function would call.
fn text_for(value: &Value, name: &str) -> Result<Arc<str>> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(text.clone()),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => Err(undefined.error()),
        other => Err(Error::new(
            ErrorKind::ATTRIBUTE,
            format!("'{}' object has no attribute '{name}'", other.type_name()),
        )),
    }
}

pub(crate) fn b64encode(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("b64encode")?;
    Ok(STANDARD.encode(text_for(&value, "encode")?.as_bytes()).into())
}

/// Characters that are not base64 are skipped, as Python's decoder does.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>> {
    let mut clean = Vec::with_capacity(text.len());
    let mut padding = 0;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                if padding > 0 && clean.len() % 4 >= 2 && (clean.len() + padding) % 4 == 0 {
                    break;
                }
                padding = 0;
                clean.push(byte);
            }
            b'=' => padding += 1,
            _ => {}
        }
    }
    let wrong = |message: String| Error::new(ErrorKind::BINASCII, message);
    match clean.len() % 4 {
        1 => {
            let count = clean.len();
            return Err(wrong(format!(
                "Invalid base64-encoded string: number of data characters ({count}) cannot be 1 more than a multiple of 4"
            )));
        }
        2 | 3 if (clean.len() % 4) + padding < 4 => return Err(wrong("Incorrect padding".to_owned())),
        _ => {}
    }
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    lenient.decode(clean).map_err(|error| wrong(error.to_string()))
}

pub(crate) fn b64decode(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("b64decode")?;
    let bytes = decode_base64(&text_for(&value, "encode")?)?;
    crate::value::text::decode_utf8(&bytes).map(Value::from)
}

pub(crate) fn to_json(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("to_json")?;
    dumps(&value, &Style::default()).map(Value::from)
}

/// The first digits of a digest; a negative count drops from the end.
fn cut(digest: String, length: Option<Value>) -> Result<Value> {
    match length {
        None | Some(Value::None) => Ok(digest.into()),
        Some(length) => {
            let length = integer(&length).map_err(|_| {
                Error::type_error("slice indices must be integers or None or have an __index__ method")
            })?;
            let end = if length < 0 {
                digest.len() as i64 + length
            } else {
                length
            };
            Ok(digest[..(end.clamp(0, digest.len() as i64)) as usize].into())
        }
    }
}

pub(crate) fn sha256(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [length] = args.bind("sha256", ["digest_len"], 0)?;
    let digest = match &value {
        Value::Bytes(bytes) => Sha256::digest(bytes),
        other => Sha256::digest(text_for(other, "encode")?.as_bytes()),
    };
    cut(hex::encode(digest), length)
}

fn render_text(vm: &Vm, ctx: &Ctx, source: &Value) -> Result<Value> {
    let text = match source {
        Value::Str(text) | Value::Markup(text) => text.clone(),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
            return Err(undefined.error());
        }
        Value::Undefined(_) => "".into(),
        _ => {
            return Err(Error::type_error("Can't compile non template nodes"));
        }
    };
    let template = Rc::new(vm.input.engine.compile(None, "<template>".into(), &text)?);
    vm.deeper(6, || vm.render(&template, ctx.all())).map(Value::from)
}

pub(crate) fn render(vm: &Vm, ctx: &Ctx, args: CallArgs) -> Result<Value> {
    let [text] = args.bind("render", ["string"], 1)?;
    render_text(vm, ctx, &text.unwrap_or(Value::None))
}

pub(crate) fn render_filter(vm: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("render")?;
    render_text(vm, ctx, &value)
}

/// Renders another file with a deep copy of all variables and these on top.
fn load_with(vm: &Vm, ctx: &Ctx, path: &Value, vars: VarMap) -> Result<String> {
    let path = match path {
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
            return Err(undefined.error());
        }
        other => text_for(other, "replace")?,
    };
    let template = vm.load_relative(&path, ctx.template.name.as_deref())?;
    let merged = super::dicts::copy_dict(vm, &ctx.to_dict())?;
    let given = vars
        .into_iter()
        .map(|(name, value)| (crate::value::Key::str(name), value))
        .collect();
    super::dicts::merge(&merged, &Dict::from_map(given))?;
    let mut all = VarMap::default();
    for (key, value) in merged.pairs() {
        if let Some(name) = key.as_str() {
            all.insert(name.clone(), value);
        }
    }
    let layer = Rc::new(Layer::Over {
        vars: all,
        below: vm.base.clone(),
    });
    vm.deeper(6, || vm.render(&template, layer))
}

pub(crate) fn load_template(vm: &Vm, ctx: &Ctx, mut args: CallArgs) -> Result<Value> {
    let path = match (args.positional.len(), args.take_keyword("path")) {
        (1, None) => args.positional.remove(0),
        (0, Some(path)) => path,
        (0, None) => {
            return Err(Error::type_error(
                "load_template() missing 1 required positional argument: 'path'",
            ));
        }
        (count, _) => {
            return Err(Error::type_error(format!(
                "load_template() takes 2 positional arguments but {} were given",
                count + 1
            )));
        }
    };
    load_with(vm, ctx, &path, args.keywords.into_iter().collect()).map(Value::from)
}

pub(crate) fn load_sha256(vm: &Vm, ctx: &Ctx, args: CallArgs) -> Result<Value> {
    const MARK: &str = "__calc_sha256__";
    let [path, length] = args.bind("load_sha256", ["path", "digest_len"], 1)?;
    if ctx.get(MARK).is_some() {
        return Ok("__self_sha256__".into());
    }
    let vars = std::iter::once((Arc::from(MARK), Value::Bool(true))).collect();
    let text = load_with(vm, ctx, &path.unwrap_or(Value::None), vars)?;
    cut(hex::encode(Sha256::digest(text.as_bytes())), length)
}

/// Upstream resolves `./` here and then forgets it: only search dirs count.
pub(crate) fn load_base64(vm: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [path, width] = args.bind("load_base64", ["path", "width"], 1)?;
    let path = text_for(&path.unwrap_or(Value::None), "replace")?;
    let (_, bytes) = vm.find_file(&path).ok_or_else(|| not_found(&path))?;
    let encoded = STANDARD.encode(&bytes);
    vm.charge(encoded.len())?;
    match width {
        Some(width) if width.truth()? => wrapped(&encoded, integer(&width)?).map(Value::from),
        _ => Ok(encoded.into()),
    }
}

fn wrapped(encoded: &str, width: i64) -> Result<String> {
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(Error::value_error(format!("invalid width {width} (must be > 0)")));
    };
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(width)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    Ok(lines.join("\n"))
}

pub(crate) fn load_latest_git_commit(vm: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [path, length] = args.bind("load_latest_git_commit", ["path", "sha_len"], 1)?;
    let path = text_for(&path.unwrap_or(Value::None), "replace")?;
    let Some((found, _)) = vm.find_file(&path) else {
        return Err(Error::new(ErrorKind::FILE_NOT_FOUND, path.to_string()));
    };
    let commit = vm
        .input
        .host
        .latest_git_commit(camino::Utf8Path::new(&found))
        .map_err(|message| Error::new(ErrorKind::NOT_GIT, message))?
        .ok_or_else(|| Error::new(ErrorKind::EXCEPTION, format!("No commits found for path: {path}")))?;
    match length {
        Some(length) if length.truth()? => cut(commit, Some(length)),
        _ => Ok(commit.into()),
    }
}

pub(crate) fn raise(_: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [message] = args.bind("raise_helper", ["msg"], 1)?;
    let message = repr::to_str(&message.unwrap_or(Value::None))?;
    Err(Error::new(ErrorKind::TEMPLATE, message.to_string()))
}

pub(crate) fn debug_print(vm: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [message] = args.bind("debug_print", ["msg"], 1)?;
    vm.input
        .host
        .debug_print(&repr::to_str(&message.unwrap_or(Value::None))?);
    Ok("".into())
}

/// `images.get_image(...)` gives a placeholder that is resolved in the built objects.
pub(crate) fn images() -> Value {
    let get_image = Func::native("get_image_wrapper", |_, _, args| {
        let [image] = args.bind("ImagesExtension.get_image_wrapper", ["image"], 1)?;
        let json = dumps(
            &Value::dict(Dict::from_pairs([("image", image.unwrap_or(Value::None))])),
            &Style::default(),
        )?;
        Ok(format!(
            "XXXXXbegin_get_image_{}_end_get_imageXXXXX",
            STANDARD.encode(json)
        )
        .into())
    });
    Value::dict(Dict::from_pairs([("get_image", get_image)]))
}

/// Texts that old versions of Kluctl used to choose image versions by.
pub(crate) fn version() -> Value {
    let semver = Func::native("semver", |_, _, args| {
        let [allow] = args.bind("semver", ["allow_no_nums"], 0)?;
        let allow = allow.map_or_else(|| Ok("False".into()), |allow| repr::to_str(&allow))?;
        Ok(format!("semver(allow_no_nums={allow})").into())
    });
    let prefix = Func::native("prefix", |_, _, args| {
        let [start, suffix] = args.bind("prefix", ["s", "suffix"], 1)?;
        let start = repr::to_str(&start.unwrap_or(Value::None))?;
        Ok(match suffix {
            None | Some(Value::None) => format!("prefix(\"{start}\")").into(),
            Some(suffix) => format!("prefix(\"{start}\", suffix=\"{}\")", repr::to_str(&suffix)?).into(),
        })
    });
    let number = Func::native("number", |_, _, args| {
        args.none("number").map(|()| "number()".into())
    });
    let regex = Func::native("regex", |_, _, args| {
        let [pattern] = args.bind("regex", ["r"], 1)?;
        Ok(format!("regex(\"{}\")", repr::to_str(&pattern.unwrap_or(Value::None))?).into())
    });
    Value::dict(Dict::from_pairs([
        ("semver", semver),
        ("prefix", prefix),
        ("number", number),
        ("regex", regex),
    ]))
}

/// A string argument.
pub(crate) fn text_argument(value: &Value) -> Result<Arc<str>> {
    string(value)
}
