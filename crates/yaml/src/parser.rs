//! Puts tokens together to documents.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Error;
use crate::node::{Content, Node, Properties, ScalarStyle, Span};
use crate::scanner::{Finder, Mark, Problem, Scanned, Scanner, Token, TokenKind};
use crate::text::check_characters;

/// How deep collections may be nested.
///
/// Go's limit is 10,000; ours is lower so that every engine can walk a value by recursion on an ordinary stack.
pub const MAX_DEPTH: usize = 1000;

/// Reads all documents of a text. An empty text has none; an empty document is a null scalar.
pub fn parse_documents(text: &str) -> Result<Vec<Node>, Error> {
    parse(text, usize::MAX)
}

/// Reads the first document and nothing after it, as Go does where it wants one document.
pub fn parse_first(text: &str) -> Result<Option<Node>, Error> {
    Ok(parse(text, 1)?.pop())
}

fn parse(text: &str, most: usize) -> Result<Vec<Node>, Error> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    check_characters(text)?;
    let mut parser = Parser {
        scanner: Scanner::new(text, MAX_DEPTH),
        anchors: HashMap::new(),
        tags: Vec::new(),
        depth: 0,
    };
    parser.documents(most).map_err(|problem| to_error(&problem, text))
}

fn to_error(problem: &Problem, text: &str) -> Error {
    let mark = problem.mark;
    // Go prints no line for problems on the first one, and is one line off for what the parser (not the scanner) finds.
    let go_line = match problem.finder {
        Finder::Composer => 0,
        _ if mark.line == 0 => problem.context.line,
        Finder::Scanner => mark.line + 1,
        Finder::Parser => mark.line,
    };
    let place = if go_line == 0 {
        String::new()
    } else {
        format!("line {go_line}: ")
    };
    Error::at(
        format!("yaml: {place}{}", problem.message),
        text,
        mark.line + 1,
        mark.column + 1,
    )
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    anchors: HashMap<&'a str, Option<Arc<Node>>>,
    tags: Vec<(String, String)>,
    depth: usize,
}

/// Where a node may stand.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Block,
    BlockOrIndentless,
    Flow,
}

impl<'a> Parser<'a> {
    fn documents(&mut self, most: usize) -> Scanned<Vec<Node>> {
        let mut documents = Vec::new();
        let mut first = true;
        loop {
            if !first {
                while matches!(self.scanner.peek()?.kind, TokenKind::DocumentEnd) {
                    self.scanner.next()?;
                }
            }
            match self.scanner.peek()?.kind {
                TokenKind::StreamEnd => return Ok(documents),
                TokenKind::VersionDirective(..)
                | TokenKind::TagDirective { .. }
                | TokenKind::DocumentStart => {
                    documents.push(self.explicit_document()?);
                }
                _ if first => {
                    self.default_tags();
                    documents.push(self.node(Place::Block)?);
                }
                _ => {
                    let start = self.scanner.peek()?.start;
                    return Err(parse_problem(
                        "did not find expected <document start>",
                        start,
                        Mark::default(),
                    ));
                }
            }
            if matches!(self.scanner.peek()?.kind, TokenKind::DocumentEnd) {
                self.scanner.next()?;
            }
            self.tags.clear();
            self.anchors.clear();
            first = false;
            if documents.len() == most {
                return Ok(documents);
            }
        }
    }

    fn explicit_document(&mut self) -> Scanned<Node> {
        self.directives()?;
        let token = self.scanner.next()?;
        if !matches!(token.kind, TokenKind::DocumentStart) {
            return Err(parse_problem(
                "did not find expected <document start>",
                token.start,
                Mark::default(),
            ));
        }
        let next = self.scanner.peek()?;
        match next.kind {
            TokenKind::VersionDirective(..)
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => Ok(empty(next.start)),
            _ => self.node(Place::Block),
        }
    }

    fn default_tags(&mut self) {
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
    }

    fn directives(&mut self) -> Scanned<()> {
        let mut version_seen = false;
        while matches!(
            self.scanner.peek()?.kind,
            TokenKind::VersionDirective(..) | TokenKind::TagDirective { .. }
        ) {
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::VersionDirective(major, minor) => {
                    if version_seen {
                        return Err(parse_problem(
                            "found duplicate %YAML directive",
                            token.start,
                            Mark::default(),
                        ));
                    }
                    if (major, minor) != (1, 1) {
                        return Err(parse_problem(
                            "found incompatible YAML document",
                            token.start,
                            Mark::default(),
                        ));
                    }
                    version_seen = true;
                }
                TokenKind::TagDirective { handle, prefix } => {
                    if self.tags.iter().any(|(known, _)| *known == handle) {
                        return Err(parse_problem(
                            "found duplicate %TAG directive",
                            token.start,
                            Mark::default(),
                        ));
                    }
                    self.tags.push((handle, prefix));
                }
                _ => {}
            }
        }
        self.default_tags();
        Ok(())
    }

    fn node(&mut self, place: Place) -> Scanned<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let start = self.scanner.peek()?.start;
            return Err(parse_problem(
                format!("exceeded max depth of {MAX_DEPTH}"),
                start,
                start,
            ));
        }
        let node = self.node_at(place);
        self.depth -= 1;
        node
    }

    fn node_at(&mut self, place: Place) -> Scanned<Node> {
        let first = self.scanner.peek()?;
        let start = first.start;
        match first.kind {
            TokenKind::Scalar { .. } => {
                let token = self.scanner.next()?;
                return Ok(scalar_node(token));
            }
            TokenKind::Alias(_) => return self.alias(),
            TokenKind::Anchor(_) | TokenKind::Tag { .. } => {}
            _ => return self.collection(place, start, false),
        }
        let (anchor, tag) = self.properties(start)?;
        if let Some(anchor) = anchor {
            // Known, but not yet complete: an alias inside would contain itself.
            self.anchors.insert(anchor, None);
        }
        let mut node = if matches!(self.scanner.peek()?.kind, TokenKind::Scalar { .. }) {
            let token = self.scanner.next()?;
            scalar_node(token)
        } else {
            self.collection(place, start, true)?
        };
        node.span.start = start.offset;
        node.span.line = start.line + 1;
        node.span.column = start.column + 1;
        node.properties = Some(Box::new(Properties {
            tag,
            anchor: anchor.map(str::to_owned),
        }));
        if let Some(anchor) = anchor {
            let span = node.span;
            let shared = Arc::new(node);
            self.anchors.insert(anchor, Some(Arc::clone(&shared)));
            node = Node {
                span,
                content: Content::Anchored(shared),
                properties: None,
            };
        }
        Ok(node)
    }

    fn alias(&mut self) -> Scanned<Node> {
        let token = self.scanner.next()?;
        let TokenKind::Alias(name) = token.kind else {
            return Err(parse_problem(
                "did not find expected node content",
                token.start,
                token.start,
            ));
        };
        let message = match self.anchors.get(name) {
            Some(Some(target)) => {
                return Ok(Node {
                    span: span(token.start, token.end),
                    content: Content::Alias {
                        name: name.to_owned(),
                        target: Arc::clone(target),
                    },
                    properties: None,
                });
            }
            Some(None) => format!("anchor '{name}' value contains itself"),
            None => format!("unknown anchor '{name}' referenced"),
        };
        Err(Box::new(Problem {
            message: Cow::Owned(message),
            mark: token.start,
            context: Mark::default(),
            finder: Finder::Composer,
        }))
    }

    /// The anchor and the tag before a node, in either order.
    fn properties(&mut self, start: Mark) -> Scanned<(Option<&'a str>, Option<String>)> {
        let mut anchor = None;
        let mut tag = None;
        for _ in 0..2 {
            match &self.scanner.peek()?.kind {
                TokenKind::Anchor(name) if anchor.is_none() => {
                    anchor = Some(*name);
                    self.scanner.next()?;
                }
                TokenKind::Tag { .. } if tag.is_none() => {
                    let token = self.scanner.next()?;
                    if let TokenKind::Tag { handle, suffix } = token.kind {
                        tag = Some(self.resolve_tag(handle, suffix, start, token.start)?);
                    }
                }
                _ => break,
            }
        }
        Ok((anchor, tag))
    }

    fn resolve_tag(&self, handle: String, suffix: String, start: Mark, tag_start: Mark) -> Scanned<String> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        match self.tags.iter().find(|(known, _)| *known == handle) {
            Some((_, prefix)) => Ok(format!("{prefix}{suffix}")),
            None => Err(parse_problem("found undefined tag handle", tag_start, start)),
        }
    }

    fn collection(&mut self, place: Place, start: Mark, has_properties: bool) -> Scanned<Node> {
        let token = self.scanner.peek()?;
        let (token_start, in_block) = (token.start, place != Place::Flow);
        match token.kind {
            TokenKind::BlockEntry if place == Place::BlockOrIndentless => self.indentless_sequence(start),
            TokenKind::FlowSequenceStart => self.flow_sequence(start),
            TokenKind::FlowMappingStart => self.flow_mapping(start),
            TokenKind::BlockSequenceStart if in_block => self.block_sequence(start),
            TokenKind::BlockMappingStart if in_block => self.block_mapping(start),
            _ if has_properties => Ok(Node::scalar(
                span(start, token_start),
                String::new(),
                ScalarStyle::Plain,
            )),
            _ => Err(parse_problem(
                "did not find expected node content",
                token_start,
                start,
            )),
        }
    }

    fn block_sequence(&mut self, start: Mark) -> Scanned<Node> {
        let opening = self.scanner.next()?.start;
        let mut items = Vec::new();
        loop {
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::BlockEntry => {
                    let next = self.scanner.peek()?;
                    items.push(match next.kind {
                        TokenKind::BlockEntry | TokenKind::BlockEnd => empty(token.end),
                        _ => self.node(Place::Block)?,
                    });
                }
                TokenKind::BlockEnd => return Ok(sequence(start, token.start, items, false)),
                _ => {
                    return Err(parse_problem(
                        "did not find expected '-' indicator",
                        token.start,
                        opening,
                    ));
                }
            }
        }
    }

    /// `key:` followed by `- item` lines at the key's own column.
    fn indentless_sequence(&mut self, start: Mark) -> Scanned<Node> {
        let mut items = Vec::new();
        loop {
            let token = self.scanner.peek()?;
            let (token_start, token_end) = (token.start, token.end);
            if !matches!(token.kind, TokenKind::BlockEntry) {
                return Ok(sequence(start, token_start, items, false));
            }
            self.scanner.next()?;
            items.push(match self.scanner.peek()?.kind {
                TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                    empty(token_end)
                }
                _ => self.node(Place::Block)?,
            });
        }
    }

    fn block_mapping(&mut self, start: Mark) -> Scanned<Node> {
        let opening = self.scanner.next()?.start;
        let mut entries = Vec::new();
        loop {
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::Key => {
                    let key = self.block_mapping_part(token.end)?;
                    let next = self.scanner.peek()?;
                    let value = if matches!(next.kind, TokenKind::Value) {
                        let end = next.end;
                        self.scanner.next()?;
                        self.block_mapping_part(end)?
                    } else {
                        empty(next.start)
                    };
                    entries.push((key, value));
                }
                TokenKind::BlockEnd => return Ok(mapping(start, token.start, entries, false)),
                _ => return Err(parse_problem("did not find expected key", token.start, opening)),
            }
        }
    }

    fn block_mapping_part(&mut self, end: Mark) -> Scanned<Node> {
        match self.scanner.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => Ok(empty(end)),
            _ => self.node(Place::BlockOrIndentless),
        }
    }

    fn flow_sequence(&mut self, start: Mark) -> Scanned<Node> {
        let opening = self.scanner.next()?.start;
        let mut items = Vec::new();
        loop {
            let mut token = self.scanner.peek()?;
            if !items.is_empty() && !matches!(token.kind, TokenKind::FlowSequenceEnd) {
                if !matches!(token.kind, TokenKind::FlowEntry) {
                    return Err(parse_problem(
                        "did not find expected ',' or ']'",
                        token.start,
                        opening,
                    ));
                }
                self.scanner.next()?;
                token = self.scanner.peek()?;
            }
            match token.kind {
                TokenKind::FlowSequenceEnd => {
                    let end = self.scanner.next()?.end;
                    return Ok(sequence(start, end, items, true));
                }
                TokenKind::Key => {
                    let pair = self.flow_pair()?;
                    items.push(pair);
                }
                _ => items.push(self.node(Place::Flow)?),
            }
        }
    }

    /// `[key: value]`: a map of one entry inside a list.
    fn flow_pair(&mut self) -> Scanned<Node> {
        let token = self.scanner.next()?;
        let next = self.scanner.peek()?;
        let key = match next.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // Go forgets the token after an empty key, so `[? : a]` is an error there and here.
                let end = next.end;
                self.scanner.next()?;
                empty(end)
            }
            _ => self.node(Place::Flow)?,
        };
        let mut value = None;
        if matches!(self.scanner.peek()?.kind, TokenKind::Value) {
            self.scanner.next()?;
            if !matches!(
                self.scanner.peek()?.kind,
                TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
            ) {
                value = Some(self.node(Place::Flow)?);
            }
        }
        let end = self.scanner.peek()?.start;
        let value = value.unwrap_or_else(|| empty(end));
        Ok(mapping(token.start, end, vec![(key, value)], true))
    }

    fn flow_mapping(&mut self, start: Mark) -> Scanned<Node> {
        let opening = self.scanner.next()?.start;
        let mut entries = Vec::new();
        loop {
            let mut token = self.scanner.peek()?;
            if !entries.is_empty() && !matches!(token.kind, TokenKind::FlowMappingEnd) {
                if !matches!(token.kind, TokenKind::FlowEntry) {
                    return Err(parse_problem(
                        "did not find expected ',' or '}'",
                        token.start,
                        opening,
                    ));
                }
                self.scanner.next()?;
                token = self.scanner.peek()?;
            }
            match token.kind {
                TokenKind::FlowMappingEnd => {
                    let end = self.scanner.next()?.end;
                    return Ok(mapping(start, end, entries, true));
                }
                TokenKind::Key => {
                    self.scanner.next()?;
                    let key = self.flow_mapping_part(true)?;
                    let value = if matches!(self.scanner.peek()?.kind, TokenKind::Value) {
                        self.scanner.next()?;
                        self.flow_mapping_part(false)?
                    } else {
                        empty(self.scanner.peek()?.start)
                    };
                    entries.push((key, value));
                }
                _ => {
                    let key = self.node(Place::Flow)?;
                    let value = empty(self.scanner.peek()?.start);
                    entries.push((key, value));
                }
            }
        }
    }

    fn flow_mapping_part(&mut self, key: bool) -> Scanned<Node> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::FlowEntry | TokenKind::FlowMappingEnd => Ok(empty(token.start)),
            TokenKind::Value if key => Ok(empty(token.start)),
            _ => self.node(Place::Flow),
        }
    }
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "results carry it boxed to stay small"
)]
fn parse_problem(message: impl Into<Cow<'static, str>>, mark: Mark, context: Mark) -> Box<Problem> {
    Box::new(Problem {
        message: message.into(),
        mark,
        context,
        finder: Finder::Parser,
    })
}

fn span(start: Mark, end: Mark) -> Span {
    Span {
        start: start.offset,
        end: end.offset,
        line: start.line + 1,
        column: start.column + 1,
    }
}

fn empty(at: Mark) -> Node {
    Node::scalar(span(at, at), String::new(), ScalarStyle::Plain)
}

fn scalar_node(token: Token<'_>) -> Node {
    let place = span(token.start, token.end);
    match token.kind {
        TokenKind::Scalar { value, style } => Node::scalar(place, value.into_owned(), style),
        _ => Node::scalar(place, String::new(), ScalarStyle::Plain),
    }
}

fn sequence(start: Mark, end: Mark, items: Vec<Node>, flow: bool) -> Node {
    Node {
        span: span(start, end),
        content: Content::Sequence { items, flow },
        properties: None,
    }
}

fn mapping(start: Mark, end: Mark, entries: Vec<(Node, Node)>, flow: bool) -> Node {
    Node {
        span: span(start, end),
        content: Content::Mapping { entries, flow },
        properties: None,
    }
}
