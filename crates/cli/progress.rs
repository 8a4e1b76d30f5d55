//! Progress on stderr: a moving bar on a terminal, a line now and then in a file, nothing with `--quiet`.
//!
//! While a model is trained only public values appear: the step number and the epsilon spent so far, both known before
//! any data is read. No loss, no norm, no batch size. The time left follows the realised batches, which are private,
//! so it is shown on a terminal only, to the person who holds the data, and never in lines that end up in a log.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use privet_train::{Control, Observed, TrainPlan};

use crate::budget::neighbours;
use crate::statement::unit;
use crate::terminal::Terminal;

/// A bar over a known amount of work; hidden when nobody looks.
pub(crate) fn bar(terminal: Terminal, title: &str, length: u64) -> ProgressBar {
    let target = if terminal.bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    // The templates are constants; a broken one would only lose the bar's looks.
    if let Ok(style) = ProgressStyle::with_template("{prefix:>9} {bar:32} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How far a scrub is, by bytes of its files.
pub(crate) fn files(bar: &ProgressBar, at: privet_corpus::Progress) {
    bar.set_length(at.bytes_total);
    bar.set_position(at.bytes_done);
    bar.set_message(format!("file {}/{}", at.files_done, at.files_total));
}

/// What is shown while a model is trained.
pub(crate) struct Training {
    terminal: Terminal,
    bar: ProgressBar,
    /// The epsilon of the whole plan, rounded up.
    planned: f64,
    /// Tenths of the run already written as lines.
    tenths: u64,
}

impl Training {
    pub(crate) fn new(terminal: Terminal, plan: &TrainPlan, planned: f64) -> Self {
        let (privacy, steps) = (&plan.privacy, plan.privacy.steps);
        let (unit, adjacency) = (unit(privacy.privacy_unit), neighbours(privacy.adjacency));
        let delta = privacy.delta.get();
        terminal
            .say(&format!("train: {steps} steps; epsilon is at delta {delta:e} per {unit}, neighbours {adjacency}"));
        Self { terminal, bar: bar(terminal, "train", steps), planned, tenths: 0 }
    }

    pub(crate) fn observe(&mut self, observed: &Observed) {
        match observed {
            Observed::Tokenized => self.note("text read and cut into sequences"),
            Observed::BaseEvaluated { .. } => self.note("base model evaluated on the public split"),
            Observed::Step { step, steps, epsilon } => self.step(*step, *steps, *epsilon),
            Observed::ReleasedEvaluated { .. } => self.note("released model evaluated on the public split"),
            Observed::ControlStep { control, step, steps } => self.control(*control, *step, *steps),
            Observed::ControlEvaluated { .. } => self.note("non-private control evaluated"),
            Observed::Audited => self.note("audited"),
            _ => {}
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&mut self, step: u64, steps: u64, epsilon: f64) {
        let text = step_line(step, steps, epsilon, self.planned);
        self.bar.set_length(steps);
        self.bar.set_position(step);
        let left = self.bar.eta().as_secs_f64();
        // The first steps say little about the rest.
        let left = if step < 3 { String::new() } else { format!(" · {} left", crate::terminal::duration(left)) };
        self.bar.set_message(format!("{text}{left}"));
        self.line_each_tenth(step, steps, &text);
    }

    fn control(&mut self, control: Control, step: u64, steps: u64) {
        if step <= 1 {
            self.tenths = 0;
            self.bar.reset();
            self.bar.set_prefix("control");
        }
        self.bar.set_length(steps);
        self.bar.set_position(step);
        let what = if control == Control::Plain { "no privacy" } else { "clipped without noise, no privacy" };
        let text = format!("step {step}/{steps} · {what}, stays in private/");
        self.bar.set_message(text.clone());
        self.line_each_tenth(step, steps, &format!("control: {text}"));
    }

    fn line_each_tenth(&mut self, step: u64, steps: u64, text: &str) {
        let tenths = step * 10 / steps.max(1);
        if self.terminal.lines && tenths > self.tenths {
            self.tenths = tenths;
            self.terminal.say(text);
        }
    }

    fn note(&self, text: &str) {
        if self.terminal.bars {
            self.bar.set_message(text.to_owned());
        } else if self.terminal.lines {
            self.terminal.say(text);
        }
    }
}

/// `step 312/1000 · epsilon 1.43/2.00`.
fn step_line(step: u64, steps: u64, epsilon: f64, planned: f64) -> String {
    let up = |value: f64| privet_dp::round_up(value, 2);
    format!("step {step}/{steps} · epsilon {:.2}/{:.2}", up(epsilon), up(planned))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_step_shows_public_values_rounded_up() {
        assert_eq!(super::step_line(312, 1000, 1.421, 2.0), "step 312/1000 · epsilon 1.43/2.00");
    }
}
