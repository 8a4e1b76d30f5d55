//! What begins with a run of digits: telephone, card, account and social security numbers, addresses of machines.
//!
//! Five kinds and one walk: most digits of a text are no part of any, and are told so once. A kind does not look again
//! at digits that it has taken or settled already; what another kind found is no concern of it.

use std::ops::Range;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary, card, digits, iban, ipv4, phone, ssn};

/// Where something stands and how sure that is, and up to where nothing else of its kind can begin.
pub(crate) struct Look {
    pub(crate) hit: Option<(Range<usize>, f32)>,
    pub(crate) resume: usize,
}

impl Look {
    pub(crate) const NOTHING: Self = Self { hit: None, resume: 0 };

    pub(crate) fn hit(hit: (Range<usize>, f32)) -> Self {
        Self { resume: hit.0.end, hit: Some(hit) }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Phone,
    Ipv4,
    CreditCard,
    Iban,
    UsSsn,
}

const KINDS: [(Entity, Kind); 5] = [
    (Entity::Phone, Kind::Phone),
    (Entity::Ipv4, Kind::Ipv4),
    (Entity::CreditCard, Kind::CreditCard),
    (Entity::Iban, Kind::Iban),
    (Entity::UsSsn, Kind::UsSsn),
];

/// Finds these kinds in one walk over the digits.
pub(crate) struct Numbers {
    entities: Vec<Entity>,
    kinds: Vec<Kind>,
}

impl Numbers {
    /// `None` when none of `entities` begins with digits.
    pub(crate) fn new(entities: &[Entity]) -> Option<Self> {
        let asked = KINDS.iter().filter(|(entity, _)| entities.contains(entity));
        let (entities, kinds): (Vec<_>, Vec<_>) = asked.copied().unzip();
        (!kinds.is_empty()).then_some(Self { entities, kinds })
    }

    /// Appends what begins with a run of digits in `within`.
    fn walk(&self, bytes: &[u8], within: &Range<usize>, out: &mut Vec<Finding>) {
        let mut floors = [0; KINDS.len()];
        let mut at = within.start;
        while let Some(run) = digits::next_run(bytes, at).filter(|run| run.start < within.end) {
            at = run.end;
            let glued = boundary::word_before(bytes, run.start);
            if is_quiet(bytes, &run, glued) {
                continue;
            }
            for (&kind, floor) in self.kinds.iter().zip(&mut floors) {
                if run.start < *floor || glued != matches!(kind, Kind::Iban) {
                    continue;
                }
                let Look { hit, resume } = kind.look(bytes, run.clone());
                *floor = resume;
                out.extend(hit.map(|(span, confidence)| kind.finding(span, confidence)));
            }
        }
    }
}

/// Whether no kind begins with the digits `run`, told by what stands beside them: so it is with most numbers of a table,
/// a log or an array, and a look of every kind would cost more than all else.
fn is_quiet(bytes: &[u8], run: &Range<usize>, glued: bool) -> bool {
    if glued {
        // Two letters and two digits.
        return run.len() < 2 || run.start < 2 || !bytes[run.start - 2].is_ascii_alphabetic();
    }
    // What has so many digits may be written together.
    if run.len() >= phone::DIGITS_MIN {
        return false;
    }
    match (bytes.get(run.end), bytes.get(run.end + 1)) {
        (Some(b' ' | b'-'), Some(behind)) => !behind.is_ascii_digit() && *behind != b'(',
        (Some(b'.'), Some(b'0'..=b'9')) => is_decimal(bytes, run),
        (Some(b'/' | b'('), Some(behind)) => !behind.is_ascii_digit(),
        (Some(b')' | 0x80..), _) => false,
        // All groups are joined by one of the above.
        _ => true,
    }
}

/// Whether these digits are the whole part of `3.1416` and nothing else: no second joint follows, and no `+` stands before.
fn is_decimal(bytes: &[u8], whole: &Range<usize>) -> bool {
    let end = digits::run_end_within(bytes, whole.end + 1, phone::DIGITS_MAX + 1);
    let plus = whole.start > 0 && bytes[whole.start - 1] == b'+';
    !plus && !matches!(bytes.get(end), Some(b' ' | b'-' | b'.' | b'/' | b'(' | b')' | 0x80..))
}

impl Kind {
    #[inline]
    fn look(self, bytes: &[u8], run: Range<usize>) -> Look {
        match self {
            Self::Phone => phone::at(bytes, run),
            Self::Ipv4 => ipv4::at(bytes, run),
            Self::CreditCard => card::at(bytes, run),
            Self::Iban => iban::at(bytes, run),
            Self::UsSsn => ssn::at(bytes, run),
        }
    }

    fn finding(self, span: Range<usize>, confidence: f32) -> Finding {
        let (entity, rule): (_, Rule) = match self {
            Self::Phone => (Entity::Phone, phone::RULE),
            Self::Ipv4 => (Entity::Ipv4, ipv4::RULE),
            Self::CreditCard => (Entity::CreditCard, card::RULE),
            Self::Iban => (Entity::Iban, iban::RULE),
            Self::UsSsn => (Entity::UsSsn, ssn::RULE),
        };
        Finding { entity, span, confidence, rule }
    }
}

impl Recognizer for Numbers {
    fn entities(&self) -> &[Entity] {
        &self.entities
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        self.walk(text.as_bytes(), &(0..text.len()), out);
    }

    fn find_within(&self, text: &str, windows: &[Range<usize>], out: &mut Vec<Finding>) {
        for window in windows {
            self.walk(text.as_bytes(), window, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{seeded, shreds};

    /// Each kind by itself, from digits to digits: no look is spared.
    fn slowly(text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        for (_, kind) in KINDS {
            let mut at = 0;
            while let Some(run) = digits::next_run(bytes, at) {
                let Look { hit, resume } = kind.look(bytes, run.clone());
                at = run.end.max(resume);
                found.extend(hit.map(|(span, confidence)| kind.finding(span, confidence)));
            }
        }
        found
    }

    fn sorted(mut findings: Vec<Finding>) -> Vec<(Range<usize>, Entity)> {
        findings.sort_by_key(|finding| (finding.span.start, finding.entity));
        findings.into_iter().map(|finding| (finding.span, finding.entity)).collect()
    }

    /// What the bytes beside the digits may not dismiss.
    #[test]
    fn numbers_that_go_on_are_looked_at() {
        for text in [
            "+44.2079460958",
            "+1.2125550143",
            "call 212.555.0143",
            "(212) 555-0143",
            "212 (555) 0143",
            "212/555/0143 tel",
            "tel 12\u{a0}34\u{a0}56\u{a0}78",
            "ssn 536.90.4399",
            "4111-1111-1111-1111",
            "10.20.30.40",
            "DE89 3704 0044 0532 0130 00",
        ] {
            let mut found = Vec::new();
            Numbers::new(&Entity::ALL).unwrap().find(text, &mut found);
            assert!(!found.is_empty(), "{text}");
            assert_eq!(sorted(found), sorted(slowly(text)), "{text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(seeded(4000))]

        #[test]
        fn one_walk_agrees_with_five(text in proptest::prop_oneof![
            shreds(),
            proptest::string::string_regex("[0-9A-F .()+-]{0,60}").unwrap(),
            proptest::string::string_regex("([0-9]{1,4}|[0-9]{3}|[ ,.:/+()é-]){0,30}").unwrap(),
            crate::tests::tables(),
        ]) {
            let mut found = Vec::new();
            Numbers::new(&Entity::ALL).unwrap().find(&text, &mut found);
            proptest::prop_assert_eq!(sorted(found), sorted(slowly(&text)));
        }
    }
}
