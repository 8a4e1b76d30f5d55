use super::{found, silent};
use crate::Entity;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("see 35-051877-203625-4, please",
     "    ^^^^^^^^^^^^^^^^^^ IMEI"),
    ("IMEI 35-155788-346564-7",
     "     ^^^^^^^^^^^^^^^^^^ IMEI"),
    ("IMEI 358044576584854",
     "     ^^^^^^^^^^^^^^^ IMEI"),
    ("IMEI 353715354291060",
     "     ^^^^^^^^^^^^^^^ IMEI"),
    ("IMSI 310890641003790",
     "     ^^^^^^^^^^^^^^^ IMSI"),
    ("IMSI 310929130721206",
     "     ^^^^^^^^^^^^^^^ IMSI"),
    ("ICCID 8949105248442605068",
     "      ^^^^^^^^^^^^^^^^^^^ ICCID"),
    ("ICCID 8949990798016967102",
     "      ^^^^^^^^^^^^^^^^^^^ ICCID"),
    ("see 1YNWV2762UD173206, please",
     "    ^^^^^^^^^^^^^^^^^ VIN"),
    ("VIN 1AAYY1132DE704937",
     "    ^^^^^^^^^^^^^^^^^ VIN"),
];

#[rustfmt::skip]
const NOT_FOUND: &[(Entity, &str)] = &[
    (Entity::Imei, "35-051877-203625-5"),
    (Entity::Imei, "35-155788-346564-8"),
    (Entity::Imei, "358044576584854"),
    (Entity::Imei, "IMEI 358044576584855"),
    (Entity::Imei, "IMEI 353715354291061"),
    (Entity::Imei, "IMEI 000000000000000"),
    (Entity::Imsi, "310890641003790"),
    (Entity::Imsi, "IMSI 000000000000000"),
    (Entity::Imsi, "262011234567890"),
    (Entity::Iccid, "8949105248442605068"),
    (Entity::Iccid, "ICCID 8949105248442605069"),
    (Entity::Iccid, "ICCID 8949990798016967103"),
    (Entity::Vin, "1M8GDM9A1KP042788"),
    (Entity::Vin, "1M8GDI9AXKP042788"),
    (Entity::Vin, "11111111111111111"),
];

#[test]
fn identifiers_are_found() {
    found(FOUND);
}

#[test]
fn others_are_not() {
    silent(NOT_FOUND);
}
