//! From a device's name to a Burn backend: the one file with a `cfg` about devices.
//!
//! A caller that needs a backend implements [`OnDevice`]; [`dispatch`] calls it with the backend that the name
//! stands for. So the backend type parameter never reaches the command line, and a new device is one arm here.

use std::any::TypeId;
use std::fmt;
use std::str::FromStr;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{DType, Tensor, TensorData, bf16, f16};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::weights::widened;

/// A device by name: `cpu`, `cuda:0`, `tch:cpu`, `tch:cuda:0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// Burn's pure-Rust CPU backend, `flex`.
    #[default]
    Cpu,
    /// Burn's `CubeCL` CUDA backend, by GPU number. Needs the feature `cuda`.
    Cuda(usize),
    /// `LibTorch` on the CPU. Needs the feature `tch`.
    TchCpu,
    /// `LibTorch` on CUDA, by GPU number. Needs the feature `tch`.
    TchCuda(usize),
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let number = |text: &str| text.parse().map_err(|_| Error::UnknownDevice { name: name.to_owned() });
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", index)) => Ok(Self::Cuda(number(index)?)),
            Some(("tch", "cpu")) => Ok(Self::TchCpu),
            Some(("tch", rest)) => match rest.strip_prefix("cuda:") {
                Some(index) => Ok(Self::TchCuda(number(index)?)),
                None => Err(Error::UnknownDevice { name: name.to_owned() }),
            },
            _ => Err(Error::UnknownDevice { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::TchCpu => f.write_str("tch:cpu"),
            Self::TchCuda(index) => write!(f, "tch:cuda:{index}"),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

/// Work that is generic over the backend it runs on.
pub trait OnDevice {
    /// What the work returns.
    type Output;

    /// Does the work on backend `A`.
    fn run<A: AutodiffBackend>(self, device: &A::Device) -> Self::Output;
}

/// Runs `work` on the backend that `device` names.
///
/// # Errors
/// [`Error::NoDevice`] when this binary was built without the backend, or the machine has no driver for it.
pub fn dispatch<W: OnDevice>(device: Device, work: W) -> Result<W::Output, Error> {
    match device {
        Device::Cpu => Ok(work.run::<burn::backend::Autodiff<burn::backend::Flex>>(&Default::default())),
        #[cfg(feature = "cuda")]
        Device::Cuda(index) => {
            type Cuda = burn::backend::Autodiff<burn::backend::Cuda>;
            let device_handle = burn::backend::cuda::CudaDevice::new(index);
            probe::<burn::backend::Cuda>(device, &device_handle)?;
            Ok(work.run::<Cuda>(&device_handle))
        }
        #[cfg(feature = "tch")]
        Device::TchCpu => {
            Ok(work
                .run::<burn::backend::Autodiff<burn::backend::LibTorch>>(&burn::backend::libtorch::LibTorchDevice::Cpu))
        }
        #[cfg(feature = "tch")]
        Device::TchCuda(index) => Ok(work.run::<burn::backend::Autodiff<burn::backend::LibTorch>>(
            &burn::backend::libtorch::LibTorchDevice::Cuda(index),
        )),
        #[allow(unreachable_patterns, reason = "which arms are left over depends on the features")]
        other => Err(Error::NoDevice { name: other.to_string(), reason: not_built(other).to_owned() }),
    }
}

/// A tensor of a half type in f32.
///
/// Burn's CPU backend casts on one thread and through f64; there the values are widened here, on all cores.
pub(crate) fn widen<B: Backend, const D: usize>(half: Tensor<B, D>) -> Tensor<B, D> {
    if TypeId::of::<B>() != TypeId::of::<burn::backend::Flex>() {
        return half.cast(DType::F32);
    }
    let (device, shape, dtype) = (half.device(), half.dims(), half.dtype());
    let data = half.into_data();
    let values = match dtype {
        DType::BF16 => data.as_slice::<bf16>().map(widened),
        DType::F16 => data.as_slice::<f16>().map(widened),
        _ => data.convert::<f32>().to_vec(),
    };
    // The type was asked for just now, so there is nothing that could disagree.
    Tensor::from_data(TensorData::new(values.unwrap_or_default(), shape), &device)
}

/// What to do about a device that was not compiled in.
fn not_built(device: Device) -> &'static str {
    match device {
        Device::Cuda(_) => "this binary was built without it; build with `cargo build --release -F cuda`",
        _ => "this binary was built without it; build with `-F tch` and a LIBTORCH folder",
    }
}

/// Touches the device once. A missing driver shows as a panic in Burn's device thread; here it becomes an error.
#[cfg(feature = "cuda")]
fn probe<B: burn::tensor::backend::Backend>(device: Device, handle: &B::Device) -> Result<(), Error> {
    let handle = handle.clone();
    let touched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        burn::tensor::Tensor::<B, 1>::ones([2], &handle).into_data()
    }));
    touched.map(|_| ()).map_err(|_| Error::NoDevice {
        name: device.to_string(),
        reason:
            "no usable CUDA driver was found (libcuda, and NVRTC of the CUDA toolkit); `nvidia-smi` should list a GPU"
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["cpu", "cuda:0", "cuda:3", "tch:cpu", "tch:cuda:1"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for name in ["", "gpu", "cuda:", "cuda:x", "tch", "tch:", "tch:cuda", "cpu:0"] {
            assert!(matches!(name.parse::<Device>(), Err(Error::UnknownDevice { .. })), "{name}");
        }
    }

    #[test]
    #[cfg(not(any(feature = "cuda", feature = "tch")))]
    fn a_device_that_is_not_built_in_says_how_to_get_it() {
        struct Nothing;
        impl OnDevice for Nothing {
            type Output = ();
            fn run<A: AutodiffBackend>(self, _device: &A::Device) {}
        }
        assert!(dispatch(Device::Cpu, Nothing).is_ok());
        let message = dispatch(Device::Cuda(0), Nothing).unwrap_err().to_string();
        assert!(message.contains("-F cuda"), "{message}");
    }
}
