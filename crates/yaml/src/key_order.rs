//! The order of map keys in YAML that Go writes.

use std::cmp::Ordering;

/// go-yaml v2's order: letters by code point, runs of digits by number, other characters before letters.
///
/// Source: go.yaml.in/yaml v2 `sorter.go`, `keyList.Less`.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    compare(a, b, false)
}

/// go-yaml v3's order, which differs after digits: there a letter comes first.
///
/// Source: go.yaml.in/yaml v3 `sorter.go`, `keyList.Less`.
pub fn natural_order_v3(a: &str, b: &str) -> Ordering {
    compare(a, b, true)
}

/// Sorts by an order that need not be a total one, which go-yaml's is not: `a`, `1` and `-` can form a circle.
///
/// The standard library may panic on such an order. Like Go's sort on few keys, this one inserts one by one, but into
/// sorted runs that are merged, so that many keys do not cost their square.
pub fn sort_keys<T>(entries: &mut Vec<T>, less: &impl Fn(&T, &T) -> bool) {
    const SHORT: usize = 12;
    if entries.len() <= SHORT {
        for i in 1..entries.len() {
            let mut j = i;
            while j > 0 && less(&entries[j], &entries[j - 1]) {
                entries.swap(j, j - 1);
                j -= 1;
            }
        }
        return;
    }
    let mut right = entries.split_off(entries.len() / 2);
    sort_keys(entries, less);
    sort_keys(&mut right, less);
    let mut merged = Vec::with_capacity(entries.len() + right.len());
    let mut left = std::mem::take(entries).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(b, a) { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    *entries = merged;
}

fn compare(a: &str, b: &str, v3: bool) -> Ordering {
    let mut left = a.char_indices();
    let mut right = b.char_indices();
    let mut after_digit = false;
    loop {
        let ((i, x), (j, y)) = match (left.next(), right.next()) {
            (Some(x), Some(y)) => (x, y),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
        };
        if x == y {
            after_digit = is_digit(x);
            continue;
        }
        let less = match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => x < y,
            (true, false) => v3 && after_digit,
            (false, true) => !(v3 && after_digit),
            (false, false) => return compare_numbers(&a[..i], &a[i..], &b[j..], x, y),
        };
        return if less { Ordering::Less } else { Ordering::Greater };
    }
}

/// Both texts go on with something that is no letter; numbers are compared as such.
fn compare_numbers(before: &str, a: &str, b: &str, x: char, y: char) -> Ordering {
    // Zeros behind other digits are digits of a longer number, not leading zeros.
    let inside = (x == '0' || y == '0')
        && before
            .chars()
            .rev()
            .take_while(|c| is_digit(*c))
            .any(|c| c != '0');
    let start = i64::from(inside);
    let (a_number, a_length) = number(a, start);
    let (b_number, b_length) = number(b, start);
    a_number
        .cmp(&b_number)
        .then(a_length.cmp(&b_length))
        .then(x.cmp(&y))
}

fn number(text: &str, start: i64) -> (i64, usize) {
    let mut number = start;
    let mut length = 0;
    for character in text.chars().take_while(|c| is_digit(*c)) {
        number = number
            .wrapping_mul(10)
            .wrapping_add(i64::from(character as u32) - i64::from(b'0'));
        length += 1;
    }
    (number, length)
}

/// Go's `unicode.IsDigit`, which is narrower than Rust's `is_numeric`; only ASCII is told apart here.
fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}
