//! Tokens per second of a forward pass, and of forward, backward and gradients: their plain sum, and with per-sample norms.
//!
//! `cargo run --release -p privet-model --example speed -- MODEL_FOLDER BATCH LENGTH SECONDS [lora|full]`
//!
//! `lora` trains adapters on attention, `full` everything.
//!
//! Prints one JSON object. `benches/peers/model/run.py` runs it beside torch. Threads: `RAYON_NUM_THREADS`.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use burn::backend::{Autodiff, Flex};
use privet_model::weights::WeightFile;
use privet_model::{Decoder, LoraSpec, TokenBatch, Trainable};

type A = Autodiff<Flex>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, batch, length, seconds, what @ ..] = &arguments[..] else {
        return Err("usage: speed MODEL_FOLDER BATCH LENGTH SECONDS [lora|full]".into());
    };
    let (batch, length, seconds): (usize, usize, f64) = (batch.parse()?, length.parse()?, seconds.parse()?);
    let mut model = Decoder::<Flex>::load(Path::new(folder), None, &Default::default())?;
    let vocabulary = model.config().vocab_size as u32;
    let units: Vec<Vec<u32>> = (0..batch as u32)
        .map(|row| (0..length as u32).map(|column| (row * 7919 + column * 104_729 + 11) % vocabulary).collect())
        .collect();
    let units: Vec<&[u32]> = units.iter().map(Vec::as_slice).collect();
    let tokens = TokenBatch::new(&units, 0);
    let modules = ["q_proj", "k_proj", "v_proj", "o_proj"].map(String::from).to_vec();
    let lora = Trainable::Lora(LoraSpec { r: 8, alpha: 16.0, target_modules: modules, freeze_a: false });
    let trained = if what == ["full"] { Trainable::Weights(vec!["*".to_owned()]) } else { lora };
    let start = trained.start(model.config(), &WeightFile::open(Path::new(folder), None)?, 1)?;
    model.attach(&trained, &start)?;
    drop(start);
    let forward = rate(seconds, batch * length, || {
        let _ = model.losses::<A>(&tokens).into_data();
    });
    let pass = |private: bool| {
        let (_, gradients) = model.gradients::<A>(&tokens, false);
        if private {
            let _ = gradients.squares();
        }
        let ones = vec![vec![1.0; gradients.units()]; gradients.slots()];
        let _ = gradients.weighted_sum(&ones, false);
    };
    let (plain, backward) =
        (rate(seconds, batch * length, || pass(false)), rate(seconds, batch * length, || pass(true)));
    #[allow(clippy::print_stdout, reason = "an example's result")]
    {
        println!("{}", serde_json::json!({ "forward": forward, "plain": plain, "backward": backward }));
    }
    Ok(())
}

/// Tokens per second, after one pass that does not count.
fn rate(seconds: f64, tokens: usize, mut pass: impl FnMut()) -> f64 {
    pass();
    let (start, mut passes) = (Instant::now(), 0);
    while passes < 2 || start.elapsed() < Duration::from_secs_f64(seconds) {
        pass();
        passes += 1;
    }
    (tokens * passes) as f64 / start.elapsed().as_secs_f64()
}
