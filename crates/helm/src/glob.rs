//! Patterns of `.Files.Glob`: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, with `/` as separator.

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Character(char),
    /// `?`: one character that is no separator.
    Any,
    /// `*`: any number of characters that are no separators.
    Star,
    /// `**`: any number of characters.
    Super,
    /// `[…]`
    Class {
        negated: bool,
        set: Set,
    },
    /// `{…,…}`
    Either(Vec<Vec<Part>>),
}

#[derive(Debug)]
enum Set {
    List(Vec<char>),
    Range(char, char),
}

/// How many steps a match may take before it is given up; patterns with many stars are costly.
const MOST_STEPS: usize = 1_000_000;

impl Glob {
    /// Parses a pattern; `None` when it cannot be understood.
    ///
    /// Source: github.com/gobwas/glob `syntax/lexer` and `syntax/ast`.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        let characters: Vec<char> = pattern.chars().collect();
        let mut at = 0;
        let parts = parse_parts(&characters, &mut at, 0)?;
        (at == characters.len()).then_some(Self { parts })
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let mut steps = 0;
        let parts: Vec<&Part> = self.parts.iter().collect();
        matches(&parts, &name, &mut steps)
    }
}

fn parse_parts(text: &[char], at: &mut usize, depth: usize) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some(character) = text.get(*at) {
        match character {
            ',' | '}' if depth > 0 => break,
            '\\' => {
                *at += 1;
                parts.push(Part::Character(*text.get(*at)?));
            }
            '?' => parts.push(Part::Any),
            '*' => {
                if text.get(*at + 1) == Some(&'*') {
                    *at += 1;
                    parts.push(Part::Super);
                } else {
                    parts.push(Part::Star);
                }
            }
            '[' => {
                parts.push(parse_class(text, at)?);
                continue;
            }
            '{' => {
                const DEEPEST: usize = 50;
                if depth >= DEEPEST {
                    return None;
                }
                let mut choices = Vec::new();
                loop {
                    *at += 1;
                    choices.push(parse_parts(text, at, depth + 1)?);
                    match text.get(*at)? {
                        ',' => {}
                        _ => break,
                    }
                }
                parts.push(Part::Either(choices));
            }
            other => parts.push(Part::Character(*other)),
        }
        *at += 1;
    }
    Some(parts)
}

fn parse_class(text: &[char], at: &mut usize) -> Option<Part> {
    *at += 1;
    let negated = text.get(*at) == Some(&'!');
    if negated {
        *at += 1;
    }
    let first = *text.get(*at)?;
    if text.get(*at + 1) == Some(&'-') && text.get(*at + 2).is_some_and(|c| *c != ']') {
        let last = *text.get(*at + 2)?;
        *at += 3;
        if text.get(*at) != Some(&']') || last < first {
            return None;
        }
        *at += 1;
        let set = Set::Range(first, last);
        return Some(Part::Class { negated, set });
    }
    let mut list = Vec::new();
    loop {
        match text.get(*at)? {
            ']' => break,
            '\\' => {
                *at += 1;
                list.push(*text.get(*at)?);
            }
            other => list.push(*other),
        }
        *at += 1;
    }
    *at += 1;
    if list.is_empty() {
        return None;
    }
    let set = Set::List(list);
    Some(Part::Class { negated, set })
}

fn matches(parts: &[&Part], name: &[char], steps: &mut usize) -> bool {
    *steps += 1;
    if *steps > MOST_STEPS {
        return false;
    }
    let Some((part, rest)) = parts.split_first() else {
        return name.is_empty();
    };
    match part {
        Part::Character(wanted) => name
            .split_first()
            .is_some_and(|(first, after)| first == wanted && matches(rest, after, steps)),
        Part::Any => name
            .split_first()
            .is_some_and(|(first, after)| *first != '/' && matches(rest, after, steps)),
        Part::Class { negated, set } => name.split_first().is_some_and(|(first, after)| {
            let inside = match set {
                Set::List(list) => list.contains(first),
                Set::Range(low, high) => (low..=high).contains(&first),
            };
            inside != *negated && matches(rest, after, steps)
        }),
        Part::Star | Part::Super => {
            let crosses = matches!(part, Part::Super);
            let longest = if crosses {
                name.len()
            } else {
                name.iter().position(|c| *c == '/').unwrap_or(name.len())
            };
            (0..=longest).any(|taken| matches(rest, &name[taken..], steps))
        }
        Part::Either(choices) => choices.iter().any(|choice| {
            let chained: Vec<&Part> = choice.iter().chain(rest.iter().copied()).collect();
            matches(&chained, name, steps)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn answers_are_those_of_gobwas() {
        let cases = [
            ("*.txt", "a.txt", true),
            ("*.txt", "d/a.txt", false),
            ("**.txt", "d/a.txt", true),
            ("d/**", "d/e/a.txt", true),
            ("**/a.txt", "a.txt", false),
            ("{a,b}/*.y?ml", "b/x.yaml", true),
            ("[!a]bc", "xbc", true),
            ("[a-c]x", "bx", true),
            ("[abc]x", "dx", false),
            ("a\\*b", "a*b", true),
            ("conf/{x,y/**}", "conf/y/z/w", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                Glob::parse(pattern).map(|glob| glob.matches(name)),
                Some(expected),
                "{pattern} {name}"
            );
        }
        assert!(Glob::parse("[a").is_none());
        assert!(Glob::parse("{a").is_none());
    }
}
