//! Weight files: safetensors in, safetensors out, everything else refused by its content.
//!
//! A pickle runs code when it is loaded, so it is recognised by its first bytes and never parsed. A safetensors header
//! is bounded and checked (offsets, shapes, overflow) by the `safetensors` crate before a weight is touched; shapes
//! are then compared with what `config.json` promises.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use crate::Error;

/// The one file a model folder must have.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// A safetensors file in memory.
pub struct WeightFile {
    path: PathBuf,
    bytes: Vec<u8>,
    digest: String,
}

impl WeightFile {
    /// Reads `model.safetensors` of `folder`; with `pinned`, only if its SHA-256 is that.
    ///
    /// # Errors
    /// [`Error::UnsafeFormat`] when the file, or the only weights in the folder, are of another format;
    /// [`Error::WrongDigest`]; [`Error::Unreadable`]; [`Error::BadWeights`].
    pub fn open(folder: &Path, pinned: Option<&str>) -> Result<Self, Error> {
        let path = folder.join(WEIGHTS_FILE);
        if !path.exists() {
            refuse_other_weights(folder)?;
        }
        Self::read(path, pinned)
    }

    /// Reads one safetensors file.
    ///
    /// # Errors
    /// As [`WeightFile::open`].
    pub fn read(path: PathBuf, pinned: Option<&str>) -> Result<Self, Error> {
        let bytes = std::fs::read(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        if let Some(found) = foreign_format(&bytes) {
            return Err(Error::UnsafeFormat { path, found });
        }
        let digest = hex(&Sha256::digest(&bytes));
        if let Some(expected) = pinned.filter(|expected| !expected.eq_ignore_ascii_case(&digest)) {
            return Err(Error::WrongDigest { path, found: digest, expected: expected.to_owned() });
        }
        let file = Self { path, bytes, digest };
        file.tensors()?;
        Ok(file)
    }

    /// SHA-256 of the whole file, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn tensors(&self) -> Result<SafeTensors<'_>, Error> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::BadWeights { path: self.path.clone(), reason: error.to_string() })
    }

    /// Whether the file has a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors().is_ok_and(|tensors| tensors.tensor(name).is_ok())
    }

    /// One tensor in f32, row-major, checked against the shape it must have.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::WrongShape`], or [`Error::BadWeights`] for an integer tensor.
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let tensors = self.tensors()?;
        let view = tensors
            .tensor(name)
            .map_err(|_| Error::MissingTensor { path: self.path.clone(), name: name.to_owned() })?;
        if view.shape() != expected {
            let (found, expected) = (view.shape().to_vec(), expected.to_vec());
            return Err(Error::WrongShape { path: self.path.clone(), name: name.to_owned(), found, expected });
        }
        to_f32(&view).ok_or_else(|| Error::BadWeights {
            path: self.path.clone(),
            reason: format!("tensor {name} has type {:?}; only F32, F16 and BF16 can be run", view.dtype()),
        })
    }
}

fn to_f32(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let halves = || view.data().as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    match view.dtype() {
        Dtype::F32 => Some(view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()),
        Dtype::BF16 => Some(halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect()),
        Dtype::F16 => Some(halves().map(|bits| f16::from_bits(bits).to_f32()).collect()),
        _ => None,
    }
}

/// What the first bytes say when they are not safetensors'.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x80, 2..=5, ..] => Some("a Python pickle"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive (PyTorch checkpoint)"),
        [b'G', b'G', b'U', b'F', ..] => Some("a GGUF file"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some("a NumPy file"),
        // A safetensors header is eight bytes of length and then JSON.
        [_, _, _, _, _, _, _, _, b'{', ..] => None,
        _ => Some("an unknown format"),
    }
}

/// A folder without safetensors but with another format gets the answer that helps.
fn refuse_other_weights(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let found = match path.extension().and_then(|extension| extension.to_str()) {
            Some("bin" | "pt" | "pth" | "ckpt" | "pkl") => "a PyTorch checkpoint (pickle)",
            Some("gguf") => "a GGUF file",
            Some("h5") => "an HDF5 file",
            _ => continue,
        };
        return Err(Error::UnsafeFormat { path, found });
    }
    Ok(())
}

/// One named tensor to be written: its values are row-major.
pub struct Named<'a> {
    /// Name in the file.
    pub name: String,
    /// Shape, outermost first.
    pub shape: Vec<usize>,
    /// As many values as the shape says.
    pub values: &'a [f32],
}

/// Serialises tensors as safetensors in f32, in name order.
///
/// # Errors
/// [`Error::BadWeights`] when a shape and its values disagree.
pub fn to_bytes(path: &Path, tensors: &[Named<'_>]) -> Result<Vec<u8>, Error> {
    let broken = |reason: String| Error::BadWeights { path: path.to_owned(), reason };
    let data: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for (tensor, bytes) in tensors.iter().zip(&data) {
        let view =
            TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(|error| broken(error.to_string()))?;
        views.push((tensor.name.as_str(), view));
    }
    // `transformers` asks for this key; without it some loaders refuse the file.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| broken(error.to_string()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, bytes: &[u8]) {
        std::fs::write(folder.join(name), bytes).unwrap();
    }

    fn one_tensor() -> Vec<u8> {
        let values = [1.0_f32, -2.5, 3.25, 0.0, f32::MIN_POSITIVE, 7.0];
        to_bytes(Path::new("x"), &[Named { name: "w".into(), shape: vec![2, 3], values: &values }]).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), WEIGHTS_FILE, &one_tensor());
        let file = WeightFile::open(folder.path(), None).unwrap();
        assert_eq!(file.tensor("w", &[2, 3]).unwrap(), [1.0, -2.5, 3.25, 0.0, f32::MIN_POSITIVE, 7.0]);
        assert!(matches!(file.tensor("w", &[3, 2]), Err(Error::WrongShape { .. })));
        assert!(matches!(file.tensor("v", &[2, 3]), Err(Error::MissingTensor { .. })));
        assert!(WeightFile::open(folder.path(), Some(file.digest())).is_ok());
        assert!(matches!(WeightFile::open(folder.path(), Some("00")), Err(Error::WrongDigest { .. })));
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        let check = |dtype, bits: [u16; 3], expected: [f32; 3]| {
            let bytes: Vec<u8> = bits.iter().flat_map(|word| word.to_le_bytes()).collect();
            let view = TensorView::new(dtype, vec![3], &bytes).unwrap();
            assert_eq!(to_f32(&view).unwrap(), expected);
        };
        check(Dtype::BF16, [0x3f80, 0xc000, 0x4049], [1.0, -2.0, 3.140_625]);
        check(Dtype::F16, [0x3c00, 0xc000, 0x3555], [1.0, -2.0, 0.333_251_95]);
    }

    #[test]
    fn formats_that_run_code_are_recognised_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[u8], &str); 5] = [
            (b"\x80\x04\x95abc", "pickle"),
            (b"PK\x03\x04rest", "zip"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"", "unknown"),
            (b"hello, world", "unknown"),
        ];
        for (bytes, word) in cases {
            write(folder.path(), WEIGHTS_FILE, bytes);
            let error = WeightFile::open(folder.path(), None).err().unwrap();
            assert!(matches!(error, Error::UnsafeFormat { .. }) && error.to_string().contains(word), "{error}");
        }
        std::fs::remove_file(folder.path().join(WEIGHTS_FILE)).unwrap();
        assert!(matches!(WeightFile::open(folder.path(), None), Err(Error::Unreadable { .. })));
        write(folder.path(), "pytorch_model.bin", b"\x80\x02");
        assert!(matches!(WeightFile::open(folder.path(), None), Err(Error::UnsafeFormat { .. })));
    }

    #[test]
    fn every_truncation_and_bit_flip_is_an_error_or_a_tensor_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let good = one_tensor();
        for cut in 0..good.len() {
            write(folder.path(), WEIGHTS_FILE, &good[..cut]);
            assert!(WeightFile::open(folder.path(), None).is_err(), "cut at {cut}");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            write(folder.path(), WEIGHTS_FILE, &bad);
            if let Ok(file) = WeightFile::open(folder.path(), None) {
                let _ = file.tensor("w", &[2, 3]);
            }
        }
    }
}
