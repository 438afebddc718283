//! A library that gives its users `queue` under its own roof.

pub use queue as work;

/// Makes a job in the user's crate.
#[macro_export]
macro_rules! job {
    ($name:ident, $field:ident: $ty:ty) => {
        #[derive($crate::work::Queueable)]
        #[queueable(crate = ::library::work)]
        struct $name {
            $field: $ty,
            own: Option<$crate::Own>,
        }
    };
}

/// A payload type of the library.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Own;

mod inside {
    use crate::work::FromContainer;
    use crate::work::prelude::*;

    #[derive(FromContainer)]
    #[from_container(crate = crate::work)]
    pub struct Group(pub JobContext);

    #[derive(Queueable)]
    #[queueable(crate = crate::work)]
    pub struct Inside {
        pub id: u64,
    }

    impl Job for Inside {
        async fn handle(&self) -> JobResult {
            Ok(())
        }
    }
}

pub use inside::{Group, Inside};
