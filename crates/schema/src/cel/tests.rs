use serde_json::json;

use super::eval::Budget;
use super::{Cel, Program, check_rules};
use crate::types::{Type, from_schema};

fn evaluate(source: &str) -> Result<Cel, String> {
    let variables = json!({"n": 3, "s": "abc", "l": [1, 2, 3], "m": {"a": 1, "b": 2}, "e": [], "big": [1.5]});
    let ty = Type::default();
    let this = Cel::of(&variables, &ty);
    Program::parse(source, &["self"])?.evaluate(&[("self", this)], &mut Budget(100_000))
}

#[test]
fn what_holds() {
    for source in [
        "1 + 2 * 3 == 7 && -self.n == -3 && 7 / 2 == 3 && 7 % 2 == 1",
        "'a' + \"b\" == 'ab' && r'\\d' == '\\\\d' && '''x''' == 'x' && 'a'.size() == 1 && size(self.l) == 3",
        "self.l.all(x, x > 0) && self.l.exists(x, x == 2) && !self.l.exists_one(x, x > 1)",
        "self.l.map(x, x * 2) == [2, 4, 6] && self.l.filter(x, x != 2) == [1, 3] && self.l.map(x, x > 1, x) == [2, 3]",
        "self.m.all(k, self.m[k] > 0) && 'a' in self.m && !('z' in self.m) && 2 in self.l",
        "has(self.n) && !has(self.z) && has(self.m.a) && (has(self.z) ? self.z : 5) == 5",
        "false && self.z == 1 ? true : true",
        "self.z == 1 || true",
        "self.?z.orValue(4) == 4 && self.?n.orValue(4) == 3 && self.?m.?a.hasValue() && !self.?z.?a.hasValue()",
        "self.l[?7].orValue(9) == 9 && optional.of(1).value() == 1 && [?self.?z, 1] == [1]",
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b' && 'aBc'.lowerAscii() == 'abc'",
        "'hello'.substring(1, 3) == 'el' && 'hello'.indexOf('l') == 2 && 'hello'.replace('l', 'x') == 'hexxo'",
        "'a1b2'.findAll('[0-9]') == ['1', '2'] && 'x12'.find('[0-9]+') == '12' && 'abc'.matches('^a.c$')",
        "'%s is %d'.format(['x', 3]) == 'x is 3' && 'abc'.charAt(1) == 'b' && ' a '.trim() == 'a'",
        "int('3') == 3 && string(3) == '3' && double('1.5') == 1.5 && type(1) == int && 1.0 == 1",
        "timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z') && duration('1h') == duration('60m')",
        "timestamp('2020-03-05T04:00:00Z').getMonth() == 2 && (timestamp('2020-01-01T01:00:00Z') - duration('1h')).getHours() == 0",
        "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('500m').add(quantity('0.5')).asInteger() == 1 && !isQuantity('x')",
        "url('https://a.b:80/c?d=e').getHost() == 'a.b:80' && url('https://a.b/').getScheme() == 'https' && !isURL('a b') && isURL('/x')",
        "ip('1.2.3.4').family() == 4 && isIP('::1') && cidr('10.0.0.0/8').containsIP('10.1.2.3') && !isCIDR('10.0.0.0')",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.2.3-rc.1') && !isSemver('v1')",
        "self.l.sum() == 6 && self.l.max() == 3 && self.l.isSorted() && [3, 1].min() == 1 && sets.contains(self.l, [1])",
        "self.l.all(i, v, v == i + 1) && self.l.transformList(i, v, v * i) == [0, 2, 6] && self.m.transformMap(k, v, v + 1) == {'a': 2, 'b': 3}",
        "cel.bind(x, self.n * 2, x + x == 12) && math.greatest(1, 5, 3) == 5 && base64.encode(b'a') == 'YQ=='",
        "{'a': 1}.a == 1 && {1: 'x'}[1] == 'x' && [1, 2] + [3] == self.l && b'a' == b'\\x61'",
        "dyn(1) == 1.0 && !(1 == 'a') && null == null && self.big[0] > 1",
        "[1, [2, 3]].flatten() == [1, 2, 3] && [1, 1].distinct() == [1] && 0x10 == 16 && 5u == 5",
    ] {
        assert!(
            matches!(evaluate(source), Ok(Cel::Bool(true))),
            "{source}: {:?}",
            evaluate(source)
        );
    }
}

#[test]
fn what_goes_wrong_is_told_as_in_go() {
    for (source, error) in [
        ("self.z == 1", "no such key: z"),
        ("self.l[7] == 1", "index out of bounds: 7"),
        ("1 / 0 == 1", "division by zero"),
        ("9223372036854775807 + 1 == 0", "integer overflow"),
        ("self.s + 1 == 'x'", "no such overload"),
        ("optional.none().value() == 1", "optional.none() dereference"),
        (
            "self.x ==",
            "compilation failed: ERROR: <input>:1:10: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | self.x ==\n | .........^",
        ),
        (
            "other == 1",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other == 1\n | ^",
        ),
    ] {
        assert_eq!(evaluate(source).err().as_deref(), Some(error), "{source}");
    }
}

#[test]
fn work_is_bounded() {
    let twice = |inner: &str| format!("self.l.map(x, {inner})");
    let mut source = "self.l".to_owned();
    for _ in 0..20 {
        source = twice(&source);
    }
    assert_eq!(
        evaluate(&source).err().as_deref(),
        Some("operation cancelled: actual cost limit exceeded")
    );
}

#[test]
fn rules_see_what_was_before() {
    let schema = json!({"type": "object", "properties": {"spec": {
    "type": "object",
    "x-kubernetes-validations": [{"rule": "self.a <= self.b", "messageExpression": "'a is ' + string(self.a)", "fieldPath": ".a"}],
    "properties": {
        "a": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "only grows"}]},
        "b": {"type": "integer"},
        "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
            "type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
            "x-kubernetes-validations": [{"rule": "self.v == oldSelf.v"}]}},
    }}}});
    let ty = from_schema(&schema, false);
    let texts = |new: serde_json::Value, old: Option<serde_json::Value>| -> (Vec<String>, usize) {
        let found = check_rules(&new, old.as_ref(), &ty);
        (
            found.errors.iter().map(ToString::to_string).collect(),
            found.warnings.len(),
        )
    };
    let spec = |a: i64, b: i64, v: &str| json!({"spec": {"a": a, "b": b, "items": [{"k": "x", "v": v}]}});
    assert_eq!(texts(spec(1, 2, "v"), None), (Vec::new(), 0));
    assert_eq!(texts(spec(3, 2, "v"), None).0, ["spec.a: Invalid value: a is 3"]);
    assert_eq!(
        texts(spec(1, 2, "w"), Some(spec(2, 2, "v"))).0,
        [
            "spec.a: Invalid value: 1: only grows",
            "spec.items[0]: Invalid value: failed rule: self.v == oldSelf.v"
        ]
    );
    // What was wrong before and has not changed is only told.
    assert_eq!(texts(spec(3, 2, "v"), Some(spec(3, 2, "v"))), (Vec::new(), 1));
}

/// In the words of kube-apiserver 1.37.2.
#[test]
fn types_of_plain_fields_are_checked_before_anything_runs() {
    use serde_json::json;
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"},
        "m": {"type": "object", "additionalProperties": {"type": "string"}}, "t": {"type": "string", "format": "date-time"},
        "o": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let problems = |rule: &str| super::Rule::read(&json!({ "rule": rule })).problems(&schema);
    for (rule, expected) in [
        (
            "self.n == 'a'",
            "compilation failed: ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(int, string)'\n | self.n == 'a'\n | .......^",
        ),
        (
            "self.s > 1",
            "compilation failed: ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(string, int)'\n | self.s > 1\n | .......^",
        ),
        (
            "self.nothing == 1",
            "compilation failed: ERROR: <input>:1:5: undefined field 'nothing'\n | self.nothing == 1\n | ....^",
        ),
        ("self.n", "cel expression must evaluate to a bool"),
    ] {
        assert_eq!(problems(rule), [("rule", expected.to_owned())], "{rule}");
    }
    for rule in [
        "self.n > 1.5",
        "has(self.s) && self.n == 1",
        "self.m.any == 'x'",
        "self.o.any == 1",
        "self.t > timestamp('2020-01-01T00:00:00Z')",
        "self.metadata.name == 'x'",
        "self == oldSelf",
    ] {
        assert!(problems(rule).is_empty(), "{rule}");
    }
}
