use super::*;
use crate::merkle::{self, leaf_hash};
use proptest::prelude::*;

#[test]
fn other_spellings_of_a_path_are_refused() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/00/000",
        "tile/+0/000",
        "tile/8/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0//000",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/xx01/000",
        "tile/0/1000",
        "tile/0/0000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1/2",
        "tile/0/000.P/1",
        "tile/0/../0/000",
        "tile/entries/000.p/+1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        let error = TileId::parse(path).unwrap_err();
        assert_eq!(error.code(), "log-tile-malformed", "{path}");
    }
}

#[test]
fn a_bundle_is_refused_unless_it_is_exactly_its_entries() {
    let bundle = b"\0\x01a\0\x02bc";
    let parsed = parse_entries(bundle, 2).unwrap();
    assert_eq!(parsed, [b"a".as_slice(), b"bc"]);
    let count = |found, wanted| Err(TileError::Count { found, wanted });
    assert_eq!(parse_entries(bundle, 1), count(2, 1));
    assert_eq!(parse_entries(bundle, 3), count(2, 3));
    assert_eq!(parse_entries(b"", 1), count(0, 1));
    let torn = |entry| Err(TileError::Torn { entry });
    assert_eq!(parse_entries(b"\0\x01a\0", 2), torn(1));
    assert_eq!(parse_entries(b"\0\x01a\0\x03bc", 2), torn(1));
    assert_eq!(parse_entries(b"\0\0\0\x01a", 2), torn(0));
}

#[test]
fn a_tile_of_another_length_is_refused() {
    for found in [0, 31, 33, 63, 65, 96] {
        let error = parse_hashes(&vec![0; found], 2).unwrap_err();
        assert_eq!(error, TileError::Length { found, wanted: 64 });
    }
}

#[test]
fn an_entry_that_no_bundle_holds_is_refused() {
    let mut bundle = Vec::new();
    for found in [0, 65_536] {
        let error = push_entry(&mut bundle, &vec![0; found]).unwrap_err();
        assert_eq!(error, TileError::EntrySize { found });
    }
    assert!(bundle.is_empty());
    let largest = vec![7; 65_535];
    push_entry(&mut bundle, &largest).unwrap();
    assert_eq!(parse_entries(&bundle, 1).unwrap(), [largest.as_slice()]);
}

#[test]
fn paths_are_those_of_the_standard() {
    let path = |content, index| TileId::full(content, index).path();
    assert_eq!(path(Content::Hashes(0), 1_234_067), "tile/0/x001/x234/067");
    assert_eq!(path(Content::Hashes(7), 0), "tile/7/000");
    assert_eq!(path(Content::Entries, 999), "tile/entries/999");
    assert_eq!(path(Content::Entries, 1000), "tile/entries/x001/000");
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_standard() {
    let at = |content, index| TileId::of_size(content, index, 70_000).map(|it| it.width());
    assert_eq!(at(Content::Hashes(0), 272), Some(256));
    assert_eq!(at(Content::Hashes(0), 273), Some(112));
    assert_eq!(at(Content::Hashes(0), 274), None);
    assert_eq!(at(Content::Hashes(1), 0), Some(256));
    assert_eq!(at(Content::Hashes(1), 1), Some(17));
    assert_eq!(at(Content::Hashes(2), 0), Some(1));
    assert_eq!(at(Content::Hashes(3), 0), None);
    let partial = |content| TileId::partial_of_size(content, 70_000).map(|it| it.path());
    assert_eq!(partial(Content::Entries).unwrap(), "tile/entries/273.p/112");
    assert_eq!(partial(Content::Hashes(1)).unwrap(), "tile/1/001.p/17");
    assert_eq!(partial(Content::Hashes(3)), None);
    assert_eq!(TileId::partial_of_size(Content::Hashes(0), 256), None);
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        Just(Content::Entries),
        (0..LEVELS).prop_map(Content::Hashes)
    ]
}

proptest! {
    #[test]
    fn paths_round_trip(content in content(), index: u64, shift in 0u32..64, width in 1u16..=256) {
        let id = TileId { content, index: index >> shift, width };
        prop_assert_eq!(TileId::parse(&id.path()), Ok(id));
    }

    #[test]
    fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..64)) {
        let mut bundle = Vec::new();
        for entry in &entries {
            push_entry(&mut bundle, entry).unwrap();
        }
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(parse_entries(&bundle, width).unwrap(), entries);
    }

    #[test]
    fn bytes_that_parse_as_a_bundle_are_that_bundle(bytes: Vec<u8>, width in 1u16..4) {
        if let Ok(entries) = parse_entries(&bytes, width) {
            let mut again = Vec::new();
            for entry in entries {
                push_entry(&mut again, entry).unwrap();
            }
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn tiles_round_trip_and_know_their_inner_nodes(width in 1u16..=256) {
        let hashes: Vec<Hash> = (0..width).map(|it| leaf_hash(&it.to_be_bytes())).collect();
        prop_assert_eq!(&parse_hashes(&encode_hashes(&hashes), width).unwrap(), &hashes);
        let nodes = TileNodes::from_hashes(&hashes);
        for level in 0..=HEIGHT {
            let span = 1usize << level;
            for index in 0..hashes.len() / span {
                let mut frontier = merkle::Frontier::new();
                hashes[index * span..(index + 1) * span].iter().for_each(|it| frontier.push(*it));
                prop_assert_eq!(nodes.node(level, index), Some(frontier.root()));
            }
            prop_assert_eq!(nodes.node(level, hashes.len() / span), None);
        }
    }
}
