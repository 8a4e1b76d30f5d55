//! Copies as a stage of a run, and what one unit can do to all that happens before training.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::CONFIG;
use crate::{folder, privet};

const NEAR: &str = "[dedup]\nnear = \"60x1\"\nthreshold = 0.6";
const USERS: [(&str, &str); 2] = [
    ("synthetic = true", "synthetic = true\nunit_column = \"who\""),
    ("privacy_unit = \"document\"", "privacy_unit = \"user\""),
];

/// A folder with the tiny model, a config and rows of an owner and a text.
fn prepared(dedup: &str, changes: &[(&str, &str)], rows: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = folder();
    let config = CONFIG.replace("*.parquet", "*.jsonl").replace("[data]", &format!("{dedup}\n\n[data]"));
    let config = changes.iter().fold(config, |config, (from, to)| config.replace(from, to));
    std::fs::write(dir.path().join("privet.toml"), config.replace("steps = 20", "steps = 2")).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    let line = |(who, text): &(&str, &str)| json!({ "who": who, "text": text }).to_string() + "\n";
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/a.jsonl"), rows.iter().map(line).collect::<String>()).unwrap();
    dir
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Four texts, each near the first and to none of the others, with one copy of another kind.
const STAR: [(&str, &str); 6] = [
    ("ann", "a b c d e f g h"),
    ("ann", "a b c d e f g h one two"),
    ("bob", "three four a b c d e f g h"),
    ("cy", "five a b c d e f g h six"),
    ("cy", "something else that is said once"),
    ("dee", "Something else, that is said ONCE"),
];

#[test]
fn near_copies_of_one_user_go_within_the_guarantee() {
    let dir = prepared(NEAR, &USERS, &STAR);
    privet(dir.path(), &["run", "privet.toml", "--dry-run"]).done().says(&["dedup-near-within (stability 1)"]);
    assert!(!dir.path().join("runs").exists());
    privet(dir.path(), &["run", "privet.toml"])
        .failed(0, &["dedup: 6 rows in, 5 out; removed: 0 equal, 0 equal after normalisation, 1 similar"])
        .says(&["epsilon"]);
    let run = dir.path().join("runs/test");
    let stages = json_of(&run.join("public/plan.json"))["stages"].clone();
    assert_eq!(stages, json!([{ "name": "scrub", "stability": 1 }, { "name": "dedup-near-within", "stability": 1 }]));
    let report = json_of(&run.join("private/report.json"));
    assert!(report["scope"]["covers"].as_str().unwrap().starts_with("The guarantee is for the corpus as it came in"));
    assert_eq!(report["copies"]["value"]["removed_near"], 1);
    assert_eq!(report["copies"]["value"]["stages"][0]["unit"], "who");
    privet(dir.path(), &["run", "privet.toml"]).failed(0, &["scrub: already done", "dedup: already done"]);
    privet(dir.path(), &["report", "runs/test", "--check"]).done();

    // The plan says which stage it was, so nobody can say later that it was another.
    let manifest = run.join("private/deduplicated/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"stability\": 1", "\"stability\": null")).unwrap();
    privet(dir.path(), &["report", "runs/test", "--private"]).failed(5, &["the stability of a stage", "deduplicated"]);
}

#[test]
fn a_limit_gives_owners_a_figure_of_their_own() {
    let limit = "[dedup]\nexact = true\nwithin = \"who\"\nmax_records_per_unit = 1";
    let dir = prepared(limit, &[("[scrub]\n", "")], &STAR);
    privet(dir.path(), &["run", "privet.toml"]).failed(0, &["2 over the limit"]);
    let run = dir.path().join("runs/test");
    assert!(!run.join("private/scrubbed").exists(), "there was nothing to scrub");
    assert_eq!(json_of(&run.join("public/plan.json"))["data"]["owner_limit"], json!({ "column": "who", "records": 1 }));
    let report = json_of(&run.join("public/report.json"));
    assert_eq!(report["guarantee"]["owner"]["column"], "who");
    assert_eq!(report["guarantee"]["owner"]["group"]["units"], 1);
    assert_eq!(report["scope"]["end_to_end"], false, "one row in may change two of those trained on");
    assert!(report["statement"].to_string().contains("by group privacy"));
}

#[test]
fn references_are_found_and_apart_before_anything_is_read() {
    let dir = prepared("[dedup]\nexact = true\nagainst = [\"held-out.jsonl\"]", &[], &STAR);
    privet(dir.path(), &["run", "privet.toml"]).failed(3, &["held-out.jsonl"]);
    privet(dir.path(), &["run", "privet.toml", "--set", "dedup.against=['data']"])
        .failed(2, &["a file is an input and a reference", "a.jsonl"]);
    assert!(!dir.path().join("runs").exists());
    std::fs::write(dir.path().join("held-out.jsonl"), json!({ "who": "", "text": STAR[4].1 }).to_string()).unwrap();
    privet(dir.path(), &["run", "privet.toml"]).failed(0, &["dedup: 6 rows in, 5 out; removed: 1 equal"]);
}

/// What is trained on, owner and text, whatever stage came last.
fn trained_on(dedup: &str, changes: &[(&str, &str)], rows: &[(&str, &str)]) -> (Vec<(String, String)>, Value) {
    let dir = prepared(dedup, changes, rows);
    privet(dir.path(), &["run", "privet.toml"]).done();
    let run = dir.path().join("runs/test");
    let last = ["deduplicated", "scrubbed"].map(|stage| run.join("private").join(stage).join("a.jsonl"));
    let text = std::fs::read_to_string(last.iter().find(|path| path.exists()).unwrap()).unwrap();
    let pair = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        [&object["who"], &object["text"]].map(|value| value.as_str().unwrap().to_owned()).into()
    };
    (text.lines().map(pair).collect(), json_of(&run.join("public/plan.json"))["stages"].clone())
}

/// How many units one corpus has and the other has not, or has otherwise.
fn changed(one: &[(String, String)], other: &[(String, String)], of_users: bool) -> u64 {
    let units = |rows: &[(String, String)]| {
        let mut units = BTreeMap::<String, Vec<String>>::new();
        for (who, text) in rows {
            units.entry(if of_users { who.clone() } else { text.clone() }).or_default().push(text.clone());
        }
        units
    };
    let (one, other) = (units(one), units(other));
    if of_users {
        // One whose texts are others is one that went and one that came.
        let lacks = |from: &BTreeMap<_, Vec<String>>, to: &BTreeMap<_, _>| {
            from.iter().filter(|(who, texts)| to.get(*who) != Some(*texts)).count()
        };
        return (lacks(&one, &other) + lacks(&other, &one)) as u64;
    }
    let texts = one.keys().chain(other.keys()).collect::<std::collections::BTreeSet<_>>();
    let count = |units: &BTreeMap<String, Vec<String>>, text: &String| units.get(text).map_or(0, Vec::len);
    texts.into_iter().map(|text| count(&one, text).abs_diff(count(&other, text)) as u64).sum()
}

/// The whole of what comes before training, with a unit and without it: a hub that others are copies of.
#[test]
fn one_unit_changes_as_many_trained_units_as_the_plan_says() {
    let (exact, normalised) = ("[dedup]\nexact = true", "[dedup]\nexact = \"normalised\"\nkeep = \"longest\"");
    let across = &format!("{NEAR}\nacross_units = true");
    let hubs: [&[(&str, &str)]; 3] = [
        &[("hub", "a b c d e f g h")],
        &[("hub", "something else that is said once")],
        &[("hub", "SOMETHING else, that is said once!!")],
    ];
    for (dedup, users, bounded) in [
        (exact, false, true),
        (exact, true, true),
        (normalised, false, true),
        (normalised, true, true),
        (NEAR, false, false),
        (NEAR, true, true),
        (across, true, false),
    ] {
        let changes = if users { &USERS[..] } else { &[] };
        let (without, stages) = trained_on(dedup, changes, &STAR[1..]);
        let each = stages.as_array().unwrap().iter().map(|stage| stage["stability"].as_u64());
        let claimed = each.collect::<Option<Vec<u64>>>().map(|each| each.iter().product::<u64>());
        assert_eq!(claimed.is_some(), bounded, "{dedup}");
        let most = hubs
            .iter()
            .map(|hub| changed(&without, &trained_on(dedup, changes, &[hub, &STAR[1..]].concat()).0, users))
            .max()
            .unwrap();
        match claimed {
            Some(claimed) => assert!(most <= claimed, "{dedup}: {most} units changed, and {claimed} are claimed"),
            // Nothing is claimed because nothing holds: the hub decides about three others.
            None => assert!(most > 2, "{dedup}: {most}"),
        }
    }
}
