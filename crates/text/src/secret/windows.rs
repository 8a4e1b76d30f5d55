//! Regular expressions, run only where a keyword of theirs stands.
//!
//! Each keyword opens a window around itself; windows of one rule that touch become one, so that no byte is read twice
//! by one rule, however often its keyword is repeated. A window that grew long is closed and the next begins, which
//! bounds what one search can cost. A match that ends where a window was cut is none: its real end is not known.

use std::ops::Range;

use regex::Captures;

use super::rule::PackRule;
use crate::{Entity, Finding, boundary};

/// A window that reached this length takes no further keyword in.
const WINDOW_BYTES_MAX: usize = 8 << 10;

const CONFIDENCE: f32 = 0.9;

/// The open window of each rule, and where each rule's last match ended.
#[derive(Default)]
pub(super) struct Windows {
    open: Vec<Range<usize>>,
}

impl Windows {
    /// Takes a keyword of rule number `rule` at `keyword`; keywords of a rule come nearly in order.
    pub(super) fn keyword(
        &mut self,
        rules: &[PackRule],
        rule: usize,
        text: &str,
        keyword: &Range<usize>,
        out: &mut Vec<Finding>,
    ) {
        if self.open.is_empty() {
            self.open.resize(rules.len(), 0..0);
        }
        let window = keyword.start.saturating_sub(rules[rule].before)..text.len().min(keyword.end + rules[rule].after);
        let open = &mut self.open[rule];
        if Range::is_empty(open) {
            *open = window;
        } else if window.start <= open.end && open.len() < WINDOW_BYTES_MAX {
            *open = open.start.min(window.start)..open.end.max(window.end);
        } else {
            let closed = std::mem::replace(open, window);
            search(&rules[rule], text, closed, out);
        }
    }

    /// Searches what is still open.
    pub(super) fn finish(self, rules: &[PackRule], text: &str, out: &mut Vec<Finding>) {
        for (rule, window) in rules.iter().zip(self.open) {
            if !Range::is_empty(&window) {
                search(rule, text, window, out);
            }
        }
    }
}

/// Appends every secret of `rule` that lies in `window`.
fn search(rule: &PackRule, text: &str, window: Range<usize>, out: &mut Vec<Finding>) {
    let Some(regex) = rule.regex() else {
        return;
    };
    let start = text.floor_char_boundary(window.start);
    let end = text.ceil_char_boundary(window.end);
    // What stands before the window stays visible to `\b` and `^`; what stands behind it does not.
    let visible = &text[..end];
    let mut at = start;
    while let Some(groups) = regex.captures_at(visible, at) {
        let Some(whole) = groups.get(0).map(|whole| whole.range()) else {
            return;
        };
        if whole.end == end && end < text.len() {
            return;
        }
        out.extend(finding(rule, text, &groups));
        at = if whole.is_empty() { text.ceil_char_boundary(whole.end + 1) } else { whole.end };
        if at > end {
            return;
        }
    }
}

/// The secret in a match, if the rule's other conditions hold.
pub(super) fn finding(rule: &PackRule, text: &str, groups: &Captures) -> Option<Finding> {
    let whole = groups.get(0)?.range();
    let span = rule.secret(groups)?;
    if rule.token
        && (boundary::word_before(text.as_bytes(), span.start) || boundary::word_after(text.as_bytes(), span.end))
    {
        return None;
    }
    rule.is_convincing(text, &whole, &span).then(|| Finding {
        entity: Entity::Secret,
        span,
        confidence: CONFIDENCE,
        rule: rule.name.clone(),
    })
}
