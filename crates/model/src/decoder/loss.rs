//! Losses, and the walk back that gives every unit its own gradient.

use std::ops::Range;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, activation, backend::AutodiffBackend, backend::Backend};

use super::attention::Places;
use super::layers::lift;
use super::{Block, Decoder, Pass, TokenBatch};
use crate::gradients::{Room, SampleGradients};
use crate::tape::Tape;

/// Logits that are held at a time: 32 MiB of them. Few in this crate's own tests, so that their small heads have several slices.
const SLICE: usize = if cfg!(test) { 1 << 10 } else { 1 << 23 };

/// What the head gives for a batch.
pub(super) struct HeadOutcome<B: Backend> {
    /// Loss of each unit, `[units]`.
    pub(super) losses: Tensor<B, 1>,
    /// `dL/dh` of the sum of the losses, `[n * t, hidden_size]`, where it was wanted.
    pub(super) slope: Option<Tensor<B, 2>>,
    /// Where the head is trained: the first unit of each slice, and `dL/dlogits` of its rows.
    pub(super) logit_slopes: Vec<(usize, Tensor<B, 2>)>,
}

impl<B: Backend> Decoder<B> {
    /// Loss of each unit of a batch, `[units]`: the sum over its rows of their weighted negative log-likelihoods, in nats.
    ///
    /// A unit without a target (padding, or a single token) has loss 0.
    pub fn losses<A: AutodiffBackend<InnerBackend = B>>(&self, batch: &TokenBatch) -> Tensor<B, 1> {
        let hidden = self.hidden::<A>(&batch.inputs(), batch.shape(), &[]);
        self.cross_entropy(&hidden.inner(), batch, false, (SLICE / self.config.vocab_size).max(1)).losses
    }

    /// Losses as [`Decoder::losses`] gives them, and every unit's gradient of its own, from one walk forward and one back.
    ///
    /// With `recompute` only what enters each block is kept on the way forward, and the block is run again on the way
    /// back (Chen et al. 2016, arXiv 1604.06174): memory for activations is then that of one block, for a third more work.
    /// The gradients are the same.
    pub fn gradients<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        batch: &TokenBatch,
        recompute: bool,
    ) -> (Tensor<B, 1>, SampleGradients<B>) {
        let ([n, t], tokens, units) = (batch.shape(), batch.inputs(), batch.units());
        let places = Places::shared(t);
        let mut pass = self.pass::<A>(&places);
        let blocks = self.blocks.len();
        let length = if recompute { 1 } else { blocks };
        let segments: Vec<Range<usize>> = (0..blocks).step_by(length).map(|first| first..first + length).collect();
        let mut x = self.embed(&tokens, [n, t], &places, &pass).inner();
        let mut starts = Vec::with_capacity(segments.len());
        for segment in &segments {
            starts.push(x.clone());
            if segment.end < blocks {
                x = self.through(segment, lift(x), &mut pass).inner();
            }
        }
        let mut gradients = SampleGradients::new(units, self.slots.clone());
        let mut room = Room::default();
        let mut losses = Tensor::zeros([units], &self.device);
        let mut logit_slopes = Vec::new();
        let mut last_hidden = None;
        // dL/d(what a segment gives); known for the last one only after the head.
        let mut slope: Option<Tensor<B, 3>> = None;
        for (segment, start) in segments.iter().zip(starts).rev() {
            let below = self.is_trained_below(segment.start);
            let start: Tensor<A, 3> = if below { lift(start).require_grad() } else { lift(start) };
            let mut tape = Tape::default();
            let mut pass = Pass { tape: Some(&mut tape), ..self.pass::<A>(&places) };
            let end = self.through(segment, start.clone(), &mut pass);
            let objective = if let Some(slope) = slope.take() {
                (end * lift(slope)).sum()
            } else {
                let hidden = self.finish(end, &mut pass);
                let plain = hidden.clone().inner();
                let outcome = self.cross_entropy(&plain, batch, true, self.slice(n * t / units));
                (losses, logit_slopes, last_hidden) = (outcome.losses, outcome.logit_slopes, Some(plain));
                outcome.slope.map_or_else(|| hidden.clone().sum(), |slope| (hidden.clone() * lift(slope)).sum())
            };
            if tape.is_empty() && !below {
                break;
            }
            let mut found = objective.backward();
            slope = start.grad_remove(&mut found);
            tape.collect(&mut found, &mut gradients, &mut room);
            if !below {
                break;
            }
        }
        self.collect_tables(&tokens, slope, last_hidden.as_ref(), logit_slopes, &mut gradients, &mut room);
        (losses, gradients)
    }

    /// Some blocks, one after the other.
    fn through<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        segment: &Range<usize>,
        x: Tensor<A, 3>,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        self.blocks[segment.clone()].iter().fold(x, |x, block| block.forward(x, &self.config, pass))
    }

    /// Whether something is trained before a block.
    fn is_trained_below(&self, block: usize) -> bool {
        let tables = [Some(&self.embedding), self.positions.as_ref()];
        tables.into_iter().flatten().any(|table| table.slot.is_some())
            || self.blocks[..block].iter().any(Block::is_trained)
    }

    /// Rows of a slice: where the head is trained, whole units of so many rows.
    fn slice(&self, unit: usize) -> usize {
        let most = (SLICE / self.config.vocab_size).max(1);
        if self.head_table().slot.is_some() { (most / unit).max(1) * unit } else { most }
    }

    /// Gradients of the tables: places, token ids, and the head.
    fn collect_tables(
        &self,
        tokens: &[i32],
        slope: Option<Tensor<B, 3>>,
        hidden: Option<&Tensor<B, 2>>,
        logit_slopes: Vec<(usize, Tensor<B, 2>)>,
        gradients: &mut SampleGradients<B>,
        room: &mut Room,
    ) {
        let units = gradients.units();
        if let (Some(slope), Some(slot)) = (&slope, self.positions.as_ref().and_then(|table| table.slot)) {
            let [n, t, width] = slope.dims();
            let rows = slope.clone().reshape([units, n / units, t * width]).sum_dim(1);
            gradients.add_whole(slot, rows.reshape([units, t, width]));
        }
        let of_units = |x: Tensor<B, 2>, units: usize| {
            let [rows, width] = x.dims();
            x.reshape([units, rows / units, width])
        };
        let per_unit = tokens.len() / units;
        let embedded = slope.map(|slope| slope.mul_scalar(self.config.embedding_scale));
        let rows_of = |first: usize, count: usize| -> Option<Tensor<B, 3>> {
            let [n, t, width] = embedded.as_ref()?.dims();
            Some(embedded.clone()?.reshape([units, n / units * t, width]).narrow(0, first, count))
        };
        if let Some(slot) = self.embedding.slot.filter(|_| self.head.is_some())
            && let Some(slopes) = rows_of(0, units)
        {
            gradients.add_rows(slot, 0, tokens.to_vec(), slopes, None);
        }
        let Some(slot) = self.head_table().slot else { return };
        for (first, slopes) in logit_slopes {
            let count = slopes.dims()[0] / per_unit;
            let Some(hidden) = hidden else { continue };
            let hidden = of_units(hidden.clone().narrow(0, first * per_unit, count * per_unit), count);
            let slopes = of_units(slopes, count);
            if self.head.is_some() {
                gradients.add_product(slot, first, slopes, hidden, room);
            } else if let Some(embedded) = rows_of(first, count) {
                let ids = tokens[first * per_unit..][..count * per_unit].to_vec();
                gradients.add_rows(slot, first, ids, embedded, Some((slopes, hidden)));
            }
        }
    }

    /// Head and cross-entropy, with the gradient (where it is wanted) written out instead of tracked.
    ///
    /// With `p = softmax(h E^T)`, one-hot targets `o` and weights `w`, the summed loss has `dL/dlogits = w (p - o)` and
    /// `dL/dh = w (p - o) E`. Computing that here keeps the `[n t, vocab_size]` matrix out of autodiff, which would
    /// walk it a dozen times; and going through it in slices of so many rows keeps it out of memory, unless the head itself is
    /// trained. The slow twin (log-softmax and gather inside autodiff) is in the tests.
    pub(super) fn cross_entropy(
        &self,
        hidden: &Tensor<B, 2>,
        batch: &TokenBatch,
        gradient: bool,
        slice: usize,
    ) -> HeadOutcome<B> {
        let ([n, t], units) = (batch.shape(), batch.units());
        let rows = n * t;
        let targets = Tensor::<B, 2, Int>::from_data(TensorData::new(batch.targets(), [rows, 1]), &self.device);
        let weights = Tensor::<B, 2>::from_data(TensorData::new(batch.weights.clone(), [rows, 1]), &self.device);
        let (head, kept) = (self.head_weight(), gradient && self.head_table().slot.is_some());
        let (mut losses, mut slopes, mut logit_slopes) = (Vec::new(), Vec::new(), Vec::new());
        for first in (0..rows).step_by(slice) {
            let count = slice.min(rows - first);
            let (targets, weights) = (targets.clone().narrow(0, first, count), weights.clone().narrow(0, first, count));
            let (loss, slope) =
                self.head_rows(hidden.clone().narrow(0, first, count), &head, targets, weights, gradient);
            losses.push(loss);
            if let Some(slope) = slope {
                slopes.push(slope.clone().matmul(head.clone()));
                if kept {
                    logit_slopes.push((first / (rows / units), slope));
                }
            }
        }
        let losses = Tensor::cat(losses, 0).reshape([units, rows / units]).sum_dim(1).reshape([units]);
        HeadOutcome { losses, slope: gradient.then(|| Tensor::cat(slopes, 0)), logit_slopes }
    }

    /// Weighted losses `[rows, 1]` of hidden states `[rows, hidden_size]`, and `dL/dlogits`, `[rows, vocab_size]`.
    fn head_rows(
        &self,
        hidden: Tensor<B, 2>,
        head: &Tensor<B, 2>,
        targets: Tensor<B, 2, Int>,
        weights: Tensor<B, 2>,
        gradient: bool,
    ) -> (Tensor<B, 2>, Option<Tensor<B, 2>>) {
        let mut logits = hidden.matmul(head.clone().transpose());
        // d(cap tanh(z / cap))/dz = 1 - tanh(z / cap)^2.
        let mut bend = None;
        if let Some(cap) = self.config.final_softcap {
            let level = logits.div_scalar(cap).tanh();
            bend = Some(level.clone().powi_scalar(2).neg().add_scalar(1.0));
            logits = level.mul_scalar(cap);
        }
        // log(sum exp z) - z_target. The likeliest token's probability is exp 0 over the total, so the total is had back
        // from it without another walk over all logits, and however unlikely the target is.
        let (highest, likeliest) = logits.clone().max_dim_with_indices(1);
        let chosen = logits.clone().gather(1, targets.clone()) - highest;
        let probabilities = activation::softmax(logits, 1);
        let total = probabilities.clone().gather(1, likeliest).recip();
        let losses = (total.log() - chosen) * weights.clone();
        let slope = gradient.then(|| {
            let slope = probabilities * weights.clone();
            let slope = slope.scatter(1, targets, weights.neg(), IndexingUpdateOp::Add);
            match bend {
                Some(bend) => slope * bend,
                None => slope,
            }
        });
        (losses, slope)
    }
}
