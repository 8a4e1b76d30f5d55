//! The words of a text in one spelling, and the bytes of the text that each comes from.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::normal::{Piece, fast, folded, has_no_spaces, is_ignorable, pieces, slow};

/// Tokens of a text, one after another, each with its place in the text.
///
/// Tokens are the words of [`crate::normalise`], or whatever was pushed.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    joined: String,
    /// Per token the bytes of the text it comes from. Neighbours may come from the same bytes, as the two words in `½` do;
    /// otherwise places ascend and do not overlap.
    places: Vec<Range<usize>>,
    /// The spelling of parts of a piece, to compare with that of the whole.
    scratch: String,
}

impl Placed {
    /// The words of `text`, in place of what was here.
    ///
    /// The words are those of [`crate::normalise`], always. The bytes that are told for a word, normalised by themselves, give
    /// that word and no other; where characters cannot be told apart in this way, because they become words only together,
    /// these words share their bytes.
    pub fn read(&mut self, text: &str) {
        self.joined.clear();
        self.places.clear();
        let Self { joined, places, scratch } = self;
        pieces(text, |piece, kind| match kind {
            Piece::Word => {
                fast(&text[piece.clone()], joined);
                places.push(piece);
            }
            Piece::Other => {
                let start = joined.len();
                slow(&text[piece.clone()], joined);
                let words = joined[start..].trim_start_matches(' ');
                place(text, piece, words, &[runs, clusters], scratch, places);
            }
        });
    }

    /// Takes all tokens out.
    pub fn clear(&mut self) {
        self.joined.clear();
        self.places.clear();
    }

    /// Adds a token, which has no space in it, with its place behind those of the tokens before.
    pub fn push(&mut self, token: &str, place: Range<usize>) {
        if !self.joined.is_empty() {
            self.joined.push(' ');
        }
        self.joined.push_str(token);
        self.places.push(place);
    }

    /// The tokens with one space between two.
    pub fn tokens(&self) -> &str {
        &self.joined
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The bytes from the first of some tokens to the last, without what stands before and behind them. Tokens that share their
    /// bytes with one that is not among them are left out; none if no token is left.
    pub fn bytes(&self, mut tokens: Range<usize>) -> Option<Range<usize>> {
        let same = |one: usize, other: usize| self.places[one] == self.places[other];
        while !tokens.is_empty() && tokens.start > 0 && same(tokens.start - 1, tokens.start) {
            tokens.start += 1;
        }
        while !tokens.is_empty() && tokens.end < self.len() && same(tokens.end - 1, tokens.end) {
            tokens.end -= 1;
        }
        (!tokens.is_empty()).then(|| self.places[tokens.start].start..self.places[tokens.end - 1].end)
    }
}

/// Cuts a part of a text into smaller parts.
type Cut = fn(&str) -> Vec<Range<usize>>;

/// Tells where in `part` its `words` come from. Smaller parts are believed only if their words are together those of the part.
fn place(
    text: &str,
    part: Range<usize>,
    words: &str,
    cuts: &[Cut],
    scratch: &mut String,
    places: &mut Vec<Range<usize>>,
) {
    let count = if words.is_empty() { 0 } else { words.split(' ').count() };
    let Some((cut, finer)) = cuts.split_first().filter(|_| count > 0) else {
        places.extend(std::iter::repeat_n(part, count));
        return;
    };
    if count == 1 && finer.is_empty() {
        places.push(part);
        return;
    }
    scratch.clear();
    let mut parts: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for smaller in cut(&text[part.clone()]) {
        let smaller = part.start + smaller.start..part.start + smaller.end;
        let start = scratch.len();
        slow(&text[smaller.clone()], scratch);
        let of_it = start + usize::from(start > 0 && scratch.len() > start)..scratch.len();
        parts.push((smaller, of_it));
    }
    if scratch != words {
        places.extend(std::iter::repeat_n(part, count));
        return;
    }
    let mut deeper = String::new();
    for (smaller, of_it) in parts {
        place(text, smaller, &scratch[of_it], finer, &mut deeper, places);
    }
}

/// Runs of characters that may be part of a word.
fn runs(part: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, c) in part.char_indices().filter(|(_, c)| may_be_of_a_word(*c)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += c.len_utf8(),
            _ => runs.push(at..at + c.len_utf8()),
        }
    }
    runs
}

fn may_be_of_a_word(c: char) -> bool {
    if c.is_ascii() {
        return c == '_' || c.is_ascii_alphanumeric();
    }
    c.is_alphanumeric() || is_combining_mark(c) || is_ignorable(c) || [c].into_iter().nfkc().any(char::is_alphanumeric)
}

/// Characters that are words alone, with what belongs to them, and what is between these.
fn clusters(part: &str) -> Vec<Range<usize>> {
    let mut clusters: Vec<Range<usize>> = Vec::new();
    let mut alone_before = false;
    for (at, c) in part.char_indices() {
        let end = at + c.len_utf8();
        let follows = is_ignorable(c) || [c].into_iter().nfkc().next().is_some_and(is_combining_mark);
        let alone = [c].into_iter().nfkc().flat_map(folded).nfkc().any(has_no_spaces);
        match clusters.last_mut() {
            Some(cluster) if follows || !alone && !alone_before => cluster.end = end,
            _ => clusters.push(at..end),
        }
        if !follows {
            alone_before = alone;
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normal::normalise;

    fn n1(text: &str) -> String {
        let mut out = String::new();
        normalise(text, &mut out);
        out
    }

    fn placed(text: &str) -> Placed {
        let mut placed = Placed::default();
        placed.read("what was there before");
        placed.read(text);
        placed
    }

    #[test]
    fn pictures() {
        for (text, places) in [
            ("", &[][..]),
            ("... !!", &[]),
            ("One, TWO;\r\nthree_4", &["One", "TWO", "three_4"]),
            ("Straße – cafe\u{301}!", &["Straße", "cafe\u{301}"]),
            ("“naïve”—em so\u{ad}ft", &["naïve", "em", "so\u{ad}ft"]),
            ("“x\u{ad}y—z”", &["x\u{ad}y", "z"]),
            ("東京は 2026年", &["東", "京", "は", "2026", "年"]),
            ("東京，北京。", &["東", "京", "北", "京"]),
            // Two words in one character, and a letter that is half a mark.
            ("½ x", &["½", "½", "x"]),
            ("กำก", &["กำ", "กำ", "ก"]),
            ("foo™ ㌔", &["foo™", "㌔", "㌔"]),
        ] {
            let placed = placed(text);
            let shown: Vec<&str> = placed.places.iter().map(|place| &text[place.clone()]).collect();
            assert_eq!(shown, places, "{text:?}");
        }
    }

    #[test]
    fn tokens_are_cut_where_bytes_are_theirs_alone() {
        let placed = placed("a ½ b");
        assert_eq!(placed.tokens(), "a 1 2 b");
        assert_eq!(placed.bytes(0..4), Some(0..6));
        assert_eq!(placed.bytes(0..2), Some(0..1));
        assert_eq!(placed.bytes(2..4), Some(5..6));
        assert_eq!(placed.bytes(1..3), Some(2..4));
        assert_eq!((placed.bytes(1..2), placed.bytes(2..3), placed.bytes(3..3)), (None, None, None));
    }

    /// Letters, marks, symbols, controls, scripts: what normalisation stumbles over, often beside each other.
    fn awkward() -> impl Strategy<Value = String> {
        let some = prop::sample::select(
            "aZ_9 ,.\r\n<=ßẞſKİıςΣéÉ\u{301}\u{338}\u{345}\u{308}ᾳᾼΐŉǰẖﬀﬁ½Ⅷ①㌔ﷺ가각ㄱ\u{1100}\u{1161}東ツﾂﾞกำเ\u{e34}ຳက\u{103b}\u{ad}\u{200d}\u{fe0f}\u{feff}😀´’“”—™"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![4 => some, 1 => any::<char>()], 0..24).prop_map(|c| c.into_iter().collect())
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(4000))]
        #[test]
        fn words_are_the_normaliser_s_and_places_give_them_alone(text in awkward()) {
            let placed = placed(&text);
            prop_assert_eq!(placed.tokens(), n1(&text));
            let words: Vec<&str> = placed.tokens().split_ascii_whitespace().collect();
            prop_assert_eq!(words.len(), placed.len());
            // Words that share their bytes are what these bytes say; between them is no word.
            let (mut word, mut behind) = (0, 0);
            for group in placed.places.chunk_by(|one, other| one == other) {
                let place = group[0].clone();
                prop_assert_eq!(n1(&text[behind..place.start]), "");
                prop_assert_eq!(n1(&text[place.clone()]), words[word..word + group.len()].join(" "));
                word += group.len();
                behind = place.end;
            }
            prop_assert_eq!(n1(&text[behind..]), "");
        }
    }

    #[test]
    fn a_page_without_spaces_is_told_apart_word_by_word() {
        let page = "東京は日本の首都。ﾂﾞ x\u{338} ①㌔".repeat(50);
        let placed = placed(&page);
        let longest = placed.places.iter().map(Range::len).max();
        assert!(longest <= Some(6), "{longest:?}");
    }
}
