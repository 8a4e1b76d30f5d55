//! Telephone numbers from the ranges that regulators keep for film and fiction, and elsewhere from codes that no
//! country has.

use super::Draw;
use crate::Entity;

/// What stands between groups of digits.
const SEPARATORS: &[char] = &['+', ' ', '(', ')', '-', '.', '/', '\u{a0}', '\u{2010}', '\u{2011}', '\u{202f}'];

const EXTENSION_WORDS: [&str; 5] = ["extension", "ext.", "ext", "x", "#"];

/// A country code, the prefixes reserved in it, and how long a national number with one of them is.
struct Plan {
    code: &'static str,
    prefixes: &'static [&'static str],
    national: usize,
}

#[rustfmt::skip]
const PLANS: &[Plan] = &[
    // Ofcom, telephone numbers for use in TV and radio drama programmes
    Plan { code: "44", national: 10, prefixes: &[
        "1134960", "1144960", "1154960", "1164960", "1174960", "1184960", "1214960", "1314960", "1414960",
        "1514960", "1614960", "2079460", "1914980", "2896496", "2920180", "1632960", "7700900", "8081570",
        "3069990",
    ] },
    // ARCEP, decision 2018-0881, annex 1
    Plan { code: "33", national: 9, prefixes: &["19900", "26191", "35301", "46571", "53649", "63998"] },
    // ACMA, numbers for use in radio, books and film
    Plan { code: "61", national: 9, prefixes: &[
        "25550", "27010", "35550", "37010", "75550", "77010", "85550", "87010",
    ] },
    // Bundesnetzagentur, Rufnummern für Filme
    Plan { code: "49", national: 10, prefixes: &["3023125", "6990009", "4066969", "2214710", "8999998"] },
    // PTS, telefonnummer för användning i böcker och filmer
    Plan { code: "46", national: 9, prefixes: &["3139006", "4062804", "8465004"] },
];

/// A code that ITU-T has not assigned, as dialled from most countries.
const UNASSIGNED: &str = "999";
const EXIT: &str = "00";

pub(super) fn make(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    let number = read(value)?;
    let mut made = reserved(&number, draw).unwrap_or_else(|| {
        let prefix = if number.plus { UNASSIGNED.to_owned() } else { [EXIT, UNASSIGNED].concat() };
        filled(prefix, number.digits.len(), draw)
    });
    if made.len() != number.digits.len() {
        return None;
    }
    made.extend((0..number.extension.len()).map(|_| char::from(draw.digit())));
    let mut made = made.chars();
    Some(value.chars().map(|c| if c.is_ascii_digit() { made.next().unwrap_or(c) } else { c }).collect())
}

pub(super) fn is(value: &str) -> bool {
    let Some(number) = read(value) else { return false };
    let digits = number.digits.as_str();
    if let Some((_, rest)) = number.international() {
        if rest.starts_with(UNASSIGNED) {
            return true;
        }
        let fits = |(plan, _, national): (&Plan, bool, &str)| plan.prefixes.iter().any(|p| national.starts_with(p));
        return plan_of(rest).map_or_else(|| rest.strip_prefix('1').is_some_and(is_north_american), fits);
    }
    match digits.len() {
        7 => digits.starts_with("55501"),
        11 => digits.strip_prefix('1').is_some_and(is_north_american),
        _ => is_north_american(digits),
    }
}

/// A number as written.
struct Number {
    plus: bool,
    digits: String,
    extension: String,
}

/// Reads a value that is written as a number, and nothing that is merged from more.
fn read(value: &str) -> Option<Number> {
    let start = value.find(|c: char| c.is_ascii_alphabetic() || c == '#').unwrap_or(value.len());
    let (main, extension) = value.split_at(start);
    let extension = match extension.to_ascii_lowercase() {
        none if none.is_empty() => String::new(),
        written => {
            let digits = EXTENSION_WORDS.iter().find_map(|word| written.strip_prefix(word))?;
            digits.strip_prefix(' ').unwrap_or(digits).to_owned()
        }
    };
    let known = main.chars().all(|c| c.is_ascii_digit() || SEPARATORS.contains(&c));
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    (known && digits.len() >= 7 && extension.bytes().all(|byte| byte.is_ascii_digit())).then_some(Number {
        plus: main.contains('+'),
        digits,
        extension,
    })
}

impl Number {
    /// The exit code as written, and what follows it, country code first.
    fn international(&self) -> Option<(&str, &str)> {
        if self.plus { Some(("", &self.digits)) } else { self.digits.strip_prefix(EXIT).map(|rest| (EXIT, rest)) }
    }
}

/// The plan of an international number, whether a trunk zero is written in it, `+44 (0)20 …`, and the rest.
fn plan_of(rest: &str) -> Option<(&'static Plan, bool, &str)> {
    let plan = PLANS.iter().find(|plan| rest.starts_with(plan.code))?;
    let national = &rest[plan.code.len()..];
    match national.strip_prefix('0') {
        Some(national) if national.len() == plan.national => Some((plan, true, national)),
        _ => (national.len() == plan.national).then_some((plan, false, national)),
    }
}

/// A reserved number as long as this one, if its country has any.
fn reserved(number: &Number, draw: &mut Draw) -> Option<String> {
    let length = number.digits.len();
    let digits = number.digits.as_str();
    if let Some((exit, rest)) = number.international() {
        if let Some(national) = rest.strip_prefix('1') {
            return (national.len() == 10).then(|| [exit, "1", &north_american(draw)].concat());
        }
        let (plan, trunk, _) = plan_of(rest)?;
        let prefix = [exit, plan.code, if trunk { "0" } else { "" }, draw.one_of(plan.prefixes)].concat();
        return Some(filled(prefix, length, draw));
    }
    let issued = |digits: &str| {
        let at = |place: usize| digits.as_bytes()[place];
        digits.len() == 10 && (b'2'..=b'9').contains(&at(0)) && (b'2'..=b'9').contains(&at(3))
    };
    match digits.strip_prefix('1') {
        Some(national) if issued(national) => Some(["1", &north_american(draw)].concat()),
        _ if issued(digits) => Some(north_american(draw)),
        _ if length == 7 => Some(filled(String::from("55501"), length, draw)),
        _ => None,
    }
}

fn filled(mut prefix: String, length: usize, draw: &mut Draw) -> String {
    while prefix.len() < length {
        prefix.push(char::from(draw.digit()));
    }
    prefix
}

/// 555-0100 to 555-0199 (NANPA, 555 line numbers): kept for fiction in every geographic area, whose areas are drawn.
fn north_american(draw: &mut Draw) -> String {
    loop {
        let area = [draw.one_of(b"23456789"), draw.one_of(b"012345678"), draw.digit()];
        if is_geographic(area) {
            let [a, b, c] = area.map(char::from);
            return format!("{a}{b}{c}55501{:02}", draw.below(100));
        }
    }
}

fn is_north_american(national: &str) -> bool {
    let area = |at: usize| national.as_bytes()[at];
    national.len() == 10 && &national[3..8] == "55501" && is_geographic([0, 1, 2].map(area))
}

/// Services such as 411, 800 and 900 repeat a digit; 52x, 456 and 710 are no places either.
fn is_geographic([a, b, c]: [u8; 3]) -> bool {
    (b'2'..=b'9').contains(&a) && b != b'9' && b != c && [a, b] != *b"52" && !matches!(&[a, b, c], b"456" | b"710")
}
