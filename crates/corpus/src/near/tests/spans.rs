//! Parts of texts, against twins that hold every window and every line of the corpus.

use super::*;

/// A row that may have several texts, with its owner.
type Texts = (String, Vec<String>);

fn plan_of(inputs: &[PathBuf], output: &Path, level: Level, action: Action) -> DedupPlan {
    DedupPlan { spans: Some(Spans { level, action }), ..plan(inputs, output, What::Normalised) }
}

fn units(normalised: bool, words_min: usize) -> Units {
    Units { normalised, words_min }
}

/// The words of a text in ASCII and where they stand.
fn words(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let (mut words, mut start) = (Vec::new(), None);
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((text[from..at].to_lowercase(), from..at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// What a twin says of a text: bytes that are repeated, bytes that go with them, and the row that is named.
type Told = (std::ops::Range<usize>, std::ops::Range<usize>, usize);

/// The twin for runs of words: every window as a list of words, every word covered or not.
fn words_told(rows: &[Texts], length: usize, within: bool) -> Vec<Vec<Vec<Told>>> {
    let mut first_of: std::collections::HashMap<(String, Vec<String>), usize> = std::collections::HashMap::new();
    let mut told = |(row, (owner, texts)): (usize, &Texts)| {
        let text = |text: &String| {
            let words = words(text);
            let mut covered: Vec<Option<usize>> = vec![None; words.len() + 1];
            for (start, window) in words.windows(length).enumerate() {
                let key = window.iter().map(|(word, _)| word.clone()).collect();
                let owner = if within { owner.clone() } else { String::new() };
                match first_of.entry((owner, key)) {
                    std::collections::hash_map::Entry::Occupied(first) => {
                        (start..start + length).for_each(|at| covered[at] = covered[at].or(Some(*first.get())));
                    }
                    std::collections::hash_map::Entry::Vacant(place) => {
                        place.insert(row);
                    }
                }
            }
            let (mut told, mut open): (Vec<Told>, bool) = (Vec::new(), false);
            for (at, anchor) in covered.iter().enumerate() {
                match (anchor, told.last_mut()) {
                    (Some(_), Some((bytes, cut, _))) if open => {
                        (bytes.end, cut.end) = (words[at].1.end, words[at].1.end);
                    }
                    (Some(anchor), _) => told.push((words[at].1.clone(), words[at].1.clone(), *anchor)),
                    (None, _) => {}
                }
                open = anchor.is_some();
            }
            told
        };
        texts.iter().map(text).collect()
    };
    rows.iter().enumerate().map(&mut told).collect()
}

/// The twin for paragraphs and lines: a set of what was seen.
fn units_told(rows: &[Texts], paragraphs: bool, units: Units) -> Vec<Vec<Vec<Told>>> {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut told = Vec::new();
    for (row, (_, texts)) in rows.iter().enumerate() {
        let mut of_row = Vec::new();
        for text in texts {
            let mut of_text = Vec::new();
            // Pieces: content, and all up to the next one.
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let mut at = 0;
            let mut index = 0;
            while index < lines.len() {
                let bare = |line: &str| line.trim_end_matches('\n').trim_end_matches('\r').to_owned();
                let (mut content, mut length, mut bytes) =
                    (bare(lines[index]), lines[index].len(), bare(lines[index]).len());
                index += 1;
                if paragraphs && content.trim().is_empty() {
                    at += length;
                    continue;
                }
                if paragraphs {
                    while index < lines.len() && !lines[index].trim().is_empty() {
                        bytes = length + bare(lines[index]).len();
                        length += lines[index].len();
                        content = format!("{content}\n{}", bare(lines[index]));
                        index += 1;
                    }
                    while index < lines.len() && lines[index].trim().is_empty() {
                        length += lines[index].len();
                        index += 1;
                    }
                }
                let spelled: Vec<String> = words(&content).into_iter().map(|(word, _)| word).collect();
                if spelled.len() >= units.words_min {
                    let key = if units.normalised { spelled.join(" ") } else { content };
                    match seen.get(&key) {
                        Some(first) => of_text.push((at..at + bytes, at..at + length, *first)),
                        None => {
                            seen.insert(key, row);
                        }
                    }
                }
                at += length;
            }
            of_row.push(of_text);
        }
        told.push(of_row);
    }
    told
}

/// A text as it is written when this is told of it.
fn rewritten(text: &str, told: &[Told], action: Action) -> String {
    let mut new = text.to_owned();
    for (bytes, cut, _) in told.iter().rev() {
        match action {
            Action::Remove => new.replace_range(cut.clone(), ""),
            Action::Mask => new.replace_range(bytes.clone(), "<REPEATED>"),
            Action::Report => {}
        }
    }
    new
}

/// Runs a plan over rows in two files of JSON lines, and compares texts, decisions and counts with what a twin tells.
fn agrees(rows: &[Texts], level: Level, action: Action, within: bool, told: &[Vec<Vec<Told>>]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let half = rows.len() / 2;
    let line = |(owner, texts): &Texts| serde_json::json!({ "u": owner, "parts": texts }).to_string() + "\n";
    let file = |name: &str, rows: &[Texts]| {
        let path = folder.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, rows.iter().map(line).collect::<String>()).unwrap();
        path
    };
    let inputs = [file("a.jsonl", &rows[..half]), file("b.jsonl", &rows[half..])];
    let decisions = folder.path().join("decisions.jsonl");
    let owners = if within { Owners::Within("u".to_owned()) } else { Owners::All };
    let output = folder.path().join("out");
    let plan = DedupPlan {
        owners,
        columns: vec!["parts[]".parse().unwrap()],
        decisions: Some(decisions.clone()),
        jobs: 1,
        ..plan_of(&inputs, &output, level, action)
    };
    let manifest = match run(&plan) {
        Err(Error::EmptyCorpus { .. }) if rows.is_empty() => return 0,
        made => made.unwrap(),
    };
    let read = |name: &str| std::fs::read_to_string(output.join(name)).unwrap();
    let out = read("a.jsonl") + &read("b.jsonl");
    let new: Vec<Vec<String>> = out
        .lines()
        .map(|line| {
            serde_json::from_value(serde_json::from_str::<serde_json::Value>(line).unwrap()["parts"].clone()).unwrap()
        })
        .collect();
    let name = |row: usize| if row < half { format!("a.jsonl:{row}") } else { format!("b.jsonl:{}", row - half) };
    let (mut expected, mut lines, mut bytes, mut emptied) = (Vec::new(), Vec::new(), 0, 0);
    for (row, ((_, texts), told)) in rows.iter().zip(told).enumerate() {
        let new: Vec<String> = texts.iter().zip(told).map(|(text, told)| rewritten(text, told, action)).collect();
        emptied += u64::from(new != *texts && action == Action::Remove && new.iter().all(String::is_empty));
        expected.push(new);
        for (number, told) in told.iter().enumerate() {
            for (range, _, anchor) in told {
                bytes += range.len() as u64;
                lines.push(serde_json::json!({
                    "id": name(row), "column": format!("parts[{number}]"),
                    "start": range.start, "end": range.end, "anchor": name(*anchor),
                }));
            }
        }
    }
    assert_eq!(new, expected, "{rows:?}");
    let told: Vec<serde_json::Value> =
        std::fs::read_to_string(decisions).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, lines, "{rows:?}");
    let counts = manifest.spans.unwrap();
    let totals = (counts.spans, counts.text_bytes_repeated, counts.rows_emptied);
    assert_eq!(totals, (lines.len() as u64, bytes, emptied), "{rows:?}");
    assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out), (rows.len() as u64, rows.len() as u64));
    lines.len()
}

fn rows_of_words() -> impl Strategy<Value = Vec<Texts>> {
    let word = prop_oneof![5 => "[ab]", 2 => "[A-C]", 1 => "[a-d]{2}"];
    let between = prop_oneof![6 => Just(" "), 1 => prop::sample::select(vec![", ", "\r\n", "\n\n", " - ", "."])];
    let text = prop::collection::vec((word, between), 0..24)
        .prop_map(|words| words.into_iter().map(|(word, between)| word + between).collect::<String>());
    prop::collection::vec(("[xy]", prop::collection::vec(text, 0..3)), 0..6)
}

fn rows_of_lines() -> impl Strategy<Value = Vec<Texts>> {
    let line =
        prop::sample::select(vec!["", "", " \t", "a b", "A, b", "a b ", "b a", "}", "---", "a b c", "é ü ö", "a"]);
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\n\n", "\r\n\r\n", ""]);
    let text = prop::collection::vec((line, end), 0..8)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line.to_owned() + end).collect::<String>());
    prop::collection::vec(("[xy]", prop::collection::vec(text, 0..3)), 0..5)
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Remove, Action::Mask, Action::Report])
}

proptest! {
    #![proptest_config(proptest_config(60))]
    #[test]
    fn runs_of_words_are_the_twin_s(rows in rows_of_words(), length in 1_usize..7, action in action(), within: bool) {
        agrees(&rows, Level::Words(length), action, within, &words_told(&rows, length, within));
    }

    #[test]
    fn paragraphs_and_lines_are_the_twin_s(rows in rows_of_lines(), action in action(), paragraphs: bool, normalised: bool, least in 1_usize..4) {
        let units = units(normalised, least);
        let level = if paragraphs { Level::Paragraphs(units) } else { Level::Lines(units) };
        // The twin of words knows ASCII alone.
        let rows: Vec<Texts> = rows.into_iter().map(|(u, texts)| (u, texts.into_iter().map(|text| text.replace("é ü ö", "e u")).collect())).collect();
        agrees(&rows, level, action, false, &units_told(&rows, paragraphs, units));
    }
}

/// Shards of texts with long passages of each other.
fn passages(folder: &Path, count: usize) -> Vec<PathBuf> {
    let mut numbers = Numbers(crate::fixtures::SEED);
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..count {
        let mut parts = Vec::new();
        for _ in 0..=numbers.below(2) {
            let earlier = numbers.below(2 * texts.len() as u64 + 2) as usize;
            parts.push(match texts.get(earlier) {
                Some(text) => text.split(' ').skip(numbers.below(30) as usize).take(60).collect::<Vec<_>>().join(" "),
                None => (0..80).map(|_| format!("w{}", numbers.below(4000))).collect::<Vec<_>>().join(" "),
            });
        }
        texts.push(parts.join("\n"));
    }
    corpus(folder, &texts)
}

#[test]
fn workers_memory_and_the_type_of_a_column_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = passages(&folder.path().join("in"), 240);
    for (name, level) in [("words", Level::Words(20)), ("lines", Level::Lines(units(true, 10)))] {
        let made = |out: &str, jobs: usize, memory: u64| {
            let decisions = folder.path().join(format!("{name}-{out}.jsonl"));
            let output = folder.path().join(format!("{name}-{out}"));
            let plan = DedupPlan {
                jobs,
                memory,
                decisions: Some(decisions.clone()),
                ..plan_of(&inputs, &output, level, Action::Mask)
            };
            let counts = run(&plan).unwrap().spans.unwrap();
            assert!(counts.spans > 25, "{counts:?}");
            (tree(&output), std::fs::read(decisions).unwrap())
        };
        let expected = made("one", 1, 1 << 30);
        for (out, jobs, memory) in [("three", 3, 1 << 30), ("disk", 2, 0), ("little", 1, 60_000)] {
            assert!(made(out, jobs, memory) == expected, "{name} {out}");
        }
    }
    // Row by row in three types of column, one of them a dictionary, as the twin has it.
    let all: Vec<Vec<_>> = inputs.iter().map(|input| read_rows(input)).collect();
    let rows: Vec<Texts> =
        all.iter().flatten().map(|(_, text)| (String::new(), text.iter().cloned().collect())).collect();
    let told = words_told(&rows, 20, false);
    let now =
        inputs.iter().flat_map(|input| read_rows(&folder.path().join("words-one").join(input.file_name().unwrap())));
    for (((_, new), (_, texts)), told) in now.zip(&rows).zip(told) {
        assert_eq!(new, texts.first().map(|text| rewritten(text, &told[0], Action::Mask)));
    }
    let schema = |path: &Path| read_batch(path).schema();
    assert!(
        inputs
            .iter()
            .all(|input| schema(input) == schema(&folder.path().join("words-one").join(input.file_name().unwrap())))
    );
}

/// Stopped at every place where a run can stop, then run again.
#[test]
fn an_interrupted_search_for_parts_goes_on_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = passages(&folder.path().join("in"), 90);
    let planned = |output: &Path, decisions: &str| DedupPlan {
        decisions: Some(folder.path().join(decisions)),
        id_column: Some("id".to_owned()),
        ..plan_of(&inputs, output, Level::Words(20), Action::Remove)
    };
    let plain = planned(&folder.path().join("plain"), "plain.jsonl");
    run(&plain).unwrap();
    let mut interrupted = 0;
    for stop_at in 0.. {
        let output = folder.path().join(format!("out{stop_at}"));
        let plan = planned(&output, "again.jsonl");
        let (calls, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
        let stop = |_, _| {
            if calls.fetch_add(1, Ordering::Relaxed) == stop_at {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        match dedup(&plan, &stop, &cancelled) {
            Ok(_) => break,
            Err(Error::Interrupted) => interrupted += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(!output.join("manifest.json").exists());
        assert!(!run(&plan).unwrap().already_done);
        assert_eq!(tree(&output), tree(plain.output.as_ref().unwrap()), "stopped at {stop_at}");
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("again.jsonl"), read("plain.jsonl"), "stopped at {stop_at}");
    }
    assert!(interrupted > 10, "{interrupted}");
    assert!(run(&plain).unwrap().already_done);
}

#[test]
fn references_come_first_and_every_kind_of_file_is_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let reference = file("eval/test.txt", "One two three four five six");
    let inputs = [
        file("in/a.csv", "id,text\r\n1,\"before, one TWO three four, behind\"\r\n\r\n2,\"a \"\"b\"\" c\"\r\n"),
        file("in/b.txt", "two three four five six\n"),
        file("in/c.jsonl", "{\"text\": \"four five six one\", \"x\":  1}\n\n{\"text\": null}\n{\"text\":\"b c\"}"),
    ];
    let output = folder.path().join("out");
    let decisions = folder.path().join("decisions.jsonl");
    let plan = DedupPlan {
        against: vec![reference],
        decisions: Some(decisions.clone()),
        ..plan_of(&inputs, &output, Level::Words(3), Action::Remove)
    };
    let manifest = run(&plan).unwrap();
    let read = |name: &str| std::fs::read_to_string(output.join(name)).unwrap();
    assert_eq!(read("a.csv"), "id,text\r\n1,\"before, , behind\"\r\n\r\n2,\"a \"\"b\"\" c\"\r\n");
    assert_eq!(read("b.txt"), "\n");
    assert_eq!(read("c.jsonl"), "{\"text\": \" one\", \"x\":  1}\n\n{\"text\": null}\n{\"text\":\"b c\"}");
    assert!(!output.join("test.txt").exists());
    let lines = std::fs::read_to_string(decisions).unwrap();
    let expected =
        r#"{"anchor":"test.txt:0","anchor_is_reference":true,"column":"text","end":26,"id":"a.csv:0","start":8}"#;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(lines.lines().next().unwrap()).unwrap(),
        serde_json::from_str::<serde_json::Value>(expected).unwrap()
    );
    let stage = &manifest.stages[0];
    assert_eq!((stage.name.as_str(), stage.stability, stage.unit.as_str()), ("dedup-substring", None, "row"));
    let left: Vec<usize> = manifest.outputs.iter().map(|output| output.rows as usize).collect();
    assert_eq!(left, [2, 1, 3]);
}

/// Of rows that share a value of a dictionary, and of texts in one row, the first keeps what it says.
#[test]
fn a_value_that_rows_share_is_taken_from_all_but_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (notice, other) = ("one two three four five six seven", "eight nine ten eleven twelve");
    let texts = [Some(notice), None, Some(notice), Some(other), Some(notice)];
    for kind in crate::fixtures::TEXT_TYPES {
        let input = write_texts(folder.path().join(format!("{kind:?}.parquet")), &texts, kind, 10);
        let output = folder.path().join(format!("out-{kind:?}"));
        run(&plan_of(std::slice::from_ref(&input), &output, Level::Lines(units(true, 3)), Action::Mask)).unwrap();
        let written = output.join(input.file_name().unwrap());
        let now: Vec<Option<String>> = read_rows(&written).into_iter().map(|(_, text)| text).collect();
        let expected = [Some(notice), None, Some("<REPEATED>"), Some(other), Some("<REPEATED>")];
        assert_eq!(now, expected.map(|text| text.map(str::to_owned)), "{kind:?}");
        let (before, after) = (read_batch(&input), read_batch(&written));
        assert_eq!(before.schema(), after.schema());
        for column in ["id", "label", "tags", "meta"] {
            assert_eq!(before.column_by_name(column).unwrap(), after.column_by_name(column).unwrap(), "{column}");
        }
    }
}

#[test]
fn a_report_copies_and_too_much_is_a_gate() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = passages(&folder.path().join("in"), 60);
    let output = folder.path().join("out");
    let manifest = run(&plan_of(&inputs, &output, Level::Words(20), Action::Report)).unwrap();
    for input in &inputs {
        assert!(std::fs::read(output.join(input.file_name().unwrap())).unwrap() == std::fs::read(input).unwrap());
    }
    assert_eq!((manifest.stages[0].stability, manifest.stages[0].name.as_str()), (Some(1), "report-substring"));
    let other = folder.path().join("other");
    let limited =
        |most| DedupPlan { max_removal: Some(most), ..plan_of(&inputs, &other, Level::Words(20), Action::Remove) };
    assert!(matches!(run(&limited(0.01)), Err(Error::TooMuchRemoved { .. })));
    assert!(tree(&other).is_empty());
    run(&limited(1.0)).unwrap();
    // What is done is held against another limit too.
    assert!(matches!(run(&limited(0.01)), Err(Error::TooMuchRemoved { .. })));
}

proptest! {
    #![proptest_config(proptest_config(60))]
    /// What the manifest claims of owners: without one of them, the others' rows are as they were.
    #[test]
    fn an_owner_takes_nothing_but_its_own(rows in rows_of_words(), length in 1_usize..5) {
        let left = |rows: &[Texts]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.jsonl");
            let line = |(owner, texts): &Texts| serde_json::json!({ "u": owner, "text": texts.join(" ") }).to_string() + "\n";
            std::fs::write(&path, rows.iter().map(line).collect::<String>()).unwrap();
            let output = folder.path().join("out");
            let plan = DedupPlan {
                owners: Owners::Within("u".to_owned()),
                unit_column: Some("u".to_owned()),
                ..plan_of(&[path], &output, Level::Words(length), Action::Remove)
            };
            match run(&plan) {
                Err(Error::EmptyCorpus { .. }) => return Vec::new(),
                made => assert_eq!(made.unwrap().stages[0].stability, Some(1)),
            }
            let out = std::fs::read_to_string(output.join("a.jsonl")).unwrap();
            out.lines().map(str::to_owned).filter(|line| line.contains("\"u\":\"x\"")).collect::<Vec<_>>()
        };
        let without: Vec<Texts> = rows.iter().filter(|(owner, _)| owner == "x").cloned().collect();
        prop_assert_eq!(left(&rows), left(&without));
    }
}
