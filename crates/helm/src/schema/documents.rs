//! Brings the documents that a chart's schema refers to.

use kluctl_gotemplate::quote;
use serde_json::Value as Json;

use super::registry::{Document, Draft, Registry, leads_outside};
use super::{Checker, URL, check_schema, from_json};
use crate::error::log_line;

/// How many documents one schema may bring here; a server could go on for ever.
const MOST: usize = 500;

/// Brings the documents that charts' `values.schema.json` refer to.
pub trait SchemaSource: Send + Sync {
    /// Returns the document at an `http` or `https` address, or the reason why it cannot be had.
    fn load(&self, url: &str) -> Result<Vec<u8>, String>;
}

impl Checker<'_> {
    /// Makes sure that a schema and all that it uses is right, and returns what it uses.
    pub(super) fn documents_of(&mut self, schema: &Json) -> Result<Vec<Document>, String> {
        let mut documents = Vec::new();
        let draft = self.draft_of(None, schema, &mut documents)?;
        check_schema(schema, URL, draft)?;
        if !leads_outside(schema) {
            return Ok(documents);
        }
        while let Some(url) = Registry::new(schema, URL, &documents)?.missing() {
            let last = documents.len();
            documents.push(self.load(url)?);
            let draft = self.draft_of(Some(last), schema, &mut documents)?;
            check_schema(&documents[last].schema, &documents[last].url, draft)?;
        }
        Ok(documents)
    }

    /// The draft of a document, or of the schema itself, with the documents that tell it.
    fn draft_of(
        &mut self,
        document: Option<usize>,
        schema: &Json,
        documents: &mut Vec<Document>,
    ) -> Result<Draft, String> {
        loop {
            let asked = document.map_or(schema, |index| &documents[index].schema);
            match Draft::of(asked, documents) {
                Ok(draft) => return Ok(draft),
                Err(url) => {
                    let document = self.load(url)?;
                    documents.push(document);
                }
            }
            if documents.len() > MOST {
                return Err(format!("a schema refers to more than {MOST} documents"));
            }
        }
    }

    /// Source: helm `pkg/chart/common/util/jsonschema.go`, `ValidateAgainstSingleSchema`, and jsonschema v6 `loader.go`.
    fn load(&mut self, url: String) -> Result<Document, String> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("", &url));
        let read = match (scheme, self.source) {
            ("http" | "https", Some(source)) => source.load(&url).and_then(|text| from_json(&text)),
            ("http" | "https", None) => Err("schemas are not fetched here".to_owned()),
            ("urn", _) => {
                let message = "unresolved URN reference ignored; using permissive schema";
                let line = log_line("WARN", message, &[("urn", &url)]);
                if !self.logs.contains(&line) {
                    self.logs.push(line);
                }
                Ok(Json::Bool(true))
            }
            ("file", _) => {
                // Nothing but the chart is read, and what a chart's author has on disk is not here.
                let path = rest.trim_start_matches("//");
                let path = path.find('/').map_or("", |start| &path[start..]);
                Err(format!("open {path}: no such file or directory"))
            }
            _ => Err(format!("no URLLoader registered for {}", quote(url.as_bytes()))),
        };
        match read {
            Ok(schema) => Ok(Document { url, schema }),
            Err(reason) => Err(format!("failing loading {}: {reason}", quote(url.as_bytes()))),
        }
    }
}
