//! Maps whose type has a name, as Helm's values have.

use std::sync::Arc;

use kluctl_gotemplate::types::{ANY_MAP, Kind, NamedType, Type};
use kluctl_gotemplate::{Functions, Map, MissingKey, Templates, Text, Value};

static VALUES: NamedType = NamedType {
    name: "common.Values",
    underlying: Some(ANY_MAP),
    kind: Kind::Map,
};
static VALUES_TYPE: Type = Type::Named(&VALUES);

/// The wanted texts are what Helm 4.2.2 printed for a chart with the value `a: {b: 1}`.
#[test]
fn values_turn_into_plain_maps() {
    let inner: Map = [(Text::from("b"), Value::from(1.0))].into_iter().collect();
    let values: Map = [(Text::from("a"), Value::Map(inner))].into_iter().collect();
    let top: Map = [(Text::from("Values"), Value::Map(values.with_type(&VALUES_TYPE)))]
        .into_iter()
        .collect();
    for (text, want) in [
        (
            "{{ typeOf .Values }} {{ typeOf .Values.AsMap }}",
            "common.Values map[string]interface {}",
        ),
        ("{{ dig \"a\" \"b\" \"-\" .Values.AsMap }}", "1"),
        ("{{ dig \"x\" \"b\" \"-\" .Values.AsMap }}", "-"),
        ("{{ with .Values.AsMap }}{{ .a.b }}{{ end }}", "1"),
        ("{{ .Values.a.AsMap }}", "<no value>"),
    ] {
        let mut templates = Templates::new(Arc::new(Functions::with_sprig()), MissingKey::Zero);
        templates.parse("t", text).expect("a template");
        let got = templates
            .execute(b"t", Value::Map(top.clone()), &())
            .expect("a text");
        assert_eq!(got.to_string(), want, "{text}");
    }
}
