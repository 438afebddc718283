//! What an injected field costs, beside its raw limits: `cargo bench -p queue-benches --bench container`.
//!
//! A container of 100 bindings; each figure is the best of seven rounds of a million.

#![expect(clippy::print_stdout, reason = "a program whose output is its table")]

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use queue::container::{Lazy, Provider, RunScope};
use queue::{Container, ContainerBuilder};

const ROUNDS: usize = 7;
const CALLS: u32 = 1_000_000;

/// One of many types that fill the container.
struct Filler<const N: usize>;

trait Mailer: Send + Sync {}
struct Smtp;
impl Mailer for Smtp {}
struct Session;
struct Message;

macro_rules! fill {
    ($builder:expr; $($tens:literal)*) => {{
        let builder = $builder;
        $(
            let builder = builder
                .instance(Arc::new(Filler::<{ $tens * 10 }>))
                .singleton(|| Filler::<{ $tens * 10 + 1 }>)
                .singleton(|| Filler::<{ $tens * 10 + 2 }>)
                .singleton(|| Filler::<{ $tens * 10 + 3 }>)
                .singleton(|| Filler::<{ $tens * 10 + 4 }>)
                .singleton(|| Filler::<{ $tens * 10 + 5 }>)
                .singleton(|| Filler::<{ $tens * 10 + 6 }>)
                .singleton(|| Filler::<{ $tens * 10 + 7 }>)
                .singleton(|| Filler::<{ $tens * 10 + 8 }>)
                .singleton(|| Filler::<{ $tens * 10 + 9 }>)
                .done();
        )*
        builder
    }};
}

fn filled() -> ContainerBuilder {
    fill!(Container::builder(); 0 1 2 3 4 5 6 7 8)
}

/// Nanoseconds a call, the best round.
fn best(mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round(&mut || call()));
    }
    best
}

fn main() {
    let container = filled()
        .instance(Arc::new(String::from("config")))
        .singleton(|| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .named("audit")
        .expose::<dyn Mailer>(|smtp| smtp)
        .scoped(|| Session)
        .transient(|| Message)
        .build();
    let shared: Arc<dyn Mailer> = Arc::new(Smtp);
    let map: HashMap<TypeId, Box<dyn Any + Send + Sync>> =
        HashMap::from([(TypeId::of::<dyn Mailer>(), Box::new(Arc::clone(&shared)) as Box<dyn Any + Send + Sync>)]);
    let from_map = |map: &HashMap<TypeId, Box<dyn Any + Send + Sync>>| {
        map.get(&TypeId::of::<dyn Mailer>()).and_then(|value| value.downcast_ref::<Arc<dyn Mailer>>().cloned())
    };
    let raw = best(|| drop(black_box(Arc::clone(black_box(&shared)))));
    let row = |name: &str, ns: f64| println!("{name:<44} {ns:>7.1} ns  {:>5.1} x", ns / raw);
    row("raw: clone and drop an Arc", raw);
    row("raw: HashMap of std, downcast, clone", best(|| drop(black_box(from_map(black_box(&map))))));
    let locked = RwLock::new(map);
    let behind_lock = || drop(black_box(from_map(&locked.read().expect("no writer panics"))));
    row("raw: the same behind an RwLock", best(behind_lock));

    let run = container.run_scope(None);
    row("instance", best(|| drop(black_box(run.scope().resolve::<Arc<String>>()))));
    row("singleton", best(|| drop(black_box(run.scope().resolve::<Arc<Smtp>>()))));
    row("singleton, as a trait", best(|| drop(black_box(run.scope().resolve::<Arc<dyn Mailer>>()))));
    row("singleton, by name", best(|| drop(black_box(container.get_named::<dyn Mailer>("audit")))));
    row("optional, not bound", best(|| drop(black_box(run.scope().resolve::<Option<Arc<u8>>>()))));
    row("scoped, made before", best(|| drop(black_box(run.scope().resolve::<Arc<Session>>()))));
    row("transient", best(|| drop(black_box(run.scope().resolve::<Arc<Message>>()))));
    let provider: Provider<Smtp> = run.scope().resolve().expect("Smtp is bound");
    row("Provider::get of a singleton", best(|| drop(black_box(provider.get()))));

    let open = |container: &Container| -> RunScope { container.run_scope(None) };
    row("run: open and close", best(|| drop(black_box(open(&container)))));
    row("run: with a Lazy that is not used", best(|| drop(black_box(open(&container).scope().resolve::<Lazy<Smtp>>()))));
    row("run: with a scoped service", best(|| drop(black_box(open(&container).scope().resolve::<Arc<Session>>()))));
}
