//! `.Files`: a chart's other files.

use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use kluctl_gotemplate::types::{BYTES, Kind, NamedType, Type};
use kluctl_gotemplate::{Context, Error, List, Map, Object, Signature, Text, Value};

use crate::chart::File;
use crate::content::Content;
use crate::glob::Glob;

static FILES: NamedType = NamedType {
    name: "engine.files",
    underlying: Some(Type::Map(&BYTES)),
    kind: Kind::Map,
};
static BYTES_MAP: Type = Type::Map(&BYTES);
static NO_PARAMETERS: Signature = Signature::fixed(&[]);
static ONE_STRING: Signature = Signature::fixed(&[Type::String]);

/// A chart's files by path. Few templates ask for them, so nothing is made of them before.
pub(crate) struct Files {
    all: Arc<Vec<File>>,
    by_path: OnceCell<BTreeMap<String, Content>>,
    map: OnceCell<Map>,
}

impl Files {
    pub(crate) fn new(files: Arc<Vec<File>>) -> Self {
        Self {
            all: files,
            by_path: OnceCell::new(),
            map: OnceCell::new(),
        }
    }

    fn of(files: BTreeMap<String, Content>) -> Self {
        Self {
            all: Arc::default(),
            by_path: OnceCell::from(files),
            map: OnceCell::new(),
        }
    }

    fn by_path(&self) -> &BTreeMap<String, Content> {
        self.by_path.get_or_init(|| {
            let files = self.all.iter();
            files.map(|file| (file.name.clone(), file.data.clone())).collect()
        })
    }

    fn get(&self, path: &Value) -> Result<&[u8], Error> {
        let path = path.as_text().and_then(Text::as_str);
        match path.and_then(|path| self.by_path().get(path)) {
            Some(content) => bytes(content),
            None => Ok(&[]),
        }
    }

    /// Go falls back to "everything" when it cannot read a pattern.
    fn glob(&self, pattern: &Value) -> Self {
        let pattern = pattern
            .as_text()
            .map_or_else(String::new, |text| text.to_str().into_owned());
        let glob = Glob::parse(&pattern);
        let chosen = self
            .by_path()
            .iter()
            .filter(|(name, _)| glob.as_ref().is_none_or(|glob| glob.matches(name)))
            .map(|(name, data)| (name.clone(), data.clone()));
        Self::of(chosen.collect())
    }

    /// A map from file names without folders to what `value` makes of the content, as YAML.
    fn as_yaml(&self, value: fn(&[u8]) -> String) -> Result<Value, Error> {
        let mut map = serde_json::Map::new();
        for (path, content) in self.by_path() {
            let name = path.rsplit('/').next().unwrap_or(path);
            map.insert(name.to_owned(), value(bytes(content)?).into());
        }
        let text = kluctl_yaml::to_string(&map.into());
        Ok(Value::from(text.strip_suffix('\n').unwrap_or(&text)))
    }

    fn lines(&self, path: &Value) -> Result<List, Error> {
        let data = self.get(path)?;
        if data.is_empty() {
            return Ok(List::of_strings([]));
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        Ok(List::of_strings(
            data.split(|byte| *byte == b'\n').map(Text::from),
        ))
    }
}

fn bytes(content: &Content) -> Result<&[u8], Error> {
    match content.bytes() {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(Error::message(error.message())),
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
            "Get" => Value::String(Text::from(self.get(&argument)?)),
            "GetBytes" => Value::Bytes(self.get(&argument)?.into()),
            "Glob" => Value::object(self.glob(&argument)),
            "Lines" => self.lines(&argument)?.into(),
            "AsConfig" => self.as_yaml(|data| String::from_utf8_lossy(data).into_owned())?,
            _ => self.as_yaml(crate::base64::encode)?,
        })
    }

    fn as_map(&self) -> Option<Map> {
        let map = self.map.get_or_init(|| {
            // A failure cannot be told here; it is found when all templates have been executed.
            let entries = self.by_path().iter().map(|(name, content)| {
                let data = bytes(content).unwrap_or_default();
                (Text::from(name.as_str()), Value::Bytes(data.into()))
            });
            Map::typed(entries.collect(), &BYTES_MAP)
        });
        Some(map.clone())
    }

    fn is_true(&self) -> bool {
        !self.by_path().is_empty()
    }
}
