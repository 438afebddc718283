use queue::prelude::*;

#[derive(Queueable)]
#[queueable(max_attempts = "3")]
struct Quoted;

#[derive(Queueable)]
#[queueable(max_attempts = 0)]
struct Zero;

#[derive(Queueable)]
#[queueable(max_attempts = -1)]
struct Negative;

#[derive(Queueable)]
#[queueable(max_attempts = 99999999999)]
struct Huge;

#[derive(Queueable)]
#[queueable(max_attempts = 1001)]
struct Many;

#[derive(Queueable)]
#[queueable(max_attempts = 1.5)]
struct Half;

#[derive(Queueable)]
#[queueable(max_attempts)]
struct NoValue;

#[derive(Queueable)]
#[queueable(max_attempts = LIMIT)]
struct Constant;

#[derive(Queueable)]
#[queueable(priority = 256)]
struct Priority;

#[derive(Queueable)]
#[queueable(priority = high)]
struct PriorityWord;

#[derive(Queueable)]
#[queueable(version = 0)]
struct Version;

impl Job for Quoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Zero { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Negative { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Huge { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Many { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Half { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoValue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Constant { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Priority { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for PriorityWord { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Version { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
