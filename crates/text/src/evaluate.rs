//! How findings compare with labels: counts, rates and how sure they are. Pure; all spans are in Unicode code points.
//!
//! **Typed score.** Gold spans are taken in the order of the record. Each takes, of the findings that bear its label and
//! are not taken yet, the one with the greatest intersection over union of characters, if that is at least one half; of
//! equal ones the earlier in the list. A gold span that took one is a true positive of its label, any other a false
//! negative, and a finding that nobody took a false positive. An *exact* true positive has the same start and end too.
//!
//! **Micro** sums the counts of the labels that occur in the gold *and* can be produced. What is left out is listed
//! ([`Totals::not_produced`], [`Totals::not_in_gold`]): a detector of e-mail is not blamed for names, and nobody can
//! overlook that names were in the text.
//!
//! **Leaks.** Typed scores hide them: a card number found as a phone number is gone from the text and still counts as
//! two mistakes. So characters are compared without labels too, and a text leaks when any character of a gold span is
//! outside all findings.
//!
//! **Traps** are spans that must not be found; one is hit when any finding shares a character with it.
//!
//! Memory grows with the number of labels, never with the number of texts.

mod bootstrap;
mod coverage;
mod labels;
mod matching;
mod offsets;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bootstrap::Replicates;

pub use labels::canonical;
pub use offsets::{byte_offsets, code_point_offsets};

/// Thresholds of the curve: 0, 0.05, … 1.
pub const THRESHOLDS: usize = 21;

/// The confidence at a place of the curve.
pub fn threshold(place: usize) -> f32 {
    place as f32 / (THRESHOLDS - 1) as f32
}

/// A labelled stretch of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Code points, start included, end excluded; not empty.
    pub span: Range<usize>,
    /// What it is, spelled as [`canonical`] spells it.
    pub label: String,
    /// How sure the finder is, 0 to 1; of gold, 1.
    pub confidence: f32,
}

/// A stretch that must not be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Code points, start included, end excluded; not empty.
    pub span: Range<usize>,
    /// What makes it look like personal data.
    pub why: String,
}

/// Hits and misses of one label or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gold spans that took a finding.
    pub true_positives: u64,
    /// Findings that no gold span took.
    pub false_positives: u64,
    /// Gold spans that took none.
    pub false_negatives: u64,
}

impl Counts {
    /// Gold spans.
    pub fn gold(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Findings.
    pub fn found(&self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// Share of the findings that are right; none without findings.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.found())
    }

    /// Share of the gold that is found; none without gold.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.gold())
    }

    /// Harmonic mean of precision and recall, `2 TP ÷ (2 TP + FP + FN)`; none where nothing was found nor labelled.
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.true_positives, self.gold() + self.found())
    }

    pub(crate) fn add(&mut self, other: &Self, times: u64) {
        self.true_positives += times * other.true_positives;
        self.false_positives += times * other.false_positives;
        self.false_negatives += times * other.false_negatives;
    }
}

/// `part ÷ whole`; none of nothing.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Some out of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub part: u64,
    /// Of how many.
    pub whole: u64,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.part += u64::from(hit);
        self.whole += 1;
    }
}

/// Characters, whatever the label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Characters {
    /// Inside a gold span and inside a finding.
    pub covered: u64,
    /// Inside a gold span.
    pub gold: u64,
    /// Inside a finding.
    pub found: u64,
}

/// Everything that is known of one label.
#[derive(Debug, Clone, Default)]
struct Tally {
    counts: Counts,
    exact: Counts,
    curve: [Counts; THRESHOLDS],
    replicates: Replicates,
}

/// The sums over all texts so far.
#[derive(Debug, Clone)]
pub struct Totals {
    threshold: f32,
    produced: BTreeSet<String>,
    labels: BTreeMap<String, Tally>,
    traps: BTreeMap<String, Share>,
    traps_hit_at: [u64; THRESHOLDS],
    /// Texts.
    pub texts: u64,
    /// Gold characters of every label.
    pub characters: Characters,
    /// Gold characters of labels that can be produced; `found` is the same as in `characters`.
    pub characters_produced: Characters,
    /// Texts with a leak, of those with any gold span.
    pub leaks: Share,
    /// Texts that leak a label that can be produced, of those with such a gold span.
    pub leaks_produced: Share,
}

/// What one label, or micro, scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// By the rule of the module: intersection over union of at least one half.
    pub counts: Counts,
    /// With the same start and end.
    pub exact: Counts,
    /// The middle 95 % of F1 over texts drawn again; none where nothing was found nor labelled.
    pub f1_interval: Option<(f64, f64)>,
}

/// Micro counts and traps at one confidence threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Findings below are left out.
    pub threshold: f32,
    /// Summed over the labels of micro.
    pub counts: Counts,
    /// Of all traps, those that are hit.
    pub traps: Share,
}

impl Totals {
    /// Nothing counted yet. `produced` are the labels that can be found; findings below `threshold` are ignored.
    pub fn new(produced: BTreeSet<String>, threshold: f32) -> Self {
        Self {
            threshold,
            produced,
            labels: BTreeMap::new(),
            traps: BTreeMap::new(),
            traps_hit_at: [0; THRESHOLDS],
            texts: 0,
            characters: Characters::default(),
            characters_produced: Characters::default(),
            leaks: Share::default(),
            leaks_produced: Share::default(),
        }
    }

    /// Adds one text. Spans may overlap, stand in any order, and must lie inside the text.
    pub fn add(&mut self, gold: &[Mark], found: &[Mark], traps: &[Trap]) {
        let found: Vec<&Mark> = found.iter().filter(|mark| mark.confidence >= self.threshold).collect();
        let pairing = matching::pair(gold, &found);
        let counted = matching::count(gold, &found, &pairing);
        let weights = (!counted.is_empty()).then(|| bootstrap::weights(self.texts));
        for (label, (counts, exact)) in &counted {
            let tally = entry(&mut self.labels, label);
            tally.counts.add(counts, 1);
            tally.exact.add(exact, 1);
            tally.replicates.add(counts, weights.as_deref().unwrap_or_default());
        }
        self.add_leaks(gold, &found);
        let all = coverage::union(found.iter().map(|mark| &mark.span));
        for trap in traps {
            let hit = coverage::touches(&all, &trap.span);
            self.traps.entry(trap.why.clone()).or_default().count(hit);
        }
        self.add_curve(gold, &found, traps);
        self.texts += 1;
    }

    fn add_leaks(&mut self, gold: &[Mark], found: &[&Mark]) {
        let covered = coverage::union(found.iter().map(|mark| &mark.span));
        let produced = gold.iter().filter(|mark| self.produced.contains(&mark.label)).collect::<Vec<_>>();
        let every = gold.iter().collect::<Vec<_>>();
        for (marks, characters, leaks) in [
            (every, &mut self.characters, &mut self.leaks),
            (produced, &mut self.characters_produced, &mut self.leaks_produced),
        ] {
            let spans = coverage::union(marks.iter().map(|mark| &mark.span));
            characters.gold += coverage::length(&spans);
            characters.found += coverage::length(&covered);
            let shared = coverage::shared(&spans, &covered);
            characters.covered += shared;
            if !marks.is_empty() {
                leaks.count(shared < coverage::length(&spans));
            }
        }
    }

    fn add_curve(&mut self, gold: &[Mark], found: &[&Mark], traps: &[Trap]) {
        let mut place = 0;
        while place < THRESHOLDS {
            let kept: Vec<&Mark> = found.iter().copied().filter(|mark| mark.confidence >= threshold(place)).collect();
            // Up to the least confidence that is left, nothing changes.
            let same = |next: &usize| kept.iter().all(|mark| mark.confidence >= threshold(*next));
            let places = place..(place + 1..THRESHOLDS).find(|next| !same(next)).unwrap_or(THRESHOLDS);
            let counted = matching::count(gold, &kept, &matching::pair(gold, &kept));
            let all = coverage::union(kept.iter().map(|mark| &mark.span));
            let hit = traps.iter().filter(|trap| coverage::touches(&all, &trap.span)).count() as u64;
            for place in places.clone() {
                for (label, (counts, _)) in &counted {
                    entry(&mut self.labels, label).curve[place].add(counts, 1);
                }
                self.traps_hit_at[place] += hit;
            }
            place = places.end;
        }
    }

    /// The labels of micro: in the gold, and such as can be produced.
    fn scored(&self) -> impl Iterator<Item = (&String, &Tally)> {
        self.labels.iter().filter(|(label, tally)| self.produced.contains(*label) && tally.counts.gold() > 0)
    }

    /// One label after another, by name.
    pub fn scores(&self) -> Vec<(&str, Score)> {
        self.scored().map(|(label, tally)| (label.as_str(), score([tally]))).collect()
    }

    /// Over the labels of [`Self::scores`].
    pub fn micro(&self) -> Score {
        score(self.scored().map(|(_, tally)| tally))
    }

    /// Labels of the gold that cannot be produced, with the number of their spans.
    pub fn not_produced(&self) -> Vec<(&str, u64)> {
        let missing = self.labels.iter().filter(|(label, _)| !self.produced.contains(*label));
        missing.map(|(label, tally)| (label.as_str(), tally.counts.gold())).filter(|(_, gold)| *gold > 0).collect()
    }

    /// Labels of findings that the gold never has, with the number of findings. They count in `characters` and in traps.
    pub fn not_in_gold(&self) -> Vec<(&str, u64)> {
        let surplus = self.labels.iter().filter(|(_, tally)| tally.counts.gold() == 0);
        surplus.map(|(label, tally)| (label.as_str(), tally.counts.found())).filter(|(_, found)| *found > 0).collect()
    }

    /// Traps by what makes them one: those hit, of all.
    pub fn traps(&self) -> &BTreeMap<String, Share> {
        &self.traps
    }

    /// All traps together.
    pub fn all_traps(&self) -> Share {
        let add = |sum: Share, share: &Share| Share { part: sum.part + share.part, whole: sum.whole + share.whole };
        self.traps.values().fold(Share::default(), add)
    }

    /// Micro and traps at every threshold of [`threshold`] that is not below the one of [`Self::new`].
    ///
    /// A finding is left out after overlaps were settled: one that lost to it does not come back.
    pub fn curve(&self) -> Vec<Point> {
        let whole = self.all_traps().whole;
        let point = |place: usize| {
            let mut counts = Counts::default();
            for (_, tally) in self.scored() {
                counts.add(&tally.curve[place], 1);
            }
            Point { threshold: threshold(place), counts, traps: Share { part: self.traps_hit_at[place], whole } }
        };
        (0..THRESHOLDS).filter(|place| threshold(*place) >= self.threshold).map(point).collect()
    }
}

fn entry<'a>(labels: &'a mut BTreeMap<String, Tally>, label: &str) -> &'a mut Tally {
    labels.entry(label.to_owned()).or_default()
}

fn score<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Score {
    let (mut counts, mut exact, mut replicates) = (Counts::default(), Counts::default(), Replicates::default());
    for tally in tallies {
        counts.add(&tally.counts, 1);
        exact.add(&tally.exact, 1);
        replicates.merge(&tally.replicates);
    }
    Score { counts, exact, f1_interval: replicates.f1_interval() }
}

#[cfg(test)]
mod tests;
