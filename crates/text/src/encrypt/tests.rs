use proptest::prelude::*;

use super::*;
use crate::{Operator, Policy, apply, recognizers, scan};

const KEY: [u8; 32] = [9; 32];

fn policy() -> Policy {
    Policy::new(Operator::Encrypt).with_encrypt_key(KEY)
}

fn found(text: &str) -> Vec<crate::Finding> {
    scan(&recognizers(&Entity::ALL), text)
}

#[test]
fn values_are_read_back_and_nothing_else_is_touched() {
    let text = "Jo <jo@example.org> é +44 20 7946 0958, <b>, <EMAIL>, <PHONE:abcdefghijklmnop>";
    let hidden = apply(text, &found(text), &policy());
    assert!(!hidden.contains("jo@") && !hidden.contains("7946"), "{hidden}");
    let shape: String = hidden.chars().filter(|c| !matches!(c, 'a'..='p')).collect();
    assert_eq!(shape, "J <<EMAIL:>> é <PHONE:>, <>, <EMAIL>, <PHONE:>");
    assert_eq!(decrypt(&hidden, &KEY).unwrap(), text);
    // A fixed text: what one release wrote, the next must read.
    let hidden = "<EMAIL:".to_owned() + FIXED + ">";
    assert_eq!(apply("jo@example.org", &found("jo@example.org"), &policy()), hidden);
    assert_eq!(decrypt(&hidden, &KEY).unwrap(), "jo@example.org");
}

const FIXED: &str = "adhedfdclilnnkkkgmgaicfdkkepolmiagokgahmjohgapbgijlpmnfeohkgddbkaiikdgdehcbkklmnmokm";

#[test]
fn equal_values_are_not_linked_and_equal_texts_are() {
    let text = "jo@example.org jo@example.org";
    let once = apply(text, &found(text), &policy());
    let (first, second) = once.split_once(' ').unwrap();
    assert_ne!(first, second);
    assert_ne!(apply("jo@example.org", &found("jo@example.org"), &policy()), first);
    assert_eq!(apply(text, &found(text), &policy()), once);
    let other = Policy::new(Operator::Encrypt).with_encrypt_key([8; 32]);
    assert_ne!(apply(text, &found(text), &other), once);
}

#[test]
fn altered_letters_another_key_and_another_label_are_refused_without_text() {
    let text = "é jo@example.org";
    let hidden = apply(text, &found(text), &policy());
    let place = hidden.find('<').unwrap();
    for (index, letter) in hidden.char_indices().skip(10) {
        if matches!(letter, 'a'..='p') {
            let other = if letter == 'a' { "b" } else { "a" };
            let mut altered = hidden.clone();
            altered.replace_range(index..=index, other);
            assert!(matches!(decrypt(&altered, &KEY), Err(Error::Decryption { at }) if at == place), "{altered}");
        }
    }
    let relabelled = hidden.replace("EMAIL", "PHONE");
    for (text, key) in [(&hidden, [8; 32]), (&relabelled, KEY)] {
        let error = decrypt(text, &key).unwrap_err().to_string();
        assert!(!error.contains("jo@") && !error.contains(&hidden[12..40]), "{error}");
    }
    // What is not a whole placeholder is text like any other.
    let cut = &hidden[..hidden.len() - 2];
    assert_eq!(decrypt(cut, &KEY).unwrap(), cut);
}

#[test]
fn long_values_are_encrypted_in_pieces() {
    for length in [1023, 1024, 1025, 5000] {
        let value = "é".repeat(length);
        let finding = crate::Finding {
            entity: Entity::Secret,
            span: 0..value.len(),
            confidence: 1.0,
            rule: crate::Rule::built_in("test"),
        };
        let hidden = apply(&value, &[finding], &policy());
        assert_eq!(hidden.matches("<SECRET:").count(), (2 * length).div_ceil(1024));
        assert_eq!(decrypt(&hidden, &KEY).unwrap(), value);
        assert!(found(&hidden).is_empty());
    }
}

#[test]
fn a_policy_that_encrypts_needs_its_own_key() {
    let policy = Policy::new(Operator::Encrypt).with_key([1; 32]);
    assert!(matches!(policy.validate(), Err(Error::EncryptKeyMissing { .. })));
    assert_eq!(apply("jo@example.org", &found("jo@example.org"), &policy), "<EMAIL>");
    assert!(policy.with_encrypt_key([1; 32]).validate().is_ok());
}

proptest! {
    #![proptest_config(crate::tests::seeded(500))]

    #[test]
    fn every_text_is_read_back(text in "(jo@example.org|é|[a-z ]{0,9}|212-555-0143|<|>|:){0,9}", key in any::<[u8; 32]>()) {
        let policy = Policy::new(Operator::Encrypt).with(Entity::InvisibleText, Operator::Keep).with_encrypt_key(key);
        prop_assert_eq!(decrypt(&apply(&text, &found(&text), &policy), &key).unwrap(), text);
    }
}
