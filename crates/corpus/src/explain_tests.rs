use super::*;
use crate::fixtures::*;

fn explained_row(text: &str) -> ExplainedText {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, format!("\n{}\n", serde_json::json!({ "text": text }))).unwrap();
    let plan = ScrubPlan { entities: Entity::ALL.to_vec(), ..plan(&[], folder.path()) };
    explain(&plan, &path, 0).unwrap().texts.remove(0)
}

fn one(text: &str, entity: Entity) -> (ExplainedText, ExplainedFinding) {
    let explained = explained_row(text);
    let found = explained.findings.iter().find(|finding| finding.entity == entity).cloned();
    let found = found.unwrap_or_else(|| panic!("no {entity} in {:?}", explained.findings));
    (explained, found)
}

#[test]
fn an_address_needs_nothing_around_it() {
    let (text, email) = one("öffne ann@example.org heute", Entity::Email);
    assert_eq!((email.bytes.clone(), email.characters.clone()), (7..22, 6..21));
    assert_eq!((email.alone, email.without_words), (Some(email.confidence), Some(email.confidence)));
    assert_eq!((email.words.len(), email.digits, email.far), (0, 0, false));
    assert_eq!((text.text.len() as u64, text.rewritten.as_str()), (text.bytes, "öffne <EMAIL> heute"));
    assert_eq!(email.operator, Operator::Tag);
}

#[test]
fn check_digits_show_and_so_does_their_absence() {
    let (_, card) = one("card 4111 1111 1111 1111 please", Entity::CreditCard);
    assert_eq!((card.digits, card.digits_checked), (16, 16), "Luhn catches every single digit");
    let (_, iban) = one("to DE89 3704 0044 0532 0130 00 now", Entity::Iban);
    assert_eq!((iban.digits, iban.digits_checked), (20, 20));
    let (_, address) = one("server 203.0.113.7 answers", Entity::Ipv4);
    assert!(address.digits_checked < address.digits, "{address:?}");
}

/// A number that is found for the word before it: the word is named by its place, and what is left without it is said.
#[test]
fn the_word_that_announces_a_number_is_found_by_taking_it_away() {
    let text = "the ssn 219-09-9998 is on file";
    let (_, ssn) = one(text, Entity::UsSsn);
    let hangs_on: Vec<&str> =
        ssn.words.iter().map(|word| &text[word.bytes.start as usize..word.bytes.end as usize]).collect();
    assert_eq!(hangs_on, ["ssn"], "{ssn:?}");
    assert!(ssn.words[0].without < Some(ssn.confidence) && ssn.alone < Some(ssn.confidence));
    assert_eq!(ssn.words[0].without, ssn.without_words);
}

#[test]
fn allowed_values_thresholds_and_rows_that_go_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "id,text,title\n1,x,\n2,write ann@example.org,bob@example.org\n").unwrap();
    let base = plan(&[], folder.path());
    let policy = base.policy.clone().with_allowed(&["bob@example.org".to_owned()]).with_threshold(Entity::Email, 1.0);
    let columns = ["text", "title"].map(|name| name.parse().unwrap()).to_vec();
    let allowing = ScrubPlan { columns, policy, ..base };
    let row = explain(&allowing, &path, 1).unwrap();
    let seen: Vec<_> = row
        .texts
        .iter()
        .flat_map(|text| text.findings.iter().map(|f| (text.column.as_str(), f.allowed, f.below_threshold, f.operator)))
        .collect();
    let keep = Operator::Keep;
    assert_eq!(seen, [("text", false, true, keep), ("title", true, true, keep)]);
    assert!(!row.dropped);
    let dropping = ScrubPlan { policy: privet_text::Policy::new(Operator::Tag).with_drop_above(1), ..allowing };
    assert!(explain(&dropping, &path, 1).unwrap().dropped, "two in a row, one in each text");
    assert!(explain(&dropping, &path, 0).unwrap().texts[0].findings.is_empty());
    assert!(matches!(explain(&dropping, &path, 2), Err(Error::NoSuchRow { row: 2, rows: 2, .. })));
    // Nothing that is shown without being asked for holds any of the text.
    let shown = format!("{row:?}") + &serde_json::to_string(&row).unwrap();
    assert!(!shown.contains("ann@") && !shown.contains("write"), "{shown}");
}

/// Every kind of file answers alike about the same row.
#[test]
fn the_same_row_of_any_file_is_explained_alike() {
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&[], folder.path());
    let parquet = write_texts(folder.path().join("a.parquet"), &TEXTS.map(Some), TextType::Dictionary, 2);
    let lines = TEXTS.map(|text| serde_json::json!({ "text": text }).to_string() + "\n\n").concat();
    let jsonl = folder.path().join("a.jsonl");
    std::fs::write(&jsonl, lines).unwrap();
    for row in 0..TEXTS.len() as u64 {
        let (one, other) = (explain(&base, &parquet, row).unwrap(), explain(&base, &jsonl, row).unwrap());
        assert_eq!(one, other);
        assert_eq!(one.texts[0].text, TEXTS[row as usize]);
    }
    assert!(matches!(explain(&base, &parquet, 9), Err(Error::NoSuchRow { rows: 9, .. })));
}
