//! Names that could clash with what the derive writes, and places where a job can stand.

// The names are there to be in the way.
#![allow(dead_code, non_camel_case_types)]

mod std {}
mod core {}
mod alloc {}
mod serde {}
mod queue_macros {}
mod inventory {}

/// Everything that a prelude brings has another meaning here.
mod shadows {
    use ::queue::prelude::{Job, JobContext, JobResult, Queueable};

    pub struct Option;
    pub struct Result;
    pub struct String;
    pub struct Vec;
    pub struct Box;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub trait Clone {}
    pub trait Iterator {}
    pub trait Into {}
    pub trait From {}
    pub trait Default {}
    pub trait Send {}
    pub trait Sync {}
    pub trait FnOnce {}
    pub trait Serialize {}
    pub trait Deserialize {}
    pub trait Future {}
    pub struct Pending;
    pub struct Pushed;

    #[derive(Queueable)]
    #[queueable(version = 2, upgrade = same, unique, timeout = "none", backoff = ["1s"])]
    pub struct Shadowed {
        #[inject]
        pub context: JobContext,
        #[inject(name = "a")]
        pub named: ::std::sync::Arc<u64>,
        #[inject(clone)]
        pub cloned: u64,
        pub text: ::std::string::String,
        pub maybe: ::std::option::Option<u8>,
    }

    fn same(payload: ::serde_json::Value, _: u16) -> ::std::result::Result<::serde_json::Value, ::std::string::String> {
        ::std::result::Result::Ok(payload)
    }

    impl Job for Shadowed {
        async fn handle(&self) -> JobResult {
            ::std::result::Result::Ok(())
        }
    }

    #[derive(Queueable)]
    pub struct NoPayload;

    impl Job for NoPayload {
        async fn handle(&self) -> JobResult {
            ::std::result::Result::Ok(())
        }
    }
}

mod inner {
    use queue::prelude::*;

    pub(crate) mod deeper {
        use super::*;

        #[derive(Queueable)]
        pub(in crate::inner) struct Restricted {
            pub(super) args: u8,
            scope: u8,
            jobs: u8,
            pushed: u8,
        }

        impl Job for Restricted {
            async fn handle(&self) -> JobResult {
                let _ = (self.args, self.scope, self.jobs, self.pushed);
                Ok(())
            }
        }
    }

    pub fn push() {
        drop(deeper::Restricted::with(1, 2, 3, 4));
        drop(deeper::RestrictedArgs { args: 1, scope: 2, jobs: 3, pushed: 4 });
    }
}

mod raw {
    use queue::prelude::*;

    #[derive(Queueable)]
    #[queueable(queue = "raw")]
    pub struct r#async {
        pub r#type: u8,
        pub r#fn: String,
    }

    impl Job for r#async {
        async fn handle(&self) -> JobResult {
            Ok(())
        }
    }
}

/// A field may mention the job itself.
mod own_name {
    use std::sync::Arc;

    use queue::prelude::*;

    #[derive(Queueable)]
    pub struct Loop {
        #[inject]
        pub again: Option<Arc<Self>>,
    }

    impl Job for Loop {
        async fn handle(&self) -> JobResult {
            Ok(())
        }
    }
}

fn main() {
    drop(shadows::Shadowed::with(::std::string::String::new(), None));
    drop(queue::Queue::push::<shadows::NoPayload>());
    inner::push();

    assert_eq!(raw::r#async::KIND, "async");
    let args = raw::asyncArgs { r#type: 1, r#fn: ::std::string::String::from("x") };
    assert_eq!(serde_json::to_string(&args).unwrap(), r#"{"type":1,"fn":"x"}"#);
    drop(raw::r#async::with(1, ::std::string::String::new()));
    assert_eq!(own_name::Loop::dependencies().len(), 1);

    // A job can stand in a function, and is registered like any other.
    use queue::prelude::*;

    #[derive(Queueable)]
    struct Local {
        id: u64,
    }

    impl Job for Local {
        async fn handle(&self) -> JobResult {
            let _ = self.id;
            Ok(())
        }
    }

    drop(Local::with(1));
    let kinds: ::std::vec::Vec<&str> = queue::registry::Registry::linked().entries().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["Local", "Loop", "NoPayload", "Restricted", "Shadowed", "async"]);
}
