//! Texts through the rules: find, rewrite, digest. The only part that runs on many threads.
//!
//! Every text is judged by itself and results come back in the order of the texts, so the number of
//! threads cannot show in the output.

use privet_text::{
    Context, CustomRule, Entity, Finding, Operator, Policy, Recognizer, RulePack, denied, recognizers, scan, scrub,
};
use rayon::prelude::*;

use crate::dedup::{Digest, digest};
use crate::error::{Error, Fault};
use crate::guard::caught;

/// Recognizers and policy, ready to use.
pub(crate) struct Rules {
    recognizers: Vec<Box<dyn Recognizer>>,
    policy: Policy,
}

/// A finding with its place counted in characters too.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) finding: Finding,
    pub(crate) start_char: u64,
    pub(crate) end_char: u64,
}

/// What the rules made of one text.
#[derive(Debug, Clone)]
pub(crate) struct Scrubbed {
    /// The new text, if it differs.
    pub(crate) changed: Option<String>,
    /// Digest of the text as it is after scrubbing.
    pub(crate) digest: Digest,
    pub(crate) findings: Vec<Located>,
    /// The policy removes the row.
    pub(crate) dropped: bool,
    /// Length of the old text, and how much of it lies in findings that are replaced.
    pub(crate) bytes: u64,
    pub(crate) bytes_changed: u64,
}

impl Scrubbed {
    /// A text that became another one without a rule.
    pub(crate) fn rewritten(new: String) -> Self {
        let digest = digest(&new);
        Self { changed: Some(new), digest, findings: Vec::new(), dropped: false, bytes: 0, bytes_changed: 0 }
    }
}

impl Rules {
    pub(crate) fn new(
        entities: &[Entity],
        custom: &[CustomRule],
        deny: &[String],
        policy: &Policy,
    ) -> Result<Self, Error> {
        policy.validate()?;
        let mut all = recognizers(entities);
        for rule in custom {
            all.push(rule.compile()?);
        }
        if !deny.is_empty() {
            all.push(denied(deny)?);
        }
        Ok(Self { recognizers: all, policy: policy.clone() })
    }

    pub(crate) fn with_packs(mut self, packs: &[RulePack]) -> Self {
        self.recognizers.extend(packs.iter().map(RulePack::recognizer));
        self
    }

    /// Findings of one text.
    pub(crate) fn scan(&self, text: &str) -> Vec<Finding> {
        scan(&self.recognizers, text)
    }

    /// Findings of one text, with their places in characters, whatever the policy says of them.
    pub(crate) fn located(&self, text: &str) -> Vec<Located> {
        locate(text, self.scan(text))
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn scrub(&self, text: &str, unit: Option<&str>) -> Scrubbed {
        let context = Context { unit: unit.map(str::as_bytes) };
        let scrubbed = scrub(&self.recognizers, text, &self.policy, &context);
        let (new, dropped) = (scrubbed.text, scrubbed.dropped);
        let replaced = scrubbed.findings.iter().filter(|finding| self.policy.operator_for(finding) != Operator::Keep);
        let bytes_changed = if new == text { 0 } else { replaced.map(|finding| finding.span.len() as u64).sum() };
        Scrubbed {
            digest: digest(&new),
            changed: (!dropped && new != text).then(|| new.into_owned()),
            findings: locate(text, scrubbed.findings),
            dropped,
            bytes: text.len() as u64,
            bytes_changed,
        }
    }

    /// Scrubs texts on the current thread pool, each in the scope of its unit where there are any. A panic in
    /// a rule becomes a fault, unprinted: its message could quote the text.
    pub(crate) fn scrub_all(
        &self,
        texts: &[Option<&str>],
        units: Option<&[Option<&str>]>,
    ) -> Result<Vec<Option<Scrubbed>>, Fault> {
        let unit = |at: usize| units.and_then(|units| *units.get(at)?);
        let one = |(at, text): (usize, Option<&str>)| {
            text.map(|text| caught(|| self.scrub(text, unit(at))).ok_or(Fault::RulePanic)).transpose()
        };
        texts.par_iter().copied().enumerate().map(one).collect()
    }
}

/// Adds character positions to findings sorted by place, in one walk over the text.
fn locate(text: &str, findings: Vec<Finding>) -> Vec<Located> {
    let mut byte = 0;
    let mut character = 0;
    let mut advance = |to: usize| {
        character += text[byte..to].chars().count() as u64;
        byte = to;
        character
    };
    findings
        .into_iter()
        .map(|finding| Located {
            start_char: advance(finding.span.start),
            end_char: advance(finding.span.end),
            finding,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> Rules {
        Rules::new(&Entity::ALL, &[], &[], &Policy::new(Operator::Tag)).unwrap()
    }

    #[test]
    fn a_text_without_findings_is_left_alone() {
        let scrubbed = rules().scrub("nothing here", None);
        assert_eq!(scrubbed.changed, None);
        assert_eq!(scrubbed.digest, digest("nothing here"));
    }

    #[test]
    fn rules_of_a_pack_count_like_those_in_the_box() {
        let pack = RulePack::parse("[[rules]]\nid = 'staff'\nregex = 'staff-[0-9]+'\nkeywords = ['staff-']").unwrap();
        assert_eq!(rules().scrub("see staff-4711", None).changed, None);
        assert_eq!(rules().with_packs(&[pack]).scrub("see staff-4711", None).changed.as_deref(), Some("see <SECRET>"));
    }

    #[test]
    fn the_digest_is_of_the_new_text() {
        let scrubbed = rules().scrub("mail ann@example.org now", None);
        let new = scrubbed.changed.unwrap();
        assert!(!new.contains("ann@example.org"));
        assert_eq!(scrubbed.digest, digest(&new));
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(256))]
        // Twin: count the characters before each place from the start, every time.
        #[test]
        fn character_places_agree_with_counting_from_the_start(
            text in "[aé€😀]{0,20}",
            cuts in proptest::collection::vec(0usize..21, 0..6),
        ) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| places[cut % places.len()]).collect();
            cuts.sort_unstable();
            // Only this crate's neighbour can name rules: borrow a finding and move it.
            let found = rules().scan("ann@example.org");
            let findings: Vec<Finding> = cuts
                .chunks_exact(2)
                .map(|pair| Finding { span: pair[0]..pair[1], ..found[0].clone() })
                .collect();
            for located in locate(&text, findings) {
                let span = located.finding.span;
                prop_assert_eq!(located.start_char, text[..span.start].chars().count() as u64);
                prop_assert_eq!(located.end_char, text[..span.end].chars().count() as u64);
            }
        }
    }
}
