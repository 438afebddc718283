//! The words of an attribute: `key`, `key = value`, `key(..)`. It knows no key.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Lit, LitInt, LitStr, Meta, Path, Token, token};

use crate::errors::Errors;

/// One word of an attribute, with what is said about it.
pub(crate) struct Item {
    pub(crate) key: Ident,
    pub(crate) form: Form,
}

/// How a word is given.
pub(crate) enum Form {
    /// `key`
    Flag,
    /// `key = value`
    Value(Value),
    /// `key(..)`
    List(Group),
}

/// What stands after `=`.
pub(crate) enum Value {
    Str(LitStr),
    Int(LitInt),
    /// `-1`
    Negative(TokenStream),
    /// `["..", ".."]`
    Array(Group),
    Path(Path),
    Other(TokenStream),
}

impl Item {
    /// The word without `r#`.
    pub(crate) fn word(&self) -> String {
        self.key.unraw().to_string()
    }
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Str(value) => value.to_tokens(tokens),
            Self::Int(value) => value.to_tokens(tokens),
            Self::Array(value) => value.to_tokens(tokens),
            Self::Path(value) => value.to_tokens(tokens),
            Self::Negative(value) | Self::Other(value) => value.to_tokens(tokens),
        }
    }
}

/// The words of all `#[name(..)]` of a struct as one; what is empty or given twice is reported.
pub(crate) fn words(attributes: &[Attribute], name: &str, example: &str, errors: &mut Errors) -> Vec<Item> {
    let mut words: Vec<Item> = Vec::new();
    for found in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        let empty = match &found.meta {
            Meta::Path(_) => true,
            Meta::List(list) => list.tokens.is_empty(),
            Meta::NameValue(_) => false,
        };
        if empty {
            errors.at(&found.meta, format!("`#[{name}]` is empty; remove it or write `#[{name}({example})]`"));
        }
        for item in attribute(found, name, example, errors) {
            if words.iter().any(|word| word.word() == item.word()) {
                errors.at(&item.key, format!("`{}` is given twice", item.word()));
            } else {
                words.push(item);
            }
        }
    }
    words
}

/// The words of `#[name(..)]`; `example` is shown where the attribute as a whole is wrong.
///
/// `#[name]` gives none.
pub(crate) fn attribute(attribute: &Attribute, name: &str, example: &str, errors: &mut Errors) -> Vec<Item> {
    match &attribute.meta {
        Meta::Path(_) => Vec::new(),
        Meta::List(list) => items(list.tokens.clone(), errors),
        Meta::NameValue(_) => {
            errors.at(&attribute.meta, format!("write `#[{name}({example})]`, with parentheses"));
            Vec::new()
        }
    }
}

/// The words of a comma-separated list. A word that is wrong is reported and skipped.
pub(crate) fn items(tokens: TokenStream, errors: &mut Errors) -> Vec<Item> {
    separated(tokens, errors, |input, errors| {
        if !input.peek(Ident::peek_any) {
            let rest = skip(input);
            errors.at(&rest, "expected a key, as in `key = value`");
            return None;
        }
        let key = Ident::parse_any(input).ok()?;
        let form = if input.peek(token::Paren) {
            Form::List(group(input)?)
        } else if input.parse::<Option<Token![=]>>().ok()?.is_some() {
            if input.is_empty() || input.peek(Token![,]) {
                errors.at(&key, format!("`{key}` has no value after its `=`"));
                return None;
            }
            Form::Value(value(input))
        } else {
            Form::Flag
        };
        Some(Item { key, form })
    })
}

/// The values of `[..]`.
pub(crate) fn values(array: &Group, errors: &mut Errors) -> Vec<Value> {
    separated(array.stream(), errors, |input, _| Some(value(input)))
}

/// Reads what commas separate; what is left over before a comma is reported.
fn separated<T>(
    tokens: TokenStream,
    errors: &mut Errors,
    mut read: impl FnMut(ParseStream<'_>, &mut Errors) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    let parsed = (|input: ParseStream<'_>| {
        while !input.is_empty() {
            all.extend(read(input, errors));
            let rest = skip(input);
            if !rest.is_empty() {
                errors.at(&rest, "expected a comma before this");
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    })
    .parse2(tokens);
    if let Err(error) = parsed {
        errors.add(error);
    }
    all
}

/// Takes everything up to the next comma.
fn skip(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(tree) => rest.extend([tree]),
            Err(_) => break,
        }
    }
    rest
}

fn group(input: ParseStream<'_>) -> Option<Group> {
    input.parse().ok()
}

fn value(input: ParseStream<'_>) -> Value {
    let minus: Option<Token![-]> = input.parse().ok().flatten();
    if let Ok(literal) = input.fork().parse::<Lit>()
        && input.parse::<Lit>().is_ok()
    {
        return match (minus, literal) {
            (Some(minus), literal @ (Lit::Int(_) | Lit::Float(_))) => Value::Negative(quote!(#minus #literal)),
            (None, Lit::Str(literal)) => Value::Str(literal),
            (None, Lit::Int(literal)) => Value::Int(literal),
            (minus, literal) => Value::Other(quote!(#minus #literal)),
        };
    }
    if minus.is_none() {
        if input.peek(token::Bracket)
            && let Some(array) = group(input)
        {
            return Value::Array(array);
        }
        let ahead = input.fork();
        if let Ok(path) = ahead.parse::<Path>()
            // `linear(10s)` is no path with something after it.
            && (ahead.is_empty() || ahead.peek(Token![,]))
            && input.parse::<Path>().is_ok()
        {
            return Value::Path(path);
        }
    }
    let rest = skip(input);
    Value::Other(quote!(#minus #rest))
}
