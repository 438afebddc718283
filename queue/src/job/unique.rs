//! The key of a unique job.

use std::collections::HashMap;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::Unique;

/// The longest text that stands in a key as it is, in bytes; a longer one is hashed.
const READABLE: usize = 200;

/// The key that a job gets by its attributes: `kind:{"user_id":42}`, or with a name `kind:name:[42]`.
///
/// The values are taken as they are stored, byte for byte. Where they are long, a `UUIDv5` of them (RFC 9562, 5.5: SHA-1) stands for them.
pub(crate) fn by_fields(kind: &str, unique: &Unique, payload: &[u8]) -> Result<String, serde_json::Error> {
    let text = match (unique.fields, unique.name) {
        (None, None) => String::from_utf8_lossy(payload).into_owned(),
        (fields, name) => {
            let values: HashMap<String, &RawValue> = serde_json::from_slice(payload)?;
            let all: Vec<&str>;
            let fields = match fields {
                Some(fields) => fields,
                None => {
                    let mut keys: Vec<&str> = values.keys().map(String::as_str).collect();
                    keys.sort_unstable();
                    all = keys;
                    &all
                }
            };
            // A field that is skipped when it is empty has no key: that is a value, too.
            let value = |field: &&str| values.get(*field).map_or("null", |value| value.get());
            match name {
                Some(_) => format!("[{}]", fields.iter().map(value).collect::<Vec<_>>().join(",")),
                None => {
                    let pair = |field: &&str| serde_json::to_string(field).map(|key| format!("{key}:{}", value(field)));
                    format!("{{{}}}", fields.iter().map(pair).collect::<Result<Vec<_>, _>>()?.join(","))
                }
            }
        }
    };
    let name = unique.name.map(|name| format!("{name}:")).unwrap_or_default();
    Ok(by_text(kind, &format!("{name}{text}")))
}

/// The key that a job gets by hand: `kind:text`.
pub(crate) fn by_text(kind: &str, text: &str) -> String {
    if text.len() <= READABLE {
        return format!("{kind}:{text}");
    }
    format!("{kind}:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = br#"{"user_id":42,"note":"a \"b\"","at":1.0}"#;

    fn key(name: Option<&'static str>, fields: Option<&'static [&'static str]>) -> String {
        by_fields("Mail", &Unique::new(name, fields), PAYLOAD).unwrap()
    }

    #[test]
    fn the_whole_payload_is_the_key_when_no_field_is_named() {
        assert_eq!(key(None, None), r#"Mail:{"user_id":42,"note":"a \"b\"","at":1.0}"#);
    }

    #[test]
    fn named_fields_stand_in_the_order_of_the_attribute_as_they_are_stored() {
        assert_eq!(key(None, Some(&["at", "user_id"])), r#"Mail:{"at":1.0,"user_id":42}"#);
        assert_eq!(key(None, Some(&["gone"])), r#"Mail:{"gone":null}"#);
    }

    #[test]
    fn a_name_stands_for_the_field_names() {
        assert_eq!(key(Some("per-user"), Some(&["user_id"])), "Mail:per-user:[42]");
    }

    #[test]
    fn long_values_are_hashed_and_stay_apart() {
        let long = |c: char| by_text("Mail", &c.to_string().repeat(300));
        assert!(long('a').len() < 60);
        assert_eq!(long('a'), long('a'));
        assert_ne!(long('a'), long('b'));
    }
}
