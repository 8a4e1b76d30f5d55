//! One gradient per unit, in whatever form is cheapest: to be measured, weighted and added up, never all held at once.
//!
//! Small gradients (adapters, biases, norms) are held as they are. A linear weight's is a product `left_i^T right_i` over the
//! unit's tokens, and there are three ways to its norm; the cheapest by operations is taken, the first only while
//! there is room:
//!
//! - *kept*: multiply out and hold; the weighted sum is then a sum of what is held;
//! - *ghost* (Goodfellow 2015, arXiv 1510.01799; Li et al. 2022, arXiv 2110.05679): `sum_st (left_s . left_t)(right_s . right_t)`, in
//!   tiles, of which those above the diagonal are not computed, because they repeat those below;
//! - *dropped*: multiply out one unit at a time, measure, forget.
//!
//! For the last two, the weighted sum is one product over all units' tokens (book-keeping, Bu et al. 2023, arXiv 2210.00038).
//! An embedding's gradient is summed by token id within each unit; a head that shares the table adds its own norm
//! and the cross term `2 <embedding, head>`.
//!
//! # Rounding
//! A norm that was had from products can be too small where long terms cancel. With `S = (sum_t |left_t| |right_t|)^2`, the
//! size of the terms, the squared norm is raised by 2⁻²⁰ `S` beyond what the clipping margin covers anyway, so
//! a gradient that lives on cancellation is clipped a little more, and never too little.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, backend::Backend};

/// Tokens of a ghost norm's tile. Small in this crate's own tests, so that their short units have several.
const TILE: usize = if cfg!(test) { 4 } else { 128 };

/// Relative error that is allowed for in a sum of f32 products, against the size of its terms: 16 units in the last place.
const CANCELLATION: f64 = 1.0 / (1 << 20) as f64;

/// Share of a squared norm that the clipping margin (2^-10 of the norm) leaves for rounding, halved.
const MARGIN: f64 = 1.0 / 1024.0;

/// Bytes of gradients that one physical batch may hold multiplied out.
const KEPT_BYTES: usize = 1 << 30;

/// What it costs to write a value and to read it twice, in the operations that a product does meanwhile.
const TOUCH: usize = 60;

/// How much may still be kept.
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(KEPT_BYTES)
    }
}

/// Every unit's gradient.
///
/// The slots are those of [`crate::Tensors`]; values of a slot are in its file's order.
pub struct SampleGradients<B: Backend> {
    units: usize,
    /// Values of each slot.
    lengths: Vec<usize>,
    parts: Vec<Part<B>>,
}

/// Some units' gradients of one slot.
struct Part<B: Backend> {
    slot: usize,
    /// The first of the units.
    first: usize,
    kind: Kind<B>,
}

enum Kind<B: Backend> {
    /// `[units, rows, columns]`; fewer values than the slot has are its first ones, and the rest are zero.
    Whole(Tensor<B, 3>),
    Product(Product<B>),
    /// Gradients of rows of a table, `[units, tokens, width]`, and which rows they are; with the head's product where it
    /// shares the table.
    Rows {
        ids: Vec<i32>,
        slopes: Tensor<B, 3>,
        head: Option<Product<B>>,
    },
}

/// Unit `i`'s gradient is `left_i^T right_i`, over its tokens.
struct Product<B: Backend> {
    /// `[units, tokens, rows]`.
    left: Tensor<B, 3>,
    /// `[units, tokens, columns]`.
    right: Tensor<B, 3>,
}

/// A squared norm, and the size of the terms that it was had from, `[units]` each.
struct Square<B: Backend> {
    value: Tensor<B, 1>,
    /// The root of `S`.
    terms: Option<Tensor<B, 1>>,
}

impl<B: Backend> SampleGradients<B> {
    pub(crate) fn new(units: usize, lengths: Vec<usize>) -> Self {
        Self { units, lengths, parts: Vec::new() }
    }

    /// Gradients that are held: one tensor `[units, rows, columns]` a slot, all with the same number of units.
    pub fn held(gradients: Vec<Tensor<B, 3>>) -> Self {
        let lengths = gradients.iter().map(|gradient| gradient.dims()[1] * gradient.dims()[2]).collect();
        let mut held = Self::new(gradients.first().map_or(0, |gradient| gradient.dims()[0]), lengths);
        gradients.into_iter().enumerate().for_each(|(slot, gradient)| held.add_whole(slot, gradient));
        held
    }

    /// Units, padding included.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Tensors that are trained.
    pub fn slots(&self) -> usize {
        self.lengths.len()
    }

    /// `gradient: [units, rows, columns]`.
    pub(crate) fn add_whole(&mut self, slot: usize, gradient: Tensor<B, 3>) {
        self.parts.push(Part { slot, first: 0, kind: Kind::Whole(gradient) });
    }

    /// Gradients `left_i^T right_i` of the units from `first` on.
    pub(crate) fn add_product(
        &mut self,
        slot: usize,
        first: usize,
        left: Tensor<B, 3>,
        right: Tensor<B, 3>,
        room: &mut Room,
    ) {
        let ([units, tokens, rows], [_, _, columns]) = (left.dims(), right.dims());
        let bytes = units * rows * columns * size_of::<f32>();
        let kind = if keeps(tokens, rows, columns) && bytes <= room.0 {
            room.0 -= bytes;
            Kind::Whole(left.swap_dims(1, 2).matmul(right))
        } else {
            Kind::Product(Product { left, right })
        };
        self.parts.push(Part { slot, first, kind });
    }

    /// Gradients of rows `ids` of a table, `slopes: [units, tokens, width]`, and of a head that shares it.
    pub(crate) fn add_rows(
        &mut self,
        slot: usize,
        first: usize,
        ids: Vec<i32>,
        slopes: Tensor<B, 3>,
        head: Option<(Tensor<B, 3>, Tensor<B, 3>)>,
    ) {
        let head = head.map(|(left, right)| Product { left, right });
        self.parts.push(Part { slot, first, kind: Kind::Rows { ids, slopes, head } });
    }

    /// The first slot that does not have exactly one gradient for every unit.
    ///
    /// A tensor that is trained but missing here would be noised and never learn; one that is here twice would be clipped as
    /// if it were there once.
    pub fn uncovered(&self) -> Option<usize> {
        let mut covered = vec![vec![0_u32; self.units]; self.lengths.len()];
        for part in &self.parts {
            covered[part.slot][part.first..][..part.kind.units()].iter_mut().for_each(|count| *count += 1);
        }
        covered.iter().position(|units| units.iter().any(|count| *count != 1))
    }

    /// Squared L2 norm of every unit's gradient, slot by slot: `[slot][unit]`.
    ///
    /// Not finite where a gradient is not, or where its square overflows f32.
    pub fn squares(&self) -> Vec<Vec<f32>> {
        let mut squares = vec![vec![0.0; self.units]; self.lengths.len()];
        let Some(device) = self.device() else { return squares };
        let zeros = |count: usize| Tensor::<B, 1>::zeros([count], &device);
        // One download for all: an accelerator answers questions slowly.
        let all: Vec<Tensor<B, 1>> = self
            .parts
            .iter()
            .flat_map(|part| {
                let Square { value, terms } = part.kind.square();
                let terms = terms.unwrap_or_else(|| zeros(part.kind.units()));
                [value, terms]
            })
            .collect();
        let mut values = host(Tensor::cat(all, 0)).into_iter();
        for part in &self.parts {
            let count = part.kind.units();
            let (value, terms): (Vec<f32>, Vec<f32>) =
                (values.by_ref().take(count).collect(), values.by_ref().take(count).collect());
            for ((square, value), terms) in squares[part.slot][part.first..].iter_mut().zip(value).zip(terms) {
                *square += raised(value, terms);
            }
        }
        squares
    }

    /// `sum_i factors[slot][i] * gradient_i` of every slot, in f32 on the host.
    ///
    /// A factor of exactly zero removes a unit even where its gradient is infinite or not a number (`0 * NaN` is `NaN`, so
    /// the gradient itself is replaced), if `faulty` says that there may be such units.
    ///
    /// # Shapes
    /// `factors`: as many slots and units as there are.
    pub fn weighted_sum(self, factors: &[Vec<f32>], faulty: bool) -> Vec<Vec<f32>> {
        let mut sums: Vec<Option<Tensor<B, 1>>> = self.lengths.iter().map(|_| None).collect();
        for Part { slot, first, kind } in self.parts {
            let weights = &factors[slot][first..][..kind.units()];
            let sum = kind.weighted_sum(weights, faulty, self.lengths[slot]);
            sums[slot] = Some(match sums[slot].take() {
                Some(before) => before + sum,
                None => sum,
            });
        }
        let lengths = self.lengths.iter();
        let whole = |sum: Option<Tensor<B, 1>>, length: &usize| {
            let mut values = sum.map_or_else(Vec::new, host);
            values.resize(*length, 0.0);
            values
        };
        sums.into_iter().zip(lengths).map(|(sum, length)| whole(sum, length)).collect()
    }

    fn device(&self) -> Option<B::Device> {
        self.parts.first().map(|part| match &part.kind {
            Kind::Whole(gradient) => gradient.device(),
            Kind::Product(product) => product.left.device(),
            Kind::Rows { slopes, .. } => slopes.device(),
        })
    }
}

/// L2 norms over all slots together, `[unit]`, from [`SampleGradients::squares`].
pub fn norms(squares: &[Vec<f32>]) -> Vec<f32> {
    let units = squares.first().map_or(0, Vec::len);
    let square = |unit: usize| squares.iter().map(|slot| f64::from(slot[unit])).sum::<f64>();
    (0..units).map(|unit| square(unit).sqrt() as f32).collect()
}

/// A squared norm, raised where rounding may have made it too small.
fn raised(square: f32, terms: f32) -> f32 {
    let (square, terms) = (f64::from(square), f64::from(terms));
    if square.is_nan() {
        return f32::NAN;
    }
    let square = square.max(0.0);
    (square + (CANCELLATION * terms * terms - MARGIN * square).max(0.0)) as f32
}

/// Whether multiplying out and holding is cheaper than a ghost norm and a product for the sum: `T^2 (r + c)` operations
/// against touching `r c` values. (The product itself is in both.)
fn keeps(tokens: usize, rows: usize, columns: usize) -> bool {
    tokens * tokens * (rows + columns) > TOUCH * rows * columns
}

/// Whether a ghost norm is cheaper than multiplying out a second time.
fn is_ghost(tokens: usize, rows: usize, columns: usize) -> bool {
    tokens * (rows + columns) <= 2 * rows * columns
}

impl<B: Backend> Kind<B> {
    fn units(&self) -> usize {
        match self {
            Self::Whole(gradient) => gradient.dims()[0],
            Self::Product(product) => product.left.dims()[0],
            Self::Rows { slopes, .. } => slopes.dims()[0],
        }
    }

    fn square(&self) -> Square<B> {
        match self {
            Self::Whole(gradient) => Square { value: sum_of_squares(gradient.clone()), terms: None },
            Self::Product(product) => product.square(),
            Self::Rows { ids, slopes, head } => {
                let rows = sum_of_squares(by_id(ids, slopes));
                let Some(head) = head else { return Square { value: rows, terms: None } };
                let Square { value, terms } = head.square();
                // A unit's two gradients can cancel each other, too.
                let terms = terms.map(|terms| terms + lengths(slopes).sum_dim(1).reshape([slopes.dims()[0]]));
                Square { value: value + rows + cross_term(ids, slopes, head).mul_scalar(2.0), terms }
            }
        }
    }

    /// `[values]`.
    fn weighted_sum(self, factors: &[f32], faulty: bool, length: usize) -> Tensor<B, 1> {
        let units = factors.len();
        let dropped = faulty && factors.contains(&0.0);
        let weights =
            |device: &B::Device| Tensor::<B, 1>::from_data(TensorData::new(factors.to_vec(), [units]), device);
        let clean = |x: Tensor<B, 3>| {
            if !dropped {
                return x;
            }
            let gone = weights(&x.device()).equal_elem(0.0).reshape([units, 1, 1]);
            let shape = x.dims();
            x.mask_fill(gone.expand(shape), 0.0)
        };
        match self {
            Self::Whole(gradient) => {
                let [_, rows, columns] = gradient.dims();
                let weights = weights(&gradient.device()).reshape([1, units]);
                weights.matmul(clean(gradient).reshape([units, rows * columns])).reshape([rows * columns])
            }
            Self::Product(product) => {
                let weights = weights(&product.left.device());
                product.map(clean).weighted_sum(weights)
            }
            Self::Rows { ids, slopes, head } => {
                let [_, tokens, width] = slopes.dims();
                let (device, count) = (slopes.device(), ids.len());
                let weights = weights(&device);
                let slopes = (clean(slopes) * weights.clone().reshape([units, 1, 1])).reshape([units * tokens, width]);
                let into = match head {
                    Some(head) => head.map(clean).weighted_sum(weights).reshape([length / width, width]),
                    None => Tensor::zeros([length / width, width], &device),
                };
                let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids, [count]), &device);
                into.select_assign(0, ids, slopes, IndexingUpdateOp::Add).reshape([length])
            }
        }
    }
}

impl<B: Backend> Product<B> {
    fn map(self, change: impl Fn(Tensor<B, 3>) -> Tensor<B, 3>) -> Self {
        Self { left: change(self.left), right: change(self.right) }
    }

    fn square(&self) -> Square<B> {
        let ([units, tokens, rows], [_, _, columns]) = (self.left.dims(), self.right.dims());
        let value = if is_ghost(tokens, rows, columns) { self.ghost() } else { self.dropped() };
        let terms = (lengths(&self.left) * lengths(&self.right)).sum_dim(1).reshape([units]);
        Square { value, terms: Some(terms) }
    }

    /// `sum_st (left_s . left_t)(right_s . right_t)`, tile by tile.
    fn ghost(&self) -> Tensor<B, 1> {
        let [units, tokens, _] = self.left.dims();
        let mut total = Tensor::zeros([units], &self.left.device());
        for first in (0..tokens).step_by(TILE) {
            let count = TILE.min(tokens - first);
            let gram = |x: &Tensor<B, 3>| {
                let until = x.clone().narrow(1, 0, first + count).swap_dims(1, 2);
                x.clone().narrow(1, first, count).matmul(until)
            };
            let both = gram(&self.left) * gram(&self.right);
            let square = both.clone().narrow(2, first, count).sum_dim(2).sum_dim(1).reshape([units]);
            total = total + square;
            if first > 0 {
                // What lies left of the diagonal lies above it, too.
                total = total + both.narrow(2, 0, first).sum_dim(2).sum_dim(1).reshape([units]).mul_scalar(2.0);
            }
        }
        total
    }

    /// The gradient itself, one unit after the other.
    fn dropped(&self) -> Tensor<B, 1> {
        let [units, ..] = self.left.dims();
        let one = |unit: usize| {
            let of = |x: &Tensor<B, 3>| x.clone().narrow(0, unit, 1);
            sum_of_squares(of(&self.left).swap_dims(1, 2).matmul(of(&self.right)))
        };
        Tensor::cat((0..units).map(one).collect(), 0)
    }

    /// `sum_i weights_i left_i^T right_i`, row-major. The smaller factor is the one that is scaled.
    fn weighted_sum(self, weights: Tensor<B, 1>) -> Tensor<B, 1> {
        let ([units, tokens, rows], [_, _, columns]) = (self.left.dims(), self.right.dims());
        let weights = weights.reshape([units, 1, 1]);
        let (left, right) =
            if rows < columns { (self.left * weights, self.right) } else { (self.left, self.right * weights) };
        let (left, right) = (left.reshape([units * tokens, rows]), right.reshape([units * tokens, columns]));
        left.transpose().matmul(right).reshape([rows * columns])
    }
}

/// Length of every last row: `[units, tokens, width]` to `[units, tokens, 1]`.
fn lengths<B: Backend>(x: &Tensor<B, 3>) -> Tensor<B, 3> {
    (x.clone() * x.clone()).sum_dim(2).sqrt()
}

/// `[units, rows, columns]` to `[units]`, in two stages: one long f32 sum would round more.
fn sum_of_squares<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 1> {
    let [units, ..] = x.dims();
    (x.clone() * x).sum_dim(2).sum_dim(1).reshape([units])
}

/// Gradients of the same row within a unit, added up: `[units, tokens, width]`, in which some rows stay zero.
fn by_id<B: Backend>(ids: &[i32], slopes: &Tensor<B, 3>) -> Tensor<B, 3> {
    let ([units, tokens, width], device) = (slopes.dims(), slopes.device());
    let mut places = Vec::with_capacity(ids.len());
    for (unit, ids) in ids.chunks(tokens).enumerate() {
        let mut first = std::collections::HashMap::new();
        places.extend(ids.iter().enumerate().map(|(t, id)| (unit * tokens + *first.entry(*id).or_insert(t)) as i32));
    }
    let places = Tensor::<B, 1, Int>::from_data(TensorData::new(places, [units * tokens]), &device);
    let rows = slopes.clone().reshape([units * tokens, width]);
    let zeros = Tensor::zeros([units * tokens, width], &device);
    zeros.select_assign(0, places, rows, IndexingUpdateOp::Add).reshape([units, tokens, width])
}

/// `<embedding_i, head_i>` of every unit: `sum_st left[t, id_s] (right_t . slope_s)`.
fn cross_term<B: Backend>(ids: &[i32], slopes: &Tensor<B, 3>, head: &Product<B>) -> Tensor<B, 1> {
    let ([_, tokens, width], device) = (slopes.dims(), slopes.device());
    let [_, _, rows] = head.left.dims();
    let one = |(unit, ids): (usize, &[i32])| {
        let of = |x: &Tensor<B, 3>, width: usize| x.clone().narrow(0, unit, 1).reshape([tokens, width]);
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids.to_vec(), [tokens]), &device);
        let chosen = of(&head.left, rows).select(1, ids);
        let products = of(&head.right, width).matmul(of(slopes, width).transpose());
        (chosen * products).sum_dim(1).sum()
    };
    Tensor::cat(ids.chunks(tokens).enumerate().map(one).collect(), 0)
}

fn host<B: Backend>(x: Tensor<B, 1>) -> Vec<f32> {
    // Moves the buffer where the tensor is its only owner; `to_vec` would copy a whole model's gradient.
    x.into_data().convert::<f32>().into_vec().unwrap_or_default()
}

#[cfg(test)]
mod tests;
