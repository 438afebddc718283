use queue::prelude::*;

#[derive(Queueable)]
struct Import<T> {
    row: T,
}

fn main() {}
