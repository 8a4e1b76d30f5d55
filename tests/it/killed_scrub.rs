//! A scrub that is killed again and again, at moments that nobody chose: nothing half written is ever seen, and the same
//! command ends in the same bytes. And a filter that is interrupted while it waits.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};

use crate::fixture::{parquet, sentences};
use crate::{SEED, command, folder, privet};

const FILES: u64 = 24;
const KILLS: u32 = 16;

/// Every file below a folder that is not hidden, and its bytes.
fn visible(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            visible(&path, &format!("{below}{name}/"), found);
        } else {
            // What a kill takes away between the two is not there, which is what is asked.
            found.extend(std::fs::read(&path).ok().map(|bytes| (format!("{below}{name}"), bytes)));
        }
    }
}

fn corpus(dir: &Path) {
    std::fs::create_dir_all(dir.join("data")).unwrap();
    let mut rows = sentences(FILES * 150);
    for (index, row) in rows.iter_mut().enumerate().filter(|(index, _)| index % 3 == 0) {
        *row = format!("{row} for desk{index}@mail.example.org");
    }
    for (number, part) in rows.chunks(150).enumerate() {
        let (name, bytes) = match number % 3 {
            0 => ("parquet", parquet(&[("text", part)])),
            1 => ("csv", format!("text\n{}\n", part.join("\n")).into_bytes()),
            _ => {
                let lines = part.iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
                ("jsonl", lines.collect::<String>().into_bytes())
            }
        };
        std::fs::write(dir.join(format!("data/{number:02}.{name}")), bytes).unwrap();
    }
}

#[test]
fn a_scrub_that_is_killed_again_and_again_ends_in_the_same_bytes() {
    let dir = folder();
    corpus(dir.path());
    privet(dir.path(), &["scrub", "data", "-o", "reference"]).done();
    let mut expected = BTreeMap::new();
    visible(&dir.path().join("reference"), "", &mut expected);
    assert_eq!(expected.len() as u64, FILES + 2);

    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(SEED);
    let (mut unfinished, mut most) = (0, 0);
    for kill in 0..KILLS {
        if kill % 8 == 0 {
            let _ = std::fs::remove_dir_all(dir.path().join("out"));
        }
        let mut child = command(dir.path(), &["scrub", "data", "-o", "out"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Some files further on, at any place of the one that it is at.
        let out = dir.path().join("out");
        let finished = |out: &Path| std::fs::read_dir(out).map_or(0, |entries| entries.flatten().count());
        let wanted = finished(&out) + rng.random_range(0..5);
        while finished(&out) < wanted && child.try_wait().unwrap().is_none() {}
        let until = Instant::now() + Duration::from_micros(rng.random_range(0..6_000));
        while Instant::now() < until {}
        child.kill().unwrap();
        child.wait().unwrap();
        let mut there = BTreeMap::new();
        visible(&dir.path().join("out"), "", &mut there);
        for (name, bytes) in &there {
            assert!(expected.get(name) == Some(bytes), "kill {kill}: {name} is seen before it is whole");
        }
        unfinished += u32::from(!there.contains_key("manifest.json"));
        most = most.max(there.len());
    }
    assert!(unfinished > KILLS / 2 && most > 4, "{unfinished} kills fell before the end, {most} files were there");
    privet(dir.path(), &["scrub", "data", "-o", "out"]).done();
    let mut there = BTreeMap::new();
    visible(&dir.path().join("out"), "", &mut there);
    assert!(there == expected);
    assert!(!dir.path().join("out/.progress").exists(), "what was kept for going on is gone");
}

/// It waits for lines that do not come, and the first interrupt ends it.
#[cfg(unix)]
#[test]
fn a_filter_that_waits_ends_at_the_first_interrupt() {
    use std::os::unix::process::ExitStatusExt;
    let dir = folder();
    let mut filter = command(dir.path(), &["scrub", "--stdin", "--no-dedup"]);
    if ignores_interrupts() {
        // Whoever runs in the background of a script has interrupts ignored, and so have its children.
        let mut with_interrupts = std::process::Command::new("env");
        with_interrupts.arg("--default-signal=INT").arg(filter.get_program()).args(filter.get_args());
        with_interrupts.current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        filter = with_interrupts;
    }
    let mut child = filter.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // As many lines as are taken at once: when the first comes out, it has begun to wait for more, or will soon.
    stdin.write_all("{\"text\": \"plain\"}\n".repeat(8192).as_bytes()).unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "{\"text\": \"plain\"}\n");
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
    let until = Instant::now() + Duration::from_secs(20);
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
    };
    assert_eq!(ended.expect("one interrupt is enough").signal(), Some(2));
    drop(stdin);
}

/// Whether this process was started with interrupts ignored; only Linux says so.
#[cfg(unix)]
pub(crate) fn ignores_interrupts() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> 1 & 1 == 1)
}
