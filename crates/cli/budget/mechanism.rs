//! A run as the accountant sees it: how batches are drawn, and phases of noise.

use privet_dp::{Event, NoiseMultiplier, SamplingRate};

/// How batches are drawn, with every number that stays the same over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Every record by its own coin; rate 1 takes all records in every step.
    Poisson {
        /// Neighbours differ in this many records.
        group_size: u32,
    },
    /// The same, cut at random to a largest batch.
    TruncatedPoisson { dataset_size: u64, batch_size_max: u64 },
    /// Batches of a fixed size, each drawn afresh.
    WithoutReplacement { dataset_size: u64, batch_size: u64 },
    /// In every epoch each record joins one batch, chosen at random.
    RandomAllocation { steps_per_epoch: u64 },
    /// Every epoch is one pass over shuffled batches of a fixed size.
    Shuffled { steps_per_epoch: u64 },
}

/// Steps that are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Phase {
    /// Probability with which a record is in a step's batch; only the Poisson schemes draw with it.
    pub(super) sampling_rate: SamplingRate,
    /// Noise standard deviation ÷ sensitivity.
    pub(super) noise_multiplier: NoiseMultiplier,
    /// Noisy releases; whole epochs where the scheme has epochs.
    pub(super) steps: u64,
}

impl Scheme {
    /// The releases of `phase`. Steps beyond the last whole epoch are charged as a whole epoch.
    pub(super) fn event(self, phase: Phase) -> Event {
        let Phase { sampling_rate, noise_multiplier, steps } = phase;
        let (event, count) = match self {
            Self::Poisson { group_size: 1 } => {
                (Event::PoissonSampledGaussian { sampling_rate, noise_multiplier }, steps)
            }
            Self::Poisson { group_size } => {
                (Event::PoissonSampledGroup { sampling_rate, noise_multiplier, group_size }, steps)
            }
            Self::TruncatedPoisson { dataset_size, batch_size_max } => (
                Event::TruncatedPoissonSampledGaussian {
                    sampling_rate,
                    noise_multiplier,
                    dataset_size,
                    batch_size_max,
                },
                steps,
            ),
            Self::WithoutReplacement { dataset_size, batch_size } => {
                (Event::SampledWithoutReplacement { noise_multiplier, dataset_size, batch_size }, steps)
            }
            Self::RandomAllocation { steps_per_epoch } => (
                Event::RandomAllocation { steps: steps_per_epoch, noise_multiplier },
                steps.div_ceil(steps_per_epoch.max(1)),
            ),
            Self::Shuffled { steps_per_epoch } => {
                (Event::ShuffledPass { noise_multiplier }, steps.div_ceil(steps_per_epoch.max(1)))
            }
        };
        Event::Repeated { event: Box::new(event), count }
    }

    /// All phases, one after the other.
    pub(super) fn events(self, phases: &[Phase]) -> Event {
        match phases {
            [phase] => self.event(*phase),
            phases => Event::Composed(phases.iter().map(|phase| self.event(*phase)).collect()),
        }
    }

    /// Steps come in multiples of this.
    pub(super) fn steps_at_once(self) -> u64 {
        match self {
            Self::RandomAllocation { steps_per_epoch } | Self::Shuffled { steps_per_epoch } => steps_per_epoch,
            _ => 1,
        }
    }

    /// Whether batches are drawn with the phase's sampling rate.
    pub(super) fn draws_at_rate(self) -> bool {
        matches!(self, Self::Poisson { .. } | Self::TruncatedPoisson { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(steps: u64) -> Phase {
        Phase {
            sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
            noise_multiplier: NoiseMultiplier::new(1.0).unwrap(),
            steps,
        }
    }

    #[test]
    fn epochs_are_charged_whole() {
        for (steps, epochs) in [(0, 0), (1, 1), (100, 1), (101, 2), (300, 3)] {
            for scheme in [Scheme::RandomAllocation { steps_per_epoch: 100 }, Scheme::Shuffled { steps_per_epoch: 100 }]
            {
                let Event::Repeated { count, .. } = scheme.event(phase(steps)) else { panic!("not repeated") };
                assert_eq!(count, epochs, "{steps} steps of {scheme:?}");
            }
        }
    }
}
