//! Low-rank adapters (Hu et al. 2021, arXiv 2106.09685).
//!
//! A linear layer `y = x W^T` gets `y += (alpha / r) (x A^T) B^T` with `A: [r, in]`, `B: [out, r]`. `B` starts at zero,
//! so an untrained adapter changes nothing. With `A` frozen at its random start (FFA-LoRA, Sun et al. 2024,
//! arXiv 2403.12313) half as many values take noise, and none of it is squared by the product.

use glob::Pattern;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, Uniform};
use serde::{Deserialize, Serialize};

use crate::config::{Family, Module};
use crate::trainable::{Start, Tensors};
use crate::{Error, ModelConfig};

/// What the adapters look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraSpec {
    /// Rank, r.
    pub r: usize,
    /// Numerator of the scale, `alpha / r`.
    pub alpha: f64,
    /// Which layers get an adapter: the last part of a layer's name ([`ModelConfig::modules`]), or a pattern of its whole
    /// name with `*` and `?`, as in `model.layers.1?.self_attn.*`.
    pub target_modules: Vec<String>,
    /// Whether `A` stays at its random start.
    pub freeze_a: bool,
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

impl LoraSpec {
    /// The layers that get an adapter, in the order in which the forward pass meets them.
    ///
    /// # Errors
    /// [`Error::UnknownModule`] for a target that names no layer.
    pub fn sites(&self, config: &ModelConfig) -> Result<Vec<Site>, Error> {
        let modules = config.modules();
        let sites: Vec<(Site, &str)> = (0..config.num_hidden_layers)
            .flat_map(|layer| modules.iter().map(move |module| (layer, module)))
            .map(|(layer, module)| {
                let name = format!("{}.{}", config.block(layer), module.path);
                (Site { name, d_in: module.d_in, d_out: module.d_out }, module.name())
            })
            .collect();
        let mut chosen = vec![false; sites.len()];
        for target in &self.target_modules {
            let pattern = Pattern::new(target).ok();
            let fits = |site: &Site, name: &str| {
                name == target || pattern.as_ref().is_some_and(|pattern| pattern.matches(&site.name))
            };
            let mut found = false;
            for (chosen, (site, name)) in chosen.iter_mut().zip(&sites) {
                let fits = fits(site, name);
                *chosen |= fits;
                found |= fits;
            }
            if !found {
                let known = modules.iter().map(Module::name).collect::<Vec<_>>().join(", ");
                return Err(Error::UnknownModule { name: target.clone(), known });
            }
        }
        Ok(sites.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|((site, _), _)| site).collect())
    }

    /// The scale `alpha / r`.
    pub fn scale(&self) -> f64 {
        self.alpha / self.r as f64
    }

    /// Fresh adapters, layer by layer, `A` before `B`: `A` uniform in `±1/sqrt(in)`, `B` zero. `seed` is public.
    ///
    /// # Errors
    /// As [`LoraSpec::sites`].
    pub fn init(&self, config: &ModelConfig, seed: u64) -> Result<Tensors, Error> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut tensors = Tensors::default();
        for site in self.sites(config)? {
            let bound = 1.0 / (site.d_in as f32).sqrt();
            let a = match Uniform::new_inclusive(-bound, bound) {
                Ok(uniform) => uniform.sample_iter(&mut rng).take(self.r * site.d_in).collect(),
                Err(_) => vec![0.0; self.r * site.d_in],
            };
            tensors.push(tensor_name(&site.name, 'A'), vec![self.r, site.d_in], a);
            tensors.push(tensor_name(&site.name, 'B'), vec![site.d_out, self.r], vec![0.0; site.d_out * self.r]);
        }
        Ok(tensors)
    }

    /// The same, apart: what is trained, and what stays.
    pub(crate) fn start(&self, config: &ModelConfig, seed: u64) -> Result<Start, Error> {
        let all = self.init(config, seed)?;
        let frozen = |name: &str| self.freeze_a && name.ends_with("lora_A.weight");
        Ok(Start { trained: all.only(|name| !frozen(name)), fixed: all.only(frozen) })
    }

    /// `adapter_config.json` as the `peft` package reads it.
    ///
    /// # Errors
    /// As [`LoraSpec::sites`].
    pub fn peft_config(&self, base_model: &str, config: &ModelConfig) -> Result<serde_json::Value, Error> {
        let modules = config.modules();
        let plain = |target: &String| modules.iter().any(|module| module.name() == target);
        // `peft` knows no such patterns: the layers are named one by one.
        let targets: Vec<String> = if self.target_modules.iter().all(plain) {
            self.target_modules.clone()
        } else {
            self.sites(config)?.into_iter().map(|site| site.name).collect()
        };
        Ok(serde_json::json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_model,
            "r": self.r,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            // GPT-2 stores its layers as `[in, out]`.
            "fan_in_fan_out": config.family == Family::Gpt2,
            "inference_mode": true,
            "init_lora_weights": true,
            "target_modules": targets,
        }))
    }
}

/// Name of a site's `A` or `B` in PEFT's layout.
pub(crate) fn tensor_name(site: &str, letter: char) -> String {
    format!("base_model.model.{site}.lora_{letter}.weight")
}
