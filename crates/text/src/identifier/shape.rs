//! How identifiers are written, as pictures: `999-99-9999`, `AA999999A`, `XXXX-XXX-XXXX`.
//!
//! `9` is a digit, `A` a letter, `X` either of them, anything else a separator. Groups are whole: `999` is three digits
//! with no fourth beside them. The pictures of all rules make one tree whose edges are groups, so however many rules
//! there are, text is read once and only as far as some picture goes on. A picture is of digits and letters or of `X`
//! throughout; a text is read in both ways.
//!
//! A space stands for a no-break space too, and a hyphen for the two hyphens of Unicode.

use std::ops::Range;

use super::Rule;

/// Symbols of the longest picture.
const SYMBOLS_MAX: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digits,
    Letters,
    Either,
    /// Only a separator: the closing parenthesis of `A999999(9)`.
    Nothing,
}

/// What stands between groups when nothing does.
const TOGETHER: u8 = 0;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Group {
    /// The separator before the group.
    gap: u8,
    kind: Kind,
    length: u8,
}

#[derive(Default)]
struct Node {
    next: Vec<(Group, usize)>,
    /// Rules of which a picture ends here, and whether it counts by itself.
    ends: Vec<(u16, bool)>,
}

/// The pictures of some rules, as a tree.
pub(super) struct Shapes {
    nodes: Vec<Node>,
    /// First groups, by kind and length, so that most words are dismissed by one look: a node, or 0.
    first: [[usize; SYMBOLS_MAX + 1]; 3],
    /// What may stand behind a first group of digits, and of digits read as [`Kind::Either`]: by its length and the
    /// separator, one bit for each second group.
    second: [[[u128; GAPS.len()]; SYMBOLS_MAX + 1]; 2],
}

/// Every separator of a picture.
const GAPS: [u8; 9] = [TOGETHER, b' ', b'-', b'.', b'/', b'(', b')', b'+', b':'];

/// The bit of a group in [`Shapes::second`].
const fn bit(kind: usize, length: usize) -> u128 {
    match kind {
        0 | 2 => 1 << length,
        1 => 1 << (SYMBOLS_MAX + 2 + length),
        _ => 1 << 127,
    }
}

/// One reading of a text.
pub(super) struct Written {
    pub(super) span: Range<usize>,
    symbols: [u8; SYMBOLS_MAX],
    count: usize,
    /// Written in groups that spaces separate.
    pub(super) spaced: bool,
    /// A letter was written small.
    pub(super) lower_case: bool,
}

impl Written {
    pub(super) fn symbols(&self) -> &[u8] {
        &self.symbols[..self.count]
    }

    /// Takes in the next group, or says that it does not fit.
    fn push(&mut self, bytes: &[u8], end: usize) -> bool {
        for &byte in bytes {
            let Some(slot) = self.symbols.get_mut(self.count) else {
                return false;
            };
            *slot = if byte.is_ascii_digit() { byte - b'0' } else { byte.to_ascii_uppercase() };
            // A check digit of ten is often written as a small x.
            self.lower_case |= byte.is_ascii_lowercase() && byte != b'x';
            self.count += 1;
        }
        self.span.end = end;
        true
    }
}

impl Shapes {
    pub(super) fn new(rules: &[&Rule]) -> Self {
        let mut shapes = Self {
            nodes: vec![Node::default()],
            first: [[0; SYMBOLS_MAX + 1]; 3],
            second: [[[0; GAPS.len()]; SYMBOLS_MAX + 1]; 2],
        };
        for (index, rule) in rules.iter().enumerate() {
            for (pictures, alone) in [(rule.alone, true), (rule.named, false)] {
                for picture in pictures {
                    shapes.add(picture.as_bytes(), index as u16, alone);
                }
            }
        }
        for &(Group { kind, length, .. }, node) in &shapes.nodes[0].next {
            shapes.first[kind as usize][usize::from(length)] = node;
            let table = match kind {
                Kind::Digits => 0,
                Kind::Either => 1,
                Kind::Letters | Kind::Nothing => continue,
            };
            let row = &mut shapes.second[table][usize::from(length)];
            if !shapes.nodes[node].ends.is_empty() {
                *row = [u128::MAX; GAPS.len()];
            }
            for (Group { gap, kind, length }, _) in &shapes.nodes[node].next {
                row[place(*gap)] |= bit(*kind as usize, usize::from(*length));
            }
        }
        shapes
    }

    fn add(&mut self, picture: &[u8], rule: u16, alone: bool) {
        let mut node = 0;
        let mut at = 0;
        while at < picture.len() {
            let gap = if kind_of(picture[at]) == Kind::Nothing { picture[at] } else { TOGETHER };
            at += usize::from(gap != TOGETHER);
            let kind = picture.get(at).map_or(Kind::Nothing, |&byte| kind_of(byte));
            let length =
                picture[at..].iter().take_while(|&&byte| kind != Kind::Nothing && kind_of(byte) == kind).count();
            at += length;
            node = self.child(node, Group { gap, kind, length: length as u8 });
        }
        self.nodes[node].ends.push((rule, alone));
    }

    fn child(&mut self, node: usize, group: Group) -> usize {
        if let Some((_, child)) = self.nodes[node].next.iter().find(|(known, _)| *known == group) {
            return *child;
        }
        self.nodes.push(Node::default());
        let child = self.nodes.len() - 1;
        self.nodes[node].next.push((group, child));
        child
    }

    /// Reads the text that starts at `start`, and reports every prefix that is some rule's picture.
    pub(super) fn read(&self, bytes: &[u8], start: usize, mut report: impl FnMut(&Written, u16, bool)) {
        self.read_as(bytes, start, false, &mut report);
        self.read_as(bytes, start, true, &mut report);
    }

    /// Whether any picture can begin with the whole digits at `run`, by the first two groups.
    pub(super) fn may_begin(&self, bytes: &[u8], run: &Range<usize>) -> bool {
        let Some((digits, either)) = self.second[0].get(run.len()).zip(self.second[1].get(run.len())) else {
            return false;
        };
        let (gap, width) = gap(bytes, run.end);
        let (digits, either) = (digits[place(gap)], either[place(gap)]);
        if digits == 0 && either == 0 || digits == u128::MAX || either == u128::MAX {
            return digits != either || digits != 0;
        }
        let fits = |set: u128, as_either: bool| {
            let (kind, end) = group(bytes, run.end + width, as_either);
            set & (bit(kind, end - (run.end + width)) | bit(Kind::Nothing as usize, 0)) != 0
        };
        digits != 0 && fits(digits, false) || either != 0 && fits(either, true)
    }

    /// The next group at `at` and the node it leads to from `node`, with the separator and the bytes of the group.
    fn step(&self, node: usize, bytes: &[u8], at: usize, either: bool) -> Option<(usize, u8, Range<usize>)> {
        let node = &self.nodes[node];
        let (gap, width) = gap(bytes, at);
        if !node.next.iter().any(|(known, _)| known.gap == gap) {
            return None;
        }
        let from = at + width;
        let (kind, end) = group(bytes, from, either);
        let next = node.next.iter().find(|(known, _)| {
            known.gap == gap && known.kind as usize == kind && usize::from(known.length) == end - from
        });
        let alone = || node.next.iter().find(|(known, _)| known.gap == gap && known.kind == Kind::Nothing);
        let &(taken, child) = next.or_else(alone)?;
        Some((child, gap, from..if taken.kind == Kind::Nothing { from } else { end }))
    }

    fn read_as(&self, bytes: &[u8], start: usize, either: bool, report: &mut impl FnMut(&Written, u16, bool)) {
        let (kind, end) = group(bytes, start, either);
        let mut node = match self.first[kind.min(Kind::Either as usize)].get(end - start) {
            Some(&node) if node != 0 => node,
            _ => return,
        };
        let mut written =
            Written { span: start..start, symbols: [0; SYMBOLS_MAX], count: 0, spaced: false, lower_case: false };
        if !written.push(&bytes[start..end], end) {
            return;
        }
        loop {
            for &(rule, alone) in &self.nodes[node].ends {
                report(&written, rule, alone);
            }
            let Some((child, gap, group)) = self.step(node, bytes, written.span.end, either) else {
                return;
            };
            if !written.push(&bytes[group.clone()], group.end) {
                return;
            }
            written.spaced |= gap == b' ';
            node = child;
        }
    }
}

const fn kind_of(byte: u8) -> Kind {
    match byte {
        b'9' => Kind::Digits,
        b'A' => Kind::Letters,
        b'X' => Kind::Either,
        _ => Kind::Nothing,
    }
}

/// The whole group at `start`, looked at no further than any picture goes: its kind and its end.
fn group(bytes: &[u8], start: usize, either: bool) -> (usize, usize) {
    let rest = bytes.get(start..).unwrap_or_default();
    let run =
        |belongs: fn(&u8) -> bool| start + rest.iter().take(SYMBOLS_MAX + 1).take_while(|byte| belongs(byte)).count();
    match rest.first() {
        Some(byte) if either && byte.is_ascii_alphanumeric() => (Kind::Either as usize, run(u8::is_ascii_alphanumeric)),
        Some(byte) if byte.is_ascii_digit() => (Kind::Digits as usize, run(u8::is_ascii_digit)),
        Some(byte) if byte.is_ascii_alphabetic() => (Kind::Letters as usize, run(u8::is_ascii_alphabetic)),
        _ => (Kind::Nothing as usize, start),
    }
}

/// Which of [`GAPS`] a separator is.
fn place(gap: u8) -> usize {
    GAPS.iter().position(|known| *known == gap).unwrap_or_default()
}

/// The separator at `at` and its width.
fn gap(bytes: &[u8], at: usize) -> (u8, usize) {
    match &bytes[at.min(bytes.len())..] {
        [0xc2, 0xa0, ..] => (b' ', 2),
        [0xe2, 0x80, 0x90 | 0x91, ..] => (b'-', 3),
        [byte @ (b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+' | b':'), ..] => (*byte, 1),
        _ => (TOGETHER, 0),
    }
}
