//! Weight files: safetensors in, safetensors out, everything else refused by its content.
//!
//! A pickle runs code when it is loaded, so it is recognised by its first bytes and never parsed. A safetensors header is
//! bounded, and its offsets, shapes and sizes are checked by the `safetensors` crate and against the length of the file before
//! a weight is touched; shapes are then compared with what `config.json` promises. Weights are read one tensor at a
//! time, so loading takes the model's memory and little more.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::{bf16, f16};
use rayon::prelude::*;
use safetensors::tensor::{Dtype, Metadata, SafeTensorError, TensorInfo, View};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Error;

/// The weights of a folder that has them in one file.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// The list of files of a folder that has them in several.
pub const INDEX_FILE: &str = "model.safetensors.index.json";
/// Longest header that is read, that of the `safetensors` crate.
const HEADER_MAX: u64 = 100_000_000;

/// The tensors of one model folder, or of one file.
pub struct WeightFile {
    path: PathBuf,
    shards: Vec<Shard>,
    /// Which shard has a tensor.
    place: HashMap<String, usize>,
    digest: String,
}

/// Where a tensor's bytes lie, and what they are.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) offset: u64,
    pub(crate) dtype: Dtype,
}

/// One safetensors file.
struct Shard {
    path: PathBuf,
    file: File,
    header: Metadata,
    /// SHA-256 of the file.
    digest: String,
    /// Where the header ends and the tensors begin.
    start: u64,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl WeightFile {
    /// Opens the weights of `folder`; with `pinned`, only if their SHA-256 is that.
    ///
    /// # Errors
    /// [`Error::UnsafeFormat`] when the file, or the only weights in the folder, are of another format;
    /// [`Error::WrongDigest`]; [`Error::Unreadable`]; [`Error::BadWeights`].
    pub fn open(folder: &Path, pinned: Option<&str>) -> Result<Self, Error> {
        let path = folder.join(WEIGHTS_FILE);
        let index = folder.join(INDEX_FILE);
        if !path.exists() && index.exists() {
            return Self::open_shards(folder, index, pinned);
        }
        if !path.exists() {
            refuse_other_weights(folder)?;
        }
        Self::read(path, pinned)
    }

    /// Opens one safetensors file.
    ///
    /// # Errors
    /// As [`WeightFile::open`].
    pub fn read(path: PathBuf, pinned: Option<&str>) -> Result<Self, Error> {
        let shard = Shard::open(path.clone())?;
        let digest = shard.digest.clone();
        let place = shard.header.tensors().into_keys().map(|name| (name, 0)).collect();
        Self { path, shards: vec![shard], place, digest }.pinned(pinned)
    }

    fn open_shards(folder: &Path, path: PathBuf, pinned: Option<&str>) -> Result<Self, Error> {
        let broken = |reason: String| Error::BadWeights { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        let index: Index = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        let names: BTreeSet<&String> = index.weight_map.values().collect();
        let (mut shards, mut place, mut total) = (Vec::new(), HashMap::new(), Sha256::new());
        for name in names {
            // A name with a path in it could point anywhere on the machine.
            if Path::new(name).file_name().is_none_or(|last| last != name.as_str()) {
                return Err(broken(format!("the shard {name:?} is not a file beside it")));
            }
            let shard = Shard::open(folder.join(name))?;
            total.update(format!("{}  {name}\n", shard.digest));
            let tensors = shard.header.tensors().into_keys();
            place
                .extend(tensors.filter(|tensor| index.weight_map.get(tensor) == Some(name)).map(|t| (t, shards.len())));
            shards.push(shard);
        }
        if let Some(missing) = index.weight_map.keys().find(|tensor| !place.contains_key(*tensor)) {
            return Err(broken(format!("the tensor {missing} is not in the shard that the index names")));
        }
        Self { path, shards, place, digest: hex(&total.finalize()) }.pinned(pinned)
    }

    fn pinned(self, pinned: Option<&str>) -> Result<Self, Error> {
        match pinned.filter(|expected| !expected.eq_ignore_ascii_case(&self.digest)) {
            Some(expected) => {
                Err(Error::WrongDigest { path: self.path, found: self.digest, expected: expected.to_owned() })
            }
            None => Ok(self),
        }
    }

    /// SHA-256 of the file, in hex; of several files, that of what `sha256sum` prints about them, sorted by name.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Name and SHA-256 of every file.
    pub fn file_digests(&self) -> impl Iterator<Item = (String, String)> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.shards.iter().map(move |shard| (name(&shard.path), shard.digest.clone()))
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    /// What this file calls a tensor: some files of GPT-2 leave out the first part of every name.
    pub fn own_name<'n>(&self, name: &'n str) -> &'n str {
        if self.has(name) { name } else { name.strip_prefix("transformer.").unwrap_or(name) }
    }

    /// Names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.place.keys().map(String::as_str)
    }

    /// Shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let shard = self.shards.get(*self.place.get(name)?)?;
        shard.header.info(name).map(|info| info.shape.as_slice())
    }

    /// The files, in the order of their names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(|shard| shard.path.as_path())
    }

    /// Where a tensor's bytes lie.
    pub(crate) fn place(&self, name: &str) -> Option<Place<'_>> {
        let shard = self.shards.get(*self.place.get(name)?)?;
        let info = shard.header.info(name)?;
        Some(Place { path: &shard.path, offset: shard.start + info.data_offsets.0 as u64, dtype: info.dtype })
    }

    /// One tensor in f32, row-major, checked against the shape it must have.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::WrongShape`], or [`Error::BadWeights`] for an integer tensor.
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        Ok(match self.stored(name, expected)? {
            Stored::F32(values) => values,
            Stored::Bf16(values) => widened(&values),
            Stored::F16(values) => widened(&values),
        })
    }

    /// Looks whether there is a tensor of this name and shape.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::WrongShape`].
    pub fn check(&self, name: &str, expected: &[usize]) -> Result<(), Error> {
        self.find(name, expected).map(|_| ())
    }

    fn find(&self, name: &str, expected: &[usize]) -> Result<(&Shard, &TensorInfo), Error> {
        let missing = || Error::MissingTensor { path: self.path.clone(), name: name.to_owned() };
        let shard = self.place.get(name).and_then(|place| self.shards.get(*place)).ok_or_else(missing)?;
        let info = shard.header.info(name).ok_or_else(missing)?;
        if info.shape != expected {
            let (found, expected) = (info.shape.clone(), expected.to_vec());
            return Err(Error::WrongShape { path: shard.path.clone(), name: name.to_owned(), found, expected });
        }
        Ok((shard, info))
    }

    /// The same in the type it has in the file.
    pub(crate) fn stored(&self, name: &str, expected: &[usize]) -> Result<Stored, Error> {
        let (shard, info) = self.find(name, expected)?;
        let path = || shard.path.clone();
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        let mut file = &shard.file;
        file.seek(SeekFrom::Start(shard.start + from as u64))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| Error::Unreadable { path: path(), source })?;
        of_bytes(info.dtype, &bytes).ok_or_else(|| Error::BadWeights {
            path: path(),
            reason: format!("tensor {name} has type {:?}; only F32, F16 and BF16 can be run", info.dtype),
        })
    }
}

impl Shard {
    /// Checks one file, reads its header, and computes the SHA-256 of the whole file.
    fn open(path: PathBuf) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.clone(), source };
        let broken = |reason: &str| Error::BadWeights { path: path.clone(), reason: reason.to_owned() };
        let mut file = File::open(&path).map_err(unreadable)?;
        let mut first = Vec::with_capacity(9);
        (&file).take(9).read_to_end(&mut first).map_err(unreadable)?;
        if let Some(found) = foreign_format(&first) {
            return Err(Error::UnsafeFormat { path, found });
        }
        let length = first.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let size = file.metadata().map_err(unreadable)?.len();
        if length > HEADER_MAX || length > size.saturating_sub(8) {
            return Err(broken("the header is longer than the file, or than any header"));
        }
        let mut header = vec![0; length as usize];
        file.seek(SeekFrom::Start(8)).and_then(|_| file.read_exact(&mut header)).map_err(unreadable)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| broken(&error.to_string()))?;
        let start = 8 + length;
        let end = header.tensors().values().map(|info| info.data_offsets.1 as u64).max().unwrap_or(0);
        if start.checked_add(end) != Some(size) {
            return Err(broken("the tensors do not fill the file"));
        }
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut digest = Sha256::new();
        let mut block = vec![0; 1 << 20];
        loop {
            match file.read(&mut block).map_err(unreadable)? {
                0 => break,
                read => digest.update(&block[..read]),
            }
        }
        Ok(Self { path, file, header, digest: hex(&digest.finalize()), start })
    }
}

fn of_bytes(dtype: Dtype, bytes: &[u8]) -> Option<Stored> {
    let halves = || bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    match dtype {
        Dtype::F32 => {
            Some(Stored::F32(bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()))
        }
        Dtype::BF16 => Some(Stored::Bf16(halves().map(bf16::from_bits).collect())),
        Dtype::F16 => Some(Stored::F16(halves().map(f16::from_bits).collect())),
        _ => None,
    }
}

/// Values of a tensor in the type it has in the file.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    F16(Vec<f16>),
}

/// In f32, on all cores. Exact: both half types lie within it.
pub(crate) fn widened<H: Copy + Sync + Into<f32>>(values: &[H]) -> Vec<f32> {
    values.par_iter().with_min_len(1 << 15).map(|value| (*value).into()).collect()
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

/// Writes tensors as safetensors in f32, in name order, over whatever `path` held; not flushed to the device.
///
/// Bytes are made one tensor at a time, so that a model's worth of them is never held.
///
/// # Errors
/// [`Error::BadWeights`] when a shape and its values disagree; [`Error::Unwritable`].
pub fn write(path: &Path, tensors: &[Named<'_>]) -> Result<(), Error> {
    let broken = |reason: String| Error::BadWeights { path: path.to_owned(), reason };
    if let Some(bad) = tensors.iter().find(|tensor| tensor.shape.iter().product::<usize>() != tensor.values.len()) {
        return Err(broken(format!("{} has other values than its shape", bad.name)));
    }
    // `transformers` asks for this key; without it some loaders refuse the file.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    safetensors::serialize_to_file(views, Some(metadata), path).map_err(|error| match error {
        SafeTensorError::IoError(source) => Error::Unwritable { path: path.to_owned(), source },
        error => broken(error.to_string()),
    })
}

impl View for &Named<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
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

    fn bytes_of(tensors: &[Named<'_>]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        super::write(file.path(), tensors).unwrap();
        std::fs::read(file.path()).unwrap()
    }

    fn one_tensor() -> Vec<u8> {
        let values = [1.0_f32, -2.5, 3.25, 0.0, f32::MIN_POSITIVE, 7.0];
        bytes_of(&[Named { name: "w".into(), shape: vec![2, 3], values: &values }])
    }

    #[test]
    fn values_that_do_not_fill_their_shape_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let named = Named { name: "w".into(), shape: vec![2, 3], values: &[1.0] };
        assert!(matches!(super::write(&path, &[named]), Err(Error::BadWeights { .. })));
        assert!(!path.exists());
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
            let found = match of_bytes(dtype, &bytes).unwrap() {
                Stored::F32(values) => values,
                Stored::Bf16(values) => widened(&values),
                Stored::F16(values) => widened(&values),
            };
            assert_eq!(found, expected);
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
    fn shards_are_one_model() {
        let folder = tempfile::tempdir().unwrap();
        let one = |name: &str, value: f32| bytes_of(&[Named { name: name.into(), shape: vec![1], values: &[value] }]);
        write(folder.path(), "a.safetensors", &one("left", 1.0));
        write(folder.path(), "b.safetensors", &one("right", 2.0));
        let index = |right: &str| {
            let text = format!(r#"{{"metadata":{{}},"weight_map":{{"left":"a.safetensors","right":"{right}"}}}}"#);
            write(folder.path(), INDEX_FILE, text.as_bytes());
        };
        index("b.safetensors");
        let file = WeightFile::open(folder.path(), None).unwrap();
        assert_eq!((file.tensor("left", &[1]).unwrap(), file.tensor("right", &[1]).unwrap()), (vec![1.0], vec![2.0]));
        assert!(matches!(WeightFile::open(folder.path(), Some("00")), Err(Error::WrongDigest { .. })));
        let digest = file.digest().to_owned();
        write(folder.path(), "b.safetensors", &one("right", 3.0));
        assert!(matches!(WeightFile::open(folder.path(), Some(&digest)), Err(Error::WrongDigest { .. })));
        for wrong in ["a.safetensors", "../b.safetensors", "/etc/passwd", ""] {
            index(wrong);
            assert!(matches!(WeightFile::open(folder.path(), None), Err(Error::BadWeights { .. })), "{wrong}");
        }
        index("missing.safetensors");
        assert!(matches!(WeightFile::open(folder.path(), None), Err(Error::Unreadable { .. })));
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
