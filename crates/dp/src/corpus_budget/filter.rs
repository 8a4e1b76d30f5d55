//! The decision: what fits, what is left, and which order a new budget fixes. The theorem is in the parent's essay.

use super::{Basis, Body, CorpusBudget, CorpusBudgetError, Refusal, Reservation, Run, RunId, Terms};
use crate::{
    Adjacency, Certificate, Delta, Epsilon, Event, NoiseMultiplier, PrivacyUnit, SamplingRate, Unsupported, account,
    rdp,
};

/// Smallest and largest `c = α − 1` that a new budget considers.
const C_RANGE: (f64, f64) = (1e-4, 1e6);
/// Final width of the search in `log c`.
const SEARCH_WIDTH: f64 = 1e-4;

/// How much of a budget is gone. Shares are of the filter's budget at its order, so they add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The cumulant that all runs together may have at the order of the terms.
    pub cumulant_budget: f64,
    /// Share charged by runs that are settled.
    pub spent: f64,
    /// Share held by runs that are not.
    pub reserved: f64,
    /// Share that is left for a new run; 0 after a run that was admitted alone.
    pub left: f64,
    /// A run admitted alone closed the file.
    pub closed: bool,
    /// Whether the promise holds. False only after a run released more than it had reserved.
    pub kept: bool,
    /// What everything charged would cost **if every run had been fixed in advance**: tighter than the filter, and not a
    /// promise. `None` where no engine has a bound.
    pub fixed_in_advance: Option<Certificate>,
}

/// The cumulant of `event` at the terms' order, rounded up; infinite where no bound is known.
pub fn cost(event: &Event, terms: &Terms) -> f64 {
    rdp::cumulant(event, terms.adjacency, terms.c()).unwrap_or(f64::INFINITY)
}

impl Terms {
    /// The terms of a new budget, with the order at which runs like the `typical` ones go furthest; none given, the
    /// compromise between a release over all records and `short_run`s.
    ///
    /// Any order is valid; a good one only makes the budget go further. The choice maximises the smallest
    /// `B(c)/K(c)`, each relative to the best that its run can have.
    pub fn new(
        label: String,
        (epsilon, delta): (Epsilon, Delta),
        adjacency: Adjacency,
        privacy_unit: PrivacyUnit,
        typical: &[Event],
    ) -> Result<Self, Refusal> {
        let mut terms = Self { label, epsilon, delta, adjacency, privacy_unit, order: 2.0 };
        let budget = |c: f64| rdp::cumulant_budget(epsilon, delta, c);
        let noise_multiplier = NoiseMultiplier::in_range(1.0);
        let rate = SamplingRate::from_ratio(1, 100).map_err(|_| CorpusBudgetError::Terms)?;
        let usual = [Event::Gaussian { noise_multiplier }, short_run(&budget, rate)];
        let typical = if typical.is_empty() { &usual[..] } else { typical };
        let mut runs = Vec::with_capacity(typical.len());
        for event in typical {
            // An event without a bound is an error; one without a cost says nothing about the order.
            if rdp::cumulant(event, adjacency, 1.0)? > 0.0 {
                let count = counted(event, adjacency, &budget);
                runs.push((best(&count).1, count));
            }
        }
        let share = |c: f64| runs.iter().map(|(most, count)| count(c) / most.abs()).fold(f64::INFINITY, f64::min);
        let order = 1.0 + best(share).0;
        // A number that people can read and copy; the digits given up cost nothing near a maximum.
        let short = (order * 1e3).round() / 1e3;
        terms.order = if short > 1.1 { short } else { order };
        let possible = terms.cumulant_budget() > 0.0 && terms.cumulant_budget().is_finite() && terms.valid();
        if possible { Ok(terms) } else { Err(CorpusBudgetError::Terms.into()) }
    }

    /// The same terms at a chosen order.
    pub fn at_order(self, order: f64) -> Result<Self, Refusal> {
        let terms = Self { order, ..self };
        let possible = terms.valid() && terms.cumulant_budget() > 0.0;
        if possible { Ok(terms) } else { Err(CorpusBudgetError::Terms.into()) }
    }

    /// The cumulant that all runs together may have.
    pub fn cumulant_budget(&self) -> f64 {
        rdp::cumulant_budget(self.epsilon, self.delta, self.c())
    }

    /// `α − 1`. Whatever it is rounded to, costs and budget are both taken there.
    fn c(&self) -> f64 {
        self.order - 1.0
    }
}

/// How many runs like `event` fit at `c`; below the smallest `c` that can show the total at all, a negative number that
/// grows towards it. A concave function over a convex one, so it rises and then falls.
fn counted<'a>(event: &'a Event, adjacency: Adjacency, budget: &'a impl Fn(f64) -> f64) -> impl Fn(f64) -> f64 + 'a {
    move |c| {
        let one = rdp::cumulant(event, adjacency, c).unwrap_or(f64::INFINITY);
        if budget(c) > 0.0 { budget(c) / one } else { budget(c) }
    }
}

/// One step of the run that privet is mostly used for: few steps with little noise on small batches, a hundred of them
/// for the total. Such runs want a much smaller order than a release over all records: at epsilon 8 and delta 1e-5, the
/// best order of the latter lets through a thirtieth of the steps with noise multiplier 0.5 that the best one does.
fn short_run(budget: &impl Fn(f64) -> f64, sampling_rate: SamplingRate) -> Event {
    const STEPS: f64 = 100.0;
    let step = |noise: f64| {
        let noise_multiplier = NoiseMultiplier::in_range(noise);
        Event::PoissonSampledGaussian { sampling_rate, noise_multiplier }
    };
    let fits = |noise: f64| best(counted(&step(noise), Adjacency::AddRemove, budget)).1 >= STEPS;
    let (mut little, mut enough) = (0.25_f64, 64.0_f64);
    for _ in 0..12 {
        let middle = (little * enough).sqrt();
        if fits(middle) { enough = middle } else { little = middle }
    }
    step(enough)
}

/// The argument within [`C_RANGE`], and the value, of the maximum of a function that rises and then falls.
fn best(value: impl Fn(f64) -> f64) -> (f64, f64) {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let at = |log_c: f64| value(libm::exp(log_c));
    let (mut left, mut right) = (libm::log(C_RANGE.0), libm::log(C_RANGE.1));
    let (mut low, mut high) = (right - RATIO * (right - left), left + RATIO * (right - left));
    let (mut at_low, mut at_high) = (at(low), at(high));
    while right - left > SEARCH_WIDTH {
        if at_low >= at_high {
            (right, high, at_high) = (high, low, at_low);
            low = right - RATIO * (right - left);
            at_low = at(low);
        } else {
            (left, low, at_low) = (low, high, at_high);
            high = left + RATIO * (right - left);
            at_high = at(high);
        }
    }
    if at_low >= at_high { (libm::exp(low), at_low) } else { (libm::exp(high), at_high) }
}

impl CorpusBudget {
    /// The line that reserves `event` for `run`, or why the run may not start.
    ///
    /// Refused with [`Refusal::Exhausted`] exactly when neither rule of the module's essay lets it in.
    pub fn reserve(&self, run: RunId, plan_hash: Option<String>, event: Event) -> Result<Body, Refusal> {
        if self.run(&run).is_some() {
            return Err(Refusal::Reserved);
        }
        let basis = self.admit(&event)?;
        Ok(Body::Reserve(Reservation { run, plan_hash, event, basis }))
    }

    /// Whether a run with this event may start, and by which rule.
    pub fn admit(&self, event: &Event) -> Result<Basis, Refusal> {
        let terms = self.terms();
        let budget = terms.cumulant_budget();
        let closed = self.closed();
        if !closed && self.cumulant(|_| true, Some(event)) <= budget {
            return Ok(Basis::Filter);
        }
        // Fixed in advance means that nothing was released before.
        if self.charged(|_| true) <= 0.0 && account(event, terms.delta, terms.adjacency)?.epsilon_upper <= terms.epsilon
        {
            return Ok(Basis::Alone);
        }
        let needed = match rdp::cumulant(event, terms.adjacency, terms.c()) {
            Err(Unsupported::Unbounded) => f64::INFINITY,
            other => other?,
        };
        Err(Refusal::Exhausted { needed: needed / budget, left: self.left(), closed })
    }

    /// How much is gone, and how much is left.
    pub fn standing(&self) -> Standing {
        let terms = self.terms();
        let budget = terms.cumulant_budget();
        let spent = self.charged(|run| run.settlement.is_some());
        let reserved = self.charged(|run| run.settlement.is_none());
        let composed = self.composed(|_| true, None);
        let fixed_in_advance = account(&composed, terms.delta, terms.adjacency).ok();
        Standing {
            cumulant_budget: budget,
            spent: spent / budget,
            reserved: reserved / budget,
            left: self.left(),
            closed: self.closed(),
            kept: self.kept(),
            fixed_in_advance,
        }
    }

    /// Share left for a new run by the filter, rounded down; never negative.
    fn left(&self) -> f64 {
        let budget = self.terms().cumulant_budget();
        if self.closed() { 0.0 } else { ((budget - self.charged(|_| true)) / budget).max(0.0).next_down().max(0.0) }
    }

    /// A run admitted alone that released anything, or still may.
    fn closed(&self) -> bool {
        self.runs().iter().any(|run| run.reservation.basis == Basis::Alone && self.one(run) > 0.0)
    }

    fn kept(&self) -> bool {
        let terms = self.terms();
        let within = |event: &Event| {
            account(event, terms.delta, terms.adjacency).is_ok_and(|bound| bound.epsilon_upper <= terms.epsilon)
        };
        let charged: Vec<&Run> = self.runs().iter().filter(|run| self.one(run) > 0.0).collect();
        match charged[..] {
            // The reservation, too: that a run stopped early was a choice made after looking.
            [only] if only.reservation.basis == Basis::Alone => {
                within(&only.reservation.event) && within(only.charged())
            }
            _ => !self.closed() && self.charged(|_| true) <= terms.cumulant_budget(),
        }
    }

    fn one(&self, run: &Run) -> f64 {
        cost(run.charged(), self.terms())
    }

    fn charged(&self, which: impl Fn(&Run) -> bool) -> f64 {
        self.cumulant(which, None)
    }

    fn cumulant(&self, which: impl Fn(&Run) -> bool, new: Option<&Event>) -> f64 {
        cost(&self.composed(which, new), self.terms())
    }

    /// Everything charged to some runs, and perhaps one event more, as one event.
    fn composed(&self, which: impl Fn(&Run) -> bool, new: Option<&Event>) -> Event {
        let runs = self.runs().iter().filter(|run| which(run)).map(Run::charged);
        Event::Composed(runs.chain(new).cloned().collect())
    }
}
