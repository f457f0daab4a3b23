//! `.Files`: a chart's other files.

use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use kluctl_gotemplate::types::{BYTES, Kind, NamedType, Type};
use kluctl_gotemplate::{Context, Error, List, Map, Object, Signature, Text, Value};

use crate::chart::File;
use crate::glob::Glob;

static FILES: NamedType = NamedType {
    name: "engine.files",
    underlying: Some(Type::Map(&BYTES)),
    kind: Kind::Map,
};
static BYTES_MAP: Type = Type::Map(&BYTES);
static NO_PARAMETERS: Signature = Signature::fixed(&[]);
static ONE_STRING: Signature = Signature::fixed(&[Type::String]);

/// A chart's files by path.
pub(crate) struct Files {
    files: BTreeMap<String, Bytes>,
    map: OnceCell<Map>,
}

impl Files {
    pub(crate) fn new(files: &[File]) -> Self {
        Self::of(
            files
                .iter()
                .map(|file| (file.name.clone(), file.data.clone()))
                .collect(),
        )
    }

    fn of(files: BTreeMap<String, Bytes>) -> Self {
        Self {
            files,
            map: OnceCell::new(),
        }
    }

    fn get(&self, path: &Value) -> &[u8] {
        let path = path.as_text().and_then(Text::as_str);
        path.and_then(|path| self.files.get(path))
            .map_or(&[], |data| data)
    }

    /// Go falls back to "everything" when it cannot read a pattern.
    fn glob(&self, pattern: &Value) -> Self {
        let pattern = pattern
            .as_text()
            .map_or_else(String::new, |text| text.to_str().into_owned());
        let glob = Glob::parse(&pattern);
        let chosen = self
            .files
            .iter()
            .filter(|(name, _)| glob.as_ref().is_none_or(|glob| glob.matches(name)))
            .map(|(name, data)| (name.clone(), data.clone()));
        Self::of(chosen.collect())
    }

    /// A map from file names without folders to what `value` makes of the content, as YAML.
    fn as_yaml(&self, value: fn(&[u8]) -> String) -> Value {
        let mut map = serde_json::Map::new();
        for (path, data) in &self.files {
            let name = path.rsplit('/').next().unwrap_or(path);
            map.insert(name.to_owned(), value(data).into());
        }
        let text = kluctl_yaml::to_string(&map.into());
        Value::from(text.strip_suffix('\n').unwrap_or(&text))
    }

    fn lines(&self, path: &Value) -> List {
        let data = self.get(path);
        if data.is_empty() {
            return List::of_strings([]);
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        List::of_strings(data.split(|byte| *byte == b'\n').map(Text::from))
    }
}

impl Object for Files {
    fn go_type(&self) -> &'static NamedType {
        &FILES
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        match name {
            "Get" | "GetBytes" | "Glob" | "Lines" => Some(&ONE_STRING),
            "AsConfig" | "AsSecrets" => Some(&NO_PARAMETERS),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value], _: &mut Context<'_>) -> Result<Value, Error> {
        let argument = arguments.first().cloned().unwrap_or_default();
        Ok(match name {
            "Get" => Value::String(Text::from(self.get(&argument))),
            "GetBytes" => Value::Bytes(Text::from(self.get(&argument))),
            "Glob" => Value::object(self.glob(&argument)),
            "Lines" => self.lines(&argument).into(),
            "AsConfig" => self.as_yaml(|data| String::from_utf8_lossy(data).into_owned()),
            _ => self.as_yaml(crate::base64::encode),
        })
    }

    fn as_map(&self) -> Option<Map> {
        let map = self.map.get_or_init(|| {
            let entries = self
                .files
                .iter()
                .map(|(name, data)| (Text::from(name.as_str()), Value::Bytes(Text::from(&data[..]))));
            Map::typed(entries.collect(), &BYTES_MAP)
        });
        Some(map.clone())
    }

    fn is_true(&self) -> bool {
        !self.files.is_empty()
    }
}
