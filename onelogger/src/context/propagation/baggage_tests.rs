use proptest::prelude::*;

use super::baggage::{Baggage, BaggageError};

fn read(text: &str) -> Baggage {
    text.parse().unwrap()
}

/// The members of a text, each with its metadata.
fn members(text: &str) -> Vec<(String, String, String)> {
    let baggage = read(text);
    let metadata = |key| baggage.metadata(key).unwrap_or_default().to_owned();
    baggage.iter().map(|(key, value)| (key.into(), value.into(), metadata(key))).collect()
}

#[track_caller]
fn assert_members(text: &str, expected: &[(&str, &str, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|&(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).collect();
    assert_eq!(members(text), expected);
}

#[test]
fn the_examples_of_the_standard() {
    assert_members(
        "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
        &[
            ("key1", "value1", "property1;property2"),
            ("key2", "value2", ""),
            ("key3", "value3", "propertyKey=propertyValue"),
        ],
    );
    for (text, user) in [
        ("userId=alice,serverNode=DF%2028,isProduction=false", "alice"),
        ("userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false", "Amélie"),
    ] {
        let expected = [("userId", user), ("serverNode", "DF 28"), ("isProduction", "false")];
        assert!(read(text).iter().eq(expected));
        assert_eq!(read(text).to_string(), text);
    }
    let fields = [("baggage", "userId =   alice"), ("baggage", "serverNode = DF%2028, is = false")];
    let baggage = Baggage::read(&fields).unwrap();
    assert_eq!(baggage.to_string(), "userId=alice,serverNode=DF%2028,is=false");
}

#[test]
fn spaces_and_tabs_around_things_are_no_part_of_them() {
    assert_members(
        " a \t = \t 1 \t ; \t p \t ; \t q \t = \t x \t , \t b \t=\t ",
        &[("a", "1", "p;q=x"), ("b", "", "")],
    );
}

#[test]
fn values_may_have_equals_signs_and_metadata_stays_as_it_was_written() {
    assert_members("a=b==c=", &[("a", "b==c=", "")]);
    let text = "a=1;p;p=1;p=%20%2c=;v%20%3D%20x";
    assert_members(text, &[("a", "1", "p;p=1;p=%20%2c=;v%20%3D%20x")]);
    assert_eq!(read(text).to_string(), text);
}

#[test]
fn empty_members_are_no_members_and_of_the_same_key_the_last_counts() {
    assert_members(",a=1;x, ,\t,b=2,a=3,", &[("a", "3", ""), ("b", "2", "")]);
    assert!(read("").is_empty() && read(" , ").is_empty());
    assert!(Baggage::read(&[("baggage", ""), ("baggage", " ")]).is_none());
}

#[test]
fn one_malformed_member_is_the_end_of_all() {
    for member in [
        "a",
        "=1",
        " =1",
        "a b=1",
        "a\"=1",
        "ä=1",
        "a:=1",
        "a=b c",
        "a=\"b\"",
        "a=b\\c",
        "a=ä",
        "a=\n",
        "a=\u{7f}",
        "a=1;",
        "a=1;;p",
        "a=1;p q",
        "a=1;=x",
        "a=1;p=x y",
        "a=1;p=\\",
        ";a=1",
        "a\u{a0}=1",
        "a=\u{a0}1",
        "\0",
    ] {
        let error = format!("x=1,,{member},y=2").parse::<Baggage>().unwrap_err();
        assert_eq!(error, BaggageError::Malformed { member: 2 }, "{member:?}");
        assert!(Baggage::read(&[("baggage", "x=1"), ("baggage", member)]).is_none());
    }
}

#[test]
fn there_are_64_members_at_most() {
    let text: Vec<_> = (0..70).map(|n| format!("k{n}={n}")).collect();
    assert_eq!(read(&text[..64].join(",")).len(), 64);
    let mut full = read(&text.join(","));
    assert_eq!(full.to_string(), text[..64].join(","));
    assert_eq!(full.set("k64", "64"), Err(BaggageError::TooManyMembers));
    full.set("k63", "changed").unwrap();
    full.remove("k0").unwrap();
    full.set("k64", "64").unwrap();
    assert!(full.iter().last().is_some_and(|last| last == ("k64", "64")));
}

#[test]
fn there_are_8192_bytes_at_most() {
    let long = "0123456789".repeat(819);
    assert_eq!(read(&format!("a={long}")).to_string().len(), 8192);
    let mut full = Baggage::new().with("a", &long).unwrap();
    assert_eq!(full.set("a", format!("{long}0")), Err(BaggageError::TooLong { bytes: 8193 }));
    assert_eq!(full.set("b", ""), Err(BaggageError::TooLong { bytes: 8195 }));
    assert_eq!(full.get("a"), Some(long.as_str()));
    full.set("a", &long[4..]).unwrap();
    assert_eq!(full.set_with_metadata("b", "", "x"), Err(BaggageError::TooLong { bytes: 8193 }));
    full.set("b", "1").unwrap();
    assert_eq!(full.to_string().len(), 8192);
    assert_eq!(full.set("b", "é"), Err(BaggageError::TooLong { bytes: 8197 }));

    // Whole members are left out, and what is still short enough is not.
    let huge = "%41".repeat(100_000);
    let text = format!("a={},b={huge},c={long},d=4;{huge},e=5", "x".repeat(5000));
    assert!(read(&text).iter().map(|(key, _)| key).eq(["a", "e"]));
    // Spaces do not count, they are not handed on.
    let padded = format!("a = 1 ;{}p", " ".repeat(10_000));
    assert_eq!(read(&padded).to_string(), "a=1;p");
    // What is no UTF-8 takes more bytes than it took.
    let grown = read(&format!("a={}", "%ff".repeat(1000)));
    assert!(grown.is_empty());
}

#[test]
fn setters_say_what_is_wrong_and_change_nothing() {
    let mut baggage = Baggage::new().with("a", "1").unwrap();
    for key in ["", "a b", "é", "a=b", "a,b", "a;b", "a\n", "(a)"] {
        assert_eq!(baggage.set(key, "2"), Err(BaggageError::Key { key: key.into() }));
    }
    for metadata in ["", "p q", ";", "p;", "=1", "p=,", "é"] {
        let error = baggage.set_with_metadata("a", "2", metadata).unwrap_err();
        assert_eq!(error, BaggageError::Metadata { metadata: metadata.into() });
    }
    assert_eq!(baggage.to_string(), "a=1");
    let text = baggage.set("the tenant", "2").unwrap_err().to_string();
    assert!(text.starts_with("`the tenant` is no key of baggage; expected"), "{text}");
}

#[test]
fn members_are_removed_and_copies_stay_as_they_are() {
    let mut baggage = read("a=1;p,b=2");
    let copy = baggage.clone();
    assert_eq!(baggage.remove("c"), None);
    assert_eq!(baggage.remove("a").as_deref(), Some("1"));
    assert_eq!(baggage.remove("b").as_deref(), Some("2"));
    assert_eq!(baggage, Baggage::new());
    assert_eq!(copy.to_string(), "a=1;p,b=2");
    assert_eq!(format!("{copy:?}"), r#"{"a": "1", "b": "2"}"#);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        entries in prop::collection::vec(
            ("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9}", ".{0,20}", prop::option::of("[a-z]{1,3}(;[a-z]=[!-+]?)?")),
            0..70,
        ),
    ) {
        let mut baggage = Baggage::new();
        for (key, value, metadata) in entries {
            let _ = match metadata {
                Some(metadata) => baggage.set_with_metadata(key, value, &metadata),
                None => baggage.set(key, value),
            };
        }
        let text = baggage.to_string();
        prop_assert!(baggage.len() <= 64 && text.len() <= 8192);
        prop_assert_eq!(read(&text), baggage);
    }

    #[test]
    fn nothing_panics(text in "([ab=,;% \t]|.){0,200}") {
        if let Ok(baggage) = text.parse::<Baggage>() {
            prop_assert_eq!(read(&baggage.to_string()), baggage);
        }
    }
}
