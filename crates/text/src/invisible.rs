//! Characters that a reader cannot see and a tokenizer can.
//!
//! Zero-width joiners inside a number hide it from recognizers, and tag characters can carry whole sentences. Counting
//! them tells whether a corpus needs a closer look; joiners in emoji and Indic scripts are legitimate and counted too.

/// How many characters of `text` have no width and no visible effect of their own.
///
/// Counts format and bidirectional controls, soft hyphens, fillers, and tag characters; not spaces, line breaks or
/// variation selectors.
pub fn invisible_characters(text: &str) -> usize {
    if text.is_ascii() {
        return 0;
    }
    text.chars().filter(|&character| is_invisible(character)).count()
}

const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
