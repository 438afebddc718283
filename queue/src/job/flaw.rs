//! Looks for what JSON cannot say in a value, and where it is. Only a payload that holds a `null`, or that serde refused, is looked at.

use std::fmt;

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

use super::payload::MAX_NESTING;

/// What JSON cannot say.
#[derive(Debug)]
pub(super) enum Flaw {
    /// A number that is infinite or none at all.
    NotFinite(f64),
    /// One level too many.
    TooDeep,
    /// A key that is no text, or what a `Serialize` says by itself.
    Refused,
}

/// The first flaw of a value, and its path.
pub(super) fn find<T: Serialize>(value: &T) -> Option<(String, Flaw)> {
    let error = serde_path_to_error::serialize(value, Look { depth: 0 }).err()?;
    Some((error.path().to_string(), error.into_inner()))
}

/// Writes nothing, and stops at the first flaw.
#[derive(Clone, Copy)]
struct Look {
    depth: usize,
}

impl Look {
    fn down(self) -> Result<Self, Flaw> {
        if self.depth < MAX_NESTING { Ok(Self { depth: self.depth + 1 }) } else { Err(Flaw::TooDeep) }
    }
}

macro_rules! sound {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(fn $name(self, _: $type) -> Result<(), Flaw> {
            Ok(())
        })*
    };
}

impl Serializer for Look {
    type Ok = ();
    type Error = Flaw;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    sound! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_unit_struct: &'static str,
    }

    fn serialize_f32(self, value: f32) -> Result<(), Flaw> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Flaw> {
        if value.is_finite() { Ok(()) } else { Err(Flaw::NotFinite(value)) }
    }

    fn serialize_none(self) -> Result<(), Flaw> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Flaw> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Flaw> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Flaw> {
        value.serialize(self.down()?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Flaw> {
        self.down()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Flaw> {
        self.down()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Flaw> {
        self.down()
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Flaw> {
        self.down()?.down()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Flaw> {
        self.down()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Flaw> {
        self.down()
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Flaw> {
        self.down()?.down()
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Flaw> {
        Ok(())
    }
}

macro_rules! values {
    ($($of:ident: $each:ident),* $(,)?) => {
        $(impl $of for Look {
            type Ok = ();
            type Error = Flaw;

            fn $each<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
                value.serialize(*self)
            }

            fn end(self) -> Result<(), Flaw> {
                Ok(())
            }
        })*
    };
}

values!(SerializeSeq: serialize_element, SerializeTuple: serialize_element);
values!(SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field);

macro_rules! fields {
    ($($of:ident),*) => {
        $(impl $of for Look {
            type Ok = ();
            type Error = Flaw;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Flaw> {
                value.serialize(*self)
            }

            fn end(self) -> Result<(), Flaw> {
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Look {
    type Ok = ();
    type Error = Flaw;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Flaw> {
        // What may be a key is for serde_json to say.
        let is_key = serde_json::to_value(Keyed(key)).is_ok();
        if is_key { Ok(()) } else { Err(Flaw::Refused) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        value.serialize(*self)
    }

    fn end(self) -> Result<(), Flaw> {
        Ok(())
    }
}

/// A map with one key and nothing else.
struct Keyed<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &())?;
        map.end()
    }
}

impl ser::Error for Flaw {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Refused
    }
}

impl std::error::Error for Flaw {}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
