//! `[dedup]` of a config: what of a run's texts goes as a copy, and in which of its stages.

use privet_corpus::{DedupPlan, Keep, Level, Measure, Near, OwnerLimit, Owners, Spans, Units, What};
use serde::{Deserialize, Deserializer};

use super::arguments::{self, Bands, MeasureName, bands, keep, part};
use super::spans::{ActionName, LevelName, WORDS_MIN};
use crate::config::Config;
use crate::failure::Failure;

/// `[dedup]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dedup {
    /// Copies are equal texts. Left out: together with scrubbing, byte by byte, unless `near` is given.
    #[serde(deserialize_with = "exact")]
    exact: Option<Exact>,
    /// Copies are similar texts, and how pairs are found.
    #[serde(deserialize_with = "near")]
    near: Option<Bands>,
    #[serde(deserialize_with = "threshold")]
    threshold: Option<f64>,
    measure: Option<MeasureName>,
    exhaustive: bool,
    /// Parts of texts instead of rows: runs of so many words that stand somewhere before.
    substring: Option<usize>,
    /// Parts of texts instead of rows, with `exact`: paragraphs or lines.
    level: LevelName,
    min_words: Option<usize>,
    action: Option<ActionName>,
    /// Which copy stays.
    #[serde(deserialize_with = "which")]
    keep: Option<Keep>,
    /// Compare rows of one value only. With users as units, their column stands here of itself.
    within: Option<String>,
    /// With users as units: compare rows of different users too, which is outside the guarantee.
    across_units: bool,
    /// Of each value of `within`, or of each user.
    max_records_per_unit: Option<u64>,
    /// Rows that are copies of rows in these files go.
    against: Vec<String>,
    /// What goes is counted, and limited, by the values of this column, not by file.
    source_column: Option<String>,
    /// Stop where more than this part of a source's rows would go.
    #[serde(deserialize_with = "threshold")]
    max_removal: Option<f64>,
    #[serde(deserialize_with = "memory")]
    memory: Option<u64>,
    /// 0 means one per core.
    jobs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exact {
    No,
    Raw,
    Normalised,
}

/// When copies go.
#[derive(Debug, Clone, Default)]
pub(crate) enum Removal {
    /// Never.
    #[default]
    None,
    /// Of equal rows all but the first, in the same pass as scrubbing.
    WhileScrubbing,
    /// In a stage of its own, by this plan, which names no files yet.
    Stage(Box<DedupPlan>),
}

impl Removal {
    /// What the config says; what keys mean together is checked here.
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        let (section, unit) = (config.dedup.clone().unwrap_or_default(), config.unit_column());
        let refused = |what: &str, help: &str| Err(Failure::usage(what.to_owned()).at("[dedup]").help(help.to_owned()));
        let spans = section.spans()?;
        let what = if spans.is_some() { Some(What::Raw) } else { section.what(config.scrub.is_some())? };
        let Some(what) = what else {
            return match section.idle() {
                Some(key) => refused(
                    &format!("`{key}` in [dedup] has no effect, for no copies are looked for"),
                    "add `exact = true`, `exact = \"normalised\"` or `near = true`, or take the key out",
                ),
                None => Ok(Self::None),
            };
        };
        if section.across_units && unit.is_none() {
            return refused(
                "`across_units` in [dedup] is for users as units",
                "take it out; rows are compared with all others anyway",
            );
        }
        let limits_sources = section.limits_sources();
        let owners = match (unit, section.within) {
            (Some(_), None) if section.across_units => Owners::All,
            (Some(unit), None) => Owners::Within(unit.to_owned()),
            (Some(unit), Some(within)) if within == unit && !section.across_units => Owners::Within(within),
            (Some(_), Some(_)) => {
                return refused(
                    "`within` in [dedup] and `unit_column` in [[datasets]] are two columns",
                    "leave `within` out: rows are compared within each user",
                );
            }
            (None, Some(column)) => Owners::Within(column),
            (None, None) => Owners::All,
        };
        if section.max_records_per_unit.is_some() && !matches!(owners, Owners::Within(_)) {
            return refused(
                "`max_records_per_unit` in [dedup] needs to know whose a row is",
                "add `within = \"COLUMN\"`, or users as units without `across_units`",
            );
        }
        if section.max_records_per_unit == Some(0) {
            return refused("`max_records_per_unit` in [dedup] is 0, which leaves no text", "write 1 or more");
        }
        let of_rows = section.max_records_per_unit.is_some() || section.source_column.is_some();
        if spans.is_some() && (section.keep.is_some() || of_rows) {
            return refused(
                "parts of texts know no `keep`, `max_records_per_unit` or `source_column`",
                "take them out of [dedup]: the first of equal parts stays, and so does every row",
            );
        }
        let mut plan = DedupPlan::new(Vec::new(), None, what);
        plan.spans = spans;
        let plain = spans.is_none() && what == What::Raw && owners == Owners::All && unit.is_none();
        if plain && section.keep.is_none() && section.against.is_empty() && !limits_sources {
            return Ok(Self::WhileScrubbing);
        }
        plan.columns = config.selection.texts();
        (plan.owners, plan.unit_column) = (owners, unit.map(str::to_owned));
        plan.max_records_per_unit = section.max_records_per_unit;
        plan.keep = section.keep.unwrap_or(Keep::First);
        plan.max_removal = section.max_removal;
        plan.source_column = section.source_column;
        plan.memory = section.memory.unwrap_or(plan.memory);
        plan.jobs = section.jobs;
        Ok(Self::Stage(Box::new(plan)))
    }

    /// Most rows of one value of a column that are trained on, where each row is a unit of its own.
    pub(crate) fn owner_limit(&self) -> Option<OwnerLimit> {
        match self {
            Self::Stage(plan) if plan.unit_column.is_none() => plan.owner_limit(),
            _ => None,
        }
    }
}

impl Dedup {
    /// Whether it is asked what goes of each source.
    fn limits_sources(&self) -> bool {
        self.max_removal.is_some() || self.source_column.is_some()
    }

    /// Files and folders of references, as written.
    pub(crate) fn against(&self) -> &[String] {
        &self.against
    }

    /// The search for parts of texts, if one is asked for.
    fn spans(&self) -> Result<Option<Spans>, Failure> {
        let refused = |what: &str, help: &str| Err(Failure::usage(what.to_owned()).at("[dedup]").help(help.to_owned()));
        let words_min = self.min_words.unwrap_or(WORDS_MIN);
        let units = |normalised| Units { normalised, words_min };
        let level = match (self.substring, self.level, self.exact) {
            (Some(words), LevelName::Document, None | Some(Exact::No)) if (5..=100_000).contains(&words) => {
                Level::Words(words)
            }
            (Some(_), LevelName::Document, None | Some(Exact::No)) => {
                return refused("`substring` in [dedup] is a number of words", "write 5 to 100000; 50 is usual");
            }
            (Some(_), ..) => {
                return refused("`substring` in [dedup] compares runs of words", "take `exact` and `level` out");
            }
            (None, LevelName::Document, _) if self.action.is_some() => {
                return refused(
                    "`action` in [dedup] is for parts of texts",
                    "add `substring` or `level`, or take it out",
                );
            }
            (None, LevelName::Document, _) => return Ok(None),
            (None, _, None | Some(Exact::No)) => {
                return refused(
                    "paragraphs and lines are compared exactly",
                    "add `exact = \"normalised\"` or `\"raw\"`",
                );
            }
            (None, LevelName::Paragraph, Some(exact)) => Level::Paragraphs(units(exact == Exact::Normalised)),
            (None, LevelName::Line, Some(exact)) => Level::Lines(units(exact == Exact::Normalised)),
        };
        if self.near.is_some() {
            return refused("`near` in [dedup] compares whole rows", "take it out, or `substring` and `level`");
        }
        Ok(Some(Spans { level, action: self.action.unwrap_or_default().action() }))
    }

    /// When rows are copies; none where no copies are looked for.
    fn what(&self, scrubs: bool) -> Result<Option<What>, Failure> {
        let Some(found) = self.near else {
            let similar = self.threshold.is_some() || self.measure.is_some() || self.exhaustive;
            if similar {
                return Err(Failure::usage(
                    "`threshold`, `measure` and `exhaustive` in [dedup] are about similar texts",
                )
                .at("[dedup]")
                .help("add `near = true`, or take them out"));
            }
            return Ok(match self.exact {
                Some(Exact::No) => None,
                Some(Exact::Raw) => Some(What::Raw),
                Some(Exact::Normalised) => Some(What::Normalised),
                None => scrubs.then_some(What::Raw),
            });
        };
        if !matches!(self.exact, None | Some(Exact::No)) {
            return Err(Failure::usage("`exact` and `near` in [dedup] are two answers to one question")
                .at("[dedup]")
                .why("equal texts are similar too: `near` removes them with the others")
                .help("leave one of them out"));
        }
        let threshold = self.threshold.unwrap_or(0.8);
        Ok(Some(What::Near(Near {
            banding: found.banding(threshold),
            threshold,
            measure: self.measure.map_or(Measure::Jaccard, MeasureName::measure),
            exhaustive: self.exhaustive,
        })))
    }

    /// A key that is written and says nothing where no copies are looked for.
    fn idle(&self) -> Option<&'static str> {
        let written = [
            ("keep", self.keep.is_some()),
            ("within", self.within.is_some()),
            ("across_units", self.across_units),
            ("max_records_per_unit", self.max_records_per_unit.is_some()),
            ("against", !self.against.is_empty()),
            ("max_removal", self.max_removal.is_some()),
            ("source_column", self.source_column.is_some()),
        ];
        written.into_iter().find_map(|(key, written)| written.then_some(key))
    }
}

/// `true`, `false` or a name.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true, false or a name in quotes")]
enum YesOrName {
    Yes(bool),
    Name(String),
}

fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Exact>, D::Error> {
    Ok(Some(match YesOrName::deserialize(deserializer)? {
        YesOrName::Yes(false) => Exact::No,
        YesOrName::Yes(true) => Exact::Raw,
        YesOrName::Name(name) if name == "raw" => Exact::Raw,
        YesOrName::Name(name) if name == "normalised" => Exact::Normalised,
        YesOrName::Name(_) => return Err(serde::de::Error::custom("write true, false, \"raw\" or \"normalised\"")),
    }))
}

fn near<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bands>, D::Error> {
    Ok(match YesOrName::deserialize(deserializer)? {
        YesOrName::Yes(false) => None,
        YesOrName::Yes(true) => Some(Bands::Auto),
        YesOrName::Name(name) => Some(bands(&name).map_err(serde::de::Error::custom)?),
    })
}

fn threshold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    part(&f64::deserialize(deserializer)?.to_string()).map(Some).map_err(serde::de::Error::custom)
}

fn which<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Keep>, D::Error> {
    keep(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    arguments::memory(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quickstart's config with assignments laid over it.
    fn read(sets: &[&str]) -> Result<Removal, String> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config = crate::config::load("configs/quickstart.toml".as_ref(), &sets);
        config.map(|config| config.removal).map_err(|failure| failure.render(false))
    }

    fn stage(sets: &[&str]) -> DedupPlan {
        match read(sets).unwrap() {
            Removal::Stage(plan) => *plan,
            other => panic!("{other:?}"),
        }
    }

    const USERS: [&str; 2] = ["datasets.0.unit_column=\"who\"", "privacy.privacy_unit=\"user\""];

    #[test]
    fn equal_rows_go_while_scrubbing_and_what_looks_at_more_is_a_stage() {
        assert!(matches!(read(&[]).unwrap(), Removal::WhileScrubbing));
        assert!(matches!(read(&["dedup.exact=\"raw\""]).unwrap(), Removal::WhileScrubbing));
        assert!(matches!(read(&["dedup.exact=false"]).unwrap(), Removal::None));
        for (sets, name, stability) in [
            (&["dedup.keep=\"longest\""][..], "dedup-exact", Some(1)),
            (&["dedup.exact=\"normalised\""], "dedup-normalised", Some(2)),
            (&["dedup.exact=false", "dedup.near=true"], "dedup-near", None),
            (&["dedup.exact=false", "dedup.near=\"fineweb\"", "dedup.within=\"who\""], "dedup-near-within", None),
            (&["dedup.source_column=\"from\""], "dedup-exact", Some(1)),
            (&["dedup.within=\"who\""], "dedup-exact-within", Some(1)),
            (&["dedup.within=\"who\"", "dedup.max_records_per_unit=4"], "dedup-exact-within-limited", Some(2)),
            (&["dedup.level=\"line\"", "dedup.action=\"mask\""], "dedup-lines", None),
            (&["dedup.level=\"paragraph\"", "dedup.action=\"report\""], "report-paragraphs", Some(1)),
            (&["dedup.exact=false", "dedup.substring=50"], "dedup-substring", None),
        ] {
            let stage = stage(sets).stage();
            assert_eq!((stage.name.as_str(), stage.stability, stage.unit.as_str()), (name, stability, "row"));
        }
    }

    #[test]
    fn users_are_compared_within_themselves_unless_their_guarantee_is_given_up() {
        let with = |more: &[&str]| stage(&[&USERS[..], more].concat());
        assert_eq!(with(&["dedup.level=\"line\""]).stage().stability, Some(1));
        for more in [
            &[][..],
            &["dedup.exact=\"normalised\""],
            &["dedup.exact=false", "dedup.near=true"],
            &["dedup.within=\"who\""],
        ] {
            let plan = with(more);
            assert_eq!(plan.owners, Owners::Within("who".to_owned()));
            assert_eq!((plan.stage().stability, plan.stage().unit.as_str()), (Some(1), "who"));
        }
        assert_eq!(with(&["dedup.across_units=true"]).stage().stability, None);
        let limited = read(&[&USERS[..], &["dedup.max_records_per_unit=4"]].concat()).unwrap();
        assert_eq!(limited.owner_limit(), None, "the unit is the owner: nothing is to be said of groups");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (sets, word) in [
            (&["dedup.near=true"][..], "two answers"),
            (&["dedup.exact=false", "dedup.keep=\"longest\""], "`keep` in [dedup] has no effect"),
            (&["dedup.threshold=0.9"], "add `near = true`"),
            (&["dedup.max_records_per_unit=4"], "whose a row is"),
            (&["dedup.within=\"who\"", "dedup.max_records_per_unit=0"], "write 1 or more"),
            (&["dedup.across_units=true"], "users as units"),
            (&[USERS[0], USERS[1], "dedup.within=\"other\""], "two columns"),
            (&["dedup.exact=\"no\""], "\"normalised\""),
            (&["dedup.exact=false", "dedup.near=\"best\""], "best"),
            (&["dedup.max_removal=2.0"], "at most 1"),
            (&["dedup.substring=50"], "take `exact`"),
            (&["dedup.exact=false", "dedup.substring=2"], "50 is usual"),
            (&["dedup.exact=false", "dedup.level=\"line\""], "compared exactly"),
            (&["dedup.action=\"mask\""], "add `substring`"),
            (&["dedup.level=\"line\"", "dedup.keep=\"longest\""], "know no `keep`"),
            (&["dedup.level=\"line\"", "dedup.source_column=\"x\""], "`source_column`"),
            (&["dedup.exact=false", "dedup.source_column=\"x\""], "has no effect"),
            (&["dedup.level=\"line\"", "dedup.near=true"], "whole rows"),
            (&["dedup.memory=\"4gigs\""], "512MiB"),
        ] {
            let message = read(sets).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
