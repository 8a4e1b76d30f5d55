//! Any of many keywords, in any ASCII case, in one pass over a text.
//!
//! An automaton over some hundred keywords reads one byte after the other, each step waiting for the one before. Here
//! every position is judged by itself: the three bytes at it are hashed into a table of bytes, and the fourth chooses a
//! bit there. What is set are four bytes of each keyword, the four least usual in text, so that hardly any position is
//! looked at twice; there the keywords of that hash are compared in full.

const HASH_BITS: u32 = 15;
const SLOTS: usize = 1 << HASH_BITS;
/// The shortest keyword: what is hashed.
pub(super) const KEYWORD_BYTES_MIN: usize = 3;
/// Lower case of letters; other bytes may fall together, which costs a comparison and no hit.
const FOLD: u64 = 0x2020_2020_2020_2020;
/// The fourth byte is shifted out of 32 bits by the last eight of the factor.
const FACTOR: u32 = 0x9e37_7900;
/// Positions of eight bytes that have three more behind them.
const STEP: usize = 5;
const NO_BUCKET: u16 = u16::MAX;

/// Letters by how common they are in English and in code, most common first.
const COMMON: &[u8] = b"e tasironlcdupmfghy_bvk.wx-/:=";

/// A keyword of this number stands so many bytes before the three that were hashed.
#[derive(Clone, Copy)]
struct Place {
    keyword: u32,
    offset: u32,
}

pub(super) struct Keywords {
    texts: Vec<Box<[u8]>>,
    /// One bit for each of eight kinds of fourth bytes.
    marks: Vec<u8>,
    bucket_of: Vec<u16>,
    buckets: Vec<Vec<Place>>,
}

impl Keywords {
    /// Keywords shorter than three bytes are never found; numbers are places in `keywords`.
    pub(super) fn new<'a>(keywords: impl Iterator<Item = &'a str>) -> Self {
        let texts = keywords.map(|keyword| keyword.as_bytes().into()).collect::<Vec<Box<[u8]>>>();
        let mut found = Self { texts, marks: vec![0; SLOTS], bucket_of: vec![NO_BUCKET; SLOTS], buckets: Vec::new() };
        for keyword in 0..found.texts.len() {
            found.insert(keyword);
        }
        found
    }

    fn insert(&mut self, keyword: usize) {
        let text = &self.texts[keyword];
        let Some(offset) = rarest(text) else {
            return;
        };
        let three = u32::from_le_bytes([text[offset], text[offset + 1], text[offset + 2], 0]);
        let slot = hash(three | FOLD as u32);
        self.marks[slot] |= text.get(offset + 3).map_or(u8::MAX, |&fourth| 1 << (fourth & 7));
        if self.bucket_of[slot] == NO_BUCKET {
            self.bucket_of[slot] = self.buckets.len() as u16;
            self.buckets.push(Vec::new());
        }
        let bucket = usize::from(self.bucket_of[slot]);
        self.buckets[bucket].push(Place { keyword: keyword as u32, offset: offset as u32 });
    }

    /// Calls `hit` with the number and the start of every keyword in `bytes`, overlapping ones too; each keyword's
    /// places come in order.
    pub(super) fn find(&self, bytes: &[u8], mut hit: impl FnMut(usize, usize)) {
        let mut at = 0;
        while let Some(eight) = bytes[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight) | FOLD;
            let marked = |offset: usize| {
                let four = (word >> (8 * offset)) as u32;
                self.marks[hash(four)] >> ((four >> 24) & 7)
            };
            if (marked(0) | marked(1) | marked(2) | marked(3) | marked(4)) & 1 != 0 {
                for offset in 0..STEP {
                    if marked(offset) & 1 != 0 {
                        self.compare(bytes, at + offset, hash((word >> (8 * offset)) as u32), &mut hit);
                    }
                }
            }
            at += STEP;
        }
        for (offset, three) in bytes[at..].windows(KEYWORD_BYTES_MIN).enumerate() {
            let word = u32::from_le_bytes([three[0], three[1], three[2], 0]) | FOLD as u32;
            self.compare(bytes, at + offset, hash(word), &mut hit);
        }
    }

    fn compare(&self, bytes: &[u8], at: usize, slot: usize, hit: &mut impl FnMut(usize, usize)) {
        for place in self.buckets.get(usize::from(self.bucket_of[slot])).into_iter().flatten() {
            let keyword = &self.texts[place.keyword as usize];
            let Some(start) = at.checked_sub(place.offset as usize) else {
                continue;
            };
            if bytes.get(start..start + keyword.len()).is_some_and(|found| found.eq_ignore_ascii_case(keyword)) {
                hit(place.keyword as usize, start);
            }
        }
    }
}

/// The hash of the three lower bytes of a folded word.
const fn hash(word: u32) -> usize {
    (word.wrapping_mul(FACTOR) >> (32 - HASH_BITS)) as usize
}

/// Where the four bytes of a keyword stand that are least usual in text; a keyword of three bytes has one such place.
fn rarest(keyword: &[u8]) -> Option<usize> {
    let usual = |byte: &u8| {
        let rank = COMMON.iter().position(|&common| common == byte.to_ascii_lowercase());
        COMMON.len() - rank.unwrap_or(COMMON.len())
    };
    let width = keyword.len().min(KEYWORD_BYTES_MIN + 1);
    let windows = keyword.windows(width.max(KEYWORD_BYTES_MIN)).enumerate();
    windows.min_by_key(|(_, window)| window.iter().map(usual).sum::<usize>()).map(|(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every keyword compared at every place.
    fn slowly(keywords: &[&str], text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for start in 0..text.len() {
            for (number, keyword) in keywords.iter().enumerate() {
                let end = start + keyword.len();
                if end <= text.len() && text[start..end].eq_ignore_ascii_case(keyword.as_bytes()) {
                    found.push((number, start));
                }
            }
        }
        found
    }

    fn quickly(keywords: &[&str], text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        Keywords::new(keywords.iter().copied()).find(text, |keyword, start| found.push((keyword, start)));
        found
    }

    const KEYWORDS: &[&str] =
        &["key", "api_key", "KEY-", "sk_live_", "AAA", "aaaa", "::AA", "電話", "-----BEGIN ", "_ke", "token", "oke"];

    #[test]
    fn keywords_at_both_ends_and_inside_each_other() {
        assert_eq!(quickly(KEYWORDS, b"kEy"), [(0, 0)]);
        assert_eq!(quickly(KEYWORDS, b"ke"), []);
        assert_eq!(quickly(KEYWORDS, b""), []);
        assert_eq!(quickly(&["ab", ""], b"abab"), []);
        let mut found = quickly(KEYWORDS, b"an Api_Key-token");
        found.sort_unstable();
        assert_eq!(found, [(0, 7), (1, 3), (2, 7), (9, 6), (10, 11), (11, 12)]);
    }

    proptest::proptest! {
        #![proptest_config(crate::tests::seeded(2000))]

        #[test]
        fn the_pass_agrees_with_its_slow_twin(
            parts in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::sample::select(KEYWORDS).prop_map(str::to_owned),
                    "[aAkKeEyY_ :-]{0,6}",
                    proptest::arbitrary::any::<String>(),
                ],
                0..12,
            )
        ) {
            let text = parts.concat();
            let mut found = quickly(KEYWORDS, text.as_bytes());
            found.sort_unstable_by_key(|&(keyword, start)| (start, keyword));
            proptest::prop_assert_eq!(found, slowly(KEYWORDS, text.as_bytes()));
        }
    }

    use proptest::strategy::Strategy as _;
}
