//! The ledger against crashes at every byte, edits of every byte, rollbacks, forks, second writers and full disks.

use privet_dp::{Adjacency, Delta, Event, NoiseMultiplier, PrivacyUnit, SamplingRate};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tempfile::TempDir;

use super::*;

const SEED: u64 = 20_260_101;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::default() }
}

/// The ledger's bytes and its record's.
type Files = (Vec<u8>, Vec<u8>);

/// A run's folder with nothing in it.
struct Run {
    _folder: TempDir,
    path: PathBuf,
    head: PathBuf,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, head) = (folder.path().join("ledger.jsonl"), folder.path().join("private/ledger-head"));
        fs::create_dir(head.parent().unwrap()).unwrap();
        Self { _folder: folder, path, head }
    }

    fn create(&self) -> LedgerFile {
        LedgerFile::create(&self.path, &self.head, genesis()).unwrap()
    }

    fn open(&self) -> Result<LedgerFile, Error> {
        LedgerFile::open(&self.path, &self.head, "plan", "data")
    }

    /// Both files as they are now.
    fn files(&self) -> Files {
        (fs::read(&self.path).unwrap(), fs::read(&self.head).unwrap())
    }

    fn put(&self, ledger: &[u8], head: &[u8]) {
        for (path, content) in [(&self.path, ledger), (&self.head, head)] {
            // Not `fs::write`: cutting a file to nothing first makes some file systems flush it, thousands of times here.
            let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path).unwrap();
            file.write_all(content).unwrap();
            file.set_len(content.len() as u64).unwrap();
        }
    }
}

fn genesis() -> Genesis {
    Genesis {
        plan_hash: "plan".to_owned(),
        dataset_commitment: "data".to_owned(),
        binary_hash: "binary".to_owned(),
        privacy_unit: PrivacyUnit::Document,
        adjacency: Adjacency::AddRemove,
        delta: Delta::new(1e-6).unwrap(),
    }
}

fn entry(step: u64, attempt: u32) -> StepEntry {
    let event = Event::PoissonSampledGaussian {
        sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
        noise_multiplier: NoiseMultiplier::new(1.1).unwrap(),
    };
    StepEntry { step, attempt, event, segment: None }
}

/// A run with `steps` steps charged, and its two files after each line, the genesis included.
fn history(steps: u64) -> (Run, Vec<Files>) {
    let run = Run::new();
    let mut file = run.create();
    let mut files = vec![run.files()];
    for step in 1..=steps {
        let recorded = file.append(entry(step, 1)).unwrap();
        assert_eq!((recorded.step(), recorded.attempt()), (step, 1));
        files.push(run.files());
    }
    drop(file);
    (run, files)
}

#[test]
fn goes_on_where_it_stopped_and_charges_repeated_steps_again() {
    let (run, files) = history(3);
    let mut file = run.open().unwrap();
    assert_eq!(run.files(), files[3]);
    assert_eq!((file.ledger().last_step(), file.ledger().next_attempt(3)), (3, 2));
    let _ = file.append(entry(3, 2)).unwrap();
    let _ = file.append(entry(4, 1)).unwrap();
    drop(file);
    let text = String::from_utf8(run.files().0).unwrap();
    let ledger = ledger::parse(&text).unwrap();
    assert_eq!(ledger.genesis(), &genesis());
    let steps: Vec<_> = ledger.entries().iter().map(|entry| (entry.step, entry.attempt)).collect();
    assert_eq!(steps, [(1, 1), (2, 1), (3, 1), (3, 2), (4, 1)]);
    assert!(text.starts_with(str::from_utf8(&files[3].0).unwrap()), "append-only");
}

#[test]
fn a_line_cut_at_any_byte_before_it_was_acknowledged_is_recovered() {
    let (run, files) = history(3);
    let [.., (before, head), (after, _)] = &files[..] else { unreachable!() };
    for cut in before.len()..=after.len() {
        run.put(&after[..cut], head);
        let mut file = run.open().unwrap();
        let charged = if cut == after.len() { 3 } else { 2 };
        assert_eq!(file.ledger().entries().len(), charged, "cut at {cut}");
        assert_eq!(run.files(), files[charged], "cut at {cut}: the record follows the ledger");
        // Each append waits for the device, so not after every cut.
        if cut % 16 == 0 || charged == 3 {
            let _ = file.append(entry(3, file.ledger().next_attempt(3))).unwrap();
            drop(file);
            assert_eq!(run.open().unwrap().ledger().entries().len(), charged + 1);
        }
    }
}

#[test]
fn a_line_cut_at_any_byte_after_it_was_acknowledged_is_a_rollback() {
    let (run, files) = history(3);
    let (after, head) = &files[3];
    for cut in files[0].0.len()..after.len() {
        run.put(&after[..cut], head);
        assert!(matches!(run.open(), Err(Error::LedgerRolledBack { .. })), "cut at {cut}");
        assert_eq!(fs::read(&run.path).unwrap(), after[..cut], "a refused ledger is left as it was");
    }
}

#[test]
fn a_genesis_cut_at_any_byte_is_begun_anew() {
    let (run, files) = history(0);
    let (genesis_line, head) = &files[0];
    for cut in 0..genesis_line.len() {
        run.put(&genesis_line[..cut], head);
        assert!(matches!(run.open(), Err(Error::LedgerEmpty { .. })), "cut at {cut}");
        drop(LedgerFile::open_or_create(&run.path, &run.head, genesis()).unwrap());
        assert_eq!(run.files(), files[0]);
    }
    fs::remove_file(&run.path).unwrap();
    drop(LedgerFile::open_or_create(&run.path, &run.head, genesis()).unwrap());
    drop(LedgerFile::open_or_create(&run.path, &run.head, genesis()).unwrap());
    assert_eq!(run.files(), files[0]);
}

#[test]
fn an_edited_byte_anywhere_is_refused() {
    let (run, files) = history(2);
    let (ledger, head) = &files[2];
    for position in 0..ledger.len() {
        for change in [0x01, 0x80, ledger[position] ^ b'\n', ledger[position]] {
            let mut edited = ledger.clone();
            edited[position] ^= change;
            if edited == *ledger {
                continue;
            }
            run.put(&edited, head);
            assert!(run.open().is_err(), "byte {position} xor {change}");
            assert_eq!(run.files().0, edited, "a refused ledger is left as it was");
        }
    }
}

/// Even where the record is too old to notice, damage that is not text is not taken for a torn end of the file.
#[test]
fn bytes_that_are_not_text_are_torn_only_in_the_last_line() {
    let (run, files) = history(3);
    let mut damaged = files[3].0.clone();
    damaged[files[1].0.len() + 9] = 0xff;
    run.put(&damaged, &files[1].1);
    let result = run.open();
    assert!(
        matches!(
            &result,
            Err(Error::LedgerInvalid { source: LedgerError::Chain(ChainError::Malformed { line: 3, .. }), .. })
        ),
        "{result:?}"
    );
    let mut torn = files[2].0.clone();
    torn.extend(b"{\"body\xff\xfe");
    run.put(&torn, &files[2].1);
    assert_eq!(run.open().unwrap().ledger().entries().len(), 2);
    assert_eq!(run.files(), files[2]);
}

#[test]
fn an_edited_record_is_refused_or_harmless() {
    let (run, files) = history(2);
    let (ledger, head) = &files[2];
    for position in 0..head.len() {
        let mut edited = head.clone();
        edited[position] ^= 1;
        run.put(ledger, &edited);
        // Only the number of lines is not compared when a ledger is there.
        if let Ok(file) = run.open() {
            assert_eq!(file.ledger().entries().len(), 2);
            assert!(String::from_utf8_lossy(head).find("\"lines\":").unwrap() + 8 == position, "byte {position}");
        }
    }
}

#[test]
fn an_older_ledger_is_a_rollback() {
    let (run, files) = history(3);
    for (older, _) in &files[..3] {
        run.put(older, &files[3].1);
        assert!(matches!(run.open(), Err(Error::LedgerRolledBack { .. })));
        assert!(LedgerFile::open_or_create(&run.path, &run.head, genesis()).is_err());
    }
    fs::remove_file(&run.path).unwrap();
    let result = LedgerFile::open_or_create(&run.path, &run.head, genesis());
    assert!(matches!(result, Err(Error::LedgerRolledBack { found: 0, .. })), "{result:?}");
}

#[test]
fn a_missing_or_unreadable_record_is_refused() {
    let (run, files) = history(1);
    for head in [&b""[..], b"{}", b"not json"] {
        run.put(&files[1].0, head);
        assert!(matches!(run.open(), Err(Error::LedgerHead { .. })));
    }
    fs::remove_file(&run.head).unwrap();
    assert!(matches!(run.open(), Err(Error::LedgerHead { .. })));
}

#[test]
fn another_ledger_of_the_same_plan_is_a_fork() {
    let (run, files) = history(2);
    let (other, _) = history(1);
    let mut file = other.open().unwrap();
    let _ = file.append(entry(1, 2)).unwrap();
    let _ = file.append(entry(2, 1)).unwrap();
    drop(file);
    run.put(&other.files().0, &files[2].1);
    assert!(matches!(run.open(), Err(Error::LedgerForked { .. })));
}

#[test]
fn a_ledger_of_other_training_is_refused() {
    let (run, files) = history(1);
    let open = |plan, data| LedgerFile::open(&run.path, &run.head, plan, data);
    let result = open("another", "data");
    assert!(matches!(&result, Err(Error::PlanChanged { found, .. }) if found == "plan"), "{result:?}");
    assert!(matches!(open("plan", "another"), Err(Error::DatasetChanged { .. })));
    let result = LedgerFile::create(&run.path, &run.head, genesis());
    assert!(matches!(result, Err(Error::LedgerExists { .. })), "{result:?}");
    assert_eq!(run.files(), files[1]);
    let (_, tail) = files[1].0.split_at(files[0].0.len());
    run.put(tail, &files[1].1);
    assert!(matches!(run.open(), Err(Error::LedgerInvalid { .. })), "no genesis");
}

#[test]
fn a_second_writer_is_refused() {
    let (run, _) = history(1);
    let first = run.open().unwrap();
    assert!(matches!(run.open(), Err(Error::LedgerLocked { .. })));
    let result = LedgerFile::create(&run.path, &run.head, genesis());
    assert!(matches!(result, Err(Error::LedgerLocked { .. })), "{result:?}");
    drop(first);
    assert!(run.open().is_ok());
}

#[test]
fn steps_out_of_order_are_refused_and_change_nothing() {
    let (run, files) = history(2);
    let mut file = run.open().unwrap();
    for (step, attempt) in [(0, 1), (4, 1), (2, 1), (1, 1), (3, 0)] {
        let result = file.append(entry(step, attempt));
        assert!(matches!(result, Err(Error::LedgerRefuses { .. })), "{step} {attempt}");
        assert_eq!(run.files(), files[2]);
    }
    let _ = file.append(entry(3, 1)).unwrap();
}

#[test]
fn a_ledger_somebody_else_wrote_to_records_nothing_more() {
    let (run, _) = history(1);
    let mut file = run.open().unwrap();
    OpenOptions::new().append(true).open(&run.path).unwrap().write_all(b"x").unwrap();
    assert!(matches!(file.append(entry(2, 1)), Err(Error::LedgerDisturbed { .. })));
    assert!(matches!(file.append(entry(2, 2)), Err(Error::LedgerDisturbed { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_disk_records_nothing_more() {
    let broken = [OpenOptions::new().append(true).open("/dev/full").unwrap(), File::open("/dev/null").unwrap()];
    for device in broken {
        let (run, files) = history(1);
        let mut file = run.open().unwrap();
        let whole = std::mem::replace(&mut file.file, device);
        file.bytes = 0;
        let result = file.append(entry(2, 1));
        assert!(matches!(result, Err(Error::Io { action: "write", .. })), "{result:?}");
        (file.file, file.bytes) = (whole, files[1].0.len() as u64);
        assert!(matches!(file.append(entry(2, 2)), Err(Error::LedgerDisturbed { .. })));
        drop(file);
        assert_eq!(run.files(), files[1]);
    }
}

#[test]
fn a_record_that_cannot_be_written_leaves_the_step_charged() {
    let (run, files) = history(1);
    let mut file = run.open().unwrap();
    fs::remove_dir_all(run.head.parent().unwrap()).unwrap();
    assert!(matches!(file.append(entry(2, 1)), Err(Error::Io { .. })));
    assert!(matches!(file.append(entry(2, 2)), Err(Error::LedgerDisturbed { .. })));
    drop(file);
    fs::create_dir(run.head.parent().unwrap()).unwrap();
    fs::write(&run.head, &files[1].1).unwrap();
    assert_eq!(run.open().unwrap().ledger().entries().len(), 2);
}

proptest! {
    #![proptest_config(cases(24))]

    /// Runs that die at random points of a write: what was acknowledged is always charged, and the run always goes on.
    #[test]
    fn never_charges_less_than_was_acknowledged(crashes in prop::collection::vec((0..4_u64, 0.0..=1.0_f64, any::<bool>()), 1..6)) {
        let run = Run::new();
        drop(run.create());
        let mut acknowledged = Vec::new();
        for (steps, point, record_written) in crashes {
            let mut file = run.open().unwrap();
            for _ in 0..steps {
                let step = file.ledger().last_step() + 1;
                acknowledged.push(file.append(entry(step, 1)).unwrap());
            }
            let before = run.files();
            let step = file.ledger().last_step().max(1);
            let attempt = file.ledger().next_attempt(step);
            let recorded = file.append(entry(step, attempt)).unwrap();
            drop(file);
            let after = run.files();
            if record_written {
                acknowledged.push(recorded);
            } else {
                let written = ((after.0.len() - before.0.len()) as f64 * point) as usize;
                run.put(&after.0[..before.0.len() + written], &before.1);
            }
            let file = run.open().unwrap();
            let charged = |recorded: &Recorded| {
                file.ledger().entries().iter().any(|entry| (entry.step, entry.attempt) == (recorded.step, recorded.attempt))
            };
            prop_assert!(acknowledged.iter().all(charged));
            prop_assert!(file.ledger().entries().len() >= acknowledged.len());
        }
    }
}
