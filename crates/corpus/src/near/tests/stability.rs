//! The bounds that the manifest claims, on every way to take one row or one owner away from small corpora full of copies.

use super::*;

/// What is kept of rows of an owner and a text: pairs, sorted.
fn kept_pairs(rows: &[(String, String)], what: What, owners: Owners) -> Vec<(String, String)> {
    kept_of(rows, &DedupPlan { owners, ..DedupPlan::new(Vec::new(), None, what) })
}

/// The same under the settings of `settings`.
fn kept_of(rows: &[(String, String)], settings: &DedupPlan) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let line = |(owner, text): &(String, String)| serde_json::json!({ "u": owner, "text": text }).to_string() + "\n";
    std::fs::write(&path, rows.iter().map(line).collect::<String>()).unwrap();
    let plan = DedupPlan { inputs: vec![path], output: Some(folder.path().join("out")), jobs: 1, ..settings.clone() };
    match run(&plan) {
        Ok(_) => {}
        Err(Error::EmptyCorpus { .. }) => return Vec::new(),
        Err(other) => panic!("{other}"),
    }
    let out = std::fs::read_to_string(folder.path().join("out/a.jsonl")).unwrap();
    let pair = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        (object["u"].as_str().unwrap().to_owned(), object["text"].as_str().unwrap().to_owned())
    };
    let mut pairs: Vec<_> = out.lines().map(pair).collect();
    pairs.sort();
    pairs
}

/// How many must be taken from and put to one list to get the other.
fn distance<T: Ord + Clone>(one: &[T], other: &[T]) -> usize {
    let mut counts = BTreeMap::<T, i64>::new();
    for item in one {
        *counts.entry(item.clone()).or_default() += 1;
    }
    for item in other {
        *counts.entry(item.clone()).or_default() -= 1;
    }
    counts.values().map(|count| count.unsigned_abs() as usize).sum()
}

fn rows() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = prop::sample::select(vec![
        "a b",
        "A b",
        "a, b",
        "b a",
        "B A",
        "...",
        "?",
        "a b c d e f g",
        "a b c d e f g h",
        "c d e f g h",
    ]);
    prop::collection::vec(("[xyz]", text.prop_map(str::to_owned)), 1..8)
}

proptest! {
    #![proptest_config(proptest_config(24))]
    #[test]
    fn one_row_changes_as_many_texts_as_is_claimed(rows in rows()) {
        let texts = |pairs: Vec<(String, String)>| { let mut texts: Vec<String> = pairs.into_iter().map(|(_, text)| text).collect(); texts.sort(); texts };
        let within = || Owners::Within("u".to_owned());
        for (what, owners, max_records_per_unit) in [
            (What::Raw, Owners::All, None),
            (What::Raw, within(), None),
            (What::Raw, within(), Some(1)),
            (What::Raw, within(), Some(2)),
            (What::Normalised, Owners::All, None),
            (What::Normalised, within(), None),
        ] {
            let base = DedupPlan::new(Vec::new(), None, what);
            let plan = DedupPlan { owners: owners.clone(), max_records_per_unit, ..base };
            let claimed = plan.stage().stability.unwrap();
            let whole = kept_of(&rows, &plan);
            for without in 0..rows.len() {
                let mut less = rows.clone();
                less.remove(without);
                let less = kept_of(&less, &plan);
                let changed = if owners == Owners::All { distance(&texts(whole.clone()), &texts(less)) } else { distance(&whole, &less) };
                prop_assert!(changed as u64 <= claimed, "{what:?} {owners:?}: {changed} texts changed");
            }
        }
    }

    #[test]
    fn one_owner_more_changes_nothing_of_the_others(rows in rows()) {
        let near = What::Near(Near { banding: "8x1".parse().unwrap(), ..near(0.3) });
        for (what, keep, max_records_per_unit) in [
            (near, Keep::First, None),
            (near, Keep::Longest, Some(2)),
            (What::Raw, Keep::First, Some(1)),
            (What::Normalised, Keep::Longest, Some(2)),
        ] {
            let unit_column = Some("u".to_owned());
            let owners = Owners::Within("u".to_owned());
            let base = DedupPlan::new(Vec::new(), None, what);
            let plan = DedupPlan { keep, owners, unit_column, max_records_per_unit, ..base };
            prop_assert_eq!(plan.stage().stability, Some(1));
            let kept = kept_of(&rows, &plan);
            for owner in ["x", "y", "z"] {
                let others: Vec<_> = rows.iter().filter(|(of, _)| of != owner).cloned().collect();
                let expected: Vec<_> = kept.iter().filter(|(of, _)| of != owner).cloned().collect();
                prop_assert!(max_records_per_unit.is_none_or(|most| (kept.len() - expected.len()) as u64 <= most));
                prop_assert_eq!(kept_of(&others, &plan), expected);
            }
        }
    }
}

/// Near copies across owners have no bound, which is why none is claimed: here one row decides about three.
#[test]
fn one_row_can_remove_many_that_are_near() {
    let row = |text: &str| ("x".to_owned(), text.to_owned());
    let star =
        [row("a b c d e f g h"), row("a b c d e f g h 1 2"), row("3 4 a b c d e f g h"), row("5 a b c d e f g h 6")];
    let what = What::Near(Near { banding: "60x1".parse().unwrap(), ..near(0.6) });
    let difference = distance(&kept_pairs(&star, what, Owners::All), &kept_pairs(&star[1..], what, Owners::All));
    assert_eq!(difference, 4);
    assert_eq!(DedupPlan::new(Vec::new(), None, what).stage().stability, None);
}
