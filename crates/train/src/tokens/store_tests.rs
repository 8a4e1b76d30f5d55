//! The store against a plain list of units, and what is not whole.

use proptest::prelude::*;

use super::*;

fn store(folder: &Path, units: &[Unit]) -> TokenStore {
    let mut writer = StoreWriter::create(&folder.join("t"), "key").unwrap();
    for unit in units {
        writer.push(unit).unwrap();
    }
    writer.finish().unwrap()
}

fn unit(tokens: &[(u32, bool)]) -> Unit {
    let mut unit = Unit::default();
    for (token, predicted) in tokens {
        unit.push(*token, *predicted);
    }
    unit
}

proptest! {
    /// Twin: the list itself.
    #[test]
    fn every_unit_comes_back_in_any_order(
        units in prop::collection::vec(
            prop::collection::vec(prop::collection::vec((0_u32..1 << 30, any::<bool>()), 0..9), 0..4), 0..20,
        ),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let units: Vec<Unit> = units
            .iter()
            .map(|documents| {
                let mut unit = Unit::default();
                for tokens in documents {
                    unit.join(&self::unit(tokens));
                }
                unit
            })
            .collect();
        store(folder.path(), &units);
        let mut store = TokenStore::open(&folder.path().join("t"), "key").unwrap().unwrap();
        prop_assert_eq!((store.len(), store.is_empty()), (units.len(), units.is_empty()));
        prop_assert_eq!(store.token_count() as usize, units.iter().map(|unit| unit.tokens().len()).sum::<usize>());
        for index in order.iter().filter(|_| !units.is_empty()).map(|index| index.index(units.len())) {
            prop_assert_eq!(&store.unit(index).unwrap(), &units[index]);
        }
        prop_assert_eq!(store.units(0..units.len()).unwrap(), units);
    }
}

#[test]
fn blocks_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::create(&folder.path().join("t"), "key").unwrap();
    let one = || (Unit::whole(vec![1, 2]), true);
    writer.extend(&Block { units: vec![one(), (Unit::default(), false)], owners: Vec::new(), blank: true }).unwrap();
    writer.extend(&Block { units: vec![one()], owners: Vec::new(), blank: true }).unwrap();
    let store = writer.finish().unwrap();
    assert_eq!((store.len(), store.truncated(), store.is_blank()), (3, 2, true));
    let mut writer = StoreWriter::create(&folder.path().join("t"), "key").unwrap();
    writer.extend(&Block { units: vec![one()], owners: Vec::new(), blank: false }).unwrap();
    writer.extend(&Block { units: vec![one()], owners: Vec::new(), blank: true }).unwrap();
    assert!(!writer.finish().unwrap().is_blank());
}

#[test]
fn a_store_that_is_not_finished_or_of_another_key_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    assert!(TokenStore::open(&path, "key").unwrap().is_none());
    store(folder.path(), &[Unit::whole(vec![1])]);
    assert!(TokenStore::open(&path, "other").unwrap().is_none());
    let writer = StoreWriter::create(&path, "key").unwrap();
    assert!(TokenStore::open(&path, "key").unwrap().is_none(), "what was there is gone as soon as a new one begins");
    drop(writer);
    assert!(TokenStore::open(&path, "key").unwrap().is_none());
    remove(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn files_that_do_not_fit_each_other_are_refused() {
    for (name, bytes) in [("t.tokens", 4), ("t.index", 8)] {
        let folder = tempfile::tempdir().unwrap();
        store(folder.path(), &[Unit::whole(vec![1, 2, 3]), Unit::whole(vec![4])]);
        let path = folder.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - bytes]).unwrap();
        assert!(matches!(TokenStore::open(&folder.path().join("t"), "key"), Err(Error::Damaged { .. })));
    }
    // An index of the right length that points past the end, or backwards.
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), &[Unit::whole(vec![1, 2, 3]), Unit::whole(vec![4])]);
    for index in [[0_u64, 99, 4], [3, 0, 4]] {
        let bytes: Vec<u8> = index.iter().flat_map(|place| place.to_le_bytes()).collect();
        std::fs::write(folder.path().join("t.index"), bytes).unwrap();
        assert!(matches!(store.unit(0), Err(Error::Damaged { .. })));
    }
    assert!(matches!(store.unit(2), Err(Error::Damaged { .. })));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &[Unit::whole(vec![1])]);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}
