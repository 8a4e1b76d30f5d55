//! From one backward pass to one gradient per example.
//!
//! The tape keeps, for every adapted layer, its input `x: [n, t, in]` and the probe whose gradient is
//! `g = dL/dy: [n, t, out]`. Example `i`'s gradients then follow from `y = x W^T + s (x A^T) B^T`:
//!
//! ```text
//! dB_i = s * g_i^T (x_i A^T)    [out, r]
//! dA_i = s * (g_i B)^T x_i      [r, in]
//! ```
//!
//! They are small (`r (in + out)` floats a layer), so they are materialised: no ghost norm is needed for LoRA.
//! The slow twin is one ordinary backward pass per example; `tests` holds the two together.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, backend::AutodiffBackend, backend::Backend};

use crate::lora::Adapters;

/// What a forward pass leaves behind for the per-sample gradients.
pub struct Tape<A: AutodiffBackend> {
    entries: Vec<Entry<A>>,
}

struct Entry<A: AutodiffBackend> {
    site: usize,
    x: Tensor<A::InnerBackend, 3>,
    probe: Tensor<A, 2>,
}

impl<A: AutodiffBackend> Default for Tape<A> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<A: AutodiffBackend> Tape<A> {
    /// Notes an adapted layer and returns the zero leaf to add to its output, `[n * t, out]`.
    ///
    /// The leaf has stride 0, so it costs no memory; its gradient is dL/dy.
    pub(crate) fn probe(&mut self, site: usize, x: Tensor<A::InnerBackend, 3>, shape: [usize; 2]) -> Tensor<A, 2> {
        let zero = Tensor::<A::InnerBackend, 2>::zeros([1, 1], &x.device());
        let probe = Tensor::<A, 2>::from_inner(zero.expand(shape)).require_grad();
        self.entries.push(Entry { site, x, probe: probe.clone() });
        probe
    }

    /// Runs one backward pass and returns every example's gradient.
    ///
    /// # Shapes
    /// `objective`: `[1]`, whose gradient is that of the *sum* of the per-example losses ([`crate::decoder::Losses`]).
    pub fn sample_gradients(
        self,
        objective: &Tensor<A, 1>,
        adapters: &Adapters<A::InnerBackend>,
    ) -> SampleGradients<A::InnerBackend> {
        let mut gradients = objective.backward();
        let mut slots: Vec<Option<_>> = (0..2 * adapters.len()).map(|_| None).collect();
        for entry in self.entries {
            let [n, t, d_in] = entry.x.dims();
            let (a, b) = adapters.pair(entry.site);
            let ([r, _], [d_out, _]) = (a.dims(), b.dims());
            // A probe that the losses do not depend on has no gradient; its examples' gradients are zero.
            let g = entry.probe.grad_remove(&mut gradients).unwrap_or_else(|| entry.probe.clone().inner());
            let u = entry.x.clone().reshape([n * t, d_in]).matmul(a.clone().transpose()).mul_scalar(adapters.scale());
            let gb = g.clone().matmul(b.clone()).mul_scalar(adapters.scale());
            let da = gb.reshape([n, t, r]).swap_dims(1, 2).matmul(entry.x);
            let db = g.reshape([n, t, d_out]).swap_dims(1, 2).matmul(u.reshape([n, t, r]));
            slots[2 * entry.site] = Some(da);
            slots[2 * entry.site + 1] = Some(db);
        }
        SampleGradients { tensors: slots.into_iter().flatten().collect() }
    }
}

/// One gradient per example, in the order of [`crate::Tensors`]: each `[n, rows, columns]`.
pub struct SampleGradients<B: Backend> {
    /// The gradients; the first dimension is the example.
    pub tensors: Vec<Tensor<B, 3>>,
}

impl<B: Backend> SampleGradients<B> {
    /// L2 norm of each example's whole gradient, over all tensors together, `[n]`.
    ///
    /// A gradient whose square overflows f32, or that is not a number, gives a non-finite norm.
    pub fn norms(&self) -> Vec<f32> {
        let squares = self.tensors.iter().map(|gradient| {
            let [n, rows, columns] = gradient.dims();
            let flat = gradient.clone().reshape([n, rows * columns]);
            (flat.clone() * flat).sum_dim(1)
        });
        let Some(total) = squares.reduce(|left, right| left + right) else { return Vec::new() };
        total.sqrt().into_data().convert::<f32>().to_vec().unwrap_or_default()
    }

    /// Adds up the gradients of examples that belong together: row `unit` of the result is the sum of all rows whose
    /// `owners` entry it is.
    ///
    /// Sums by index, not by a product with zeros and ones: `0 * NaN` would carry one unit's fault into all others.
    ///
    /// # Shapes
    /// `owners`: as many as there are real rows, each below `n`; rows after them are padding and belong to nobody.
    /// The result has `n` rows again.
    #[must_use]
    pub fn summed(self, owners: &[usize]) -> Self {
        if owners.iter().enumerate().all(|(row, owner)| row == *owner) {
            return self;
        }
        let sum = |gradient: Tensor<B, 3>| {
            let (device, [n, rows, columns]) = (gradient.device(), gradient.dims());
            let owners: Vec<i32> = owners.iter().map(|owner| *owner as i32).collect();
            let real = owners.len();
            let owners = Tensor::<B, 1, Int>::from_data(TensorData::new(owners, [real]), &device);
            let zeros = Tensor::zeros([n, rows, columns], &device);
            zeros.select_assign(0, owners, gradient.narrow(0, 0, real), IndexingUpdateOp::Add)
        };
        Self { tensors: self.tensors.into_iter().map(sum).collect() }
    }

    /// `sum_i factors[i] * gradient_i` for every tensor, row-major f32 on the host.
    ///
    /// A factor of exactly zero removes the example even where its gradient is infinite or not a number
    /// (`0 * NaN` is `NaN`, so the gradient itself is replaced).
    ///
    /// # Shapes
    /// `factors`: `[n]`. Returns one flat vector per tensor.
    pub fn weighted_sum(self, factors: &[f32]) -> Vec<Vec<f32>> {
        let Some(device) = self.tensors.first().map(Tensor::device) else { return Vec::new() };
        let n = factors.len();
        let factors = Tensor::<B, 2>::from_data(TensorData::new(factors.to_vec(), [1, n]), &device);
        let dropped = factors.clone().equal_elem(0.0).reshape([n, 1]);
        self.tensors
            .into_iter()
            .map(|gradient| {
                let [n, rows, columns] = gradient.dims();
                let width = rows * columns;
                let flat = gradient.reshape([n, width]).mask_fill(dropped.clone().expand([n, width]), 0.0);
                factors.clone().matmul(flat).into_data().convert::<f32>().to_vec().unwrap_or_default()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
