//! Which weights are trained, and what they are now.

use std::collections::HashMap;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::Decoder;
use super::layers::{Linear, Lora, Norm, Table, merge, wide};
use crate::lora::tensor_name;
use crate::trainable::{Start, Tensors};
use crate::{Error, Trainable};

/// Slots by name, taken one by one as the model is walked.
struct Slots<'a> {
    start: &'a Start,
    open: HashMap<&'a str, usize>,
}

impl Slots<'_> {
    fn take(&mut self, name: &str) -> Option<usize> {
        self.open.remove(name)
    }

    /// A linear layer's adapter, where it has one.
    fn lora<B: Backend>(&mut self, linear: &Linear<B>, scale: f64) -> Option<Lora<B>> {
        let slot_b = self.take(&tensor_name(&linear.name, 'B'))?;
        let name_a = tensor_name(&linear.name, 'A');
        let slot_a = self.take(&name_a);
        let Start { trained, fixed } = self.start;
        let (tensors, place) = match slot_a {
            Some(slot) => (trained, slot),
            None => (fixed, fixed.names.iter().position(|name| *name == name_a)?),
        };
        let device = linear.weight.device();
        let (a, b) = (matrix(tensors, place, &device), matrix(trained, slot_b, &device));
        let merged = merge(&linear.weight, &a, &b, scale);
        Some(Lora { a, b, scale, slot_a, slot_b, merged })
    }
}

/// A tensor as a matrix; a vector is one row.
fn matrix<B: Backend>(tensors: &Tensors, slot: usize, device: &B::Device) -> Tensor<B, 2> {
    let shape = match tensors.shapes[slot][..] {
        [rows, columns] => [rows, columns],
        _ => [1, tensors.values[slot].len()],
    };
    Tensor::from_data(TensorData::new(tensors.values[slot].clone(), shape), device)
}

impl<B: Backend> Decoder<B> {
    /// Says what is trained, and puts its first values in place.
    ///
    /// # Errors
    /// [`Error::Untrainable`] for a tensor that is no part of this model: every one must have its place, and one alone.
    pub fn attach(&mut self, trainable: &Trainable, start: &Start) -> Result<(), Error> {
        let names = start.trained.names.iter();
        let mut slots = Slots { start, open: names.enumerate().map(|(slot, name)| (name.as_str(), slot)).collect() };
        let norm = |norm: &mut Norm<B>, slots: &mut Slots<'_>| {
            norm.slots = ["weight", "bias"].map(|part| slots.take(&format!("{}.{part}", norm.name)));
        };
        for table in [&mut self.embedding].into_iter().chain(&mut self.positions).chain(&mut self.head) {
            table.slot = slots.take(&table.name);
        }
        for block in &mut self.blocks {
            block.norms.iter_mut().chain(block.head_norms.iter_mut().flatten()).for_each(|part| norm(part, &mut slots));
            for linear in &mut block.linears {
                linear.slots = ["weight", "bias"].map(|part| slots.take(&format!("{}.{part}", linear.name)));
                linear.lora = match trainable {
                    Trainable::Lora(spec) => slots.lora(linear, spec.scale()),
                    Trainable::Weights(_) => None,
                };
            }
        }
        norm(&mut self.norm, &mut slots);
        // The first in order, so that the same mistake has the same message every time.
        if let Some((name, _)) = slots.open.iter().min_by_key(|(_, slot)| **slot) {
            return Err(Error::Untrainable { name: (*name).to_owned() });
        }
        self.slots = start.trained.values.iter().map(Vec::len).collect();
        self.put(&start.trained);
        Ok(())
    }

    /// Gives the trained weights new values: tensors of the same shapes and order as at [`Decoder::attach`].
    pub fn put(&mut self, trained: &Tensors) {
        let device = self.device.clone();
        let value = |slot: usize| matrix::<B>(trained, slot, &device);
        let vector = |slot: Option<usize>, own: &mut Tensor<B, 1>| {
            if let Some(slot) = slot {
                *own = value(slot).reshape([trained.values[slot].len()]);
            }
        };
        let table = |table: &mut Table<B>| {
            if let Some(slot) = table.slot {
                table.weight = value(slot);
            }
        };
        let norm = |norm: &mut Norm<B>| {
            vector(norm.slots[0], &mut norm.weight);
            if let Some(bias) = &mut norm.bias {
                vector(norm.slots[1], bias);
            }
        };
        [&mut self.embedding].into_iter().chain(&mut self.positions).chain(&mut self.head).for_each(table);
        for block in &mut self.blocks {
            block.norms.iter_mut().chain(block.head_norms.iter_mut().flatten()).for_each(norm);
            for linear in &mut block.linears {
                if let Some(slot) = linear.slots[0] {
                    linear.weight = if linear.turned { value(slot).transpose() } else { value(slot) };
                }
                if let Some(bias) = &mut linear.bias {
                    vector(linear.slots[1], bias);
                }
                if let Some(lora) = &mut linear.lora {
                    if let Some(slot) = lora.slot_a {
                        lora.a = value(slot);
                    }
                    lora.b = value(lora.slot_b);
                    lora.merged = merge(&wide(&linear.weight), &lora.a, &lora.b, lora.scale);
                }
            }
        }
        norm(&mut self.norm);
    }
}
