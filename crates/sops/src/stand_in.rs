//! A file whose key cannot be had, with something else in the place of its encrypted values.

use crate::cipher;
use crate::decrypt::Encrypted;
use crate::error::Error;
use crate::store;
use crate::tree::{Branch, Entry, Value};

impl Encrypted {
    /// The file in the clear where every encrypted text is what `name` makes of its keys and of the `kind` at the top of its
    /// document; numbers are 0 and booleans are false.
    ///
    /// # Errors
    /// When the result cannot be written in the file's format.
    pub fn stand_in(&self, name: &dyn Fn(&[String], Option<&str>) -> String) -> Result<Vec<u8>, Error> {
        let branches: Vec<Branch> = self
            .branches()
            .iter()
            .map(|document| {
                let kind = crate::tree::get(document, "kind").and_then(Value::as_text);
                branch(document, &mut Vec::new(), &|path: &[String]| name(path, kind))
            })
            .collect();
        store::write(&branches, self.format())
    }
}

fn branch(entries: &Branch, path: &mut Vec<String>, name: &dyn Fn(&[String]) -> String) -> Branch {
    let plain = entries.iter().map(|entry| match entry {
        Entry::Item(key, item) => {
            path.push(key.clone());
            let item = value(item, path, name);
            path.pop();
            Entry::Item(key.clone(), item)
        }
        comment @ Entry::Comment(_) => comment.clone(),
    });
    plain.collect()
}

fn value(encrypted: &Value, path: &mut Vec<String>, name: &dyn Fn(&[String]) -> String) -> Value {
    match encrypted {
        Value::Map(entries) => Value::Map(branch(entries, path, name)),
        Value::List(items) => Value::List(items.iter().map(|item| value(item, path, name)).collect()),
        Value::Text(text) => match cipher::kind(text) {
            Some("int") => Value::Int(0),
            Some("float") => Value::Float(0.0),
            Some("bool") => Value::Bool(false),
            Some(_) => Value::Text(name(path)),
            None => encrypted.clone(),
        },
        other => other.clone(),
    }
}
