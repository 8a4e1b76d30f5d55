use proptest::prelude::*;

use super::*;
use crate::{Entity, checksum, recognizers};

const KEY: [u8; 32] = [7; 32];

fn made(value: &str, entity: Entity) -> String {
    surrogate(value, entity, || KEY)
}

/// A value and the pattern of its surrogate: `0` any digit, `x` any lower-case letter, all else as it stands.
#[rustfmt::skip]
const SHAPES: &[(Entity, &str, &str)] = &[
    (Entity::Email, "jo@b.co", "xxxxxxxxxx@example.xxx"),
    (Entity::Email, "sales.o'flat+news42@mail.b.co", "xxxxx.x'xxxx+xxxx00@example.xxx"),
    (Entity::Email, "4915112345678@b.co", "x000000000000@example.xxx"),
    (Entity::Email, "ren\u{e9}e@b.co", "xxxxxxxxxx@example.xxx"),
    (Entity::Phone, "+1 (212) 736-5000", "+1 (000) 555-0100"),
    (Entity::Phone, "212-736-5000 ext. 42", "000-555-0100 ext. 00"),
    (Entity::Phone, "1 212 736 5000", "1 000 555 0100"),
    (Entity::Phone, "2127365000", "0005550100"),
    (Entity::Phone, "736-5000", "555-0100"),
    (Entity::Phone, "001 212 736 5000", "001 000 555 0100"),
    (Entity::Phone, "+44 (0)20 7123 4567", "+44 (0)00 0000 0000"),
    (Entity::Phone, "+33 6 12 34 56 78", "+33 0 00 00 00 00"),
    (Entity::Phone, "0033 6 12 34 56 78", "0033 0 00 00 00 00"),
    (Entity::Phone, "+46 8 928 571 38", "+46 0 000 000 00"),
    (Entity::Phone, "+39 06 1234 5678", "+99 90 0000 0000"),
    (Entity::Phone, "0039 06 1234 5678", "0099 90 0000 0000"),
    (Entity::Phone, "+49 171 1234567890", "+99 900 0000000000"),
    (Entity::Phone, "0171 1234567", "0099 9000000"),
    (Entity::Phone, "01 23 45 67 89", "00 99 90 00 00"),
    (Entity::Ipv6, "2a00:1450::1", "2001:db8:"),
    (Entity::CreditCard, "4111 1111-1111 1111", "4000 0000-0000 0000"),
    (Entity::CreditCard, "378282246310005", "400000000000000"),
    (Entity::Iban, "DE89 3704 0044 0532 0130 00", "DE00 0000 0000 0000 0000 00"),
    (Entity::Iban, "gb29nwbk60161331926819", "gb00xxxx00000000000000"),
    (Entity::UsSsn, "536-90-4399", "900-00-0000"),
    (Entity::UsSsn, "536904399", "900000000"),
    (Entity::UrlCredentials, "jo:hunter2", "xx:xxxxxx0"),
    (Entity::UrlCredentials, ":hunter2:x@y", ":xxxxxx0-x-x"),
    (Entity::Secret, "Tr0ub4dor&3", "xxxxx0xxx-0"),
    (Entity::Secret, "abc", "xxx"),
    (Entity::Custom, "EMP-1234", "xxxx0000"),
];

#[test]
fn surrogates_have_the_shape_and_the_range_of_their_kind() {
    for &(entity, value, shape) in SHAPES {
        let made = made(value, entity);
        let fits = |(m, s): (char, char)| match s {
            '0' => m.is_ascii_digit() || entity == Entity::Custom,
            'x' => m.is_ascii_lowercase() || (entity == Entity::Email && m.is_ascii_lowercase()),
            _ => m == s,
        };
        if entity == Entity::Ipv6 {
            assert!(made.starts_with(shape), "{made}");
        } else {
            assert_eq!(made.chars().count(), shape.chars().count(), "{value} -> {made}");
            assert!(made.chars().zip(shape.chars()).all(fits), "{value} -> {made}, not {shape}");
        }
        assert!(is_surrogate(&made, entity), "{value} -> {made}");
        assert_eq!(surrogate(&made, entity, || unreachable!("a surrogate needs no key")), made);
    }
}

#[test]
fn real_values_are_no_surrogates() {
    for (entity, values) in [
        (
            Entity::Email,
            &[
                "jo@example.org",
                "trsmkwbvzq@example.de",
                "trsmkwbvzq@b.example.org",
                "4915112345678@example.org",
                "sales.department@example.org",
                "@example.org",
            ][..],
        ),
        (
            Entity::Phone,
            &[
                "212-736-5000",
                "+1 800 555 0142",
                "800-555-0142",
                "+44 20 7946 1958",
                "+44 20 7946 095",
                "555-1234",
                "+98 21 1234 5678",
                "0099 8 123",
                "call 555-0143",
                "+2125550143",
            ],
        ),
        (Entity::Ipv4, &["192.0.3.1", "10.0.0.1", "192.0.2", "192.0.2.1.1", "8.8.8.8"]),
        (Entity::Ipv6, &["2001:db9::1", "fe80::1", "::1"]),
        (
            Entity::CreditCard,
            &["4000000000000002", "4000 0000 0000 0002", "4111111111111112", "40000", "4000 0000 0000 0001 jo@b.co"],
        ),
        (Entity::Iban, &["DE89370400440532013000", "DE00370400440532013000 jo@b.co", "DE00", "GB00NWBK60161331926819"]),
        (Entity::UsSsn, &["536-90-4399", "912-70-1234", "912-93-1234", "912-00-1234", "912-01-123"]),
        (Entity::UrlCredentials, &["jo:hunter2", "xxxx:hunter2", "xxxxhunter2"]),
        (Entity::Secret, &["hunter2", "xxxxhunter2", "xxxx@aab", "xxx2"]),
        (Entity::Custom, &["EMP-1234", "0000", "0000 7890"]),
    ] {
        for value in values {
            assert!(!is_surrogate(value, entity), "{entity} {value}");
            assert_ne!(&made(value, entity), value, "{entity} {value}");
        }
    }
}

#[test]
fn one_value_has_one_surrogate_however_it_is_written() {
    let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    for (entity, spellings) in [
        (Entity::Email, &["Sales.Desk@B.co", "sales.desk@b.co"][..]),
        (Entity::Phone, &["+1 (212) 736-5000", "+12127365000", "+1.212.736.5000"]),
        (Entity::Phone, &["0171 1234567", "01711234567", "0171/1234567"]),
        (Entity::CreditCard, &["4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111"]),
        (Entity::Iban, &["DE89 3704 0044 0532 0130 00", "DE89370400440532013000"]),
        (Entity::Ipv6, &["2a00:1450::1", "2A00:1450:0::1"]),
        (Entity::UsSsn, &["536-90-4399", "536904399"]),
    ] {
        let all: std::collections::BTreeSet<_> = spellings.iter().map(|value| digits(&made(value, entity))).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_ne!(digits(&surrogate(spellings[0], entity, || [8; 32])), all.into_iter().next().unwrap());
    }
}

#[test]
fn what_is_merged_from_several_kinds_leaves_nothing_standing() {
    for (entity, value) in [
        (Entity::Phone, "jo2127365000@b.co"),
        (Entity::Email, "a@b.co@c.de"),
        (Entity::CreditCard, "4111 1111 1111 1111, sales@b.co"),
        (Entity::Iban, "DE89 3704 http://b.co"),
        (Entity::Ipv4, "10.0.0.1 sales"),
        (Entity::UsSsn, "536-90-4399, sales"),
        (Entity::UrlCredentials, "sales"),
    ] {
        let made = made(value, entity);
        assert!(
            made.starts_with("xxxx") && made.chars().skip(4).all(|c| !c.is_alphanumeric() || "abAB01".contains(c)),
            "{made}"
        );
    }
}

/// Kinds that have no range of their own fall here; none of the built-in ones does yet.
#[test]
fn other_numbers_keep_their_layout_and_fail_their_checksums() {
    for (value, shape) in [
        ("046 454 286", "000 000 000"),
        ("12.345.678-Z", "00.000.000-X"),
        ("AB 12 34 56 c", "XX 00 00 00 x"),
        ("850101-1234", "000000-0000"),
        ("C01X00T47", "X00X00X00"),
    ] {
        let mut draw = Draw::new(&KEY, Entity::Iban, value);
        let made = number::make(value, Entity::Iban, &mut draw).unwrap();
        let kind = |c: char| match c {
            'A'..='Z' => 'X',
            'a'..='z' => 'x',
            '0'..='9' => '0',
            _ => c,
        };
        assert_eq!(made.chars().map(kind).collect::<String>(), shape, "{value} -> {made}");
        assert!(number::is(&made) && !number::is(value), "{value} -> {made}");
        let digits: Vec<u8> = made.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
        assert!(!checksum::luhn(&digits), "{made}");
    }
    assert_eq!(number::make("é12", Entity::Iban, &mut Draw::new(&KEY, Entity::Iban, "")), None);
    for value in ["0000123456", "0012 789", "000 1", "1", "", "XYZ", "000 jo"] {
        assert!(!number::is(value), "{value}");
    }
}

fn finds(entity: Entity, text: &str) -> bool {
    let mut findings = Vec::new();
    for recognizer in recognizers(&[entity]) {
        recognizer.find(text, &mut findings);
    }
    !findings.is_empty()
}

proptest! {
    #![proptest_config(crate::tests::seeded(1000))]

    #[test]
    fn checksums_of_surrogates_fail(card in "[0-9]{12,19}", account in "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", ssn in "[0-9]{3}-[0-9]{2}-[0-9]{4}", key in any::<[u8; 32]>()) {
        for (entity, value) in [(Entity::CreditCard, &card), (Entity::Iban, &account), (Entity::UsSsn, &ssn)] {
            let made = surrogate(value, entity, || key);
            prop_assert!(!finds(entity, &format!("card ssn {made}")), "{} -> {}", value, made);
            // Not by way of the text that stands for what cannot be read.
            prop_assert!((form(entity).is)(&made), "{} -> {}", value, made);
        }
    }

    #[test]
    fn secrets_are_none_any_more(value in "[A-Za-z0-9+/_.-]{8,60}", key in any::<[u8; 32]>()) {
        let made = surrogate(&value, Entity::Secret, || key);
        prop_assert!(!finds(Entity::Secret, &format!("password = \"{made}\"")), "{}", made);
        prop_assert!(!finds(Entity::Secret, &format!("api_key: {made}")), "{}", made);
        prop_assert!(crate::stand_in::entropy(made.as_bytes()) < 3.0 || value.contains(['+', '/', '_', '.', '-']), "{}", made);
    }

    #[test]
    fn no_surrogate_keeps_its_value(local in "[a-z]{2,12}", number in "\\+[1-9][0-9]{9,12}", key in any::<[u8; 32]>()) {
        let address = format!("{local}@b.co");
        prop_assert_ne!(surrogate(&address, Entity::Email, || key), address);
        if !phone::is(&number) {
            prop_assert_ne!(surrogate(&number, Entity::Phone, || key), number);
        }
    }
}

#[test]
fn a_fixed_surrogate_stays_what_it_is() {
    // It must not change between releases without a new rules version.
    assert_eq!(made("jo@b.co", Entity::Email), "fcvjrvzjjn@example.org");
    assert_eq!(made("+1 212 736 5000", Entity::Phone), "+1 953 555 0173");
}

#[test]
fn different_values_collide_only_as_the_range_forces() {
    let count = 4000;
    let all: std::collections::BTreeSet<_> = (0..count).map(|n| made(&format!("p{n}@b.co"), Entity::Email)).collect();
    assert_eq!(all.len(), count);
    // 762 addresses are all there are.
    let all: std::collections::BTreeSet<_> =
        (0..20_000).map(|n| made(&format!("10.0.{}.{}", n / 250, n % 250), Entity::Ipv4)).collect();
    assert_eq!(all.len(), 762);
}
