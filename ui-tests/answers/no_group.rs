use std::sync::Arc;

use queue::FromContainer;

struct Config;

struct Inner {
    config: Arc<Config>,
}

#[derive(FromContainer)]
struct Outer {
    inner: Inner, //~ error: `Inner` cannot be injected
//~ note: or a struct of these that derives `FromContainer`
}

fn main() {}
