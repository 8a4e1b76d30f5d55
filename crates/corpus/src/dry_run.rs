//! A scrub that only counts.

use crate::dedup::Seen;
use crate::error::{Error, Stop};
use crate::inputs::Shard;
use crate::manifest::{Manifest, Quarantined, stages};
use crate::meter::Meter;
use crate::plan::OnError;
use crate::scrub::{add_scrubbed, check_not_empty, empty_manifest};
use crate::shard::Run;

/// The dry run: the same pass over the text column alone, writing nothing.
pub(crate) fn count(
    run: &Run<'_>,
    shards: &[Shard],
    sample_rows: Option<u64>,
    meter: &Meter<'_>,
) -> Result<Manifest, Error> {
    let names: Vec<String> = shards.iter().map(|shard| shard.name.clone()).collect();
    let mut manifest = empty_manifest(run.plan, run.plan.digest(&names));
    let share = sample_rows.map_or(u64::MAX, |rows| rows.div_ceil(shards.len() as u64));
    let mut left = sample_rows.unwrap_or(u64::MAX);
    let mut seen = Seen::default();
    let mut first_fault = None;
    for (index, shard) in shards.iter().enumerate() {
        run.check_cancelled()?;
        let mut done = |rows, bytes| meter.advance(rows, bytes);
        match run.scrub_shard(shard, None, share.min(left), &mut seen, &mut done) {
            Ok(finished) => {
                left -= finished.counts.rows_in;
                let name = shard.name.clone();
                add_scrubbed(&mut manifest, name, None, None, &finished.counts);
            }
            Err(Stop::Fault(fault)) if run.plan.on_error == OnError::Quarantine => {
                manifest.quarantined.push(Quarantined {
                    file: shard.name.clone(),
                    sha256: None,
                    reason_class: fault.class(),
                });
                first_fault = first_fault.or(Some(fault.to_string()));
            }
            Err(Stop::Fault(fault)) => {
                return Err(Error::Input { file: shard.path.clone(), fault });
            }
            Err(Stop::Error(error)) => return Err(error),
        }
        meter.file_done(index + 1);
    }
    check_not_empty(run.plan, &manifest, shards.len(), first_fault)?;
    manifest.stages = stages(&run.plan.policy, run.plan.dedup_exact, !manifest.quarantined.is_empty());
    Ok(manifest)
}
