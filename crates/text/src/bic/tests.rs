use super::*;
use crate::tests::{pictures, silent};

#[test]
fn found() {
    pictures(
        &Bic,
        &[
            ("BIC: DEUTDEFF", "     ^^^^^^^^"),
            ("SWIFT code COBADEFFXXX.", "           ^^^^^^^^^^^"),
            ("BNPAFRPP (BIC)", "^^^^^^^^"),
        ],
    );
}

#[test]
fn not_found() {
    silent(
        &Bic,
        &[
            "",
            "DEUTDEFF",
            "BIC: DEUTXXFF",
            "BIC: DEUTDEF",
            "BIC: DEUTDEFFX",
            "BIC: deutdeff",
            "TAYLOR SWIFTLY DEUTDEFF",
            "BIC: A_DEUTDEFF",
        ],
    );
}
