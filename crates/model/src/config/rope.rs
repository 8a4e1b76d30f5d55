//! Frequencies of the rotary embedding (Su et al. 2021, arXiv 2104.09864) and the ways in which models stretch them.

use serde::Deserialize;

/// A rotary embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    /// Base of the frequencies.
    pub theta: f64,
    /// How they are stretched to longer texts.
    pub scaling: Scaling,
}

/// How frequencies are stretched to longer texts than the model was first trained for.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    /// Not at all.
    None,
    /// All by one factor (Chen et al. 2023, arXiv 2306.15595).
    Linear {
        /// How many times longer.
        factor: f64,
    },
    /// Low frequencies by the factor, high ones not, those between by a mixture (Llama 3.1).
    Llama3 {
        /// How many times longer.
        factor: f64,
        /// Wavelengths above the original length over this are stretched.
        low_frequency: f64,
        /// Wavelengths below the original length over this are kept.
        high_frequency: f64,
        /// The length it was first trained for.
        original: f64,
    },
    /// The same with a ramp over the dimensions, and larger attention logits (`YaRN`, Peng et al. 2023, arXiv 2309.00071).
    Yarn {
        /// How many times longer.
        factor: f64,
        /// Rotations over the original length above which nothing is stretched.
        beta_fast: f64,
        /// Rotations below which all is.
        beta_slow: f64,
        /// The length it was first trained for.
        original: f64,
        /// What cosines and sines are multiplied with.
        attention_factor: f64,
        /// Whether the ramp's ends are whole dimensions.
        truncate: bool,
    },
}

/// `rope_scaling` or `rope_parameters` as it stands in the file.
#[derive(Deserialize)]
struct Raw {
    rope_type: Option<String>,
    /// The same, in older files.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    attention_factor: Option<f64>,
    mscale: Option<f64>,
    truncate: Option<bool>,
}

/// Reads a rotary embedding; `theta` is the base where the object has none of its own.
pub(super) fn parse(value: Option<&serde_json::Value>, theta: f64, max_positions: usize) -> Result<Rotary, String> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(Rotary { theta, scaling: Scaling::None });
    };
    let raw = Raw::deserialize(value).map_err(|error| format!("rope_scaling cannot be read: {error}"))?;
    let need = |name: &str, number: Option<f64>| {
        number.filter(|n| n.is_finite() && *n > 0.0).ok_or_else(|| format!("rope_scaling has no usable {name}"))
    };
    let original = raw.original_max_position_embeddings.unwrap_or(max_positions as f64);
    let scaling = match raw.rope_type.as_deref().or(raw.r#type.as_deref()) {
        // Dynamic scaling begins beyond the positions that the model was trained for, and longer texts are refused.
        None | Some("default" | "dynamic") => Scaling::None,
        Some("linear") => Scaling::Linear { factor: need("factor", raw.factor)? },
        Some("llama3") => Scaling::Llama3 {
            factor: need("factor", raw.factor)?,
            low_frequency: need("low_freq_factor", raw.low_freq_factor)?,
            high_frequency: need("high_freq_factor", raw.high_freq_factor)?,
            original: need("original_max_position_embeddings", raw.original_max_position_embeddings)?,
        },
        Some("yarn") if raw.mscale.is_some() => {
            return Err("rope_scaling uses mscale, which is not supported".to_owned());
        }
        Some("yarn") => {
            let factor = need("factor", raw.factor)?;
            let grown = if factor > 1.0 { 0.1 * factor.ln() + 1.0 } else { 1.0 };
            Scaling::Yarn {
                factor,
                beta_fast: need("beta_fast", raw.beta_fast.or(Some(32.0)))?,
                beta_slow: need("beta_slow", raw.beta_slow.or(Some(1.0)))?,
                original: need("original_max_position_embeddings", Some(original))?,
                attention_factor: need("attention_factor", raw.attention_factor.or(Some(grown)))?,
                truncate: raw.truncate.unwrap_or(true),
            }
        }
        Some(other) => return Err(format!("rope_scaling is of type {other:?}, which is not supported")),
    };
    let theta = need("rope_theta", Some(raw.rope_theta.unwrap_or(theta)))?;
    Ok(Rotary { theta, scaling })
}

impl Rotary {
    /// Radians per position of each pair of dimensions, `[width / 2]`, and what cosines and sines are multiplied with.
    pub fn frequencies(&self, width: usize) -> (Vec<f64>, f64) {
        let half = width / 2;
        let plain: Vec<f64> = (0..half).map(|i| self.theta.powf(-(i as f64) / half as f64)).collect();
        match self.scaling {
            Scaling::None => (plain, 1.0),
            Scaling::Linear { factor } => (plain.into_iter().map(|f| f / factor).collect(), 1.0),
            Scaling::Llama3 { factor, low_frequency, high_frequency, original } => {
                let stretch = |f: f64| {
                    let wavelength = std::f64::consts::TAU / f;
                    if wavelength < original / high_frequency {
                        f
                    } else if wavelength > original / low_frequency {
                        f / factor
                    } else {
                        let kept = (original / wavelength - low_frequency) / (high_frequency - low_frequency);
                        (1.0 - kept) * f / factor + kept * f
                    }
                };
                (plain.into_iter().map(stretch).collect(), 1.0)
            }
            Scaling::Yarn { factor, beta_fast, beta_slow, original, attention_factor, truncate } => {
                // The dimension that turns this often over the original length.
                let dimension =
                    |turns: f64| half as f64 * (original / (turns * std::f64::consts::TAU)).ln() / self.theta.ln();
                let (mut low, mut high) = (dimension(beta_fast), dimension(beta_slow));
                if truncate {
                    (low, high) = (low.floor(), high.ceil());
                }
                let (low, mut high) = (low.max(0.0), high.min(width as f64 - 1.0));
                if (high - low).abs() < f64::EPSILON {
                    high += 1e-3;
                }
                let stretch = |(i, f): (usize, f64)| {
                    let stretched = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
                    f / factor * stretched + f * (1.0 - stretched)
                };
                (plain.into_iter().enumerate().map(stretch).collect(), attention_factor)
            }
        }
    }
}
