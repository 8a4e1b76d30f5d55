//! Words near a candidate: "call me at 555…" against "order 555…".
//!
//! Two questions only. [`mentioned`]: does one of these words stand within so many bytes? [`announced`]: does one of
//! these words stand directly before? A placeholder is a wall for the first: what it says is our word, not the
//! author's, and what stands beyond it belonged to the value that it replaced.

use std::ops::Range;

use crate::placeholder;

/// Words that are looked for together, and which of them begin and end with which letter: most bytes of a text begin
/// none and are dismissed by one look.
pub(crate) struct Words {
    all: &'static [&'static str],
    /// By [`slot`] of the first, the second and the last byte, one bit for each word.
    beginning: [u128; SLOTS],
    second: [u128; SLOTS],
    ending: [u128; SLOTS],
}

const SLOTS: usize = 28;

impl Words {
    /// At most 128 words, none of them empty.
    pub(crate) const fn new(words: &'static [&'static str]) -> Self {
        let (mut beginning, mut second, mut ending) = ([0; SLOTS], [0; SLOTS], [0; SLOTS]);
        assert!(words.len() <= u128::BITS as usize, "more words than bits");
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            // No word begins inside a number or a character: see `word_starts`.
            if slot(word[0]) > 0 {
                beginning[slot(word[0])] |= 1 << at;
            }
            let mut letter = 0;
            while letter < SLOTS {
                // Behind a word of one letter anything may stand.
                if word.len() == 1 || letter == slot(word[1]) {
                    second[letter] |= 1 << at;
                }
                letter += 1;
            }
            ending[slot(word[word.len() - 1])] |= 1 << at;
            at += 1;
        }
        Self { all: words, beginning, second, ending }
    }

    fn of(&self, mut bits: u128) -> impl Iterator<Item = &'static str> {
        std::iter::from_fn(move || {
            let next = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(self.all[next])
        })
    }
}

/// 1 to 26 for the letters of ASCII in either case, 27 for what begins a character beyond ASCII; all else shares 0.
static SLOT: [u8; 256] = {
    let mut slots = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        slots[byte] = slot(byte as u8) as u8;
        byte += 1;
    }
    slots
};

const fn slot(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => (byte & 31) as usize,
        0xc0.. => 27,
        _ => 0,
    }
}

fn slot_of(byte: u8) -> usize {
    usize::from(SLOT[usize::from(byte)])
}

/// Whether one of `words` stands within `before` bytes before or `after` bytes after `span`.
///
/// Case is ignored for ASCII. A word may hold spaces, which stand for `_` and `-` too. `phoneNumber` and `phone_number` both mention `phone`;
/// `hotel` does not mention `tel`.
pub(crate) fn mentioned(bytes: &[u8], span: &Range<usize>, before: usize, after: usize, words: &Words) -> bool {
    let window = window(bytes, span, before, after);
    any_word(bytes, window.start..span.start, words) || any_word(bytes, span.end..window.end, words)
}

/// What counts as near `span`: so many bytes before and after it, as far as the first placeholder on either side.
pub(crate) fn window(bytes: &[u8], span: &Range<usize>, before: usize, after: usize) -> Range<usize> {
    let from = wall_before(bytes, span.start.saturating_sub(before), span.start);
    let until = wall_after(bytes, span.end, bytes.len().min(span.end + after));
    from..until
}

/// Whether `found` is a word by itself and not a part of a longer one.
pub(crate) fn is_word(bytes: &[u8], found: &Range<usize>) -> bool {
    word_starts(bytes, found.start) && word_ends(bytes, found.end)
}

/// Whether one of `words` stands directly before byte `at`, with only a little punctuation between.
pub(crate) fn announced(bytes: &[u8], at: usize, words: &Words) -> bool {
    let gap = bytes[..at].iter().rev().take(4).take_while(|byte| b" \t:=#.\"'(".contains(byte)).count();
    let end = at - gap;
    let Some(last) = end.checked_sub(1) else { return false };
    words.of(words.ending[slot_of(bytes[last])]).any(|word| {
        end.checked_sub(word.len()).is_some_and(|start| {
            bytes[start..end].eq_ignore_ascii_case(word.as_bytes()) && !crate::boundary::word_before(bytes, start)
        })
    })
}

fn any_word(bytes: &[u8], window: Range<usize>, words: &Words) -> bool {
    window.clone().any(|at| {
        let beginning = words.beginning[slot_of(bytes[at])];
        if beginning == 0 {
            return false;
        }
        let beginning = beginning & words.second[bytes.get(at + 1).map_or(0, |&byte| slot_of(byte))];
        beginning != 0
            && word_starts(bytes, at)
            && words.of(beginning).any(|word| {
                let end = at + word.len();
                end <= window.end && spelled(&bytes[at..end], word.as_bytes()) && word_ends(bytes, end)
            })
    })
}

/// Whether `bytes` spell `word`, as prose or as the name of a column.
fn spelled(bytes: &[u8], word: &[u8]) -> bool {
    bytes
        .iter()
        .zip(word)
        .all(|(byte, letter)| byte.eq_ignore_ascii_case(letter) || *letter == b' ' && matches!(byte, b'_' | b'-'))
}

/// Words of other scripts stand without spaces, so only letters of ASCII make a border.
fn word_starts(bytes: &[u8], at: usize) -> bool {
    let here = bytes[at];
    let Some(previous) = at.checked_sub(1).map(|index| bytes[index]) else {
        return true;
    };
    if here >= 0x80 {
        return here >= 0xc0;
    }
    here.is_ascii_alphabetic()
        && (!previous.is_ascii_alphabetic() || (previous.is_ascii_lowercase() && here.is_ascii_uppercase()))
}

fn word_ends(bytes: &[u8], end: usize) -> bool {
    let Some(&next) = bytes.get(end) else {
        return true;
    };
    let last = bytes[end - 1];
    !next.is_ascii_alphabetic() || last >= 0x80 || (last.is_ascii_lowercase() && next.is_ascii_uppercase())
}

fn wall_before(bytes: &[u8], from: usize, to: usize) -> usize {
    memchr::memrchr_iter(b'>', &bytes[from..to])
        .map(|at| from + at + 1)
        .find(|&end| placeholder::ends_at(bytes, end))
        .unwrap_or(from)
}

fn wall_after(bytes: &[u8], from: usize, to: usize) -> usize {
    memchr::memchr_iter(b'<', &bytes[from..to])
        .map(|at| from + at)
        .find(|&start| placeholder::end(bytes, start).is_some())
        .unwrap_or(to)
}
