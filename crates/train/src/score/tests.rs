use super::*;
use crate::tokens::Example;

const READING: Reading = Reading { format: Format::Text, loss_on: LossOn::All, sequence_len: 8, batch: 1 };

fn model() -> (tempfile::TempDir, ModelFolder) {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/base-model");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(root.join(name), folder.path().join(name)).unwrap();
    }
    let base = folder.path().to_owned();
    (folder, ModelFolder { base, adapter: None })
}

const TEXTS: [&str; 5] =
    ["The pump was repaired.", "", "Customer asked about the invoice of last week.", "a", "The pump"];

fn scores(folder: &ModelFolder, sequence_len: usize, batch: usize) -> (Scored, Vec<UnitScore>) {
    let mut all = Vec::new();
    let scored = score(
        folder,
        Device::Cpu,
        Reading { sequence_len, batch, ..READING },
        &mut |sink| TEXTS.iter().try_for_each(|text| sink(Example::Text((*text).to_owned()), None)),
        &mut |one| {
            all.push(one);
            Ok(())
        },
    );
    (scored.unwrap(), all)
}

#[test]
fn a_score_does_not_depend_on_how_texts_are_batched() {
    let (_keep, folder) = model();
    let (together, each) = scores(&folder, 64, 5);
    let (alone, one_by_one) = scores(&folder, 64, 1);
    assert_eq!((together.units, together.tokens, together.truncated), (5, alone.tokens, 0));
    assert!((together.loss().unwrap() - alone.loss().unwrap()).abs() < 1e-5);
    for (a, b) in each.iter().zip(&one_by_one) {
        assert_eq!((a.unit, a.tokens), (b.unit, b.tokens));
        assert!((a.loss - b.loss).abs() < 1e-5, "{a:?} {b:?}");
    }
    let total: f64 = each.iter().map(|one| one.loss * one.tokens as f64).sum();
    assert!((total - together.total).abs() < 1e-9);
}

#[test]
fn long_texts_are_cut_and_counted() {
    let (_keep, folder) = model();
    let (scored, each) = scores(&folder, 3, 2);
    assert!(scored.truncated >= 2 && each.iter().all(|one| one.tokens <= 2));
}

#[test]
fn a_folder_without_a_tokenizer_is_an_error_that_names_it() {
    let (_keep, folder) = model();
    std::fs::remove_file(folder.base.join("tokenizer.json")).unwrap();
    let error = score(&folder, Device::Cpu, READING, &mut |_| Ok(()), &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json"), "{error}");
}

#[test]
fn prompts_of_unlike_length_are_continued_as_if_alone() {
    let (_keep, folder) = model();
    let greedy = crate::generate::Choice { temperature: 0.0, top_p: 1.0, seed: 0 };
    let prompts = ["The pump", "Customer asked about the"].map(|text| Example::Text(text.to_owned()));
    let together = crate::generate::generate(&folder, Device::Cpu, &prompts, 6, greedy).unwrap();
    for (prompt, found) in prompts.iter().zip(&together) {
        let alone = crate::generate::generate(&folder, Device::Cpu, std::slice::from_ref(prompt), 6, greedy).unwrap();
        assert_eq!(&alone[0], found);
        assert!(found.tokens <= 6 && (found.ended || found.tokens == 6));
    }
}
