//! Check digits computed another way: a line of symbols that says what each remainder becomes.

use super::*;

struct Twin {
    rule: &'static str,
    /// `y`, `m`, `d` make a date; `9` is any digit, `8` any but 0; anything else stands for itself.
    body: &'static str,
    weights: &'static [u32],
    /// Symbols by remainder; `-` where there is no such number.
    checks: &'static str,
    /// Where the check digit stands; the end when it is the length of the body.
    place: usize,
}

const fn twin(rule: &'static str, body: &'static str, weights: &'static [u32], checks: &'static str) -> Twin {
    Twin { rule, body, weights, checks, place: body.len() }
}

#[rustfmt::skip]
const TWINS: &[Twin] = &[
    twin("us-routing", "01999999", &[3, 7, 1, 3, 7, 1, 3, 7], "0987654321"),
    twin("uk-nhs", "899999999", &[10, 9, 8, 7, 6, 5, 4, 3, 2], "0-987654321"),
    Twin { rule: "uk-utr", body: "999999998", weights: &[6, 7, 8, 9, 10, 5, 4, 3, 2], checks: "21987654321", place: 0 },
    twin("ie-pps", "8999999", &[8, 7, 6, 5, 4, 3, 2], "WABCDEFGHIJKLMNOPQRSTUV"),
    twin("au-tfn", "89999999", &[1, 4, 3, 7, 5, 8, 6, 9], "0123456789-"),
    twin("au-acn", "89999999", &[8, 7, 6, 5, 4, 3, 2, 1], "0987654321"),
    Twin { rule: "at-svnr", body: "899ddmmyy", weights: &[3, 7, 9, 5, 8, 4, 2, 1, 6], checks: "0123456789-", place: 3 },
    twin("ch-ahv", "756999999999", &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3], "0987654321"),
    twin("nl-bsn", "89999999", &[9, 8, 7, 6, 5, 4, 3, 2], "0123456789-"),
    twin("lv-pk", "ddmmyy1999", &[1, 6, 3, 7, 9, 10, 5, 8, 4, 2], "10-98765432"),
    twin("es-nif", "89999999", &[10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1], "TRWAGMYFPDXBNJZSQVHLCKE"),
    twin("pt-nif", "29999999", &[9, 8, 7, 6, 5, 4, 3, 2], "00987654321"),
    twin("pl-pesel", "yymmdd9999", &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3], "0987654321"),
    twin("pl-nip", "899999999", &[6, 5, 7, 2, 3, 4, 5, 6, 7], "0123456789-"),
    twin("bg-egn", "yymmdd999", &[2, 4, 8, 5, 10, 9, 7, 3, 6], "01234567890"),
    twin("ro-cnp", "1yymmdd12999", &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], "01234567891"),
    twin("ar-cuit", "2099999999", &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], "09987654321"),
    twin("cl-rut", "89999999", &[3, 2, 7, 6, 5, 4, 3, 2], "0K987654321"),
    twin("co-nit", "899999999", &[41, 37, 29, 23, 19, 17, 13, 7, 3], "01987654321"),
    twin("cn-ric", "11010120yymmdd999", &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], "10X98765432"),
    twin("kr-rrn", "yymmdd199999", &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5], "10987654321"),
    twin("jp-my-number", "89999999999", &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], "00987654321"),
    twin("th-id", "199999999999", &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2], "10987654321"),
    twin("ru-inn", "899999999", &[2, 4, 10, 3, 5, 9, 4, 6, 8], "01234567890"),
];

/// A small generator: the tests draw the same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn body(&mut self, pattern: &str) -> Vec<u8> {
        let date = [self.below(100), 1 + self.below(12), 1 + self.below(28)];
        let mut seen = [0; 3];
        let mut digit = |byte: u8| {
            let Some(part) = b"ymd".iter().position(|&letter| letter == byte) else {
                return match byte {
                    b'9' => self.below(10) as u8,
                    b'8' => 1 + self.below(9) as u8,
                    other => other - b'0',
                };
            };
            seen[part] += 1;
            if seen[part] == 1 { (date[part] / 10) as u8 } else { (date[part] % 10) as u8 }
        };
        pattern.bytes().map(&mut digit).collect()
    }
}

fn symbol(byte: u8) -> u8 {
    if byte.is_ascii_digit() { byte - b'0' } else { byte }
}

fn rule(name: &str) -> &'static Rule {
    RULES.iter().copied().flatten().find(|rule| rule.name == name).unwrap()
}

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The check symbols, if any, that `rule` accepts at `place` of `body`.
fn accepted(rule: &Rule, body: &[u8], place: usize, alphabet: &[u8]) -> Vec<u8> {
    let with = |check: u8| {
        let mut whole = body.to_vec();
        whole.insert(place, symbol(check));
        whole
    };
    alphabet.iter().copied().filter(|&check| (rule.check)(&with(check))).collect()
}

#[test]
fn exactly_the_right_check_digit_is_accepted() {
    let mut draw = Draw(SEED);
    for twin in TWINS {
        let letters = twin.checks.bytes().any(|check| check.is_ascii_alphabetic());
        let alphabet = if letters { &ALPHABET[..] } else { &ALPHABET[..10] };
        let mut numbers = 0;
        for _ in 0..300 {
            let body = draw.body(twin.body);
            let sum: u32 = body.iter().zip(twin.weights).map(|(&digit, weight)| u32::from(digit) * weight).sum();
            let right = twin.checks.as_bytes()[sum as usize % twin.checks.len()];
            let expected: Vec<u8> = Some(right).filter(|&check| check != b'-').into_iter().collect();
            assert_eq!(accepted(rule(twin.rule), &body, twin.place, alphabet), expected, "{} {body:?}", twin.rule);
            numbers += expected.len();
        }
        assert!(numbers > 200, "{}", twin.rule);
    }
}

/// Bodies whose check digit no single sum gives: Luhn, ISO 7064, Verhoeff, several stages.
#[rustfmt::skip]
const OTHERS: &[(&str, &str)] = &[
    ("us-npi", "199999999"), ("ca-sin", "19999999"), ("za-id", "yymmdd999908"), ("ng-nin", "8999999999"), ("nz-ird", "10299999"),
    ("se-personnummer", "yymmdd899"), ("gr-amka", "ddmmyy9999"), ("il-id", "29999999"), ("hr-oib", "9999999999"),
    ("in-aadhaar", "29999999999"), ("imei", "35999999999999"), ("ee-ik", "3yymmdd999"), ("au-abn", "8999999999"),
];

#[test]
fn no_body_has_two_check_digits_and_most_have_one() {
    let mut draw = Draw(SEED);
    for (name, pattern) in OTHERS {
        let mut numbers = 0;
        for _ in 0..300 {
            let body = draw.body(pattern);
            let accepted = accepted(rule(name), &body, body.len(), &ALPHABET[..10]);
            assert!(accepted.len() <= 1, "{name} {body:?}: {accepted:?}");
            numbers += accepted.len();
        }
        assert!(numbers >= if *name == "au-abn" { 15 } else { 240 }, "{name}: {numbers}");
    }
}

/// Luhn by writing every second digit twice and adding all digits of what stands there.
fn luhn_slowly(digits: &[u8]) -> bool {
    let doubled = digits.iter().rev().enumerate().map(|(place, digit)| (place as u32 % 2 + 1) * u32::from(*digit));
    let written: String = doubled.map(|number| number.to_string()).collect();
    written.bytes().map(|digit| u32::from(digit - b'0')).sum::<u32>().is_multiple_of(10)
}

/// Verhoeff with the group as what it is: turns and turnovers of a pentagon's corners.
fn verhoeff_slowly(digits: &[u8]) -> bool {
    let corners = |element: u8| -> [usize; 5] {
        std::array::from_fn(|corner| match usize::from(element) {
            turn @ 0..5 => (corner + turn) % 5,
            over => (over - 5 + 5 - corner) % 5,
        })
    };
    let permuted =
        |digit: u8, times: usize| (0..times).fold(digit, |digit, _| [1, 5, 7, 6, 2, 8, 3, 0, 9, 4][usize::from(digit)]);
    let mut state: [usize; 5] = std::array::from_fn(|corner| corner);
    for (place, &digit) in digits.iter().rev().enumerate() {
        let next = corners(permuted(digit, place));
        state = std::array::from_fn(|corner| state[next[corner]]);
    }
    state == [0, 1, 2, 3, 4]
}

/// ISO 7064 mod 11,10 as the standard words it: step by step, the last sum leaving 1.
fn mod_11_10_slowly(digits: &[u8]) -> bool {
    let mut carried = 10;
    for (place, &digit) in digits.iter().enumerate() {
        let sum = carried + u32::from(digit);
        if place + 1 == digits.len() {
            return sum % 10 == 1;
        }
        carried = 2 * (if sum.is_multiple_of(10) { 10 } else { sum % 10 }) % 11;
    }
    false
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(2000))]

    #[test]
    fn shared_checks_agree_with_their_slow_twins(digits in proptest::collection::vec(0_u8..10, 1..20)) {
        proptest::prop_assert_eq!(check::luhn(&digits), luhn_slowly(&digits));
        proptest::prop_assert_eq!(check::verhoeff(&digits), verhoeff_slowly(&digits));
        proptest::prop_assert_eq!(check::mod_11_10(&digits), mod_11_10_slowly(&digits));
    }

    #[test]
    fn dates_are_those_that_a_day_by_day_calendar_reaches(year in 1890_u64..2110, month in 0_u64..14, day in 0_u64..33) {
        let february = if year % 4 == 0 && (year % 100 != 0 || year == 2000) { 29 } else { 28 };
        let lengths = [0, 31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0];
        let reached = (1..=lengths[month as usize]).any(|reached| reached == day);
        proptest::prop_assert_eq!(check::is_date(year, month, day), reached);
    }
}

/// The remainder by 97, digit by digit.
fn mod_97(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |rest, &digit| (10 * rest + u32::from(digit)) % 97)
}

#[test]
fn two_digit_checks_are_the_only_ones_accepted() {
    let mut draw = Draw(SEED);
    let two = |number: u32| [(number / 10) as u8, (number % 10) as u8];
    for _ in 0..200 {
        for (name, pattern) in
            [("fr-nir", "1yymm29999999"), ("be-nn", "yymmdd899"), ("br-cpf", "899999999"), ("ru-snils", "899999999")]
        {
            let body = draw.body(pattern);
            let weigh = |digits: &[u8], first: u32| -> u32 {
                digits.iter().zip((0..=first).rev()).map(|(&digit, weight)| u32::from(digit) * weight).sum()
            };
            let expected = match name {
                "fr-nir" => vec![two(97 - mod_97(&body))],
                "be-nn" => {
                    let born_since_2000: Vec<u8> = [&[2], &body[..]].concat();
                    vec![two(97 - mod_97(&body)), two(97 - mod_97(&born_since_2000))]
                }
                "br-cpf" => {
                    let first = weigh(&body, 10) * 10 % 11 % 10;
                    let with_first: Vec<u8> = [&body[..], &[first as u8]].concat();
                    vec![[first as u8, (weigh(&with_first, 11) * 10 % 11 % 10) as u8]]
                }
                _ => vec![two(weigh(&body, 9) % 101 % 100)],
            };
            for check in 0..100 {
                let whole: Vec<u8> = [&body[..], &two(check)].concat();
                assert_eq!((rule(name).check)(&whole), expected.contains(&two(check)), "{name} {whole:?}");
            }
        }
    }
}
