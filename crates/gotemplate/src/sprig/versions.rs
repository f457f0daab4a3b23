//! `semver` and `semverCompare`.

use std::any::Any;

use super::arguments::{owned, text};
use super::*;
use crate::object::Object;
use crate::semver::{Constraints, Version};
use crate::text::Text;
use crate::types::{Kind, NamedType, UintType};

pub(super) const TABLE: &[Entry] = &[
    ("semver", &TEXT, |a, _| {
        parse(&owned(&a[0])).map(|version| Value::object(VersionObject(version)))
    }),
    ("semverCompare", &TEXT_TEXT, |a, _| {
        let constraints = Constraints::parse(&String::from_utf8_lossy(text(&a[0])))?;
        Ok(constraints.check(&parse(&owned(&a[1]))?).into())
    }),
];

fn parse(text: &Text) -> Result<Version> {
    Version::parse(&text.to_str())
}

struct VersionObject(Version);

static VERSION: NamedType = NamedType {
    name: "*semver.Version",
    underlying: None,
    kind: Kind::Pointer,
};
static VERSION_VALUE: NamedType = NamedType {
    name: "semver.Version",
    underlying: None,
    kind: Kind::Struct,
};
static NO_ARGUMENTS: Signature = Signature::fixed(&[]);
static ONE_VERSION: Signature = Signature::fixed(&[Type::Named(&VERSION)]);

impl Object for VersionObject {
    fn go_type(&self) -> &'static NamedType {
        &VERSION
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn has_hidden_field(&self, name: &str) -> bool {
        matches!(
            name,
            "major" | "minor" | "patch" | "pre" | "metadata" | "original"
        )
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        match name {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "Original" | "String" | "IncMajor"
            | "IncMinor" | "IncPatch" => Some(&NO_ARGUMENTS),
            "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual" | "GreaterThanEqual" => {
                Some(&ONE_VERSION)
            }
            "SetPrerelease" | "SetMetadata" => Some(&TEXT),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value], _: &mut Context<'_>) -> Result<Value> {
        let version = &self.0;
        let uint = |number: u64| Value::Uint(number, UintType::Uint64);
        let other = match arguments.first() {
            Some(Value::Object(object)) => object.as_any().downcast_ref::<Self>().map(|other| &other.0),
            _ => None,
        };
        Ok(match (name, other) {
            ("Major", _) => uint(version.major),
            ("Minor", _) => uint(version.minor),
            ("Patch", _) => uint(version.patch),
            ("Prerelease", _) => version.prerelease.as_str().into(),
            ("Metadata", _) => version.metadata.as_str().into(),
            ("Original", _) => version.original.as_str().into(),
            ("String", _) => version.to_string().into(),
            ("Compare", Some(other)) => Value::int(version.cmp(other) as i64),
            ("Equal", Some(other)) => (version == other).into(),
            ("LessThan", Some(other)) => (version < other).into(),
            ("GreaterThan", Some(other)) => (version > other).into(),
            ("LessThanEqual", Some(other)) => (version <= other).into(),
            ("GreaterThanEqual", Some(other)) => (version >= other).into(),
            ("IncMajor" | "IncMinor" | "IncPatch" | "SetPrerelease" | "SetMetadata", _) => {
                Value::object(VersionValue(changed(version, name, arguments)?))
            }
            _ => return Err(arguments::nil_dereference()),
        })
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        fields(&self.0)
    }

    fn display(&self) -> Option<Text> {
        Some(self.0.to_string().into())
    }

    fn to_plain(&self) -> Option<Value> {
        Some(self.0.to_string().into())
    }
}

/// The fields in Go's order, which are hidden from templates but printed.
fn fields(version: &Version) -> Vec<(&'static str, Value)> {
    let uint = |number: u64| Value::Uint(number, UintType::Uint64);
    vec![
        ("major", uint(version.major)),
        ("minor", uint(version.minor)),
        ("patch", uint(version.patch)),
        ("pre", version.prerelease.as_str().into()),
        ("metadata", version.metadata.as_str().into()),
        ("original", version.original.as_str().into()),
    ]
}

fn changed(version: &Version, how: &str, arguments: &[Value]) -> Result<Version> {
    let mut next = Version {
        prerelease: String::new(),
        metadata: String::new(),
        ..version.clone()
    };
    let increment = |number: u64, what: &str| {
        number
            .checked_add(1)
            .ok_or_else(|| Error::message(format!("{what} version increment would overflow uint64")))
    };
    match how {
        "IncMajor" => (next.major, next.minor, next.patch) = (increment(version.major, "major")?, 0, 0),
        "IncMinor" => (next.minor, next.patch) = (increment(version.minor, "minor")?, 0),
        "IncPatch" if version.prerelease.is_empty() => next.patch = increment(version.patch, "patch")?,
        "IncPatch" => {}
        _ => {
            next = version.clone();
            let given = String::from_utf8_lossy(text(&arguments[0])).into_owned();
            let (mark, part) = if how == "SetPrerelease" {
                ('-', &mut next.prerelease)
            } else {
                ('+', &mut next.metadata)
            };
            if !given.is_empty() && Version::parse(&format!("0.0.0{mark}{given}")).is_err() {
                let what = if mark == '-' { "prerelease" } else { "metadata" };
                return Err(Error::message(format!("invalid {what} string")));
            }
            *part = given;
        }
    }
    let v = if version.original.starts_with('v') {
        "v"
    } else {
        ""
    };
    next.original = format!("{v}{next}");
    Ok(next)
}

/// A version that is no pointer, as the methods that change one return it.
struct VersionValue(Version);

impl Object for VersionValue {
    fn go_type(&self) -> &'static NamedType {
        &VERSION_VALUE
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        // Go does not find the methods of the pointer here.
        match name {
            "Original" | "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual"
            | "GreaterThanEqual" => None,
            name => VersionObject(self.0.clone()).method(name),
        }
    }

    fn call(&self, name: &str, arguments: &[Value], context: &mut Context<'_>) -> Result<Value> {
        VersionObject(self.0.clone()).call(name, arguments, context)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        fields(&self.0)
    }

    fn display(&self) -> Option<Text> {
        Some(self.0.to_string().into())
    }

    fn to_plain(&self) -> Option<Value> {
        Some(self.0.to_string().into())
    }
}
