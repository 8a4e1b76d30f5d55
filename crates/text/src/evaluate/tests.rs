//! Known answers by hand, and the same scores from sets of characters.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::tests::seeded;

fn mark(span: Range<usize>, label: &str) -> Mark {
    Mark { span, label: label.to_owned(), confidence: 1.0 }
}

fn counts(true_positives: u64, false_positives: u64, false_negatives: u64) -> Counts {
    Counts { true_positives, false_positives, false_negatives }
}

fn totals(produced: &[&str]) -> Totals {
    Totals::new(produced.iter().map(|label| (*label).to_owned()).collect(), 0.0)
}

#[test]
fn half_of_the_union_is_enough_and_less_is_not() {
    for (found, hit) in [(0..10, true), (0..5, true), (0..4, false), (0..20, true), (0..21, false), (10..20, false)] {
        let mut sum = totals(&["A"]);
        sum.add(&[mark(0..10, "A")], &[mark(found.clone(), "A")], &[]);
        let expected = if hit { counts(1, 0, 0) } else { counts(0, 1, 1) };
        assert_eq!(sum.micro().counts, expected, "{found:?}");
        let exact = if found == (0..10) { counts(1, 0, 0) } else { counts(0, 1, 1) };
        assert_eq!(sum.micro().exact, exact, "{found:?}");
    }
}

#[test]
fn each_finding_is_taken_once_by_the_first_that_wants_it() {
    let mut sum = totals(&["A"]);
    // Both gold spans are half of the finding; the better of two findings is taken, not the first.
    sum.add(&[mark(2..4, "A"), mark(0..2, "A")], &[mark(0..4, "A")], &[]);
    assert_eq!(sum.micro().counts, counts(1, 0, 1));
    sum.add(&[mark(0..10, "A")], &[mark(0..6, "A"), mark(0..9, "A")], &[]);
    assert_eq!(sum.micro().counts, counts(2, 1, 1));
}

#[test]
fn a_wrong_label_is_two_mistakes_and_no_leak() {
    let mut sum = totals(&["A", "B"]);
    sum.add(&[mark(0..4, "A"), mark(6..8, "B")], &[mark(0..4, "B")], &[]);
    let labels: Vec<_> = sum.scores().into_iter().map(|(label, score)| (label.to_owned(), score.counts)).collect();
    assert_eq!(labels, [("A".to_owned(), counts(0, 0, 1)), ("B".to_owned(), counts(0, 1, 1))]);
    assert_eq!(sum.characters, Characters { covered: 4, gold: 6, found: 4 });
    assert_eq!(sum.leaks, Share { part: 1, whole: 1 });
}

#[test]
fn what_cannot_be_produced_and_what_gold_lacks_is_listed_and_out_of_micro() {
    let mut sum = totals(&["A", "C"]);
    let gold = [mark(0..4, "A"), mark(5..9, "PERSON")];
    sum.add(&gold, &[mark(0..4, "A"), mark(5..9, "C")], &[]);
    assert_eq!(sum.micro().counts, counts(1, 0, 0));
    assert_eq!(sum.not_produced(), [("PERSON", 1)]);
    assert_eq!(sum.not_in_gold(), [("C", 1)]);
    assert_eq!(sum.characters_produced, Characters { covered: 4, gold: 4, found: 8 });
    assert_eq!((sum.leaks.part, sum.leaks_produced.part), (0, 0));
    sum.add(&gold, &[], &[]);
    sum.add(&gold[1..], &[], &[]);
    assert_eq!(sum.leaks, Share { part: 2, whole: 3 });
    assert_eq!(sum.leaks_produced, Share { part: 1, whole: 2 });
}

#[test]
fn a_trap_is_hit_by_one_character_and_not_by_a_neighbour() {
    let mut sum = totals(&["A"]);
    let trap = |span, why: &str| Trap { span, why: why.to_owned() };
    let traps = [trap(0..4, "version"), trap(4..6, "version"), trap(9..12, "date")];
    sum.add(&[], &[mark(3..4, "A"), mark(6..9, "A")], &traps);
    assert_eq!(sum.traps()["version"], Share { part: 1, whole: 2 });
    assert_eq!(sum.traps()["date"], Share { part: 0, whole: 1 });
    assert_eq!(sum.all_traps(), Share { part: 1, whole: 3 });
}

#[test]
fn the_curve_drops_findings_and_starts_at_the_threshold() {
    let unsure = |span, confidence| Mark { confidence, ..mark(span, "A") };
    let mut sum = Totals::new(BTreeSet::from(["A".to_owned()]), 0.3);
    let gold = [mark(0..4, "A"), mark(6..8, "A")];
    let trap = Trap { span: 10..12, why: String::new() };
    sum.add(&gold, &[unsure(0..4, 0.9), unsure(6..8, 0.7), unsure(10..11, 0.35), unsure(14..15, 0.2)], &[trap]);
    assert_eq!(sum.micro().counts, counts(2, 1, 0));
    let curve = sum.curve();
    assert_eq!(curve.len(), 15);
    for point in curve {
        let kept = |confidence: f32| u64::from(confidence >= point.threshold);
        let right = kept(0.9) + kept(0.7);
        assert_eq!(point.counts, counts(right, kept(0.35), 2 - right), "{}", point.threshold);
        assert_eq!(point.traps, Share { part: kept(0.35), whole: 1 });
    }
}

#[test]
fn rates_of_nothing_are_none() {
    let none = Counts::default();
    assert_eq!((none.precision(), none.recall(), none.f1()), (None, None, None));
    assert_eq!(counts(0, 1, 0).recall(), None);
    assert_eq!(counts(3, 1, 3).f1(), Some(0.6));
    assert_eq!(totals(&["A"]).micro().f1_interval, None);
}

#[test]
fn offsets_of_text_in_many_scripts() {
    let text = "aé€😀z";
    assert_eq!(byte_offsets(text, &[0, 1, 1, 2, 3, 4, 5]), Some(vec![0, 1, 1, 3, 6, 10, 11]));
    assert_eq!(code_point_offsets(text, &[0, 1, 1, 3, 6, 10, 11]), Some(vec![0, 1, 1, 2, 3, 4, 5]));
    assert_eq!(byte_offsets(text, &[6]), None);
    assert_eq!(code_point_offsets(text, &[2]), None);
    assert_eq!(code_point_offsets(text, &[12]), None);
    assert_eq!((byte_offsets("", &[0]), code_point_offsets("", &[0])), (Some(vec![0]), Some(vec![0])));
}

/// Marks anywhere in a text of forty characters, overlapping as they like.
fn marks(count: usize) -> impl Strategy<Value = Vec<Mark>> {
    let one = (0_usize..40, 1_usize..9, 0_usize..3, 0_usize..=20).prop_map(|(start, length, label, place)| Mark {
        span: start..(start + length).min(40),
        label: ["A", "B", "C"][label].to_owned(),
        confidence: threshold(place),
    });
    prop::collection::vec(one, 0..count)
}

fn characters<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> BTreeSet<usize> {
    marks.into_iter().flat_map(|mark| mark.span.clone()).collect()
}

/// The rule of the module, said again with sets.
fn slow_counts(gold: &[Mark], found: &[&Mark]) -> BTreeMap<String, (Counts, Counts)> {
    let mut by_label: BTreeMap<String, (Counts, Counts)> = BTreeMap::new();
    let mut left: Vec<(usize, &Mark)> = found.iter().copied().enumerate().collect();
    for mark in gold {
        let own = characters([mark]);
        let iou = |other: &Mark| {
            let other = characters([other]);
            own.intersection(&other).count() as f64 / own.union(&other).count() as f64
        };
        let mut best: Option<(usize, f64)> = None;
        for (place, (_, other)) in left.iter().enumerate() {
            let close = iou(other);
            if other.label == mark.label && close >= 0.5 && best.is_none_or(|(_, before)| close > before) {
                best = Some((place, close));
            }
        }
        let (counts, exact) = by_label.entry(mark.label.clone()).or_default();
        match best.map(|(place, _)| left.remove(place).1) {
            Some(taken) if taken.span == mark.span => {
                counts.true_positives += 1;
                exact.true_positives += 1;
            }
            Some(_) => {
                counts.true_positives += 1;
                exact.false_positives += 1;
                exact.false_negatives += 1;
            }
            None => {
                counts.false_negatives += 1;
                exact.false_negatives += 1;
            }
        }
    }
    for (_, mark) in left {
        let (counts, exact) = by_label.entry(mark.label.clone()).or_default();
        counts.false_positives += 1;
        exact.false_positives += 1;
    }
    by_label
}

proptest! {
    #![proptest_config(seeded(400))]

    #[test]
    fn scores_are_those_of_sets_of_characters(gold in marks(7), found in marks(9), traps in marks(5), cut in 0_usize..=20) {
        let mut sum = Totals::new(BTreeSet::from(["A".to_owned(), "B".to_owned()]), threshold(cut));
        let as_traps = |mark: &Mark| Trap { span: mark.span.clone(), why: mark.label.clone() };
        sum.add(&gold, &found, &traps.iter().map(as_traps).collect::<Vec<_>>());
        let above = |place: usize| found.iter().filter(|mark| mark.confidence >= threshold(place)).collect::<Vec<_>>();
        let kept = above(cut);
        let expected = slow_counts(&gold, &kept);
        let in_gold: BTreeSet<&str> = gold.iter().map(|mark| mark.label.as_str()).collect();
        let scored: Vec<_> = expected.iter().filter(|(label, _)| *label != "C" && in_gold.contains(label.as_str())).collect();
        let actual: BTreeMap<_, _> = sum.scores().into_iter().map(|(label, score)| (label.to_owned(), (score.counts, score.exact))).collect();
        prop_assert_eq!(actual, scored.iter().map(|(label, both)| ((*label).clone(), **both)).collect());
        let mut micro = Counts::default();
        for (_, (counts, _)) in &scored {
            micro.add(counts, 1);
        }
        prop_assert_eq!(sum.micro().counts, micro);

        let covered = characters(kept.iter().copied());
        let all = characters(&gold);
        prop_assert_eq!(sum.characters.covered, all.intersection(&covered).count() as u64);
        prop_assert_eq!((sum.characters.gold, sum.characters.found), (all.len() as u64, covered.len() as u64));
        prop_assert_eq!(sum.leaks.part, u64::from(!all.is_subset(&covered)));
        let ours = characters(gold.iter().filter(|mark| mark.label != "C"));
        prop_assert_eq!(sum.leaks_produced.part, u64::from(!ours.is_subset(&covered)));
        prop_assert_eq!(sum.characters_produced.gold, ours.len() as u64);
        let hit = |covered: &BTreeSet<usize>| traps.iter().filter(|trap| !characters([*trap]).is_disjoint(covered)).count() as u64;
        prop_assert_eq!(sum.all_traps(), Share { part: hit(&covered), whole: traps.len() as u64 });

        for (point, place) in sum.curve().into_iter().zip(cut..) {
            let kept = above(place);
            let mut micro = Counts::default();
            for (label, (counts, _)) in slow_counts(&gold, &kept) {
                if label != "C" && in_gold.contains(label.as_str()) {
                    micro.add(&counts, 1);
                }
            }
            prop_assert_eq!(point.counts, micro);
            prop_assert_eq!(point.traps.part, hit(&characters(kept)));
        }
    }

    #[test]
    fn offsets_go_there_and_back(text in "[a-zé€😀\\n]{0,30}") {
        let bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        let code_points: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(byte_offsets(&text, &code_points), Some(bytes.clone()));
        prop_assert_eq!(code_point_offsets(&text, &bytes), Some(code_points));
    }
}
