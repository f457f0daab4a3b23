//! Builds trees out of tokens.

use super::draft::{Draft, Twice, small_integer};
use super::lexer::{Item, Lexer, Token};
use super::node::{Body, Control, Index, Node, Offset, Pipeline, ROOT_VARIABLE, VariableId, Word};
use super::number;
use crate::error::{Error, Location};
use crate::function::Functions;
use crate::hash::HashMap;
use crate::stack;
use crate::strconv;
use crate::text::Text;

/// How deep expressions may be nested.
const MAX_PAREN_DEPTH: usize = 10_000;

/// How deep blocks may be nested: far more than any chart has, and little enough for printing and dropping.
const MAX_BLOCK_DEPTH: usize = 10_000;

type Result<T> = std::result::Result<T, Error>;

/// Reads a text's own template and those it defines.
pub(super) fn parse(name: &str, text: &[u8], functions: &Functions, draft: &mut Draft) -> Result<()> {
    if u32::try_from(text.len()).is_err() {
        let message = format!("template: {name}:1: text is longer than 4 GiB");
        let location = Location {
            template: name.into(),
            line: 1,
            column: None,
            offset: None,
        };
        return Err(Error::parse(message, location));
    }
    let mut parser = Parser {
        name,
        functions,
        lexer: Lexer::new(text),
        bytes: text,
        lookahead: Vec::with_capacity(3),
        current_line: 0,
        variables: vec![ROOT_VARIABLE],
        variable_ids: HashMap::from_iter([(&b"$"[..], ROOT_VARIABLE)]),
        range_depth: 0,
        paren_depth: 0,
        block_depth: 0,
        action_line: 0,
        draft,
    };
    parser.top_level()?;
    let end = parser.draft.next_node();
    let added = parser.draft.add(Text::from(name), Body { start: 0, end }, text);
    added.map_err(|Twice| parser.defined_twice(name.as_bytes()))
}

/// How a list of nodes ended.
enum End {
    End,
    Else,
}

enum Step {
    Read,
    End(End),
}

struct Parser<'t> {
    name: &'t str,
    functions: &'t Functions,
    lexer: Lexer<'t>,
    bytes: &'t [u8],
    /// Tokens that were put back, the next one last.
    lookahead: Vec<Item<'t>>,
    /// The line of the token read last from the lexer, which errors report.
    current_line: u32,
    variables: Vec<VariableId>,
    variable_ids: HashMap<&'t [u8], VariableId>,
    range_depth: usize,
    paren_depth: usize,
    block_depth: usize,
    action_line: u32,
    draft: &'t mut Draft,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Item<'t> {
        match self.lookahead.pop() {
            Some(item) => item,
            None => self.read(),
        }
    }

    fn read(&mut self) -> Item<'t> {
        let item = self.lexer.next_item();
        self.current_line = item.line;
        item
    }

    fn put_back(&mut self, item: Item<'t>) {
        self.lookahead.push(item);
    }

    fn peek(&mut self) -> Token {
        if let Some(item) = self.lookahead.last() {
            return item.token;
        }
        let item = self.read();
        self.put_back(item);
        item.token
    }

    fn next_non_space(&mut self) -> Item<'t> {
        loop {
            let item = self.next();
            if item.token != Token::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item<'t> {
        if let Some(item) = self.lookahead.last()
            && item.token != Token::Space
        {
            return *item;
        }
        let item = self.next_non_space();
        self.put_back(item);
        item
    }

    fn error(&self, message: impl AsRef<str>) -> Error {
        let line = self.current_line;
        let message = format!("template: {}:{line}: {}", self.name, message.as_ref());
        let location = Location {
            template: self.name.into(),
            line: line as usize,
            column: None,
            offset: None,
        };
        Error::parse(message, location)
    }

    fn unexpected(&self, item: &Item<'_>, context: &str) -> Error {
        if item.token == Token::Error {
            let failure = self.lexer.failure();
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != item.line {
                extra = format!(" in action started at {}:{}", self.name, self.action_line);
                if failure.ends_with(" action") {
                    extra = extra.split_off(" in action".len());
                }
            }
            return self.error(format!("{failure}{extra}"));
        }
        self.error(format!("unexpected {} in {context}", item.describe()))
    }

    fn expect(&mut self, token: Token, context: &str) -> Result<Item<'t>> {
        let item = self.next_non_space();
        if item.token == token {
            Ok(item)
        } else {
            Err(self.unexpected(&item, context))
        }
    }

    fn unquote(&mut self, item: &Item<'t>) -> Result<Text> {
        if is_literal(item.text) {
            return Ok(Text::from(&item.text[1..item.text.len() - 1]));
        }
        strconv::unquote(item.text)
            .map(Text::from)
            .ok_or_else(|| self.error("invalid syntax"))
    }

    #[cold]
    fn defined_twice(&self, name: &[u8]) -> Error {
        // The prefix stands twice, as in Go.
        let quoted = strconv::quote(name);
        self.error(format!("template: multiple definition of template {quoted}"))
    }

    fn top_level(&mut self) -> Result<()> {
        while self.peek() != Token::Eof {
            let item = self.next();
            if item.token == Token::LeftDelim {
                let keyword = self.next_non_space();
                if keyword.token == Token::Define {
                    self.definition()?;
                    continue;
                }
                self.put_back(keyword);
            }
            self.put_back(item);
            match self.text_or_action()? {
                Step::Read => {}
                Step::End(End::End) => return Err(self.error("unexpected {{end}}")),
                Step::End(End::Else) => return Err(self.error("unexpected {{else}}")),
            }
        }
        Ok(())
    }

    /// Runs `parse` with the variables and counters of a template of its own.
    fn separately<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let variables = std::mem::replace(&mut self.variables, vec![ROOT_VARIABLE]);
        let (ranges, parens, line) = (self.range_depth, self.paren_depth, self.action_line);
        (self.range_depth, self.paren_depth, self.action_line) = (0, 0, 0);
        let parsed = parse(self);
        self.variables = variables;
        (self.range_depth, self.paren_depth, self.action_line) = (ranges, parens, line);
        parsed
    }

    fn definition(&mut self) -> Result<()> {
        self.separately(|parser| {
            let context = "define clause";
            let item = parser.next_non_space();
            if !matches!(item.token, Token::String | Token::RawString) {
                return Err(parser.unexpected(&item, context));
            }
            let name = parser.unquote(&item)?;
            parser.expect(Token::RightDelim, context)?;
            parser.template(name, context)
        })
    }

    /// Reads the body of a template of its own.
    fn template(&mut self, name: Text, context: &str) -> Result<()> {
        let index = self.draft.open_template();
        if matches!(self.item_list()?, End::Else) {
            return Err(self.error(format!("unexpected {{{{else}}}} in {context}")));
        }
        let closed = self.draft.close_template(index, name.clone(), self.bytes);
        closed.map_err(|Twice| self.defined_twice(name.as_bytes()))
    }

    fn item_list(&mut self) -> Result<End> {
        self.enter_block()?;
        while self.peek_non_space().token != Token::Eof {
            match self.text_or_action()? {
                Step::Read => {}
                Step::End(end) => {
                    self.block_depth -= 1;
                    return Ok(end);
                }
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        match item.token {
            Token::Text => {
                let start = item.start;
                let end = item.end();
                self.draft.nodes.push(Node::Text { start, end });
                Ok(Step::Read)
            }
            Token::LeftDelim => {
                self.action_line = item.line;
                let step = stack::grow(|| self.action());
                self.action_line = 0;
                step
            }
            _ => Err(self.unexpected(&item, "input")),
        }
    }

    fn action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        match item.token {
            Token::Block => self.block_control()?,
            Token::Break => self.loop_control(&item, "{{break}}")?,
            Token::Continue => self.loop_control(&item, "{{continue}}")?,
            Token::Else => {
                let next = self.peek_non_space();
                if !matches!(next.token, Token::If | Token::With) {
                    self.expect(Token::RightDelim, "else")?;
                }
                return Ok(Step::End(End::Else));
            }
            Token::End => {
                self.expect(Token::RightDelim, "end")?;
                return Ok(Step::End(End::End));
            }
            Token::If => self.control(Control::If)?,
            Token::Range => self.control(Control::Range)?,
            Token::With => self.control(Control::With)?,
            Token::Template => self.template_control()?,
            _ => {
                self.put_back(item);
                let pipe = self.pipeline("command", Token::RightDelim)?;
                self.draft.nodes.push(Node::Action { pipe });
            }
        }
        Ok(Step::Read)
    }

    fn loop_control(&mut self, item: &Item<'_>, name: &str) -> Result<()> {
        let next = self.next_non_space();
        if next.token != Token::RightDelim {
            return Err(self.unexpected(&next, name));
        }
        if self.range_depth == 0 {
            return Err(self.error(format!("{name} outside {{{{range}}}}")));
        }
        self.draft.nodes.push(if item.token == Token::Break {
            Node::Break
        } else {
            Node::Continue
        });
        Ok(())
    }

    fn control(&mut self, control: Control) -> Result<()> {
        let scope = self.variables.len();
        let pipe = self.pipeline(control.name(), Token::RightDelim)?;
        let index = self.draft.open_branch(control, pipe);
        let ranges = usize::from(control == Control::Range);
        self.range_depth += ranges;
        let end = self.item_list()?;
        self.range_depth -= ranges;
        if matches!(end, End::Else) {
            self.draft.begin_otherwise(index);
            self.otherwise(control)?;
        }
        self.draft.close_branch(index);
        self.variables.truncate(scope);
        Ok(())
    }

    /// Parses a control that stands in the `else` of another one.
    fn nested_control(&mut self, control: Control) -> Result<()> {
        self.next();
        self.enter_block()?;
        let read = stack::grow(|| self.control(control));
        self.block_depth -= 1;
        read
    }

    fn enter_block(&mut self) -> Result<()> {
        if self.block_depth >= MAX_BLOCK_DEPTH {
            return Err(self.error("max block depth exceeded"));
        }
        self.block_depth += 1;
        Ok(())
    }

    /// Parses what follows `{{else`; `else if` and `else with` share the `end` of what they are in.
    fn otherwise(&mut self, control: Control) -> Result<()> {
        match (control, self.peek()) {
            (Control::If, Token::If) | (Control::With, Token::With) => self.nested_control(control),
            _ => match self.item_list()? {
                End::End => Ok(()),
                End::Else => Err(self.error("expected end; found {{else}}")),
            },
        }
    }

    fn template_name(&mut self, context: &str) -> Result<(Offset, Text)> {
        let item = self.next_non_space();
        match item.token {
            Token::String | Token::RawString => Ok((item.start, self.unquote(&item)?)),
            _ => Err(self.unexpected(&item, context)),
        }
    }

    fn block_control(&mut self) -> Result<()> {
        let context = "block clause";
        let (at, name) = self.template_name(context)?;
        let pipe = self.pipeline(context, Token::RightDelim)?;
        self.call(at, name.clone(), Some(pipe));
        self.separately(|parser| parser.template(name, context))
    }

    fn template_control(&mut self) -> Result<()> {
        let context = "template clause";
        let (at, name) = self.template_name(context)?;
        let item = self.next_non_space();
        let pipe = if item.token == Token::RightDelim {
            None
        } else {
            self.put_back(item);
            Some(self.pipeline(context, Token::RightDelim)?)
        };
        self.call(at, name, pipe);
        Ok(())
    }

    fn call(&mut self, at: Offset, name: Text, pipe: Option<Index>) {
        let name = self.draft.text(name);
        let pipe = pipe.and_then(|pipe| Pipeline::new(pipe + 1));
        self.draft.nodes.push(Node::Template { at, name, pipe });
    }

    fn variable_id(&mut self, name: &'t [u8]) -> VariableId {
        if let Some(id) = self.variable_ids.get(name) {
            return *id;
        }
        let id = self.variable_ids.len() as VariableId;
        self.variable_ids.insert(name, id);
        id
    }

    fn declare(&mut self, item: &Item<'t>) {
        let id = self.variable_id(item.text);
        self.variables.push(id);
        self.draft.words.push(Word::Declared {
            id,
            start: item.start,
            end: item.end(),
        });
    }

    fn pipeline(&mut self, context: &str, end: Token) -> Result<Index> {
        let first = self.peek_non_space();
        let pipe = self.draft.open_pipe(first.start);
        let (declared, is_assign) = self.declarations(context)?;
        let start = self.draft.next_word();
        loop {
            let item = self.next_non_space();
            match item.token {
                token if token == end => break,
                Token::Bool
                | Token::CharConstant
                | Token::Complex
                | Token::Dot
                | Token::Field
                | Token::Identifier
                | Token::Number
                | Token::Nil
                | Token::RawString
                | Token::String
                | Token::Variable
                | Token::LeftParen => {
                    self.put_back(item);
                    self.command()?;
                }
                // Function names win over the keywords of loops where the host has such functions.
                _ => return Err(self.unexpected(&item, context)),
            }
        }
        if self.draft.next_word() == start {
            return Err(self.error(format!("missing value for {context}")));
        }
        self.draft.close_pipe(pipe, declared, is_assign);
        if let Some(stage) = self.draft.constant_stage(pipe) {
            return Err(self.error(format!("non executable command in pipeline stage {stage}")));
        }
        Ok(pipe)
    }

    /// Reads the variables before a pipeline, and tells how many there are and whether they are assigned to.
    fn declarations(&mut self, context: &str) -> Result<(u8, bool)> {
        let mut declared = 0;
        loop {
            let variable = self.peek_non_space();
            if variable.token != Token::Variable {
                return Ok((declared, false));
            }
            self.next();
            let after = self.next();
            let is_space = after.token == Token::Space;
            let next = if is_space { self.next_non_space() } else { after };
            match next.token {
                Token::Assign | Token::Declare => {
                    self.declare(&variable);
                    return Ok((declared + 1, next.token == Token::Assign));
                }
                Token::Char if next.text == b"," => {
                    self.declare(&variable);
                    declared += 1;
                    if context == "range" && declared < 2 {
                        match self.peek_non_space().token {
                            Token::Variable | Token::RightDelim | Token::RightParen => continue,
                            _ => return Err(self.error("range can only initialize variables")),
                        }
                    }
                    return Err(self.error(format!("too many declarations in {context}")));
                }
                _ => {
                    self.put_back(next);
                    if is_space {
                        self.put_back(after);
                    }
                    self.put_back(variable);
                    return Ok((declared, false));
                }
            }
        }
    }

    fn command(&mut self) -> Result<()> {
        let at = self.peek_non_space().start;
        let command = self.draft.open(Word::Command { at, length: 0 });
        loop {
            self.peek_non_space();
            self.operand()?;
            let item = self.next();
            match item.token {
                Token::Space => continue,
                Token::RightDelim | Token::RightParen => self.put_back(item),
                Token::Pipe => {}
                _ => return Err(self.unexpected(&item, "operand")),
            }
            break;
        }
        if self.draft.close(command) == 0 {
            return Err(self.error("empty command"));
        }
        Ok(())
    }

    /// Reads the fields that follow, and tells where the first of them starts and the last one ends. Nothing stands between them.
    fn path(&mut self) -> Option<(Offset, Offset)> {
        let mut place = None;
        while self.peek() == Token::Field {
            let item = self.next();
            let start = place.map_or(item.start, |(start, _)| start);
            place = Some((start, item.end()));
        }
        place
    }

    fn operand(&mut self) -> Result<()> {
        let index = self.draft.next_word();
        self.term()?;
        if self.draft.next_word() == index || self.peek() != Token::Field {
            return Ok(());
        }
        if self.draft.words[index as usize].is_constant() {
            self.path();
            let shown = self.draft.show(self.bytes, index);
            let quoted = strconv::quote(shown.as_bytes());
            return Err(self.error(format!("unexpected . after term {quoted}")));
        }
        if let Some((start, end)) = self.path() {
            self.draft.chain(index, start, end);
        }
        Ok(())
    }

    /// Reads an operand, where there is one.
    fn term(&mut self) -> Result<()> {
        let item = self.next_non_space();
        let (start, end) = (item.start, item.end());
        let word = match item.token {
            Token::Identifier => {
                let Some(id) = self.functions.find(item.text) else {
                    let quoted = strconv::quote(item.text);
                    return Err(self.error(format!("function {quoted} not defined")));
                };
                Word::Function { id, start, end }
            }
            Token::Dot => Word::Dot { at: start },
            Token::Nil => Word::Nil { at: start },
            Token::Variable => {
                let id = self.variable_id(item.text);
                if !self.variables.contains(&id) {
                    return Err(self.error(format!("undefined variable {}", strconv::quote(item.text))));
                }
                let end = self.path().map_or(end, |(_, end)| end);
                Word::Variable { id, start, end }
            }
            Token::Field => {
                let end = self.path().map_or(end, |(_, end)| end);
                Word::Field { start, end }
            }
            Token::Bool => Word::Bool {
                at: start,
                truth: item.text == b"true",
            },
            Token::CharConstant | Token::Complex | Token::Number => {
                if let Some(value) = small_integer(item.text) {
                    Word::Integer { start, end, value }
                } else {
                    let number =
                        number::parse(item.text, item.token).map_err(|message| self.error(message))?;
                    self.draft.push_number(start, end, number);
                    return Ok(());
                }
            }
            Token::LeftParen => {
                if self.paren_depth >= MAX_PAREN_DEPTH {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.paren_depth += 1;
                let read = stack::grow(|| self.pipeline("parenthesized pipeline", Token::RightParen));
                self.paren_depth -= 1;
                return read.map(drop);
            }
            Token::String | Token::RawString if is_literal(item.text) => Word::String { start, end },
            Token::String | Token::RawString => {
                let text = self.unquote(&item)?;
                let text = self.draft.text(text);
                Word::Unquoted { start, end, text }
            }
            _ => {
                self.put_back(item);
                return Ok(());
            }
        };
        self.draft.words.push(word);
        Ok(())
    }
}

/// Tells whether a string means what stands between its quotes.
fn is_literal(quoted: &[u8]) -> bool {
    match quoted {
        [b'"', inner @ .., b'"'] => {
            memchr::memchr(b'\\', inner).is_none() && std::str::from_utf8(inner).is_ok()
        }
        [b'`', inner @ .., b'`'] => memchr::memchr(b'\r', inner).is_none(),
        _ => false,
    }
}
