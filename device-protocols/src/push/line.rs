//! A body cut into lines, whatever the pieces it comes in.

use bytes::{Bytes, BytesMut};

/// Longest line with a punch.
pub const MAX_ATTLOG: usize = 4 * 1024;
/// Longest other line: templates and pictures are long.
pub const MAX_OTHER: usize = 256 * 1024;
/// Bytes kept of a line that is too long.
pub const KEPT: usize = 4 * 1024;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The whole line.
    Whole(Bytes),
    /// The first [`KEPT`] bytes of a line that is longer than allowed.
    TooLong(Bytes),
}

/// Cuts a body into lines ended by LF or CRLF; the last may have no end. Blank lines are left out. Memory is one line of
/// at most the maximum, plus what was pushed last.
#[derive(Debug)]
pub struct LineSplitter {
    max: usize,
    buffer: BytesMut,
    /// How far the buffer was searched for an end.
    searched: usize,
    /// The rest of a line that is too long is being passed over.
    passing: bool,
}

impl LineSplitter {
    /// A splitter for lines of at most `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, buffer: BytesMut::new(), searched: 0, passing: false }
    }

    /// Takes the next bytes of the body. Take the lines they end with [`next_line`](Self::next_line) before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line that has ended.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return self.give_up_on_long();
            };
            let mut line = self.buffer.split_to(self.searched + end + 1);
            self.searched = 0;
            line.truncate(line.len() - 1);
            if let Some(line) = self.line(line) {
                return Some(line);
            }
        }
    }

    /// The last line, if it had no end.
    pub fn last_line(&mut self) -> Option<Line> {
        let line = self.buffer.split();
        self.searched = 0;
        self.line(line)
    }

    fn line(&mut self, mut line: BytesMut) -> Option<Line> {
        if std::mem::take(&mut self.passing) {
            return None;
        }
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        if line.len() > self.max {
            line.truncate(KEPT);
            return Some(Line::TooLong(line.freeze()));
        }
        Some(Line::Whole(line.freeze()))
    }

    fn give_up_on_long(&mut self) -> Option<Line> {
        // One more than the maximum, since a CR may still turn out to end the line.
        if self.buffer.len() <= self.max + 1 {
            return None;
        }
        let mut line = self.buffer.split();
        self.searched = 0;
        if std::mem::replace(&mut self.passing, true) {
            return None;
        }
        line.truncate(KEPT);
        Some(Line::TooLong(line.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_in_pieces(body: &[u8], cuts: &[usize], max: usize) -> Vec<Line> {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        cuts.push(body.len());
        cuts.sort_unstable();
        let (mut splitter, mut lines, mut from) = (LineSplitter::new(max), Vec::new(), 0);
        for cut in cuts {
            splitter.push(&body[from..cut]);
            from = cut;
            while let Some(line) = splitter.next_line() {
                lines.push(line);
            }
        }
        lines.extend(splitter.last_line());
        lines
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_end_with_lf_crlf_or_the_body() {
        let lines = lines_in_pieces(b"a\nb\r\n\r\n  \n\nc d", &[], 10);
        assert_eq!(lines, [whole("a"), whole("b"), whole("c d")]);
        assert_eq!(lines_in_pieces(b"", &[], 10), []);
    }

    #[test]
    fn a_line_too_long_costs_no_other_line() {
        let body = [&b"first\n"[..], &[b'x'; 10_000], b"\nlast"].concat();
        for cuts in [vec![], (0..body.len()).step_by(700).collect()] {
            let lines = lines_in_pieces(&body, &cuts, 100);
            assert_eq!(lines.len(), 3);
            assert_eq!((&lines[0], &lines[2]), (&whole("first"), &whole("last")));
            assert!(matches!(&lines[1], Line::TooLong(kept) if kept.len() <= KEPT));
        }
        assert_eq!(lines_in_pieces(b"0123456789\r\n", &[], 10), [whole("0123456789")]);
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut splitter = LineSplitter::new(100);
        let mut found = 0;
        for _ in 0..1000 {
            splitter.push(&[b'x'; 1000]);
            while splitter.next_line().is_some() {
                found += 1;
            }
            assert!(splitter.buffer.len() < 2000);
        }
        assert_eq!(found, 1);
        assert_eq!(splitter.last_line(), None);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces(
            body in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
            cuts in prop::collection::vec(any::<usize>(), 0..10),
        ) {
            // What is kept of a line too long may depend on the pieces, not that and where it is.
            let shape = |lines: Vec<Line>| -> Vec<Option<Bytes>> {
                lines.into_iter().map(|line| match line {
                    Line::Whole(line) => Some(line),
                    Line::TooLong(_) => None,
                }).collect()
            };
            prop_assert_eq!(
                shape(lines_in_pieces(&body, &cuts, 20)),
                shape(lines_in_pieces(&body, &[], 20)),
            );
        }
    }
}
