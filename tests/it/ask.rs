//! `privet score` and `privet generate`, from a shell's point of view.

use std::path::Path;

use crate::{folder, privet, root};

fn path(part: &str) -> String {
    root().join(part).display().to_string()
}

#[test]
fn a_score_is_a_loss_and_single_losses_go_to_a_private_folder() {
    let dir = folder();
    let (model, data) = (path("datasets/base-model"), path("datasets/quickstart/public-eval.parquet"));
    let score = |more: &[&str]| {
        let arguments = [&["score", &model, &data, "--sequence-len", "24", "--json"], more].concat();
        privet(dir.path(), &arguments)
    };
    let answer = score(&["--per-example", "out"]).json();
    let (loss, texts) = (answer["loss"].as_f64().unwrap(), answer["texts"].as_u64().unwrap());
    assert!((answer["perplexity"].as_f64().unwrap().ln() - loss).abs() < 1e-9 && loss > 1.0 && loss < 8.0);
    let lines = std::fs::read_to_string(dir.path().join("out/private/scores.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, texts);
    let total = |key: &str| lines.iter().map(|line| line[key].as_f64().unwrap()).collect::<Vec<_>>();
    let (tokens, losses) = (total("tokens"), total("loss"));
    let mean = tokens.iter().zip(&losses).map(|(n, loss)| n * loss).sum::<f64>() / tokens.iter().sum::<f64>();
    assert!((mean - loss).abs() < 1e-9, "{mean} {loss}");
    // A run that fails leaves the scores of the one before, and nothing half-made.
    score(&["--column", "nope", "--per-example", "out"]).failed(2, &["nope"]);
    let kept = std::fs::read_to_string(dir.path().join("out/private/scores.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), lines.len());
    assert_eq!(std::fs::read_dir(dir.path().join("out/private")).unwrap().count(), 1);
    privet(dir.path(), &["score", "nowhere", &data]).failed(3, &["nowhere"]);
}

#[test]
fn a_prompt_is_continued_the_same_way_each_time() {
    let dir = folder();
    let model = path("datasets/base-model");
    let ask = |more: &[&str]| {
        privet(dir.path(), &[&["generate", &model, "--prompt", "Please", "--max-tokens", "5"], more].concat())
    };
    let greedy = ask(&["--json"]).json();
    assert!(greedy["answers"][0]["tokens"].as_u64().unwrap() <= 5);
    let text = greedy["answers"][0]["text"].as_str().unwrap().to_owned();
    ask(&[]).done().says(&[&format!("Please{text}")]);
    let drawn = |seed: &str| ask(&["--temperature", "1.5", "--seed", seed, "--json"]).json();
    assert_eq!(drawn("3"), drawn("3"));
    assert!((0..8).any(|seed| drawn(&seed.to_string()) != greedy));
    // A chat needs the model's template, and ends where generation_config.json says.
    ask(&["--chat"]).failed(2, &["no chat template"]);
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(Path::new(&model).join(name), copy.join(name)).unwrap();
    }
    std::fs::write(copy.join("chat_template.jinja"), "{% for m in messages %}{{ m.content }}{% endfor %}").unwrap();
    let chat = |more: &[&str]| {
        let arguments = ["generate", "copy", "--prompt", "Please", "--chat", "--max-tokens", "5", "--json"];
        privet(dir.path(), &[&arguments[..], more].concat()).json()["answers"][0].clone()
    };
    let answer = chat(&[]);
    assert_eq!((&answer["text"], &answer["ended"]), (&greedy["answers"][0]["text"], &greedy["answers"][0]["ended"]));
    let every: Vec<u32> = (0..2048).collect();
    let stops = serde_json::json!({ "eos_token_id": every });
    std::fs::write(copy.join("generation_config.json"), stops.to_string()).unwrap();
    let answer = chat(&[]);
    assert_eq!((&answer["tokens"], &answer["ended"]), (&0.into(), &true.into()));
    ask(&["--top-p", "0"]).failed(2, &["top-p"]);
    ask(&["--temperature=-1"]).failed(2, &["temperature"]);
}
