use super::*;

const TREE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee49044b825dc642cb6eb9a060e54b\n";
const PERSONS: &str = "author A <a@b.example> 1 +0000\ncommitter C <c@d.example> 2 -0130\n";
const SIGNATURE: &str = "gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n U1NI\n";

/// A commit with these lines behind its persons.
fn commit(persons: &str, more: &str) -> Result<GitObject, &'static str> {
    let raw = format!("{TREE}{persons}{SIGNATURE}{more}\nText\n");
    GitObject::parse(raw.as_bytes()).map_err(|it| it.code())
}

fn tag(lines: &str) -> Result<GitObject, &'static str> {
    let signature = "-----BEGIN SSH SIGNATURE-----\nU1NI\n";
    let object = TREE.replace("tree", "object");
    let raw = format!("{object}{lines}\nText\n{signature}");
    GitObject::parse(raw.as_bytes()).map_err(|it| it.code())
}

const MALFORMED: &str = "git-object-malformed";

#[test]
fn a_person_has_a_name_an_address_and_a_time() {
    let person = |text: &str| super::person(text.as_bytes());
    let found = person("A B <a@b> 12 -0130").unwrap();
    assert_eq!((found.name.as_str(), found.email.as_str()), ("A B", "a@b"));
    assert_eq!(found.seconds, 12);
    assert_eq!(person("<a@b> 1 +0000").unwrap().name, "");
    assert_eq!(person("A <> 1 +0000").unwrap().email, "");
    for wrong in [
        "",
        "A",
        "A <a@b>",
        "A <a@b> 1",
        "A <a@b> +0000",
        "A <a@b>1 +0000",
        "A <a@b>  1 +0000",
        "A <a@b> x +0000",
        "A <a@b>  +0000",
        "A <a@b> -1 +0000",
        "A <a@b> 1 0000",
        "A <a@b> 1 +000",
        "A <a@b> 1 +00000",
        "A <a@b> 1 +00x0",
        "A <a@b> 1 +",
        "A <a@b> 99999999999999999999 +0000",
        "A<a@b> 1 +0000",
        "A> <a@b> 1 +0000",
        "A <a<b> 1 +0000",
        "A <a@b> 1 +0000 <c@d>",
        "A <a@b> 1 +0000>",
        "A <a@b> 1 +0000\nB",
    ] {
        assert!(person(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_header_has_a_name_and_a_value_and_no_control_characters() {
    assert!(commit(PERSONS, "").is_ok());
    for fine in [
        "x-y.z_1:a v\n",
        "a \n",
        "a  two\n",
        "a b\tc\n",
        "encoding utf-8\n",
        "a 1\n 2\n 3\n",
    ] {
        assert!(commit(PERSONS, fine).is_ok(), "{fine:?}");
    }
    for wrong in [
        "novalue\n",
        "-a v\n",
        "a/b v\n",
        "\u{e9} v\n",
        "a \u{1}\n",
        "a \u{1f}\n",
        "a \u{7f}\n",
        "a v\r\n",
        "a v\n \u{1b}\n",
        "encoding a\nencoding b\n",
    ] {
        assert_eq!(commit(PERSONS, wrong).err(), Some(MALFORMED), "{wrong:?}");
    }
}

#[test]
fn each_header_stands_once_and_in_its_place() {
    let parent = TREE.replace("tree", "parent");
    let two = format!("{parent}{parent}");
    let found = commit(&format!("{two}{PERSONS}"), "").unwrap();
    assert_eq!(found.parents().len(), 2);
    assert_eq!(found.author().name, "A");
    assert_eq!(found.committer().name, "C");
    let short = "parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    let (author, committer) = PERSONS.split_once('\n').unwrap();
    for persons in [
        format!("{short}{PERSONS}"),
        format!("{}{PERSONS}", parent.replace("4b", "4B")),
        format!("{author}\n"),
        committer.to_owned(),
        format!("{committer}{author}\n"),
        format!("{author}\n{PERSONS}"),
        format!("{author}\n{parent}{committer}"),
        PERSONS.replacen('\n', "\n x\n", 1),
    ] {
        assert_eq!(commit(&persons, "").err(), Some(MALFORMED), "{persons}");
    }
    for again in [TREE, &parent, &format!("{author}\n"), committer] {
        assert_eq!(commit(PERSONS, again).err(), Some(MALFORMED), "{again}");
    }
    // Of which format a signature is, its name says.
    for other in [SIGNATURE, "gpgsig x\n", "GPGSIG x\n", "gpgsig-x y\n"] {
        let several = Some("git-signature-several");
        assert_eq!(commit(PERSONS, other).err(), several, "{other}");
    }
    // Headers end in an empty line.
    let raw = format!("{TREE}{PERSONS}{SIGNATURE}");
    let cut = GitObject::parse(raw.as_bytes()).unwrap_err();
    assert_eq!(cut.code(), MALFORMED);
}

#[test]
fn a_tag_says_what_it_is_for_and_nothing_that_tags_do_not_have() {
    let lines = "type commit\ntag v1\ntagger A <a@b.example> 1 +0000\n";
    let found = tag(lines).unwrap();
    assert_eq!(found.tag(), Some("v1"));
    assert!(found.commit().is_some() && found.commit() == found.target().map(|it| it.1));
    assert_eq!(found.committer().name, "A");
    for of in ["tree", "blob", "tag"] {
        let found = tag(&lines.replace("commit", of)).unwrap();
        assert_eq!((found.commit(), found.target().unwrap().0), (None, of));
    }
    for (from, to) in [
        ("commit", "commits"),
        ("commit", "Commit"),
        ("commit", ""),
        ("tag v1\n", ""),
        ("tagger A <a@b.example> 1 +0000\n", ""),
        ("+0000\n", "+0000\nencoding utf-8\n"),
        ("v1\n", "v1\n v2\n"),
    ] {
        let changed = lines.replacen(from, to, 1);
        assert_eq!(tag(&changed).err(), Some(MALFORMED), "{changed}");
    }
    for signature in ["gpgsig x\n", "Gpgsig-sha256 x\n"] {
        let changed = format!("{lines}{signature}");
        let several = Some("git-signature-several");
        assert_eq!(tag(&changed).err(), several, "{signature}");
    }
}
