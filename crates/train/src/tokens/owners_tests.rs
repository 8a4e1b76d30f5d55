//! Twin: users and their documents in plain lists.

use proptest::prelude::*;

use super::*;

fn gathered(documents: &[(u8, usize)], sequence_len: usize, most: usize) -> Vec<Unit> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::create(&folder.path().join("documents"), "k").unwrap();
    let mut owners = Owners::default();
    for (number, (user, length)) in documents.iter().enumerate() {
        writer.push(&Unit::whole(vec![number as u32; *length])).unwrap();
        owners.extend(&[Owner::named(&user.to_string())]);
    }
    let mut store = writer.finish().unwrap();
    let mut writer = StoreWriter::create(&folder.path().join("units"), "k").unwrap();
    owners.gather(&mut store, &mut writer, sequence_len, most).unwrap();
    let mut units = writer.finish().unwrap();
    units.units(0..units.len()).unwrap()
}

proptest! {
    #[test]
    fn a_user_is_one_unit_of_all_their_documents(
        documents in prop::collection::vec((0_u8..5, 0_usize..9), 0..20), sequence_len in 2_usize..5,
    ) {
        let units = gathered(&documents, sequence_len, usize::MAX >> 8);
        let mut users: Vec<u8> = Vec::new();
        documents.iter().filter(|(user, _)| !users.contains(user)).map(|(user, _)| *user).collect::<Vec<_>>().into_iter().for_each(|user| if !users.contains(&user) { users.push(user) });
        prop_assert_eq!(units.len(), users.len());
        for (unit, user) in units.iter().zip(&users) {
            let own: Vec<Vec<u32>> = documents.iter().enumerate().filter(|(_, (owner, length))| owner == user && *length > 0)
                .map(|(number, (_, length))| vec![number as u32; *length]).collect();
            let found: Vec<Vec<u32>> = unit.documents().map(|range| unit.tokens()[range].to_vec()).filter(|tokens| !tokens.is_empty()).collect();
            prop_assert_eq!(found, own);
        }
    }

    /// Neighbours: with one user gone, every other user's unit is as it was.
    #[test]
    fn taking_a_user_away_takes_one_unit_away(
        documents in prop::collection::vec((0_u8..5, 0_usize..9), 1..20), sequence_len in 2_usize..5, most in 1_usize..4, gone in 0_u8..5,
    ) {
        let neighbour: Vec<(u8, usize)> = documents.iter().map(|(user, length)| if *user == gone { (*user, 0) } else { (*user, *length) }).collect();
        let (with, without) = (gathered(&documents, sequence_len, most), gathered(&neighbour, sequence_len, most));
        let differing = with.iter().zip(&without).filter(|(left, right)| left != right).count();
        prop_assert!(differing <= 1);
        for unit in &with {
            prop_assert!(unit.sequences(sequence_len) <= most);
        }
    }
}

#[test]
fn what_is_beyond_the_sequences_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::create(&folder.path().join("documents"), "k").unwrap();
    let mut owners = Owners::default();
    for (user, length) in [("a", 3), ("b", 2), ("a", 9), ("a", 4), ("b", 2)] {
        writer.push(&Unit::whole(vec![7; length])).unwrap();
        owners.extend(&[Owner::named(user)]);
    }
    let mut store = writer.finish().unwrap();
    let mut writer = StoreWriter::create(&folder.path().join("units"), "k").unwrap();
    owners.gather(&mut store, &mut writer, 3, 3).unwrap();
    let mut units = writer.finish().unwrap();
    assert_eq!(units.truncated(), 1);
    // Of a: three tokens are one sequence, and five more are two; the third document has no room.
    let lengths: Vec<usize> = units.unit(0).unwrap().documents().map(|range| range.len()).collect();
    assert_eq!(lengths, [3, 5]);
    assert_eq!(units.unit(1).unwrap().tokens().len(), 4);
}
