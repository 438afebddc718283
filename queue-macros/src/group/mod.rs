//! `#[derive(FromContainer)]`: what a group of services is, as the struct says it.

mod emit;

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field as Written, Generics, Ident, Index, Member, Path, Type, parse_quote};

use crate::errors::Errors;
use crate::inject::{self, Inject};
use crate::{check, options, parse, suggest};

pub(crate) use emit::{group as emit, stub};

/// A group of services.
pub(crate) struct Group {
    ident: Ident,
    generics: Generics,
    /// Where `queue` is.
    root: Path,
    fields: Vec<Field>,
}

/// A field of a group, which the container fills.
struct Field {
    member: Member,
    /// Its name or number to people.
    label: String,
    ty: Type,
    inject: Inject,
}

/// Reads and checks a struct; `None` when it cannot be a group at all.
pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Group> {
    let root = root(input, errors);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("inject")) {
        errors.at(&attribute.meta, "`#[inject]` belongs on a field; every field of the group is injected anyway");
    }
    let written = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            errors.at(
                data.enum_token,
                format!("`FromContainer` needs a struct; `{}` would not know which variant to take", input.ident),
            );
            return None;
        }
        Data::Union(data) => {
            errors.at(data.union_token, "`FromContainer` needs a struct; a union has no fields of their own");
            return None;
        }
    };
    let mut borrows = false;
    for parameter in input.generics.lifetimes() {
        borrows = true;
        let name = &parameter.lifetime;
        errors.at(
            name,
            format!("services are taken out of the container, so a group cannot borrow: remove `{name}` and hold `Arc<T>`"),
        );
    }
    let fields: Vec<Field> = written.iter().enumerate().map(|(index, written)| field(index, written, errors)).collect();
    if !borrows {
        for field in &fields {
            check::service(&field.label, &field.ty, &field.inject, errors);
        }
    }
    Some(Group { ident: input.ident.clone(), generics: input.generics.clone(), root, fields })
}

/// What `#[from_container(crate = ..)]` says.
fn root(input: &DeriveInput, errors: &mut Errors) -> Path {
    let mut root = None;
    for item in parse::words(&input.attrs, "from_container", "crate = ::my_app::queue", errors) {
        match item.word().as_str() {
            "crate" => root = options::root(&item, errors),
            word => {
                let known = suggest::known(word, &["crate"]);
                errors.at(&item.key, format!("unknown key `{word}` in `#[from_container]`; {known}"));
            }
        }
    }
    root.unwrap_or_else(|| parse_quote!(::queue))
}

fn field(index: usize, written: &Written, errors: &mut Errors) -> Field {
    for attribute in written.attrs.iter().filter(|attribute| attribute.path().is_ident("from_container")) {
        errors.at(&attribute.meta, "`#[from_container]` belongs on the struct; on a field use `#[inject(..)]`");
    }
    let (member, label) = match &written.ident {
        Some(name) => (Member::Named(name.clone()), name.unraw().to_string()),
        None => {
            let number = Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: written.ty.span() };
            (Member::Unnamed(number), index.to_string())
        }
    };
    let inject = inject::read(&written.attrs, errors).unwrap_or_default();
    Field { member, label, ty: written.ty.clone(), inject }
}
