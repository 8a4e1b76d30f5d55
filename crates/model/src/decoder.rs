//! The forward pass of a decoder: embedding, blocks of attention and MLP, norm, head.
//!
//! One pass for all families: what they differ in stands in [`ModelConfig`]. Names of weights and the layout `[out, in]` are
//! Hugging Face's, so a folder loads without renaming. Weights are tensors of the inner backend and enter autodiff as
//! constants; only activations are tracked, and only from the first probe on. Sequences are padded on the right: a
//! causal mask hides the padding from every real token, and the loss weights of padding are zero, so an example's loss and
//! gradient do not depend on how far it was padded.

mod attention;
mod batch;
pub(crate) mod layers;
pub(crate) mod load;
mod loss;
mod past;
mod put;

use burn::tensor::{Int, Tensor, TensorData, backend::AutodiffBackend, backend::Backend};

use crate::ModelConfig;
use crate::config::Positions;
use crate::tape::Tape;
use attention::{Places, Rope, attention, mask};
pub use batch::{Row, TokenBatch};
use layers::{Linear, Norm, Table, activate, lift, wide};
pub use past::Past;

/// A decoder on a device.
pub struct Decoder<B: Backend> {
    config: ModelConfig,
    device: B::Device,
    embedding: Table<B>,
    /// Learned positions, where the family has them.
    positions: Option<Table<B>>,
    blocks: Vec<Block<B>>,
    norm: Norm<B>,
    /// `None` when the head is the embedding table.
    head: Option<Table<B>>,
    digest: String,
    /// Number of values in each trained tensor, by slot.
    slots: Vec<usize>,
}

pub(crate) struct Block<B: Backend> {
    /// Before attention and before the MLP; then, in some families, after each.
    norms: Vec<Norm<B>>,
    /// Of queries and keys.
    head_norms: Option<[Norm<B>; 2]>,
    /// In the order of [`ModelConfig::modules`].
    linears: Vec<Linear<B>>,
    windowed: bool,
}

/// What a forward pass is run with.
pub(crate) struct Pass<'a, A: AutodiffBackend> {
    /// By slot, tracked leaves that take the place of the trained weights (vectors as one row): the twins' way to a
    /// gradient. Empty everywhere else.
    pub(crate) stand_ins: &'a [Tensor<A, 2>],
    pub(crate) tape: Option<&'a mut Tape<A>>,
    /// Keys and values of what was read before, where a text is continued.
    pub(crate) past: Option<&'a mut Past<A>>,
    pub(crate) full: Sight<A>,
    pub(crate) windowed: Sight<A>,
}

/// What a token sees, and from which angle.
pub(crate) struct Sight<A: AutodiffBackend> {
    rope: Option<Rope<A>>,
    /// `[1, 1, 1, t, t]`, or `[n, 1, 1, 1, t]` where only padding is hidden.
    mask: Tensor<A, 5>,
}

impl<A: AutodiffBackend> Pass<'_, A> {
    /// A pass that tracks and keeps nothing.
    pub(crate) fn plain(full: Sight<A>, windowed: Sight<A>) -> Self {
        Pass { stand_ins: &[], tape: None, past: None, full, windowed }
    }

    pub(crate) fn stand_in(&self, slot: Option<usize>) -> Option<Tensor<A, 2>> {
        slot.and_then(|slot| self.stand_ins.get(slot)).cloned()
    }

    /// A vector of weights, or what stands in for it.
    pub(crate) fn vector(&self, slot: Option<usize>, own: &Tensor<A::InnerBackend, 1>) -> Tensor<A, 1> {
        self.stand_in(slot).map_or_else(|| lift(own.clone()), |leaf| leaf.reshape(own.dims()))
    }
}

impl<B: Backend> Decoder<B> {
    /// Keeps all weights in f32 from here on: whoever reads them again and again, for every token, would widen them again
    /// and again.
    pub fn widen(&mut self) {
        let linears = self.blocks.iter_mut().flat_map(|block| &mut block.linears).map(|linear| &mut linear.weight);
        let tables = [&mut self.embedding].into_iter().chain(&mut self.head).map(|table| &mut table.weight);
        for weight in linears.chain(tables) {
            *weight = wide(weight);
        }
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// SHA-256 of the weights; see [`crate::weights::WeightFile::digest`].
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Logits of every position, `[n * t, vocab_size]`, for row-major token ids `[n, t]`.
    pub fn logits<A: AutodiffBackend<InnerBackend = B>>(&self, tokens: &[i32], shape: [usize; 2]) -> Tensor<A, 2> {
        let hidden = self.hidden::<A>(tokens, shape, &[]);
        self.capped(hidden.matmul(lift(self.head_weight().transpose())))
    }

    fn capped<C: Backend>(&self, logits: Tensor<C, 2>) -> Tensor<C, 2> {
        match self.config.final_softcap {
            Some(cap) => logits.div_scalar(cap).tanh().mul_scalar(cap),
            None => logits,
        }
    }

    /// The output head.
    fn head_table(&self) -> &Table<B> {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// Its weight in f32, `[vocab_size, hidden_size]`.
    fn head_weight(&self) -> Tensor<B, 2> {
        wide(&self.head_table().weight)
    }

    /// The last hidden state after the final norm, `[n * t, hidden_size]`.
    pub(crate) fn hidden<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        stand_ins: &[Tensor<A, 2>],
    ) -> Tensor<A, 2> {
        let places = Places::shared(t);
        let mut pass = Pass { stand_ins, ..self.pass(&places) };
        self.run(tokens, [n, t], &places, &mut pass)
    }

    /// A plain pass over texts that are read at once.
    fn pass<A: AutodiffBackend<InnerBackend = B>>(&self, places: &Places) -> Pass<'static, A> {
        Pass::plain(self.sight(places, false), self.sight(places, true))
    }

    /// Embedding, blocks and final norm: `[n * t, hidden_size]`.
    fn run<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        shape: [usize; 2],
        places: &Places,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 2> {
        let mut x = self.embed(tokens, shape, places, pass);
        for block in &self.blocks {
            x = block.forward(x, &self.config, pass);
        }
        self.finish(x, pass)
    }

    /// What the first block reads: `[n, t, hidden_size]`.
    fn embed<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        places: &Places,
        pass: &Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let width = self.config.hidden_size;
        let rows = |table: &Table<B>, rows: Vec<i32>| -> Tensor<A, 2> {
            let count = rows.len();
            let rows = Tensor::<B, 1, Int>::from_data(TensorData::new(rows, [count]), &self.device);
            match pass.stand_in(table.slot) {
                Some(leaf) => leaf.select(0, Tensor::from_inner(rows)),
                None => lift(wide(&table.weight.clone().select(0, rows))),
            }
        };
        let mut embedded = rows(&self.embedding, tokens.to_vec()).reshape([n, t, width]);
        if (self.config.embedding_scale - 1.0).abs() > 0.0 {
            embedded = embedded.mul_scalar(self.config.embedding_scale);
        }
        match &self.positions {
            Some(table) => {
                let ids = places.values.iter().map(|place| *place as i32).collect();
                embedded + rows(table, ids).reshape([places.rows, t, width])
            }
            None => embedded,
        }
    }

    /// The final norm: `[n * t, hidden_size]`.
    fn finish<A: AutodiffBackend<InnerBackend = B>>(&self, x: Tensor<A, 3>, pass: &mut Pass<'_, A>) -> Tensor<A, 2> {
        let [n, t, width] = x.dims();
        self.norm.forward(x, &self.config, pass).reshape([n * t, width])
    }

    fn rope<A: AutodiffBackend<InnerBackend = B>>(&self, places: &Places, windowed: bool) -> Option<Rope<A>> {
        match &self.config.positions {
            Positions::Rotary { full, windowed: other } => {
                let rotary = if windowed { other } else { full };
                Some(Rope::new(rotary, &self.config, places, &self.device))
            }
            Positions::Learned => None,
        }
    }

    /// The sight of a text that is read at once.
    fn sight<A: AutodiffBackend<InnerBackend = B>>(&self, places: &Places, windowed: bool) -> Sight<A> {
        let window = self.config.window.filter(|_| windowed);
        Sight { rope: self.rope(places, windowed), mask: mask::<A>(places.values.len(), window, &self.device) }
    }
}

impl<A: AutodiffBackend> Sight<A> {
    /// What a token of an encoder sees: everything but padding.
    pub(crate) fn of_encoder(mask: Tensor<A, 5>) -> Self {
        Self { rope: None, mask }
    }
}

impl<B: Backend> Block<B> {
    /// Whether something of it is trained.
    fn is_trained(&self) -> bool {
        let norms = self.norms.iter().chain(self.head_norms.iter().flatten());
        norms.flat_map(|norm| norm.slots).any(|slot| slot.is_some()) || self.linears.iter().any(Linear::is_trained)
    }

    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        config: &ModelConfig,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let (attending, mlp) = self.linears.split_at(config.attention_modules());
        let norm = |which: usize, x: Tensor<A, 3>, pass: &mut Pass<'_, A>| match self.norms.get(which) {
            Some(norm) => norm.forward(x, config, pass),
            None => x,
        };
        let normed = if config.norm_after { x.clone() } else { norm(0, x.clone(), pass) };
        let (qkv, output) = match attending {
            [fused, output] => (split(&fused.forward(normed, pass), config), output),
            [q, k, v, output] => {
                ([q.forward(normed.clone(), pass), k.forward(normed.clone(), pass), v.forward(normed, pass)], output)
            }
            _ => return x,
        };
        let attended = attention(qkv, self, config, pass);
        let attended = output.forward(attended, pass);
        let x = x + norm(2, attended, pass);
        let x = if config.norm_after { norm(0, x, pass) } else { x };
        let normed = if config.norm_after { x.clone() } else { norm(1, x.clone(), pass) };
        let (inner, down) = match mlp {
            [up, down] => (activate(up.forward(normed, pass), config.activation), down),
            [gate, up, down] => {
                (activate(gate.forward(normed.clone(), pass), config.activation) * up.forward(normed, pass), down)
            }
            _ => return x,
        };
        let inner = down.forward(inner, pass);
        let x = x + norm(3, inner, pass);
        if config.norm_after { norm(1, x, pass) } else { x }
    }
}

/// Queries, keys and values out of one layer.
fn split<A: AutodiffBackend>(x: &Tensor<A, 3>, config: &ModelConfig) -> [Tensor<A, 3>; 3] {
    let (queries, keys) = (config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim);
    let part = |from: usize, width: usize| x.clone().narrow(2, from, width);
    [part(0, queries), part(queries, keys), part(queries + keys, keys)]
}

#[cfg(test)]
pub(crate) mod tests;
