use std::sync::Arc;

use queue::FromContainer;

#[derive(FromContainer)]
#[from_container(crate = ::elsewhere::queue)]
struct Group {
    config: Arc<u8>,
}

fn main() {}
