use queue::prelude::*;

#[derive(Queueable)]
#[queueable(timeout = "5 parsecs")]
struct Unit;

#[derive(Queueable)]
#[queueable(timeout = 30)]
struct Number;

#[derive(Queueable)]
#[queueable(timeout = "30")]
struct NoUnit;

#[derive(Queueable)]
#[queueable(timeout = "0s")]
struct Nothing;

#[derive(Queueable)]
#[queueable(timeout = "4000d")]
struct Long;

#[derive(Queueable)]
#[queueable(timeout = none)]
struct Unquoted;

#[derive(Queueable)]
#[queueable(backoff = "exponentiall")]
struct Policy;

#[derive(Queueable)]
#[queueable(backoff = "fixed(soon)")]
struct Soon;

#[derive(Queueable)]
#[queueable(backoff = "30s")]
struct Bare;

#[derive(Queueable)]
#[queueable(backoff = 30)]
struct BareNumber;

#[derive(Queueable)]
#[queueable(backoff = linear(10s))]
struct PolicyUnquoted;

#[derive(Queueable)]
#[queueable(backoff = ["10s", "1 minute"])]
struct List;

#[derive(Queueable)]
#[queueable(backoff = [])]
struct EmptyList;

#[derive(Queueable)]
#[queueable(backoff = "exponential(1h, 1m)")]
struct Cap;

impl Job for Unit { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Number { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoUnit { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Nothing { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Long { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Unquoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Policy { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Soon { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Bare { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for BareNumber { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for PolicyUnquoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for List { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for EmptyList { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Cap { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
