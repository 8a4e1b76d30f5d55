//! What of a text is compared, and what becomes of it.

use privet_dedup::NORMALISER;

use super::super::plan::Owners;
use crate::manifest::Stage;

/// A search for parts of texts that stand somewhere before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// What parts.
    pub level: Level,
    /// What becomes of them.
    pub action: Action,
}

/// What parts of texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every run of so many words, normalised, wherever it begins; at least one.
    Words(usize),
    /// Paragraphs: lines with something in them, up to a line with nothing but white space. How their lines end makes no
    /// difference.
    Paragraphs(Units),
    /// Lines, without their ends.
    Lines(Units),
}

/// Which paragraphs or lines are compared, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Compare them after normalisation; otherwise byte by byte.
    pub normalised: bool,
    /// Fewest words of one that is compared; others stay.
    pub words_min: usize,
}

/// What becomes of a part that stands somewhere before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is cut out: words from the first to the last, a line with its end, a paragraph with the blank lines behind it. A row
    /// stays, even if none of its text does.
    Remove,
    /// `<REPEATED>` stands in its place; ends of lines stay.
    Mask,
    /// It stays, and is only told.
    Report,
}

/// What stands in the place of a part that is masked.
pub(super) const MASK: &str = "<REPEATED>";

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Mask => "mask",
            Self::Report => "report",
        }
    }
}

impl Spans {
    /// In words.
    pub(in super::super) fn method(self) -> String {
        let units = |name: &str, units: Units| {
            let how =
                if units.normalised { format!("after normalisation {NORMALISER}") } else { "byte by byte".to_owned() };
            format!("{name} of at least {} words, equal {how}", units.words_min)
        };
        let what = match self.level {
            Level::Words(words) => format!("runs of {words} words, equal after normalisation {NORMALISER}"),
            Level::Paragraphs(of) => units("paragraphs", of),
            Level::Lines(of) => units("lines", of),
        };
        format!("{what}, that stand somewhere before; {}", self.action.name())
    }

    /// What this does to the rows, with how far one unit of the input can reach, and why.
    pub(in super::super) fn stage(self, owners: &Owners, unit_column: Option<&str>) -> Stage {
        let level = match self.level {
            Level::Words(_) => "substring",
            Level::Paragraphs(_) => "paragraphs",
            Level::Lines(_) => "lines",
        };
        let within = if let Owners::Within(column) = owners { Some(column.as_str()) } else { None };
        let (name, stability, proof) = match within {
            _ if self.action == Action::Report => (format!("report-{level}"), Some(1), REPORT),
            Some(column) if unit_column == Some(column) => (format!("dedup-{level}-within"), Some(1), WITHIN),
            Some(_) => (format!("dedup-{level}-within"), None, ALL),
            None => (format!("dedup-{level}"), None, ALL),
        };
        Stage { name, stability, unit: unit_column.unwrap_or("row").to_owned(), proof: proof.to_owned() }
    }
}

const REPORT: &str = "Every row stays as it is, whatever was found, so two inputs that differ in one unit make outputs that differ in \
    that unit alone. What was found is told beside the output and is no part of it.";
const WITHIN: &str = "A text is compared with texts of its own owner alone, in the order of their own places. So what is left of one \
    owner's texts is a function of that owner's rows: a corpus with one owner less lacks what was left of that owner's rows and \
    nothing else. The bound is for owners; of one owner's rows, one can change any number of others.";
const ALL: &str = "No bound is claimed: what one row says first is taken out of any number of later rows, so the corpora that are left of \
    two neighbours can differ without limit. A guarantee of training holds for the deduplicated corpus, not for the input of this stage.";
