//! What a job is, as the struct says it.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Fields, GenericParam, Ident, Index, Member, Path, PathSegment, Type, Visibility, parse_quote,
};

use crate::errors::Errors;
use crate::inject::{self, Inject};
use crate::options::{self, Options};
use crate::payload::{self, Container, Wire};

/// A job.
pub(crate) struct Job {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) options: Options,
    /// Where `queue` is.
    pub(crate) root: Path,
    /// The name of the function that makes a pending job.
    pub(crate) constructor: Ident,
    /// The name of the struct of the payload fields.
    pub(crate) args: Ident,
    pub(crate) container: Container,
    pub(crate) fields: Vec<Field>,
}

/// A field of a job.
pub(crate) struct Field {
    /// Its name or number in the job.
    pub(crate) member: Member,
    /// Its name in the args.
    pub(crate) name: Ident,
    /// Its name or number to people.
    pub(crate) label: String,
    /// Its type, `Self` replaced by the job's name.
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) role: Role,
}

/// What a field is for.
pub(crate) enum Role {
    Service(Inject),
    Payload(Wire),
}

impl Job {
    /// The stored fields, in order.
    pub(crate) fn payload(&self) -> impl Iterator<Item = (&Field, &Wire)> {
        self.fields.iter().filter_map(|field| match &field.role {
            Role::Payload(wire) => Some((field, wire)),
            Role::Service(_) => None,
        })
    }

    /// The injected fields, in order.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&Field, &Inject)> {
        self.fields.iter().filter_map(|field| match &field.role {
            Role::Service(inject) => Some((field, inject)),
            Role::Payload(_) => None,
        })
    }

    /// The stored name.
    pub(crate) fn kind(&self) -> String {
        self.options.name.as_ref().map_or_else(|| self.ident.unraw().to_string(), syn::LitStr::value)
    }
}

/// Reads a struct; `None` when it cannot be a job at all.
pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Job> {
    let options = options::read(&input.attrs, errors);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("inject")) {
        errors.at(&attribute.meta, "`#[inject]` belongs on a field; options of the job are `#[queueable(..)]`");
    }
    refuse_generics(input, errors);
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            errors
                .at(data.enum_token, format!("`Queueable` needs a struct; make one job struct per variant of `{}`", input.ident));
            return None;
        }
        Data::Union(data) => {
            errors.at(data.union_token, "`Queueable` needs a struct; a union cannot be a payload");
            return None;
        }
    };
    let container = payload::container(&input.attrs, errors);
    let fields = read_fields(fields, &input.ident, &container, errors);
    Some(Job {
        root: options.root.clone().unwrap_or_else(|| parse_quote!(::queue)),
        constructor: options.constructor.clone().unwrap_or_else(|| Ident::new("with", Span::call_site())),
        args: options.args.clone().unwrap_or_else(|| format_ident!("{}Args", input.ident, span = Span::call_site())),
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        options,
        container,
        fields,
    })
}

fn refuse_generics(input: &DeriveInput, errors: &mut Errors) {
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Type(parameter) => {
                let name = &parameter.ident;
                errors.at(
                    name,
                    format!(
                        "a generic job has no single payload type to register: remove `{name}` or derive on a concrete struct per type"
                    ),
                );
            }
            GenericParam::Const(parameter) => {
                let name = &parameter.ident;
                errors.at(name, format!("a job with the const parameter `{name}` cannot be registered: make it a payload field"));
            }
            GenericParam::Lifetime(parameter) => {
                let name = &parameter.lifetime;
                errors.at(
                    name,
                    format!("a job outlives the call that pushed it, so it cannot borrow: remove `{name}` and own the data"),
                );
            }
        }
    }
}

fn read_fields(fields: &Fields, job: &Ident, container: &Container, errors: &mut Errors) -> Vec<Field> {
    let mut all = Vec::new();
    let mut stored = 0_usize;
    for (index, field) in fields.iter().enumerate() {
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("queueable")) {
            errors.at(&attribute.meta, "`#[queueable]` belongs on the struct; on a field use `#[inject]` or `#[serde(..)]`");
        }
        let inject = inject::read(&field.attrs, errors);
        // The numbers of payload fields do not move when a service is added before them.
        let name = field.ident.clone().unwrap_or_else(|| format_ident!("arg{}", stored, span = Span::call_site()));
        let label = field.ident.as_ref().map_or_else(|| index.to_string(), |name| name.unraw().to_string());
        let ty = without_self(&field.ty, job);
        let role = match inject {
            Some(inject) => {
                payload::refuse_on_service(&field.attrs, &label, errors);
                Role::Service(inject)
            }
            None => {
                stored += 1;
                Role::Payload(payload::wire(&field.attrs, &name, &ty, container, errors))
            }
        };
        let member = match &field.ident {
            Some(name) => Member::Named(name.clone()),
            None => Member::Unnamed(Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: field.ty.span() }),
        };
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect();
        all.push(Field { member, name, label, ty, docs, role });
    }
    all
}

/// `Self` in a field means the job, also where the type is repeated in another struct.
fn without_self(ty: &Type, job: &Ident) -> Type {
    fn replace(tokens: TokenStream, job: &Ident, found: &mut bool) -> TokenStream {
        tokens
            .into_iter()
            .map(|tree| match tree {
                TokenTree::Ident(name) if name == "Self" => {
                    *found = true;
                    let mut job = job.clone();
                    job.set_span(name.span());
                    TokenTree::Ident(job)
                }
                TokenTree::Group(group) => {
                    let mut replaced = Group::new(group.delimiter(), replace(group.stream(), job, found));
                    replaced.set_span(group.span());
                    TokenTree::Group(replaced)
                }
                other => other,
            })
            .collect()
    }
    let mut found = false;
    let tokens = replace(ty.to_token_stream(), job, &mut found);
    if found { syn::parse2(tokens).unwrap_or_else(|_| ty.clone()) } else { ty.clone() }
}

/// A type without the parentheses and invisible groups around it.
pub(crate) fn peeled(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

/// The last segment of a type that is a path: `Arc<T>` of `std::sync::Arc<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peeled(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// Whether such a word stands somewhere in the tokens.
pub(crate) fn mentions(tokens: TokenStream, is_meant: &impl Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => is_meant(&word),
        TokenTree::Group(group) => mentions(group.stream(), is_meant),
        _ => false,
    })
}

/// Tokens as people write them: `Option<Arc<dyn Mailer + Send>>`.
pub(crate) fn shown(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write_tokens(tokens.to_token_stream(), &mut text);
    text
}

fn write_tokens(tokens: TokenStream, text: &mut String) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_tokens(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' | ';' => {
                    text.push(punct.as_char());
                    text.push(' ');
                }
                '+' | '=' => {
                    text.push(' ');
                    text.push(punct.as_char());
                    text.push(' ');
                }
                other => text.push(other),
            },
            word => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_as_people_write_them() {
        for text in ["Option<Arc<dyn Mailer + Send>>", "&'static str", "Vec<(u8, String)>", "[u8; 4]", "std::sync::Arc<T>"] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(shown(&tokens), text);
        }
    }

    #[test]
    fn self_becomes_the_job() {
        let ty: Type = parse_quote!(Option<(u8, Box<Self>)>);
        assert_eq!(shown(&without_self(&ty, &parse_quote!(Mail))), "Option<(u8, Box<Mail>)>");
    }
}
