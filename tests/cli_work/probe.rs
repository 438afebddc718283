//! `queue:work --probe`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use queue_tests::postgres::Proxy;
use queue_tests::probe::PATIENCE;

use crate::place::{Place, stored};
use crate::process::{Running, eventually, jobbed, ran};

on_every_store!(
    a_worker_that_works_is_started_and_connected,
    a_worker_that_stops_is_not_connected,
    an_address_that_is_taken_is_refused_at_once,
);

/// Where a worker answers.
fn address(worker: &mut Running) -> String {
    let line = worker.until("probes are answered at http://");
    line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

/// The status and the body.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn work(place: &Place, url: &str) -> Running {
    let mut command = jobbed(place, &["queue:work", "--probe", "127.0.0.1:0", "--shutdown-timeout", "1h"]);
    Running::start(command.env("QUEUE_URL", url))
}

async fn a_worker_that_works_is_started_and_connected(place: Place) {
    let mut worker = work(&place, place.url());
    let address = address(&mut worker);
    worker.until("serves the queues");
    assert_eq!(get(&address, "/status/started"), (200, "started\n".to_owned()));
    assert_eq!(get(&address, "/status/connected"), (200, "connected\n".to_owned()));
    assert_eq!(get(&address, "/status/else").0, 404);
    assert_eq!(get(&address, "/").0, 404);
    worker.signal("TERM");
    worker.end().ends_with(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_connects_and_says_nothing_holds_nobody_up_for_long() {
    let place = Place::file();
    let mut worker = work(&place, place.url());
    let address = address(&mut worker);
    worker.until("serves the queues");
    // More than are answered at once, and one that has begun a request.
    let idle: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
    (&idle[0]).write_all(b"GET /status/started HTTP/1.1\r\n").unwrap();
    assert_eq!(get(&address, "/status/connected").0, 200);
    drop(idle);
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn a_worker_that_stops_is_not_connected(place: Place) {
    place.push([stored("Waits", r#"{"deaf":true}"#)]).await;
    let mut worker = work(&place, place.url());
    let address = address(&mut worker);
    worker.until("waiting");
    worker.signal("TERM");
    worker.until("stopping:");
    // What is said comes before what is done, by less than anybody waits.
    eventually("it tells that it stops", async || get(&address, "/status/connected") == (503, "it stops\n".to_owned())).await;
    assert_eq!(get(&address, "/status/started").0, 200);
    worker.signal("TERM");
    worker.end().ends_with(143);
}

async fn an_address_that_is_taken_is_refused_at_once(place: Place) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.push([stored("Greet", r#"{"name":"x"}"#)]).await;
    let said = ran(&place, &["queue:work", "--once", "--probe", &address]).ends_with(78);
    said.complains(&format!("cannot answer probes at {address}"));
    assert_eq!(place.states().await, "available 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_server_is_away_is_not_connected() {
    let Some(place) = Place::schema() else { return };
    let schema = place.as_schema().unwrap();
    let proxy = Proxy::before(schema.plain_url());
    let mut worker = work(&place, &schema.url_through(proxy.url()));
    let address = address(&mut worker);
    worker.until("serves the queues");
    assert_eq!(get(&address, "/status/connected").0, 200);

    proxy.refuse();
    proxy.cut();
    eventually("it tells that it is cut off", async || {
        let (status, why) = get(&address, "/status/connected");
        status == 503 && why.contains("has failed for")
    })
    .await;
    assert_eq!(get(&address, "/status/started").0, 200);
    proxy.accept();
    eventually("it is connected again", async || get(&address, "/status/connected").0 == 200).await;
    worker.signal("TERM");
    worker.end().ends_with(0);
}
