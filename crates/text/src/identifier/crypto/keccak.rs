//! Keccak-256 of short messages, as Ethereum hashes: the padding is the one before FIPS 202.

const RATE: usize = 136;

const CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Rotation and destination of each lane, in the order in which ρ and π walk them.
const ROTATIONS: [u32; 24] =
    [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const LANES: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

/// Whether exactly the letters are capitals whose place in the hash of the small letters holds 8 or more (EIP-55).
pub(super) fn has_checksum_capitals(hexadecimal: &[u8]) -> bool {
    let hash = keccak_256(&hexadecimal.to_ascii_lowercase());
    hexadecimal.iter().enumerate().all(|(place, digit)| {
        let nibble = hash[place / 2] >> (4 * (1 - place % 2)) & 15;
        !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble >= 8)
    })
}

/// The hash of a message shorter than one block.
pub(super) fn keccak_256(message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; RATE];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    let mut state = [0_u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.as_chunks().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    permute(&mut state);
    let mut hash = [0_u8; 32];
    for (bytes, lane) in hash.chunks_exact_mut(8).zip(state) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    hash
}

fn permute(state: &mut [u64; 25]) {
    for constant in CONSTANTS {
        let mut columns = [0; 5];
        for (index, lane) in state.iter().enumerate() {
            columns[index % 5] ^= lane;
        }
        for (index, lane) in state.iter_mut().enumerate() {
            *lane ^= columns[(index + 4) % 5] ^ columns[(index + 1) % 5].rotate_left(1);
        }
        let mut moving = state[1];
        for (&lane, rotation) in LANES.iter().zip(ROTATIONS) {
            (state[lane], moving) = (moving.rotate_left(rotation), state[lane]);
        }
        for row in state.as_chunks_mut::<5>().0 {
            let before = *row;
            for (index, lane) in row.iter_mut().enumerate() {
                *lane ^= !before[(index + 1) % 5] & before[(index + 2) % 5];
            }
        }
        state[0] ^= constant;
    }
}
