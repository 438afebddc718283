//! What the parts of a job say to each other, and the types that cannot be what they are used as.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use crate::errors::Errors;
use crate::inject::Inject;
use crate::model::{Field, Job, last_segment, peeled, shown};
use crate::suggest;
use crate::values::name_problem;

/// Checks a job as a whole.
pub(crate) fn job(job: &Job, errors: &mut Errors) {
    names(job, errors);
    unique(job, errors);
    keys(job, errors);
    for (field, inject) in job.services() {
        service(&field.label, &field.ty, inject, errors);
    }
    for (field, _) in job.payload() {
        payload(field, errors);
    }
}

fn names(job: &Job, errors: &mut Errors) {
    if job.options.name.is_none() && name_problem(&job.kind()).is_some() {
        errors.at(&job.ident, "the name of this struct cannot be stored as a job name; add `#[queueable(name = \"..\")]`");
    }
    for alias in &job.options.aliases {
        if alias.value() == job.kind() {
            errors.at(alias, format!("`{}` is the name of this job already; `aliases` holds its earlier names", alias.value()));
        }
    }
}

/// `unique` names payload fields.
fn unique(job: &Job, errors: &mut Errors) {
    for name in job.options.unique.iter().flat_map(|unique| unique.fields.iter().flatten()) {
        let bare = name.unraw().to_string();
        if let Some((field, wire)) = job.payload().find(|(field, _)| field.label == bare) {
            if wire.key.is_none() {
                errors.at(
                    name,
                    format!("`{}` has no key of its own in the stored object, so uniqueness cannot use it", field.label),
                );
            }
        } else if job.services().any(|(field, _)| field.label == bare) {
            errors.at(name, format!("`{name}` is a service; uniqueness can only use payload fields"));
        } else {
            let fields: Vec<String> = job.payload().map(|(field, _)| field.label.clone()).collect();
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let answer = match suggest::nearest(&bare, &fields) {
                Some(near) => format!("; did you mean `{near}`?"),
                None if fields.is_empty() => "; this job has none".to_owned(),
                None => format!("; there are {}", suggest::list(&fields)),
            };
            errors.at(name, format!("no payload field `{name}`{answer}"));
        }
    }
}

/// Two fields cannot be stored under one key.
fn keys(job: &Job, errors: &mut Errors) {
    let mut seen: Vec<(&str, &Field)> = Vec::new();
    for (field, wire) in job.payload() {
        let Some(key) = wire.key.as_deref() else { continue };
        match seen.iter().find(|(other, _)| *other == key) {
            Some((_, first)) => {
                errors.at(&field.name, format!("`{}` and `{}` are both stored as `{key}`", first.label, field.label));
            }
            None => seen.push((key, field)),
        }
    }
}

/// The types that a service cannot have.
pub(crate) fn service(name: &str, ty: &Type, inject: &Inject, errors: &mut Errors) {
    let ty = peeled(ty);
    match ty {
        Type::Reference(reference) => {
            errors.at(ty, format!("`{name}` cannot be injected by reference; use `{}`", in_arc(&reference.elem)));
            return;
        }
        Type::TraitObject(object) => {
            errors.at(ty, format!("a service is shared, so a bare `{0}` cannot be injected; use `Arc<{0}>`", shown(object)));
            return;
        }
        _ => {}
    }
    let wrapper = last_segment(ty).map(|segment| segment.ident.to_string()).unwrap_or_default();
    let inner = last_segment(ty).and_then(argument);
    match (wrapper.as_str(), inner) {
        ("Box", Some(inner)) => errors.at(ty, format!("services are shared; use `{}` instead of `Box`", in_arc(inner))),
        ("Rc", Some(inner)) => errors.at(ty, format!("a job runs on a worker thread; use `{}` instead of `Rc`", in_arc(inner))),
        _ => {
            if let Some(at) = inject.clone {
                clone(ty, at, inject, &wrapper, errors);
            } else if inject.optional.is_some() && wrapper != "Option" {
                let whole = if wrapper == "Arc" { shown(ty) } else { format!("Arc<{}>", shown(ty)) };
                errors.at(ty, format!("`#[inject(optional)]` needs the type `Option<{whole}>`"));
            }
        }
    }
}

fn clone(ty: &Type, at: proc_macro2::Span, inject: &Inject, wrapper: &str, errors: &mut Errors) {
    if wrapper == "Arc" {
        errors.at_span(at, "an `Arc` is cloned anyway; remove `clone`");
    } else if let Some(optional) = inject.optional {
        errors.at_span(
            optional,
            format!("`clone` takes the value itself; remove `optional`, or inject `Option<Arc<{}>>`", bare(ty)),
        );
    }
}

/// The type inside an `Option`, or the type.
fn bare(ty: &Type) -> String {
    let inner = last_segment(ty).filter(|segment| segment.ident == "Option").and_then(argument);
    shown(inner.unwrap_or(ty))
}

fn in_arc(ty: &Type) -> String {
    format!("Arc<{}>", shown(peeled(ty)))
}

/// The first type argument: `T` of `Arc<T>`.
fn argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The types that a payload cannot have, as far as tokens tell; the rest is told by `PayloadField`.
fn payload(field: &Field, errors: &mut Errors) {
    let ty = peeled(&field.ty);
    let name = &field.label;
    if let Some(service) = shared(ty) {
        let message = format!("`{name}: {}` would become payload; if it is a service add `#[inject]`", shown(ty));
        match service {
            Shared::Trait => errors.at(ty, message),
            Shared::Data(data) => errors.at(ty, format!("{message}, if it is data store `{}` itself", shown(data))),
        }
    } else if let Some(borrowed) = borrowed(ty) {
        let owned = match peeled(&borrowed.elem) {
            inner @ Type::Path(path) if path.path.is_ident("str") => format!("`String` instead of `{}`", reference(inner)),
            Type::Slice(slice) => format!("`Vec<{}>` instead of a slice", shown(&slice.elem)),
            inner => format!("`{}` instead of `{}`", shown(inner), reference(inner)),
        };
        errors.at(borrowed, format!("`{name}` borrows; a payload must own its data, for example {owned}"));
    } else if matches!(ty, Type::Ptr(_)) {
        errors.at(ty, format!("`{name}` is a pointer, which means nothing in another process; store what it points to"));
    } else if matches!(ty, Type::FnPtr(_)) {
        errors.at(ty, format!("`{name}` is a function, which cannot be stored; store what it is chosen by"));
    }
}

fn reference(ty: &Type) -> String {
    format!("&{}", shown(ty))
}

/// What an `Arc` in a payload holds.
enum Shared<'a> {
    Trait,
    Data(&'a Type),
}

/// An `Arc` of something that looks like a service. `Arc<str>` and `Arc<[T]>` are plain data.
fn shared(ty: &Type) -> Option<Shared<'_>> {
    let segment = last_segment(ty)?;
    let inner = peeled(argument(segment)?);
    match (segment.ident.to_string().as_str(), inner) {
        ("Option" | "Vec", _) => shared(inner),
        ("Arc" | "Box" | "Rc", Type::TraitObject(_)) => Some(Shared::Trait),
        ("Arc" | "Rc", Type::Path(path)) if !path.path.is_ident("str") => Some(Shared::Data(inner)),
        _ => None,
    }
}

/// The first reference in a type.
fn borrowed(ty: &Type) -> Option<&syn::TypeReference> {
    match peeled(ty) {
        Type::Reference(reference) => Some(reference),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(borrowed),
        Type::Array(array) => borrowed(&array.elem),
        Type::Slice(slice) => borrowed(&slice.elem),
        Type::Path(path) => path.path.segments.iter().filter(|segment| segment.ident != "PhantomData").find_map(|segment| {
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => borrowed(ty),
                _ => None,
            })
        }),
        _ => None,
    }
}

/// The word of a type that most likely lacks serde: where the compiler's answer belongs.
pub(crate) fn suspect(ty: &Type) -> Option<proc_macro2::Span> {
    fn first(tokens: proc_macro2::TokenStream) -> Option<proc_macro2::Span> {
        tokens.into_iter().find_map(|tree| match tree {
            proc_macro2::TokenTree::Ident(word) if !PLAIN.contains(&word.to_string().as_str()) => Some(word.span()),
            proc_macro2::TokenTree::Group(group) => first(group.stream()),
            _ => None,
        })
    }
    first(ty.to_token_stream())
}

/// Words of types that bear serde.
const PLAIN: [&str; 55] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "bool",
    "char",
    "str",
    "String",
    "Vec",
    "VecDeque",
    "LinkedList",
    "Option",
    "Result",
    "Box",
    "Arc",
    "Rc",
    "Cow",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Duration",
    "SystemTime",
    "PathBuf",
    "Path",
    "OsString",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "NonZeroU32",
    "NonZeroU64",
    "PhantomData",
    "std",
    "core",
    "alloc",
    "collections",
    "sync",
    "time",
    "path",
    "net",
    "num",
    "string",
    "vec",
];
