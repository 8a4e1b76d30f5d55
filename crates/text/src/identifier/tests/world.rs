use super::{found, silent};
use crate::Entity;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("plate AB12CDE",
     "      ^^^^^^^ LICENCE_PLATE"),
    ("plate AB12CDE",
     "      ^^^^^^^ LICENCE_PLATE"),
    ("ZIP 90210",
     "    ^^^^^ POSTCODE"),
    ("ZIP 90210",
     "    ^^^^^ POSTCODE"),
    ("account 3205214877",
     "        ^^^^^^^^^^ BANK_ACCOUNT"),
    ("account 3400000916",
     "        ^^^^^^^^^^ BANK_ACCOUNT"),
];

#[rustfmt::skip]
const NOT_FOUND: &[(Entity, &str)] = &[
    (Entity::LicencePlate, "AB12CDE"),
    (Entity::LicencePlate, "AB12 CDE"),
    (Entity::LicencePlate, "regular AB12 CDE"),
    (Entity::Postcode, "90210"),
    (Entity::Postcode, "90210"),
    (Entity::Postcode, "ZIP 00000"),
    (Entity::BankAccount, "3205214877"),
    (Entity::BankAccount, "1234567890"),
    (Entity::BankAccount, "account 0000000000"),
];

#[test]
fn identifiers_are_found() {
    found(FOUND);
}

#[test]
fn others_are_not() {
    silent(NOT_FOUND);
}
