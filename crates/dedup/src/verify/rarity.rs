//! Which members of sets are rare.

use crate::shingle::mixed;

const COUNTERS: usize = 1 << 20;

/// About how many sets hold a member. Members share counters (4 MiB of them), so a rare one may pass for common; what is found does
/// not depend on it, only how fast.
#[derive(Debug, Clone)]
pub struct Rarity {
    counters: Vec<u32>,
    ordered: Vec<(u32, u64)>,
    rarest: Vec<u64>,
}

impl Default for Rarity {
    fn default() -> Self {
        Self { counters: vec![0; COUNTERS], ordered: Vec::new(), rarest: Vec::new() }
    }
}

impl Rarity {
    /// Counts the members of a set.
    pub fn count(&mut self, set: &[u64]) {
        for member in set {
            let counter = &mut self.counters[place(*member)];
            *counter = counter.saturating_add(1);
        }
    }

    /// The `number` rarest members of a set, in an order that is the same for every set.
    pub(super) fn rarest(&mut self, set: &[u64], number: usize) -> &[u64] {
        self.ordered.clear();
        self.ordered.extend(set.iter().map(|member| (self.counters[place(*member)], *member)));
        if 0 < number && number < set.len() {
            self.ordered.select_nth_unstable(number - 1);
        }
        self.rarest.clear();
        self.rarest.extend(self.ordered.iter().take(number).map(|(_, member)| *member));
        &self.rarest
    }
}

fn place(member: u64) -> usize {
    mixed(member) as usize % COUNTERS
}
