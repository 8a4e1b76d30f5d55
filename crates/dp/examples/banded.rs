//! Banded noise against independent noise at equal epsilon: how far the sum of all gradients so far is from the true one.
//!
//! For each setting the root of the mean squared error over all steps, as a share of what independent noise has, so below 1
//! is better; both noises are calibrated by the accountant for the same target. Nothing is trained: this is arithmetic.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use privet_dp::banded::prefix_error;
use privet_dp::{Adjacency, Delta, Epsilon, Event, SamplingRate, calibrate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let all = [2, 4, 8, 16, 32, 64];
    print!("| units | batch | steps | epsilon | independent noise multiplier |");
    for bands in all {
        print!(" {bands} bands |");
    }
    println!("\n|---|---|---|---|---|{}", "---|".repeat(all.len()));
    let settings: [(u64, u64, u64); 5] =
        [(25_000, 256, 60), (25_000, 256, 1000), (100_000, 256, 2000), (10_000, 500, 400), (1_000_000, 1024, 2000)];
    for (bound, batch, steps) in settings {
        for target in [1.0, 8.0] {
            let (epsilon, delta) = (Epsilon::new(target)?, Delta::new(0.1 / bound as f64)?);
            let noise = |bands: u64| -> Result<f64, Box<dyn std::error::Error>> {
                let rate = SamplingRate::from_ratio(batch * bands, bound)?;
                let run = |noise_multiplier| Event::BandedMatrixFactorization {
                    steps,
                    bands,
                    sampling_rate: Some(rate),
                    noise_multiplier,
                };
                Ok(calibrate::noise_multiplier(epsilon, delta, Adjacency::AddRemove, run)?.get())
            };
            let error = |bands: u64, noise: f64| noise * prefix_error(bands, steps as usize).sqrt();
            let plain = noise(1)?;
            print!("| {bound} | {batch} | {steps} | {target} | {plain:.3} |");
            for bands in all {
                if batch * bands > bound || bands > steps {
                    print!(" - |");
                } else {
                    print!(" {:.2} |", error(bands, noise(bands)?) / error(1, plain));
                }
            }
            println!();
        }
    }
    Ok(())
}
