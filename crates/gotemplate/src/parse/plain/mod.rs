//! Reads the templates that charts have, byte by byte and without tokens.
//!
//! Makes what [`super::parser`] makes, or nothing at all: whatever is wrong or uncommon (letters that are no ASCII, characters as
//! numbers, very deep nesting) is left to the parser, which reads the text from its start and has the words for errors.

mod pipeline;

use super::draft::Draft;
use super::lexer;
use super::node::{Body, Control, Index, Node, Offset, Pipeline, ROOT_VARIABLE, VariableId};
use crate::function::Functions;
use crate::hash::HashMap;
use crate::strconv;
use crate::text::Text;

/// How deep blocks are nested at most.
const DEEPEST_BLOCK: usize = 1000;

/// A letter, a digit or an underscore.
const WORD: u8 = 1;
/// What Go's templates take for space.
const SPACE: u8 = 2;
/// What may come after a word, beside the end of the action.
const TERMINATOR: u8 = 4;
const DIGIT: u8 = 8;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let class = &mut classes[byte];
        match byte as u8 {
            b'0'..=b'9' => *class = WORD | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => *class = WORD,
            b' ' | b'\t' | b'\r' | b'\n' => *class = SPACE | TERMINATOR,
            b'.' | b',' | b'|' | b':' | b')' | b'(' => *class = TERMINATOR,
            _ => {}
        }
        byte += 1;
    }
    classes
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Reads a text's own template and those it defines; `None` where the parser has to.
pub(super) fn read(name: &str, text: &[u8], functions: &Functions, draft: &mut Draft) -> Option<()> {
    u32::try_from(text.len()).ok()?;
    let mut reader = Reader {
        text,
        position: 0,
        word_start: usize::MAX,
        word_end: 0,
        functions,
        draft,
        variables: vec![(ROOT_VARIABLE, b"$")],
        scope: 0,
        variable_ids: HashMap::default(),
        range_depth: 0,
        paren_depth: 0,
        blocks: Vec::new(),
    };
    reader.all()?;
    let end = reader.draft.next_node();
    draft.add(Text::from(name), Body { start: 0, end }, text).ok()
}

/// A block that has not ended yet.
enum Block {
    Branch {
        index: Index,
        control: Control,
        in_otherwise: bool,
        /// Whether it stands in the `else` of the block before and ends with it.
        is_nested: bool,
        /// How many variables there were before it.
        variables: usize,
    },
    Template {
        index: Index,
        name: Text,
        /// What of the text around it comes back after it.
        scope: usize,
        range_depth: usize,
    },
}

struct Reader<'t> {
    text: &'t [u8],
    position: usize,
    /// Where a word is that has been looked at already.
    word_start: usize,
    word_end: usize,
    functions: &'t Functions,
    draft: &'t mut Draft,
    /// All variables that have been declared, in all templates around.
    variables: Vec<(VariableId, &'t [u8])>,
    /// Where the variables of the present template start.
    scope: usize,
    variable_ids: HashMap<&'t [u8], VariableId>,
    range_depth: usize,
    paren_depth: usize,
    blocks: Vec<Block>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn rest(&self) -> &'t [u8] {
        &self.text[self.position..]
    }

    fn at(&self) -> Offset {
        self.position as Offset
    }

    /// Moves over space, and tells whether there was any.
    fn spaces(&mut self) -> bool {
        let rest = self.rest();
        let count = rest.iter().position(|byte| !is(*byte, SPACE));
        let count = count.unwrap_or(rest.len());
        self.position += count;
        count > 0
    }

    /// Moves over letters, digits and underscores up to something that may follow them.
    fn word(&mut self) -> Option<&'t [u8]> {
        if self.position == self.word_start {
            self.position = self.word_end;
            return Some(&self.text[self.word_start..self.word_end]);
        }
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is(*byte, WORD))?;
        self.position += length;
        let (word, after) = rest.split_at(length);
        (is(after[0], TERMINATOR) || after.starts_with(b"}}")).then_some(word)
    }

    /// Moves over the end of an action, and over the space that it trims.
    fn end_of_action(&mut self) -> Option<()> {
        let spaced = self.spaces();
        let rest = self.rest();
        if rest.starts_with(b"}}") {
            self.position += 2;
            return Some(());
        }
        if spaced && rest.starts_with(b"-}}") {
            self.position += 3;
            self.spaces();
            return Some(());
        }
        None
    }

    fn all(&mut self) -> Option<()> {
        loop {
            let start = self.position;
            let Some(found) = lexer::find(self.rest(), *b"{{") else {
                self.push_text(start, self.text.len());
                return self.blocks.is_empty().then_some(());
            };
            let open = start + found;
            self.position = open + 2;
            if matches!(self.rest(), [b'-', space, ..] if is(*space, SPACE)) {
                let text = &self.text[start..open];
                let kept = text.iter().rposition(|byte| !is(*byte, SPACE));
                self.push_text(start, start + kept.map_or(0, |last| last + 1));
                self.position += 2;
            } else {
                self.push_text(start, open);
            }
            if self.rest().starts_with(b"/*") {
                self.comment()?;
            } else {
                self.action()?;
            }
        }
    }

    fn push_text(&mut self, start: usize, end: usize) {
        if start < end {
            let (start, end) = (start as Offset, end as Offset);
            self.draft.nodes.push(Node::Text { start, end });
        }
    }

    fn comment(&mut self) -> Option<()> {
        self.position += 2;
        self.position += lexer::find(self.rest(), *b"*/")? + 2;
        let rest = self.rest();
        if rest.starts_with(b"}}") {
            self.position += 2;
            return Some(());
        }
        if matches!(rest, [space, b'-', b'}', b'}', ..] if is(*space, SPACE)) {
            self.position += 4;
            self.spaces();
            return Some(());
        }
        None
    }

    fn action(&mut self) -> Option<()> {
        self.spaces();
        let start = self.position;
        if matches!(self.peek()?, b'b'..=b'w') {
            let word = self.word()?;
            match word {
                b"if" => return self.control(Control::If, false),
                b"with" => return self.control(Control::With, false),
                b"range" => return self.control(Control::Range, false),
                b"else" => return self.otherwise(),
                b"end" => return self.end(),
                b"define" => return self.definition(),
                b"template" => return self.call(),
                b"block" => return self.block(),
                b"break" => return self.leave(Node::Break),
                b"continue" => return self.leave(Node::Continue),
                _ => {
                    // It is the first word of the pipeline.
                    (self.word_start, self.word_end) = (start, self.position);
                    self.position = start;
                }
            }
        }
        let pipe = self.action_pipeline(false)?;
        self.draft.nodes.push(Node::Action { pipe });
        Some(())
    }

    fn leave(&mut self, node: Node) -> Option<()> {
        if self.range_depth == 0 {
            return None;
        }
        self.draft.nodes.push(node);
        self.end_of_action()
    }

    fn open(&mut self, block: Block) -> Option<()> {
        self.blocks.push(block);
        (self.blocks.len() <= DEEPEST_BLOCK).then_some(())
    }

    fn control(&mut self, control: Control, is_nested: bool) -> Option<()> {
        let variables = self.variables.len();
        let is_range = control == Control::Range;
        let pipe = self.action_pipeline(is_range)?;
        self.range_depth += usize::from(is_range);
        let index = self.draft.open_branch(control, pipe);
        self.open(Block::Branch {
            index,
            control,
            in_otherwise: false,
            is_nested,
            variables,
        })
    }

    fn otherwise(&mut self) -> Option<()> {
        let Some(Block::Branch {
            index,
            control,
            in_otherwise: in_otherwise @ false,
            ..
        }) = self.blocks.last_mut()
        else {
            return None;
        };
        *in_otherwise = true;
        let control = *control;
        self.draft.begin_otherwise(*index);
        self.range_depth -= usize::from(control == Control::Range);
        let before = self.position;
        self.spaces();
        if matches!(self.peek()?, b'i' | b'w') {
            let word = self.word()?;
            return match control {
                Control::If if word == b"if" => self.control(control, true),
                Control::With if word == b"with" => self.control(control, true),
                _ => None,
            };
        }
        self.position = before;
        self.end_of_action()
    }

    fn end(&mut self) -> Option<()> {
        self.end_of_action()?;
        loop {
            match self.blocks.pop()? {
                Block::Branch {
                    index,
                    control,
                    in_otherwise,
                    is_nested,
                    variables,
                } => {
                    self.draft.close_branch(index);
                    self.range_depth -= usize::from(control == Control::Range && !in_otherwise);
                    self.variables.truncate(variables);
                    if !is_nested {
                        return Some(());
                    }
                }
                Block::Template {
                    index,
                    name,
                    scope,
                    range_depth,
                } => {
                    self.variables.truncate(self.scope);
                    (self.scope, self.range_depth) = (scope, range_depth);
                    return self.draft.close_template(index, name, self.text).ok();
                }
            }
        }
    }

    fn definition(&mut self) -> Option<()> {
        if !self.blocks.is_empty() {
            return None;
        }
        let (_, name) = self.template_name()?;
        self.end_of_action()?;
        self.open_template(name)
    }

    fn open_template(&mut self, name: Text) -> Option<()> {
        let index = self.draft.open_template();
        let (scope, range_depth) = (self.scope, self.range_depth);
        (self.scope, self.range_depth) = (self.variables.len(), 0);
        self.variables.push((ROOT_VARIABLE, b"$"));
        self.open(Block::Template {
            index,
            name,
            scope,
            range_depth,
        })
    }

    fn template_name(&mut self) -> Option<(Offset, Text)> {
        self.spaces();
        let at = self.at();
        let (quoted, is_literal) = self.quoted()?;
        let text = if is_literal {
            Text::from(&quoted[1..quoted.len() - 1])
        } else {
            Text::from(strconv::unquote(quoted)?)
        };
        Some((at, text))
    }

    fn call(&mut self) -> Option<()> {
        let (at, name) = self.template_name()?;
        let before = self.position;
        if self.end_of_action().is_some() {
            self.push_call(at, name, None);
            return Some(());
        }
        self.position = before;
        let pipe = self.action_pipeline(false)?;
        self.push_call(at, name, Some(pipe));
        Some(())
    }

    fn block(&mut self) -> Option<()> {
        let (at, name) = self.template_name()?;
        let pipe = self.action_pipeline(false)?;
        self.push_call(at, name.clone(), Some(pipe));
        self.open_template(name)
    }

    fn push_call(&mut self, at: Offset, name: Text, pipe: Option<Index>) {
        let name = self.draft.text(name);
        let pipe = pipe.and_then(|pipe| Pipeline::new(pipe + 1));
        self.draft.nodes.push(Node::Template { at, name, pipe });
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::function::Functions;
    use crate::parse::draft::Draft;
    use crate::parse::parser;

    fn is_read(text: &str) -> bool {
        let functions = Functions::with_sprig();
        let (mut plain, mut parsed) = (Draft::default(), Draft::default());
        let read = read("t", text.as_bytes(), &functions, &mut plain).is_some();
        let parsed_well = parser::parse("t", text.as_bytes(), &functions, &mut parsed).is_ok();
        if read {
            assert!(parsed_well, "an error is taken for a template: {text}");
            assert_eq!(plain, parsed, "{text}");
        }
        read
    }

    #[test]
    fn what_charts_have_is_read_as_the_parser_does() {
        let texts = [
            "",
            "a { b }} c\n",
            "{{ . }}{{.}}{{ .a.b }}{{$}}{{ $.a -}}  x  {{- .b }}",
            "{{/* a */}}x {{- /* b */ -}} y{{- /*\n*/}}",
            "{{ \"a\" }}{{ \"\\n\\\"\" | quote }}{{ `a\n\\` }}{{ \"é\" }}",
            "{{ 1 }}{{ -1 }}{{ 0755 }}{{ 1.5e3 }}{{ add 0x10 12345678901234567 1 }}{{ true }}{{ eq .a nil }}",
            "{{ $a := 1 }}{{ $a = add $a 1 }}{{ $a.b }}{{ with $b := $a }}{{ $b }}{{ end }}",
            "{{ range $i, $x := .l }}{{ $i }}{{ continue }}{{ else }}{{ end }}",
            "{{ range .l }}{{ range .m }}{{ else }}{{ break }}{{ end }}{{ end }}",
            "{{ if and .a (or .b (not .c)) }}a{{ else if (.d).e }}b{{ else if $ }}c{{ else }}d{{ end }}",
            "{{ with .a }}{{ else with .b }}{{ . }}{{ else }}{{ end }}",
            "{{ (index .l 0).a.b | default \"x\" | trim }}{{ ((.a).b).c }}{{ list.a }}",
            "{{ define \"a\" }}{{ $x := 1 }}{{ block \"b\" . }}{{ $ }}{{ end }}{{ $x }}{{ end }}",
            "{{ template \"a\" }}{{ template `b` (dict \"a\" .) }}{{- template \"c\" $ -}}",
            "{{ define \"a\" }} {{ end }}{{ define \"a\" }}x{{ end }}",
        ];
        for text in texts {
            assert!(is_read(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_left_to_the_parser() {
        let texts = [
            "{{",
            "{{}}",
            "{{ }}",
            "{{ a }}",
            "{{ .a",
            "{{ .a }",
            "{{ .a }x}}",
            "{{ .a. }}",
            "{{ ..a }}",
            "{{ \"a }}",
            "{{ \"a\".b }}",
            "{{ 1.a }}",
            "{{ true.a }}",
            "{{ .a.5 }}",
            "{{ $a }}",
            "{{ $a := }}",
            "{{ $a, $b := 1 }}",
            "{{ $a=1 }}",
            "{{ .a | 1 }}",
            "{{ (.a }}",
            "{{ .a) }}",
            "{{ (.a)b }}",
            "{{ ()}}",
            "{{ | }}",
            "{{ .a | }}",
            "{{ if .a }}",
            "{{ end }}",
            "{{ else }}",
            "{{ if }}{{ end }}",
            "{{ range .a }}{{ else if .b }}{{ end }}",
            "{{ if .a }}{{ else with .b }}{{ end }}",
            "{{ if .a }}{{ else }}{{ else }}{{ end }}",
            "{{ break }}",
            "{{ range .a }}{{ else }}{{ break }}{{ end }}",
            "{{ range .a }}{{ define \"a\" }}{{ break }}{{ end }}{{ end }}",
            "{{ if .a }}{{ define \"a\" }}{{ end }}{{ end }}",
            "{{ define a }}{{ end }}",
            "{{ define \"a\" }}",
            "{{ define \"a\" }}x{{ end }}{{ define \"a\" }}y{{ end }}",
            "{{ template }}",
            "{{ template a }}",
            "{{ $a := 1 }}{{ define \"a\" }}{{ $a }}{{ end }}",
            "{{ if $a := 1 }}{{ end }}{{ $a }}",
            "{{/* a",
            "{{/* a */ b}}",
            "{{- /* a */-}}",
            "{{-1}}{{ 08x }}",
            "{{ é }}",
            "{{ .é }}",
            "{{ 'a' }}",
            "{{ a, b }}",
            "{{ nil }}{{ if nil.a }}{{ end }}",
            "{{ -}}",
            "{{- -}}",
            "{{ .a -}}{{ -.b }}",
        ];
        for text in texts {
            assert!(!is_read(text), "{text}");
        }
    }
}
