use super::*;
use crate::numbers::Numbers;
use crate::tests::{pictures, silent};
use crate::{Entity, Recognizer};

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("DE89370400440532013000",
     "^^^^^^^^^^^^^^^^^^^^^^"),
    ("IBAN DE89 3704 0044 0532 0130 00",
     "     ^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("GB29NWBK60161331926819",
     "^^^^^^^^^^^^^^^^^^^^^^"),
    ("GB29 NWBK 6016 1331 9268 19.",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("gb29nwbk60161331926819",
     "^^^^^^^^^^^^^^^^^^^^^^"),
    ("FR1420041010050500013M02606",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("FR14 2004 1010 0505 0001 3M02 606",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("NL91ABNA0417164300",
     "^^^^^^^^^^^^^^^^^^"),
    ("ES9121000418450200051332",
     "^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("CH9300762011623852957",
     "^^^^^^^^^^^^^^^^^^^^^"),
    ("BE68539007547034",
     "^^^^^^^^^^^^^^^^"),
    ("BE68 5390 0754 7034",
     "^^^^^^^^^^^^^^^^^^^"),
    ("NO9386011117947",
     "^^^^^^^^^^^^^^^"),
    ("NO93 8601 1117 947",
     "^^^^^^^^^^^^^^^^^^"),
    ("MT84MALT011000012345MTLCAST001S",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("PL61109010140000071219812874",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("SE4550000000058398257466",
     "^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("IT60X0542811101000000123456",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("AT611904300234573201",
     "^^^^^^^^^^^^^^^^^^^^"),
    ("DK5000400440116243",
     "^^^^^^^^^^^^^^^^^^"),
    ("FI2112345600000785",
     "^^^^^^^^^^^^^^^^^^"),
    ("PT50000201231234567890154",
     "^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("SA0380000000608010167519",
     "^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("TR330006100519786457841326",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("AE070331234567890123456",
     "^^^^^^^^^^^^^^^^^^^^^^^"),
    ("DE89-3704-0044-0532-0130-00",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("(DE89370400440532013000)",
     " ^^^^^^^^^^^^^^^^^^^^^^"),
    ("Konto:DE89370400440532013000,",
     "      ^^^^^^^^^^^^^^^^^^^^^^"),
    ("转账到DE89370400440532013000。",
     "   ^^^^^^^^^^^^^^^^^^^^^^"),
    (r"\nDE89370400440532013000",
      "  ^^^^^^^^^^^^^^^^^^^^^^"),
    (r#""DE89370400440532013000""#,
       " ^^^^^^^^^^^^^^^^^^^^^^"),
    ("DE89370400440532013000 NL91ABNA0417164300",
     "^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^^^"),
    ("pay DE89 3704 0044 0532 0130 00 now",
     "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("iban=DE89370400440532013000&x",
     "     ^^^^^^^^^^^^^^^^^^^^^^"),
];

#[rustfmt::skip]
const NOT_FOUND: &[&str] = &[
    "",
    "DE",
    "DE8",
    "DE89",
    "DE89370400440532013001",
    "DE88370400440532013000",
    "DE8937040044053201300",
    "DE893704004405320130000",
    "DE893704004405320130001",
    "XDE89370400440532013000",
    "1DE89370400440532013000",
    "DE89370400440532013000X",
    "DE89370400440532013000_",
    "_DE89370400440532013000",
    "De89370400440532013000",
    "gb29NWBK60161331926819",
    "GB29NWBK6016133192681",
    "XX89370400440532013000",
    "ZZ12 3456 7890",
    "US12345678901234567890",
    "DE89 3704 0044 0532 0130 01",
    "DE89 3704 0044 0532 0130 0",
    "DE89  3704 0044 0532 0130 00",
    "DE89 370400440532013000",
    "DE89 3704-0044 0532-0130 00",
    "DE89370400440532013000-1",
    "DE89,3704,0044,0532,0130,00",
    "DE123456789",
    "RE12 words that follow here",
    "be 16 of the 20",
    "AT 61 1904",
    "IT is 12",
    "NO 12 34 56",
    "ISO 9001",
    "no93 years of this an",
    "EN50128",
    "PT 50",
    "DE8937040044053201é000",
    "DE89 3704 0044 0532 0130 é0",
];

#[test]
fn found() {
    pictures(&recognizer(), FOUND);
}

#[test]
fn not_found() {
    silent(&recognizer(), NOT_FOUND);
}

/// The remainder of the whole number, digit by digit, as one learns to divide in school.
fn mod_97_slowly(iban: &str) -> bool {
    let moved = format!("{}{}", &iban[4..], &iban[..4]);
    let digits: String =
        moved.chars().map(|c| c.to_digit(36).map(|value| value.to_string()).unwrap_or_default()).collect();
    digits.chars().fold(0, |rest, digit| (rest * 10 + digit.to_digit(10).unwrap()) % 97) == 1
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(1000))]

    #[test]
    fn the_checksum_agrees_with_its_slow_twin(iban in "[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}") {
        proptest::prop_assert_eq!(checksum::mod_97(iban.as_bytes()), mod_97_slowly(&iban));
    }

    #[test]
    fn every_country_is_found_at_its_length_and_only_there(index in 0..LENGTHS.len(), body in "[0-9]{30}") {
        let (country, length) = LENGTHS[index];
        let country = std::str::from_utf8(country).unwrap();
        let body = &body[..length - 4];
        let checked = (2..=98).map(|check| format!("{country}{check:02}{body}")).find(|iban| mod_97_slowly(iban));
        let iban = checked.unwrap();
        let mut findings = Vec::new();
        recognizer().find(&iban, &mut findings);
        proptest::prop_assert_eq!(&findings[0].span, &(0..length));
        findings.clear();
        recognizer().find(&iban[..length - 1], &mut findings);
        recognizer().find(&format!("{iban}0"), &mut findings);
        proptest::prop_assert!(findings.is_empty());
    }
}

#[test]
fn the_table_is_sorted_and_fits() {
    assert!(LENGTHS.is_sorted_by(|a, b| a.0 < b.0));
    assert!(LENGTHS.iter().all(|(_, length)| (15..=LENGTH_MAX).contains(length)));
}

fn recognizer() -> Numbers {
    Numbers::new(&[Entity::Iban]).unwrap()
}
