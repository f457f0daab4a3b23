//! The nearest names to one that is not defined.

/// `did you mean ...`, if any name is close.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = match wanted.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        length => length / 3,
    };
    let mut close: Vec<(usize, &str)> = names
        .map(|name| (distance(wanted, name), name))
        .filter(|(far, _)| *far <= limit)
        .collect();
    close.retain(|(far, name)| *far > 0 && *far < name.chars().count().max(2));
    close.sort_unstable();
    close.dedup();
    let best: Vec<String> = close
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    let (last, first) = best.split_last()?;
    Some(match first.is_empty() {
        true => format!("did you mean {last}?"),
        false => format!("did you mean {} or {last}?", first.join(", ")),
    })
}

/// Edits from one word to the other, swaps of neighbours counted once and upper against lower case not at all but in a tie.
fn distance(a: &str, b: &str) -> usize {
    if a != b && a.to_lowercase() == b.to_lowercase() {
        return 1;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_close_names_only() {
        let names = ["replicas", "image", "args", "target"];
        for (wanted, expected) in [
            ("replcias", Some("did you mean `replicas`?")),
            ("imagee", Some("did you mean `image`?")),
            ("Args", Some("did you mean `args`?")),
            ("something", None),
        ] {
            assert_eq!(
                nearest(wanted, names.into_iter()).as_deref(),
                expected,
                "{wanted}"
            );
        }
    }
}
