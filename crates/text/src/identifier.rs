//! Numbers and codes that states, banks and makers give to people and their things.
//!
//! All of them contain a digit, so one pass over the runs of digits finds the candidates of every kind: the word around
//! the run, or what begins with the letters before it, is read against the pictures of all enabled rules at once
//! ([`shape`]). A rule's check (check digits, dates, tables) decides first. Then either the written form speaks for
//! itself, or a word of the rule's must stand nearby ([`vocabulary`]); and a number that another word announces, such
//! as `invoice`, needs such a word in any case. What no picture can describe has a [`Probe`].

use std::ops::{Range, RangeInclusive};

use crate::context::Words;
use crate::finding::Rule as Name;
use crate::{Entity, Finding, Recognizer, boundary, context, digits};

mod check;
mod plain;
mod shape;
mod vocabulary;

mod asia;
mod british;
mod coordinates;
mod crypto;
mod date;
mod devices;
mod europe_east;
mod europe_north;
mod europe_south;
mod europe_west;
mod hardware;
mod latin_america;
mod one_time;
mod united_states;
mod world;

use plain::Plain;
use shape::{Shapes, Written};
use vocabulary::{Near, Vocabulary};

/// One kind of identifier: how it is written, what makes it valid, which words announce it.
pub(crate) struct Rule {
    entity: Entity,
    /// Cited by findings.
    name: &'static str,
    /// Pictures that count by themselves, see [`shape`].
    alone: &'static [&'static str],
    /// Pictures that need one of `words` nearby.
    named: &'static [&'static str],
    /// Takes the symbols without separators: a digit as its value, a letter as its upper-case ASCII code.
    check: fn(&[u8]) -> bool,
    words: &'static [&'static str],
}

/// Where something stands and how sure that is.
type Hit = (Range<usize>, f32);

/// What no picture can describe: looks at the word `token`, which holds a digit, and its surroundings.
///
/// Must look at a bounded number of bytes. Nothing before `floor`, where the last finding ended, is its business.
pub(crate) struct Probe {
    entity: Entity,
    /// Cited by findings.
    name: &'static str,
    /// Lengths of a word worth a look.
    lengths: RangeInclusive<usize>,
    /// Whether `find` can find anything at a word that is a plain number: what it needs of the bytes beside it.
    plain: fn(&Plain) -> bool,
    find: fn(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<Hit>,
}

const RULES: &[&[Rule]] = &[
    united_states::RULES,
    british::RULES,
    europe_west::RULES,
    europe_north::RULES,
    europe_south::RULES,
    europe_east::RULES,
    latin_america::RULES,
    asia::RULES,
    world::RULES,
    devices::RULES,
];

const PROBES: &[&[Probe]] = &[crypto::PROBES, hardware::PROBES, coordinates::PROBES, date::PROBES, one_time::PROBES];

/// Words that announce a number of another kind.
#[rustfmt::skip]
static OTHER_WORDS: Words = Words::new(&[
    "version", "ver", "v", "isbn", "isbn-10", "isbn-13", "issn", "doi", "order", "order no", "order number",
    "order id", "invoice", "invoice no", "invoice number", "sha", "sha1", "sha256", "md5", "hash", "commit", "rev",
    "revision", "build", "page", "pages", "pp", "chapter", "section", "figure", "table", "line", "lines", "ticket",
    "issue", "case", "case no", "bug", "pr", "part", "part no", "part number", "sku", "model", "model no", "serial",
    "serial no", "serial number", "s/n", "tracking", "tracking number", "ean", "upc", "gtin", "asin", "timestamp",
    "epoch", "port", "pid", "batch", "lot", "ref", "rfc", "item", "request", "request id", "trace", "session",
    "uuid", "guid", "article", "row", "size", "bytes", "offset", "seed",
]);

/// Confidence of a form that speaks for itself, of one with a word nearby, and of one with a word close by.
const ALONE: f32 = 0.85;
const NAMED: f32 = 0.9;
const NAMED_CLOSELY: f32 = 0.95;

/// Bytes of a word at which nothing in the tables looks any more.
const TOKEN_BYTES_MAX: usize = 80;

/// Letters that stand before the digits of one identifier, as in `AB 12 34 56 C`.
const LETTERS_MAX: usize = 6;

/// Finds the identifiers of many kinds in one pass.
pub(crate) struct Identifiers {
    entities: Vec<Entity>,
    rules: Vec<&'static Rule>,
    probes: Vec<&'static Probe>,
    shapes: Shapes,
    vocabulary: Vocabulary,
}

impl Identifiers {
    /// `None` when the tables have nothing for any of `entities`.
    pub(crate) fn new(entities: &[Entity]) -> Option<Self> {
        let rules: Vec<_> = RULES.iter().copied().flatten().filter(|rule| entities.contains(&rule.entity)).collect();
        let probes: Vec<_> =
            PROBES.iter().copied().flatten().filter(|probe| entities.contains(&probe.entity)).collect();
        let mut found: Vec<_> =
            rules.iter().map(|rule| rule.entity).chain(probes.iter().map(|probe| probe.entity)).collect();
        found.sort();
        found.dedup();
        let (shapes, vocabulary) = (Shapes::new(&rules), Vocabulary::new(&rules));
        (!found.is_empty()).then_some(Self { entities: found, rules, probes, shapes, vocabulary })
    }
}

impl Recognizer for Identifiers {
    fn entities(&self) -> &[Entity] {
        &self.entities
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        self.walk(text.as_bytes(), &(0..text.len()), out);
    }

    fn find_within(&self, text: &str, windows: &[Range<usize>], out: &mut Vec<Finding>) {
        for window in windows {
            self.walk(text.as_bytes(), window, out);
        }
    }
}

impl Probe {
    /// Appends what it finds; returns where that ends.
    fn look(&self, bytes: &[u8], token: Range<usize>, floor: usize, out: &mut Vec<Finding>) -> usize {
        let Some((span, confidence)) = (self.find)(bytes, token, floor) else { return 0 };
        let end = span.end;
        out.push(finding(self.entity, self.name, span, confidence));
        end
    }
}

impl Identifiers {
    /// Appends what hangs on a digit in `within`.
    fn walk(&self, bytes: &[u8], within: &Range<usize>, out: &mut Vec<Finding>) {
        let mut floor = within.start;
        while let Some(digit) = digits::next_digit(bytes, floor).filter(|&digit| digit < within.end) {
            if let Some(plain) = Plain::at(bytes, digit) {
                floor = plain.end.max(self.find_plain(&plain, floor, out));
                continue;
            }
            let token = token_around(bytes, digit, floor);
            let mut end = token.end;
            if token.len() <= TOKEN_BYTES_MAX {
                end = end.max(self.find_at(bytes, &token, floor, out));
            }
            floor = end;
        }
    }

    /// The same as [`Self::find_at`] for a plain number, by looks that the few bytes around it leave: none at most numbers of
    /// a table or an array.
    fn find_plain(&self, plain: &Plain, floor: usize, out: &mut Vec<Finding>) -> usize {
        let Plain { bytes, start, end } = *plain;
        let mut last = 0;
        if self.shapes.may_begin(bytes, &(start..end)) && begins_freely(bytes, start) {
            last = self.read(bytes, [Some(start), None], out);
        }
        for probe in self.probes.iter().filter(|probe| probe.lengths.contains(&(end - start)) && (probe.plain)(plain)) {
            last = last.max(probe.look(bytes, start..end, floor, out));
        }
        last
    }

    /// Appends what begins in `token` or with the letters before it; returns where the longest of it ends.
    fn find_at(&self, bytes: &[u8], token: &Range<usize>, floor: usize, out: &mut Vec<Finding>) -> usize {
        let starts = [letters_before(bytes, token.start, floor), Some(token.start)];
        let mut end = self.read(bytes, starts.map(|start| start.filter(|&start| begins_freely(bytes, start))), out);
        for probe in self.probes.iter().filter(|probe| probe.lengths.contains(&token.len())) {
            end = end.max(probe.look(bytes, token.clone(), floor, out));
        }
        end
    }

    /// Appends what is written at these starts as a picture shows it; returns where the longest of it ends.
    fn read(&self, bytes: &[u8], starts: [Option<usize>; 2], out: &mut Vec<Finding>) -> usize {
        let (mut end, mut seen) = (0, None);
        for start in starts.into_iter().flatten() {
            self.shapes.read(bytes, start, |written, rule, alone| {
                let rule = self.rules[usize::from(rule)];
                if let Some(confidence) = self.judge(bytes, written, rule, alone, &mut seen) {
                    end = end.max(written.span.end);
                    out.push(finding(rule.entity, rule.name, written.span.clone(), confidence));
                }
            });
        }
        end
    }

    /// `seen` is what stands near the span that was judged last: rules of one picture share it.
    fn judge(
        &self,
        bytes: &[u8],
        written: &Written,
        rule: &Rule,
        alone: bool,
        seen: &mut Option<(Range<usize>, Near)>,
    ) -> Option<f32> {
        let span = &written.span;
        if !(rule.check)(written.symbols()) || !ends_freely(bytes, written) {
            return None;
        }
        let near = match seen {
            Some((known, near)) if known == span => *near,
            _ => seen.insert((span.clone(), self.vocabulary.near(bytes, span))).1,
        };
        if near.announces_closely(rule.entity) {
            return Some(NAMED_CLOSELY);
        }
        if near.announces(rule.entity) {
            return Some(NAMED);
        }
        let speaks = alone && !written.lower_case && !glued(bytes, span);
        (speaks && !context::announced(bytes, span.start, &OTHER_WORDS)).then_some(ALONE)
    }
}

fn finding(entity: Entity, name: &'static str, span: Range<usize>, confidence: f32) -> Finding {
    Finding { entity, span, confidence, rule: Name::built_in(name) }
}

/// The letters and digits around the digit at `digit`, nothing of them before `floor`.
fn token_around(bytes: &[u8], digit: usize, floor: usize) -> Range<usize> {
    let mut start = digit;
    while start > floor && boundary::word_before(bytes, start) && bytes[start - 1] != b'_' {
        start -= 1;
    }
    let length = bytes[digit..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    start..digit + length
}

/// Where the letters that stand before `at`, over one space or hyphen, begin.
fn letters_before(bytes: &[u8], at: usize, floor: usize) -> Option<usize> {
    let end = at.checked_sub(1).filter(|&end| end > floor && matches!(bytes[end], b' ' | b'-'))?;
    let letters = bytes[floor..end].iter().rev().take(LETTERS_MAX + 1).take_while(|byte| byte.is_ascii_uppercase());
    let length = letters.count();
    (1..=LETTERS_MAX).contains(&length).then_some(end - length)
}

/// Whether an identifier may begin at `start`: no letter or digit runs into it, directly or over punctuation.
fn begins_freely(bytes: &[u8], start: usize) -> bool {
    let joined = |joiner: u8| start > 1 && bytes[start - 1] == joiner && boundary::is_word(bytes[start - 2]);
    !(boundary::word_before(bytes, start)
        || boundary::tied_before(bytes, start, b".:/")
        || joined(b'-')
        || matches!(start.checked_sub(1).map(|before| bytes[before]), Some(b'+' | b'$' | b'%')))
}

/// Whether nothing after the end belongs to the same number.
fn ends_freely(bytes: &[u8], written: &Written) -> bool {
    let end = written.span.end;
    let joined = |joiner: u8| bytes.get(end) == Some(&joiner) && boundary::word_after(bytes, end + 1);
    !(boundary::word_after(bytes, end)
        || boundary::tied_after(bytes, end, b".:/")
        || joined(b'-')
        || bytes.get(end) == Some(&b'%')
        // Groups that go on before or after: a part of some longer number.
        || written.spaced
            && (boundary::tied_after(bytes, end, b" ") || boundary::tied_before(bytes, written.span.start, b" ")))
}

/// Whether the text around a bare form makes it a part of a path, a query, an operation or a list of numbers.
fn glued(bytes: &[u8], span: &Range<usize>) -> bool {
    let before = span.start.checked_sub(1).map(|before| bytes[before]);
    matches!(before, Some(b'/' | b'#' | b'=' | b'@' | b'~' | b'^' | b'\\' | b'&' | b'?'))
        || matches!(bytes.get(span.end), Some(b'/' | b'='))
        || boundary::tied_before(bytes, span.start, b",")
        || boundary::tied_after(bytes, span.end, b",")
}

#[cfg(test)]
mod tests;
