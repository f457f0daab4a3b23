//! Renders the templates of a chart and its dependencies.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bytes::Bytes;
use kluctl_gotemplate::types::{ANY_MAP, Kind, NamedType, Type};
use kluctl_gotemplate::{Error as TemplateError, ErrorKind, Map, MissingKey, Templates, Text, Value};

use crate::archive::clean;
use crate::coalesce::new_map;
use crate::error::{Error, Excerpt};
use crate::files::Files;
use crate::functions::{Host, WARN_END, WARN_START, functions, without_no_value};
use crate::tree::Tree;

static VALUES: NamedType = NamedType {
    name: "common.Values",
    underlying: Some(ANY_MAP),
    kind: Kind::Map,
};
static VALUES_TYPE: Type = Type::Named(&VALUES);

/// What all templates of a release see.
pub(crate) struct Top {
    pub(crate) values: Map,
    pub(crate) release: Map,
    pub(crate) capabilities: Value,
}

/// One template, and what it is executed with.
struct Renderable {
    text: Bytes,
    context: Map,
    base_path: String,
}

/// Renders all templates; the result is by full path, such as `chart/templates/web.yaml`.
///
/// Source: helm `pkg/engine/engine.go`, `Engine.Render`.
pub(crate) fn render(
    chart: &Tree<'_>,
    top: &Top,
    host: &Host,
    enable_dns: bool,
) -> Result<BTreeMap<String, Text>, Error> {
    let mut renderables = BTreeMap::new();
    collect(chart, true, chart.name(), top, &top.values, &mut renderables)?;
    let rendered = render_all(&renderables, host, enable_dns);
    // What templates made of a file that could not be read is of no use.
    match unreadable(chart) {
        Some(error) => Err(error),
        None => rendered,
    }
}

/// Why a file that a template asked for could not be read.
fn unreadable(chart: &Tree<'_>) -> Option<Error> {
    let own = chart.chart.files.iter().find_map(|file| file.data.failure());
    own.or_else(|| chart.dependencies.iter().find_map(unreadable))
}

fn render_all(
    renderables: &BTreeMap<String, Renderable>,
    host: &Host,
    enable_dns: bool,
) -> Result<BTreeMap<String, Text>, Error> {
    // Deeper paths first, so that a parent's templates replace those of its dependencies; from the last name to the first.
    let mut names: Vec<&String> = renderables.keys().rev().collect();
    names.sort_by_cached_key(|path| Reverse(memchr::memchr_iter(b'/', path.as_bytes()).count()));
    let mut templates = Templates::new(functions(enable_dns), MissingKey::Zero);
    for name in &names {
        templates
            .parse(name, renderables[*name].text.clone())
            .map_err(|error| parse_error(name, &error, renderables))?;
    }
    templates.freeze();
    let mut rendered = BTreeMap::new();
    for name in names {
        if base_name(name).starts_with('_') {
            continue;
        }
        let renderable = &renderables[name];
        let template: Map = [
            ("Name", Value::from(name.as_str())),
            ("BasePath", Value::from(renderable.base_path.as_str())),
        ]
        .into_iter()
        .collect();
        renderable
            .context
            .insert("Template", Value::Map(template.with_type(&VALUES_TYPE)));
        let output = templates
            .execute(
                name.as_bytes(),
                Value::Map(renderable.context.with_type(&VALUES_TYPE)),
                host,
            )
            .map_err(|error| exec_error(name, &error, renderables))?;
        rendered.insert(name.clone(), without_no_value(output));
    }
    Ok(rendered)
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Gathers the templates of a chart and its dependencies; returns what the chart's templates see.
fn collect(
    chart: &Tree<'_>,
    is_root: bool,
    path: &str,
    top: &Top,
    values: &Map,
    into: &mut BTreeMap<String, Renderable>,
) -> Result<Map, Error> {
    let subcharts = new_map();
    let own = if is_root {
        Value::Map(values.with_type(&VALUES_TYPE))
    } else {
        match values.get(chart.name()) {
            Some(Value::Map(own)) => Value::Map(own.with_type(&VALUES_TYPE)),
            _ => Value::Map(new_map().with_type(&VALUES_TYPE)),
        }
    };
    let context: Map = [
        ("Chart", Value::Map(chart.metadata_map(is_root))),
        ("Files", Value::object(Files::new(chart.chart.files.clone()))),
        ("Release", Value::Map(top.release.clone())),
        ("Capabilities", top.capabilities.clone()),
        ("Values", own.clone()),
        ("Subcharts", Value::Map(subcharts.clone())),
    ]
    .into_iter()
    .collect();
    let own = own.as_map().unwrap_or_else(new_map);
    for dependency in &chart.dependencies {
        let inner_path = format!("{path}/charts/{}", dependency.name());
        let inner = collect(dependency, false, &inner_path, top, &own, into)?;
        subcharts.insert(dependency.name(), Value::Map(inner));
    }
    let base_path = clean(&format!("{path}/templates"));
    for template in &chart.chart.templates {
        if chart.is_library() && !base_name(&template.name).starts_with('_') {
            continue;
        }
        into.insert(
            clean(&format!("{path}/{}", template.name)),
            Renderable {
                text: template.data.bytes()?.clone(),
                context: context.clone(),
                base_path: base_path.clone(),
            },
        );
    }
    Ok(context)
}

/// Source: helm `pkg/engine/engine.go`, `cleanupParseError`.
fn parse_error(name: &str, error: &TemplateError, renderables: &BTreeMap<String, Renderable>) -> Error {
    let text = error.to_string();
    let tokens: Vec<&str> = text.split(": ").collect();
    let message = match tokens.as_slice() {
        [only] => format!("parse error in ({name}): {only}"),
        [_, location, ..] => format!("parse error at ({location}): {}", tokens[tokens.len() - 1]),
        [] => text.clone(),
    };
    Error::new(message).with_excerpts(excerpts(error, renderables))
}

/// Source: helm `pkg/engine/engine.go`, `reformatExecErrorMsg`.
fn exec_error(name: &str, error: &TemplateError, renderables: &BTreeMap<String, Renderable>) -> Error {
    let excerpts = excerpts(error, renderables);
    let text = error.to_string();
    let finish = |message: String| Error::new(message).with_excerpts(excerpts);
    if !error.chain().any(|error| error.kind() == ErrorKind::Exec) {
        return finish(text);
    }
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return finish(format!("execution error in ({name}): {text}"));
    };
    if let Some(start) = rest.find(WARN_START)
        && let Some(end) = rest.rfind(WARN_END)
        && start + WARN_START.len() <= end
    {
        let warning = &rest[start + WARN_START.len()..end];
        return finish(format!("execution error at ({location}): {warning}"));
    }
    let mut traces: Vec<Trace> = Vec::new();
    for error in error.chain() {
        let Some(trace) = Trace::parse(&error.to_string()) else {
            return finish(text);
        };
        if traces.last() != Some(&trace) {
            traces.push(trace);
        }
    }
    let message: String = traces.iter().map(Trace::show).collect();
    finish(message.trim().to_owned())
}

/// One step of an error that went through several templates.
#[derive(PartialEq)]
struct Trace {
    location: String,
    message: String,
    executed: String,
}

impl Trace {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self {
                location: String::new(),
                message: text.to_owned(),
                executed: String::new(),
            });
        }
        Self::parse_executing(rest).or_else(|| Self::parse_simple(rest))
    }

    fn parse_executing(rest: &str) -> Option<Self> {
        let (location, after) = rest.split_once(": executing ")?;
        let (function, after) = after.strip_prefix('"')?.split_once('"')?;
        let (place, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
        Some(Self {
            location: location.to_owned(),
            message: before_next(message),
            executed: format!("executing \"{function}\" at <{place}>:"),
        })
    }

    fn parse_simple(rest: &str) -> Option<Self> {
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Self {
            location: location.to_owned(),
            message: before_next(message),
            executed: String::new(),
        })
    }

    fn show(&self) -> String {
        let mut text = String::new();
        if !self.location.is_empty() {
            text.push_str(&self.location);
            text.push_str("\n  ");
        }
        if !self.executed.is_empty() {
            text.push_str(&self.executed);
            text.push_str("\n    ");
        }
        if !self.message.is_empty() {
            text.push_str(&self.message);
            text.push('\n');
        }
        text
    }
}

/// A message without that of the template further down.
fn before_next(message: &str) -> String {
    let end = message.find(" template:").unwrap_or(message.len());
    message[..end].to_owned()
}

/// The places an error went through, as far as they are in files of the chart.
fn excerpts(error: &TemplateError, renderables: &BTreeMap<String, Renderable>) -> Vec<Excerpt> {
    const MOST: usize = 10;
    let mut excerpts: Vec<Excerpt> = Vec::new();
    for location in error.chain().filter_map(TemplateError::location) {
        let Some(renderable) = renderables.get(&*location.template) else {
            continue;
        };
        let line = line_of(&renderable.text, location.line);
        let line = String::from_utf8_lossy(line);
        let excerpt = Excerpt {
            file: location.template.to_string(),
            line: location.line,
            column: location.column.map(|column| column.min(line.len()) + 1),
            text: line.trim_end().to_owned(),
        };
        if !excerpts.contains(&excerpt) {
            excerpts.push(excerpt);
        }
    }
    excerpts.truncate(MOST);
    excerpts
}

/// A line of a text, counted from 1, without its line break; nothing where there is no such line.
fn line_of(text: &[u8], number: usize) -> &[u8] {
    let mut breaks = memchr::memchr_iter(b'\n', text);
    let start = match number.checked_sub(2) {
        None => 0,
        Some(skipped) => match breaks.nth(skipped) {
            Some(end) => end + 1,
            None => return &[],
        },
    };
    let line = &text[start..breaks.next().unwrap_or(text.len())];
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn lines_are_counted_from_one() {
        let text = b"one\r\ntwo\n\nfour";
        let lines: Vec<&[u8]> = (1..=5).map(|number| line_of(text, number)).collect();
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"four", b""]);
        assert_eq!(line_of(b"", 1), b"");
    }
}
