//! The one trait of the crate and the list of what is built in.
//!
//! A recognizer looks at one text and appends findings; it keeps no state between texts, so any number of threads may
//! share one. [`scan`] runs a list of them, resolves what overlaps, and looks again until nothing new appears.

use std::ops::Range;

use crate::again::windows;
use crate::apply::rewrite;
use crate::decode::{Decoded, Encodings, payloads};
use crate::identifier::Identifiers;
use crate::numbers::Numbers;
use crate::shadow::Shadow;
use crate::{Context, Encoding, Entity, Finding, Operator, Policy, placeholder, resolve};
use crate::{
    bic, chat_control, email, email_obfuscated, hidden, injection, ipv6, mrz, secret, upi, url, url_credentials,
    username,
};

/// Finds entities of one or more kinds in a text.
///
/// # Invariants
/// Spans are not empty, lie inside the text and on character boundaries; work is linear in the text's length.
pub trait Recognizer: Send + Sync {
    /// What the findings of this recognizer can carry: no finding names any other entity.
    fn entities(&self) -> &[Entity];

    /// Appends what it finds in `text` to `out`; leaves what is already there alone.
    fn find(&self, text: &str, out: &mut Vec<Finding>);

    /// Appends what it finds in these windows of `text`, sorted and disjoint; it may append more of what [`Self::find`]
    /// finds. What lies around a window is seen. It is how [`scan`] looks again at a text in which tags replaced findings.
    fn find_within(&self, text: &str, windows: &[Range<usize>], out: &mut Vec<Finding>) {
        let _ = windows;
        self.find(text, out);
    }

    /// Whether it also looks at what a reader sees of a text that holds look-alikes, digits of other scripts or
    /// characters of no width; not if it is those that it looks for.
    fn reads_shadows(&self) -> bool {
        true
    }
}

/// The built-in recognizers for `entities`: every entity is found by exactly one of them.
///
/// Most numbers and identifiers hang on digits and are found together in two passes, by the last recognizers of the list.
/// [`Entity::Custom`] has no built-in recognizer and adds nothing: compile a [`crate::CustomRule`] for it.
pub fn recognizers(entities: &[Entity]) -> Vec<Box<dyn Recognizer>> {
    let asked = || Entity::ALL.into_iter().filter(|entity| entities.contains(entity));
    let entities: Vec<Entity> = asked().collect();
    let numbers = Numbers::new(&entities).map(|numbers| Box::new(numbers) as Box<dyn Recognizer>);
    let identifiers = Identifiers::new(&entities).map(|identifiers| Box::new(identifiers) as _);
    asked().filter_map(built_in).chain(numbers).chain(identifiers).collect()
}

fn built_in(entity: Entity) -> Option<Box<dyn Recognizer>> {
    Some(match entity {
        Entity::InstructionInjection => Box::new(injection::InstructionInjection),
        Entity::InvisibleText => Box::new(hidden::InvisibleText),
        Entity::ChatControl => Box::new(chat_control::ChatControl::new()),
        Entity::Url => Box::new(url::Url),
        Entity::Username => Box::new(username::Username),
        Entity::Email => Box::new(email::Email),
        Entity::EmailObfuscated => Box::new(email_obfuscated::EmailObfuscated),
        Entity::Ipv6 => Box::new(ipv6::Ipv6),
        Entity::Bic => Box::new(bic::Bic),
        Entity::InUpi => Box::new(upi::InUpi),
        Entity::PassportMrz => Box::new(mrz::PassportMrz),
        Entity::UrlCredentials => Box::new(url_credentials::UrlCredentials),
        Entity::Secret => Box::new(secret::Secret),
        // Found by `Numbers`, by `Identifiers`, or by custom rules.
        _ => return None,
    })
}

/// Rounds of [`scan`]: one for nearly every text, two for nearly every other.
const ROUNDS_MAX: usize = 8;

/// How deep texts are opened that are written inside others.
const LAYERS_MAX: usize = 2;

/// Finds everything in `text` that the recognizers find, sorted and disjoint.
///
/// Scrubbing twice must change nothing more, but replacing one finding can uncover another: the number behind
/// `version` counts once the password that ends in that word is gone. So a text with findings is looked at again with
/// tags in their place, until nothing new appears (at most eight times, which keeps the work linear). What lies inside
/// a placeholder that already stands in the text is never a finding.
pub fn scan(recognizers: &[Box<dyn Recognizer>], text: &str) -> Vec<Finding> {
    scan_decoding(recognizers, text, Encodings::default())
}

/// [`scan`], in what these encodings hide too.
pub(crate) fn scan_decoding(recognizers: &[Box<dyn Recognizer>], text: &str, decode: Encodings) -> Vec<Finding> {
    let mut findings = resolve(look(recognizers, text, decode));
    for _ in 1..ROUNDS_MAX {
        if findings.is_empty() {
            break;
        }
        let tags = vec![Operator::Tag; findings.len()];
        let tagged = rewrite(text, &findings, &tags, &Policy::new(Operator::Tag), &Context::default());
        let uncovered = look_within(recognizers, &tagged.text, &windows(&tagged.text, &tagged.places), decode);
        if uncovered.is_empty() {
            break;
        }
        let back = uncovered.into_iter().map(|finding| placed_in_original(finding, &findings, &tagged.places));
        let back = back.collect::<Vec<_>>();
        findings.extend(back);
        findings = resolve(findings);
    }
    findings
}

/// What all recognizers find in a text, in its shadow and in what it encodes, but inside placeholders.
pub(crate) fn look(recognizers: &[Box<dyn Recognizer>], text: &str, decode: Encodings) -> Vec<Finding> {
    let mut findings = look_by(recognizers, text, |recognizer, out| recognizer.find(text, out));
    decoded(recognizers, text, decode, LAYERS_MAX, &mut findings);
    findings
}

/// The same, where only these windows can hold anything: see [`crate::again`].
pub(crate) fn look_within(
    recognizers: &[Box<dyn Recognizer>],
    text: &str,
    windows: &[Range<usize>],
    decode: Encodings,
) -> Vec<Finding> {
    let mut findings = look_by(recognizers, text, |recognizer, out| recognizer.find_within(text, windows, out));
    decoded(recognizers, text, decode, LAYERS_MAX, &mut findings);
    findings
}

/// Appends what the encodings hide in `text`, no more than so many layers deep.
fn decoded(recognizers: &[Box<dyn Recognizer>], text: &str, decode: Encodings, layers: usize, out: &mut Vec<Finding>) {
    if decode.is_empty() || layers == 0 {
        return;
    }
    let inside = |said: &str| {
        let mut findings = look_by(recognizers, said, |recognizer, out| recognizer.find(said, out));
        decoded(recognizers, said, decode, layers - 1, &mut findings);
        findings
    };
    if let Some(said) = Decoded::of(text, decode) {
        out.extend(inside(said.text()).into_iter().filter_map(|finding| {
            let (span, encoding) = said.original(&finding.span)?;
            Some(Finding { span, rule: finding.rule.within(encoding), ..finding })
        }));
    }
    if decode.holds(Encoding::Base64) {
        for (span, said) in payloads(text) {
            // One value names the whole stretch; which one does not depend on an order.
            let found = resolve(inside(&said)).into_iter().max_by_key(|finding| finding.span.len());
            out.extend(found.map(|finding| Finding { span, rule: finding.rule.within(Encoding::Base64), ..finding }));
        }
    }
}

fn look_by(
    recognizers: &[Box<dyn Recognizer>],
    text: &str,
    find: impl Fn(&dyn Recognizer, &mut Vec<Finding>),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for recognizer in recognizers {
        find(&**recognizer, &mut findings);
    }
    if let Some(shadow) = Shadow::of(text) {
        let seen = findings.len();
        // Where nothing folds, the text was looked at already.
        let around = windows(shadow.text(), &shadow.places());
        for recognizer in recognizers.iter().filter(|recognizer| recognizer.reads_shadows()) {
            recognizer.find_within(shadow.text(), &around, &mut findings);
        }
        for finding in &mut findings[seen..] {
            finding.span = shadow.original(&finding.span);
        }
    }
    findings.retain(|finding| !placeholder::holds(text.as_bytes(), &finding.span));
    findings
}

/// Moves a finding of the tagged text back into the text where `replaced` still stood, at whose `places` tags stand now.
///
/// A span that begins or ends inside a tag takes in the whole value behind it.
fn placed_in_original(mut finding: Finding, replaced: &[Finding], places: &[Range<usize>]) -> Finding {
    let place = |at: usize, is_end: bool| {
        let before = places.partition_point(|place| place.end <= at);
        if places.get(before).is_some_and(|place| place.start < at) {
            let value = &replaced[before].span;
            return if is_end { value.end } else { value.start };
        }
        let last = before.checked_sub(1);
        let (tagged, original) = last.map_or((0, 0), |last| (places[last].end, replaced[last].span.end));
        original + (at - tagged)
    };
    finding.span = place(finding.span.start, false)..place(finding.span.end, true);
    finding
}
