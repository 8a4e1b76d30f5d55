use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn selectors(written: &[&str]) -> Vec<Selector> {
    written.iter().map(|written| written.parse().unwrap()).collect()
}

fn texts(line: &str, written: &[&str]) -> Result<Vec<String>, Flaw> {
    find(line, &selectors(written)).map(|found| found.iter().map(|found| text(line, found).into_owned()).collect())
}

/// `line` with other texts where there are some.
fn with_texts<'a>(line: &str, texts: impl Iterator<Item = (&'a Found, Option<&'a str>)>) -> String {
    let (mut new, mut kept) = (String::new(), 0);
    for (found, text) in texts {
        let Some(text) = text else { continue };
        new += &line[kept..found.start];
        new += &string(text);
        kept = found.end;
    }
    new + &line[kept..]
}

/// Twin: the texts of a value that `serde_json` made, by a walk over it. `way` is the path so far.
fn by_value(value: &Value, way: &mut Vec<String>, wanted: &dyn Fn(&[String]) -> bool, out: &mut Vec<String>) {
    match value {
        Value::String(text) if wanted(way) => out.push(text.clone()),
        Value::Object(members) => {
            for (name, value) in members {
                way.push(name.clone());
                by_value(value, way, wanted, out);
                way.pop();
            }
        }
        Value::Array(items) => {
            for value in items {
                way.push("[]".to_owned());
                by_value(value, way, wanted, out);
                way.pop();
            }
        }
        _ => {}
    }
}

fn json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["text", "a", "b", "te\"xt", "ä"]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "[a-zé\"\\\\/\n\t\u{1}😀]{0,6}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::fixtures::proptest_config(512))]

    /// Every text named `text` and every text at all, against the values that `serde_json` makes of the same line.
    #[test]
    fn texts_are_those_that_serde_finds(value in json(), pretty: bool) {
        let line = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        if !value.is_object() {
            prop_assert_eq!(texts(&line, &["**"]), Err(Flaw::NotAnObject));
            return Ok(());
        }
        let of = |wanted: &dyn Fn(&[String]) -> bool| {
            let mut out = Vec::new();
            by_value(&value, &mut Vec::new(), wanted, &mut out);
            out
        };
        let strings = |written: &str| {
            let found = find(&line, &selectors(&[written])).unwrap();
            found.iter().filter(|found| !found.null).map(|found| text(&line, found).into_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(strings("**"), of(&|_| true));
        prop_assert_eq!(strings("**.text"), of(&|way| way.last().is_some_and(|name| name == "text")));
        prop_assert_eq!(strings("**.a.text"), of(&|way| way.ends_with(&["a".to_owned(), "text".to_owned()])));
        // With every text in capitals it is the value with every text in capitals, and nothing else moved.
        let found = find(&line, &selectors(&["**"])).unwrap();
        let upper: Vec<Option<String>> =
            found.iter().map(|one| (!one.null).then(|| text(&line, one).to_uppercase())).collect();
        let new = with_texts(&line, found.iter().zip(upper.iter().map(Option::as_deref)));
        prop_assert_eq!(serde_json::from_str::<Value>(&new).unwrap(), capitals(value));
        prop_assert_eq!(with_texts(&line, found.iter().map(|one| (one, None))), line);
    }

    /// One byte changed, taken out or doubled: refused exactly where `serde_json` refuses.
    #[test]
    fn what_serde_refuses_is_refused(value in json(), place in 0_usize..200, by in prop::sample::select(b"{}[]\",:0-.eE\\ntu \x01x".to_vec()), way in 0..3) {
        let mut bytes = serde_json::to_vec(&Value::Object(Map::from_iter([("k".to_owned(), value)]))).unwrap();
        let place = place % bytes.len();
        match way {
            0 => bytes[place] = by,
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, by),
        }
        let Ok(line) = String::from_utf8(bytes) else { return Ok(()) };
        let twin = serde_json::from_str::<Map<String, Value>>(&line);
        // serde_json also refuses numbers that no float can hold.
        let too_large = twin.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        if !too_large {
            prop_assert_eq!(find(&line, &[]).is_ok(), twin.is_ok(), "{}", line);
        }
    }
}

fn capitals(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.to_uppercase()),
        Value::Array(items) => items.into_iter().map(capitals).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, capitals(value))).collect())
        }
        other => other,
    }
}

#[test]
fn what_is_missing_or_no_text_is_told_apart() {
    assert_eq!(texts(r#"{"a": 1}"#, &["text"]), Err(Flaw::Missing(0)));
    assert_eq!(texts(r#"{"a": "x"}"#, &["a", "text"]), Err(Flaw::Missing(1)));
    assert_eq!(texts(r#"{"text": 1}"#, &["text"]), Err(Flaw::NotText(0)));
    assert_eq!(texts(r#"{"text": ["a"]}"#, &["text"]), Err(Flaw::NotText(0)));
    assert_eq!(texts(r#"{"m": [{"c": "a"}, {}, {"c": null}]}"#, &["m[].c"]).unwrap(), ["a", ""]);
    assert_eq!(texts(r#"{"m": [{"c": 5}]}"#, &["m[].c"]), Err(Flaw::NotText(0)));
    assert_eq!(texts(r#"{"m": null, "x": {"c": 5}}"#, &["m[].c"]).unwrap(), [""; 0]);
    // What is only met on the way need not be text.
    assert_eq!(texts(r#"{"a": {"text": 5}, "text": "b"}"#, &["**.text"]).unwrap(), ["b"]);
    assert_eq!(texts(r#"{"a.b": "c"}"#, &["a.b"]).unwrap(), ["c"]);
    for line in ["", "[]", "5", "{}x", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":\"\\q\"}", "{\"a\":\"\\ud800\"}", "{"] {
        assert_eq!(find(line, &[]), Err(Flaw::NotAnObject), "{line}");
    }
    for number in ["01", "-01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "1_0", "NaN"] {
        assert_eq!(find(&format!("{{\"a\":{number}}}"), &[]), Err(Flaw::NotAnObject), "{number}");
    }
    for number in ["0", "-0", "10", "-1.50", "1E5", "1e-5", "0.0e+00"] {
        assert!(find(&format!("{{\"a\":{number}}}"), &[]).is_ok(), "{number}");
    }
    let nested = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    assert!(find(&nested(100), &[]).is_ok() && find(&nested(100_000), &[]).is_err());
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(find(&deep(100), &[]).is_ok() && find(&deep(100_000), &[]).is_err());
}

#[test]
fn places_have_their_elements_numbers() {
    let line = r#"{"m": [[{"c": "a"}], [{"c": "b"}, {"c": "\u0063"}]]}"#;
    let found = find(line, &selectors(&["m[][].c"])).unwrap();
    let ways: Vec<(Vec<u32>, &str)> = found.iter().map(|one| (one.at.clone(), &line[one.start..one.end])).collect();
    assert_eq!(ways, [(vec![0, 0], "\"a\""), (vec![1, 0], "\"b\""), (vec![1, 1], "\"\\u0063\"")]);
}
