use super::*;
use crate::tests::{pictures, silent};

#[test]
fn found() {
    pictures(
        &InUpi,
        &[
            ("pay info@okaxis now", "    ^^^^^^^^^^^"),
            ("9876543210@ybl", "^^^^^^^^^^^^^^"),
            ("to shop.one@PAYTM.", "   ^^^^^^^^^^^^^^"),
        ],
    );
}

#[test]
fn not_found() {
    silent(&InUpi, &["", "@", "@okaxis", "info@okaxis.com", "info@example.org", "info@unknown", "a@ybl"]);
    silent(&InUpi, &[&format!("{}@ybl", "a".repeat(60))]);
}
