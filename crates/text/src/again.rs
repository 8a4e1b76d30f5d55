//! A text with tags in place of what was found, looked at again where that can matter.
//!
//! Replacing a value can only change what is found near it. Two recognizers look at most of a text's bytes more than
//! once, those that hang on digits ([`crate::numbers`], [`crate::identifier`]); they look again in *windows* around the
//! tags. What makes that exact:
//!
//! - No look at a digit reaches further than [`REACH`] bytes, so beyond that from every tag nothing changed.
//! - A window begins and ends between words where no digit stands within [`QUIET`] bytes, so nothing that hangs on digits lies across
//!   its borders, and a walk that begins there is in the state of one that began with the text.
//! - What a recognizer found elsewhere is replaced already: tags hide it.
//!
//! All other recognizers look at the whole text, which costs them little, or reach too far. The twin is the whole look.

use std::ops::Range;

/// The longest word of an identifier, the words before it and behind it, and the longest number with what may follow.
const REACH: usize = 256;

/// Longer than what stands between the digits of one number: ` de septiembre de `.
const QUIET: usize = 24;

/// The windows of `text` in which something can have changed with the tags at `places`, which are sorted and disjoint.
pub(crate) fn windows(text: &str, places: &[Range<usize>]) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut windows: Vec<Range<usize>> = Vec::new();
    for place in places {
        let floor = windows.last().map_or(0, |last| last.end);
        if floor >= bytes.len() {
            break;
        }
        // A border before the last window's end would look at bytes twice.
        let start = quiet_before(bytes, place.start.saturating_sub(REACH), floor);
        let end = quiet_after(bytes, bytes.len().min(place.end + REACH).max(floor));
        match windows.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => windows.push(start..end),
        }
    }
    windows
}

/// The last quiet border at or before `at`, or `floor`.
fn quiet_before(bytes: &[u8], at: usize, floor: usize) -> usize {
    let mut border = at;
    loop {
        if border <= floor {
            return floor;
        }
        let from = border.saturating_sub(QUIET);
        let until = bytes.len().min(border + QUIET);
        // The first digit that disturbs decides how far back the next border can lie.
        match bytes[from..until].iter().position(u8::is_ascii_digit) {
            None if in_word(bytes, border) => border -= 1,
            None => return border,
            Some(digit) => border = (from + digit).saturating_sub(QUIET),
        }
    }
}

/// The first quiet border at or after `at`, or the end.
fn quiet_after(bytes: &[u8], at: usize) -> usize {
    let mut border = at;
    loop {
        if border >= bytes.len() {
            return bytes.len();
        }
        let from = border.saturating_sub(QUIET);
        let until = bytes.len().min(border + QUIET);
        match bytes[from..until].iter().rposition(u8::is_ascii_digit) {
            None if in_word(bytes, border) => border += 1,
            None => return border,
            Some(digit) => border = from + digit + 1 + QUIET,
        }
    }
}

fn in_word(bytes: &[u8], border: usize) -> bool {
    border > 0 && bytes[border - 1].is_ascii_alphanumeric() && bytes[border].is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::apply::{operators_of, rewrite};
    use crate::decode::Encodings;
    use crate::recognizer::{look, look_within};
    use crate::tests::{seeded, shreds};
    use crate::{Context, Entity, Finding, Operator, Policy, Recognizer, recognizers, resolve};

    thread_local! {
        static ALL: Vec<Box<dyn Recognizer>> = recognizers(&Entity::ALL);
    }

    /// Shreds with prose between them, so that windows are shorter than the text.
    fn texts() -> impl Strategy<Value = String> {
        let pads = prop::sample::select(vec![0_usize, 0, 1, 10, 30, 80, 300, 700]);
        let letters = prop::sample::select(vec!["word and ", "call ", "é中", "x", "a-b.c/", "number 7 of "]);
        let piece =
            (shreds(), pads, letters).prop_map(|(shred, pad, letters)| shred + &letters.repeat(pad / letters.len()));
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
        findings.sort_by(|a, b| {
            (a.span.start, a.span.end, a.entity, &a.rule).cmp(&(b.span.start, b.span.end, b.entity, &b.rule))
        });
        findings
    }

    #[test]
    fn windows_are_around_tags_and_end_between_words() {
        let prose = "word and ".repeat(100);
        let text = format!("{prose}<EMAIL>{prose}12{prose}");
        let (tag, digit) = (prose.len()..prose.len() + 7, 2 * prose.len() + 7);
        let found = windows(&text, std::slice::from_ref(&tag));
        assert_eq!(found.len(), 1);
        assert!(found[0].start <= tag.start - REACH && found[0].start > tag.start - REACH - 20, "{found:?}");
        assert!(found[0].end >= tag.end + REACH && found[0].end < tag.end + REACH + 20, "{found:?}");
        // A border does not lie beside digits.
        let place = digit + 20 + REACH..digit + 27 + REACH;
        let start = windows(&text, &[place])[0].start;
        assert!(start <= digit - QUIET && start > digit - QUIET - 20, "{start} {digit}");
        // Digits all over leave nothing out.
        assert_eq!(windows(&"1 ".repeat(1000), std::slice::from_ref(&tag)).first(), Some(&(0..2000)));
        assert!(windows(&text, &[]).is_empty());
        assert!(windows("", std::slice::from_ref(&tag)).is_empty());
    }

    proptest! {
        #![proptest_config(seeded(1500))]

        #[test]
        fn looking_in_windows_agrees_with_looking_at_all(text in texts()) {
            ALL.with(|all| {
                let once = resolve(look(all, &text, Encodings::default()));
                let policy = Policy::new(Operator::Tag);
                let tagged = rewrite(&text, &once, &operators_of(&once, &policy), &policy, &Context::default());
                let windows = windows(&tagged.text, &tagged.places);
                prop_assert!(windows.is_sorted_by(|a, b| a.end < b.start));
                let near = look_within(all, &tagged.text, &windows, Encodings::default());
                prop_assert_eq!(sorted(near), sorted(look(all, &tagged.text, Encodings::default())));
                Ok(())
            })?;
        }
    }
}
