//! BLAKE3, as far as the plan's hash needs it: plain hashing, 256 bits out.
//!
//! The ledger's first line carries the BLAKE3 of the bytes of `plan.json`; a verifier must compute it again. Plans are a
//! few kilobytes, so this is the function written out as the paper defines it (O'Connor, Aumasson, Neves and
//! Wilcox-O'Hearn, "BLAKE3: one function, fast everywhere", 2020), without any of the speed. Its twin in the tests is the
//! ledger's own hash.

const CHUNK: usize = 1024;
const BLOCK: usize = 64;

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;

const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Order in which the next round reads the message words.
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// The four columns and the four diagonals of the state that one round mixes.
const LANES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// BLAKE3 of `bytes`: 64 lower-case hexadecimal digits.
pub(crate) fn blake3(bytes: &[u8]) -> String {
    let mut root = tree(bytes, 0);
    root.flags |= ROOT;
    root.compress().iter().flat_map(|word| word.to_le_bytes()).fold(String::with_capacity(64), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('?'));
        }
        hex
    })
}

/// A compression that is still to be done: its flags depend on whether it is the root.
struct Node {
    chaining: [u32; 8],
    block: [u32; 16],
    counter: u64,
    length: u32,
    flags: u32,
}

impl Node {
    fn compress(&self) -> [u32; 8] {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.chaining;
        let [i0, i1, i2, i3, ..] = IV;
        let (low, high) = (self.counter as u32, (self.counter >> 32) as u32);
        let mut state = [c0, c1, c2, c3, c4, c5, c6, c7, i0, i1, i2, i3, low, high, self.length, self.flags];
        let mut message = self.block;
        for _ in 0..7 {
            for (lane, words) in LANES.iter().zip(message.chunks_exact(2)) {
                mix(&mut state, *lane, words[0], words[1]);
            }
            message = PERMUTATION.map(|from| message[from]);
        }
        std::array::from_fn(|word| state[word] ^ state[word + 8])
    }
}

fn mix(state: &mut [u32; 16], [a, b, c, d]: [usize; 4], first: u32, second: u32) {
    for (word, [turn_d, turn_b]) in [(first, [16, 12]), (second, [8, 7])] {
        state[a] = state[a].wrapping_add(state[b]).wrapping_add(word);
        state[d] = (state[d] ^ state[a]).rotate_right(turn_d);
        state[c] = state[c].wrapping_add(state[d]);
        state[b] = (state[b] ^ state[c]).rotate_right(turn_b);
    }
}

/// The node over `bytes`, which begin with chunk number `counter`: the left side is the largest full tree that leaves
/// something for the right.
fn tree(bytes: &[u8], counter: u64) -> Node {
    if bytes.len() <= CHUNK {
        return chunk(bytes, counter);
    }
    let chunks = (bytes.len() - 1) / CHUNK;
    let left = 1 << chunks.ilog2();
    let (first, second) = bytes.split_at(left * CHUNK);
    let mut block = [0; 16];
    block[..8].copy_from_slice(&tree(first, counter).compress());
    block[8..].copy_from_slice(&tree(second, counter + left as u64).compress());
    Node { chaining: IV, block, counter: 0, length: BLOCK as u32, flags: PARENT }
}

fn chunk(bytes: &[u8], counter: u64) -> Node {
    let mut blocks = bytes.chunks(BLOCK).peekable();
    let mut node = block(IV, blocks.next().unwrap_or_default(), counter, CHUNK_START);
    for next in blocks {
        node = block(node.compress(), next, counter, 0);
    }
    node.flags |= CHUNK_END;
    node
}

fn block(chaining: [u32; 8], bytes: &[u8], counter: u64, flags: u32) -> Node {
    let mut words = [0; 16];
    for (index, byte) in bytes.iter().enumerate() {
        words[index / 4] |= u32::from(*byte) << (8 * (index % 4));
    }
    Node { chaining, block: words, counter, length: bytes.len() as u32, flags }
}

#[cfg(test)]
mod tests {
    use super::blake3;
    use privet_dp::ledger::{Body, StepEntry, seal};
    use privet_dp::{Event, NoiseMultiplier};

    #[test]
    fn the_empty_input_has_the_published_hash() {
        assert_eq!(blake3(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    }

    /// The ledger hashes `previous ‖ body` with the `blake3` crate; any text may stand for `previous`.
    #[test]
    fn agrees_with_the_ledgers_hash_at_every_tree_shape() {
        let event = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(1.0).unwrap() };
        let body = Body::Step(StepEntry { step: 1, attempt: 1, event });
        let json = serde_json::to_string(&body).unwrap();
        let around = |length: usize| (length.saturating_sub(2)..=length + 2).collect::<Vec<_>>();
        let lengths = [0, 64, 128, 1024, 2048, 3072, 4096, 5120, 8192, 16_384, 31_744].into_iter().flat_map(around);
        for length in lengths.filter(|length| *length >= json.len()) {
            let previous: String = (0..length - json.len()).map(|i| char::from(b' ' + (i % 95) as u8)).collect();
            assert_eq!(
                blake3((previous.clone() + &json).as_bytes()),
                seal(body.clone(), &previous).hash,
                "{length} bytes"
            );
        }
    }
}
