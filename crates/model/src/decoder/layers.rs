//! The layers of a block: linear maps, norms, non-linearities.

use burn::tensor::{DType, Tensor, activation, backend::AutodiffBackend, backend::Backend};

use super::Pass;
use crate::ModelConfig;
use crate::config::{Activation, NormKind};
use crate::device::widen;

/// `y = x W^T + b`.
pub(crate) struct Linear<B: Backend> {
    pub(crate) weight: Tensor<B, 2>,
    pub(crate) bias: Option<Tensor<B, 1>>,
    /// Index of this layer's adapter, where it has one.
    pub(crate) site: Option<usize>,
}

/// A norm over the last dimension.
pub(crate) struct Norm<B: Backend> {
    pub(crate) weight: Tensor<B, 1>,
    /// Layer norms alone have one.
    pub(crate) bias: Option<Tensor<B, 1>>,
}

impl<B: Backend> Linear<B> {
    /// The map, plus the adapter and its probe where there is one. `x: [n, t, in]`, `y: [n, t, out]`.
    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let [n, t, d_in] = x.dims();
        let [d_out, _] = self.weight.dims();
        let flat = x.clone().reshape([n * t, d_in]);
        let merged = self.site.and_then(|site| pass.merged.get(site));
        let mut y = flat.matmul(merged.cloned().unwrap_or_else(|| lift(wide(&self.weight))).transpose());
        if let Some(bias) = &self.bias {
            y = y + lift(bias.clone()).unsqueeze();
        }
        if let (Some(site), Some(tape)) = (self.site, pass.tape.as_deref_mut()) {
            y = y + tape.probe(site, x.inner(), [n * t, d_out]);
        }
        y.reshape([n, t, d_out])
    }
}

impl<B: Backend> Norm<B> {
    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>, const D: usize>(
        &self,
        x: Tensor<A, D>,
        config: &ModelConfig,
    ) -> Tensor<A, D> {
        let x = if config.norm == NormKind::Layer { x.clone() - x.mean_dim(D - 1) } else { x };
        let mean_square = (x.clone() * x.clone()).mean_dim(D - 1);
        let weight =
            if config.norm == NormKind::RmsPlusOne { self.weight.clone().add_scalar(1.0) } else { self.weight.clone() };
        let y = x * mean_square.add_scalar(config.norm_epsilon).sqrt().recip() * lift(weight).unsqueeze();
        match &self.bias {
            Some(bias) => y + lift(bias.clone()).unsqueeze(),
            None => y,
        }
    }
}

/// Norms every head of `x: [n, t, heads * head_dim]` by itself.
pub(crate) fn head_norm<A: AutodiffBackend>(
    x: Tensor<A, 3>,
    norm: &Norm<A::InnerBackend>,
    config: &ModelConfig,
) -> Tensor<A, 3> {
    let [n, t, row] = x.dims();
    norm.forward(x.reshape([n * t * row / config.head_dim, config.head_dim]), config).reshape([n, t, row])
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
