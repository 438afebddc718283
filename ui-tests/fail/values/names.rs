use queue::prelude::*;

#[derive(Queueable)]
#[queueable(name = welcome)]
struct Unquoted;

#[derive(Queueable)]
#[queueable(name)]
struct NoValue;

#[derive(Queueable)]
#[queueable(name = "")]
struct Empty;

#[derive(Queueable)]
#[queueable(name = "send mail")]
struct Space;

#[derive(Queueable)]
#[queueable(name = 3)]
struct Number;

#[derive(Queueable)]
#[queueable(name("x"))]
struct Parentheses;

#[derive(Queueable)]
#[queueable(name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
struct Long;

#[derive(Queueable)]
#[queueable(queue = "")]
struct EmptyQueue;

#[derive(Queueable)]
#[queueable(queue = "a\nb")]
struct ControlQueue;

#[derive(Queueable)]
#[queueable(aliases = "Old")]
struct AliasNoList;

#[derive(Queueable)]
#[queueable(aliases = [])]
struct AliasEmpty;

#[derive(Queueable)]
#[queueable(aliases = ["Old", 3, "Old", "Aliased", ""])]
struct Aliased;

#[derive(Queueable)]
#[queueable(tags = [a, "b c"])]
struct Tags;

#[derive(Queueable)]
struct Größe;

impl Job for Unquoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoValue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Empty { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Space { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Number { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Parentheses { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Long { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for EmptyQueue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ControlQueue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for AliasNoList { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for AliasEmpty { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Aliased { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Tags { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Größe { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
