//! The container: what its forms give, and what it says of what is wrong.

use std::sync::Arc;

use queue::Container;

struct Config(&'static str);

#[test]
fn an_instance_is_given_as_it_is() {
    let config = Arc::new(Config("a"));
    let container = Container::builder().instance(Arc::clone(&config)).build();
    assert!(Arc::ptr_eq(&container.get::<Config>().unwrap(), &config));
    assert_eq!(config.0, "a");
}
