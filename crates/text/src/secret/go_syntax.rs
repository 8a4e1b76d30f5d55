//! Regular expressions of Go, as gitleaks' rule files use them, in the syntax of the `regex` crate.
//!
//! The two are nearly one language. What differs is written out: `\w`, `\d`, `\s` and `\b` mean ASCII in Go, a `[` or
//! `&` inside a class is a plain sign, and so is a `{` that begins no repetition. What is left over (`\C`, octal
//! escapes) does not compile and is refused then.

use std::iter::Peekable;
use std::str::Chars;

/// `pattern` with Go's meaning kept.
pub(super) fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut signs = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => escape(&mut signs, in_class, &mut out),
            '[' if in_class && signs.peek() == Some(&':') => out.push('['),
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                open_class(&mut signs, &mut out);
            }
            // The end of `[:alnum:]` inside a class.
            ']' if in_class && out.ends_with(':') && out.rfind("[:").is_some_and(|at| !out[at..].contains(']')) => {
                out.push(']');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', sign]),
            '{' if !in_class && !is_repetition(signs.clone()) => out.push_str("\\{"),
            _ => out.push(sign),
        }
    }
    out
}

/// `[^`, and a `]` that stands first and is a plain sign.
fn open_class(signs: &mut Peekable<Chars>, out: &mut String) {
    if signs.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if signs.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
}

fn escape(signs: &mut Peekable<Chars>, in_class: bool, out: &mut String) {
    let Some(sign) = signs.next() else {
        out.push('\\');
        return;
    };
    match sign {
        // In brackets of their own: `[\w-.]` would be read as a range otherwise.
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        's' => out.push_str(r"[\t\n\f\r ]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        'b' if !in_class => out.push_str(r"(?-u:\b)"),
        // The crate reads these two as the borders of words.
        '<' | '>' => out.push(sign),
        'Q' if !in_class => quoted(signs, out),
        _ => out.extend(['\\', sign]),
    }
}

/// `\Q…\E`: everything between as it is written.
fn quoted(signs: &mut Peekable<Chars>, out: &mut String) {
    while let Some(sign) = signs.next() {
        if sign == '\\' && signs.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&regex::escape(sign.encode_utf8(&mut [0; 4])));
    }
}

/// `{3}`, `{3,}` or `{3,5}`, without its opening brace.
fn is_repetition(signs: Peekable<Chars>) -> bool {
    let inside = signs.take_while(|&sign| sign != '}').take(10).collect::<String>();
    let (from, to) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit());
    !from.is_empty() && digits(from) && digits(to)
}

#[cfg(test)]
mod tests {
    use super::translated;

    /// Pattern, a text in which all of it matches, a text without a match.
    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str)] = &[
        (r"^\w+$", "ab_9", "é"),
        (r"^[\w.-]+$", "a.b-c", "a b"),
        (r"^[\w-.]+$", "a.b-c", "a,b"),
        (r"^[^\s]+$", "a\u{a0}b", "a b"),
        (r"^[^\W]+$", "a_1", "a-1"),
        (r"^[\W]+$", "-+", "a"),
        (r"^\d{3}$", "123", "٣٣٣"),
        (r"^\D\S$", "ab", "1b"),
        (r"\bkey\b", "é key", "monkey"),
        (r"\bkey", "电key", "akey"),
        (r"^[[]+$", "[[", "]"),
        (r"^[a[b]+$", "a[b", "c"),
        (r"^[]a]+$", "]a", "b"),
        (r"^[^]a]+$", "bc", "]"),
        (r"^[[:alnum:]_]+$", "a1_", "-"),
        (r"^[_[:alnum:]]+$", "a1_", "-"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[a~~b]+$", "a~b", "c"),
        (r"^{$", "{", "a"),
        (r"^a{,5}$", "a{,5}", "aaa"),
        (r"^${x}$|^\$\{x\}$", "${x}", "x"),
        (r"^a{2,3}$", "aaa", "a"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^\Qa.b\E.$", "a.bc", "axbc"),
        (r"(?i)^\x41\/\_\-$", "a/_-", "b/_-"),
        (r"^(?P<x>a|b)(?:c)?$", "bc", "cc"),
        (r#"^['\"]$"#, "\"", "`"),
    ];

    #[test]
    fn patterns_keep_their_meaning() {
        for (pattern, yes, no) in CASES {
            let regex = regex::Regex::new(&translated(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(yes) && !regex.is_match(no), "{pattern} became {regex}");
        }
    }

    #[test]
    fn what_go_alone_knows_does_not_compile() {
        for pattern in [r"\C", r"\123", r"(", r"[a", r"\", r"(?=a)", r"(a)\1"] {
            assert!(regex::Regex::new(&translated(pattern)).is_err(), "{pattern}");
        }
    }

    proptest::proptest! {
        #![proptest_config(crate::tests::seeded(2000))]

        #[test]
        fn no_pattern_panics(pattern in r"[\[\]\\{}QEwdb:^&~,0-9a-]{0,20}|\PC{0,20}") {
            let _ = regex::Regex::new(&translated(&pattern));
        }
    }
}
