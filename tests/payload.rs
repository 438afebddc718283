//! What is pushed is what arrives, or is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use queue::drivers::Memory;
use queue::job::payload::{decode, encode};
use queue::prelude::*;
use queue::{JobState, Pending, PushError};
use serde::{Deserialize, Serialize};

#[derive(Queueable)]
struct Measured {
    value: f64,
    seen: Vec<f32>,
}

impl Job for Measured {
    async fn handle(&self) -> JobResult {
        let _ = (self.value, &self.seen);
        Ok(())
    }
}

#[test]
fn a_number_arrives_as_it_was_to_the_last_bit() {
    let mut random = fastrand::Rng::with_seed(7);
    let any_bits = std::iter::repeat_with({
        let mut random = random.fork();
        move || f64::from_bits(random.u64(..))
    });
    let ordinary = std::iter::repeat_with(move || (random.f64() - 0.5) * 10_f64.powi(random.i32(-10..10)));
    let values = any_bits.filter(|value| value.is_finite()).take(5_000).chain(ordinary.take(5_000));
    let changed: Vec<(f64, f64)> = values
        .filter_map(|value| {
            let seen = vec![value as f32; usize::from((value as f32).is_finite())];
            let payload = encode(&MeasuredArgs { value, seen: seen.clone() }).expect("finite numbers are JSON");
            let args = decode::<Measured>(&payload, 1).expect("it was encoded");
            assert_eq!(args.seen, seen);
            (args.value.to_bits() != value.to_bits()).then_some((value, args.value))
        })
        .collect();
    assert!(changed.is_empty(), "{} of 10000 numbers arrive changed, first {:?}", changed.len(), changed[0]);
}

#[derive(Queueable)]
struct Report {
    values: BTreeMap<String, Vec<Option<f64>>>,
    ratio: f32,
    note: Option<String>,
    mark: (),
}

impl Job for Report {
    async fn handle(&self) -> JobResult {
        let _ = (&self.values, self.ratio, &self.note, self.mark);
        Ok(())
    }
}

fn report(values: &[Option<f64>], ratio: f32) -> ReportArgs {
    ReportArgs { values: BTreeMap::from([("may".to_owned(), values.to_vec())]), ratio, note: None, mark: () }
}

#[tokio::test]
async fn a_number_that_json_has_not_is_refused_with_its_field() {
    let queue = Queue::from_driver(Arc::new(Memory::new()));
    let infinity = Some(f64::INFINITY);
    let wrong = [
        (report(&[None, Some(f64::NAN)], 1.0), "`values.may[1]` is NaN"),
        (report(&[infinity, None], 1.0), "`values.may[0]` is inf"),
        (report(&[], f32::NEG_INFINITY), "`ratio` is -inf"),
    ];
    for (args, said) in wrong {
        let error = queue.dispatch(Pending::from(args)).await.expect_err(said);
        assert!(matches!(&error, PushError::Encode { kind, .. } if kind == "Report"));
        let text = format!("{error:?}");
        assert!(text.contains(said) && text.contains("an `Option`"), "{text}");
    }
    assert_eq!(queue.counts().await.expect("the store answers").total(JobState::Available), 0);
}

#[test]
fn nothing_is_a_value_like_others() {
    let payload = encode(&report(&[None, Some(1.5)], 0.5)).expect("it is JSON");
    let args = decode::<Report>(&payload, 1).expect("it was encoded");
    assert_eq!((&args.values["may"][..], args.ratio, args.note), (&[None, Some(1.5)][..], 0.5, None));
}

/// Every way of `serde` to put a value into another one, and one that adds no level.
#[derive(Serialize, Deserialize)]
enum Nest {
    Leaf(Option<u8>),
    List(Vec<Nest>),
    Struct { inner: Box<Nest> },
    Tuple(Box<Nest>, u8),
    Map(BTreeMap<u8, Nest>),
}

#[derive(Queueable)]
struct Deep {
    nest: Nest,
}

impl Job for Deep {
    async fn handle(&self) -> JobResult {
        let _ = &self.nest;
        Ok(())
    }
}

fn nest(shape: usize, inside: Nest) -> Nest {
    match shape {
        0 => Nest::List(vec![inside]),
        1 => Nest::Struct { inner: Box::new(inside) },
        2 => Nest::Tuple(Box::new(inside), 1),
        _ => Nest::Map(BTreeMap::from([(1, inside)])),
    }
}

#[test]
fn what_nests_too_deep_to_be_read_is_refused_and_nothing_else() {
    for shape in 0..4 {
        // A level of `Nest` is two of JSON: the variant and what it holds.
        let mut refused = 0;
        let mut args = DeepArgs { nest: Nest::Leaf(None) };
        for level in 0..70 {
            match encode(&args) {
                Ok(payload) => drop(decode::<Deep>(&payload, 1).unwrap_or_else(|error| {
                    panic!("shape {shape}, level {level}: stored, and then {error:?}");
                })),
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.starts_with("`nest") && text.contains("127 levels") && text.len() < 250, "{text}");
                }
            }
            args.nest = nest(shape, args.nest);
        }
        // 1 for the payload, 1 for the leaf's variant: 62 levels are 126 of JSON, 63 are 128.
        assert_eq!(refused, 7, "shape {shape}");
    }
}

#[test]
fn a_value_without_end_is_refused_before_the_stack_is() {
    let mut args = DeepArgs { nest: Nest::Leaf(None) };
    for _ in 0..100_000 {
        args.nest = nest(0, args.nest);
    }
    let error = encode(&args).expect_err("nobody can read it");
    // Its own drop would need the stack.
    std::mem::forget(args);
    assert!(error.to_string().contains("127 levels"), "{error}");
}

#[derive(Queueable)]
struct Grid {
    cells: BTreeMap<(u8, u8), u8>,
}

impl Job for Grid {
    async fn handle(&self) -> JobResult {
        let _ = &self.cells;
        Ok(())
    }
}

#[test]
fn what_serde_refuses_is_named_too() {
    let error = PushError::Encode {
        kind: "Grid".into(),
        source: encode(&GridArgs { cells: BTreeMap::from([((1, 2), 3)]) }).expect_err("a key is text").into(),
    };
    assert_eq!(format!("{error:?}"), "the payload of `Grid` cannot be encoded as JSON: the field `cells`: key must be a string");
}
