//! `#[derive(Queueable)]` and `#[derive(FromContainer)]`, the derives of the crate `queue`, which re-exports them: depend on
//! `queue`, not on this.
//!
//! The way through: `parse` reads the words of an attribute, and `values` what they are set to; `options`, `inject` and `payload`
//! give them meaning; `model` holds what a job is, `check` compares its parts; `emit` writes the code, `args` that of the payload,
//! `services` that of injected fields; `group` does all this for `FromContainer`; `fallback` writes stubs after an error, so that one mistake is one message.

mod args;
mod backoff;
mod check;
mod duration;
mod emit;
mod errors;
mod fallback;
mod group;
mod inject;
mod model;
mod options;
mod parse;
mod payload;
mod services;
mod suggest;
mod values;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::errors::Errors;

/// Makes a struct a job.
///
/// Fields marked `#[inject]` are services that the container gives when the job runs; all others are the payload, which is
/// stored. For a job `SendWelcomeEmail` the derive writes `impl Queueable`, the struct `SendWelcomeEmailArgs` of the payload
/// fields, the function `SendWelcomeEmail::with(..)` that takes them in order, and the registration at link time. What the job
/// does is `impl Job`, or `impl BlockingJob` with `#[queueable(blocking)]`.
///
/// | key of `#[queueable(..)]` | value | meaning |
/// |---|---|---|
/// | `name` | `".."` | the stored name; default: the bare name of the struct |
/// | `aliases` | `["..", ".."]` | earlier names under which jobs may still wait |
/// | `queue` | `".."` | the lane; default `"default"` |
/// | `tags` | `["..", ".."]` | words to find jobs by |
/// | `priority` | 0 to 255 | lower goes first; default 100 |
/// | `max_attempts` | 1 to 1000 | default 20 |
/// | `timeout` | `"30s"`, `"none"` | of one attempt; default `"15m"` |
/// | `backoff` | `"exponential(15s, 6h)"`, `"linear(10s)"`, `"fixed(30s)"`, `["10s", "1m"]` | when to try again; the last of a list repeats |
/// | `unique` | `unique`, `unique(fields = [user_id], name = "..")` | at most one live job with the same values |
/// | `version` | 1 to 65535 | of the payload; default 1 |
/// | `upgrade` | a path | `fn(serde_json::Value, u16) -> Result<serde_json::Value, E>`, from an earlier version |
/// | `blocking` | no value | the job is an `impl BlockingJob` |
/// | `constructor` | an identifier | instead of `with` |
/// | `args` | an identifier | instead of the name with `Args` after it |
/// | `crate` | an absolute path | where `queue` is, when it is re-exported |
///
/// Durations are `100ms`, `30s`, `5m`, `1h30m`, `2d`. Names hold letters, digits and `_ - . : /`, 128 at most.
///
/// | on a field | meaning |
/// |---|---|
/// | `#[inject]` | a service: `Arc<T>`, `Option<Arc<T>>`, `Vec<Arc<T>>`, `Lazy<T>`, `Provider<T>`, `JobContext`, `Queue`, any `FromContainer` |
/// | `#[inject(name = "..")]` | the binding of that name |
/// | `#[inject(clone)]` | a value, cloned out of the container |
/// | `#[inject(optional)]` | says that `None` is expected; the type is `Option<Arc<T>>` |
/// | `#[serde(..)]` | on payload fields: handed on to the `Args` struct |
///
/// A payload is always a JSON object: `{}` without fields, the keys `arg0`, `arg1`, .. for a tuple struct.
///
/// If the struct has an own function `with`, or its module an own type of the name of the `Args` struct, choose others by
/// `constructor` and `args`.
#[proc_macro_derive(Queueable, attributes(queueable, inject, serde))]
pub fn derive_queueable(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = Errors::default();
    let job = model::read(&input, &mut errors);
    if let Some(job) = &job {
        check::job(job, &mut errors);
    }
    match (job, errors.finish()) {
        (Some(job), None) => emit::job(&job).into(),
        (job, messages) => {
            let messages = messages.map(|error| error.to_compile_error());
            let stubs = fallback::job(&input, job.as_ref());
            quote::quote!(#messages #stubs).into()
        }
    }
}

/// Makes a struct a group of services: every field is injected, so that jobs and constructors can take them all as one.
///
/// A field has any type that `#[inject]` takes in a job, and says the same with it: `#[inject(name = "..")]`, `#[inject(clone)]`,
/// `#[inject(optional)]`; a plain `#[inject]` is not needed. The struct may have types and constants as parameters.
///
/// | key of `#[from_container(..)]` | value | meaning |
/// |---|---|---|
/// | `crate` | an absolute path | where `queue` is, when it is re-exported |
///
/// See the trait `FromContainer` of `queue` for an example.
#[proc_macro_derive(FromContainer, attributes(from_container, inject))]
pub fn derive_from_container(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = Errors::default();
    let group = group::read(&input, &mut errors);
    match (group, errors.finish()) {
        (Some(group), None) => group::emit(&group).into(),
        (group, messages) => {
            let messages = messages.map(|error| error.to_compile_error());
            let stub = group::stub(&input, group.as_ref());
            quote::quote!(#messages #stub).into()
        }
    }
}
