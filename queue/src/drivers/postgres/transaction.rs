//! Pushing and settling in a transaction of a user.

use std::any::Any;

use sqlx::{PgConnection, Postgres as Database, Transaction};

use super::Core;
use super::connection::OfUser;
use super::error::Fault;
use super::push::{self, Storing};
use crate::drivers::{NewJob, PushError, PushResult, Settled, Settlement};
use crate::error::{Error, ErrorKind};
use crate::job::{SettleError, StoreTransaction};

/// The name of the database in the error that a wrong transaction gives.
const DATABASE: &str = "postgres";

/// ```
/// use queue::job::StoreTransaction;
///
/// fn takes_transactions<T: StoreTransaction>() {}
/// takes_transactions::<sqlx::Transaction<'static, sqlx::Postgres>>();
/// ```
impl StoreTransaction for Transaction<'_, Database> {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        let connection: &mut PgConnection = self;
        connection
    }

    fn database(&self) -> &'static str {
        DATABASE
    }
}

/// A connection on which the user began a transaction by hand.
impl StoreTransaction for PgConnection {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn database(&self) -> &'static str {
        DATABASE
    }
}

impl Core {
    /// Others are told with the commit, whenever that is.
    pub(super) async fn store_in(&self, transaction: &mut dyn StoreTransaction, jobs: Vec<NewJob>) -> PushResult {
        let wrong = PushError::WrongTransaction { queue: DATABASE, transaction: transaction.database() };
        let Some(connection) = transaction.connection().downcast_mut::<PgConnection>() else { return Err(wrong) };
        if let Some(refused) = jobs.iter().find_map(push::refused_job) {
            return Err(refused);
        }
        let messages = push::messages(&push::queues(jobs.iter()), self.first_due(jobs.iter()));
        let texts = self.teller.texts_of_user(&messages);
        let jobs: Vec<&NewJob> = jobs.iter().collect();
        let mut owner = OfUser::new(connection, &self.dialect);
        match self.store_jobs(&mut owner.session(), Storing { jobs: &jobs, texts: &texts, is_doubted: false }).await {
            Ok((pushed, _)) => Ok(pushed),
            Err(fault) => Err(of_user(fault).into_push_error("the database of the transaction")),
        }
    }

    pub(super) async fn end_in(
        &self,
        transaction: &mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, SettleError> {
        let wrong = SettleError::WrongTransaction { queue: DATABASE, transaction: transaction.database() };
        let Some(connection) = transaction.connection().downcast_mut::<PgConnection>() else { return Err(wrong) };
        let mut owner = OfUser::new(connection, &self.dialect);
        let settlements: Vec<&Settlement> = settlements.iter().collect();
        match self.settle_all(&mut owner.session(), &settlements).await {
            Ok((settled, _)) => Ok(settled),
            Err(fault) => Err(of_user(fault).into_settle_error("the database of the transaction")),
        }
    }
}

/// A fault in a database of a user, which need not have the tables.
fn of_user(fault: Fault) -> Fault {
    match fault {
        Fault::Sql(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P01" | "3F000" | "42883")) => {
            let text = "the database of the transaction has no schema for jobs: apply the statements that `Migrate::sql` gives, or take a \
                        transaction on the database of the queue";
            Fault::Own(Error::new(ErrorKind::Store, text).with_source(sqlx::Error::Database(error)))
        }
        other => other,
    }
}
