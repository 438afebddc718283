//! A probe over HTTP: whether the worker has started, and whether it reaches its store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use queue::worker::{Health, WorkerHandle};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::exit;
use crate::failure::Failure;

/// Takes the address, before the worker starts: an address that is taken is told at once.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let taken = |error| Failure::new(exit::CONFIGURATION, format!("cannot answer probes at {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    // The port may have been left to the system.
    let address = listener.local_addr().map_err(taken)?;
    tracing::info!("probes are answered at http://{address}/status/started and /status/connected");
    Ok(listener)
}

/// How many probes are answered at once; others wait in the queue of the system.
const AT_ONCE: usize = 32;
/// How long one may take, so that whoever connects and says nothing costs the worker nothing for long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers until the task is dropped.
pub(super) async fn serve(listener: TcpListener, handle: WorkerHandle) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a probe could not be accepted");
                tokio::time::sleep(PATIENCE).await;
                continue;
            }
        };
        let handle = handle.clone();
        tokio::spawn(async move {
            let answer = service_fn(async |request: Request<Incoming>| answer(request.uri().path(), &handle));
            let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer);
            // Whoever asks may go away, or be no client of HTTP.
            drop(tokio::time::timeout(PATIENCE, connection).await);
            drop(place);
        });
    }
}

fn answer(path: &str, handle: &WorkerHandle) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let (status, text) = match path {
        "/status/started" => (StatusCode::OK, "started\n".to_owned()),
        "/status/connected" => connected(handle),
        _ => (StatusCode::NOT_FOUND, "there are /status/started and /status/connected\n".to_owned()),
    };
    Response::builder().status(status).header("content-type", "text/plain").body(Full::from(text))
}

/// 503 while fetching, renewing or storing fails, or the worker stops.
fn connected(handle: &WorkerHandle) -> (StatusCode, String) {
    let health = handle.health();
    match health.is_healthy() && !health.is_stopping {
        true => (StatusCode::OK, "connected\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, why(&health)),
    }
}

fn why(health: &Health) -> String {
    let failing = [("fetching", health.fetch_failing), ("renewing", health.renew_failing), ("settling", health.settle_failing)];
    let mut lines: Vec<String> = failing
        .iter()
        .filter_map(|(what, time)| time.map(|time| format!("{what} has failed for {} s", time.as_secs())))
        .collect();
    if health.has_lost_handlers {
        lines.push("the runtime of the handlers has ended".to_owned());
    }
    if health.is_stopping {
        lines.push("it stops".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}
