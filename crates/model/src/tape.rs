//! What a forward pass leaves behind, so that one backward pass gives every unit's gradient.
//!
//! For each layer with something to train the tape keeps its input `x` and a *probe*: a zero leaf added to its output `y`,
//! whose gradient after the backward pass is `g = dL/dy`. Unit `i`'s gradients follow:
//!
//! ```text
//! y = x W^T + b            dW_i = g_i^T x_i              db_i = sum_t g_i
//!   + s (x A^T) B^T        dB_i = s g_i^T (x_i A^T)      dA_i = s (g_i B)^T x_i
//! y = x^ * w + b           dw_i = sum_t g_i * x^_i       db_i = sum_t g_i          (x^: normed x)
//! ```
//!
//! How they are kept, measured and added up is [`crate::gradients`]' business.

use burn::tensor::{Tensor, backend::AutodiffBackend, backend::Backend};

use crate::gradients::{Room, SampleGradients};

/// What was noted on the way forward.
pub(crate) struct Tape<A: AutodiffBackend> {
    entries: Vec<(Site<A::InnerBackend>, Tensor<A, 2>)>,
}

/// A layer with something to train.
pub(crate) enum Site<B: Backend> {
    /// `x: [n, t, in]`.
    Linear { x: Tensor<B, 3>, slots: LinearSlots<B> },
    /// `normed: [n, m, width]`, before weight and bias; slots of the two.
    Norm { normed: Tensor<B, 3>, slots: [Option<usize>; 2] },
}

/// What of a linear layer is trained.
pub(crate) struct LinearSlots<B: Backend> {
    pub(crate) weight: Option<usize>,
    /// Whether the weight's file has `[in, out]`.
    pub(crate) turned: bool,
    pub(crate) bias: Option<usize>,
    pub(crate) lora: Option<LoraEntry<B>>,
}

/// An adapter at the time of the forward pass.
pub(crate) struct LoraEntry<B: Backend> {
    pub(crate) a: Tensor<B, 2>,
    pub(crate) b: Tensor<B, 2>,
    pub(crate) scale: f64,
    pub(crate) slot_a: Option<usize>,
    pub(crate) slot_b: usize,
}

impl<A: AutodiffBackend> Default for Tape<A> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<A: AutodiffBackend> Tape<A> {
    /// Notes a layer and returns the zero leaf to add to its output.
    ///
    /// The leaf has stride 0, so it costs no memory.
    pub(crate) fn probe(&mut self, site: Site<A::InnerBackend>, shape: [usize; 2]) -> Tensor<A, 2> {
        let (Site::Linear { x, .. } | Site::Norm { normed: x, .. }) = &site;
        let zero = Tensor::<A::InnerBackend, 2>::zeros([1, 1], &x.device());
        let probe = Tensor::<A, 2>::from_inner(zero.expand(shape)).require_grad();
        self.entries.push((site, probe.clone()));
        probe
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Turns what a backward pass `found` into gradients.
    pub(crate) fn collect(
        self,
        found: &mut A::Gradients,
        gradients: &mut SampleGradients<A::InnerBackend>,
        room: &mut Room,
    ) {
        let units = gradients.units();
        for (site, probe) in self.entries {
            // A probe that no loss depends on has no gradient: it is zero.
            let g = probe.grad_remove(found).unwrap_or_else(|| probe.clone().inner());
            let [rows, d_out] = g.dims();
            let g = g.reshape([units, rows / units, d_out]);
            match site {
                Site::Norm { normed, slots: [weight, bias] } => {
                    if let Some(slot) = weight {
                        let normed = normed.reshape([units, rows / units, d_out]);
                        gradients.add_whole(slot, (g.clone() * normed).sum_dim(1));
                    }
                    if let Some(slot) = bias {
                        gradients.add_whole(slot, g.sum_dim(1));
                    }
                }
                Site::Linear { x, slots } => {
                    let [_, _, d_in] = x.dims();
                    linear(x.reshape([units, rows / units, d_in]), g, slots, gradients, room);
                }
            }
        }
    }
}

/// `x: [units, tokens, in]`, `g: [units, tokens, out]`.
fn linear<B: Backend>(
    x: Tensor<B, 3>,
    g: Tensor<B, 3>,
    slots: LinearSlots<B>,
    gradients: &mut SampleGradients<B>,
    room: &mut Room,
) {
    if let Some(slot) = slots.bias {
        gradients.add_whole(slot, g.clone().sum_dim(1));
    }
    if let Some(LoraEntry { a, b, scale, slot_a, slot_b }) = slots.lora {
        let ([units, tokens, d_in], [_, _, d_out], [r, _]) = (x.dims(), g.dims(), a.dims());
        if let Some(slot) = slot_a {
            let gb = g.clone().reshape([units * tokens, d_out]).matmul(b).mul_scalar(scale);
            gradients.add_whole(slot, gb.reshape([units, tokens, r]).swap_dims(1, 2).matmul(x.clone()));
        }
        let u = x.clone().reshape([units * tokens, d_in]).matmul(a.transpose()).mul_scalar(scale);
        gradients.add_whole(slot_b, g.clone().swap_dims(1, 2).matmul(u.reshape([units, tokens, r])));
    }
    if let Some(slot) = slots.weight {
        let (left, right) = if slots.turned { (x, g) } else { (g, x) };
        gradients.add_product(slot, 0, left, right, room);
    }
}
