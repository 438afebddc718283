//! What a payload field must bear.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be a payload field.
///
/// The lifetime says nothing. It makes the bounds in the derive's code higher-ranked, so that the compiler checks them where
/// the args are used and not where they are written: one error instead of many.
#[diagnostic::on_unimplemented(
    message = "a payload field of type `{Self}` cannot be stored in the queue",
    label = "cannot be stored",
    note = "data needs `serde::Serialize` and `serde::Deserialize`; a service needs `#[inject]`"
)]
pub trait PayloadField<'q>: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> PayloadField<'_> for T {}
