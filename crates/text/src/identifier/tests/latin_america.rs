use super::{found, silent};
use crate::Entity;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("see 098.326.389-25, please",
     "    ^^^^^^^^^^^^^^ BR_CPF"),
    ("CPF 869.284.140-49",
     "    ^^^^^^^^^^^^^^ BR_CPF"),
    ("CPF 78066717229",
     "    ^^^^^^^^^^^ BR_CPF"),
    ("CPF 31430154039",
     "    ^^^^^^^^^^^ BR_CPF"),
    ("see 48.684.431/0001-40, please",
     "    ^^^^^^^^^^^^^^^^^^ BR_CNPJ"),
    ("CNPJ 80.243.325/0001-34",
     "     ^^^^^^^^^^^^^^^^^^ BR_CNPJ"),
    ("CNPJ 36593687000163",
     "     ^^^^^^^^^^^^^^ BR_CNPJ"),
    ("CNPJ 78006394000182",
     "     ^^^^^^^^^^^^^^ BR_CNPJ"),
    ("see GNWV091006HDFADD02, please",
     "    ^^^^^^^^^^^^^^^^^^ MX_CURP"),
    ("CURP MEZA030105HNLCBCA2",
     "     ^^^^^^^^^^^^^^^^^^ MX_CURP"),
    ("see GUYC961213D33, please",
     "    ^^^^^^^^^^^^^ MX_RFC"),
    ("RFC GGDB041103X45",
     "    ^^^^^^^^^^^^^ MX_RFC"),
    ("CUIT 30-12134556-7",
     "     ^^^^^^^^^^^^^ AR_CUIT"),
    ("CUIT 27-05440559-1",
     "     ^^^^^^^^^^^^^ AR_CUIT"),
    ("RUT 24.906.068-2",
     "    ^^^^^^^^^^^^ CL_RUT"),
    ("RUT 15.708.931-5",
     "    ^^^^^^^^^^^^ CL_RUT"),
    ("NIT 942.608.340-8",
     "    ^^^^^^^^^^^^^ CO_NIT"),
    ("NIT 157.172.795-4",
     "    ^^^^^^^^^^^^^ CO_NIT"),
];

#[rustfmt::skip]
const NOT_FOUND: &[(Entity, &str)] = &[
    (Entity::BrCpf, "098.326.389-26"),
    (Entity::BrCpf, "869.284.140-40"),
    (Entity::BrCpf, "78066717229"),
    (Entity::BrCpf, "CPF 78066717220"),
    (Entity::BrCpf, "CPF 31430154030"),
    (Entity::BrCpf, "111.111.111-11"),
    (Entity::BrCpf, "CPF 11111111111"),
    (Entity::BrCnpj, "48.684.431/0001-41"),
    (Entity::BrCnpj, "80.243.325/0001-35"),
    (Entity::BrCnpj, "36593687000163"),
    (Entity::BrCnpj, "CNPJ 36593687000164"),
    (Entity::BrCnpj, "CNPJ 78006394000183"),
    (Entity::BrCnpj, "00.000.000/0000-00"),
    (Entity::MxCurp, "GNWV091006HDFADD03"),
    (Entity::MxCurp, "MEZA030105HNLCBCA3"),
    (Entity::MxCurp, "ABCD801332HDFABC01"),
    (Entity::MxCurp, "ABCD800101HZZABC01"),
    (Entity::MxRfc, "GUYC961213D34"),
    (Entity::MxRfc, "GGDB041103X46"),
    (Entity::MxRfc, "ABCD801332AB1"),
    (Entity::ArCuit, "30-12134556-7"),
    (Entity::ArCuit, "CUIT 30-12134556-8"),
    (Entity::ArCuit, "CUIT 27-05440559-2"),
    (Entity::ArCuit, "CUIT 99-12345678-9"),
    (Entity::ClRut, "24.906.068-2"),
    (Entity::ClRut, "RUT 24.906.068-3"),
    (Entity::ClRut, "RUT 15.708.931-6"),
    (Entity::ClRut, "RUT 0.000.000-0"),
    (Entity::CoNit, "942.608.340-8"),
    (Entity::CoNit, "NIT 942.608.340-9"),
    (Entity::CoNit, "NIT 157.172.795-5"),
];

#[test]
fn identifiers_are_found() {
    found(FOUND);
}

#[test]
fn others_are_not() {
    silent(NOT_FOUND);
}
