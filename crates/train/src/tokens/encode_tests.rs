//! Against what `transformers` makes of the same conversations, and control words that people write.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FOLDERS: [&str; 6] = ["chatml", "thoughts", "headers", "brackets", "brackets-legacy", "swallowing"];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chat")).join(name)
}

fn encoder(name: &str, loss_on: LossOn) -> Encoder {
    let folder = golden(name);
    let tokenizer = Tokenizer::from_file(&folder.join("tokenizer.json")).unwrap();
    let template = Template::open(&folder).unwrap();
    Encoder { tokenizer, template, bos: Some(1), eos: Some(0), most: usize::MAX, loss_on }
}

fn conversation(turns: &[(&str, &str)]) -> Vec<Message> {
    let message = |(role, content): &(&str, &str)| Message { role: (*role).to_owned(), content: (*content).to_owned() };
    turns.iter().map(message).collect()
}

fn unit(encoder: &Encoder, example: &Example) -> Unit {
    encoder.encode(example, 0).map_or_else(|error| panic!("{error}"), |(unit, _)| unit)
}

#[test]
fn conversations_are_rendered_and_tokenized_as_transformers_does() {
    for name in FOLDERS {
        let cases: Vec<Value> =
            serde_json::from_slice(&std::fs::read(golden(name).join("cases.json")).unwrap()).unwrap();
        let (all, answers) = (encoder(name, LossOn::All), encoder(name, LossOn::Completion));
        for (number, case) in cases.iter().enumerate() {
            let turns = case["messages"].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let turns = turns.map(|turn| Message { role: text(&turn["role"]), content: text(&turn["content"]) });
            let turns: Vec<Message> = turns.collect();
            let template = all.template.as_ref().unwrap();
            assert_eq!(template.render(&turns, false), Some(text(&case["text"])), "{name} {number}");
            assert_eq!(template.render(&turns, true), Some(text(&case["prompt"])), "{name} {number}");
            let numbers = |key: &str| -> Vec<u64> {
                case[key].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
            };
            let whole = unit(&all, &Example::Chat(turns.clone()));
            assert_eq!(
                whole.tokens().iter().map(|id| u64::from(*id)).collect::<Vec<_>>(),
                numbers("ids"),
                "{name} {number}"
            );
            assert!(whole.targets().iter().all(|target| *target));
            let part = unit(&answers, &Example::Chat(turns));
            assert_eq!(part.tokens(), whole.tokens());
            let mut targets: Vec<u64> = part.targets().iter().map(|target| u64::from(*target)).collect();
            if (name, number) == ("swallowing", 1) {
                // The control token before this answer swallows the answer's first space; transformers counts the token
                // as answered for it.
                assert_eq!((targets[23], targets[24]), (0, 1));
                targets[23] = 1;
            }
            assert_eq!(targets, numbers("answers"), "{name} {number}");
        }
    }
}

/// The ids of control tokens in a unit, in order.
fn control(encoder: &Encoder, unit: &Unit) -> Vec<u32> {
    let is_control = |id: &u32| encoder.tokenizer.control_words(&word(encoder, *id)).next().is_some();
    unit.tokens().iter().copied().filter(is_control).collect()
}

fn word(encoder: &Encoder, id: u32) -> String {
    (0..16)
        .map(|number| encoder.tokenizer.word(number))
        .find(|w| encoder.tokenizer.id(w) == Some(id))
        .unwrap_or("")
        .to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever people write, the control tokens of a unit are those of the template, and nothing they wrote is lost.
    #[test]
    fn control_words_in_messages_are_text(
        name in prop::sample::select(FOLDERS.to_vec()),
        parts in prop::collection::vec(
            prop_oneof!["[a-z]{1,3}", Just("<|im_end|>".to_owned()), Just("<|eot_id|>".to_owned()), Just("</s>".to_owned()),
                Just("<|end|>".to_owned()), Just("<|start_header_id|>".to_owned()), Just(OPEN.to_string()),
                Just(format!("{OPEN}1{CLOSE}")), Just("<|im_".to_owned()), Just("start|>".to_owned())],
            1..6,
        ),
    ) {
        let encoder = encoder(name, LossOn::Completion);
        let said = format!("x{}x", parts.concat());
        let tame = unit(&encoder, &Example::Chat(conversation(&[("user", "x"), ("assistant", "x"), ("user", "x")])));
        let wild = conversation(&[("user", &said), ("assistant", &said), ("user", &said)]);
        let wild = unit(&encoder, &Example::Chat(wild));
        prop_assert_eq!(control(&encoder, &wild), control(&encoder, &tame));
        let decoded = encoder.tokenizer.decode(wild.tokens()).unwrap();
        prop_assert_eq!(decoded.matches(&said).count(), 3, "{}", decoded);
        // Exactly the middle turn is learned: its text and the token that ends it.
        let learned: Vec<u32> =
            wild.tokens().iter().zip(wild.targets()).filter(|(_, target)| **target).map(|(id, _)| *id).collect();
        prop_assert_eq!(control(&encoder, &Unit::whole(learned.clone())).len(), 1);
        let learned = encoder.tokenizer.decode(&learned).unwrap();
        prop_assert_eq!(learned.trim(), said);
    }
}

#[test]
fn a_role_cannot_smuggle_a_control_token_in() {
    let encoder = encoder("chatml", LossOn::All);
    let plain = unit(&encoder, &Example::Chat(conversation(&[("tool", "x")])));
    let smuggled = unit(&encoder, &Example::Chat(conversation(&[("tool<|im_end|>", "x")])));
    assert_eq!(control(&encoder, &plain), control(&encoder, &smuggled));
}

#[test]
fn a_conversation_that_the_template_refuses_is_an_error_without_its_words() {
    let encoder = encoder("brackets", LossOn::All);
    let twice = Example::Chat(conversation(&[("user", "hunter2"), ("user", "hunter2")]));
    let error = encoder.encode(&twice, 41).err().unwrap();
    assert!(matches!(error, Error::Conversation { unit: 41 }));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn texts_are_framed_and_cut() {
    let mut encoder = encoder("chatml", LossOn::All);
    let hello = Example::Text("hello".to_owned());
    let ids = encoder.tokenizer.encode_plain("hello").unwrap();
    assert_eq!(unit(&encoder, &hello), Unit::whole([&[1], ids.as_slice(), &[0]].concat()));
    encoder.most = 3;
    assert_eq!(encoder.encode(&hello, 0).unwrap(), (Unit::whole(vec![1, ids[0], ids[1]]), true));
    (encoder.bos, encoder.most) = (None, ids.len() + 1);
    assert_eq!(encoder.encode(&hello, 0).unwrap(), (Unit::whole([&ids[..], &[0]].concat()), false));
    assert_eq!(encoder.encode(&Example::Text(String::new()), 0).unwrap(), (Unit::whole(vec![0]), false));
    encoder.eos = None;
    assert_eq!(encoder.encode(&Example::Text(String::new()), 0).unwrap(), (Unit::default(), false));
}

#[test]
fn of_a_pair_the_completion_is_learned() {
    let pair = Example::Pair { prompt: "Hello there<|im_end|>".to_owned(), completion: " the pump".to_owned() };
    for name in FOLDERS {
        let (all, part) = (unit(&encoder(name, LossOn::All), &pair), unit(&encoder(name, LossOn::Completion), &pair));
        assert_eq!(all.tokens(), part.tokens());
        assert!(all.targets().iter().all(|target| *target));
        let encoder = encoder(name, LossOn::Completion);
        let learned: Vec<u32> =
            part.tokens().iter().zip(part.targets()).filter(|(_, target)| **target).map(|(id, _)| *id).collect();
        assert_eq!(learned.last(), Some(&0));
        assert_eq!(encoder.tokenizer.decode(&learned[..learned.len() - 1]).unwrap().trim(), "the pump", "{name}");
        assert_eq!(&part.tokens()[..1], [1]);
        assert!(part.predicted() < all.predicted());
    }
}

#[test]
fn records_come_in_order_and_errors_name_theirs() {
    let encoder = encoder("brackets", LossOn::All);
    let record = |number: usize| match number {
        1000 => Example::Chat(conversation(&[("assistant", "hunter2")])),
        number => Example::Text(format!("{number}")),
    };
    let feed = |count: usize| {
        let mut units = Vec::new();
        let result =
            encoder.for_each(&mut |sink| (0..count).try_for_each(|number| sink(record(number), None)), &mut |block| {
                units.extend(block.units);
                Ok(())
            });
        (result, units)
    };
    let (result, units) = feed(999);
    result.unwrap();
    assert_eq!(units.len(), 999);
    assert!(units.iter().enumerate().all(|(number, (found, cut))| !cut && *found == unit(&encoder, &record(number))));
    let (result, units) = feed(2000);
    assert!(matches!(result, Err(Error::Conversation { unit: 1000 })));
    assert_eq!(units.len(), BLOCK, "nothing of the block that failed");
}

#[test]
fn a_block_is_blank_only_if_all_of_it_is() {
    let encoder = encoder("chatml", LossOn::All);
    let blank = |examples: Vec<Example>| {
        let mut blank = Vec::new();
        encoder
            .for_each(&mut |sink| examples.iter().cloned().try_for_each(|example| sink(example, None)), &mut |block| {
                blank.push(block.blank);
                Ok(())
            })
            .unwrap();
        blank
    };
    let pair = |prompt: &str| Example::Pair { prompt: prompt.to_owned(), completion: "\n".to_owned() };
    assert_eq!(blank(vec![]), Vec::<bool>::new());
    assert_eq!(blank(vec![Example::Text(" ".to_owned()), pair(""), Example::Chat(vec![])]), [true]);
    assert_eq!(blank(vec![Example::Text(" ".to_owned()), pair("a")]), [false]);
    assert_eq!(blank(vec![Example::Chat(conversation(&[("user", "a")]))]), [false]);
}
