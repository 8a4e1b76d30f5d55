//! Low-rank adapters: the only weights that are trained here (Hu et al. 2021, arXiv 2106.09685).
//!
//! A linear layer `y = x W^T` gets `y += (alpha / r) (x A^T) B^T` with `A: [r, in]`, `B: [out, r]`. `B` starts at zero,
//! so an untrained adapter changes nothing. The trained values live on the host in [`Tensors`], in one fixed order
//! (layer by layer, `A` before `B`), because noise and the optimizer index them; [`Adapters`] is the device's copy.

use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend, backend::Backend};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, Uniform};
use serde::{Deserialize, Serialize};

use crate::config::{Family, Module};
use crate::weights::Named;
use crate::{Error, ModelConfig};

/// What the adapters look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraSpec {
    /// Rank, r.
    pub r: usize,
    /// Numerator of the scale, `alpha / r`.
    pub alpha: f64,
    /// Which layers get an adapter in every block, by the last part of their names: [`ModelConfig::modules`].
    pub target_modules: Vec<String>,
}

/// One adapted layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Hugging Face name without `.weight`, as in `model.layers.0.self_attn.q_proj`.
    pub name: String,
    /// Input width.
    pub d_in: usize,
    /// Output width.
    pub d_out: usize,
}

/// Trained values on the host: names, shapes and row-major f32 values in one fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensors {
    /// Name of each tensor in PEFT's layout.
    pub names: Vec<String>,
    /// Shape of each tensor.
    pub shapes: Vec<[usize; 2]>,
    /// Values of each tensor.
    pub values: Vec<Vec<f32>>,
}

impl Tensors {
    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.shapes.iter().map(|[rows, columns]| rows * columns).sum()
    }

    /// Whether there is nothing to train.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same tensors, as a file wants them.
    pub fn named(&self) -> Vec<Named<'_>> {
        let rows = self.names.iter().zip(&self.shapes).zip(&self.values);
        rows.map(|((name, shape), values)| Named { name: name.clone(), shape: shape.to_vec(), values }).collect()
    }
}

impl LoraSpec {
    /// The layers that get an adapter, in the order in which the forward pass meets them.
    ///
    /// # Errors
    /// [`Error::UnknownModule`] for a target that no block has.
    pub fn sites(&self, config: &ModelConfig) -> Result<Vec<Site>, Error> {
        let modules = config.modules();
        if let Some(name) = self.target_modules.iter().find(|name| modules.iter().all(|module| module.name() != **name))
        {
            let known = modules.iter().map(Module::name).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownModule { name: name.clone(), known });
        }
        let wanted = |module: &&Module| self.target_modules.iter().any(|target| target == module.name());
        Ok((0..config.num_hidden_layers)
            .flat_map(|layer| modules.iter().filter(wanted).map(move |module| (layer, module)))
            .map(|(layer, module)| {
                let name = format!("{}.{}", config.block(layer), module.path);
                Site { name, d_in: module.d_in, d_out: module.d_out }
            })
            .collect())
    }

    /// The scale `alpha / r`.
    pub fn scale(&self) -> f64 {
        self.alpha / self.r as f64
    }

    /// Fresh adapters: `A` uniform in `±1/sqrt(in)`, `B` zero. `seed` is public.
    ///
    /// # Errors
    /// As [`LoraSpec::sites`].
    pub fn init(&self, config: &ModelConfig, seed: u64) -> Result<Tensors, Error> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut tensors = Tensors { names: Vec::new(), shapes: Vec::new(), values: Vec::new() };
        for site in self.sites(config)? {
            let bound = 1.0 / (site.d_in as f32).sqrt();
            let a = match Uniform::new_inclusive(-bound, bound) {
                Ok(uniform) => uniform.sample_iter(&mut rng).take(self.r * site.d_in).collect(),
                Err(_) => vec![0.0; self.r * site.d_in],
            };
            for (letter, shape, values) in
                [("A", [self.r, site.d_in], a), ("B", [site.d_out, self.r], vec![0.0; site.d_out * self.r])]
            {
                tensors.names.push(format!("base_model.model.{}.lora_{letter}.weight", site.name));
                tensors.shapes.push(shape);
                tensors.values.push(values);
            }
        }
        Ok(tensors)
    }

    /// `adapter_config.json` as the `peft` package reads it; `family` is a [`Family::name`].
    pub fn peft_config(&self, base_model: &str, family: &str) -> serde_json::Value {
        serde_json::json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_model,
            "r": self.r,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            // GPT-2 stores its layers as `[in, out]`.
            "fan_in_fan_out": family == Family::Gpt2.name(),
            "inference_mode": true,
            "init_lora_weights": true,
            "target_modules": self.target_modules,
        })
    }
}

/// The adapters on a device: one `(A, B)` per site, in the order of [`LoraSpec::sites`], and the weights that the
/// forward pass uses in their place, `W + (alpha / r) B A`.
///
/// Merging once a step costs one small product a layer and saves the low-rank path in every forward and backward
/// pass; the gradient of the activations is the same, `(W + s B A)^T g`.
#[derive(Debug, Clone)]
pub struct Adapters<B: Backend> {
    pairs: Vec<(Tensor<B, 2>, Tensor<B, 2>)>,
    merged: Vec<Tensor<B, 2>>,
    scale: f64,
}

impl<B: Backend> Adapters<B> {
    /// Copies the host's values to the device and merges them with the adapted layers' `weights`.
    pub(crate) fn upload(tensors: &Tensors, scale: f64, weights: &[Tensor<B, 2>], device: &B::Device) -> Self {
        let one = |index: usize| {
            let data = TensorData::new(tensors.values[index].clone(), tensors.shapes[index]);
            Tensor::<B, 2>::from_data(data, device)
        };
        let pairs: Vec<_> = (0..weights.len()).map(|site| (one(2 * site), one(2 * site + 1))).collect();
        let merged = weights.iter().zip(&pairs).map(|(weight, (a, b))| merge(weight, a, b, scale)).collect();
        Self { pairs, merged, scale }
    }

    /// `A: [r, in]` and `B: [out, r]` of a site.
    pub fn pair(&self, site: usize) -> &(Tensor<B, 2>, Tensor<B, 2>) {
        &self.pairs[site]
    }

    /// The merged weights as constants inside autodiff.
    pub(crate) fn lift<A: AutodiffBackend<InnerBackend = B>>(&self) -> Vec<Tensor<A, 2>> {
        self.merged.iter().cloned().map(Tensor::from_inner).collect()
    }

    /// The scale `alpha / r`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Number of adapted layers.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether no layer is adapted.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// `W + scale * B A`, `[out, in]`.
pub(crate) fn merge<B: Backend>(weight: &Tensor<B, 2>, a: &Tensor<B, 2>, b: &Tensor<B, 2>, scale: f64) -> Tensor<B, 2> {
    weight.clone() + b.clone().matmul(a.clone()).mul_scalar(scale)
}
