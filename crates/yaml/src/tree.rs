//! Writes ordered documents with comments as go-yaml v3 writes its nodes.

use serde_json::Value;

use crate::emit::{Context, Emitter, Layout, is_simple_key};
use crate::error::Error;

/// A part of a document in the order in which it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A value without an inside; a list or map here must be empty.
    Scalar(Value),
    /// A text that is written as it is, such as a time or a special float.
    Raw(String),
    /// A list.
    Sequence(Vec<Commented>),
    /// A map.
    Mapping(Vec<(String, Commented)>),
}

/// An item of a list or an entry of a map with its comments, each without the `#` and the line break.
#[derive(Clone, Debug, PartialEq)]
pub struct Commented {
    /// Lines above.
    pub head: Vec<String>,
    /// Lines above the first thing inside a list or map.
    pub inner: Vec<String>,
    /// At the end of the line.
    pub line: Vec<String>,
    /// Lines below.
    pub foot: Vec<String>,
    /// What it holds.
    pub tree: Tree,
}

impl Commented {
    /// Without comments.
    pub fn new(tree: Tree) -> Self {
        Self {
            head: Vec::new(),
            inner: Vec::new(),
            line: Vec::new(),
            foot: Vec::new(),
            tree,
        }
    }
}

/// Writes documents as go-yaml v3's encoder does, with `---` between them.
///
/// Fails for a text that YAML cannot hold.
/// Source: go.yaml.in/yaml v3 `encode.go`, `node`, and `emitterc.go`.
pub fn tree_documents(documents: &[Commented], indent: usize) -> Result<String, Error> {
    let mut text = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        let layout = Layout {
            v3: true,
            indent,
            compact_lists: false,
        };
        let mut writer = Writer {
            emitter: Emitter::new(&mut text, layout),
            head: Vec::new(),
            tail: Vec::new(),
            line: Vec::new(),
            foot: Vec::new(),
        };
        if is_leaf(&document.tree) {
            writer.head.clone_from(&document.inner);
            writer.head_comment();
        }
        writer.node(document, Context::Root)?;
        writer.emitter.foot_indent = Some(0);
        writer.foot_comment();
        writer.emitter.foot_indent = None;
        writer.emitter.write_indent();
    }
    Ok(text)
}

/// The emitter with the comments that wait to be written.
struct Writer<'t> {
    emitter: Emitter<'t>,
    head: Vec<String>,
    tail: Vec<String>,
    line: Vec<String>,
    foot: Vec<String>,
}

/// Whether a tree has nothing inside.
fn is_leaf(tree: &Tree) -> bool {
    match tree {
        Tree::Scalar(_) | Tree::Raw(_) => true,
        Tree::Sequence(items) => items.is_empty(),
        Tree::Mapping(entries) => entries.is_empty(),
    }
}

/// Takes new comments over; those that wait stay where there are no new ones.
fn wait(waiting: &mut Vec<String>, new: &[String]) {
    if !new.is_empty() {
        *waiting = new.to_vec();
    }
}

impl Writer<'_> {
    fn node(&mut self, node: &Commented, context: Context) -> Result<(), Error> {
        let saved = self.emitter.indent;
        match &node.tree {
            Tree::Sequence(items) if !items.is_empty() => {
                self.start(node, context);
                for item in items {
                    // What is first inside an item is written before its dash.
                    wait(&mut self.head, &[&item.head[..], &item.inner].concat());
                    self.head_comment();
                    self.emitter.write_indent();
                    self.emitter.indicator("-", true, false, true);
                    self.node(item, Context::Sequence)?;
                }
            }
            Tree::Mapping(entries) if !entries.is_empty() => {
                self.start(node, context);
                for (key, value) in entries {
                    wait(&mut self.head, &value.head);
                    self.head_comment();
                    self.entry(key, value)?;
                }
                self.tail_comment();
            }
            leaf => return self.leaf(leaf, node, context),
        }
        self.emitter.indent = saved;
        wait(&mut self.line, &node.line);
        if context == Context::Sequence {
            wait(&mut self.foot, &node.foot);
        }
        Ok(())
    }

    /// Starts a list or map.
    fn start(&mut self, node: &Commented, context: Context) {
        if context != Context::Sequence {
            wait(&mut self.head, &node.inner);
        }
        self.after_node();
        self.emitter.increase_indent(context, false, false, false);
    }

    fn leaf(&mut self, leaf: &Tree, node: &Commented, context: Context) -> Result<(), Error> {
        match leaf {
            Tree::Scalar(value) => self.emitter.node(value, context)?,
            Tree::Raw(text) => self.emitter.plain(text, context),
            Tree::Sequence(_) => self.emitter.node(&Value::Array(Vec::new()), context)?,
            Tree::Mapping(_) => self
                .emitter
                .node(&Value::Object(serde_json::Map::new()), context)?,
        }
        wait(&mut self.line, &node.line);
        if context == Context::Sequence {
            wait(&mut self.foot, &node.foot);
        }
        self.after_node();
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &Commented) -> Result<(), Error> {
        self.emitter.write_indent();
        if key == "<<" {
            // Not a merge key any more when it has been read as a text, which go-yaml's nodes say by a tag.
            self.emitter.indicator("!!merge <<:", true, false, false);
        } else if is_simple_key(key) {
            self.emitter.string(key, Context::SimpleKey)?;
            self.emitter.indicator(":", false, false, false);
        } else {
            self.emitter.indicator("?", true, false, true);
            self.emitter.string(key, Context::Mapping)?;
            self.emitter.write_indent();
            self.emitter.indicator(":", true, false, true);
        }
        self.node(value, Context::Mapping)?;
        // A key's foot comment is written after all of its value, with the next key or at the end of the map.
        wait(&mut self.tail, &value.foot);
        Ok(())
    }

    fn after_node(&mut self) {
        if !self.line.is_empty() {
            if !self.emitter.whitespace {
                self.emitter.put(' ');
            }
            let lines = std::mem::take(&mut self.line);
            self.comment(&lines);
        }
        self.foot_comment();
    }

    fn head_comment(&mut self) {
        self.tail_comment();
        if !self.head.is_empty() {
            let lines = std::mem::take(&mut self.head);
            self.emitter.write_indent();
            self.comment(&lines);
        }
    }

    fn tail_comment(&mut self) {
        if !self.tail.is_empty() {
            let lines = std::mem::take(&mut self.tail);
            self.foot_lines(&lines);
        }
    }

    fn foot_comment(&mut self) {
        if !self.foot.is_empty() {
            let lines = std::mem::take(&mut self.foot);
            self.foot_lines(&lines);
        }
    }

    fn foot_lines(&mut self, lines: &[String]) {
        self.emitter.write_indent();
        self.comment(lines);
        self.emitter.foot_indent = Some(self.emitter.indent.max(0) as usize);
    }

    fn comment(&mut self, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                self.emitter.put_break();
                self.emitter.write_indent();
            }
            self.emitter.put('#');
            self.emitter.text.push_str(line);
            self.emitter.indention = false;
        }
        self.emitter.put_break();
        self.emitter.whitespace = true;
    }
}
