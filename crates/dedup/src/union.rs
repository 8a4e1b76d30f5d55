//! Which documents hang together, each set under the smallest number in it.

/// Sets of the numbers 0 to n - 1 that grow together. A set's label is its smallest member, so the order of joining and who
/// joined leave no trace. Four bytes a number.
#[derive(Debug, Clone)]
pub struct Union {
    /// A number of the same set that is not larger; itself for a label.
    below: Vec<u32>,
}

impl Union {
    /// Each number by itself.
    pub fn new(numbers: u32) -> Self {
        Self { below: (0..numbers).collect() }
    }

    /// The smallest number in the set of this one.
    pub fn label(&mut self, number: u32) -> u32 {
        let mut at = number;
        while self.below[at as usize] != at {
            // Every step halves the path behind it.
            let next = self.below[self.below[at as usize] as usize];
            self.below[at as usize] = next;
            at = next;
        }
        at
    }

    /// Makes one set of two.
    pub fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.label(one), self.label(other));
        self.below[one.max(other) as usize] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The twin: labels spread until nothing moves.
    fn twin(numbers: u32, pairs: &[(u32, u32)]) -> Vec<u32> {
        let mut labels: Vec<u32> = (0..numbers).collect();
        loop {
            let before = labels.clone();
            for (one, other) in pairs {
                let smallest = labels[*one as usize].min(labels[*other as usize]);
                labels[*one as usize] = smallest;
                labels[*other as usize] = smallest;
            }
            if labels == before {
                return labels;
            }
        }
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(300))]
        #[test]
        fn labels_are_the_smallest_numbers_in_any_order(pairs in prop::collection::vec((0_u32..30, 0_u32..30), 0..40)) {
            for pairs in [pairs.clone(), pairs.iter().rev().copied().collect()] {
                let mut union = Union::new(30);
                for (one, other) in &pairs {
                    union.join(*one, *other);
                }
                let labels: Vec<u32> = (0..30).map(|number| union.label(number)).collect();
                prop_assert_eq!(labels, twin(30, &pairs));
            }
        }
    }
}
