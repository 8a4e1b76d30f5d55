//! Ten thousand values, in good files and in broken ones of every kind that a text editor can write, and every way to run
//! the program over them: none of the values is ever seen again, on a terminal, in a log, beside the text or in it.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::fixture::parquet;
use crate::{SEED, command, folder, ran};

const PLANTED: usize = 10_000;
/// Bytes by which values are looked up; no value is shorter.
const KEY: usize = 11;

/// Multiply and add, modulo 2^64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn text(&mut self, length: usize, of: &[u8]) -> String {
        (0..length).map(|_| char::from(of[self.below(of.len() as u64) as usize])).collect()
    }
}

fn in_fours(digits: &str) -> String {
    let fours: Vec<&str> = (0..digits.len()).step_by(4).map(|at| &digits[at..digits.len().min(at + 4)]).collect();
    fours.join(" ")
}

/// Luhn's check digit behind these digits.
fn card(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0') * if at % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Check digits of ISO 13616 in front of an account number.
fn iban(account: &str) -> String {
    let rest = format!("{account}131400").bytes().fold(0_u64, |rest, byte| (rest * 10 + u64::from(byte - b'0')) % 97);
    format!("DE{:02}{account}", 98 - rest)
}

/// Values of five kinds that occur nowhere else, each in a sentence of its own.
fn planted() -> (Vec<String>, Vec<String>) {
    const DIGITS: &[u8] = b"0123456789";
    const SIGNS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut draws = Draws(SEED);
    let mut one = |index: usize| match index % 5 {
        0 => {
            let value =
                format!("q{}.{index}@mail{:x}.example.org", draws.text(5, &SIGNS[10..36]), draws.below(1 << 20));
            (format!("please write to {value} before noon"), value)
        }
        1 => {
            let value = in_fours(&card(&format!("4539{}", draws.text(11, DIGITS))));
            (format!("paid with card {value} yesterday"), value)
        }
        2 => {
            let value = iban(&draws.text(18, DIGITS));
            let value = if index.is_multiple_of(2) { value } else { in_fours(&value) };
            (format!("send it to IBAN {value} today"), value)
        }
        3 => {
            let value = format!("ghp_{}", draws.text(36, SIGNS));
            (format!("the token is \"{value}\", keep it"), value)
        }
        _ => {
            let (area, group, serial) = (100 + draws.below(400), 1 + draws.below(99), 1 + draws.below(9999));
            let value = format!("{area:03}-{group:02}-{serial:04}");
            (format!("social security number {value} on file"), value)
        }
    };
    (0..PLANTED).map(&mut one).map(|(sentence, value)| (value, sentence)).unzip()
}

/// Every value by its first bytes.
struct Values(HashMap<[u8; KEY], Vec<String>>);

impl Values {
    fn new(values: &[String]) -> Self {
        let mut by_key = HashMap::<[u8; KEY], Vec<String>>::new();
        for value in values {
            by_key.entry(value.as_bytes()[..KEY].try_into().unwrap()).or_default().push(value.clone());
        }
        Self(by_key)
    }

    /// The first value in these bytes.
    fn found(&self, bytes: &[u8]) -> Option<&str> {
        let at = |(at, window): (usize, &[u8])| {
            let near = self.0.get(window)?.iter();
            near.map(String::as_str).find(|value| bytes[at..].starts_with(value.as_bytes()))
        };
        bytes.windows(KEY).enumerate().find_map(at)
    }

    #[track_caller]
    fn nowhere(&self, bytes: &[u8], what: &str) {
        assert!(self.found(bytes).is_none(), "a planted value appears in {what}");
    }

    /// Looks into every file below a folder but those with a name that begins so.
    #[track_caller]
    fn nowhere_below(&self, folder: &Path, but: &str) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files += self.nowhere_below(&path, but);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with(but) {
                self.nowhere(&std::fs::read(&path).unwrap(), &path.display().to_string());
                files += 1;
            }
        }
        files
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn lines(sentences: &[String]) -> String {
    sentences.iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n").collect()
}

fn gold(values: &[String], sentences: &[String]) -> String {
    let line = |(value, text): (&String, &String)| {
        let start = text.find(value.as_str()).unwrap();
        let span = serde_json::json!({ "start": start, "end": start + value.len(), "label": "EMAIL" });
        serde_json::json!({ "id": "a", "text": text, "spans": [span] }).to_string() + "\n"
    };
    values.iter().zip(sentences).map(line).collect()
}

/// Good files of every kind, and beside them the same files broken.
fn corpus(dir: &Path, values: &[String], sentences: &[String]) {
    let parts: Vec<&[String]> = sentences.chunks(PLANTED / 5).collect();
    let table = |part: &[String], delimiter: &str| {
        let rows = part.iter().map(|text| format!("1{delimiter}{}\n", quoted(text)));
        format!("id{delimiter}text\n{}", rows.collect::<String>()).into_bytes()
    };
    let files = [
        ("good.parquet", parquet(&[("text", parts[0])])),
        ("good.jsonl", lines(parts[1]).into_bytes()),
        ("good.csv", table(parts[2], ",")),
        ("good.tsv", table(parts[3], "\t")),
    ];
    std::fs::create_dir_all(dir.join("data")).unwrap();
    std::fs::create_dir_all(dir.join("letters/more")).unwrap();
    std::fs::create_dir_all(dir.join("odd")).unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.join("data").join(name), &bytes).unwrap();
        let (_, kind) = name.split_once('.').unwrap();
        let cut = &bytes[..=bytes.len() * 2 / 3];
        std::fs::write(dir.join(format!("data/bad-cut.{kind}")), cut).unwrap();
        for (number, place) in [(0, bytes.len() / 3), (1, bytes.len() / 2), (2, bytes.len() - 40)] {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0xff;
            flipped[place + 1] = b'"';
            std::fs::write(dir.join(format!("data/bad-{number}.{kind}")), flipped).unwrap();
        }
    }
    for (number, letter) in parts[4].chunks(40).enumerate() {
        let folder = if number % 2 == 0 { "letters" } else { "letters/more" };
        std::fs::write(dir.join(folder).join(format!("{number}.txt")), letter.join("\n")).unwrap();
    }
    std::fs::write(dir.join("letters/bad.txt"), [parts[4][0].as_bytes(), b"\xff"].concat()).unwrap();
    // Tables whose first record is somebody's.
    std::fs::write(dir.join("odd/headless.csv"), format!("{},1\n", quoted(&values[0]))).unwrap();
    std::fs::write(dir.join("odd/keys.jsonl"), format!("{{\"{}\": 1}}\n", values[1])).unwrap();
    std::fs::write(dir.join("key"), "07".repeat(32)).unwrap();
    std::fs::write(dir.join("gold.jsonl"), gold(&values[..500], &sentences[..500])).unwrap();
    std::fs::write(dir.join("bad-gold.jsonl"), gold(&values[..9], &sentences[..9]) + &values[9]).unwrap();
}

const VOICES: [&[&str]; 4] = [&[], &["--quiet"], &["--json"], &["--color", "always", "--no-progress"]];

#[test]
fn ten_thousand_values_are_never_seen_again() {
    let dir = folder();
    let (planted, sentences) = planted();
    let values = Values::new(&planted);
    assert_eq!(values.0.values().map(Vec::len).sum::<usize>(), PLANTED);
    assert!(values.found(sentences[77].as_bytes()).is_some() && values.found(b"nothing").is_none());
    corpus(dir.path(), &planted, &sentences);

    for (index, voice) in VOICES.iter().enumerate() {
        let out = format!("out{index}");
        let commands: [(&[i32], Vec<&str>); 16] = [
            (&[3], vec!["scrub", "data", "-o", &out]),
            (&[3], vec!["scrub", "letters", "-o", "letters-out", "--no-dedup", "--overwrite"]),
            (&[3], vec!["scrub", "data", "-o", "strict", "--on-error", "fail", "--overwrite"]),
            (&[3], vec!["scrub", "data", "-o", "dry", "--dry-run"]),
            (&[3], vec!["scrub", "data", "-o", "dry", "--dry-run", "--sample", "50"]),
            (&[1], vec!["scrub", "data/good.csv", "-o", "little", "--max-changed", "0.01", "--overwrite"]),
            (&[2], vec!["scrub", "data/good.csv", "-o", "none", "--column", "absent", "--on-error", "fail"]),
            (&[2], vec!["scrub", "odd/headless.csv", "-o", "none", "--on-error", "fail"]),
            (&[3], vec!["scrub", "odd/keys.jsonl", "-o", "none", "--on-error", "fail"]),
            (&[0], vec!["scrub", "data", "--explain", "good.csv:7"]),
            (&[2], vec!["scrub", "data", "--explain", "good.csv:7", "--show-values"]),
            (&[2, 3], vec!["inspect", "data", "--sample", "100"]),
            (&[0], vec!["inspect", "data/good.parquet", "data/good.jsonl", "data/good.csv", "--sample", "100"]),
            (&[2], vec!["inspect", "odd/headless.csv"]),
            (&[0], vec!["evaluate", "gold.jsonl", "--curve", "--findings-out", "found.jsonl"]),
            (&[3], vec!["evaluate", "bad-gold.jsonl"]),
        ];
        for (codes, arguments) in commands {
            let mut command = command(dir.path(), &[&arguments[..], voice].concat());
            // A panic's own words would be in its backtrace too.
            let output = command.env("RUST_BACKTRACE", "full").output().unwrap();
            let code = output.status.code().unwrap_or(-1);
            values.nowhere(&output.stdout, &format!("stdout of {arguments:?} {voice:?}"));
            values.nowhere(&output.stderr, &format!("stderr of {arguments:?} {voice:?}"));
            assert!(
                codes.contains(&code),
                "{arguments:?} {voice:?}: {code}, {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        // Nothing beside the text, and nothing in it: but what a broken file left of a value is no value any more.
        assert_eq!(values.nowhere_below(&dir.path().join(&out), "bad-"), 6, "four shards, findings and manifest");
    }
    assert_eq!(values.nowhere_below(&dir.path().join("letters-out"), "bad-"), 52);
    values.nowhere_below(&dir.path().join("strict"), "bad-");
    values.nowhere(&std::fs::read(dir.path().join("found.jsonl")).unwrap(), "the findings of an evaluation");
    assert_eq!(values.nowhere_below(&dir.path().join("none"), "bad-"), 0, "what is refused leaves nothing");
    assert!(!dir.path().join("little/good.csv").exists());
    operators_and_pipes(dir.path(), &values, &sentences);
}

/// Every operator, and lines through a pipe: good ones, and good ones before a broken one.
fn operators_and_pipes(dir: &Path, values: &Values, sentences: &[String]) {
    for operator in ["redact", "mask", "hash", "surrogate", "encrypt", "drop"] {
        let keys = ["--hash-key-file", "key", "--encrypt-key-file", "key"];
        let head = ["scrub", "data/good.csv", "data/good.jsonl", "-o", operator, "--operator", operator];
        crate::privet(dir, &[&head[..], &keys].concat()).done();
        assert_eq!(values.nowhere_below(&dir.join(operator), "bad-"), 4);
    }
    for (more, code) in [(String::new(), 0), (format!("{{\"text\": \"{}\"", sentences[0]), 3)] {
        let mut child = command(dir, &["scrub", "--stdin"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = lines(&sentences[..2000]) + &more;
        let writes = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _ = writes.join().unwrap();
        values.nowhere(&output.stdout, "scrubbed lines");
        values.nowhere(&output.stderr, "what is said beside them");
        ran(&output).failed(code, &[]);
    }
}
