//! What is pushed is what arrives, or is refused.

use queue::job::payload::{decode, encode};
use queue::prelude::*;

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
