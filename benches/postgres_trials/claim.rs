//! What the two ways have in common: jobs are pushed, and one statement settles what was claimed last and claims the next.

use sqlx::postgres::PgConnection;

/// The queue of all the trials.
pub(crate) const QUEUE: &str = "default";

/// A job that was claimed: when it was pushed, and when it was due, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimed {
    pub(crate) pushed_at: i64,
    pub(crate) due_at: i64,
}

/// One of the two ways, as a pusher has it.
pub(crate) trait Push {
    /// Inserts jobs, which are due so long ago, in microseconds.
    async fn push(&self, connection: &mut PgConnection, jobs: usize, ago: i64) -> sqlx::Result<()>;
}

/// One of the two ways, as a worker has it over one connection.
pub(crate) trait Way {
    fn pusher(&self) -> impl Push + 'static;

    /// Settles all that this holds and claims so many: one statement.
    async fn exchange(&mut self, limit: usize) -> sqlx::Result<Vec<Claimed>>;
}

/// What is done beside it from time to time, on another connection, so that it takes 5 % of the time of that at most.
pub(crate) trait Tend {
    async fn tend(&mut self) -> sqlx::Result<()>;
}

/// Settles and claims until nothing is left; answers how many.
pub(crate) async fn drain(way: &mut impl Way, batch: usize) -> sqlx::Result<usize> {
    let mut done = 0;
    loop {
        let claimed = way.exchange(batch).await?.len();
        if claimed == 0 {
            return Ok(done);
        }
        done += claimed;
    }
}
