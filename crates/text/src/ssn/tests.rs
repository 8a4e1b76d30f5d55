use crate::numbers::Numbers;
use crate::tests::{pictures, silent};
use crate::{Entity, Recognizer};

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("536-90-4399",
     "^^^^^^^^^^^"),
    ("my number is 536-90-4399.",
     "             ^^^^^^^^^^^"),
    ("ssn,536-90-4399,5",
     "    ^^^^^^^^^^^"),
    ("social_security_number: 536904399",
     "                        ^^^^^^^^^"),
    ("SSN 536-90-4399",
     "    ^^^^^^^^^^^"),
    ("ssn:536-90-4399",
     "    ^^^^^^^^^^^"),
    ("(536-90-4399)",
     " ^^^^^^^^^^^"),
    ("SSN 536 90 4399",
     "    ^^^^^^^^^^^"),
    ("SSN: 536.90.4399",
     "     ^^^^^^^^^^^"),
    ("SSN 536904399",
     "    ^^^^^^^^^"),
    ("ssn=536904399",
     "    ^^^^^^^^^"),
    ("social security number is 536904399",
     "                          ^^^^^^^^^"),
    ("Social Security: 536 90 4399",
     "                 ^^^^^^^^^^^"),
    ("536904399 (SSN)",
     "^^^^^^^^^"),
    ("536904399 is my social security number",
     "^^^^^^^^^"),
    ("Here's my SSN: 710-31-0236",
     "               ^^^^^^^^^^^"),
    ("899-01-0001",
     "^^^^^^^^^^^"),
    ("001-01-0001",
     "^^^^^^^^^^^"),
    ("1. 234-56-7890",
     "   ^^^^^^^^^^^"),
    ("536-90-4399, 536-90-4400",
     "^^^^^^^^^^^  ^^^^^^^^^^^"),
    ("123-45-6789",
     "^^^^^^^^^^^"),
    (r"\n536-90-4399",
      "  ^^^^^^^^^^^"),
    (r#""536-90-4399""#,
       " ^^^^^^^^^^^"),
    ("号码536-90-4399。",
     "  ^^^^^^^^^^^"),
    ("\t536-90-4399\n",
     " ^^^^^^^^^^^"),
    ("user_ssn: 536904399",
     "          ^^^^^^^^^"),
    ("<US_SSN>536-90-4399<US_SSN>",
     "        ^^^^^^^^^^^"),
    ("patient SSN is 536904399,",
     "               ^^^^^^^^^"),
    ("SSN#536-90-4399",
     "    ^^^^^^^^^^^"),
    ("social_security=536904399",
     "                ^^^^^^^^^"),
    ("id|536-90-4399|x",
     "   ^^^^^^^^^^^"),
    ("@536-90-4399",
     " ^^^^^^^^^^^"),
    ("=536-90-4399",
     " ^^^^^^^^^^^"),
];

#[rustfmt::skip]
const NOT_FOUND: &[&str] = &[
    "",
    "536",
    "536-90",
    "536-90-",
    "536-90-439",
    "536-90-43999",
    "5536-90-4399",
    "53-690-4399",
    "000-12-3456",
    "SSN 000-12-3456",
    "666-12-3456",
    "SSN 666123456",
    "900-12-3456",
    "987-65-4320",
    "999-99-9999",
    "536-00-4399",
    "536-90-0000",
    "078-05-1120",
    "SSN 078-05-1120",
    "219-09-9999",
    "SSN 078051120",
    "536904399",
    "536 90 4399",
    "536.90.4399",
    "part 536-90-4399",
    "SKU: 536-90-4399",
    "serial 536-90-4399",
    "x536-90-4399",
    "536-90-4399x",
    "536-90-4399-1",
    "1-536-90-4399",
    "a-536-90-4399",
    "536-90-4399.5",
    "536-90-4399,500",
    "5,536-90-4399",
    "0.536-90-4399",
    "536-90 4399",
    "536 90-4399",
    "536--90-4399",
    "536/90/4399",
    "12345-6789",
    "536-904-399",
    "536-9-04399",
    "2023-01-15",
    "212-555-0143",
    "550e8400-e29b-41d4",
    "ISBN 0-306-40615-2",
    "536_90_4399",
    "ssn",
    "SSN: n/a",
    "ssnap 536904399",
    "assn 536904399",
    "SSN <US_SSN> 536904399",
    "536\n90\n4399",
    "SSN 5369043991",
];

#[test]
fn found() {
    pictures(&recognizer(), FOUND);
}

#[test]
fn not_found() {
    silent(&recognizer(), NOT_FOUND);
}

/// The rules of the Social Security Administration, read from the written form.
fn issued_slowly(area: u32, group: u32, serial: u32) -> bool {
    let never = area == 0 || area == 666 || area > 899 || group == 0 || serial == 0;
    let advertised = (area, group, serial) == (78, 5, 1120) || (area, group, serial) == (219, 9, 9999);
    !never && !advertised
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(1000))]

    #[test]
    fn issued_numbers_agree_with_the_slow_twin(
        area in proptest::prop_oneof![0_u32..1000, proptest::sample::select(vec![0, 78, 219, 666, 899, 900])],
        group in proptest::prop_oneof![0_u32..100, proptest::sample::select(vec![0, 5, 9])],
        serial in proptest::prop_oneof![0_u32..10_000, proptest::sample::select(vec![0, 1120, 9999])],
    ) {
        let mut findings = Vec::new();
        recognizer().find(&format!("{area:03}-{group:02}-{serial:04}"), &mut findings);
        proptest::prop_assert_eq!(!findings.is_empty(), issued_slowly(area, group, serial));
    }
}

fn recognizer() -> Numbers {
    Numbers::new(&[Entity::UsSsn]).unwrap()
}
