use queue::prelude::*;

#[derive(Queueable)]
#[queueable(crate = "x")]
struct CrateQuoted;

#[derive(Queueable)]
#[queueable(crate = queue)]
struct CrateRelative;

#[derive(Queueable)]
#[queueable(version = 2, upgrade = "up")]
struct UpgradeQuoted;

#[derive(Queueable)]
#[queueable(upgrade = up)]
struct UpgradeAlone;

#[derive(Queueable)]
#[queueable(constructor = "with_user")]
struct ConstructorQuoted;

#[derive(Queueable)]
#[queueable(constructor = a::b)]
struct ConstructorPath;

#[derive(Queueable)]
#[queueable(args = 3)]
struct ArgsNumber;

#[derive(Queueable)]
#[queueable(blocking = true)]
struct Blocking;

impl Job for CrateQuoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for CrateRelative { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for UpgradeQuoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for UpgradeAlone { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ConstructorQuoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ConstructorPath { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ArgsNumber { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Blocking { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
