//! A probe over HTTP: whether the worker has started, and whether it reaches its store.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use queue::worker::{Health, WorkerHandle};
use tokio::net::TcpListener;

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

/// Answers until the task is dropped.
pub(super) async fn serve(listener: TcpListener, handle: WorkerHandle) {
    let router = Router::new()
        .route("/status/started", get(async || (StatusCode::OK, "started\n")))
        .route("/status/connected", get(connected))
        .with_state(handle);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the probe has ended");
    }
}

/// 503 while fetching, renewing or storing fails, or the worker stops.
async fn connected(State(handle): State<WorkerHandle>) -> (StatusCode, String) {
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
