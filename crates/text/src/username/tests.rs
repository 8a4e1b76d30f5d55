use super::*;
use crate::tests::{pictures, silent};

#[test]
fn found() {
    pictures(
        &Username,
        &[
            ("thanks @some_body!", "       ^^^^^^^^^^"),
            ("by u/some_body, yesterday", "   ^^^^^^^^^^^"),
            ("(@abc)", " ^^^^"),
        ],
    );
}

#[test]
fn not_found() {
    silent(
        &Username,
        &[
            "",
            "@",
            "@ab",
            "info@example",
            "@media print",
            "@property",
            "@angular/core",
            "@example.org",
            "@decorator(1)",
            "a/some_body",
            "menu/some_body",
            "@12345",
            "https://example.org/@some_body",
            "@room:example.org",
        ],
    );
}
