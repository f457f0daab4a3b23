//! Widths and precisions as large as Go takes them, found by fuzzing.

use std::sync::Arc;

use kluctl_gotemplate::{Functions, MissingKey, Templates, Value};

#[test]
fn precisions_may_be_as_large_as_go_allows() {
    let cases = [
        (
            r#"{{ printf "%.70000f" 1.5 }}"#,
            format!("1.5{}", "0".repeat(69_999)),
        ),
        (
            r#"{{ printf "%.70000e" -1.5 }}"#,
            format!("-1.5{}e+00", "0".repeat(69_999)),
        ),
        (r#"{{ printf "%.70000g" 0.5 }}"#, "0.5".to_owned()),
        (
            r#"{{ printf "%.66000U" 65 }}"#,
            format!("U+{}41", "0".repeat(65_998)),
        ),
        (
            r#"{{ printf "%.66000d" 65 }}"#,
            format!("{}65", "0".repeat(65_998)),
        ),
    ];
    for (template, expected) in cases {
        let mut templates = Templates::new(Arc::new(Functions::with_sprig()), MissingKey::Zero);
        templates.parse("t", template).unwrap();
        let found = templates.execute(b"t", Value::Nil, &()).unwrap();
        assert!(found == expected.as_str(), "{template}");
    }
}
