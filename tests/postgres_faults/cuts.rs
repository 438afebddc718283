//! A connection that is cut in the middle of what is asked, or of what is answered.

use queue_tests::postgres::{Cluster, Direction, Proxy};

use crate::rig::Rig;

/// How often it is cut in each direction.
const CUTS: u64 = 40;

/// Cuts after so many bytes, from none to most of an exchange, while jobs are pushed and run.
async fn cut_everywhere(direction: Direction) {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    let rig = Rig::start(proxy.url()).await;
    let mut random = fastrand::Rng::with_seed(4);
    let pushers = rig.pushers();
    for number in 0..CUTS {
        rig.book.more(4, 4).await;
        // The first are swept over the first statement that comes; the others fall anywhere.
        let bytes = if number < CUTS / 2 { number * 17 } else { random.u64(0..6_000) };
        proxy.cut_after(direction, bytes);
        proxy.cut_happened().await;
    }
    rig.book.more(4, 4).await;
    pushers.end().await;
    assert!(proxy.seen().cuts >= CUTS);
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_cut_at_any_byte() {
    cut_everywhere(Direction::Reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_cut_at_any_byte() {
    cut_everywhere(Direction::Request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_lone_push_is_lost_and_it_is_stored_once() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    let rig = Rig::start(proxy.url()).await;
    for _ in 0..20 {
        proxy.cut_after(Direction::Reply, 0);
        rig.works().await;
        proxy.cut_happened().await;
    }
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_lost_and_the_server_cannot_be_reached_for_a_while() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    let rig = Rig::start(proxy.url()).await;
    for _ in 0..5 {
        rig.hold(4).await;
        let pushers = rig.pushers();
        rig.book.more(10, 10).await;
        proxy.refuse();
        proxy.cut_after(Direction::Reply, 0);
        proxy.cut_happened().await;
        proxy.cut();
        rig.book.gate.open();
        rig.health("red", |health| !health.is_healthy()).await;
        proxy.accept();
        rig.book.more(10, 10).await;
        pushers.end().await;
    }
    rig.close(&cluster).await;
}
