//! Thousands of files that nobody would write, and interruptions at places that nobody chose, over every kind of file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

use crate::fixtures::*;
use crate::{Error, Mode, OnError, ScrubPlan, scrub};

const FILES: usize = 5_000;
const FILES_AT_ONCE: usize = 100;
const INTERRUPTIONS: usize = 50;
/// Far more than all of it takes, on any machine: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_mins(9);

/// Values that no message may repeat.
const PLANTED: [&str; 4] = [
    "quill.harrow@mail.example.com",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
];

/// A small generator of places to damage: multiply and add, modulo 2^64.
struct Places(u64);

impl Places {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn texts(first: usize) -> Vec<Option<String>> {
    let sentence = |row: usize| format!("the {row}th letter came from {}, \"as ever\"\nand went", PLANTED[row % 4]);
    (first..first + 9).map(|row| (row % 5 > 0).then(|| sentence(row))).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn cells(delimiter: char, texts: &[Option<String>]) -> Vec<u8> {
    let cell = |text: &Option<String>| {
        text.as_ref().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).unwrap_or_default()
    };
    let rows = texts.iter().enumerate().map(|(id, text)| format!("{id}{delimiter}{}\r\n", cell(text)));
    format!("id{delimiter}text\r\n{}", rows.collect::<String>()).into_bytes()
}

fn arrow(texts: &[Option<&str>], text_type: TextType, codec: Option<CompressionType>, stream: bool) -> Vec<u8> {
    let batch = batch(texts, text_type);
    let options = IpcWriteOptions::default().try_with_compression(codec).unwrap();
    let mut bytes = Vec::new();
    if stream {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
        for batch in [batch.slice(0, 4), batch.slice(4, 5)] {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
    } else {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
        for batch in [batch.slice(0, 4), batch.slice(4, 5)] {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
    }
    bytes
}

/// A small good file of every kind, with its ending.
fn good(folder: &Path, first: usize) -> Vec<(&'static str, Vec<u8>)> {
    let texts = texts(first);
    let rows: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    let parquet = |text_type| std::fs::read(write_texts(folder.join("p.parquet"), &rows, text_type, 4)).unwrap();
    let object =
        |text: &Option<String>| serde_json::json!({ "id": 1, "text": text, "n": [1.5e3, {"a": null}] }).to_string();
    let jsonl: Vec<u8> = texts.iter().map(|text| object(text) + "\n").collect::<String>().into_bytes();
    let document = texts.iter().flatten().cloned().collect::<Vec<_>>().join("\n\n").into_bytes();
    vec![
        ("parquet", parquet(TextType::Utf8)),
        ("parquet", parquet(TextType::Dictionary)),
        ("jsonl", jsonl.clone()),
        ("jsonl.gz", gzip(&jsonl)),
        ("jsonl.zst", zstd::encode_all(&*jsonl, 0).unwrap()),
        ("csv", cells(',', &texts)),
        ("csv.gz", gzip(&cells(',', &texts))),
        ("tsv", cells('\t', &texts)),
        ("arrow", arrow(&rows, TextType::Utf8, None, false)),
        ("arrow", arrow(&rows, TextType::Dictionary, Some(CompressionType::LZ4_FRAME), false)),
        ("feather", arrow(&rows, TextType::Utf8View, Some(CompressionType::ZSTD), false)),
        ("arrows", arrow(&rows, TextType::LargeUtf8, None, true)),
        ("arrows", arrow(&rows, TextType::Dictionary, Some(CompressionType::ZSTD), true)),
        ("txt", document),
    ]
}

/// `bytes`, damaged in one way of six.
fn damaged(bytes: &[u8], other: &[u8], places: &mut Places) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = places.below(bytes.len());
    let some = |places: &mut Places, of: &[u8]| {
        let start = places.below(of.len());
        of[start..(start + 1 + places.below(40)).min(of.len())].to_vec()
    };
    match places.below(6) {
        0 => {
            for _ in 0..=places.below(6) {
                let at = places.below(bytes.len() * 8);
                bytes[at / 8] ^= 1 << (at % 8);
            }
        }
        1 => bytes.truncate(at),
        // Numbers that lengths and counts are forged with.
        2 => {
            let numbers: [i64; 6] = [-1, i64::MAX, i64::from(i32::MAX), i64::MIN, 1 << 40, 0];
            let number = numbers[places.below(6)].to_le_bytes();
            let end = (at + [4, 8][places.below(2)]).min(bytes.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        3 => {
            let piece = some(places, other);
            bytes.splice(at..at, piece);
        }
        4 => {
            let piece = some(places, &bytes);
            let end = (at + piece.len()).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        _ => drop(bytes.drain(at..(at + 1 + places.below(60)).min(at.max(bytes.len())))),
    }
    bytes
}

/// Scrubs some damaged files beside a whole one, and says how many were set aside.
fn check(root: &Path, files: &[(String, Vec<u8>)]) -> usize {
    let _ = std::fs::remove_dir_all(root);
    std::fs::create_dir_all(root.join("in")).unwrap();
    let mut inputs = Vec::new();
    for (name, bytes) in files {
        let path = root.join("in").join(name);
        std::fs::write(&path, bytes).unwrap();
        inputs.push(path);
    }
    let output = root.join("out");
    let base = ScrubPlan { dedup_exact: false, ..plan(&inputs, &output) };
    let manifest = run(&ScrubPlan { on_error: OnError::Quarantine, ..base.clone() }).unwrap();
    assert_eq!(manifest.inputs.len() + manifest.quarantined.len(), files.len());
    // What is there is listed, and what is listed is whole: it can be read to its end.
    let mut there: Vec<String> = tree(&output).into_keys().collect();
    let mut listed: Vec<String> = manifest.outputs.iter().map(|output| output.file.clone()).collect();
    listed.extend(["findings.parquet", "manifest.json"].map(str::to_owned));
    there.sort();
    listed.sort();
    assert_eq!(there, listed);
    let again = ScrubPlan {
        inputs: manifest.output_paths(&output),
        mode: Mode::DryRun { sample_rows: None },
        on_error: OnError::Fail,
        output: root.join("none"),
        ..base
    };
    assert_eq!(run(&again).unwrap().counts.rows_in, manifest.counts.rows_out);
    // Nothing beside the shards repeats a value.
    let findings = read_batch(&output.join("findings.parquet"));
    let words = findings.columns().iter().filter_map(|column| column.as_string_opt::<i32>());
    let beside: String = words.flat_map(|column| column.iter().flatten().collect::<Vec<_>>()).collect();
    let beside = beside + &std::fs::read_to_string(output.join("manifest.json")).unwrap();
    for value in PLANTED {
        assert!(!beside.contains(value));
    }
    manifest.quarantined.len()
}

/// A folder where making files durable costs nothing, if there is such a place.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs `work` elsewhere, and gives up on it when it hangs.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waits) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match waits.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(worker.join().err().unwrap()),
    }
}

#[test]
fn five_thousand_malformed_files_are_read_or_set_aside() {
    let (by_kind, set_aside) = in_time(|| {
        let folder = in_memory();
        let good = good(folder.path(), 0);
        let whole: Vec<_> = good
            .iter()
            .enumerate()
            .map(|(number, (kind, bytes))| (format!("{number}.{kind}"), bytes.clone()))
            .collect();
        assert_eq!(check(&folder.path().join("whole"), &whole), 0, "what is not damaged is read");
        let mut places = Places(SEED);
        let mut by_kind = std::collections::BTreeMap::<&str, (usize, usize)>::new();
        let mut set_aside = 0;
        for start in (0..FILES).step_by(FILES_AT_ONCE) {
            let mut files = vec![("whole.jsonl".to_owned(), good[2].1.clone())];
            let mut kinds = Vec::new();
            for number in start..start + FILES_AT_ONCE {
                let (kind, bytes) = &good[number % good.len()];
                let other = &good[places.below(good.len())].1;
                files.push((format!("{number}.{kind}"), damaged(bytes, other, &mut places)));
                kinds.push(*kind);
            }
            let aside = check(&folder.path().join("round"), &files);
            set_aside += aside;
            for kind in kinds {
                by_kind.entry(kind).or_default().0 += 1;
            }
        }
        (by_kind, set_aside)
    });
    assert_eq!(by_kind.values().map(|(files, _)| files).sum::<usize>(), FILES);
    // Most damage shows; a bit that flips in a plain text, or a text that ends early, cannot.
    assert!(set_aside > FILES / 3 && set_aside < FILES, "{set_aside} of {by_kind:?}");
}

/// The inputs of the interrupted runs: every kind of file, and two of most.
fn corpus(folder: &Path) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder.join("in")).unwrap();
    let mut inputs = Vec::new();
    for round in 0..2 {
        for (number, (kind, bytes)) in good(folder, round * 4).into_iter().enumerate() {
            let path = folder.join(format!("in/{round}-{number:02}.{kind}"));
            std::fs::write(&path, bytes).unwrap();
            inputs.push(path);
        }
    }
    inputs
}

/// Runs until the progress callback was called `calls` times, then cancels.
fn interrupted_after(plan: &ScrubPlan, calls: usize) -> Result<usize, Error> {
    let (seen, cancelled) = (AtomicUsize::new(0), AtomicBool::new(calls == 0));
    let count = |_| {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == calls {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    scrub(plan, &count, &cancelled).map(|_| seen.load(Ordering::Relaxed))
}

#[test]
fn fifty_interruptions_anywhere_end_in_the_same_bytes() {
    let folder = in_memory();
    let inputs = corpus(folder.path());
    let reference = plan(&inputs, &folder.path().join("reference"));
    let steps = interrupted_after(&reference, usize::MAX).unwrap();
    let expected = tree(&reference.output);
    let mut places = Places(SEED);
    let mut interrupted = 0;
    for round in 0..INTERRUPTIONS {
        let plan = ScrubPlan { output: folder.path().join("out"), jobs: 1 + round % 3, ..reference.clone() };
        let _ = std::fs::remove_dir_all(&plan.output);
        // One interruption, or two, or three, before it is left in peace.
        for _ in 0..=places.below(3) {
            match interrupted_after(&plan, places.below(steps)) {
                Ok(_) => break,
                Err(Error::Interrupted) => interrupted += 1,
                Err(error) => panic!("{error}"),
            }
            let partial = tree(&plan.output);
            assert!(!partial.contains_key("manifest.json") && !partial.contains_key("findings.parquet"));
            for (name, bytes) in partial.iter().filter(|(name, _)| !name.starts_with('.')) {
                assert_eq!(expected.get(name), Some(bytes), "{name} is visible before it is whole");
            }
            assert!(!partial.keys().any(|name| name.contains("privet-part")));
        }
        run(&plan).unwrap();
        assert!(tree(&plan.output) == expected, "round {round}");
    }
    assert!(interrupted >= INTERRUPTIONS, "{interrupted}");
}
