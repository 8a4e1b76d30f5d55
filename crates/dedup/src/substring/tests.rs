//! The search against a twin that holds every window of every text as a list of words.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::SpillError;
use crate::shingle::mixed;

/// A text with its owner.
type Text = (u128, String);

/// What is found, with so much memory.
fn found(windows: Windows, texts: &[Text], folder: &Path, memory: u64) -> Vec<Repeat> {
    let mut pulse = || Ok::<(), SpillError>(());
    let mut search = Search::new(windows, folder, memory);
    let (mut anchors, mut starts) = (Vec::new(), Vec::new());
    for (owner, text) in texts {
        starts.push(search.tokens());
        let tokens = windows.anchors(text, *owner, &mut Vec::new(), &mut anchors);
        search.push(&anchors, tokens).unwrap();
    }
    starts.push(search.tokens());
    let mut meeting = search.meet(&mut pulse).unwrap();
    let mut met = Vec::new();
    for ((owner, text), range) in texts.iter().zip(starts.windows(2)) {
        meeting.between(&(range[0]..range[1]), &mut met).unwrap();
        for region in windows.around(text, *owner, &met) {
            meeting.push(range[0], *owner, &region).unwrap();
        }
    }
    let mut repeats = meeting.settle(&mut pulse).unwrap();
    let (mut all, mut some) = (Vec::new(), Vec::new());
    for range in starts.windows(2) {
        repeats.between(&(range[0]..range[1]), &mut some).unwrap();
        all.append(&mut some);
    }
    drop(repeats);
    let left: usize = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| if entry.path().is_dir() { std::fs::read_dir(entry.path()).unwrap().count() } else { 1 })
        .sum();
    assert_eq!(left, 0, "runs stay behind");
    all
}

/// The twin: every window in a map of lists of words.
fn twin(tokens: usize, texts: &[Text]) -> Vec<Repeat> {
    let mut first_of: HashMap<(u128, &[&str]), u64> = HashMap::new();
    let texts: Vec<(u128, Vec<&str>)> =
        texts.iter().map(|(owner, text)| (*owner, text.split_ascii_whitespace().collect())).collect();
    let (mut all, mut start) = (Vec::new(), 0);
    for (owner, text) in &texts {
        for (window, words) in (start..).zip(text.windows(tokens)) {
            let first = *first_of.entry((*owner, words)).or_insert(window);
            if first < window {
                all.push(Repeat { window, first });
            }
        }
        start += text.len() as u64;
    }
    all
}

fn agree(windows: Windows, texts: &[Text], memory: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let expected = twin(windows.tokens(), texts);
    let found = found(windows, texts, folder.path(), memory);
    let differs = found.iter().zip(&expected).position(|(one, other)| one != other);
    let at = differs.unwrap_or(found.len().min(expected.len()));
    assert!(
        found == expected,
        "{windows:?}, {memory} bytes: {} and {} repeats, which differ at {at}: {:?} and {:?}",
        found.len(),
        expected.len(),
        found.get(at),
        expected.get(at),
    );
    expected.len()
}

#[test]
fn pictures() {
    let of = |texts: &[&str], tokens: usize| {
        let texts: Vec<Text> = texts.iter().map(|text| (0, (*text).to_owned())).collect();
        let folder = tempfile::tempdir().unwrap();
        let found = found(Windows::new(tokens), &texts, folder.path(), 1 << 20);
        found.into_iter().map(|repeat| (repeat.window, repeat.first)).collect::<Vec<_>>()
    };
    assert_eq!(of(&["a b c d", "x b c d"], 3), [(5, 1)]);
    // Within one text, and over itself.
    assert_eq!(of(&["a b c a b c"], 3), [(3, 0)]);
    assert_eq!(of(&["a a a a a"], 3), [(1, 0), (2, 0)]);
    // A text's end and the next one's beginning are no window.
    assert_eq!(of(&["a b", "c a b", "c"], 3), []);
    assert_eq!(of(&["", "a", "", "a", "a"], 1), [(1, 0), (2, 0)]);
    assert_eq!(of(&[], 3), []);
    // Tokens that only look alike when they are joined.
    assert_eq!(of(&["ab c d", "a bc d", "ab c d"], 3), [(6, 0)]);
}

/// Texts of few words, so that repeats abound.
fn texts() -> impl Strategy<Value = Vec<Text>> {
    let word = prop_oneof![6 => "[ab]", 3 => "[a-e]", 1 => "[a-z]{1,3}"];
    let text = prop_oneof![
        6 => prop::collection::vec(word, 0..40).prop_map(|words| words.join(" ")),
        // A few words again and again.
        1 => ("[ab]", "[a-c]", 0_usize..30).prop_map(|(one, other, times)| format!("{one} {other} ").repeat(times).trim_end().to_owned()),
        1 => ("[ab]", 0_usize..60).prop_map(|(one, times)| format!("{one} ").repeat(times).trim_end().to_owned()),
    ];
    // Long enough for what is read at once to end within a window.
    let stretch = prop::collection::vec("[a-c]{1,2}", 40).prop_map(|words| words.join(" "));
    let long = (prop::collection::vec(stretch, 3), prop::collection::vec(0_usize..3, 4..16))
        .prop_map(|(some, order)| order.into_iter().map(|at| some[at].clone()).collect::<Vec<_>>().join(" "));
    let text = prop_oneof![9 => text, 1 => long];
    prop::collection::vec((prop_oneof![4 => Just(0_u128), 1 => 1_u128..3], text), 0..8)
}

proptest! {
    #![proptest_config(crate::fixtures::proptest_config(250))]
    #[test]
    fn all_repeats_are_found_and_no_others(texts in texts(), tokens in prop_oneof![4 => 1_usize..12, 1 => 12_usize..60]) {
        agree(Windows::new(tokens), &texts, 1 << 20);
    }

    /// Hashes of three bits: nearly everything looks alike.
    #[test]
    fn hashes_that_collide_change_nothing(texts in texts(), tokens in 1_usize..9, bits in 1_u32..5) {
        agree(Windows::weak(tokens, bits), &texts, 1 << 20);
    }
}

/// Numbers that look random.
fn below(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed(*state) % limit
}

/// About so many bytes of texts, with passages of 10 to 200 words of earlier texts in every second one.
fn passages(bytes: usize) -> Vec<Text> {
    let (mut state, mut size) = (crate::fixtures::SEED, 0);
    let mut texts: Vec<Vec<String>> = Vec::new();
    while size < bytes {
        let mut words: Vec<String> = Vec::new();
        for _ in 0..=below(&mut state, 5) {
            let length = 10 + below(&mut state, 191) as usize;
            let earlier = below(&mut state, 2 * texts.len() as u64 + 2) as usize;
            match texts.get(earlier).filter(|text| !text.is_empty()) {
                Some(text) => {
                    let from = below(&mut state, text.len() as u64) as usize;
                    words.extend(text[from..text.len().min(from + length)].iter().cloned());
                }
                None => words.extend((0..length).map(|_| format!("word{}", below(&mut state, 3000)))),
            }
        }
        size += words.iter().map(|word| word.len() + 1).sum::<usize>();
        texts.push(words);
    }
    texts.into_iter().map(|words| (0, words.join(" "))).collect()
}

#[test]
fn memory_leaves_no_trace() {
    let texts = passages(400_000);
    let expected = agree(Windows::new(50), &texts, 1 << 30);
    assert!(expected > 3000, "{expected}");
    for memory in [0, 100_000] {
        assert_eq!(agree(Windows::new(50), &texts, memory), expected);
    }
    assert!(agree(Windows::weak(50, 12), &texts, 0) == expected);
}

#[test]
fn five_megabytes_agree_with_every_window_held() {
    let texts = passages(5_000_000);
    assert!(agree(Windows::new(50), &texts, 1 << 22) > 50_000);
}

#[test]
fn a_pulse_ends_the_work() {
    let texts = passages(1_500_000);
    let folder = tempfile::tempdir().unwrap();
    let mut search = Search::new(Windows::new(2), folder.path(), 1 << 30);
    let mut anchors = Vec::new();
    for (_, text) in &texts {
        let tokens = Windows::new(2).anchors(text, 0, &mut Vec::new(), &mut anchors);
        search.push(&anchors, tokens).unwrap();
    }
    let stopped = search.meet(&mut || Err(SpillError::Damaged { path: "stopped".into() }));
    assert!(matches!(stopped, Err(SpillError::Damaged { .. })));
}
