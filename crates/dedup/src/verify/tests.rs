use std::collections::HashSet;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// A text as the tests have it: shingles, keys, owner.
#[derive(Debug, Clone)]
struct Text {
    set: Vec<u64>,
    keys: Vec<u64>,
    owner: u128,
}

fn text(members: impl IntoIterator<Item = u64>, keys: &[u64]) -> Text {
    let mut set: Vec<u64> = members.into_iter().collect();
    crate::shingle::distinct(&mut set);
    Text { set, keys: keys.to_vec(), owner: 0 }
}

fn looked(texts: &[Text], number: usize) -> Looked<'_> {
    let Text { set, keys, owner } = &texts[number];
    Looked { number: number as u32, set, keys, owner: *owner }
}

fn judged(mut anchors: Anchors, texts: &[Text]) -> (Vec<Option<Copy>>, u64) {
    let mut fetch = |number: u32, out: &mut Vec<u64>| -> Result<(), Infallible> {
        out.extend(&texts[number as usize].set);
        Ok(())
    };
    let judge = |number| {
        let text = looked(texts, number);
        let found = anchors.look(&text, &mut fetch).unwrap();
        if found.is_none() {
            anchors.keep(&text);
        }
        found
    };
    let verdicts = (0..texts.len()).map(judge).collect();
    (verdicts, anchors.crowded())
}

/// The twin: every text against every kept one, sets as sets.
fn twin(settings: Settings, texts: &[Text], by_keys: bool) -> Vec<Option<Copy>> {
    let mut verdicts: Vec<Option<Copy>> = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let set: HashSet<u64> = text.set.iter().copied().collect();
        let mut best: Option<Copy> = None;
        for (of, kept) in texts[..number].iter().enumerate().filter(|(of, _)| verdicts[*of].is_none()) {
            let other: HashSet<u64> = kept.set.iter().copied().collect();
            let whole = if settings.measure == Measure::Jaccard { set.union(&other).count() } else { set.len() };
            let similarity = set.intersection(&other).count() as f64 / whole as f64;
            let met = !by_keys || text.keys.iter().any(|key| kept.keys.contains(key));
            let meant = match settings.among {
                Among::All => true,
                Among::OneOwner => text.owner == kept.owner,
                Among::OtherOwners => text.owner != kept.owner,
            };
            if met && meant && similarity >= settings.threshold && best.is_none_or(|b| similarity > b.similarity) {
                best = Some(Copy { of: of as u32, similarity });
            }
        }
        verdicts.push(best);
    }
    verdicts
}

fn jaccard(threshold: f64) -> Settings {
    Settings { threshold, measure: Measure::Jaccard, among: Among::All }
}

#[test]
fn a_chain_is_not_a_cluster() {
    // Neighbours have 8 of 12 in common, ends 6 of 14 and less.
    let texts: Vec<Text> = (0..4).map(|i| text(2 * i..2 * i + 10, &[1])).collect();
    let (verdicts, _) = judged(Anchors::new(jaccard(0.6)), &texts);
    let copy = |of| Some(Copy { of, similarity: 8.0 / 12.0 });
    assert_eq!(verdicts, [None, copy(0), None, copy(2)]);
}

#[test]
fn the_threshold_itself_is_reached() {
    let texts = [text(0..17, &[1]), text(3..20, &[1])];
    assert_eq!(judged(Anchors::new(jaccard(0.7)), &texts).0[1], Some(Copy { of: 0, similarity: 0.7 }));
    assert_eq!(judged(Anchors::new(jaccard(0.700_000_1)), &texts).0[1], None);
}

#[test]
fn the_most_similar_kept_text_is_named() {
    let texts = [text(0..10, &[1]), text(5..25, &[2]), text(4..25, &[1, 2]), text(0..10, &[3]), text(0..10, &[3, 1])];
    let (verdicts, _) = judged(Anchors::new(jaccard(0.2)), &texts);
    assert_eq!(verdicts[2], Some(Copy { of: 1, similarity: 20.0 / 21.0 }));
    assert_eq!(verdicts[3], None, "no key in common");
    assert_eq!(verdicts[4], Some(Copy { of: 0, similarity: 1.0 }), "of two the first");
}

#[test]
fn what_is_contained_goes_and_what_contains_stays() {
    let contained = Settings { measure: Measure::Containment, ..jaccard(0.9) };
    let (long, short) = (text(0..100, &[1]), text(20..40, &[1]));
    let (verdicts, _) = judged(Anchors::new(contained), &[long.clone(), short.clone()]);
    assert_eq!(verdicts, [None, Some(Copy { of: 0, similarity: 1.0 })]);
    assert_eq!(judged(Anchors::new(contained), &[short, long]).0, [None, None]);
}

/// A key that many dissimilar texts have is remembered for the first 64 of them, and the rest is counted.
#[test]
fn boilerplate_is_bounded_and_reported() {
    let mut texts: Vec<Text> = (0..100).map(|i| text(1000 * i..1000 * i + 10, &[7, 1000 + i])).collect();
    texts.push(text(99_000..99_010, &[7]));
    texts.push(text(63_000..63_010, &[7]));
    texts.push(text(99_000..99_010, &[7, 1099]));
    let (verdicts, crowded) = judged(Anchors::new(jaccard(0.8)), &texts);
    assert_eq!(verdicts.iter().flatten().map(|copy| copy.of).collect::<Vec<_>>(), [63, 99]);
    assert_eq!(crowded, 37);
}

#[test]
fn empty_sets_are_copies_of_nothing() {
    let texts = [text([], &[]), text([], &[1]), text([], &[1])];
    for anchors in [Anchors::new(jaccard(0.5)), Anchors::exhaustive(jaccard(0.5), Frequencies::default())] {
        assert_eq!(judged(anchors, &texts).0, [None, None, None]);
    }
}

fn texts() -> impl Strategy<Value = Vec<Text>> {
    // Few members and few keys, so that texts are alike and meet.
    let one = (prop::collection::vec(0_u64..14, 0..12), prop::collection::vec(0_u64..9, 0..4), 0_u128..3);
    let one = one.prop_map(|(members, keys, owner)| Text { owner, ..text(members, &keys) });
    prop::collection::vec(one, 0..14)
}

fn settings() -> impl Strategy<Value = Settings> {
    let threshold = prop::sample::select(vec![0.05, 0.3, 0.5, 0.6, 2.0 / 3.0, 0.7, 0.75, 0.8, 1.0]);
    let measure = prop::sample::select(vec![Measure::Jaccard, Measure::Containment]);
    let among = prop::sample::select(vec![Among::All, Among::OneOwner, Among::OtherOwners]);
    (threshold, measure, among).prop_map(|(threshold, measure, among)| Settings { threshold, measure, among })
}

proptest! {
    #![proptest_config(crate::fixtures::proptest_config(3000))]
    #[test]
    fn bands_are_all_pairs_with_a_common_key(texts in texts(), settings in settings()) {
        prop_assert_eq!(judged(Anchors::new(settings), &texts).0, twin(settings, &texts, true));
    }

    #[test]
    fn an_exhaustive_search_is_all_pairs(texts in texts(), settings in settings()) {
        let mut frequencies = Frequencies::default();
        for text in &texts {
            frequencies.count(&text.set);
        }
        prop_assert_eq!(judged(Anchors::exhaustive(settings, frequencies), &texts).0, twin(settings, &texts, false));
    }

    #[test]
    fn overlaps_are_counted(one in prop::collection::btree_set(0_u64..30, 0..20), other in prop::collection::btree_set(0_u64..30, 0..20), needed in 0_usize..20) {
        let shared = one.intersection(&other).count();
        let (one, other): (Vec<u64>, Vec<u64>) = (one.into_iter().collect(), other.into_iter().collect());
        prop_assert_eq!(overlap(&one, &other, needed), (shared >= needed).then_some(shared));
    }
}
