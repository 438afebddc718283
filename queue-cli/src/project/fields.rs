//! The payload fields that `craft job --field name:Type` asks for.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::Type;

use super::failure::{Failure, Result};
use super::name::is_keyword;

/// A payload field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Its type, as it was given.
    pub(super) text: String,
    /// A value of the type for a test, where one is known.
    pub(super) value: Option<String>,
    /// What the type needs: `std::time::Duration`.
    pub(super) imports: BTreeSet<&'static str>,
}

/// Types that one writes without their path, where they are, and a value.
const KNOWN: &[(&str, &str, &str)] = &[
    ("BTreeMap", "std::collections::BTreeMap", "::new()"),
    ("BTreeSet", "std::collections::BTreeSet", "::new()"),
    ("Duration", "std::time::Duration", "::ZERO"),
    ("HashMap", "std::collections::HashMap", "::new()"),
    ("HashSet", "std::collections::HashSet", "::new()"),
    ("PathBuf", "std::path::PathBuf", "::new()"),
    ("SystemTime", "std::time::SystemTime", "::UNIX_EPOCH"),
    ("VecDeque", "std::collections::VecDeque", "::new()"),
];

/// Reads all of them.
///
/// # Errors
///
/// Where one cannot be a field, or two have one name.
pub(super) fn parse(texts: &[String]) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    for text in texts {
        let field = Field::parse(text)?;
        if fields.iter().any(|other| other.name == field.name) {
            return Err(Failure::new(format!("--field {}: there are two of that name", field.name)));
        }
        fields.push(field);
    }
    Ok(fields)
}

impl Field {
    fn parse(text: &str) -> Result<Self> {
        let refuse = |why: String| Err(Failure::new(format!("--field {}: {why}", text.escape_debug())));
        let Some((name, ty)) = text.split_once(':') else {
            return refuse("it has no type: write name:Type, as user_id:u64".to_owned());
        };
        let (name, ty) = (name.trim(), ty.trim());
        let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
        if !(begins && letters(name)) {
            return refuse(format!(
                "`{}` is no name of a field: write a letter, then a to z, digits and `_`",
                name.escape_debug()
            ));
        }
        if is_keyword(name) {
            return refuse(format!("`{name}` is a keyword"));
        }
        if ty.contains(char::is_control) || ty.contains('/') {
            return refuse("a comment or a control character is no part of a type".to_owned());
        }
        let parsed: Type = match syn::parse_str(ty) {
            Ok(parsed) => parsed,
            Err(error) => return refuse(format!("`{}` is no type: {error}", ty.escape_debug())),
        };
        let is_owned = matches!(parsed, Type::Path(_) | Type::Tuple(_) | Type::Array(_));
        if !is_owned {
            return refuse(format!(
                "`{ty}` cannot be stored: a payload field owns its data, such as String, Vec<u8> or (u64, bool)"
            ));
        }
        let mut imports = BTreeSet::new();
        if let Ok(tokens) = ty.parse() {
            collect_imports(tokens, &mut imports);
        }
        Ok(Self { name: name.to_owned(), text: ty.to_owned(), value: value(&parsed), imports })
    }
}

/// The known types that stand there without their path.
fn collect_imports(tokens: TokenStream, imports: &mut BTreeSet<&'static str>) {
    let mut after_colon = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(word) if !after_colon => {
                imports.extend(KNOWN.iter().filter(|(name, ..)| word == name).map(|(_, path, _)| *path));
            }
            TokenTree::Group(group) => collect_imports(group.stream(), imports),
            _ => {}
        }
        after_colon = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
    }
}

/// A value of a type, for a test.
fn value(ty: &Type) -> Option<String> {
    match ty {
        Type::Tuple(tuple) => {
            let values: Vec<String> = tuple.elems.iter().map(value).collect::<Option<_>>()?;
            Some(if values.len() == 1 { format!("({},)", values[0]) } else { format!("({})", values.join(", ")) })
        }
        Type::Path(path) if path.qself.is_none() => {
            let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let last = names.last()?.as_str();
            if names.len() == 1 {
                let plain = match last {
                    "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "0",
                    "f32" | "f64" => "0.0",
                    "bool" => "false",
                    "char" => "'a'",
                    "String" => "String::new()",
                    "Vec" => "Vec::new()",
                    "Option" => "None",
                    _ => "",
                };
                if !plain.is_empty() {
                    return Some(plain.to_owned());
                }
            }
            let full = names.join("::");
            let (.., make) = KNOWN.iter().find(|(name, path, _)| names.len() == 1 && *name == last || *path == full)?;
            Some(format!("{full}{make}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Field {
        Field::parse(text).unwrap()
    }

    #[test]
    fn a_type_has_a_value_where_one_is_known() {
        for (text, ty, value) in [
            ("user_id:u64", "u64", Some("0")),
            ("a : Vec< u8 > ", "Vec< u8 >", Some("Vec::new()")),
            ("a:Option<(u64,String)>", "Option<(u64,String)>", Some("None")),
            ("a:(u8,)", "(u8,)", Some("(0,)")),
            ("a:(bool,f64)", "(bool,f64)", Some("(false, 0.0)")),
            ("a:std::path::PathBuf", "std::path::PathBuf", Some("std::path::PathBuf::new()")),
            ("a:HashMap<String,u64>", "HashMap<String,u64>", Some("HashMap::new()")),
            ("a:crate::Money", "crate::Money", None),
            ("a:[u8;4]", "[u8;4]", None),
        ] {
            let field = field(text);
            assert_eq!((field.text.as_str(), field.value.as_deref()), (ty, value), "{text}");
        }
    }

    #[test]
    fn a_known_type_brings_its_import_and_a_path_does_not() {
        let imports = |text: &str| field(text).imports.into_iter().collect::<Vec<_>>();
        assert_eq!(imports("a:Option<HashMap<String,(Duration,)>>"), ["std::collections::HashMap", "std::time::Duration"]);
        assert!(imports("a:std::time::Duration").is_empty() && imports("a:u64").is_empty());
    }

    #[test]
    fn what_cannot_be_a_field_is_refused_with_the_reason() {
        for (text, why) in [
            ("user_id", "it has no type"),
            (":u64", "no name of a field"),
            ("Name:u64", "no name of a field"),
            ("_a:u64", "no name of a field"),
            ("1a:u64", "no name of a field"),
            ("a-b:u64", "no name of a field"),
            ("type:u64", "`type` is a keyword"),
            ("r#type:u64", "no name of a field"),
            ("a:", "is no type"),
            ("a:u64 }", "is no type"),
            ("a:u64; fn f() {}", "is no type"),
            ("a:Vec<", "is no type"),
            ("a:&str", "cannot be stored"),
            ("a:_", "cannot be stored"),
            ("a:fn()", "cannot be stored"),
            ("a:impl Sized", "cannot be stored"),
            ("a:!", "cannot be stored"),
            ("a:u8 /* */", "a comment"),
            ("a:Vec<\nu8>", "a control character"),
        ] {
            let refusal = Field::parse(text).expect_err(text).to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
        assert!(parse(&["a:u8".to_owned(), "a:u16".to_owned()]).unwrap_err().to_string().contains("two of that name"));
    }
}
