//! `privet budget --stdin`: questions as JSON lines, answered in order, one object per line.
//!
//! The fields have the names that other accountants use. `sigma` is noise standard deviation ÷ clipping norm, so under
//! `replace_one` it is twice the noise multiplier of privet, which counts from the sensitivity; with `wor` it is counted
//! from the replace-one sensitivity already.
//!
//! A line that cannot be answered gets an error object with its number, and the next line is answered. So the exit code
//! says only whether stdin could be read. A line may have [`LINE_MAX`] bytes; the rest of a longer one is read over and
//! not kept.

mod request;

use std::io::{self, BufRead, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use privet_dp::{
    Certificate, DeltaCertificate, SamplingRate, Unreachable, Unsupported, account, calibrate, curve, delta_of,
};
use serde_json::{Value, json};

use super::mechanism::Phase;
use super::unsupported;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;
use request::{Op, Request};

/// Longest line that is looked at.
const LINE_MAX: usize = 16 << 20;
/// Longest reason that is quoted; a parser's message may hold a whole field name.
const WHY_MAX: usize = 300;

/// Why a line has no answer.
#[derive(Debug, Clone, PartialEq)]
struct Fault {
    what: String,
    why: String,
}

impl Fault {
    fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into().chars().take(WHY_MAX).collect() }
    }
}

impl From<Unsupported> for Fault {
    fn from(error: Unsupported) -> Self {
        let Failure { what, mut why, help, .. } = unsupported(&error);
        why.extend(help);
        Self::new(what, why.join("; "))
    }
}

impl From<Unreachable> for Fault {
    fn from(error: Unreachable) -> Self {
        match error {
            Unreachable::Unsupported(error) => error.into(),
            error => Self::new("nothing reaches this target", error.to_string()),
        }
    }
}

/// Answers every line of `input` on stdout.
pub(super) fn answer(mut input: impl BufRead, terminal: Terminal) -> Result<Exit, Failure> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        let read = next_line(&mut input, &mut line, LINE_MAX).map_err(|error| {
            Failure::new(Exit::Input, "stdin cannot be read")
                .at(format!("line {number}"))
                .why(error.to_string())
                .help("pipe JSON lines into `privet budget --stdin`")
        })?;
        match read {
            Read::End => break,
            Read::Line if line.trim_ascii().is_empty() => {}
            Read::Line => terminal.json(&reply(number, &line)),
            Read::TooLong => {
                let why = format!("it has more than {LINE_MAX} bytes; split it into several questions");
                terminal.json(&error_object(number, &Fault::new("the line is too long", why)));
            }
        }
    }
    Ok(Exit::Done)
}

enum Read {
    End,
    Line,
    TooLong,
}

/// Reads up to the next newline or the end; never keeps more than `max` bytes.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, max: usize) -> io::Result<Read> {
    line.clear();
    let (mut any, mut too_long) = (false, false);
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let newline = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..newline.unwrap_or(chunk.len())];
        let ended = newline.is_some() || chunk.is_empty();
        any |= newline.is_some() || !chunk.is_empty();
        too_long |= line.len() + part.len() > max;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(newline.is_some());
        input.consume(used);
        if ended {
            return Ok(if too_long {
                Read::TooLong
            } else if any {
                Read::Line
            } else {
                Read::End
            });
        }
    }
}

/// The answer to one line, or its error object.
fn reply(number: u64, line: &[u8]) -> Value {
    // One line that hits a bug must not cost the answers to the others.
    let outcome = catch_unwind(AssertUnwindSafe(|| answered(line))).unwrap_or_else(|_| {
        Err(Fault::new("privet has a bug and could not answer", "stderr has the place; report it with the version"))
    });
    outcome.unwrap_or_else(|fault| error_object(number, &fault))
}

fn error_object(number: u64, fault: &Fault) -> Value {
    json!({ "error": { "line": number, "what": fault.what, "why": fault.why } })
}

fn answered(line: &[u8]) -> Result<Value, Fault> {
    // Without this check an array of the fields' values would do, too.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::new("the line is not a question", "a question is one JSON object"));
    }
    let request: Request =
        serde_json::from_slice(line).map_err(|error| Fault::new("the line is not a question", error.to_string()))?;
    match request.op {
        Op::Epsilon => epsilon(&request),
        Op::Delta => delta(&request),
        Op::Curve => points(&request),
        Op::CalibrateSigma | Op::CalibrateSteps | Op::CalibrateQ => calibrated(&request),
    }
}

fn epsilon(request: &Request) -> Result<Value, Fault> {
    let (setting, phases) = request.run()?;
    let certificate = account(&setting.scheme.events(&phases), request.delta()?, setting.adjacency)?;
    let Certificate { epsilon_lower, epsilon_upper, engine, .. } = certificate;
    let (lower, upper) = (epsilon_lower.get(), epsilon_upper.get());
    Ok(json!({ "eps_lower": lower, "eps": lower + (upper - lower) / 2.0, "eps_upper": upper, "engine": engine }))
}

fn delta(request: &Request) -> Result<Value, Fault> {
    let (setting, phases) = request.run()?;
    let certificate = delta_of(&setting.scheme.events(&phases), request.epsilon()?, setting.adjacency)?;
    let DeltaCertificate { delta_lower, delta_upper, engine, .. } = certificate;
    Ok(json!({ "delta_lower": delta_lower, "delta_upper": delta_upper, "engine": engine }))
}

fn points(request: &Request) -> Result<Value, Fault> {
    let (setting, phases) = request.run()?;
    let points = curve(&setting.scheme.events(&phases), &request.epsilons()?, setting.adjacency)?;
    let (lower, upper): (Vec<f64>, Vec<f64>) =
        points.iter().map(|point| (point.delta_lower, point.delta_upper)).unzip();
    Ok(json!({ "delta_lower": lower, "delta_upper": upper, "engine": points.first().map(|point| point.engine) }))
}

fn calibrated(request: &Request) -> Result<Value, Fault> {
    let (setting, phase) = request.target()?;
    let (epsilon, delta, adjacency) = (request.epsilon()?, request.delta()?, setting.adjacency);
    let scheme = setting.scheme;
    match request.op {
        Op::CalibrateSteps => {
            let at_once = scheme.steps_at_once();
            let event = |count: u64| scheme.event(Phase { steps: count.saturating_mul(at_once), ..phase });
            let steps = calibrate::steps(epsilon, delta, adjacency, event)?.saturating_mul(at_once);
            Ok(json!({ "steps": steps }))
        }
        Op::CalibrateQ => {
            let event = |sampling_rate| scheme.event(Phase { sampling_rate, ..phase });
            let rate = calibrate::sampling_rate(epsilon, delta, adjacency, event)?;
            Ok(json!({ "q": not_above(rate) }))
        }
        _ => {
            let event = |noise_multiplier| scheme.event(Phase { noise_multiplier, ..phase });
            let noise = calibrate::noise_multiplier(epsilon, delta, adjacency, event)?;
            Ok(json!({ "sigma": noise.get() * setting.sigma_per_noise_multiplier }))
        }
    }
}

/// The rate as a float that does not become a larger rate when it is read again: floats are rounded up onto the grid of
/// rates, and `get` has rounded up already.
fn not_above(rate: SamplingRate) -> f64 {
    let float = rate.get();
    if SamplingRate::from_f64(float).is_ok_and(|again| again <= rate) { float } else { float.next_down() }
}

#[cfg(test)]
mod tests;
