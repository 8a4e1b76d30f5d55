//! Text that nobody sees: zero-width characters, direction overrides, tag characters, selectors used as letters.
//!
//! A tokenizer sees all of them. They hide words from filters, carry instructions to a model, and turn the order of
//! source code around (CVE-2021-42574). Most of them have a use as well, and those stay:
//!
//! - joiners and non-joiners between letters of scripts that shape them (Arabic, Syriac, Indic, …) and inside emoji,
//! - zero-width spaces beside letters of scripts without spaces (Thai, Lao, Khmer, Burmese, Tibetan, Chinese, Japanese),
//! - direction marks, embeddings and isolates near a letter that is written from right to left; overrides have no such use,
//! - a soft hyphen between two letters, a byte order mark at the start,
//! - one variation selector behind a symbol, a digit of a keycap or an ideograph, tags behind a black flag,
//! - a filler beside a letter of its script.
//!
//! A finding is a run of characters without such a use. What the operator `neutralise` does with it is to take it out.

use crate::finding::Rule;
use crate::invisible::{UNSEEN_LEADS, is_unseen, is_variation_selector};
use crate::{Entity, Finding, Recognizer};

const RULE: Rule = Rule::built_in("invisible-text");

/// How far a letter that is written from right to left is looked for, in characters of either side.
const DIRECTION_CHARACTERS: usize = 64;

/// How many characters the tags of a flag may have.
const FLAG_TAGS_MAX: usize = 7;

pub(crate) struct InvisibleText;

impl Recognizer for InvisibleText {
    fn entities(&self) -> &[Entity] {
        &[Entity::InvisibleText]
    }

    /// In a shadow nothing is left to find.
    fn reads_shadows(&self) -> bool {
        false
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        if text.is_ascii() {
            return;
        }
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut directions = Directions::default();
        while let Some(start) = UNSEEN_LEADS.next(bytes, at) {
            let rest = &text[start..];
            let end = rest.find(|character| !is_unseen(character)).map_or(text.len(), |length| start + length);
            if end == start {
                at = start + rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
            useless(text, start, end, &mut directions, out);
            at = end;
        }
    }
}

/// Appends the stretches of a run of unseen characters that have no use.
fn useless(text: &str, start: usize, end: usize, directions: &mut Directions, out: &mut Vec<Finding>) {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let flag = if before == Some('\u{1f3f4}') { flag_end(text, start, end) } else { start };
    let mut open = None;
    let mut previous = before;
    for (offset, character) in text[flag..end].char_indices() {
        let at = flag + offset;
        let next = at + character.len_utf8();
        let neighbours = Neighbours { before, after, alone: at == start && next == end, first: at == start, previous };
        let useful = has_use(character, &neighbours) || is_mark(character) && directions.near(text, start, end);
        match (useful, open) {
            (false, None) => open = Some(at),
            (true, Some(from)) => {
                out.push(finding(from..at));
                open = None;
            }
            _ => {}
        }
        previous = Some(character);
    }
    out.extend(open.map(|from| finding(from..end)));
}

fn finding(span: std::ops::Range<usize>) -> Finding {
    Finding { entity: Entity::InvisibleText, span, confidence: 0.9, rule: RULE }
}

/// What stands around one unseen character: the seen ones around its run, and the one directly before.
struct Neighbours {
    before: Option<char>,
    after: Option<char>,
    /// No other unseen character touches it.
    alone: bool,
    first: bool,
    previous: Option<char>,
}

fn has_use(character: char, around: &Neighbours) -> bool {
    let either = |test: fn(char) -> bool| around.before.is_some_and(test) || around.after.is_some_and(test);
    let both = |test: fn(char) -> bool| around.before.is_some_and(test) && around.after.is_some_and(test);
    let useful = match character {
        '\u{feff}' => around.before.is_none() && around.first,
        '\u{ad}' => around.alone && both(char::is_alphabetic),
        '\u{200b}' => around.alone && either(is_of_script_without_spaces),
        // A selector may stand between an emoji and the joiner that ties it to the next.
        '\u{200d}' => {
            around.after.is_some_and(is_pictograph) && around.before.is_some_and(is_pictograph) || either(is_shaped)
        }
        '\u{200c}' => either(is_shaped),
        '\u{34f}' => around.first && around.before.is_some_and(|c| !c.is_ascii()),
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => around.alone && either(is_hangul),
        '\u{17b4}' | '\u{17b5}' => around.first && either(|c| matches!(c, '\u{1780}'..='\u{17ff}')),
        '\u{180b}'..='\u{180e}' => either(|c| matches!(c, '\u{1800}'..='\u{18af}')),
        '\u{fe00}'..='\u{fe0f}' => around.first && around.before.is_some_and(takes_selector),
        '\u{e0100}'..='\u{e01ef}' => around.first && around.before.is_some_and(is_ideograph),
        // The invisible operators of mathematics, one between two terms.
        '\u{2061}'..='\u{2064}' => around.alone && both(|c| !c.is_whitespace()) && !both(|c| c.is_ascii_alphabetic()),
        _ => false,
    };
    // A second selector behind the first is a letter of a hidden text, whatever stands before both.
    useful && !(is_variation_selector(character) && around.previous.is_some_and(is_variation_selector))
}

/// Marks, embeddings and isolates: of use beside right-to-left letters only. Overrides have no such use.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}' | '\u{202b}' | '\u{202c}' | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a letter that is written from right to left stands near; the last answer is kept, so that a long row of
/// marks is looked at once.
#[derive(Default)]
struct Directions {
    run: Option<(usize, bool)>,
}

impl Directions {
    fn near(&mut self, text: &str, start: usize, end: usize) -> bool {
        if let Some((known, near)) = self.run
            && known == start
        {
            return near;
        }
        let before = text[..start].chars().rev().take(DIRECTION_CHARACTERS).any(is_right_to_left);
        let near = before || text[end..].chars().take(DIRECTION_CHARACTERS).any(is_right_to_left);
        self.run = Some((start, near));
        near
    }
}

/// Where the tags of a flag end: letters and digits as tags, then the cancel tag (UTS #51).
fn flag_end(text: &str, start: usize, end: usize) -> usize {
    let run = &text[start..end];
    let is_tag = |c: char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let tags = run.chars().take(FLAG_TAGS_MAX).take_while(|&c| is_tag(c)).map(char::len_utf8).sum::<usize>();
    if tags > 0 && run[tags..].starts_with('\u{e007f}') { start + tags + '\u{e007f}'.len_utf8() } else { start }
}

/// Letters whose form depends on their neighbours, and those of Indic scripts that joiners tie.
const fn is_shaped(character: char) -> bool {
    matches!(
        character,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a840}'..='\u{abff}'
            | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}'
    )
}

const fn is_of_script_without_spaces(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{1aaf}' | '\u{2e80}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}'
    )
}

const fn is_hangul(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}')
}

const fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Emoji and what takes part in their sequences: symbols, skin tones, and the letters and signs of older blocks.
const fn is_pictograph(character: char) -> bool {
    matches!(character, '\u{a9}' | '\u{ae}' | '\u{2000}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// What one selector may stand behind: a symbol, a digit or sign of a keycap, letters that have variants.
const fn takes_selector(character: char) -> bool {
    is_pictograph(character)
        || is_ideograph(character)
        || is_shaped(character)
        || matches!(character, '0'..='9' | '#' | '*' | '\u{1000}'..='\u{109f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and the smaller scripts beside them.
const fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{60f}' | '\u{620}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests;
