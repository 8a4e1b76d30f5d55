use super::*;
use crate::tests::{pictures, silent};

#[test]
fn found() {
    pictures(
        &Url,
        &[
            ("see https://example.org/a?b=c#d.", "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
            ("(ftp://example.org/x)", " ^^^^^^^^^^^^^^^^^^^"),
            ("<git+ssh://example.org:22/a>", " ^^^^^^^^^^^^^^^^^^^^^^^^^^"),
            ("https://example.org/a_(b)", "^^^^^^^^^^^^^^^^^^^^^^^^^"),
            ("\"http://example.org\"", " ^^^^^^^^^^^^^^^^^^"),
            ("链接https://example.org。", "  ^^^^^^^^^^^^^^^^^^^"),
        ],
    );
}

#[test]
fn not_found() {
    silent(
        &Url,
        &[
            "",
            "://",
            "a://",
            "x://example.org",
            "example.org",
            "os.system",
            "http:// x",
            "std::io",
            "://example.org",
            "9p://",
            "http://.",
        ],
    );
}
