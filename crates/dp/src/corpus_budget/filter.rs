//! The decision: what fits, what is left, and which order a new budget fixes. The theorem is in the parent's essay.

use super::{Basis, Body, CorpusBudget, Refusal, Reservation, Run, RunId, Terms};
use crate::{Adjacency, Certificate, Delta, Epsilon, Event, PrivacyUnit, Unsupported, account, rdp};

/// Smallest and largest `c = α − 1` that a new budget considers.
const C_RANGE: (f64, f64) = (1e-6, 1e9);
/// Final width of the search in `log c`.
const SEARCH_WIDTH: f64 = 1e-6;

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
    /// The terms of a new budget, with the order at which the most runs fit: runs like `typical`, or Gaussian releases.
    ///
    /// Any order is valid; a good one only makes the budget go further. The choice maximises `B(c)/K(c)`, a concave
    /// function over a convex one, so a golden-section search finds it.
    pub fn new(
        label: String,
        (epsilon, delta): (Epsilon, Delta),
        adjacency: Adjacency,
        privacy_unit: PrivacyUnit,
        typical: Option<&Event>,
    ) -> Result<Self, Refusal> {
        let mut terms = Self { label, epsilon, delta, adjacency, privacy_unit, order: 2.0 };
        if let Some(event) = typical {
            // An event without a bound is an error; without a cost, it says nothing about the order.
            rdp::cumulant(event, adjacency, 1.0)?;
        }
        let runs = |c: f64| {
            let budget = rdp::cumulant_budget(epsilon, delta, c);
            let one = typical.map_or(Ok(0.0), |event| rdp::cumulant(event, adjacency, c)).unwrap_or(f64::INFINITY);
            let one = if one > 0.0 { one } else { c * (c + 1.0) / 2.0 };
            // Below the smallest order that can show the total at all, growing towards it.
            if budget > 0.0 { budget / one } else { budget }
        };
        let order = 1.0 + best(runs);
        // A number that people can read and copy; the digits given up cost nothing near a maximum.
        let short = (order * 1e3).round() / 1e3;
        terms.order = if short > 1.1 { short } else { order };
        let possible = terms.cumulant_budget() > 0.0 && terms.cumulant_budget().is_finite() && terms.valid();
        if possible { Ok(terms) } else { Err(super::CorpusBudgetError::Terms.into()) }
    }

    /// The same terms at a chosen order.
    pub fn at_order(self, order: f64) -> Result<Self, Refusal> {
        let terms = Self { order, ..self };
        let possible = terms.valid() && terms.cumulant_budget() > 0.0;
        if possible { Ok(terms) } else { Err(super::CorpusBudgetError::Terms.into()) }
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

/// The argument, within [`C_RANGE`], of the largest value of a function that rises and then falls.
fn best(value: impl Fn(f64) -> f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let at = |log_c: f64| value(libm::exp(log_c));
    let (mut left, mut right) = (libm::log(C_RANGE.0), libm::log(C_RANGE.1));
    while right - left > SEARCH_WIDTH {
        let step = RATIO * (right - left);
        if at(right - step) >= at(left + step) {
            right = left + step;
        } else {
            left = right - step;
        }
    }
    libm::exp(f64::midpoint(left, right))
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
        let needed = match rdp::cumulant(event, terms.adjacency, terms.c()) {
            Err(Unsupported::Unbounded) => f64::INFINITY,
            other => other?,
        };
        let budget = terms.cumulant_budget();
        let before = self.charged(|_| true);
        let closed = self.closed();
        let together = self.cumulant(|_| true, Some(event));
        if !closed && together <= budget {
            return Ok(Basis::Filter);
        }
        // Fixed in advance means that nothing was released before.
        if before <= 0.0 && account(event, terms.delta, terms.adjacency)?.epsilon_upper <= terms.epsilon {
            return Ok(Basis::Alone);
        }
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
