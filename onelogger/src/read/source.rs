//! Cuts what a reader gives into lines.

use std::io::{self, BufRead, BufReader, Read};

use super::DamageReason;

/// A line that is longer is skipped and not kept in memory. A record is as long as a lane at most;
/// that is a megabyte where nobody has asked for more.
pub(super) const LONGEST_LINE_BYTES: usize = 64 << 20;

/// Calls `take` with every line, its number and its text without the line's end.
pub(super) fn for_each_line(
    reader: impl Read,
    longest: usize,
    mut take: impl FnMut(u64, Result<&[u8], DamageReason>),
) -> io::Result<()> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = reader.by_ref().take(longest as u64 + 1);
        if limited.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if text.len() > longest {
            reader.skip_until(b'\n')?;
            take(number, Err(DamageReason::TooLong));
            continue;
        }
        let mark = if number == 1 { BYTE_ORDER_MARK } else { b"" };
        take(number, Ok(text.strip_prefix(mark).unwrap_or(text)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expected: &[(u64, Option<&str>)]) {
        let mut found = Vec::new();
        for_each_line(text, 8, |number, line| {
            let line = line.ok();
            found.push((number, line.map(|line| String::from_utf8_lossy(line).into_owned())));
        })
        .unwrap();
        let expected: Vec<_> = expected.iter().map(|(n, l)| (*n, l.map(str::to_owned))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        check(b"", &[]);
        check(b"a\n\nb", &[(1, Some("a")), (2, Some("")), (3, Some("b"))]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        check(b"12345678\n123456789\n1\n", &[(1, Some("12345678")), (2, None), (3, Some("1"))]);
        check(&[b'x'; 100_000], &[(1, None)]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        check(b"\xef\xbb\xbfa\n", &[(1, Some("a"))]);
    }
}
