//! Every shape of struct, what is stored for it, and what it can be pushed by.

// Handlers here read nothing.
#![allow(dead_code)]

use std::sync::Arc;

use queue::prelude::*;
use queue::{Pending, Queueable};

trait Mailer: Send + Sync {}

#[derive(Queueable)]
struct Unit;

#[derive(Queueable)]
struct Braces {}

#[derive(Queueable)]
struct Parentheses();

#[derive(Queueable)]
struct OnlyServices {
    #[inject]
    _mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct Named {
    #[inject]
    _mail: Arc<dyn Mailer>,
    user_id: u64,
    note: Option<String>,
}

#[derive(Queueable)]
struct Tuple(u64, #[inject] Arc<dyn Mailer>, String);

#[derive(Queueable)]
#[queueable(blocking)]
struct Blocking {
    width: u32,
}

impl BlockingJob for Blocking {
    fn handle(&self) -> JobResult {
        let _ = self.width;
        Ok(())
    }
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

do_nothing!(Unit, Braces, Parentheses, OnlyServices, Named, Tuple);

fn stored<J: Queueable>(args: &J::Args) -> String {
    let json = serde_json::to_string(args).unwrap();
    let back: J::Args = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    json
}

fn main() {
    assert_eq!(stored::<Unit>(&UnitArgs {}), "{}");
    assert_eq!(stored::<Braces>(&BracesArgs {}), "{}");
    assert_eq!(stored::<Parentheses>(&ParenthesesArgs {}), "{}");
    assert_eq!(stored::<OnlyServices>(&OnlyServicesArgs {}), "{}");
    assert_eq!(stored::<Named>(&NamedArgs { user_id: 7, note: None }), r#"{"user_id":7,"note":null}"#);
    assert_eq!(stored::<Tuple>(&TupleArgs { arg0: 7, arg1: "x".to_owned() }), r#"{"arg0":7,"arg1":"x"}"#);
    assert_eq!(stored::<Blocking>(&BlockingArgs { width: 3 }), r#"{"width":3}"#);

    drop(Queue::push::<Unit>());
    drop(Queue::push::<Braces>());
    drop(Queue::push::<Parentheses>());
    drop(Queue::push::<OnlyServices>());
    let _: Pending<Unit> = Unit::with();
    let _: Pending<Named> = Named::with(7, None);
    let _: Pending<Named> = NamedArgs { user_id: 7, note: None }.into();
    let _: Pending<Tuple> = Tuple::with(7, "x".to_owned());

    // An unknown field is ignored, so that an older worker reads what a newer one stored.
    let read: NamedArgs = serde_json::from_str(r#"{"user_id":7,"later":[1]}"#).unwrap();
    assert_eq!((read.user_id, read.note), (7, None));
}
