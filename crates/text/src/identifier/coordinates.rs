//! Latitude and longitude.
//!
//! Two decimals with four places or more, about ten metres, are as common in tables and source code as they are on
//! maps: a word such as `gps`, a key such as `lat`, or the letters N, S, E and W must say what they are. Degrees,
//! minutes and seconds say it themselves.

use std::ops::Range;

use super::{Plain, Probe};
use crate::context::Words;
use crate::{Entity, boundary, context, digits};

pub(super) const PROBES: &[Probe] = &[
    Probe { entity: Entity::Coordinates, name: "coordinates", lengths: 1..=3, plain: may_be_degrees, find: decimal },
    Probe { entity: Entity::Coordinates, name: "coordinates-dms", lengths: 1..=3, plain: |_| false, find: sexagesimal },
];

const PLACES_MIN: usize = 4;
const PLACES_MAX: usize = 20;

#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "gps", "lat", "lon", "lng", "long", "latlng", "latlon", "latitude", "longitude", "coordinates", "coordinate", "coords",
    "coord", "located", "location", "geo", "geolocation", "position", "latitud", "longitud", "breitengrad",
    "koordinaten", "coordonnées",
]);

static KEYS: Words = Words::new(&["lat", "lon", "lng", "latitude", "longitude", "latitud", "longitud"]);

/// One signed decimal.
struct Decimal {
    end: usize,
    whole: u32,
    /// A letter of the compass behind the number, over at most a degree sign and a space.
    compass: Option<u8>,
}

/// The whole degrees of a decimal with enough places.
fn may_be_degrees(number: &Plain) -> bool {
    let places = || digits::run_end_within(number.bytes, number.end + 1, PLACES_MIN) - (number.end + 1);
    number.behind() == b'.'
        && number.value().is_some_and(|value| value <= 180)
        && !number.tied_before(b".:/")
        && places() == PLACES_MIN
}

fn decimal(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<(Range<usize>, f32)> {
    if bytes.get(token.end) != Some(&b'.') {
        return None;
    }
    let first = read_decimal(bytes, token.start)?;
    let start = signed(bytes, token.start, floor);
    if boundary::word_before(bytes, start) || boundary::tied_before(bytes, start, b".:/") {
        return None;
    }
    let second = second_start(bytes, first.end).and_then(|at| read_decimal(bytes, at));
    if let Some(second) = second {
        let span = start..second.end;
        let ranges = first.whole <= 90 && second.whole <= 180;
        let compass = matches!((first.compass, second.compass), (Some(b'N' | b'S'), Some(b'E' | b'W')));
        // A third number makes it a row of a table or a point in space.
        let third = second_start(bytes, second.end).is_some_and(|at| read_decimal(bytes, at).is_some());
        let row = third || boundary::tied_before(bytes, start, b",") || ends_with_number_and_comma(bytes, start);
        if ranges && (compass || !row && context::mentioned(bytes, &span, 48, 24, &WORDS)) {
            return Some((span, if compass { 0.95 } else { 0.9 }));
        }
    }
    let key = first.whole <= 180 && context::announced(bytes, start, &KEYS);
    key.then_some((start..first.end, 0.85))
}

fn ends_with_number_and_comma(bytes: &[u8], start: usize) -> bool {
    bytes[..start].strip_suffix(b", ").is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_digit))
}

/// Where the number whose digits begin at `at` begins with its sign.
fn signed(bytes: &[u8], at: usize, floor: usize) -> usize {
    at - usize::from(at > floor && matches!(bytes[at - 1], b'-' | b'+'))
}

fn read_decimal(bytes: &[u8], start: usize) -> Option<Decimal> {
    let whole_end = digits::run_end_within(bytes, start, 4);
    let fraction = whole_end + 1;
    if !(1..=3).contains(&(whole_end - start)) || bytes.get(whole_end) != Some(&b'.') {
        return None;
    }
    let end = digits::run_end_within(bytes, fraction, PLACES_MAX + 1);
    if !(PLACES_MIN..=PLACES_MAX).contains(&(end - fraction)) || boundary::tied_after(bytes, end, b".") {
        return None;
    }
    let whole = bytes[start..whole_end].iter().fold(0, |whole, digit| 10 * whole + u32::from(digit - b'0'));
    let mut letter = end;
    letter += 2 * usize::from(bytes[letter..].starts_with("°".as_bytes()));
    letter += usize::from(bytes.get(letter) == Some(&b' '));
    let compass = bytes
        .get(letter)
        .copied()
        .filter(|&byte| matches!(byte, b'N' | b'S' | b'E' | b'W') && !boundary::word_after(bytes, letter + 1));
    if compass.is_none() && boundary::word_after(bytes, end) {
        return None;
    }
    let end = if compass.is_some() { letter + 1 } else { end };
    (whole <= 180).then_some(Decimal { end, whole, compass })
}

/// Where the digits of a second number begin, over a comma, a semicolon or a space and a sign.
fn second_start(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    let comma = matches!(bytes.get(at), Some(b',' | b';'));
    at += usize::from(comma);
    let space = bytes.get(at) == Some(&b' ');
    at += usize::from(space);
    at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    ((comma || space) && boundary::digit_after(bytes, at)).then_some(at)
}

/// `48°51'24"N`, `2° 21′ 7.5″ E`.
fn sexagesimal(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let mut at = token.end;
    if !bytes[at..].starts_with("°".as_bytes()) || boundary::word_before(bytes, token.start) {
        return None;
    }
    at += 2;
    // Minutes, seconds and the blanks between them: never more than this.
    let window = &bytes[at..bytes.len().min(at + 28)];
    let belongs = |byte: &u8| byte.is_ascii_digit() || b" .'\"".contains(byte) || *byte >= 0x80;
    let length = window.iter().take_while(|byte| belongs(byte)).count();
    let end = at + length;
    let marked = window[..length].iter().any(|byte| b"'\"".contains(byte) || *byte >= 0x80);
    let compass = matches!(bytes.get(end), Some(b'N' | b'S' | b'E' | b'W')) && !boundary::word_after(bytes, end + 1);
    (marked && compass).then_some((token.start..end + 1, 0.9))
}
