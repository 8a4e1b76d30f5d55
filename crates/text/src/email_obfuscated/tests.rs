use super::*;
use crate::tests::{pictures, silent};

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("info [at] example [dot] org",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("write to info(at)example.org.",
     "         ^^^^^^^^^^^^^^^^^^^"),
    ("info at example dot org",
     "^^^^^^^^^^^^^^^^^^^^^^^"),
    ("info AT mail DOT example DOT co DOT uk",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("info&#64;example.org",
     "^^^^^^^^^^^^^^^^^^^^"),
    ("info%40example.org",
     "^^^^^^^^^^^^^^^^^^"),
    ("info＠example．org",
     "^^^^^^^^^^^^^^^^"),
    ("a.b_at_example_dot_org",
     "^^^^^^^^^^^^^^^^^^^^^^"),
    ("(info {at} example {dot} com)",
     " ^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
];

#[rustfmt::skip]
const NOT_FOUND: &[&str] = &[
    "", "at", " at ", "[at]", "look at example.org", "we met at 5 dot com", "the point at noon dot matrix",
    "array[at] = x", "info [at] example", "info [at] example [dot] notatld", "info@example.org", "dot at dot dot",
    "[at] example [dot] org", "100%40.net of",
];

#[test]
fn found() {
    pictures(&EmailObfuscated, FOUND);
}

#[test]
fn not_found() {
    silent(&EmailObfuscated, NOT_FOUND);
}
