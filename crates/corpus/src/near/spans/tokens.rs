//! Texts as tokens that can be compared one by one, with their places.

use std::ops::Range;

use privet_dedup::{Placed, Windows, normalise};

use super::method::{Level, Units};
use crate::cells::Cell;
use crate::dedup::digest;

/// Space that is used again and again.
#[derive(Default)]
pub(super) struct Tokens {
    placed: Placed,
    /// Per token that is a whole paragraph or line: the bytes that go when it does.
    cuts: Vec<Range<usize>>,
    normalised: String,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its bytes.
    pub(super) bytes: Range<usize>,
    /// The bytes that go when it does.
    pub(super) cut: Range<usize>,
}

impl Level {
    /// The windows of tokens that are compared.
    pub(super) fn windows(self) -> Windows {
        match self {
            Self::Words(words) => Windows::new(words),
            Self::Paragraphs(_) | Self::Lines(_) => Windows::new(1),
        }
    }
}

impl Tokens {
    /// The tokens of a text with one space between two, without their places.
    pub(super) fn joined(&mut self, level: Level, text: &str) -> &str {
        if let Level::Words(_) = level {
            normalise(text, &mut self.normalised);
            return &self.normalised;
        }
        self.read(level, text);
        self.placed.tokens()
    }

    /// The tokens of a text with their places; how many there are.
    pub(super) fn read(&mut self, level: Level, text: &str) -> usize {
        match level {
            Level::Words(_) => self.placed.read(text),
            Level::Lines(units) => {
                let each = lines(text).map(|(content, whole)| Stretch { bytes: content, cut: whole });
                self.units(text, units, each);
            }
            Level::Paragraphs(units) => self.units(text, units, paragraphs(text).into_iter()),
        }
        self.placed.len()
    }

    fn units(&mut self, text: &str, units: Units, each: impl Iterator<Item = Stretch>) {
        self.placed.clear();
        self.cuts.clear();
        for unit in each {
            let content = &text[unit.bytes.clone()];
            normalise(content, &mut self.normalised);
            if self.normalised.split_ascii_whitespace().count() < units.words_min.max(1) {
                continue;
            }
            let of_it = if units.normalised {
                digest(&self.normalised)
            } else {
                // Whichever way its lines end, it is the same.
                let lines: Vec<&str> = lines(content).map(|(line, _)| &content[line]).collect();
                digest(&lines.join("\n"))
            };
            self.placed.push(&blake3::Hash::from_bytes(of_it).to_hex(), unit.bytes);
            self.cuts.push(unit.cut);
        }
    }

    /// Where some tokens of the text that was read last stand.
    pub(super) fn stretch(&self, level: Level, tokens: Range<usize>) -> Option<Stretch> {
        let bytes = self.placed.bytes(tokens.clone())?;
        let cut = match level {
            Level::Words(_) => bytes.clone(),
            Level::Paragraphs(_) | Level::Lines(_) => self.cuts[tokens.start].clone(),
        };
        Some(Stretch { bytes, cut })
    }
}

/// Lines: what is in each, and that with its end.
fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let whole = start..start + line.len();
        start = whole.end;
        let bare = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        (whole.start..whole.start + bare.len(), whole)
    })
}

/// Paragraphs: what is in each, and that with its end and the blank lines behind it.
fn paragraphs(text: &str) -> Vec<Stretch> {
    let mut paragraphs: Vec<Stretch> = Vec::new();
    let mut open = false;
    for (content, whole) in lines(text) {
        let blank = text[content.clone()].trim().is_empty();
        match paragraphs.last_mut() {
            Some(last) if blank || open => {
                last.cut.end = whole.end;
                if !blank {
                    last.bytes.end = content.end;
                }
            }
            _ if !blank => paragraphs.push(Stretch { bytes: content, cut: whole }),
            _ => {}
        }
        open = !blank;
    }
    paragraphs
}

/// The slots of a row's texts, by their places.
pub(super) fn in_places(cells: &[Cell]) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = cells.iter().filter(|cell| cell.slot.is_some()).collect();
    cells.sort_by_key(|cell| (cell.selector, &cell.at));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_paragraphs_lie_where_they_are_seen() {
        let shown = |text: &str, ranges: Vec<Range<usize>>| {
            ranges.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        let text = "\r\na b\r\n \nc\nd\n\t\n\ne";
        let (contents, wholes): (Vec<_>, Vec<_>) = lines(text).unzip();
        assert_eq!(shown(text, contents), ["", "a b", " ", "c", "d", "\t", "", "e"]);
        assert_eq!(shown(text, wholes).concat(), text);
        let found = paragraphs(text);
        let (bytes, cuts) = found.into_iter().map(|found| (found.bytes, found.cut)).unzip();
        assert_eq!(shown(text, bytes), ["a b", "c\nd", "e"]);
        assert_eq!(shown(text, cuts), ["a b\r\n \n", "c\nd\n\t\n\n", "e"]);
        assert!(paragraphs("").is_empty() && paragraphs(" \n\r\n").is_empty());
    }

    #[test]
    fn tokens_of_units_are_equal_when_these_are() {
        let of = |level: Level, text: &str| {
            let mut tokens = Tokens::default();
            let joined = tokens.joined(level, text).to_owned();
            joined.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let units = |normalised| Units { normalised, words_min: 2 };
        let [one, other] = [
            of(Level::Paragraphs(units(false)), "a b\r\nc\r\n\r\n}\n\na b\nc"),
            of(Level::Lines(units(false)), "a b\nA b\n--- a\r\na b\r\n"),
        ];
        assert!(one.len() == 2 && one[0] == one[1], "{one:?}");
        assert!(other.len() == 3 && other[0] == other[2] && other[0] != other[1], "{other:?}");
        let normalised = of(Level::Lines(units(true)), "a b\n A,B\n");
        assert!(normalised.len() == 2 && normalised[0] == normalised[1]);
    }
}
