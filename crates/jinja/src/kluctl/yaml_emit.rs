//! Writes YAML as PyYAML's emitter does: block style, 80 columns, ASCII only.
//!
//! Source: PyYAML `emitter.py`.

const WIDTH: usize = 80;
const STEP: usize = 2;

/// A node to write.
#[derive(Debug)]
pub(crate) enum Node {
    Scalar {
        text: String,
        /// Short form of the tag, `!!str` for example.
        tag: &'static str,
        style: Style,
        /// Whether the tag is what the text gives plain, and what it gives quoted.
        implicit: (bool, bool),
    },
    List(Vec<Node>),
    Map {
        pairs: Vec<(Node, Node)>,
        /// `!!set`, or nothing for a plain map.
        tag: Option<&'static str>,
    },
    Anchor(usize, Box<Node>),
    Alias(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Any,
    Single,
    Literal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Plain,
    Single,
    Double,
    Literal,
}

struct Analysis {
    empty: bool,
    multiline: bool,
    flow_plain: bool,
    block_plain: bool,
    single: bool,
    block: bool,
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: Option<&char>) -> bool {
    c.is_none_or(|c| matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(*c))
}

fn analyze(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis {
            empty: true,
            multiline: false,
            flow_plain: false,
            block_plain: true,
            single: true,
            block: false,
        };
    }
    let chars: Vec<char> = text.chars().collect();
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut block_indicators, mut flow_indicators) = (marker, marker);
    let (mut line_breaks, mut special) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut after_blank = true;
    for (index, c) in chars.iter().copied().enumerate() {
        let before_blank = is_blank(chars.get(index + 1));
        if index == 0 {
            if "#,[]{}&*!|>'\"%@`".contains(c) {
                (flow_indicators, block_indicators) = (true, true);
            }
            if matches!(c, '?' | ':') {
                flow_indicators = true;
                block_indicators |= before_blank;
            }
            if c == '-' && before_blank {
                (flow_indicators, block_indicators) = (true, true);
            }
        } else {
            flow_indicators |= ",?[]{}".contains(c);
            if c == ':' {
                flow_indicators = true;
                block_indicators |= before_blank;
            }
            if c == '#' && after_blank {
                (flow_indicators, block_indicators) = (true, true);
            }
        }
        line_breaks |= is_break(c);
        special |= !(c == '\n' || (' '..='~').contains(&c));
        match c {
            ' ' => {
                break_space |= previous_break;
                (previous_space, previous_break) = (true, false);
            }
            c if is_break(c) => {
                space_break |= previous_space;
                (previous_space, previous_break) = (false, true);
            }
            _ => (previous_space, previous_break) = (false, false),
        }
        after_blank = is_blank(Some(&c));
    }
    let (first, last) = (chars[0], chars[chars.len() - 1]);
    let edges = [first, last].iter().any(|c| *c == ' ' || is_break(*c));
    let odd = space_break || special;
    let plain = !(edges || break_space || odd || line_breaks);
    Analysis {
        empty: false,
        multiline: line_breaks,
        flow_plain: plain && !flow_indicators,
        block_plain: plain && !block_indicators,
        single: !(break_space || odd),
        block: !(last == ' ' || odd),
    }
}

#[derive(Default)]
struct Emitter {
    out: String,
    column: usize,
    whitespace: bool,
    indention: bool,
    open_ended: bool,
    indent: Option<usize>,
    flow: bool,
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Value,
    SimpleKey,
}

/// A whole document.
pub(crate) fn emit(node: &Node) -> String {
    let mut emitter = Emitter {
        whitespace: true,
        indention: true,
        ..Emitter::default()
    };
    // An empty plain document would look like none.
    emitter.node(node, Place::Root);
    emitter.write_indent();
    if emitter.open_ended {
        emitter.indicator("...", true, false, false);
        emitter.write_indent();
    }
    emitter.out
}

impl Emitter {
    fn push(&mut self, text: &str) {
        self.column += text.chars().count();
        self.out.push_str(text);
    }

    fn indicator(&mut self, text: &str, spaced: bool, whitespace: bool, indention: bool) {
        if !self.whitespace && spaced {
            self.push(" ");
        }
        self.push(text);
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
        self.open_ended = false;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        if self.column < indent {
            self.whitespace = true;
            self.out.extend(std::iter::repeat_n(' ', indent - self.column));
            self.column = indent;
        }
    }

    fn line_break(&mut self, c: char) {
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
        self.out.push(c);
    }

    fn indented(&mut self, flow: bool, indentless: bool, inside: impl FnOnce(&mut Self)) {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { STEP } else { 0 }),
            Some(indent) if !indentless => Some(indent + STEP),
            same => same,
        };
        inside(self);
        self.indent = before;
    }

    fn node(&mut self, node: &Node, place: Place) {
        match node {
            Node::Anchor(id, inner) => {
                self.indicator(&format!("&id{id:03}"), true, false, false);
                self.node(inner, place);
            }
            Node::Alias(id) => self.indicator(&format!("*id{id:03}"), true, false, false),
            Node::Scalar {
                text,
                tag,
                style,
                implicit,
            } => self.scalar(text, tag, *style, *implicit, place),
            Node::List(items) => self.list(items, place),
            Node::Map { pairs, tag } => {
                if let Some(tag) = tag {
                    self.indicator(tag, true, false, false);
                }
                self.map(pairs);
            }
        }
    }

    fn list(&mut self, items: &[Node], place: Place) {
        if items.is_empty() {
            self.indicator("[", true, true, false);
            self.indicator("]", false, false, false);
            return;
        }
        let indentless = place == Place::Value && !self.indention;
        self.indented(false, indentless, |this| {
            for item in items {
                this.write_indent();
                this.indicator("-", true, false, true);
                this.node(item, Place::Item);
            }
        });
    }

    fn map(&mut self, pairs: &[(Node, Node)]) {
        if pairs.is_empty() {
            self.indicator("{", true, true, false);
            self.indicator("}", false, false, false);
            return;
        }
        self.indented(false, false, |this| {
            for (key, value) in pairs {
                this.write_indent();
                if is_simple_key(key) {
                    this.node(key, Place::SimpleKey);
                    this.indicator(":", false, false, false);
                } else {
                    this.indicator("?", true, false, true);
                    this.node(key, Place::Value);
                    this.write_indent();
                    this.indicator(":", true, false, true);
                }
                this.node(value, Place::Value);
            }
        });
    }

    fn scalar(&mut self, text: &str, tag: &str, style: Style, implicit: (bool, bool), place: Place) {
        let analysis = analyze(text);
        let written = self.choose(&analysis, style, implicit, place);
        let shown = if written == Written::Plain {
            implicit.0
        } else {
            implicit.1
        };
        if !shown {
            self.indicator(tag, true, false, false);
        }
        let split = place != Place::SimpleKey;
        let chars: Vec<char> = text.chars().collect();
        self.indented(true, false, |this| match written {
            Written::Plain => this.plain(&chars, split, place),
            Written::Single => this.single(&chars, split),
            Written::Double => this.double(&chars, split),
            Written::Literal => this.literal(&chars),
        });
    }

    fn choose(&self, analysis: &Analysis, style: Style, implicit: (bool, bool), place: Place) -> Written {
        let key = place == Place::SimpleKey;
        let plain = if self.flow {
            analysis.flow_plain
        } else {
            analysis.block_plain
        };
        if style == Style::Any && implicit.0 && plain && !(key && (analysis.empty || analysis.multiline)) {
            return Written::Plain;
        }
        if style == Style::Literal && !key && analysis.block {
            return Written::Literal;
        }
        if style != Style::Literal && analysis.single && !(key && analysis.multiline) {
            return Written::Single;
        }
        Written::Double
    }

    fn breaks(&mut self, run: &[char]) {
        for c in run {
            self.line_break(*c);
        }
    }

    fn plain(&mut self, chars: &[char], split: bool, place: Place) {
        if place == Place::Root {
            self.open_ended = true;
        }
        if chars.is_empty() {
            return;
        }
        if !self.whitespace {
            self.push(" ");
        }
        self.whitespace = false;
        self.indention = false;
        let mut start = 0;
        let mut spaces = false;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if spaces {
                if c != Some(' ') {
                    if start + 1 == end && self.column > WIDTH && split {
                        self.write_indent();
                        self.whitespace = false;
                        self.indention = false;
                    } else {
                        self.push(&chars[start..end].iter().collect::<String>());
                    }
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ') {
                self.push(&chars[start..end].iter().collect::<String>());
                start = end;
            }
            spaces = c == Some(' ');
        }
    }

    fn single(&mut self, chars: &[char], split: bool) {
        self.indicator("'", true, false, false);
        let (mut spaces, mut breaks, mut start) = (false, false, 0);
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if spaces {
                if c != Some(' ') {
                    if start + 1 == end && self.column > WIDTH && split && start != 0 && end != chars.len() {
                        self.write_indent();
                    } else {
                        self.push(&chars[start..end].iter().collect::<String>());
                    }
                    start = end;
                }
            } else if breaks {
                if !c.is_some_and(is_break) {
                    if chars[start] == '\n' {
                        self.line_break('\n');
                    }
                    self.breaks(&chars[start..end]);
                    self.write_indent();
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ' || is_break(c) || c == '\'') && start < end {
                self.push(&chars[start..end].iter().collect::<String>());
                start = end;
            }
            if c == Some('\'') {
                self.push("''");
                start = end + 1;
            }
            if let Some(c) = c {
                spaces = c == ' ';
                breaks = is_break(c);
            }
        }
        self.indicator("'", false, false, false);
    }

    fn double(&mut self, chars: &[char], split: bool) {
        self.indicator("\"", true, false, false);
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(|c| matches!(c, '"' | '\\') || !(' '..='~').contains(&c)) {
                if start < end {
                    self.push(&chars[start..end].iter().collect::<String>());
                    start = end;
                }
                if let Some(c) = c {
                    self.push(&escaped(c));
                    start = end + 1;
                }
            }
            // After an escape `start` is one ahead of `end`, which makes the line count one shorter.
            let inside = 0 < end && end + 1 < chars.len();
            if inside && (c == Some(' ') || start >= end) && self.column + end > WIDTH + start && split {
                let data: String = if start < end {
                    chars[start..end].iter().collect()
                } else {
                    String::new()
                };
                self.push(&format!("{data}\\"));
                start = start.max(end);
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
                if chars.get(start) == Some(&' ') {
                    self.push("\\");
                }
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn literal(&mut self, chars: &[char]) {
        let mut hints = String::new();
        if chars.first().is_some_and(|c| *c == ' ' || is_break(*c)) {
            hints.push_str(&STEP.to_string());
        }
        match chars {
            [.., last] if !is_break(*last) => hints.push('-'),
            [_] => hints.push('+'),
            [.., before, _] if is_break(*before) => hints.push('+'),
            _ => {}
        }
        self.indicator(&format!("|{hints}"), true, false, false);
        if hints.ends_with('+') {
            self.open_ended = true;
        }
        self.line_break('\n');
        let (mut breaks, mut start) = (true, 0);
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if breaks {
                if !c.is_some_and(is_break) {
                    self.breaks(&chars[start..end]);
                    if c.is_some() {
                        self.write_indent();
                    }
                    start = end;
                }
            } else if c.is_none_or(is_break) {
                // The column stays where the line began, as PyYAML leaves it.
                self.out.extend(&chars[start..end]);
                if c.is_none() {
                    self.line_break('\n');
                }
                start = end;
            }
            if let Some(c) = c {
                breaks = is_break(c);
            }
        }
    }
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        c => {
            return match c as u32 {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// A key short enough for one line; its tag counts although it is not written.
fn is_simple_key(node: &Node) -> bool {
    const LIMIT: usize = 128;
    fn fits(node: &Node, length: usize) -> bool {
        match node {
            Node::Anchor(id, inner) => fits(inner, length + format!("id{id:03}").len()),
            Node::Alias(id) => length + format!("id{id:03}").len() < LIMIT,
            Node::Scalar { text, tag, .. } => {
                let analysis = analyze(text);
                length + tag.len() + text.chars().count() < LIMIT && !analysis.empty && !analysis.multiline
            }
            Node::List(items) => length + "!!seq".len() < LIMIT && items.is_empty(),
            Node::Map { pairs, tag } => length + tag.unwrap_or("!!map").len() < LIMIT && pairs.is_empty(),
        }
    }
    fits(node, 0)
}
