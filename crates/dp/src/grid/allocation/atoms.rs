//! A law of W as points, and its cells in the loss.

use super::super::cells::{Cell, Cells, ROUNDOFF};
use super::super::convolve::Side;
use super::sums::Logarithmic;
use crate::law::Direction;

/// A law of W above or below the true one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::grid) struct Atoms {
    pub(super) direction: Direction,
    pub(super) side: Side,
    pub(super) law: Logarithmic,
    /// Number of terms in the sum that the law's values are.
    pub(super) steps: f64,
    /// Mass under P at an infinite loss, in the law above.
    pub(super) infinite: f64,
    /// Losses are right to this.
    pub(super) slack: f64,
}

impl Atoms {
    /// Loss, mass under P and mass under Q of each atom.
    pub(in crate::grid) fn losses(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let log_steps = libm::log(self.steps);
        (self.law.first..).zip(&self.law.mass).filter(|(_, mass)| **mass > 0.0).map(move |(index, mass)| {
            let loss = index as f64 * self.law.h - log_steps;
            match self.direction {
                Direction::Remove => (loss, libm::exp(loss) * mass, *mass),
                Direction::Add => (-loss, *mass, libm::exp(loss) * mass),
            }
        })
    }

    /// Cells like those of any other law.
    pub(in crate::grid) fn cells(&self, h: f64, first: i64, last: i64) -> Cells {
        let mut cells = Cells::empty(h, first, last);
        cells.slack = self.slack;
        let error = 16.0 * ROUNDOFF + self.slack;
        for (loss, p, q) in self.losses() {
            let place = (2.0 * loss / h).floor() - 2.0 * first as f64;
            let to = if place < 0.0 {
                &mut cells.left
            } else if place >= cells.half.len() as f64 {
                &mut cells.right
            } else {
                &mut cells.half[place as usize]
            };
            *to = Cell { p: to.p + p, q: to.q + q, error: to.error.max(error) + ROUNDOFF };
        }
        if self.side == Side::Upper {
            cells.right.p += self.infinite;
        }
        cells
    }
}
