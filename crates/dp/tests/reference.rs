//! Every row of the reference tables: sound without exception, narrow, and close where the reference is exact; and the
//! inputs on which other accountants crash, hang, or answer with NaN or less than nothing.
//!
//! `golden/reference.csv` holds what public accountants and independent computations say, `golden/truth.csv` what
//! `golden/truth.py` says about rows that nobody covers.
#![expect(clippy::unwrap_used, reason = "a table that does not parse is a failed test")]

use privet_dp::{
    Adjacency, Certificate, Delta, Engine, Epsilon, Event, NoiseMultiplier, SamplingRate, account, calibrate, delta_of,
    explain,
};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const REFERENCE: &str = include_str!("golden/reference.csv");
const TRUTH: &str = include_str!("golden/truth.csv");

/// A row by column name.
struct Row<'a>(BTreeMap<&'a str, &'a str>);

impl Row<'_> {
    fn text(&self, column: &str) -> &str {
        self.0.get(column).copied().unwrap_or("")
    }

    fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{}: no {column}", self.text("id")))
    }

    fn count(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{}: no {column}", self.text("id")))
    }

    /// q, sigma and steps of each phase; `?` is NaN.
    fn components(&self) -> Vec<(f64, f64, f64)> {
        let read = |text: &str| if text == "?" { f64::NAN } else { text.parse().unwrap() };
        let phase = |phase: &str| {
            let parts: Vec<f64> = phase.split(':').map(read).collect();
            (parts[0], parts[1], parts[2])
        };
        self.text("components").split(';').map(phase).collect()
    }

    fn adjacency(&self) -> Adjacency {
        match self.text("neighbor") {
            "add_or_remove" => Adjacency::AddRemove,
            "zero_out" => Adjacency::ZeroOut,
            "replace_one" => Adjacency::ReplaceOne,
            other => panic!("{other}"),
        }
    }

    /// The row's releases in this crate's terms.
    fn event(&self) -> Event {
        let phases = self.components();
        Event::Composed(phases.into_iter().map(|(q, sigma, steps)| self.phase(q, sigma, steps as u64)).collect())
    }

    fn phase(&self, q: f64, sigma: f64, steps: u64) -> Event {
        let rate = SamplingRate::from_f64(q).unwrap();
        // On the wire, sigma is relative to max_grad_norm; replacing a record moves the sum by twice that.
        let halved = self.adjacency() == Adjacency::ReplaceOne && self.text("sampling") != "wor";
        let noise = NoiseMultiplier::new(if halved { sigma / 2.0 } else { sigma }).unwrap();
        let (event, count) = match self.text("sampling") {
            "none" | "poisson" if !self.text("group").is_empty() => {
                let group_size = u32::try_from(self.count("group")).unwrap();
                (Event::PoissonSampledGroup { sampling_rate: rate, noise_multiplier: noise, group_size }, steps)
            }
            "none" => (Event::Gaussian { noise_multiplier: noise }, steps),
            "poisson" => (Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: noise }, steps),
            "truncated_poisson" => {
                let (dataset_size, batch_size_max) = (self.count("n"), self.count("batch"));
                let event = Event::TruncatedPoissonSampledGaussian {
                    sampling_rate: rate,
                    noise_multiplier: noise,
                    dataset_size,
                    batch_size_max,
                };
                (event, steps)
            }
            "wor" => {
                let (dataset_size, batch_size) = (self.count("n"), self.count("batch"));
                (Event::SampledWithoutReplacement { noise_multiplier: noise, dataset_size, batch_size }, steps)
            }
            "random_allocation" => {
                let batches = self.count("n");
                (Event::RandomAllocation { steps: batches, noise_multiplier: noise }, steps / batches)
            }
            other => panic!("{other}"),
        };
        Event::Repeated { event: Box::new(event), count }
    }

    /// The reference has ten digits: a closed form or a contour, not a quadrature or the bracket of a grid.
    fn exact(&self) -> bool {
        ["closed form", "contour"].iter().any(|method| self.text("method").starts_with(method))
            && self.number("ref_upper") - self.number("ref_lower") < 1e-7
    }
}

fn rows(table: &'static str, op: &'static str) -> impl Iterator<Item = Row<'static>> {
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = move |line: &'static str| Row(names.iter().copied().zip(line.split(',')).collect());
    lines.map(row).filter(move |row| row.text("op") == op)
}

/// Collects what is wrong, so that one run shows every bad row.
#[derive(Default)]
struct Findings {
    rows: usize,
    wrong: Vec<String>,
}

impl Findings {
    fn check(&mut self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(message());
        }
    }

    fn report(&self, rows_min: usize) {
        assert!(self.wrong.is_empty(), "{} in {} rows:\n{}", self.wrong.len(), self.rows, self.wrong.join("\n"));
        assert!(self.rows >= rows_min, "only {} rows", self.rows);
    }
}

/// A row with its certificate, or why there is none.
type Answered = (Row<'static>, Result<Certificate, String>);

/// Every epsilon row of both tables.
fn certificates() -> &'static [Answered] {
    static ALL: OnceLock<Vec<Answered>> = OnceLock::new();
    ALL.get_or_init(|| {
        let both = rows(REFERENCE, "epsilon").chain(rows(TRUTH, "epsilon"));
        let certified = |row: Row<'static>| {
            let found = account(&row.event(), Delta::new(row.number("delta")).unwrap(), row.adjacency());
            (row, found.map_err(|error| error.to_string()))
        };
        both.map(certified).collect()
    })
}

#[test]
fn brackets_hold_the_exact_epsilon_and_are_narrow() {
    let mut findings = Findings::default();
    for (row, found) in certificates() {
        findings.rows += 1;
        let id = row.text("id");
        findings.check(found.is_ok(), || format!("{id}: {}", found.clone().unwrap_err()));
        let Ok(found) = found else { continue };
        let (lower, upper) = (found.epsilon_lower.get(), found.epsilon_upper.get());
        findings.check(lower.is_finite() && lower >= 0.0 && lower <= upper, || format!("{id}: [{lower}, {upper}]"));
        let width = upper - lower;
        findings.check(!found.unamplified, || format!("{id}: charged without amplification"));
        let narrow = width <= f64::max(1e-3, 1e-3 * upper);
        findings.check(narrow, || format!("{id}: width {width} at {upper}"));
        if row.text("ref_lower").is_empty() {
            continue;
        }
        let (low, high) = (row.number("ref_lower"), row.number("ref_upper"));
        findings.check(upper >= low, || format!("{id}: upper {upper} is below the exact {low} by {:e}", low - upper));
        findings
            .check(lower <= high, || format!("{id}: lower {lower} is above the exact {high} by {:e}", lower - high));
        // A grid is as wide as was checked above.
        if row.exact() && found.engine != Engine::Grid {
            let (middle, reference) = (f64::midpoint(lower, upper), f64::midpoint(low, high));
            let far = (middle - reference).abs();
            findings.check(far <= 1e-6, || format!("{id}: middle {middle}, exact {reference}: {far:e} apart"));
        }
    }
    findings.report(110);
}

#[test]
fn deltas_hold_the_exact_delta() {
    let mut findings = Findings::default();
    for row in rows(TRUTH, "delta") {
        findings.rows += 1;
        let id = row.text("id").to_owned();
        let epsilon = Epsilon::new(row.number("target")).unwrap();
        let found = delta_of(&row.event(), epsilon, row.adjacency()).unwrap();
        let (lower, upper) = (found.delta_lower, found.delta_upper);
        let (low, high) = (row.number("ref_lower"), row.number("ref_upper"));
        findings.check(upper >= low && lower <= high, || format!("{id}: [{lower:e}, {upper:e}], exact {low:e}"));
        findings
            .check(upper <= high * 1.001 && lower >= low * 0.999, || format!("{id}: [{lower:e}, {upper:e}] is wide"));
    }
    findings.report(8);
}

#[test]
fn no_sound_bound_of_others_is_below_ours() {
    // Rényi bounds are valid but loose. Ours may exceed them by its own width only.
    let mut findings = Findings::default();
    for (row, found) in certificates() {
        let Ok(found) = found else { continue };
        let (lower, upper) = (found.epsilon_lower.get(), found.epsilon_upper.get());
        for column in ["rdp_dp_accounting", "rdp_opacus"] {
            if let Ok(bound) = row.text(column).parse::<f64>() {
                findings.rows += 1;
                let id = row.text("id").to_owned();
                findings.check(upper <= bound + (upper - lower) + 1e-9, || format!("{id}: {upper}, {column} {bound}"));
            }
        }
    }
    findings.report(80);
}

#[test]
fn calibrations_meet_their_targets_and_find_the_exact_parameter() {
    let mut findings = Findings::default();
    let rate = |q| SamplingRate::from_f64(q).unwrap();
    let noise = |sigma| NoiseMultiplier::new(sigma).unwrap();
    let run = |sampling_rate, noise_multiplier, count| {
        let event = Event::PoissonSampledGaussian { sampling_rate, noise_multiplier };
        Event::Repeated { event: Box::new(event), count }
    };
    for op in ["calibrate_sigma", "calibrate_steps", "calibrate_q"] {
        for row in rows(REFERENCE, op) {
            findings.rows += 1;
            let id = row.text("id").to_owned();
            let (epsilon, delta) = (Epsilon::new(row.number("target")).unwrap(), row.number("delta"));
            let (delta, adjacency) = (Delta::new(delta).unwrap(), row.adjacency());
            let (q, sigma, steps) = row.components()[0];
            let count = steps as u64;
            let (found, event) = match op {
                "calibrate_sigma" => {
                    let event = |sigma| run(rate(q), sigma, count);
                    let found = calibrate::noise_multiplier(epsilon, delta, adjacency, event).unwrap();
                    (found.get(), event(found))
                }
                "calibrate_steps" => {
                    let event = |count| run(rate(q), noise(sigma), count);
                    let found = calibrate::steps(epsilon, delta, adjacency, event).unwrap();
                    (found as f64, event(found))
                }
                _ => {
                    let event = |rate| run(rate, noise(sigma), count);
                    let found = calibrate::sampling_rate(epsilon, delta, adjacency, event).unwrap();
                    (found.get(), event(found))
                }
            };
            let exact = f64::midpoint(row.number("ref_lower"), row.number("ref_upper"));
            findings.check((found / exact - 1.0).abs() < 1e-6, || format!("{id}: {found}, exact {exact}"));
            let cost = account(&event, delta, adjacency).unwrap().epsilon_upper;
            findings.check(cost <= epsilon, || format!("{id}: costs {}", cost.get()));
        }
    }
    findings.report(9);
}

/// q, sigma, steps and delta on which at least one accountant in use crashes, hangs, runs out of memory, or answers with
/// infinity, NaN or a negative number.
const FATAL_TO_OTHERS: [(f64, f64, u64, f64); 38] = [
    (1.0, 0.5, 1000, 1e-6),
    (0.5, 0.3, 10, 1e-6),
    (0.2, 1.0, 500, 1e-5),
    (0.125, 0.8, 1000, 1e-6),
    (0.1, 0.3, 10, 1e-5),
    (0.1, 0.3, 1000, 1e-6),
    (0.01, 0.1, 100, 1e-6),
    (0.01, 0.05, 10, 1e-6),
    (1e-3, 0.2, 10_000, 1e-7),
    (1e-6, 1.0, 1_000_000, 1e-9),
    (1e-6, 0.3, 1_000_000, 1e-12),
    (1e-5, 0.3, 100_000, 1e-10),
    (1e-5, 0.4, 1_000_000, 1e-10),
    (1e-9, 1.0, 100, 1e-10),
    (1e-9, 0.05, 100_000_000, 1e-30),
    (1e-9, 1000.0, 1, 1e-30),
    (0.01, 1000.0, 10_000, 1e-6),
    (0.01, 100.0, 10, 1e-6),
    (0.1, 1e6, 1_000_000, 1e-6),
    (0.999_999, 1.0, 10, 1e-6),
    (0.999_999, 0.05, 100_000_000, 1e-30),
    (0.01, 1.0, 1_000_000, 1e-6),
    (0.01, 1.0, 10_000_000, 1e-6),
    (0.01, 4.0, 100_000_000, 1e-6),
    (0.5, 0.05, 100_000_000, 1e-6),
    (0.01, 1.0, 1000, 1e-14),
    (0.01, 1.0, 1000, 1e-16),
    (0.01, 1.0, 1000, 1e-30),
    (0.1, 3.0, 10_000, 1e-13),
    (0.00033, 4.0, 10_000, 1.1e-18),
    (0.00033, 4.0, 10_000, 1.13e-18),
    (0.01, 1.0, 1000, 0.5),
    (0.01, 1.0, 1000, 0.999),
    (0.01, 20.0, 10, 1e-2),
    (0.0, 1.0, 10, 1e-6),
    (0.0, 1.0, 0, 1e-6),
    (0.3, 1.0, 0, 1e-6),
    (1e-9, 0.05, 1, 1e-30),
];

#[test]
fn what_is_fatal_to_others_gets_an_answer_in_time() {
    let mut findings = Findings::default();
    for (q, sigma, steps, delta) in FATAL_TO_OTHERS {
        for adjacency in [Adjacency::AddRemove, Adjacency::ReplaceOne] {
            findings.rows += 1;
            let event = Event::PoissonSampledGaussian {
                sampling_rate: SamplingRate::from_f64(q).unwrap(),
                noise_multiplier: NoiseMultiplier::new(sigma).unwrap(),
            };
            let event = Event::Repeated { event: Box::new(event), count: steps };
            let start = Instant::now();
            let found = account(&event, Delta::new(delta).unwrap(), adjacency);
            let took = start.elapsed();
            let what =
                || format!("q {q}, sigma {sigma}, {steps} steps, delta {delta}, {adjacency:?}: {found:?} in {took:?}");
            let valid = found.as_ref().is_ok_and(|found| {
                let (lower, upper) = (found.epsilon_lower.get(), found.epsilon_upper.get());
                lower >= 0.0 && lower <= upper && upper.is_finite()
            });
            findings.check(valid, what);
            // That it ends at all is the point, on a busy machine too; how fast it is, the benches say.
            findings.check(took < Duration::from_secs(20), what);
        }
    }
    findings.report(2 * FATAL_TO_OTHERS.len());
}

/// What is wrong with one row: two engines that both answer must overlap, because each bracket holds the same number.
fn disagreements(row: &Row<'_>) -> Vec<String> {
    let id = row.text("id");
    let opinions = match explain(&row.event(), Delta::new(row.number("delta")).unwrap(), row.adjacency()) {
        Ok(opinions) => opinions,
        Err(error) => return vec![format!("{id}: {error}")],
    };
    let known = opinions.iter().filter_map(|opinion| opinion.certificate);
    let known: Vec<_> = known.map(|c| (c.engine, c.epsilon_lower.get(), c.epsilon_upper.get())).collect();
    let pairs = known.iter().flat_map(|one| known.iter().map(move |other| (one, other)));
    let wrong = pairs.filter(|(one, other)| one.1 > other.2);
    wrong.map(|(one, other)| format!("{id}: {:?} above {}, {:?} below {}", one.0, one.1, other.0, other.2)).collect()
}

#[test]
fn engines_agree_about_every_row() {
    let rows: Vec<Row<'_>> =
        rows(REFERENCE, "epsilon").chain(rows(TRUTH, "epsilon")).filter(|row| row.components().len() <= 100).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wrong = std::thread::scope(|scope| {
        let part = |first: usize| rows.iter().skip(first).step_by(threads).flat_map(disagreements).collect::<Vec<_>>();
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(move || part(first))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    Findings { rows: rows.len(), wrong }.report(100);
}
