//! Finds the comments of a YAML text and what they belong to.

use kluctl_yaml::{Content, Node};

use crate::tree::Comment;

/// A comment in a text.
pub(super) struct Found {
    /// Byte offset of the `#`.
    pub(super) start: usize,
    /// Byte offset after it.
    pub(super) end: usize,
    /// How far the `#` is from the start of its line, in bytes.
    pub(super) column: usize,
    /// Nothing but white space stands before it.
    own_line: bool,
    text: String,
}

/// The comments of a text that have not been handed out yet, in order.
pub(super) struct Comments<'t> {
    text: &'t str,
    all: Vec<Found>,
    next: usize,
}

impl<'t> Comments<'t> {
    pub(super) fn of(text: &'t str, documents: &[Node]) -> Self {
        let mut spans = Vec::new();
        for node in documents {
            scalars(node, &mut spans);
        }
        spans.sort_unstable();
        let mut all = Vec::new();
        let mut at = 0;
        let mut spans = spans.into_iter().peekable();
        while let Some(found) = text[at..].find('#') {
            let start = at + found;
            while spans.next_if(|(_, end)| *end <= start).is_some() {}
            if let Some((from, end)) = spans.peek()
                && *from <= start
            {
                at = *end;
                continue;
            }
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let before = &text[line..start];
            let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
            at = end;
            if before.is_empty() || before.ends_with([' ', '\t']) {
                all.push(Found {
                    start,
                    end,
                    column: start - line,
                    own_line: before.trim().is_empty(),
                    text: text[start + 1..end].trim_end_matches('\r').to_owned(),
                });
            } else {
                at = start + 1;
            }
        }
        Self { text, all, next: 0 }
    }

    fn take_while(&mut self, fits: impl Fn(&Found) -> bool, inline: bool) -> Vec<Comment> {
        let mut taken = Vec::new();
        while let Some(found) = self.all.get(self.next).filter(|found| fits(found)) {
            taken.push(Comment {
                text: found.text.clone(),
                inline,
            });
            self.next += 1;
        }
        taken
    }

    /// All before an offset.
    pub(super) fn before(&mut self, offset: usize) -> Vec<Comment> {
        self.take_while(|found| found.start < offset, false)
    }

    /// Those at the end of the line that ends at an offset.
    pub(super) fn at_line_of(&mut self, offset: usize) -> Vec<Comment> {
        let line_end = self.text[offset..]
            .find('\n')
            .map_or(self.text.len(), |at| offset + at);
        self.take_while(
            |found| !found.own_line && found.start >= offset && found.start < line_end,
            true,
        )
    }

    /// Those below the end of a list or map that are indented as much as its items.
    pub(super) fn below(&mut self, column: usize, limit: usize) -> Vec<Comment> {
        self.take_while(
            |found| found.own_line && found.column >= column && found.start < limit,
            false,
        )
    }

    /// The offset of the `-` before an item of a list.
    pub(super) fn dash(&self, item: usize) -> usize {
        let mut at = item;
        loop {
            let before = self.text[..at].trim_end_matches([' ', '\t', '\n', '\r']);
            match self.all.iter().find(|found| found.end == before.len()) {
                Some(found) => at = found.start,
                None => return before.len().saturating_sub(1),
            }
        }
    }

    /// How far an offset is from the start of its line, in bytes.
    pub(super) fn column(&self, offset: usize) -> usize {
        offset - self.text[..offset].rfind('\n').map_or(0, |at| at + 1)
    }
}

/// Where scalars and aliases stand; a `#` in them is none of a comment.
fn scalars(node: &Node, spans: &mut Vec<(usize, usize)>) {
    match &node.content {
        Content::Scalar { .. } | Content::Alias { .. } => spans.push((node.span.start, node.span.end)),
        Content::Sequence { items, .. } => items.iter().for_each(|item| scalars(item, spans)),
        Content::Mapping { entries, .. } => entries.iter().for_each(|(key, value)| {
            scalars(key, spans);
            scalars(value, spans);
        }),
        Content::Anchored(inner) => scalars(inner, spans),
    }
}
