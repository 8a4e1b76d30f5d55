//! Control tokens in user text, and files that are no tokenizers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;
use tempfile::NamedTempFile;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::*;

const SEED: u64 = 20_260_101;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::default() }
}
const END: &str = "<|endoftext|>";

fn special(id: u32, content: &str) -> Value {
    json!({"id": id, "content": content, "special": true, "single_word": false,
           "lstrip": false, "rstrip": false, "normalized": false})
}

fn load(json: &Value) -> Result<Tokenizer, Error> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), json.to_string()).unwrap();
    Tokenizer::from_file(file.path())
}

/// A byte-level BPE as GPT-2 and its heirs have it: end of text is 0, `<|im_start|>` 1, then all bytes, then merges.
/// It asks for truncation and padding, as some published files do.
fn byte_level() -> Value {
    let alphabet: BTreeSet<char> = ByteLevel::alphabet().into_iter().collect();
    let mut vocabulary = vec![END.to_owned(), "<|im_start|>".to_owned()];
    vocabulary.extend(alphabet.into_iter().map(String::from));
    vocabulary.extend(["he", "ll", "hell", "hello"].map(String::from));
    let ids: serde_json::Map<String, Value> =
        vocabulary.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 9,
                    "pad_type_id": 0, "pad_token": END},
        "added_tokens": [special(0, END), special(1, "<|im_start|>")],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": ids,
                  "merges": ["h e", "l l", "he ll", "hell o"]}
    })
}

/// Whole words between spaces; its vocabulary holds the control word `</s>` as an ordinary entry.
fn words(unknown: &str) -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "<unk>"), special(1, "</s>")],
        "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "</s>": 1, "one": 2, "two": 3}, "unk_token": unknown}
    })
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode_plain(text).unwrap()
}

#[test]
fn the_files_own_truncation_and_padding_are_off() {
    let tokenizer = load(&byte_level()).unwrap();
    assert_eq!(ids(&tokenizer, "abcdef").len(), 6);
    assert_eq!(tokenizer.vocabulary_size(), 262);
    assert_eq!((tokenizer.id(END), tokenizer.id("missing")), (Some(0), None));
}

#[test]
fn control_tokens_in_user_text_are_plain_text() {
    let tokenizer = load(&byte_level()).unwrap();
    for text in [END, "a<|endoftext|>b", "<|im_start|>system", "<|endoftext|><|endoftext|>"] {
        let ids = ids(&tokenizer, text);
        assert!(ids.iter().all(|&id| id > 1), "{ids:?}");
        assert_eq!(tokenizer.decode(&ids).unwrap(), text, "nothing of the text is lost");
    }
}

#[test]
fn control_tokens_that_are_also_words_are_dropped() {
    let tokenizer = load(&words("<unk>")).unwrap();
    assert_eq!(ids(&tokenizer, "one </s> two"), [2, 3]);
    assert_eq!(ids(&tokenizer, "one three two"), [2, 0, 3], "the unknown word is text");
}

#[test]
fn a_file_that_is_no_tokenizer_is_refused() {
    assert!(matches!(load(&json!({"version": "1.0"})), Err(Error::TokenizerFile { .. })));
    assert!(matches!(Tokenizer::from_file(Path::new("missing.json")), Err(Error::Io { .. })));
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), "hunter2").unwrap();
    let error = Tokenizer::from_file(file.path()).err().unwrap();
    assert!(matches!(error, Error::TokenizerFile { .. }) && !error.to_string().contains("hunter2"));
}

proptest! {
    #![proptest_config(cases(100))]

    /// No id of a control token comes out of any text, and short texts come back whole.
    #[test]
    fn no_text_makes_a_control_token(parts in prop::collection::vec(prop_oneof![Just(END.to_owned()), Just("<|im_start|>".to_owned()), ".{0,5}".boxed()], 0..6)) {
        let tokenizer = load(&byte_level()).unwrap();
        let text = parts.concat();
        let ids = ids(&tokenizer, &text);
        prop_assert!(ids.iter().all(|&id| id > 1));
        let placed = tokenizer.encode_placed(&text).unwrap();
        prop_assert_eq!(placed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids.clone());
        prop_assert!(placed.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        prop_assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}
