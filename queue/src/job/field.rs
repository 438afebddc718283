//! What a payload field must bear, and what the derive's code for the args of a job calls.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Serialize, forward_to_deserialize_any};

/// A type that can be a payload field.
///
/// It has no supertraits, so that the compiler complains of a type that is none in these words alone.
#[diagnostic::on_unimplemented(
    message = "a payload field of type `{Self}` cannot be stored in the queue",
    label = "cannot be stored",
    note = "data needs `serde::Serialize` and `serde::Deserialize`; a service needs `#[inject]`"
)]
pub trait PayloadField: Sized {
    /// Writes the field.
    ///
    /// # Errors
    ///
    /// What its `Serialize` says.
    fn write<S: SerializeStruct>(&self, object: &mut S, key: &'static str) -> Result<(), S::Error>;

    /// Reads the value that comes next into `slot`.
    ///
    /// # Errors
    ///
    /// What its `Deserialize` says, or when the key was there before.
    fn read<'de, M: MapAccess<'de>>(slot: &mut Option<Self>, object: &mut M, key: &'static str) -> Result<(), M::Error>;

    /// What was read, or what stands for an absent key: `None` for an `Option`.
    ///
    /// # Errors
    ///
    /// When the key was not there and nothing stands for it.
    fn found<E: Error>(slot: Option<Self>, key: &'static str) -> Result<Self, E>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> PayloadField for T {
    fn write<S: SerializeStruct>(&self, object: &mut S, key: &'static str) -> Result<(), S::Error> {
        object.serialize_field(key, self)
    }

    fn read<'de, M: MapAccess<'de>>(slot: &mut Option<Self>, object: &mut M, key: &'static str) -> Result<(), M::Error> {
        if slot.is_some() {
            return Err(M::Error::duplicate_field(key));
        }
        *slot = Some(object.next_value()?);
        Ok(())
    }

    fn found<E: Error>(slot: Option<Self>, key: &'static str) -> Result<Self, E> {
        match slot {
            Some(value) => Ok(value),
            None => Self::deserialize(Absent { key, error: PhantomData }),
        }
    }
}

/// [`PayloadField`] for the bounds that serde's derives are given.
///
/// The lifetime says nothing. It makes the bounds higher-ranked, so that the compiler checks them where the args are used and not
/// where they are written: one error instead of many.
#[diagnostic::on_unimplemented(
    message = "a payload field of type `{Self}` cannot be stored in the queue",
    label = "cannot be stored",
    note = "data needs `serde::Serialize` and `serde::Deserialize`; a service needs `#[inject]`"
)]
pub trait PayloadBound<'q>: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> PayloadBound<'_> for T {}

/// The args of a job, as the derive reads them.
pub trait ReadArgs: Sized {
    /// The name of the struct.
    const NAME: &'static str;
    /// The keys of the object, in the order of the fields.
    const KEYS: &'static [&'static str];

    /// Reads the object.
    ///
    /// # Errors
    ///
    /// When a key is missing, or its value does not fit.
    fn read<'de, M: MapAccess<'de>>(object: M) -> Result<Self, M::Error>;
}

/// Reads the args of a job.
///
/// # Errors
///
/// When they are not an object, or not that of these args.
pub fn read_args<'de, A: ReadArgs, D: Deserializer<'de>>(deserializer: D) -> Result<A, D::Error> {
    deserializer.deserialize_struct(A::NAME, A::KEYS, Object(PhantomData))
}

/// The next of `keys` that is there, by its index; others are passed over, so that an older worker reads what a newer one stored.
///
/// # Errors
///
/// When the text is no object.
pub fn next_key<'de, M: MapAccess<'de>>(object: &mut M, keys: &'static [&'static str]) -> Result<Option<usize>, M::Error> {
    while let Some(index) = object.next_key_seed(Key(keys))? {
        if index.is_some() {
            return Ok(index);
        }
        object.next_value::<IgnoredAny>()?;
    }
    Ok(None)
}

/// A visitor of args.
struct Object<A>(PhantomData<A>);

impl<'de, A: ReadArgs> Visitor<'de> for Object<A> {
    type Value = A;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", A::NAME)
    }

    fn visit_map<M: MapAccess<'de>>(self, object: M) -> Result<A, M::Error> {
        A::read(object)
    }
}

/// A key, as its index among those that are known.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == key))
    }
}

/// What an absent key is read from: an `Option` finds `None`, all others that the key is missing.
struct Absent<E> {
    key: &'static str,
    error: PhantomData<E>,
}

impl<'de, E: Error> Deserializer<'de> for Absent<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::missing_field(self.key))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}
