use super::{found, silent};
use crate::Entity;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("see 94544373K, please",
     "    ^^^^^^^^^ ES_NIF"),
    ("DNI 23324935Z",
     "    ^^^^^^^^^ ES_NIF"),
    ("see 16438831-H, please",
     "    ^^^^^^^^^^ ES_NIF"),
    ("DNI 70107375-V",
     "    ^^^^^^^^^^ ES_NIF"),
    ("DNI 04.310.399-S",
     "    ^^^^^^^^^^^^ ES_NIF"),
    ("DNI 31.582.794-E",
     "    ^^^^^^^^^^^^ ES_NIF"),
    ("NIF 901995304",
     "    ^^^^^^^^^ PT_NIF"),
    ("NIF 352034092",
     "    ^^^^^^^^^ PT_NIF"),
    ("NIF 830 565 299",
     "    ^^^^^^^^^^^ PT_NIF"),
    ("NIF 313 078 718",
     "    ^^^^^^^^^^^ PT_NIF"),
    ("see PDNYUE81S17N464B, please",
     "    ^^^^^^^^^^^^^^^^ IT_CF"),
    ("codice fiscale YKPBKV56L01M366U",
     "               ^^^^^^^^^^^^^^^^ IT_CF"),
    ("see GAPFPD 16R28 R220L, please",
     "    ^^^^^^^^^^^^^^^^^^ IT_CF"),
    ("codice fiscale BUEXNC 99H66 F254K",
     "               ^^^^^^^^^^^^^^^^^^ IT_CF"),
    ("AMKA 06092111670",
     "     ^^^^^^^^^^^ GR_AMKA"),
    ("AMKA 25043820759",
     "     ^^^^^^^^^^^ GR_AMKA"),
    ("TC Kimlik 19619239640",
     "          ^^^^^^^^^^^ TR_TCKN"),
    ("TC Kimlik 47293068256",
     "          ^^^^^^^^^^^ TR_TCKN"),
    ("teudat zehut 351233085",
     "             ^^^^^^^^^ IL_ID"),
    ("teudat zehut 051697845",
     "             ^^^^^^^^^ IL_ID"),
];

#[rustfmt::skip]
const NOT_FOUND: &[(Entity, &str)] = &[
    (Entity::EsNif, "94544373L"),
    (Entity::EsNif, "23324935A"),
    (Entity::EsNif, "16438831-I"),
    (Entity::EsNif, "70107375-W"),
    (Entity::EsNif, "04.310.399-S"),
    (Entity::EsNif, "DNI 04.310.399-T"),
    (Entity::EsNif, "DNI 31.582.794-F"),
    (Entity::EsNif, "DNI 00000000T"),
    (Entity::EsNif, "A12345678Z"),
    (Entity::PtNif, "901995304"),
    (Entity::PtNif, "NIF 901995305"),
    (Entity::PtNif, "NIF 352034093"),
    (Entity::PtNif, "830 565 299"),
    (Entity::PtNif, "NIF 830 565 290"),
    (Entity::PtNif, "NIF 313 078 719"),
    (Entity::PtNif, "NIF 012345678"),
    (Entity::ItCf, "PDNYUE81S17N464C"),
    (Entity::ItCf, "YKPBKV56L01M366V"),
    (Entity::ItCf, "GAPFPD 16R28 R220M"),
    (Entity::ItCf, "BUEXNC 99H66 F254L"),
    (Entity::ItCf, "RSSMRA85Z10A562S"),
    (Entity::ItCf, "RSSMRA85T72A562S"),
    (Entity::GrAmka, "06092111670"),
    (Entity::GrAmka, "AMKA 06092111671"),
    (Entity::GrAmka, "AMKA 25043820750"),
    (Entity::GrAmka, "AMKA 32018012345"),
    (Entity::TrTckn, "19619239640"),
    (Entity::TrTckn, "TC Kimlik 19619239641"),
    (Entity::TrTckn, "TC Kimlik 47293068257"),
    (Entity::TrTckn, "TC Kimlik 01234567890"),
    (Entity::IlId, "351233085"),
    (Entity::IlId, "teudat zehut 351233086"),
    (Entity::IlId, "teudat zehut 051697846"),
    (Entity::IlId, "teudat zehut 000000000"),
];

#[test]
fn identifiers_are_found() {
    found(FOUND);
}

#[test]
fn others_are_not() {
    silent(NOT_FOUND);
}
