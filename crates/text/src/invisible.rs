//! Characters that a reader cannot see and a tokenizer can.
//!
//! Zero-width characters inside a number hide it from whoever looks for it ([`crate::shadow`] takes them out before
//! anyone looks), and tag characters can carry whole sentences ([`crate::hidden`] finds those). Counting them tells
//! whether a corpus needs a closer look; joiners in emoji and Indic scripts are legitimate and counted too.

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

pub(crate) const fn is_invisible(character: char) -> bool {
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

/// Variation selectors: they choose between two looks of the character before them, and a row of them can carry bytes.
pub(crate) const fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether nothing of this character is seen by itself.
pub(crate) const fn is_unseen(character: char) -> bool {
    is_invisible(character) || is_variation_selector(character)
}

/// The bytes that characters of interest begin with: a walk over text of other scripts skips all others.
pub(crate) struct Leads<const N: usize> {
    leads: [u8; N],
    /// The same, one bit a byte.
    bits: [u64; 4],
}

const BLOCK: usize = 32;
const NEAR: usize = 8;

impl<const N: usize> Leads<N> {
    pub(crate) const fn new(leads: [u8; N]) -> Self {
        let mut bits = [0; 4];
        let mut at = 0;
        while at < N {
            bits[(leads[at] >> 6) as usize] |= 1 << (leads[at] & 63);
            at += 1;
        }
        Self { leads, bits }
    }

    const fn holds(&self, byte: u8) -> bool {
        self.bits[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// Whether none of these is in a block. No early end: this form becomes a few vector instructions.
    fn none_in(&self, block: &[u8; BLOCK]) -> bool {
        let equal = |byte: u8| self.leads.iter().fold(0_u8, |any, &lead| any | u8::from(lead == byte));
        block.iter().fold(0, |any, &byte| any | equal(byte)) == 0
    }

    /// The first byte of these in a range.
    pub(crate) fn next_in(&self, bytes: &[u8], within: std::ops::Range<usize>) -> Option<usize> {
        let rest = &bytes[within.clone()];
        // Where one stands, the next is often near; a block is only worth its price over long stretches without.
        if let Some(place) = rest.iter().take(NEAR).position(|&byte| self.holds(byte)) {
            return Some(within.start + place);
        }
        let (blocks, _) = rest.as_chunks::<BLOCK>();
        let at = BLOCK * blocks.iter().take_while(|block| self.none_in(block)).count();
        let place = rest[at..].iter().take(BLOCK).position(|&byte| self.holds(byte))?;
        Some(within.start + at + place)
    }

    /// The first byte of these at or after `from`.
    pub(crate) fn next(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.next_in(bytes, from.min(bytes.len())..bytes.len())
    }
}

/// First bytes of [`is_unseen`].
pub(crate) const UNSEEN_LEADS: Leads<8> = Leads::new([0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf3]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unseen_character_begins_with_a_known_byte() {
        let mut buffer = [0; 4];
        for character in ('\0'..=char::MAX).filter(|&character| is_unseen(character)) {
            let lead = character.encode_utf8(&mut buffer).as_bytes()[0];
            assert!(UNSEEN_LEADS.holds(lead), "{:x}", u32::from(character));
        }
    }

    proptest::proptest! {
        #![proptest_config(crate::tests::seeded(500))]

        #[test]
        fn the_next_lead_is_the_first_one(
            bytes in proptest::collection::vec(proptest::prop_oneof![1 => 0_u8..=255, 60 => b' '..=b'z', 20 => 0xd0_u8..=0xd1], 0..700),
            from in 0_usize..710,
        ) {
            let slowly = (from..bytes.len()).find(|&at| UNSEEN_LEADS.holds(bytes[at]));
            proptest::prop_assert_eq!(UNSEEN_LEADS.next(&bytes, from), slowly);
        }
    }
}
