//! What Kluctl adds to Jinja2: filters, functions, extensions.
//!
//! Source: kluctl `lib/go-jinja2/python_src`, `pkg/kluctl_jinja2/ext`.

mod commands;
mod dates;
mod dicts;
mod jsonpath;
mod jsonpath_parse;
mod slugify;
mod time;
mod transliterate;
mod yaml_dump;
mod yaml_emit;
mod yaml_load;
mod yaml_resolve;

use crate::filters::Filter;
use crate::value::{Func, Value};

/// Names that hide variables of the project.
pub(crate) const NAMES: [&str; 13] = [
    "debug_print",
    "get_var",
    "images",
    "load_base64",
    "load_latest_git_commit",
    "load_sha256",
    "load_template",
    "merge_dict",
    "raise",
    "render",
    "time",
    "update_dict",
    "version",
];

/// A global of Kluctl's.
pub(crate) fn global(name: &str) -> Option<Value> {
    Some(match name {
        "debug_print" => Func::native("debug_print", commands::debug_print),
        "get_var" => Func::native("get_var", dicts::get_var),
        "images" => commands::images(),
        "load_base64" => Func::native("load_base64", commands::load_base64),
        "load_latest_git_commit" => Func::native("load_latest_git_commit", commands::load_latest_git_commit),
        "load_sha256" => Func::native("load_sha256", commands::load_sha256),
        "load_template" => Func::native("load_template", commands::load_template),
        "merge_dict" => Func::native("merge_dict", dicts::merge_dict),
        "raise" => Func::native("raise_helper", commands::raise),
        "render" => Func::native("render", commands::render),
        "time" => time::functions(),
        "update_dict" => Func::native("update_dict", dicts::update_dict),
        "version" => commands::version(),
        _ => return None,
    })
}

/// A filter of Kluctl's.
pub(crate) fn filter(name: &str) -> Option<Filter> {
    Some(match name {
        "b64decode" => commands::b64decode,
        "b64encode" => commands::b64encode,
        "from_yaml" => yaml_load::from_yaml,
        "render" => commands::render_filter,
        "sha256" => commands::sha256,
        "slugify" => slugify::slugify,
        "to_json" => commands::to_json,
        "to_yaml" => yaml_dump::to_yaml,
        _ => return None,
    })
}
