use queue::prelude::*;

#[derive(Queueable)]
struct Greet<'a> {
    name: &'a str,
}

fn main() {}
