//! The tree of a document as it was written: spans, tags, styles, anchors.

use std::sync::Arc;

/// Where a node stands in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset after the last byte.
    pub end: usize,
    /// Line of the start, from 1.
    pub line: u32,
    /// Column of the start in characters, from 1.
    pub column: u32,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// One node of a document.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands; for a node with properties the span starts at the first of them.
    pub span: Span,
    /// What it holds.
    pub content: Content,
    pub(crate) properties: Option<Box<Properties>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    pub(crate) tag: Option<String>,
    pub(crate) anchor: Option<String>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// A scalar: its text after unquoting and folding.
    Scalar {
        /// The text.
        value: String,
        /// How it was written.
        style: ScalarStyle,
    },
    /// A list.
    Sequence {
        /// The items.
        items: Vec<Node>,
        /// Whether it was written as `[…]`.
        flow: bool,
    },
    /// A map, in the order of the text, duplicates and merge keys included.
    Mapping {
        /// Keys and values.
        entries: Vec<(Node, Node)>,
        /// Whether it was written as `{…}`.
        flow: bool,
    },
    /// The place where an anchor is defined; the node itself is inside, to be shared with its aliases.
    Anchored(Arc<Node>),
    /// `*name`
    Alias {
        /// The anchor's name.
        name: String,
        /// The node it stands for.
        target: Arc<Node>,
    },
}

impl Node {
    /// The node that an alias or an anchor stands for, or the node itself.
    pub fn resolved(&self) -> &Node {
        let mut node = self;
        while let Content::Anchored(target) | Content::Alias { target, .. } = &node.content {
            node = target;
        }
        node
    }

    /// The tag in full (`tag:yaml.org,2002:str`), if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.properties.as_ref()?.tag.as_deref()
    }

    /// The anchor's name, if one was written.
    pub fn anchor(&self) -> Option<&str> {
        match &self.content {
            Content::Anchored(inner) => inner.anchor(),
            _ => self.properties.as_ref()?.anchor.as_deref(),
        }
    }

    /// The text of a scalar (through aliases).
    pub fn as_str(&self) -> Option<&str> {
        match &self.resolved().content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The style of a scalar (through aliases).
    pub fn style(&self) -> Option<ScalarStyle> {
        match &self.resolved().content {
            Content::Scalar { style, .. } => Some(*style),
            _ => None,
        }
    }

    /// The items of a list (through aliases).
    pub fn items(&self) -> Option<&[Node]> {
        match &self.resolved().content {
            Content::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The entries of a map (through aliases).
    pub fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.resolved().content {
            Content::Mapping { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The value under a key, the last one when the key is there twice; merge keys are not looked into.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .rev()
            .find(|(name, _)| name.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// Whether this is the merge key `<<`.
    pub fn is_merge_key(&self) -> bool {
        match &self.content {
            Content::Anchored(inner) => inner.is_merge_key(),
            Content::Scalar { value, style } => {
                value == "<<"
                    && match self.tag() {
                        None => *style == ScalarStyle::Plain,
                        Some(tag) => tag == "!" || tag == "tag:yaml.org,2002:merge",
                    }
            }
            _ => false,
        }
    }

    pub(crate) fn scalar(span: Span, value: String, style: ScalarStyle) -> Self {
        Self {
            span,
            content: Content::Scalar { value, style },
            properties: None,
        }
    }
}
