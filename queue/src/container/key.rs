//! What a service is found by.

use std::any::{TypeId, type_name};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::Location;

/// A type, and a name if the binding has one. Types are told apart by their id; the text is for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) type_id: TypeId,
    pub(super) type_name: &'static str,
    pub(super) name: Option<&'static str>,
}

impl Key {
    pub(super) fn of<T: ?Sized + 'static>(name: Option<&'static str>) -> Self {
        Self { type_id: TypeId::of::<T>(), type_name: type_name::<T>(), name }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.type_id == other.type_id && self.name == other.name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", short(self.type_name))?;
        match self.name {
            Some(name) => write!(f, " named \"{name}\""),
            None => Ok(()),
        }
    }
}

/// A type's name without the paths: `alloc::sync::Arc<app::Users>` is `Arc<Users>`.
pub(super) fn short(type_name: &str) -> String {
    let mut out = String::with_capacity(type_name.len());
    let mut start = 0;
    let mut rest = type_name;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            out.truncate(start);
            rest = after;
            continue;
        }
        out.push(character);
        rest = &rest[character.len_utf8()..];
        // Braces are of `{{closure}}`, a step of the path to what is declared in an async fn.
        if !character.is_alphanumeric() && !matches!(character, '_' | '{' | '}') {
            start = out.len();
        }
    }
    out
}

/// A place in the user's code, as compilers write it.
pub(super) fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// A `TypeId` is a hash already; hashing it again would be half the cost of a lookup.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    // How a `TypeId` feeds a hasher is not promised: should it change, lookups get slower, not wrong.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }
}

pub(super) type ByTypeId = BuildHasherDefault<TypeIdHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_paths() {
        assert_eq!(short("dyn core::fmt::Debug + core::marker::Send"), "dyn Debug + Send");
        assert_eq!(short("alloc::sync::Arc<app::a::Users>"), "Arc<Users>");
        assert_eq!(short("(u8, alloc::vec::Vec<app::T>)"), "(u8, Vec<T>)");
        assert_eq!(short("app::main::{{closure}}::Users"), "Users");
        assert_eq!(short("&str"), "&str");
    }

    #[test]
    fn a_hasher_fed_with_bytes_tells_them_apart() {
        let hash = |bytes: &[u8]| {
            let mut hasher = TypeIdHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_ne!(hash(&[1, 2, 3]), hash(&[3, 2, 1]));
    }
}
