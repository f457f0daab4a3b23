//! Functions on the case of letters.

use super::arguments::text;
use super::*;
use crate::runes;

pub(super) const TABLE: &[Entry] = &[
    ("upper", &TEXT, |a, _| Ok(each(text(&a[0]), runes::to_upper))),
    ("lower", &TEXT, |a, _| Ok(each(text(&a[0]), runes::to_lower))),
    ("title", &TEXT, |a, _| Ok(title(text(&a[0])))),
    ("untitle", &TEXT, |a, _| Ok(untitle(text(&a[0])))),
    ("swapcase", &TEXT, |a, _| Ok(swap_case(text(&a[0])))),
    ("snakecase", &TEXT, |a, _| {
        Ok(Value::string(with_connector(text(&a[0]), '_')))
    }),
    ("kebabcase", &TEXT, |a, _| {
        Ok(Value::string(with_connector(text(&a[0]), '-')))
    }),
    ("camelcase", &TEXT, |a, _| Ok(camel_case(text(&a[0])))),
];

fn each(bytes: &[u8], mut convert: impl FnMut(char) -> char) -> Value {
    let mut out = Vec::with_capacity(bytes.len());
    for (_, rune, _) in runes::iter(bytes) {
        runes::push(&mut out, convert(rune));
    }
    Value::string(out)
}

fn is_separator(rune: char) -> bool {
    if rune.is_ascii() {
        return !rune.is_ascii_alphanumeric() && rune != '_';
    }
    !runes::is_letter(rune) && !runes::is_digit(rune) && runes::is_space(rune)
}

fn title(bytes: &[u8]) -> Value {
    let mut previous = ' ';
    each(bytes, |rune| {
        let starts = is_separator(previous);
        previous = rune;
        if starts { runes::to_title(rune) } else { rune }
    })
}

fn untitle(bytes: &[u8]) -> Value {
    let mut at_start = true;
    each(bytes, |rune| {
        if runes::is_space(rune) {
            at_start = true;
            rune
        } else if std::mem::take(&mut at_start) {
            runes::to_lower(rune)
        } else {
            rune
        }
    })
}

fn swap_case(bytes: &[u8]) -> Value {
    let mut after_space = true;
    each(bytes, |rune| {
        if runes::is_upper(rune) || runes::to_title(rune) == rune && runes::to_lower(rune) != rune {
            after_space = false;
            runes::to_lower(rune)
        } else if runes::is_lower(rune) {
            if std::mem::take(&mut after_space) {
                runes::to_title(rune)
            } else {
                runes::to_upper(rune)
            }
        } else {
            after_space = runes::is_space(rune);
            rune
        }
    })
}

fn is_connector(rune: char) -> bool {
    rune == '-' || rune == '_' || runes::is_space(rune)
}

/// `some_words` becomes `SomeWords`; what stands before the first word stays.
fn camel_case(bytes: &[u8]) -> Value {
    let all: Vec<char> = runes::iter(bytes).map(|(_, rune, _)| rune).collect();
    let mut out = Vec::with_capacity(bytes.len());
    let Some(first) = all.iter().position(|rune| !is_connector(*rune)) else {
        // The last of nothing but connectors is written twice.
        out.extend_from_slice(bytes);
        all.last()
            .into_iter()
            .for_each(|rune| runes::push(&mut out, *rune));
        return Value::string(out);
    };
    all[..first].iter().for_each(|rune| runes::push(&mut out, *rune));
    let mut in_upper = runes::is_upper(all[first]);
    // The rune that has been read and not been written.
    let mut held = runes::to_upper(all[first]);
    for rune in &all[first + 1..] {
        let previous = held;
        held = *rune;
        if is_connector(held) && is_connector(previous) {
            runes::push(&mut out, previous);
            continue;
        }
        if is_connector(previous) {
            in_upper = runes::is_upper(held);
            held = runes::to_upper(held);
        } else {
            if in_upper {
                if runes::is_upper(held) {
                    held = runes::to_lower(held);
                } else {
                    in_upper = false;
                }
            }
            runes::push(&mut out, previous);
        }
    }
    runes::push(&mut out, held);
    Value::string(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

/// Letters other than those of Chinese, Japanese and Korean.
fn is_alphabet(rune: char) -> bool {
    runes::is_letter(rune)
        && !matches!(rune,
            '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4DB5}' | '\u{20000}'..='\u{2A6D6}'
            | '\u{2A700}'..='\u{2B734}' | '\u{2B740}'..='\u{2B81D}')
}

/// Takes the next word off the runes.
fn next_word<'r>(rest: &mut &'r [char]) -> (Word, &'r [char]) {
    let all = *rest;
    let Some(first) = all.first().copied() else {
        return (Word::None, &[]);
    };
    let run = |from: usize, is_in: &dyn Fn(char) -> bool| {
        from + all[from..].iter().take_while(|rune| is_in(**rune)).count()
    };
    let lower_letters = |rune: char| is_alphabet(rune) && !runes::is_upper(rune);
    let (word, length) = if is_connector(first) {
        (Word::Connector, run(1, &is_connector))
    } else if runes::is_punct(first) {
        (Word::Punct, run(1, &runes::is_punct))
    } else if runes::is_upper(first) {
        let length = match all.get(1) {
            Some(second) if runes::is_upper(*second) => {
                let end = run(2, &runes::is_upper);
                // The last capital belongs to the word it starts, as in HTTPStatus.
                if all.get(end).is_some_and(|rune| is_alphabet(*rune)) {
                    end - 1
                } else {
                    end
                }
            }
            Some(second) if is_alphabet(*second) => run(2, &lower_letters),
            _ => 1,
        };
        (Word::Upper, length)
    } else if is_alphabet(first) {
        (Word::Alphabet, run(1, &lower_letters))
    } else if runes::is_number(first) {
        (Word::Number, run(1, &runes::is_number))
    } else {
        let is_other = |rune: char| {
            !is_connector(rune) && !is_alphabet(rune) && !runes::is_number(rune) && !runes::is_punct(rune)
        };
        (Word::Other, run(1, &is_other))
    };
    *rest = &all[length..];
    (word, &all[..length])
}

fn push_lower(out: &mut Vec<u8>, word: Word, letters: &[char], connector: char) {
    for letter in letters {
        let letter = match word {
            Word::Upper | Word::Connector if is_connector(*letter) => connector,
            Word::Upper if runes::is_upper(*letter) => runes::to_lower(*letter),
            _ => *letter,
        };
        runes::push(out, letter);
    }
}

/// `FirstName` becomes `first_name`, and digits stay with the letters that they belong to.
fn with_connector(bytes: &[u8], connector: char) -> Vec<u8> {
    let all: Vec<char> = runes::iter(bytes).map(|(_, rune, _)| rune).collect();
    let mut rest = all.as_slice();
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let (mut word, mut letters) = next_word(&mut rest);
    while !rest.is_empty() {
        if word != Word::Connector {
            push_lower(&mut out, word, letters, connector);
        }
        let (previous, last) = (word, letters);
        (word, letters) = next_word(&mut rest);
        match previous {
            Word::Number => {
                while matches!(word, Word::Alphabet | Word::Number) {
                    push_lower(&mut out, word, letters, connector);
                    (word, letters) = next_word(&mut rest);
                }
                if !matches!(word, Word::None | Word::Punct | Word::Connector) {
                    runes::push(&mut out, connector);
                }
            }
            Word::Connector => push_lower(&mut out, previous, last, connector),
            Word::Punct => {}
            _ if word != Word::Number => {
                if !matches!(word, Word::Connector | Word::Punct) {
                    runes::push(&mut out, connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = letters;
                (word, letters) = next_word(&mut rest);
                if word != Word::Alphabet {
                    push_lower(&mut out, Word::Number, number, connector);
                    if !matches!(word, Word::Connector | Word::Punct) {
                        runes::push(&mut out, connector);
                    }
                    continue;
                }
                runes::push(&mut out, connector);
                push_lower(&mut out, Word::Number, number, connector);
                while matches!(word, Word::Alphabet | Word::Number) {
                    push_lower(&mut out, word, letters, connector);
                    (word, letters) = next_word(&mut rest);
                }
                if !matches!(word, Word::None | Word::Connector | Word::Punct) {
                    runes::push(&mut out, connector);
                }
            }
        }
    }
    push_lower(&mut out, word, letters, connector);
    out
}
