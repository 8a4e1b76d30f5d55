//! Dates of birth, other dates, and ages above 89.
//!
//! A date counts as a date of birth when a word such as `born` stands before it. No clock is asked: a year from 1900 to
//! 2049 may be one of a living person.

use std::ops::Range;

use super::check::is_date;
use super::{Plain, Probe};
use crate::context::Words;
use crate::{Entity, boundary, context, digits};

pub(super) const PROBES: &[Probe] = &[
    Probe { entity: Entity::DateOfBirth, name: "date-of-birth", lengths: 1..=8, plain: may_be_date, find: birth },
    Probe { entity: Entity::Date, name: "date", lengths: 1..=4, plain: may_be_date, find: any },
    Probe { entity: Entity::AgeOver89, name: "age-over-89", lengths: 2..=3, plain: may_be_age, find: age },
];

#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "born", "dob", "d.o.b", "birth", "birthday", "birthdate", "birth date", "date of birth", "dateofbirth", "geb",
    "geboren", "geburtsdatum", "geburtstag", "né", "née", "naissance", "date de naissance", "nacido", "nacida", "nacimiento",
    "nato", "nata", "nascita", "data di nascita", "nascido", "nascida", "nascimento", "geboortedatum", "geboren op",
    "född", "födelsedatum", "født", "fødselsdato", "syntynyt", "syntymäaika", "urodzony", "urodzona", "urodzenia",
    "narozen", "narozena", "narození", "doğum", "γεννήθηκε", "родился", "родилась", "рождения", "Родился", "Родилась", "Né", "Née", "出生", "生年月日", "생년월일",
]);

static AGES: Words = Words::new(&["age", "aged", "alter", "âge", "edad"]);

/// The first letters of the months in English, German, French, Spanish, Italian, Portuguese and Dutch, January first.
#[rustfmt::skip]
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "januar", "janvier", "enero", "gennaio", "janeiro", "januari"],
    &["february", "feb", "februar", "février", "febrero", "febbraio", "fevereiro", "februari"],
    &["march", "mar", "märz", "mars", "marzo", "março", "maart"],
    &["april", "apr", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "maio", "mei"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "jul", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "aug", "août", "agosto", "augustus"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "setembro"],
    &["october", "oct", "oktober", "octobre", "octubre", "ottobre", "outubro", "okt"],
    &["november", "nov", "novembre", "noviembre", "novembro"],
    &["december", "dec", "dezember", "décembre", "diciembre", "dicembre", "dezembro", "dez"],
];

/// Bytes of the longest month's name.
const MONTH_BYTES_MAX: usize = 10;

fn birth(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<(Range<usize>, f32)> {
    let span = date(bytes, token, floor)?;
    let named = context::mentioned(bytes, &(span.start..span.start), label(bytes, span.start), 0, &WORDS);
    named.then_some((span, 0.85))
}

/// How far before `start` a word counts: to the beginning of its line, or of the line above where that ends with a colon
/// and nothing stands between.
fn label(bytes: &[u8], start: usize) -> usize {
    let before = &bytes[start.saturating_sub(40)..start];
    let line = |text: &[u8]| text.iter().rev().take_while(|&&byte| byte != b'\n').count();
    let own = line(before);
    let above = before[..before.len() - own].strip_suffix(b"\n");
    match above {
        Some(above) if above.ends_with(b":") && before[before.len() - own..].trim_ascii().is_empty() => {
            own + 1 + line(above)
        }
        _ => own,
    }
}

fn any(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<(Range<usize>, f32)> {
    date(bytes, token, floor).map(|span| (span, 0.7))
}

/// What joins day, month and year, or a month's name on either side of the day.
fn may_be_date(number: &Plain) -> bool {
    let Plain { bytes, start, end } = *number;
    let short = number.length() <= 2;
    let free = !number.tied_before(b".:/-,");
    match number.behind() {
        joint @ (b'-' | b'/' | b'.') if number.tied_after(&[joint]) => {
            let second = digits::run_end_within(bytes, end + 1, 5);
            free && bytes.get(second) == Some(&joint)
        }
        b'.' => free && short && matches!(bytes.get(end + 1), Some(b' ' | b'-')),
        b'-' => free && short && number.letter_beyond(),
        b' ' if short && free && number.letter_beyond() => true,
        b' ' | b',' => {
            let name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'.' || byte >= 0x80;
            short && number.before() == b' ' && start > 1 && name(bytes[start - 2])
        }
        _ => false,
    }
}

/// A date whose first digits are `token`.
fn date(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<Range<usize>> {
    // `12th`, `3rd`
    let first_end = digits::run_end_within(bytes, token.start, 9);
    let first = token.start..first_end;
    if first.is_empty() {
        return None;
    }
    let span =
        numeric(bytes, &first).or_else(|| day_first(bytes, &first)).or_else(|| month_first(bytes, &first, floor))?;
    let tied = boundary::word_before(bytes, span.start)
        || boundary::word_after(bytes, span.end)
        || boundary::tied_before(bytes, span.start, b".:/-,")
        || boundary::tied_after(bytes, span.end, b".:/-");
    (!tied).then_some(span)
}

fn value(bytes: &[u8], span: &Range<usize>) -> u64 {
    bytes[span.clone()].iter().fold(0, |value, digit| 10 * value + u64::from(digit - b'0'))
}

/// A year written with two digits, or with four of the last century and this one.
fn year(bytes: &[u8], span: &Range<usize>) -> Option<u64> {
    let year = value(bytes, span);
    match span.len() {
        2 => Some(if year < 50 { 2000 + year } else { 1900 + year }),
        4 => Some(year).filter(|year| (1900..2050).contains(year)),
        _ => None,
    }
}

/// `1985-03-12`, `12/03/1985`, `3.12.85`, `1985年3月12日`.
fn numeric(bytes: &[u8], first: &Range<usize>) -> Option<Range<usize>> {
    let (gap, second) = next(bytes, first.end)?;
    let (other_gap, third) = next(bytes, second.end)?;
    let (last, dated) = match (first.len(), gap) {
        (4, "年") if other_gap == "月" => (third.end + 3, true),
        (4, "-" | "/" | ".") if gap == other_gap => (third.end, true),
        (1 | 2, "-" | "/" | "." | ". ") if gap == other_gap => (third.end, false),
        _ => return None,
    };
    if dated {
        let year = year(bytes, first)?;
        let day = third.len() <= 2 && is_date(year, value(bytes, &second), value(bytes, &third));
        return (day && last <= bytes.len() && (gap != "年" || bytes[third.end..last] == *"日".as_bytes()))
            .then_some(first.start..last);
    }
    let year = year(bytes, &third)?;
    let (a, b) = (value(bytes, first), value(bytes, &second));
    (second.len() <= 2 && (is_date(year, b, a) || is_date(year, a, b))).then_some(first.start..last)
}

/// The separator at `at` and the digits behind it.
fn next(bytes: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    let gap = ["-", "/", ". ", ".", "年", "月"].into_iter().find(|gap| bytes[at..].starts_with(gap.as_bytes()))?;
    let start = at + gap.len();
    let end = digits::run_end_within(bytes, start, 5);
    (1..=4).contains(&(end - start)).then_some((gap, start..end))
}

/// `12 March 1985`, `12th of March, 1985`, `12. März 1985`, `12-Mar-1985`.
fn day_first(bytes: &[u8], day: &Range<usize>) -> Option<Range<usize>> {
    if day.len() > 2 {
        return None;
    }
    let mut at = after(bytes, day.end, &["st", "nd", "rd", "th", ".", "er", "º"]);
    at = one(bytes, at, &[" de ", " of ", " ", "-"])?;
    let name = at..at + letters(bytes[at..].iter());
    at = after(bytes, name.end, &["."]);
    at = one(bytes, at, &[", ", " de ", " del ", " ", "-"])?;
    let (year, end) = written_year(bytes, at)?;
    is_date(year, month(&bytes[name])?, value(bytes, day)).then_some(day.start..end)
}

/// `March 12, 1985`, `Mar. 12th 1985`.
fn month_first(bytes: &[u8], day: &Range<usize>, floor: usize) -> Option<Range<usize>> {
    if day.len() > 2 {
        return None;
    }
    let at = after(bytes, day.end, &["st", "nd", "rd", "th"]);
    let at = one(bytes, at, &[", ", " ", ","])?;
    let (year, end) = written_year(bytes, at)?;
    let before = bytes[floor..day.start].strip_suffix(b" ")?;
    let before = before.strip_suffix(b".").unwrap_or(before);
    let name = before.len() - letters(before.iter().rev())..before.len();
    let start = floor + name.start;
    is_date(year, month(&before[name])?, value(bytes, day)).then_some(start..end)
}

/// Four digits of a year and where they end.
fn written_year(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let end = digits::run_end_within(bytes, at, 5);
    let year = year(bytes, &(at..end)).filter(|_| end - at == 4)?;
    Some((year, end))
}

/// How many bytes of letters begin here, no more than any month has.
fn letters<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take(MONTH_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80).count()
}

/// Which month has this name.
fn month(name: &[u8]) -> Option<u64> {
    let has_name = |names: &&[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    MONTHS.iter().position(has_name).map(|index| index as u64 + 1)
}

fn after(bytes: &[u8], at: usize, endings: &[&str]) -> usize {
    endings.iter().find(|ending| bytes[at..].starts_with(ending.as_bytes())).map_or(at, |ending| at + ending.len())
}

fn one(bytes: &[u8], at: usize, gaps: &[&str]) -> Option<usize> {
    gaps.iter().find(|gap| bytes[at..].starts_with(gap.as_bytes())).map(|gap| at + gap.len())
}

fn may_be_age(number: &Plain) -> bool {
    number.value().is_some_and(|value| (90..=125).contains(&value))
        && !number.tied_before(b".,-/")
        && !number.tied_after(b".,-/")
}

/// `93 years old`, `93-year-old`, `aged 93`, `age: 101`.
fn age(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let end = digits::run_end_within(bytes, token.start, 4);
    let span = token.start..end;
    let rest = &bytes[end..];
    let years = [&b" years old"[..], b" year old", b"-year-old", b" years of age", b" yo ", b"yo "]
        .iter()
        .any(|unit| rest.starts_with(unit));
    let old = end == token.end
        && (90..=125).contains(&value(bytes, &span))
        && !boundary::tied_before(bytes, span.start, b".,-/")
        && !boundary::word_before(bytes, span.start)
        && !boundary::tied_after(bytes, end, b".,-/");
    (old && (years || context::announced(bytes, span.start, &AGES))).then_some((span, 0.8))
}
