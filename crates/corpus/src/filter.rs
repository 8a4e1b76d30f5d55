//! JSON lines as a stream: in at one end, out at the other, nothing kept but what tells repeats.

use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rayon::ThreadPoolBuilder;

use crate::atomic::write_error;
use crate::cells::Tally;
use crate::dedup::Seen;
use crate::error::{Error, Stop};
use crate::format::Form;
use crate::lines::Lines;
use crate::manifest::Counts;
use crate::packed::LineFile;
use crate::plan::{ScrubPlan, is_flat};
use crate::rows::Rules;
use crate::shard::Run;

/// What stands for a stream in an error.
const STREAM: &str = "-";

/// Scrubs JSON lines (plain, gzip or Zstandard) of `input` into `output`, which is never packed; returns what was done.
///
/// Of the plan, its files, its output folder and its mode are not looked at. Lines are written as they come, some
/// thousand at a time: what was written before an error stays. A reader of `output` that goes away ends it.
///
/// # Errors
///
/// [`Error::Input`] for a line at fault, [`Error::Write`], [`Error::Interrupted`], [`Error::Rules`].
pub fn filter(
    plan: &ScrubPlan,
    input: Box<dyn BufRead>,
    output: &mut dyn Write,
    cancelled: &AtomicBool,
) -> Result<Counts, Error> {
    let rules = Rules::new(&plan.entities, &plan.custom, &plan.deny, &plan.policy)?.with_packs(&plan.packs);
    let pool =
        ThreadPoolBuilder::new().num_threads(plan.jobs).build().map_err(|_| Error::Workers { jobs: plan.jobs })?;
    let run = Run { plan, rules: &rules, pool: &pool, cancelled };
    let fail = |fault| Error::Input { file: PathBuf::from(STREAM), fault };
    let file = LineFile::from_reader(input).map_err(fail)?;
    let mut lines = Lines::of(file, Form::Json, &plan.columns, plan.scope_column()).within(plan.shares());
    let mut seen = Seen::default();
    let (dedup, flat) = (plan.dedup_exact, is_flat(&plan.columns));
    let mut tally = Tally { seen: &mut seen, counts: Counts::default(), dedup, flat, policy: rules.policy() };
    let mut gone = false;
    let streamed = run.each_batch(
        &mut lines,
        u64::MAX,
        &mut tally,
        &mut |batch, scrubbed, keep, _| {
            let keep = keep.iter().map(Option::unwrap_or_default);
            let written = batch.write(scrubbed, keep, output).and_then(|()| output.flush());
            gone = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
            written.map_err(|source| write_error(Path::new(STREAM), source))
        },
        &mut |_, _| {},
    );
    match streamed {
        Ok(()) => Ok(tally.counts),
        Err(_) if gone => Ok(tally.counts),
        Err(Stop::Fault(fault)) => Err(fail(fault)),
        Err(Stop::Error(error)) => Err(error),
    }
}
