//! Payload types and the `#[serde(..)]` that is handed on.

// Handlers here read nothing.
#![allow(dead_code)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use queue::prelude::*;
use queue::Queueable;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
struct Address {
    zip: String,
    street: String,
}

struct NoSerde(u8);

impl Default for NoSerde {
    fn default() -> Self {
        Self(9)
    }
}

type Alias = Vec<Address>;

mod seconds {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &super::NoSerde, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(value.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<super::NoSerde, D::Error> {
        u8::deserialize(deserializer).map(super::NoSerde)
    }
}

#[derive(Queueable)]
#[serde(rename_all = "camelCase")]
struct Everything {
    user_id: u64,
    #[serde(rename = "where")]
    address: Address,
    #[serde(default)]
    many: Alias,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'static, str>>,
    #[serde(with = "seconds")]
    foreign: NoSerde,
    #[serde(skip)]
    skipped: NoSerde,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
    #[serde(alias = "old")]
    shared: Arc<str>,
    nested: Option<Box<(u8, [Address; 1])>>,
}

#[derive(Queueable)]
#[serde(deny_unknown_fields, default = "start")]
struct Strict {
    count: u8,
}

fn start() -> StrictArgs {
    StrictArgs { count: 40 }
}

/// A job that is stored in its own args.
#[derive(Queueable)]
struct Tree {
    children: Vec<TreeArgs>,
    next: Option<Box<TreeArgs>>,
}

#[derive(Queueable)]
struct Thirty {
    f00: u8, f01: u8, f02: u8, f03: u8, f04: u8, f05: u8, f06: u8, f07: u8, f08: u8, f09: u8,
    f10: u8, f11: u8, f12: u8, f13: u8, f14: u8, f15: u8, f16: u8, f17: u8, f18: u8, f19: u8,
    f20: u8, f21: u8, f22: u8, f23: u8, f24: u8, f25: u8, f26: u8, f27: u8, f28: u8, f29: u8,
}

type Maybe = Option<Address>;

/// Without `#[serde(..)]` the derive reads and writes the args by itself.
#[derive(Queueable)]
struct Plain {
    id: u64,
    address: Maybe,
    list: Vec<Address>,
}

macro_rules! do_nothing {
    ($($job:ty),*) => {
        $(impl Job for $job {
            async fn handle(&self) -> JobResult {
                Ok(())
            }
        })*
    };
}

do_nothing!(Everything, Strict, Tree, Thirty, Plain);

fn plain() {
    let read = |text: &str| serde_json::from_str::<PlainArgs>(text);
    let refused = |text: &str| read(text).err().map(|error| error.to_string().split(" at line").next().unwrap().to_owned()).unwrap();

    let args = PlainArgs { id: 7, address: None, list: vec![Address::default()] };
    let json = serde_json::to_string(&args).unwrap();
    assert_eq!(json, r#"{"id":7,"address":null,"list":[{"zip":"","street":""}]}"#);
    assert_eq!(serde_json::to_string(&read(&json).unwrap()).unwrap(), json);

    // In any order, with keys that nobody knows, with escapes, without an `Option`.
    let args = read(r#"{"later":{"x":[1]},"list":[],"\u0069d":8}"#).unwrap();
    assert_eq!((args.id, args.address.is_none(), args.list.len()), (8, true, 0));
    let args: PlainArgs = serde_json::from_value(serde_json::json!({ "id": 9, "list": [], "more": 1 })).unwrap();
    assert_eq!(args.id, 9);

    assert_eq!(refused(r#"{"list":[]}"#), "missing field `id`");
    assert_eq!(refused(r#"{"id":1}"#), "missing field `list`");
    assert_eq!(refused(r#"{"id":1,"id":1,"list":[]}"#), "duplicate field `id`");
    assert_eq!(refused(r#"{"id":"x","list":[]}"#), "invalid type: string \"x\", expected u64");
    assert_eq!(refused("[1,null,[]]"), "invalid type: sequence, expected struct PlainArgs");
    assert_eq!(refused("null"), "invalid type: null, expected struct PlainArgs");

    let error = queue::job::payload::decode::<Plain>(br#"{"id":1,"list":[{"zip":"1","street":2}]}"#, 1).err().unwrap();
    assert_eq!(error.to_string(), "the payload cannot be decoded at `list[0].street`");
}

fn main() {
    plain();
    let address = || Address { zip: "1".to_owned(), street: "s".to_owned() };
    let args = EverythingArgs {
        user_id: 7,
        address: address(),
        many: Vec::new(),
        note: None,
        foreign: NoSerde(5),
        skipped: NoSerde(1),
        rest: HashMap::from([("more".to_owned(), true.into())]),
        shared: "x".into(),
        nested: Some(Box::new((1, [address()]))),
    };
    let json = serde_json::to_string(&args).unwrap();
    assert_eq!(
        json,
        r#"{"userId":7,"where":{"zip":"1","street":"s"},"many":[],"foreign":5,"more":true,"shared":"x","nested":[1,[{"zip":"1","street":"s"}]]}"#
    );
    let back: EverythingArgs = serde_json::from_str(&json.replace(r#""many":[],"#, "").replace("shared", "old")).unwrap();
    assert_eq!((back.foreign.0, back.skipped.0, &*back.shared, back.rest.len()), (5, 9, "x", 1));

    assert_eq!(serde_json::from_str::<StrictArgs>("{}").unwrap().count, 40);
    assert!(serde_json::from_str::<StrictArgs>(r#"{"more":1}"#).is_err());

    let tree = TreeArgs { children: vec![TreeArgs { children: Vec::new(), next: None }], next: None };
    let json = serde_json::to_string(&tree).unwrap();
    assert_eq!(json, r#"{"children":[{"children":[],"next":null}],"next":null}"#);
    assert_eq!(serde_json::from_str::<<Tree as Queueable>::Args>(&json).unwrap().children.len(), 1);

    drop(Thirty::with(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}
