//! Filters.

pub(crate) mod attribute;
pub(crate) mod html;
pub(crate) mod json;
mod lists;
mod numbers;
mod pprint;
mod select;
mod strings;
mod wrap;

use std::rc::Rc;

use crate::call::CallArgs;
use crate::error::Result;
use crate::runtime::{Context, Vm};
use crate::value::Value;

/// A filter: the value, then the arguments.
pub(crate) type Filter = fn(&Vm, &Rc<Context>, Value, CallArgs) -> Result<Value>;

/// The filter of this name.
pub(crate) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "abs" => numbers::abs,
        "attr" => select::attr,
        "batch" => lists::batch,
        "capitalize" => strings::capitalize,
        "center" => strings::center,
        "count" | "length" => lists::length,
        "d" | "default" => lists::default,
        "dictsort" => lists::dictsort,
        "e" | "escape" => html::escape,
        "filesizeformat" => numbers::filesizeformat,
        "first" => lists::first,
        "float" => numbers::float,
        "forceescape" => html::forceescape,
        "format" => strings::format,
        "groupby" => select::groupby,
        "indent" => strings::indent,
        "int" => numbers::int,
        "items" => lists::items,
        "join" => lists::join,
        "last" => lists::last,
        "list" => lists::list,
        "lower" => strings::lower,
        "map" => select::map,
        "max" => select::max,
        "min" => select::min,
        "pprint" => pprint::pprint,
        "random" => lists::random,
        "reject" => select::reject,
        "rejectattr" => select::rejectattr,
        "replace" => strings::replace,
        "reverse" => lists::reverse,
        "round" => numbers::round,
        "safe" => html::safe,
        "select" => select::select,
        "selectattr" => select::selectattr,
        "slice" => lists::slice,
        "sort" => select::sort,
        "string" => strings::string,
        "striptags" => html::striptags,
        "sum" => select::sum,
        "title" => strings::title,
        "tojson" => json::tojson,
        "trim" => strings::trim,
        "truncate" => strings::truncate,
        "unique" => select::unique,
        "upper" => strings::upper,
        "urlencode" => html::urlencode,
        "urlize" => html::urlize,
        "wordcount" => strings::wordcount,
        "wordwrap" => wrap::wordwrap,
        "xmlattr" => html::xmlattr,
        _ => return crate::kluctl::filter(name),
    })
}
