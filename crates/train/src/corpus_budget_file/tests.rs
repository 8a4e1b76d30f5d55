//! The file against crashes at every byte, rollbacks, forks, and trainers that all want the last of it.

use std::fs;
use std::sync::Barrier;

use privet_dp::{Adjacency, Delta, Epsilon, NoiseMultiplier, PrivacyUnit, SamplingRate};
use tempfile::TempDir;

use super::*;
use crate::corpus_budget::new_id;

/// A third of the budget that [`created`] makes, and a little.
pub(crate) fn event(steps: u64) -> Event {
    let sampling_rate = SamplingRate::from_f64(0.01).unwrap();
    let noise_multiplier = NoiseMultiplier::new(1.0).unwrap();
    let step = Event::PoissonSampledGaussian { sampling_rate, noise_multiplier };
    Event::Repeated { event: Box::new(step), count: steps }
}

pub(crate) fn terms() -> Terms {
    let total = (Epsilon::new(8.0).unwrap(), Delta::new(1e-5).unwrap());
    let terms = Terms::new("notes".to_owned(), total, Adjacency::AddRemove, PrivacyUnit::Document, &[event(1)]);
    terms.unwrap()
}

/// Steps of a run that takes this share of the budget.
pub(crate) fn steps(share: f64) -> u64 {
    let terms = terms();
    (share * terms.cumulant_budget() / corpus_budget::cost(&event(1), &terms)) as u64
}

fn created() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budget.jsonl");
    drop(BudgetFile::create(&path, terms()).unwrap());
    (folder, path)
}

fn reserve(path: &Path, share: f64) -> Result<RunId, Error> {
    let run = new_id()?;
    BudgetFile::open(path)?.reserve(run.clone(), None, event(steps(share)))?;
    Ok(run)
}

fn both(path: &Path) -> (Vec<u8>, Vec<u8>) {
    (fs::read(path).unwrap(), fs::read(head_path(path)).unwrap())
}

fn put(path: &Path, (file, head): &(Vec<u8>, Vec<u8>)) {
    fs::write(path, file).unwrap();
    fs::write(head_path(path), head).unwrap();
}

#[expect(clippy::needless_pass_by_value, reason = "a call reads better without a borrow")]
fn refused(result: Result<RunId, Error>) -> bool {
    matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Refused { source: Refusal::Exhausted { .. }, .. })))
}

#[expect(clippy::needless_pass_by_value, reason = "a call reads better without a borrow")]
fn behind<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Behind { .. }))), "{result:?}");
}

#[test]
fn what_is_reserved_is_there_for_the_next_one_who_opens() {
    let (_folder, path) = created();
    let first = reserve(&path, 0.6).unwrap();
    let before = both(&path);
    assert!(refused(reserve(&path, 0.6)));
    assert_eq!(both(&path), before, "a refusal writes nothing");
    let second = reserve(&path, 0.39).unwrap();
    let (budget, torn, completeness) = read(&path).unwrap();
    assert_eq!((torn, completeness), (false, Completeness::Recorded));
    let runs: Vec<_> = budget.runs().iter().map(|run| run.reservation.run.clone()).collect();
    assert_eq!(runs, [first.clone(), second]);
    let file = BudgetFile::open(&path).unwrap().settle(&first, None).unwrap();
    drop(file.settle(&first, None).unwrap());
    assert_eq!(read(&path).unwrap().0.lines(), 4, "settled once");
    assert!(reserve(&path, 0.6).is_ok());
}

#[test]
fn a_budget_is_never_written_over() {
    let (_folder, path) = created();
    let before = both(&path);
    let again = BudgetFile::create(&path, terms());
    assert!(matches!(again, Err(Error::CorpusBudget(CorpusBudgetFault::Exists { .. }))));
    assert_eq!(both(&path), before);
    // One that was charged and is gone is not begun anew beside its record.
    reserve(&path, 0.5).unwrap();
    fs::remove_file(&path).unwrap();
    let missing = BudgetFile::open(&path);
    assert!(matches!(missing, Err(Error::CorpusBudget(CorpusBudgetFault::Missing { .. }))));
    behind(BudgetFile::create(&path, terms()));
}

#[test]
fn a_reservation_cut_at_any_byte_is_recovered_and_was_never_acknowledged() {
    let (_folder, path) = created();
    reserve(&path, 0.6).unwrap();
    let before = both(&path);
    reserve(&path, 0.3).unwrap();
    let (after, head) = both(&path);
    for cut in before.0.len()..after.len() {
        put(&path, &(after[..cut].to_vec(), before.1.clone()));
        assert_eq!(read(&path).unwrap().1, cut > before.0.len(), "cut at {cut}");
        assert_eq!(BudgetFile::open(&path).unwrap().budget().lines(), 2, "cut at {cut}");
        assert_eq!(fs::read(&path).unwrap(), before.0, "cut at {cut}");
    }
    // Whole, but the crash came before its record: charged.
    put(&path, &(after.clone(), before.1));
    assert_eq!(BudgetFile::open(&path).unwrap().budget().lines(), 3);
    assert_eq!(both(&path), (after.clone(), head.clone()));
    // Acknowledged: nothing may be missing.
    for cut in [before.0.len(), after.len() - 1] {
        put(&path, &(after[..cut].to_vec(), head.clone()));
        behind(BudgetFile::open(&path));
        behind(read(&path));
    }
}

#[test]
fn a_fork_an_older_copy_an_edit_and_a_missing_record_are_refused() {
    let (_folder, path) = created();
    let empty = both(&path);
    reserve(&path, 0.6).unwrap();
    let one = both(&path);
    // The same first line, another second one.
    put(&path, &empty);
    reserve(&path, 0.5).unwrap();
    reserve(&path, 0.1).unwrap();
    let other = both(&path);
    put(&path, &(other.0, one.1.clone()));
    behind(BudgetFile::open(&path));
    put(&path, &(empty.0, one.1.clone()));
    behind(BudgetFile::open(&path));
    let edited = String::from_utf8(one.0.clone()).unwrap().replace("\"epsilon\":8.0", "\"epsilon\":9.0");
    put(&path, &(edited.into_bytes(), one.1.clone()));
    let result = BudgetFile::open(&path);
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Invalid { .. }))), "{result:?}");
    put(&path, &one);
    fs::write(head_path(&path), "{}").unwrap();
    behind(BudgetFile::open(&path));
    fs::remove_file(head_path(&path)).unwrap();
    behind(BudgetFile::open(&path));
    assert_eq!(read(&path).unwrap().2, Completeness::NoRecord, "a copy can be read, and says what it cannot show");
}

#[test]
fn of_many_who_want_the_last_of_it_one_gets_it() {
    let (_folder, path) = created();
    reserve(&path, 0.5).unwrap();
    let barrier = Barrier::new(8);
    let results: Vec<bool> = std::thread::scope(|scope| {
        let one = || {
            barrier.wait();
            let result = reserve(&path, 0.4);
            assert!(result.is_ok() || refused(result));
            read(&path).unwrap().0.runs().len() == 2
        };
        let handles: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert_eq!(results, [true; 8]);
    assert!(read(&path).unwrap().0.standing().kept);
}

#[test]
fn a_file_that_grows_under_the_lock_takes_nothing_more() {
    let (_folder, path) = created();
    let file = BudgetFile::open(&path).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    let result = file.reserve(new_id().unwrap(), None, event(1));
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Disturbed { .. }))), "{result:?}");
}
