//! Names, strings and paths of fields that stand in templates again and again, each held once.

use std::sync::Arc;

use crate::hash::{HashMap, HashSet};
use crate::text::Text;

/// Fields one after the other, such as `.Values.image`.
pub(crate) type Path = Arc<[Text]>;

/// What the templates of a chart have in common.
#[derive(Default)]
pub(crate) struct Names {
    texts: HashSet<Text>,
    /// Paths by what stands in the templates.
    paths: HashMap<Text, Path>,
}

impl Names {
    /// The text of some bytes.
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Text {
        if let Some(text) = self.texts.get(bytes) {
            return text.clone();
        }
        let text = Text::from(bytes);
        self.texts.insert(text.clone());
        text
    }

    /// The names of a path: each has a dot before it.
    pub(crate) fn path(&mut self, bytes: &[u8]) -> Path {
        if let Some(path) = self.paths.get(bytes) {
            return Arc::clone(path);
        }
        let names = bytes.split(|byte| *byte == b'.').skip(1);
        let path: Path = names.map(|name| self.text(name)).collect();
        self.paths.insert(Text::from(bytes), Arc::clone(&path));
        path
    }
}
