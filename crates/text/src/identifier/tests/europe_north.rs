use super::{found, silent};
use crate::Entity;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("see 830924-4799, please",
     "    ^^^^^^^^^^^ SE_PERSONNUMMER"),
    ("personnummer 040522-7430",
     "             ^^^^^^^^^^^ SE_PERSONNUMMER"),
    ("personnummer 4806114544",
     "             ^^^^^^^^^^ SE_PERSONNUMMER"),
    ("personnummer 2102010812",
     "             ^^^^^^^^^^ SE_PERSONNUMMER"),
    ("see 090244-432P, please",
     "    ^^^^^^^^^^^ FI_HETU"),
    ("hetu 040997-214S",
     "     ^^^^^^^^^^^ FI_HETU"),
    ("fødselsnummer 130698 46194",
     "              ^^^^^^^^^^^^ NO_FNR"),
    ("fødselsnummer 021260 35899",
     "              ^^^^^^^^^^^^ NO_FNR"),
    ("fødselsnummer 15044157052",
     "              ^^^^^^^^^^^ NO_FNR"),
    ("fødselsnummer 02080804310",
     "              ^^^^^^^^^^^ NO_FNR"),
    ("CPR 240277-5545",
     "    ^^^^^^^^^^^ DK_CPR"),
    ("CPR 200133-5440",
     "    ^^^^^^^^^^^ DK_CPR"),
    ("isikukood 30304047769",
     "          ^^^^^^^^^^^ EE_IK"),
    ("isikukood 43107030788",
     "          ^^^^^^^^^^^ EE_IK"),
    ("asmens kodas 52007041494",
     "             ^^^^^^^^^^^ LT_AK"),
    ("asmens kodas 32602147723",
     "             ^^^^^^^^^^^ LT_AK"),
    ("personas kods 080353-29380",
     "              ^^^^^^^^^^^^ LV_PK"),
    ("personas kods 281197-14444",
     "              ^^^^^^^^^^^^ LV_PK"),
];

#[rustfmt::skip]
const NOT_FOUND: &[(Entity, &str)] = &[
    (Entity::SePersonnummer, "830924-4790"),
    (Entity::SePersonnummer, "040522-7431"),
    (Entity::SePersonnummer, "4806114544"),
    (Entity::SePersonnummer, "personnummer 4806114545"),
    (Entity::SePersonnummer, "personnummer 2102010813"),
    (Entity::SePersonnummer, "811332-9874"),
    (Entity::SePersonnummer, "20230115-1238"),
    (Entity::FiHetu, "090244-432Q"),
    (Entity::FiHetu, "040997-214T"),
    (Entity::FiHetu, "311352-308T"),
    (Entity::FiHetu, "131052-001X"),
    (Entity::NoFnr, "130698 46194"),
    (Entity::NoFnr, "fødselsnummer 130698 46195"),
    (Entity::NoFnr, "fødselsnummer 021260 35890"),
    (Entity::NoFnr, "15044157052"),
    (Entity::NoFnr, "fødselsnummer 15044157053"),
    (Entity::NoFnr, "fødselsnummer 02080804311"),
    (Entity::NoFnr, "fødselsnummer 32018012345"),
    (Entity::DkCpr, "240277-5545"),
    (Entity::DkCpr, "CPR 310299-1234"),
    (Entity::DkCpr, "CPR 321299-1234"),
    (Entity::EeIk, "30304047769"),
    (Entity::EeIk, "isikukood 30304047760"),
    (Entity::EeIk, "isikukood 43107030789"),
    (Entity::EeIk, "isikukood 38013300001"),
    (Entity::LtAk, "52007041494"),
    (Entity::LtAk, "asmens kodas 52007041495"),
    (Entity::LtAk, "asmens kodas 32602147724"),
    (Entity::LvPk, "080353-29380"),
    (Entity::LvPk, "personas kods 080353-29381"),
    (Entity::LvPk, "personas kods 281197-14445"),
];

#[test]
fn identifiers_are_found() {
    found(FOUND);
}

#[test]
fn others_are_not() {
    silent(NOT_FOUND);
}
