use attest_digest::{Digest, NodeKind, RelativePath};
use proptest::prelude::*;

use super::*;
use crate::predicate::tree::TreeClaim;
use crate::{ReleaseName, Statement, Subject};

const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn accepted() -> String {
    format!(
        concat!(
            r#"{{"type":"https://attest.dev/tree/v0.1","release":"hello@1.0.0","serial":7,"digests":["sha256"],"attributes":["links","mode","mounts","owner"],"xattrs":["security.capability","user.*"],"ignore":["log/**"]}}"#,
            "\n",
            r#"{{"path":".","type":"directory","mode":"0755","uid":0,"gid":0}}"#,
            "\n",
            r#"{{"path":"bin","type":"directory","mode":"0755","uid":0,"gid":0,"mount":true}}"#,
            "\n",
            r#"{{"path":"bin/tool","type":"file","mode":"4755","uid":0,"gid":0,"size":5,"sha256":"{0}","links":2,"xattrs":{{"security.capability":"hex:0100","user.a":"sha256:{0}"}}}}"#,
            "\n",
            r#"{{"path":"bin/tool2","type":"file","mode":"4755","uid":0,"gid":0,"size":5,"sha256":"{0}","links":2,"same":"bin/tool"}}"#,
            "\n",
            r#"{{"path":"bin.old","type":"symlink","uid":0,"gid":0,"target":"../\"\\x"}}"#,
            "\n",
            r#"{{"path":"null","type":"character-device","mode":"0666","uid":0,"gid":0,"device":"1:3"}}"#,
            "\n",
            r#"{{"path":"pipe","type":"fifo","mode":"0600","uid":0,"gid":0}}"#,
            "\n",
            r#"{{"entries":7,"bytes":10}}"#,
            "\n",
        ),
        HASH
    )
}

fn read(text: &str) -> Result<(TreeHeader, Vec<TreeEntry>), TreeError> {
    let mut reader = TreeReader::new(text.as_bytes())?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        entries.push(entry);
    }
    Ok((reader.header().clone(), entries))
}

fn written(header: &TreeHeader, entries: &[TreeEntry]) -> String {
    let mut bytes = Vec::new();
    let mut writer = TreeWriter::new(&mut bytes, header.clone()).unwrap();
    for entry in entries {
        writer.entry(entry).unwrap();
    }
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn refused_as(code: &str, found: &str, instead: &str) {
    let text = accepted();
    assert!(
        read(&text).is_ok(),
        "the parent of every attack is accepted"
    );
    assert!(text.contains(found), "{found}");
    match read(&text.replacen(found, instead, 1)) {
        Ok(_) => panic!("{found} -> {instead} was accepted"),
        Err(error) => assert_eq!(error.code(), code, "{found} -> {instead}: {error}"),
    }
}

#[test]
fn a_manifest_survives_reading_and_writing() {
    let (header, entries) = read(&accepted()).unwrap();
    assert_eq!(written(&header, &entries), accepted());
    assert_eq!(entries.len(), 7);
    assert_eq!(
        entries[4].content,
        TreeContent::Symlink {
            target: "../\"\\x".to_owned()
        }
    );
    assert!(header.compares_xattr(b"user.x") && !header.compares_xattr(b"trusted.x"));
}

#[test]
fn a_path_that_leaves_the_tree_is_refused() {
    for path in [
        "bin/../../x",
        "../x",
        "/bin/tool",
        "bin//tool",
        "bin/./tool",
        "bin/tool/",
    ] {
        refused_as(
            "tree-manifest-path",
            "\"bin/tool\",",
            &format!("\"{path}\","),
        );
    }
    refused_as(
        "tree-manifest-path",
        "\"bin/tool\",",
        "\"bin/\u{202e}tool\",",
    );
    refused_as(
        "tree-manifest-path",
        "\"same\":\"bin/tool\"",
        "\"same\":\"../tool\"",
    );
    refused_as("tree-manifest-path", r#"../\"\\x"#, "");
}

#[test]
fn a_path_that_stands_twice_or_out_of_order_is_refused() {
    refused_as("tree-manifest-order", "\"bin/tool2\",", "\"bin/tool\",");
    refused_as("tree-manifest-order", "\"bin/tool2\",", "\"bin/aaa\",");
    refused_as("tree-manifest-order", "\"bin.old\"", "\".\"");
    refused_as("tree-manifest-order", "\"pipe\"", "\"none/pipe\"");
    refused_as("tree-manifest-order", "\"pipe\"", "\"null/pipe\"");
    refused_as(
        "tree-manifest-order",
        "\"same\":\"bin/tool\"",
        "\"same\":\"bin/tool3\"",
    );
    refused_as(
        "tree-manifest-order",
        r#"{"path":".","type":"directory","mode":"0755","uid":0,"gid":0}"#,
        r#"{"path":"a","type":"directory","mode":"0755","uid":0,"gid":0}"#,
    );
    // `bin.old` sorts behind what `bin` holds: a walk meets the folder first.
    assert!(accepted().find("bin/tool2").unwrap() < accepted().find("bin.old").unwrap());
}

#[test]
fn a_manifest_that_is_not_whole_is_refused() {
    refused_as(
        "tree-manifest-incomplete",
        "{\"entries\":7,\"bytes\":10}\n",
        "",
    );
    refused_as("tree-manifest-incomplete", "\"entries\":7", "\"entries\":8");
    refused_as("tree-manifest-incomplete", "\"bytes\":10", "\"bytes\":11");
    refused_as(
        "tree-manifest-incomplete",
        "\"bytes\":10}\n",
        "\"bytes\":10}\n\n",
    );
    refused_as(
        "tree-manifest-malformed",
        "\"bytes\":10}\n",
        "\"bytes\":10}",
    );
    let nothing = accepted().lines().next().unwrap().to_owned() + "\n{\"entries\":0,\"bytes\":0}\n";
    assert_eq!(
        read(&nothing).unwrap_err().code(),
        "tree-manifest-incomplete"
    );
}

#[test]
fn each_thing_has_one_spelling() {
    for (found, instead) in [
        ("\"mode\":\"0755\"", "\"mode\":\"755\""),
        ("\"mode\":\"0755\"", "\"mode\":\"0855\""),
        ("\"mode\":\"0755\",", ""),
        ("\"uid\":0", "\"uid\":00"),
        ("\"uid\":0", "\"uid\":-1"),
        ("\"uid\":0", "\"uid\":4294967296"),
        ("\"uid\":0", "\"uid\": 0"),
        ("\"size\":5", "\"size\":18446744073709551616"),
        ("\"sha256\":\"2c", "\"sha256\":\"2C"),
        ("\"type\":\"fifo\"", "\"type\":\"door\""),
        ("\"device\":\"1:3\"", "\"device\":\"1.3\""),
        ("\"mount\":true", "\"mount\":false"),
        ("hex:0100", "hex:010"),
        ("hex:0100", "0100"),
        ("security.capability\":\"hex", "trusted.capability\":\"hex"),
        ("security.capability\":\"hex", "user.b\":\"hex"),
        ("\\\"", "\\u0022"),
        ("\"bin\",", "\"b\\u0069n\","),
        (",\"same\":", ",\"same\" :"),
        ("{\"path\":\"pipe\"", "{\"x\":1,\"path\":\"pipe\""),
        ("}\n{\"path\":\"pipe\"", "}\r\n{\"path\":\"pipe\""),
        ("\"links\",\"mode\"", "\"mode\",\"links\""),
        ("\"links\",\"mode\"", "\"links\",\"links\""),
        ("\"mounts\"", "\"moods\""),
        ("[\"sha256\"]", "[\"sha512\"]"),
        ("[\"sha256\"]", "[]"),
        ("hello@1.0.0", "hello"),
        ("\"serial\":7", "\"serial\":07"),
        ("\"serial\":7", "\"serial\":\"7\""),
    ] {
        refused_as("tree-manifest-malformed", found, instead);
    }
}

#[test]
fn a_manifest_of_another_type_is_refused() {
    refused_as("tree-manifest-type", "tree/v0.1", "tree/v0.2");
    for text in ["", "\n", "{}", "\u{feff}{}", "{\"type\":\"x"] {
        assert_eq!(
            read(text).unwrap_err().code(),
            "tree-manifest-type",
            "{text:?}"
        );
    }
}

#[test]
fn a_line_without_end_is_not_read_into_memory() {
    let endless = "x".repeat(crate::limits::TREE_LINE_BYTES + 1);
    let text = accepted().replacen("\"bin\",", &format!("\"{endless}\","), 1);
    assert_eq!(read(&text).unwrap_err().code(), "tree-manifest-too-large");
    assert_eq!(
        read(&endless).unwrap_err().code(),
        "tree-manifest-too-large"
    );
}

#[test]
fn a_statement_about_a_manifest_survives_reading_and_writing() {
    let claim = TreeClaim {
        release: Some(ReleaseName::parse("hello@1.0.0").unwrap()),
        summary: TreeSummary {
            entries: 7,
            bytes: 10,
        },
    };
    let subject = Subject::new("hello.tree", Digest::Sha256([7; 32]).into()).unwrap();
    let statement = claim.statement(subject).unwrap();
    let parsed = Statement::parse(&statement.to_bytes()).unwrap();
    assert_eq!(TreeClaim::from_statement(&parsed).unwrap(), claim);
    for (found, instead) in [
        ("\"entries\":7", "\"entries\":\"7\""),
        ("\"entries\":7", "\"entries\":7,\"x\":1"),
        ("hello@1.0.0", "hello"),
    ] {
        let text = String::from_utf8(statement.to_bytes()).unwrap();
        assert!(text.contains(found));
        let parsed = Statement::parse(text.replacen(found, instead, 1).as_bytes()).unwrap();
        let refused = TreeClaim::from_statement(&parsed).unwrap_err();
        assert_eq!(refused.code(), "predicate-malformed", "{instead}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(
        names in prop::collection::btree_set("[a-zA-Z \"\\\\.é-]{1,6}x", 1..8),
        mode in 0..0o10000_u16,
        seconds in any::<i64>(),
        nanoseconds in 0..1_000_000_000_u32,
        value in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (header, _) = read(&accepted()).unwrap();
        let header = TreeHeader { attributes: Attribute::ALL.into_iter().collect(), ..header };
        let mut entries = vec![TreeEntry::new(None, TreeContent::Directory)];
        entries.extend(names.iter().map(|name| {
            let digests = vec![Digest::Sha256([7; 32])];
            let content = TreeContent::File { size: 3, digests };
            let mut entry = TreeEntry::new(Some(RelativePath::parse(name).unwrap()), content);
            entry.links = Some(1);
            entry.mtime = Some((seconds, nanoseconds));
            entry.xattrs.insert("user.x".to_owned(), xattr_value(&value));
            entry
        }));
        for entry in &mut entries {
            entry.mode = Some(mode);
            entry.owner = Some((u32::MAX, 0));
        }
        let text = written(&header, &entries);
        prop_assert_eq!(read(&text).unwrap(), (header, entries));
    }

    #[test]
    fn what_is_read_has_no_other_spelling(at in 0..1200_usize, byte in any::<u8>()) {
        let mut bytes = accepted().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok((header, entries)) = read(&text) {
            prop_assert_eq!(written(&header, &entries), text);
        }
    }
}

#[test]
fn the_kinds_are_those_of_the_page() {
    let page = include_str!("../../../../docs/tree.md");
    for name in NodeKind::ALL.map(NodeKind::name) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
    for attribute in Attribute::ALL {
        assert!(
            page.contains(&format!("`{}`", attribute.name())),
            "{attribute:?}"
        );
    }
}
