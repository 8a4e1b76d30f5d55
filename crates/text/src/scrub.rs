//! A whole text at once: found, judged, rewritten, and looked at again.
//!
//! Tags are walls between what stands beside them; surrogates are text like any other. A digit that followed an address
//! can follow a number now, and a word that was too far away from a number can announce it. So a text with surrogates
//! is scanned again, and where anything would be replaced that was not before, a tag takes the place of the surrogates
//! around it. What is returned is settled: scrubbing it again changes nothing.

use std::borrow::Cow;
use std::ops::Range;

use crate::apply::{operators_of, rewrite};
use crate::recognizer::{look, scan_decoding};
use crate::{Context, Finding, Operator, Policy, Recognizer, resolve};

/// Looks at a rewritten text before every surrogate of it becomes a tag.
const ROUNDS_MAX: usize = 8;

/// What became of one text.
#[derive(Clone, PartialEq)]
pub struct Scrubbed<'a> {
    /// The text as it is now, also for a document that is to be dropped.
    pub text: Cow<'a, str>,
    /// Everything that was found and is not on the allow list, sorted and disjoint, with places in the old text;
    /// including what is below its threshold.
    pub findings: Vec<Finding>,
    /// Whether the policy removes the document: [`Policy::drops`].
    pub dropped: bool,
}

/// Finds and rewrites what `policy` says, so that a second pass changes nothing more.
///
/// [`crate::scan`] and [`crate::apply_in`] with what lies between: allowed values are taken out, a finding below its
/// threshold gives way to surer ones inside it, and surrogates that would be taken for something else in their new
/// surroundings become tags. A text of which nothing is found costs one scan; one with surrogates costs two or more.
pub fn scrub<'a>(
    recognizers: &[Box<dyn Recognizer>],
    text: &'a str,
    policy: &Policy,
    context: &Context<'_>,
) -> Scrubbed<'a> {
    let findings = find(recognizers, text, policy);
    let dropped = policy.drops(&findings);
    let text = if findings.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(settled(recognizers, text, &findings, policy, context))
    };
    Scrubbed { text, findings, dropped }
}

fn find(recognizers: &[Box<dyn Recognizer>], text: &str, policy: &Policy) -> Vec<Finding> {
    let mut findings = scan_decoding(recognizers, text, policy.encodings());
    findings.retain(|finding| !policy.allowed().holds(&text[finding.span.clone()], finding.entity));
    if policy.has_thresholds() { with_surer_ones(recognizers, text, findings, policy) } else { findings }
}

/// Puts the surer findings that a finding below its threshold hides in its place.
///
/// Of findings that overlap, the longest gives its name to all, and with it its confidence: without this, a weak
/// telephone number around a sure account number would leave both standing.
fn with_surer_ones(
    recognizers: &[Box<dyn Recognizer>],
    text: &str,
    mut findings: Vec<Finding>,
    policy: &Policy,
) -> Vec<Finding> {
    let is_weak = |finding: &Finding| policy.below_threshold(finding);
    let weak: Vec<Finding> = findings.iter().filter(|finding| is_weak(finding)).cloned().collect();
    if weak.is_empty() {
        return findings;
    }
    let mut surer = look(recognizers, text, policy.encodings());
    surer.retain(|finding| {
        !is_weak(finding)
            && !policy.allowed().holds(&text[finding.span.clone()], finding.entity)
            && overlaps(&weak, finding)
    });
    let surer = resolve(surer);
    findings.retain(|finding| !is_weak(finding) || !overlaps(&surer, finding));
    findings.extend(surer);
    resolve(findings)
}

/// Whether a finding overlaps any of these, which are sorted and disjoint.
fn overlaps(findings: &[Finding], one: &Finding) -> bool {
    let first = findings.partition_point(|finding| finding.span.end <= one.span.start);
    findings.get(first).is_some_and(|finding| finding.span.start < one.span.end)
}

/// The text, rewritten until looking at it again finds nothing to change.
fn settled(
    recognizers: &[Box<dyn Recognizer>],
    text: &str,
    findings: &[Finding],
    policy: &Policy,
    context: &Context<'_>,
) -> String {
    let mut operators = operators_of(findings, policy);
    for _ in 0..ROUNDS_MAX {
        let rewritten = rewrite(text, findings, &operators, policy, context);
        if !operators.iter().any(|operator| operator.is_soft()) {
            return rewritten.text;
        }
        let unsettled = unsettled(recognizers, &rewritten.text, policy, context);
        let surrogates: Vec<usize> = (0..operators.len()).filter(|&index| operators[index].is_soft()).collect();
        let blamed: Vec<usize> =
            unsettled.iter().flat_map(|finding| around(finding, &rewritten.places, &surrogates).to_vec()).collect();
        if blamed.is_empty() {
            return rewritten.text;
        }
        for index in blamed {
            operators[index] = Operator::Tag;
        }
    }
    for operator in operators.iter_mut().filter(|operator| operator.is_soft()) {
        *operator = Operator::Tag;
    }
    rewrite(text, findings, &operators, policy, context).text
}

/// What a second pass would change.
fn unsettled(
    recognizers: &[Box<dyn Recognizer>],
    rewritten: &str,
    policy: &Policy,
    context: &Context<'_>,
) -> Vec<Finding> {
    let mut again = find(recognizers, rewritten, policy);
    let twice = rewrite(rewritten, &again, &operators_of(&again, policy), policy, context);
    let mut places = twice.places.into_iter();
    again.retain(|finding| {
        let place = places.next().unwrap_or_default();
        twice.text[place] != rewritten[finding.span.clone()]
    });
    again
}

/// The surrogates that a finding of the rewritten text overlaps, or else the nearest one on either side.
fn around<'a>(finding: &Finding, places: &[Range<usize>], surrogates: &'a [usize]) -> &'a [usize] {
    let first = surrogates.partition_point(|&index| places[index].end <= finding.span.start);
    let after = surrogates.partition_point(|&index| places[index].start < finding.span.end);
    if first < after {
        &surrogates[first..after]
    } else {
        &surrogates[first.saturating_sub(1)..surrogates.len().min(after + 1)]
    }
}
