//! A template's text after newline normalisation, and offsets in it turned into lines and columns.

use std::sync::Arc;

use crate::error::Place;

/// Text of one template and the name to show for it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

impl Source {
    /// Line and column (in characters), both from 1, of a byte offset.
    pub(crate) fn position(&self, offset: u32) -> (u32, u32) {
        let offset = (offset as usize).min(self.text.len());
        let before = &self.text.as_bytes()[..offset];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |index| index + 1);
        let column = before[start..]
            .iter()
            .filter(|&&byte| byte & 0xC0 != 0x80)
            .count()
            + 1;
        (line as u32, column as u32)
    }

    pub(crate) fn line(&self, line: u32) -> &str {
        self.text
            .split('\n')
            .nth(line.saturating_sub(1) as usize)
            .unwrap_or_default()
    }

    pub(crate) fn place(&self, offset: Option<u32>, statement_line: Option<u32>, what: Arc<str>) -> Place {
        let (line, column) = match offset {
            Some(offset) => self.position(offset),
            None => (statement_line.unwrap_or(1), 1),
        };
        Place {
            template: self.name.clone(),
            line,
            column,
            statement_line: statement_line.unwrap_or(line),
            what,
            text: self.line(line).into(),
        }
    }
}

/// Newlines as Jinja2 reads them: CRLF and CR become LF, and one trailing newline is dropped.
pub(crate) fn normalize(text: &str) -> String {
    let mut normal = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    };
    if normal.ends_with('\n') {
        normal.pop();
    }
    normal
}
