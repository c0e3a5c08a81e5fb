use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::*;

fn print<T: Serialize + ?Sized>(value: &T) -> Fingerprint {
    let mut bytes = Vec::new();
    canonical(value, &mut bytes).expect("a value that can be recorded");
    Fingerprint::of(&bytes)
}

#[test]
fn map_order_does_not_matter_and_list_order_does() {
    let pairs = [("b", 1), ("a", 2), ("c", 3)];
    let hashed: HashMap<_, _> = pairs.into_iter().collect();
    let sorted: BTreeMap<_, _> = pairs.into_iter().collect();
    assert_eq!(print(&hashed), print(&sorted));
    assert_eq!(print(&hashed), print(&json!({"c": 3, "b": 1, "a": 2})));
    assert_ne!(print(&[1, 2]), print(&[2, 1]));
}

#[test]
fn numbers_keep_their_value_and_not_their_width() {
    assert_eq!(print(&1_u8), print(&1_i64));
    assert_ne!(print(&1), print(&1.0));
    assert_ne!(print(&((1_u64 << 53) + 1)), print(&(1_u64 << 53)));
    assert_ne!(print(&u128::MAX), print(&(u128::MAX - 1)));
    assert_eq!(print(&json!(18_446_744_073_709_551_615_u64)), print(&u64::MAX));
}

#[test]
fn a_struct_is_a_map_and_a_variant_is_what_json_says() {
    #[derive(Serialize)]
    struct Point {
        y: i32,
        x: i32,
    }
    #[derive(Serialize)]
    enum Shape {
        Dot,
        At { x: i32, y: i32 },
        Both(i32, i32),
        One(Point),
    }
    assert_eq!(print(&Point { y: 2, x: 1 }), print(&json!({"x": 1, "y": 2})));
    assert_eq!(print(&Shape::Dot), print("Dot"));
    assert_eq!(print(&Shape::At { x: 1, y: 2 }), print(&json!({"At": {"y": 2, "x": 1}})));
    assert_eq!(print(&Shape::Both(1, 2)), print(&json!({"Both": [1, 2]})));
    assert_eq!(print(&Shape::One(Point { y: 2, x: 1 })), print(&json!({"One": {"y": 2, "x": 1}})));
}

#[test]
fn raw_json_is_the_value_it_stands_for() {
    let raw = serde_json::value::RawValue::from_string(r#"{ "b": [1, 2.5], "a": "x" }"#.to_owned()).unwrap();
    assert_eq!(print(&raw), print(&json!({"a": "x", "b": [1, 2.5]})));
}

#[test]
fn nan_is_refused() {
    let error = canonical(&[1.0, f64::NAN], &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("NaN is no value that can be recorded"), "{error}");
}

#[test]
fn large_values_and_unicode() {
    let large = "å\u{1F980}".repeat(1_000_000);
    assert_ne!(print(&large), print(&large[2..]));
    assert_ne!(print("é"), print("e\u{301}"), "text is not normalised: what differs in bytes differs");
}

#[test]
fn names_and_keys_do_not_run_into_each_other() {
    let parent = CallId::root(&"r".parse().unwrap());
    let ids = [
        CallId::of(parent, "ab", &Marker::Key("c"), 0),
        CallId::of(parent, "a", &Marker::Key("bc"), 0),
        CallId::of(parent, "ab", &Marker::Key("c"), 1),
        CallId::of(parent, "ab", &Marker::Inputs(Fingerprint::of(b"c")), 0),
    ];
    let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e300..1e300_f64).prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(".{0,4}", inner, 0..6)
                .prop_map(|map| serde_json::to_value(map).unwrap()),
        ]
    })
}

proptest! {
    #[test]
    fn different_values_have_different_encodings(a in any_json(), b in any_json()) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        canonical(&a, &mut left).unwrap();
        canonical(&b, &mut right).unwrap();
        prop_assert_eq!(a == b, left == right);
    }

    #[test]
    fn a_decoded_copy_is_the_same_value(value in any_json()) {
        let copy: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(print(&copy), print(&value));
    }

    #[test]
    fn hashes_come_back_from_text(bytes: [u8; 16]) {
        let text = serde_json::to_string(&CallId(bytes)).unwrap();
        prop_assert_eq!(serde_json::from_str::<CallId>(&text).unwrap(), CallId(bytes));
    }
}

/// The same constants stand in the root package's tests, which are built with other features of `serde_json`.
#[test]
fn identity_is_the_same_to_the_letter() {
    let value = json!({"b": [1, 1.0, u64::MAX], "a": {"z": null, "y": "é"}});
    let fingerprint = print(&value);
    assert_eq!(fingerprint.to_string(), "8446d4de564a59a3ee7e2b2d6771ebd7");
    let parent = CallId::root(&"golden".parse().unwrap());
    let call = CallId::of(parent, "inner", &Marker::Inputs(fingerprint), 0);
    assert_eq!(call.to_string(), "cfbe9ae92d70a9605a9f33155ac78bd6");
}
