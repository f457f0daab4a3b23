//! Tables, byte for byte as upstream draws them.
//!
//! Source: kluctl `pkg/utils/prettytable.go`.

/// Draws a table whose last column takes what is left of `width`; each of the others takes at most its limit.
pub(super) fn draw<const N: usize>(rows: &[[&str; N]], limits: &[usize], width: usize) -> String {
    let longest = |column: usize| {
        let cells = rows.iter().flat_map(|row| row[column].split('\n'));
        cells.map(str::len).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = limits
        .iter()
        .enumerate()
        .map(|(column, limit)| longest(column).min(*limit))
        .collect();
    let taken: usize = widths.iter().sum::<usize>() + widths.len() * 3 + 4;
    widths.push(width.saturating_sub(taken).max(1));
    let lines: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let separator = format!("+{}+\n", lines.join("+"));
    let mut table = separator.clone();
    for row in rows {
        let mut cells: Vec<Cell<'_>> = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| Cell::new(text, *width))
            .collect();
        while cells.iter().any(Cell::has_more) {
            for cell in &mut cells {
                table.push_str("| ");
                cell.next_line(&mut table);
                table.push(' ');
            }
            table.push_str("|\n");
        }
        table.push_str(&separator);
    }
    table
}

/// A text that is handed out line by line, cut at a number of bytes.
struct Cell<'a> {
    bytes: &'a [u8],
    at: usize,
    width: usize,
}

impl<'a> Cell<'a> {
    fn new(text: &'a str, width: usize) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            width,
        }
    }

    fn has_more(&self) -> bool {
        self.at < self.bytes.len()
    }

    /// Appends the next line, padded. A character that upstream would cut in two stays whole: the line gets shorter.
    fn next_line(&mut self, out: &mut String) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let slice = &rest[..rest.len().min(self.width)];
        let line = match slice.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.at += 1;
                &slice[..end]
            }
            None => whole_characters(slice, rest),
        };
        self.at += line.len();
        let text = String::from_utf8_lossy(line);
        out.push_str(&text);
        out.push_str(&" ".repeat(self.width.saturating_sub(line.len())));
    }
}

/// The slice without a character that is only partly in it; at least one character, so that there is progress.
fn whole_characters<'a>(slice: &'a [u8], rest: &'a [u8]) -> &'a [u8] {
    match std::str::from_utf8(slice) {
        Ok(_) => slice,
        Err(error) if error.valid_up_to() > 0 => &slice[..error.valid_up_to()],
        Err(_) => {
            let length = (1..=4).find(|length| {
                rest.get(..*length)
                    .is_some_and(|c| std::str::from_utf8(c).is_ok())
            });
            &rest[..length.unwrap_or(slice.len())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_cut_and_the_last_column_fills_the_width() {
        let table = draw(
            &[["Path", "Diff"], ["data.password", "-a\n+0123456789abc"]],
            &[60],
            34,
        );
        let expected = "\
+---------------+----------------+
| Path          | Diff           |
+---------------+----------------+
| data.password | -a             |
|               | +0123456789abc |
+---------------+----------------+
";
        assert_eq!(table, expected);
    }

    #[test]
    fn cells_are_cut_by_bytes_and_a_full_line_before_a_newline_gives_an_empty_one() {
        let table = draw(&[["ab", "wxyz\nQ"]], &[1], 12);
        let expected = "\
+---+------+
| a | wxyz |
| b |      |
|   | Q    |
+---+------+
";
        assert_eq!(table, expected);
    }

    #[test]
    fn characters_stay_whole() {
        let table = draw(&[["p", "aäö"]], &[60], 10);
        assert!(table.contains("| p | a  |\n|   | ä |\n|   | ö |\n"), "{table}");
    }
}
