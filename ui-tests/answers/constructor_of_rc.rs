use std::rc::Rc;

use queue::Container;

struct Smtp(Rc<str>);

fn main() {
    drop(
        Container::builder()
            .singleton(|| Smtp("a".into())) //~ error: `Smtp` cannot be a service
            .build(),
    );
}
//~ note: services are shared between worker threads
