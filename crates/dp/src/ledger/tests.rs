//! Every way to damage a ledger is tried on every line.

use super::*;
use crate::testing::{cases, sampled};
use crate::{Unsupported, account, guarantee};
use proptest::prelude::*;

fn genesis() -> Genesis {
    Genesis {
        plan_hash: "ab".repeat(32),
        dataset_commitment: "cd".repeat(32),
        binary_hash: "ef".repeat(32),
        privacy_unit: PrivacyUnit::Document,
        adjacency: Adjacency::ZeroOut,
        delta: Delta::new(1e-6).unwrap(),
    }
}

fn release(noise_multiplier: f64) -> Event {
    match sampled(0.01, noise_multiplier, 1) {
        Event::Repeated { event, .. } => *event,
        other => other,
    }
}

fn lines(steps: &[(u64, u32)]) -> Vec<Line> {
    let mut lines = vec![seal(Body::Genesis(genesis()), ORIGIN)];
    for &(step, attempt) in steps {
        let body = Body::Step(StepEntry { step, attempt, event: release(1.0), segment: None });
        let line = seal(body, &lines[lines.len() - 1].hash);
        lines.push(line);
    }
    lines
}

fn texts(steps: &[(u64, u32)]) -> Vec<String> {
    lines(steps).iter().map(|line| line.to_json() + "\n").collect()
}

fn plain(steps: u64) -> Vec<(u64, u32)> {
    (1..=steps).map(|step| (step, 1)).collect()
}

#[test]
fn a_whole_ledger_is_read_back() {
    let lines = lines(&plain(5));
    let ledger = parse(&texts(&plain(5)).concat()).unwrap();
    assert_eq!(ledger.genesis(), &genesis());
    assert_eq!(ledger.entries().len(), 5);
    assert_eq!((ledger.last_step(), ledger.next_attempt(5), ledger.next_attempt(6)), (5, 2, 1));
    assert_eq!(ledger.head(), lines[5].hash);
    assert_eq!(
        ledger.composed_event(),
        Event::Composed(vec![Event::Repeated { event: Box::new(release(1.0)), count: 5 }])
    );
    let alone = parse(&texts(&[])[0]).unwrap();
    assert_eq!((alone.last_step(), alone.next_attempt(1)), (0, 1));
    assert_eq!(parse(""), Err(ChainError::Empty.into()));
}

/// The format itself: a change here breaks every ledger in the world.
#[test]
fn a_line_is_spelled_like_this() {
    let body = Body::Step(StepEntry { step: 1, attempt: 1, event: release(0.1 + 0.2), segment: None });
    assert_eq!(
        seal(body, ORIGIN).to_json(),
        concat!(
            r#"{"body":{"step":{"step":1,"attempt":1,"event":{"poisson-sampled-gaussian":"#,
            r#"{"sampling_rate":"0x28f5c28f5c28f60","noise_multiplier":0.30000000000000004}}}},"#,
            r#""previous":"0000000000000000000000000000000000000000000000000000000000000000","#,
            r#""hash":"d8d9d592391377f3d877bcc9dfc9074311e4067e9704b2e3481a5c88dbac4caf"}"#
        )
    );
}

/// The line in which damage at `index` shows, from 1.
fn line_of(error: &LedgerError) -> usize {
    match error {
        LedgerError::MisplacedGenesis { line }
        | LedgerError::StepOutOfOrder { line, .. }
        | LedgerError::AttemptNotHigher { line, .. }
        | LedgerError::Segment { line, .. }
        | LedgerError::Chain(
            ChainError::Malformed { line, .. }
            | ChainError::NotCanonical { line }
            | ChainError::BrokenChain { line }
            | ChainError::WrongHash { line }
            | ChainError::TornLastLine { line },
        ) => *line,
        LedgerError::Chain(ChainError::Empty) | LedgerError::OtherHead { .. } => 0,
    }
}

#[test]
fn a_removed_line_shows_where_it_was() {
    for index in 0..6 {
        let mut lines = texts(&plain(6));
        lines.remove(index);
        assert_eq!(line_of(&parse(&lines.concat()).unwrap_err()), index + 1);
    }
    // Nothing in the file says that it once was longer; a head kept elsewhere does.
    let head = lines(&plain(6))[6].hash.clone();
    let shorter = parse(&texts(&plain(5)).concat()).unwrap();
    assert!(matches!(shorter.require_head(&head), Err(LedgerError::OtherHead { .. })));
    assert!(parse(&texts(&plain(6)).concat()).unwrap().require_head(&head).is_ok());
}

#[test]
fn swapped_and_inserted_lines_show_where_they_are() {
    for index in 0..6 {
        let mut swapped = texts(&plain(6));
        swapped.swap(index, index + 1);
        assert_eq!(line_of(&parse(&swapped.concat()).unwrap_err()), index + 1);
    }
    for index in 0..=7 {
        for foreign in 0..7 {
            let mut inserted = texts(&plain(6));
            let line = inserted[foreign].clone();
            inserted.insert(index, line);
            let found = line_of(&parse(&inserted.concat()).unwrap_err());
            // A line inserted beside itself is found as its own second copy.
            let expected = if index == foreign { index + 2 } else { index + 1 };
            assert_eq!(found, expected, "line {foreign} inserted at {index}");
        }
        let mut inserted = texts(&plain(6));
        inserted.insert(index, "\n".to_owned());
        assert_eq!(line_of(&parse(&inserted.concat()).unwrap_err()), index + 1);
    }
}

#[test]
fn any_changed_byte_shows_in_its_line() {
    let lines = texts(&plain(3));
    for index in 0..lines.len() {
        for position in 0..lines[index].len() - 1 {
            for byte in [b'0', b'1', b'a', b' ', b'"', b'}'] {
                let mut changed = lines.clone();
                let mut bytes = changed[index].clone().into_bytes();
                if bytes[position] == byte {
                    continue;
                }
                bytes[position] = byte;
                changed[index] = String::from_utf8(bytes).unwrap();
                let error = parse(&changed.concat()).unwrap_err();
                assert_eq!(line_of(&error), index + 1, "byte {position} to {byte}: {error}");
            }
        }
    }
}

#[test]
fn a_line_with_the_same_meaning_in_other_bytes_is_refused() {
    let lines = texts(&plain(1));
    for (from, to) in [(",\"previous\"", ", \"previous\""), ("1.0}", "1.00}"), ("\"step\":1", "\"step\":1.0")] {
        let changed = lines.concat().replace(from, to);
        assert_ne!(changed, lines.concat());
        let error = parse(&changed).unwrap_err();
        assert!(
            matches!(
                error,
                LedgerError::Chain(ChainError::NotCanonical { line: 1 | 2 } | ChainError::Malformed { line: 2, .. })
            ),
            "{error}"
        );
    }
}

#[test]
fn steps_and_attempts_follow_the_rules() {
    let check = |steps: &[(u64, u32)]| parse(&texts(steps).concat());
    // A crash after step 4, back to the checkpoint of step 2, on to step 5; then once more.
    let resumed = [(1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (4, 2), (5, 1), (5, 2), (6, 4)];
    let ledger = check(&resumed).unwrap();
    assert_eq!((ledger.entries().len(), ledger.last_step(), ledger.next_attempt(4)), (9, 6, 3));
    assert!(matches!(check(&[(1, 1), (1, 1)]), Err(LedgerError::AttemptNotHigher { line: 3, previous: 1, .. })));
    assert!(matches!(check(&[(1, 2), (1, 1)]), Err(LedgerError::AttemptNotHigher { line: 3, previous: 2, .. })));
    assert!(matches!(check(&[(1, 0)]), Err(LedgerError::AttemptNotHigher { line: 2, .. })));
    assert!(matches!(check(&[(2, 1)]), Err(LedgerError::StepOutOfOrder { line: 2, limit: 1, .. })));
    assert!(matches!(check(&[(1, 1), (0, 2)]), Err(LedgerError::StepOutOfOrder { line: 3, .. })));
    assert!(matches!(check(&[(1, 1), (u64::MAX, 1)]), Err(LedgerError::StepOutOfOrder { line: 3, .. })));
    // After going back to step 2, step 4 may not be reached without step 3.
    assert!(matches!(
        check(&[(1, 1), (2, 1), (3, 1), (2, 2), (4, 1)]),
        Err(LedgerError::StepOutOfOrder { line: 6, .. })
    ));
}

#[test]
fn a_second_genesis_or_none_is_refused() {
    let mut two = lines(&plain(1));
    let again = seal(Body::Genesis(genesis()), &two[1].hash);
    two.push(again);
    let text: String = two.iter().map(|line| line.to_json() + "\n").collect();
    assert_eq!(parse(&text), Err(LedgerError::MisplacedGenesis { line: 3 }));
    let none = seal(Body::Step(StepEntry { step: 1, attempt: 1, event: release(1.0), segment: None }), ORIGIN);
    assert_eq!(parse(&(none.to_json() + "\n")), Err(LedgerError::MisplacedGenesis { line: 1 }));
}

#[test]
fn a_refused_line_leaves_the_ledger_as_it_was() {
    let mut ledger = parse(&texts(&plain(2)).concat()).unwrap();
    let before = ledger.clone();
    let skipping = Body::Step(StepEntry { step: 4, attempt: 1, event: release(1.0), segment: None });
    assert!(ledger.push(seal(skipping, before.head())).is_err());
    assert_eq!(ledger, before);
    let next = Body::Step(StepEntry { step: 3, attempt: 1, event: release(1.0), segment: None });
    ledger.push(seal(next, before.head())).unwrap();
    assert_eq!(ledger, parse(&texts(&plain(3)).concat()).unwrap());
}

#[test]
fn a_file_cut_off_anywhere_is_recovered_to_its_last_whole_line() {
    let lines = texts(&plain(3));
    let whole = lines.concat();
    for cut in 0..=whole.len() {
        let kept: usize = lines
            .iter()
            .scan(0, |end, line| {
                *end += line.len();
                (*end <= cut).then_some(line.len())
            })
            .sum();
        match recover(&whole[..cut]) {
            Ok((ledger, valid)) => {
                assert_eq!(valid, kept);
                assert_eq!(Ok(ledger), parse(&whole[..kept]));
            }
            Err(error) => assert!(kept == 0 && error == ChainError::Empty.into(), "cut {cut}: {error}"),
        }
        if kept != cut {
            assert_eq!(line_of(&parse(&whole[..cut]).unwrap_err()), whole[..cut].matches('\n').count() + 1);
        }
    }
}

#[test]
fn recovery_forgives_one_torn_line_and_nothing_else() {
    let lines = texts(&plain(3));
    let whole = lines.concat();
    // Blocks that never reached the disk, with and without the newline.
    for torn in ["\0\0\0\0\n", "\0\0\0", "{\"body\":\n", "\n"] {
        let (ledger, valid) = recover(&(whole.clone() + torn)).unwrap();
        assert_eq!((ledger.last_step(), valid), (3, whole.len()));
    }
    assert!(recover(&(whole.clone() + "\0\n\0\n")).is_err());
    let edited = whole.replacen("\"step\":3", "\"step\":2", 1);
    assert_eq!(recover(&edited), Err(ChainError::WrongHash { line: 4 }.into()));
    let damaged = whole.replacen("\"step\":1", "\"step\":\"", 1);
    assert_eq!(line_of(&recover(&damaged).unwrap_err()), 2);
}

#[test]
fn the_guarantee_charges_every_attempt() {
    let resumed = parse(&texts(&[(1, 1), (2, 1), (3, 1), (2, 2), (3, 2)]).concat()).unwrap();
    let straight = parse(&texts(&plain(5)).concat()).unwrap();
    let (resumed, straight) = (guarantee(&resumed).unwrap(), guarantee(&straight).unwrap());
    assert_eq!(resumed, straight);
    assert_eq!(resumed.steps_charged, 5);
    let direct = account(&sampled(0.01, 1.0, 5), genesis().delta, Adjacency::AddRemove).unwrap();
    assert_eq!((resumed.epsilon, resumed.order, resumed.engine), (direct.epsilon_upper, direct.order, direct.engine));
    let json = serde_json::to_string(&resumed).unwrap();
    assert!(json.contains(r#""adjacency":"zero-out","privacy_unit":"document","engine":"grid""#), "{json}");
    assert_eq!(serde_json::from_str::<crate::Guarantee>(&json).unwrap(), resumed);
    let body = Body::Step(StepEntry { step: 1, attempt: 1, event: Event::NonPrivate, segment: None });
    let mut ledger = Ledger::begin(seal(Body::Genesis(genesis()), ORIGIN)).unwrap();
    ledger.push(seal(body, ledger.head())).unwrap();
    assert_eq!(guarantee(&ledger), Err(Unsupported::NonPrivate));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn arbitrary_text_is_refused_without_a_panic(text in "[\\x00-\\x7f\u{e9}\u{4e16}]{0,200}") {
        prop_assert!(parse(&text).is_err());
        prop_assert!(recover(&text).is_err());
        let whole = texts(&plain(2)).concat();
        prop_assert!(parse(&(whole + &text)).is_ok() == text.is_empty());
    }
}
