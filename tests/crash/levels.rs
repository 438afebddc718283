//! What a process opens and starts it gives back.

use crate::checker::Allowed;
use crate::site::Site;

#[tokio::test]
async fn a_process_returns_to_its_level() {
    let site = Site::new();
    let store = site.word();
    assert!(site.start("cycles", 1, &[&store]).wait().success());
    site.settle(Allowed::default()).await;
}
