//! Builds trees out of tokens.

use std::sync::Arc;

use bytes::Bytes;

use super::lexer::{Item, Lexer, Token};
use super::names::{Names, Path};
use super::node::{
    Body, Branch, Command, Declared, Node, Offset, Pipe, ROOT_VARIABLE, Slice, Source, Tree, VariableId,
    Word, is_empty,
};
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

/// The templates of one text; the text's own comes last, the others in the order of their names' first definition.
pub(crate) struct Parsed {
    pub(crate) trees: Vec<Tree>,
}

type Result<T> = std::result::Result<T, Error>;

/// Parses a text into its own template and those it defines.
pub(crate) fn parse(name: &str, text: Bytes, functions: &Functions, names: &mut Names) -> Result<Parsed> {
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
    let source = Arc::new(Source {
        name: name.into(),
        text,
    });
    let bytes = source.text.clone();
    let mut parser = Parser {
        source,
        functions,
        lexer: Lexer::new(&bytes),
        bytes: &bytes,
        lookahead: Vec::with_capacity(3),
        current_line: 0,
        variables: vec![ROOT_VARIABLE],
        variable_ids: HashMap::from_iter([(&b"$"[..], ROOT_VARIABLE)]),
        range_depth: 0,
        paren_depth: 0,
        block_depth: 0,
        deepest: 0,
        action_line: 0,
        trees: Vec::new(),
        names,
        nodes: Vec::new(),
        commands: Vec::new(),
        words: Vec::new(),
    };
    let body = parser.top_level()?;
    parser.add(Text::from(name), body)?;
    Ok(Parsed { trees: parser.trees })
}

/// How a list of nodes ended.
enum End {
    End,
    Else,
}

enum Step {
    Node(Node),
    End(End),
}

struct Parser<'t> {
    source: Arc<Source>,
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
    /// How deep blocks and parentheses have been nested so far.
    deepest: usize,
    action_line: u32,
    trees: Vec<Tree>,
    names: &'t mut Names,
    /// What has been read of the lists that are open, so that each list is allocated once and fits.
    nodes: Vec<Node>,
    commands: Vec<Command>,
    words: Vec<Word>,
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
        let message = format!("template: {}:{line}: {}", self.source.name, message.as_ref());
        let location = Location {
            template: self.source.name.clone(),
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
                extra = format!(" in action started at {}:{}", self.source.name, self.action_line);
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
        let text = item.text;
        if let [b'"', inner @ .., b'"'] = text
            && memchr::memchr(b'\\', inner).is_none()
            && std::str::from_utf8(inner).is_ok()
        {
            return Ok(self.intern(inner));
        }
        strconv::unquote(text)
            .map(Text::from)
            .ok_or_else(|| self.error("invalid syntax"))
    }

    /// A constant's text, unless the source has it as it is and it is too long to be held twice.
    fn string_constant(&mut self, item: &Item<'t>) -> Result<Option<Text>> {
        const LONG: usize = 64;
        match item.text {
            [b'`', inner @ .., b'`'] if inner.len() > LONG && memchr::memchr(b'\r', inner).is_none() => {
                Ok(None)
            }
            _ => self.unquote(item).map(Some),
        }
    }

    fn add(&mut self, name: Text, body: Body) -> Result<()> {
        let tree = Tree {
            depth: self.deepest,
            name: name.clone(),
            source: self.source.clone(),
            body,
        };
        match self.trees.iter_mut().find(|other| other.name == name) {
            None => self.trees.push(tree),
            Some(other) if is_empty(&other.body) => *other = tree,
            Some(_) if is_empty(&tree.body) => {}
            Some(_) => {
                // The prefix stands twice, as in Go.
                let quoted = strconv::quote(name.as_bytes());
                return Err(self.error(format!("template: multiple definition of template {quoted}")));
            }
        }
        Ok(())
    }

    fn top_level(&mut self) -> Result<Body> {
        let start = self.nodes.len();
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
                Step::Node(node) => self.nodes.push(node),
                Step::End(End::End) => return Err(self.error("unexpected {{end}}")),
                Step::End(End::Else) => return Err(self.error("unexpected {{else}}")),
            }
        }
        Ok(self.nodes.split_off(start).into_boxed_slice())
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
            let body = parser.body_to_end(context)?;
            parser.add(name, body)
        })
    }

    fn body_to_end(&mut self, context: &str) -> Result<Body> {
        let (body, end) = self.item_list()?;
        match end {
            End::End => Ok(body),
            End::Else => Err(self.error(format!("unexpected {{{{else}}}} in {context}"))),
        }
    }

    fn item_list(&mut self) -> Result<(Body, End)> {
        self.enter_block()?;
        let start = self.nodes.len();
        while self.peek_non_space().token != Token::Eof {
            match self.text_or_action()? {
                Step::Node(node) => self.nodes.push(node),
                Step::End(end) => {
                    self.block_depth -= 1;
                    return Ok((self.nodes.split_off(start).into_boxed_slice(), end));
                }
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        match item.token {
            Token::Text => Ok(Step::Node(Node::Text {
                at: item.start,
                text: self.slice(&item),
            })),
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
        let node = match item.token {
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
            Token::If => Node::If(self.control("if")?),
            Token::Range => Node::Range(self.control("range")?),
            Token::With => Node::With(self.control("with")?),
            Token::Template => self.template_control()?,
            _ => {
                let at = item.start;
                self.put_back(item);
                Node::Action {
                    at,
                    pipe: self.pipeline("command", Token::RightDelim)?,
                }
            }
        };
        Ok(Step::Node(node))
    }

    fn loop_control(&mut self, item: &Item<'_>, name: &str) -> Result<Node> {
        let next = self.next_non_space();
        if next.token != Token::RightDelim {
            return Err(self.unexpected(&next, name));
        }
        if self.range_depth == 0 {
            return Err(self.error(format!("{name} outside {{{{range}}}}")));
        }
        let at = item.start;
        Ok(if item.token == Token::Break {
            Node::Break { at }
        } else {
            Node::Continue { at }
        })
    }

    fn control(&mut self, context: &str) -> Result<Box<Branch>> {
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Token::RightDelim)?;
        let ranges = usize::from(context == "range");
        self.range_depth += ranges;
        let (body, end) = self.item_list()?;
        self.range_depth -= ranges;
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(context)?),
        };
        self.variables.truncate(scope);
        Ok(Box::new(Branch {
            at: pipe.at,
            pipe,
            body,
            otherwise,
        }))
    }

    /// Parses a control that stands in the `else` of another one.
    fn nested_control(&mut self, context: &str) -> Result<Box<Branch>> {
        self.enter_block()?;
        let branch = stack::grow(|| self.control(context));
        self.block_depth -= 1;
        branch
    }

    fn enter_block(&mut self) -> Result<()> {
        if self.block_depth >= MAX_BLOCK_DEPTH {
            return Err(self.error("max block depth exceeded"));
        }
        self.block_depth += 1;
        self.deepest = self.deepest.max(self.block_depth + self.paren_depth);
        Ok(())
    }

    /// Parses what follows `{{else`; `else if` and `else with` share the `end` of what they are in.
    fn otherwise(&mut self, context: &str) -> Result<Body> {
        match (context, self.peek()) {
            ("if", Token::If) => {
                self.next();
                Ok(Box::new([Node::If(self.nested_control("if")?)]))
            }
            ("with", Token::With) => {
                self.next();
                Ok(Box::new([Node::With(self.nested_control("with")?)]))
            }
            _ => match self.item_list()? {
                (body, End::End) => Ok(body),
                (_, End::Else) => Err(self.error("expected end; found {{else}}")),
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

    fn block_control(&mut self) -> Result<Node> {
        let context = "block clause";
        let (at, name) = self.template_name(context)?;
        let pipe = self.pipeline(context, Token::RightDelim)?;
        let body = self.separately(|parser| parser.body_to_end(context))?;
        self.add(name.clone(), body)?;
        Ok(Node::Template {
            at,
            name,
            pipe: Some(Box::new(pipe)),
        })
    }

    fn template_control(&mut self) -> Result<Node> {
        let context = "template clause";
        let (at, name) = self.template_name(context)?;
        let item = self.next_non_space();
        let pipe = if item.token == Token::RightDelim {
            None
        } else {
            self.put_back(item);
            Some(Box::new(self.pipeline(context, Token::RightDelim)?))
        };
        Ok(Node::Template { at, name, pipe })
    }

    fn slice(&self, item: &Item<'_>) -> Slice {
        Slice::new(&self.source, item.start, item.text.len())
    }

    fn intern(&mut self, text: &[u8]) -> Text {
        self.names.text(text)
    }

    fn variable_id(&mut self, name: &'t [u8]) -> VariableId {
        if let Some(id) = self.variable_ids.get(name) {
            return *id;
        }
        let id = self.variable_ids.len() as VariableId;
        self.variable_ids.insert(name, id);
        id
    }

    fn declare(&mut self, declared: &mut Vec<Declared>, name: &'t [u8]) {
        let id = self.variable_id(name);
        self.variables.push(id);
        let name = self.intern(name);
        declared.push(Declared { id, name });
    }

    fn pipeline(&mut self, context: &str, end: Token) -> Result<Pipe> {
        let first = self.peek_non_space();
        let (declared, is_assign) = self.declarations(context)?;
        let start = self.commands.len();
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
                    let command = self.command()?;
                    self.commands.push(command);
                }
                // Function names win over the keywords of loops where the host has such functions.
                _ => return Err(self.unexpected(&item, context)),
            }
        }
        let pipe = Pipe {
            at: first.start,
            is_assign,
            declared: declared.into_boxed_slice(),
            commands: self.commands.split_off(start).into_boxed_slice(),
        };
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            if matches!(
                command.words[0],
                Word::Bool { .. }
                    | Word::Dot { .. }
                    | Word::Nil { .. }
                    | Word::Number { .. }
                    | Word::String { .. }
            ) {
                return Err(self.error(format!("non executable command in pipeline stage {}", index + 1)));
            }
        }
        Ok(pipe)
    }

    /// Reads the variables before a pipeline, and tells whether they are assigned to.
    fn declarations(&mut self, context: &str) -> Result<(Vec<Declared>, bool)> {
        let mut declared = Vec::new();
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
                    self.declare(&mut declared, variable.text);
                    return Ok((declared, next.token == Token::Assign));
                }
                Token::Char if next.text == b"," => {
                    self.declare(&mut declared, variable.text);
                    if context == "range" && declared.len() < 2 {
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

    fn command(&mut self) -> Result<Command> {
        let at = self.peek_non_space().start;
        let start = self.words.len();
        loop {
            self.peek_non_space();
            if let Some(word) = self.operand()? {
                self.words.push(word);
            }
            let item = self.next();
            match item.token {
                Token::Space => continue,
                Token::RightDelim | Token::RightParen => self.put_back(item),
                Token::Pipe => {}
                _ => return Err(self.unexpected(&item, "operand")),
            }
            break;
        }
        if self.words.len() == start {
            return Err(self.error("empty command"));
        }
        Ok(Command {
            at,
            words: self.words.split_off(start).into_boxed_slice(),
        })
    }

    /// Reads the fields that follow a first one, if any, and tells where the first of those that follow stands.
    fn path(&mut self, first: Option<Item<'t>>) -> (Path, Option<Offset>) {
        let (mut start, mut length) = first.map_or((0, 0), |item| (item.start, item.text.len()));
        let mut at = None;
        while self.peek() == Token::Field {
            let item = self.next();
            if at.is_none() {
                at = Some(item.start);
                if length == 0 {
                    start = item.start;
                }
            }
            // Nothing stands between the fields of a path.
            length += item.text.len();
        }
        let bytes = self.bytes;
        let start = start as usize;
        (self.names.path(&bytes[start..start + length]), at)
    }

    fn operand(&mut self) -> Result<Option<Word>> {
        let Some(word) = self.term()? else { return Ok(None) };
        if self.peek() != Token::Field {
            return Ok(Some(word));
        }
        let (path, at) = self.path(None);
        let at = at.unwrap_or_else(|| word.at());
        Ok(Some(match word {
            Word::Bool { .. }
            | Word::String { .. }
            | Word::Number { .. }
            | Word::Nil { .. }
            | Word::Dot { .. } => {
                let quoted = strconv::quote(word.to_string().as_bytes());
                return Err(self.error(format!("unexpected . after term {quoted}")));
            }
            head => Word::Chain {
                at,
                head: Box::new(head),
                path,
            },
        }))
    }

    fn term(&mut self) -> Result<Option<Word>> {
        let item = self.next_non_space();
        let at = item.start;
        Ok(Some(match item.token {
            Token::Identifier => {
                let Some((name, id)) = self.functions.find(item.text) else {
                    let quoted = strconv::quote(item.text);
                    return Err(self.error(format!("function {quoted} not defined")));
                };
                Word::Function { at, id, name }
            }
            Token::Dot => Word::Dot { at },
            Token::Nil => Word::Nil { at },
            Token::Variable => {
                let id = self.variable_id(item.text);
                if !self.variables.contains(&id) {
                    return Err(self.error(format!("undefined variable {}", strconv::quote(item.text))));
                }
                let name = self.intern(item.text);
                let (path, chained) = self.path(None);
                Word::Variable {
                    at: chained.unwrap_or(at),
                    id,
                    name,
                    path,
                }
            }
            Token::Field => {
                let (path, chained) = self.path(Some(item));
                Word::Field {
                    at: chained.unwrap_or(at),
                    path,
                }
            }
            Token::Bool => Word::Bool {
                at,
                truth: item.text == b"true",
            },
            Token::CharConstant | Token::Complex | Token::Number => {
                let number = number::parse(item.text, item.token).map_err(|message| self.error(message))?;
                Word::Number {
                    at,
                    number: Box::new(number),
                }
            }
            Token::LeftParen => {
                if self.paren_depth >= MAX_PAREN_DEPTH {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.paren_depth += 1;
                self.deepest = self.deepest.max(self.block_depth + self.paren_depth);
                let pipe = stack::grow(|| self.pipeline("parenthesized pipeline", Token::RightParen));
                self.paren_depth -= 1;
                Word::Pipe(Box::new(pipe?))
            }
            Token::String | Token::RawString => {
                let text = self.string_constant(&item)?;
                Word::String {
                    at,
                    quoted: self.slice(&item),
                    text,
                }
            }
            _ => {
                self.put_back(item);
                return Ok(None);
            }
        }))
    }
}
