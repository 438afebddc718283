//! One verb of the driver, for a test that kills the process at each of its writes.

use std::error::Error;

use queue_tests::ledger::Event;

use crate::Stage;

pub(crate) async fn run(verb: &str, stage: Stage) -> Result<(), Box<dyn Error>> {
    let _ = (&stage.driver, Event::Ended);
    Err(format!("no role is called `{verb}`").into())
}
