use super::*;

#[test]
fn the_words_of_all_rules_fit_one_automaton() {
    let all = Identifiers::new(&Entity::ALL).unwrap();
    assert!(all.vocabulary.is_built());
}
