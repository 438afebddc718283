//! A job may have a method `push` of its own.

use queue::prelude::*;

#[derive(Queueable)]
struct Stack {
    items: Vec<u8>,
}

impl Stack {
    fn push(&mut self, item: u8) {
        self.items.push(item);
    }
}

impl Job for Stack {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    let mut stack = Stack { items: Vec::new() };
    stack.push(1);
    assert_eq!(stack.items, [1]);
}
