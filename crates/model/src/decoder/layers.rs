//! The layers of a block: linear maps, norms, non-linearities; and what a tape notes about them.

use burn::tensor::{DType, Tensor, activation, backend::AutodiffBackend, backend::Backend};

use super::Pass;
use crate::ModelConfig;
use crate::config::{Activation, NormKind};
use crate::device::widen;
use crate::tape::{LinearSlots, LoraEntry, Site};

/// `y = x W^T + b`.
pub(crate) struct Linear<B: Backend> {
    /// Hugging Face name, without `.weight`.
    pub(crate) name: String,
    /// `[out, in]`.
    pub(crate) weight: Tensor<B, 2>,
    /// Whether the file has `[in, out]`.
    pub(crate) turned: bool,
    pub(crate) bias: Option<Tensor<B, 1>>,
    /// Slots of weight and bias, where they are trained.
    pub(crate) slots: [Option<usize>; 2],
    pub(crate) lora: Option<Lora<B>>,
}

/// An adapter, and the weight that the forward pass uses in its layer's place: `W + scale * B A`.
///
/// Merging once a step costs one small product a layer and saves the low-rank path in every forward and backward
/// pass; the gradient of the activations is the same, `(W + s B A)^T g`.
pub(crate) struct Lora<B: Backend> {
    /// `[r, in]`.
    pub(crate) a: Tensor<B, 2>,
    /// `[out, r]`.
    pub(crate) b: Tensor<B, 2>,
    pub(crate) scale: f64,
    /// `None` where `A` is frozen.
    pub(crate) slot_a: Option<usize>,
    pub(crate) slot_b: usize,
    pub(crate) merged: Tensor<B, 2>,
}

/// A norm over the last dimension.
pub(crate) struct Norm<B: Backend> {
    /// Hugging Face name, without `.weight`.
    pub(crate) name: String,
    pub(crate) weight: Tensor<B, 1>,
    /// Layer norms alone have one.
    pub(crate) bias: Option<Tensor<B, 1>>,
    /// Slots of weight and bias, where they are trained.
    pub(crate) slots: [Option<usize>; 2],
}

/// A table of which rows are read: token ids, places, or the head's logits.
pub(crate) struct Table<B: Backend> {
    /// Hugging Face name.
    pub(crate) name: String,
    /// `[rows, hidden_size]`.
    pub(crate) weight: Tensor<B, 2>,
    pub(crate) slot: Option<usize>,
}

impl<B: Backend> Linear<B> {
    /// A frozen layer without an adapter.
    pub(crate) fn new(name: String, weight: Tensor<B, 2>, bias: Option<Tensor<B, 1>>) -> Self {
        Self { name, weight, turned: false, bias, slots: [None; 2], lora: None }
    }

    /// The map, and a probe where something of it is trained. `x: [n, t, in]`, `y: [n, t, out]`.
    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let [n, t, d_in] = x.dims();
        let [d_out, _] = self.weight.dims();
        let mut y = x.clone().reshape([n * t, d_in]).matmul(self.used(pass).transpose());
        if let Some(bias) = &self.bias {
            y = y + pass.vector(self.slots[1], bias).unsqueeze();
        }
        if let Some(tape) = pass.tape.as_deref_mut().filter(|_| self.is_trained()) {
            let lora = self.lora.as_ref().map(|lora| LoraEntry {
                a: lora.a.clone(),
                b: lora.b.clone(),
                scale: lora.scale,
                slot_a: lora.slot_a,
                slot_b: lora.slot_b,
            });
            let [weight, bias] = self.slots;
            let slots = LinearSlots { weight, turned: self.turned, bias, lora };
            y = y + tape.probe(Site::Linear { x: x.inner(), slots }, [n * t, d_out]);
        }
        y.reshape([n, t, d_out])
    }

    /// Whether something of it is trained.
    pub(super) fn is_trained(&self) -> bool {
        self.lora.is_some() || self.slots.iter().any(Option::is_some)
    }

    /// The weight of the forward pass, adapter included.
    fn used<A: AutodiffBackend<InnerBackend = B>>(&self, pass: &Pass<'_, A>) -> Tensor<A, 2> {
        match &self.lora {
            Some(lora) => match pass.stand_in(Some(lora.slot_b)) {
                Some(b) => {
                    let a = pass.stand_in(lora.slot_a).unwrap_or_else(|| lift(lora.a.clone()));
                    merge(&lift(self.weight.clone()), &a, &b, lora.scale)
                }
                None => lift(lora.merged.clone()),
            },
            None => match pass.stand_in(self.slots[0]) {
                Some(leaf) if self.turned => leaf.transpose(),
                Some(leaf) => leaf,
                None => lift(wide(&self.weight)),
            },
        }
    }
}

impl<B: Backend> Norm<B> {
    /// `x: [n, m, width]`, of which each last row is normed by itself; `m` rows belong to one sequence.
    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        config: &ModelConfig,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let [n, m, width] = x.dims();
        let x = if config.norm == NormKind::Layer { x.clone() - x.mean_dim(2) } else { x };
        let mean_square = (x.clone() * x.clone()).mean_dim(2);
        let normed = x * mean_square.add_scalar(config.norm_epsilon).sqrt().recip();
        let weight = pass.vector(self.slots[0], &self.weight);
        let weight = if config.norm == NormKind::RmsPlusOne { weight.add_scalar(1.0) } else { weight };
        let mut y = normed.clone() * weight.unsqueeze();
        if let Some(bias) = &self.bias {
            y = y + pass.vector(self.slots[1], bias).unsqueeze();
        }
        match pass.tape.as_deref_mut() {
            Some(tape) if self.slots.iter().any(Option::is_some) => {
                let probe = tape.probe(Site::Norm { normed: normed.inner(), slots: self.slots }, [n * m, width]);
                (y.reshape([n * m, width]) + probe).reshape([n, m, width])
            }
            _ => y,
        }
    }
}

/// Norms every head of `x: [n, t, heads * head_dim]` by itself.
pub(crate) fn head_norm<A: AutodiffBackend>(
    x: Tensor<A, 3>,
    norm: &Norm<A::InnerBackend>,
    config: &ModelConfig,
    pass: &mut Pass<'_, A>,
) -> Tensor<A, 3> {
    let [n, t, row] = x.dims();
    let heads = x.reshape([n, t * row / config.head_dim, config.head_dim]);
    norm.forward(heads, config, pass).reshape([n, t, row])
}

/// `W + scale * B A`, `[out, in]`.
pub(crate) fn merge<B: Backend>(weight: &Tensor<B, 2>, a: &Tensor<B, 2>, b: &Tensor<B, 2>, scale: f64) -> Tensor<B, 2> {
    wide(weight) + b.clone().matmul(a.clone()).mul_scalar(scale)
}

pub(crate) fn activate<A: AutodiffBackend>(x: Tensor<A, 3>, kind: Activation) -> Tensor<A, 3> {
    match kind {
        Activation::Silu => activation::silu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => {
            let inner = (x.clone() + x.clone().powi_scalar(3).mul_scalar(0.044_715))
                .mul_scalar((2.0 / std::f64::consts::PI).sqrt());
            x.mul_scalar(0.5) * inner.tanh().add_scalar(1.0)
        }
    }
}

/// A weight in f32, whatever type it is kept in.
pub(crate) fn wide<B: Backend, const D: usize>(weight: &Tensor<B, D>) -> Tensor<B, D> {
    match weight.dtype() {
        DType::F32 => weight.clone(),
        _ => widen(weight.clone()),
    }
}

/// The device type, named through the inner backend: the compiler cannot see that the two are one.
pub(crate) type DeviceOf<A> = <<A as AutodiffBackend>::InnerBackend as burn::tensor::backend::BackendTypes>::Device;

/// A constant of the inner backend inside autodiff: backward passes do not enter it.
pub(crate) fn lift<A: AutodiffBackend, const D: usize>(x: Tensor<A::InnerBackend, D>) -> Tensor<A, D> {
    Tensor::from_inner(x)
}
