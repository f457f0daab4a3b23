//! Any text is a template, or gives an error with its place; what can be parsed is executed.

#![no_main]

use std::sync::Arc;

use kluctl_gotemplate::{Functions, MissingKey, Templates, json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Loops that a template asks for are the template's own affair.
    if ["until", "seq", "repeat", "indent", "range"].iter().any(|slow| text.contains(slow)) {
        return;
    }
    let mut templates = Templates::new(Arc::new(Functions::with_sprig()), MissingKey::Zero);
    if templates.parse("t", text).is_ok() {
        let data = serde_json::json!({"a": [1, 2.5, "x", null, {"b": true}], "s": "text"});
        let _ = templates.execute(b"t", json::from_plain(&data), &());
    }
});
