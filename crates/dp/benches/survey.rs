//! How long and how narrow an epsilon is over the whole range of settings, not only on those that someone thought of.
//!
//! `cargo bench -p privet-dp --bench survey -- [settings] [seed]` draws settings by themselves (log-uniform; 3,000 from seed 1
//! unless told otherwise), asks for the epsilon of each once, and prints percentiles of time and of the width of the
//! bracket, then the settings that were slowest and those that came out widest.

use std::io::Write;
use std::time::Instant;

use privet_dp::{Adjacency, Certificate, Delta, Event, NoiseMultiplier, SamplingRate, account};

type Failure = Box<dyn std::error::Error>;

/// Percentiles that are printed.
const PERCENTILES: [f64; 7] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0];
/// The goals: seconds, and width relative to the larger of epsilon and 1, or to epsilon alone.
const SECONDS: f64 = 0.030;
const WIDTH: f64 = 1e-3;

/// `SplitMix64` (Steele, Lea and Flood 2014): the same settings on every machine.
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        (low.ln() + self.uniform() * (high / low).ln()).exp()
    }
}

/// One setting and what came of it.
struct Answer {
    rate: f64,
    noise: f64,
    steps: u64,
    delta: f64,
    seconds: f64,
    certificate: Certificate,
}

impl Answer {
    fn ask(numbers: &mut Numbers) -> Result<Self, Failure> {
        let (rate, noise) = (numbers.log_uniform(1e-9, 1.0), numbers.log_uniform(0.05, 1000.0));
        let (steps, delta) = (numbers.log_uniform(1.0, 1e8).round() as u64, numbers.log_uniform(1e-30, 0.1));
        let event = Event::PoissonSampledGaussian {
            sampling_rate: SamplingRate::from_f64(rate)?,
            noise_multiplier: NoiseMultiplier::new(noise)?,
        };
        let event = Event::Repeated { event: Box::new(event), count: steps };
        let asked = Delta::new(delta)?;
        let mut seconds = f64::INFINITY;
        let mut answer = || {
            let start = Instant::now();
            let certificate = account(&event, asked, Adjacency::AddRemove);
            seconds = seconds.min(start.elapsed().as_secs_f64());
            certificate.map_err(|error| format!("q={rate:e} s={noise:e} T={steps} d={delta:e}: {error}"))
        };
        // The fastest of three: the machine has other work, too.
        answer()?;
        answer()?;
        let certificate = answer()?;
        Ok(Self { rate, noise, steps, delta, seconds, certificate })
    }

    fn bounds(&self) -> (f64, f64) {
        (self.certificate.epsilon_lower.get(), self.certificate.epsilon_upper.get())
    }

    /// Width of the bracket relative to the larger of epsilon and 1.
    fn width(&self) -> f64 {
        let (lower, upper) = self.bounds();
        (upper - lower) / upper.max(1.0)
    }

    /// Width of the bracket relative to epsilon.
    fn relative_width(&self) -> f64 {
        let (lower, upper) = self.bounds();
        if upper > 0.0 { (upper - lower) / upper } else { 0.0 }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let (lower, upper) = self.bounds();
        let Self { rate, noise, steps, delta, .. } = self;
        let engine = self.certificate.engine;
        writeln!(
            out,
            "q={rate:.3e} s={noise:.3e} T={steps} d={delta:.2e}: {lower:.6e} .. {upper:.6e} by {engine:?} in {:.2} ms",
            self.seconds * 1e3
        )
    }
}

fn percentiles(out: &mut impl Write, name: &str, mut values: Vec<f64>, goal: f64) -> std::io::Result<()> {
    values.sort_by(f64::total_cmp);
    write!(out, "{name}:")?;
    for percent in PERCENTILES {
        let at = (percent / 100.0 * (values.len() - 1) as f64).round() as usize;
        write!(out, " p{percent} {:.3e}", values[at])?;
    }
    let above = values.iter().filter(|value| **value > goal).count();
    writeln!(out, "; above {goal}: {above} of {}", values.len())
}

fn main() -> Result<(), Failure> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (settings, seed) = (numbers.next().unwrap_or(3000), numbers.next().unwrap_or(1));
    let mut numbers = Numbers(seed);
    let mut answers = (0..settings).map(|_| Answer::ask(&mut numbers)).collect::<Result<Vec<_>, _>>()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{settings} settings from seed {seed}")?;
    let collect = |value: fn(&Answer) -> f64| answers.iter().map(value).collect::<Vec<_>>();
    percentiles(&mut out, "seconds", collect(|answer| answer.seconds), SECONDS)?;
    percentiles(&mut out, "width over max(epsilon, 1)", collect(Answer::width), WIDTH)?;
    percentiles(&mut out, "width over epsilon", collect(Answer::relative_width), WIDTH)?;
    let show = if std::env::args().any(|argument| argument == "all") { answers.len() } else { 12 };
    for (title, key) in [
        ("slowest", (|answer: &Answer| answer.seconds) as fn(&Answer) -> f64),
        ("widest over max(epsilon, 1)", Answer::width),
        ("widest over epsilon", Answer::relative_width),
    ] {
        writeln!(out, "\n{title}:")?;
        answers.sort_by(|a, b| key(b).total_cmp(&key(a)));
        answers.iter().take(show).try_for_each(|answer| answer.print(&mut out))?;
        if show > 12 {
            break;
        }
    }
    Ok(())
}
