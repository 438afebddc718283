//! The struct of the payload fields, and how it is stored.
//!
//! Without `#[serde(..)]` its code is written here: small, because what is the same for all jobs stands in `queue`, and worded by
//! `PayloadField` where a type cannot be stored. With it, serde's own derives know best what the attributes mean.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, LitStr, Type};

use crate::check::suspect;
use crate::emit::{allowed, root_at};
use crate::model::{Field, Job, mentions, shown};

/// The struct, with its `Serialize` and `Deserialize`.
pub(crate) fn item(job: &Job) -> TokenStream {
    let attributes = !job.container.forwarded.is_empty() || job.payload().any(|(_, wire)| !wire.forwarded.is_empty());
    if attributes {
        let derives = derives(job);
        return definition(job, Some(&derives));
    }
    let (definition, serialize, deserialize) = (definition(job, None), serialize(job), deserialize(job));
    quote!(#definition #serialize #deserialize)
}

fn definition(job: &Job, derives: Option<&TokenStream>) -> TokenStream {
    let Job { vis, args, .. } = job;
    let allowed = allowed();
    let docs = format!("The payload of [`{}`].", job.ident.unraw());
    let fields = job.payload().map(|(field, wire)| {
        let Field { name, ty, docs, .. } = field;
        let forwarded = &wire.forwarded;
        let docs = if docs.is_empty() {
            let docs = format!("The payload field `{}` of [`{}`].", field.label, job.ident.unraw());
            quote!(#[doc = #docs])
        } else {
            quote!(#(#docs)*)
        };
        quote!(#docs #(#forwarded)* #vis #name: #ty)
    });
    quote! {
        #[doc = #docs]
        #derives
        #allowed
        #vis struct #args { #(#fields),* }
    }
}

/// `<T as PayloadField>`, placed at the field's type, where the compiler then complains of a type that cannot be stored. It says
/// the same of each place that this is written to, so the user hears it once.
fn payload_field(field: &Field, root: &syn::Path) -> TokenStream {
    let (ty, place) = (&field.ty, field.ty.span());
    let root = root_at(root, place);
    quote_spanned!(place=> <#ty as #root::__private::PayloadField>)
}

fn serialize(job: &Job) -> TokenStream {
    let Job { root, args, .. } = job;
    let serde = quote!(#root::__private::serde);
    let name = args.unraw().to_string();
    let count = job.payload().count();
    let fields = job.payload().map(|(field, wire)| {
        let (payload_field, name, key) = (payload_field(field, root), &field.name, &wire.key);
        quote_spanned!(field.ty.span()=> #payload_field::write(&self.#name, &mut __object, #key)?;)
    });
    quote! {
        #[automatically_derived]
        impl #serde::Serialize for #args {
            fn serialize<__S: #serde::Serializer>(&self, __serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                #[allow(unused_mut)]
                let mut __object = __serializer.serialize_struct(#name, #count)?;
                #(#fields)*
                #serde::ser::SerializeStruct::end(__object)
            }
        }
    }
}

fn deserialize(job: &Job) -> TokenStream {
    let Job { root, args, .. } = job;
    let serde = quote!(#root::__private::serde);
    let name = args.unraw().to_string();
    let keys: Vec<_> = job.payload().map(|(_, wire)| &wire.key).collect();
    let slots: Vec<Ident> = (0..keys.len()).map(|index| format_ident!("__slot{}", index)).collect();
    let takes = job.payload().enumerate().map(|(index, (field, _))| {
        let (payload_field, slot, key) = (payload_field(field, root), &slots[index], keys[index]);
        quote_spanned!(field.ty.span()=> #index => #payload_field::read(&mut #slot, &mut __object, #key)?,)
    });
    let fields = job.payload().enumerate().map(|(index, (field, _))| {
        let (payload_field, name, slot, key) = (payload_field(field, root), &field.name, &slots[index], keys[index]);
        quote_spanned!(field.ty.span()=> #name: #payload_field::found(#slot, #key)?)
    });
    quote! {
        #[automatically_derived]
        impl<'__de> #serde::Deserialize<'__de> for #args {
            fn deserialize<__D: #serde::Deserializer<'__de>>(__deserializer: __D) -> ::core::result::Result<Self, __D::Error> {
                #root::__private::read_args(__deserializer)
            }
        }

        #[automatically_derived]
        impl #root::__private::ReadArgs for #args {
            const NAME: &'static ::core::primitive::str = #name;
            const KEYS: &'static [&'static ::core::primitive::str] = &[#(#keys),*];

            fn read<'__de, __M: #serde::de::MapAccess<'__de>>(mut __object: __M) -> ::core::result::Result<Self, __M::Error> {
                #(let mut #slots = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(__index) = #root::__private::next_key(&mut __object, Self::KEYS)? {
                    match __index {
                        #(#takes)*
                        _ => {}
                    }
                }
                ::core::result::Result::Ok(#args { #(#fields),* })
            }
        }
    }
}

fn derives(job: &Job) -> TokenStream {
    let serde = {
        let root = &job.root;
        quote!(#root::__private::serde)
    };
    let path = LitStr::new(&shown(&serde), Span::call_site());
    let bound = bound(job).map(|bound| quote!(, bound = #bound));
    let forwarded = &job.container.forwarded;
    quote! {
        #[derive(#serde::Serialize, #serde::Deserialize)]
        #[serde(crate = #path #bound)]
        #(#forwarded)*
    }
}

/// What serde's code may take for granted of the payload types.
///
/// A plain bound on a type without parameters is checked where it stands; a higher-ranked one only where the args are used as
/// such, which is at one place, `type Args`. So a type without serde is one error, in the words of `PayloadField`.
fn bound(job: &Job) -> Option<LitStr> {
    if job.container.bound {
        return None;
    }
    let root = &job.root;
    // A type of the standard library bears serde, and each bound costs compile time. A type that holds the args again would have
    // to prove itself first. serde's code can do without both.
    let doubtful = |ty: &Type| suspect(ty).is_some() && !mentions(ty.to_token_stream(), &|word| *word == job.args);
    let mut bounds: Vec<String> = Vec::new();
    for (field, _) in job.payload().filter(|(field, wire)| wire.plain && doubtful(&field.ty)) {
        let ty = &field.ty;
        let bound = quote!(for<'__queue> #ty: #root::__private::PayloadBound<'__queue>).to_string();
        // `$crate` means nothing in a string.
        if !bound.contains('$') && !bounds.contains(&bound) {
            bounds.push(bound);
        }
    }
    (!bounds.is_empty()).then(|| LitStr::new(&bounds.join(", "), Span::call_site()))
}

/// The name of the args, placed at the payload field that most likely lacks serde: that is where the compiler complains.
pub(crate) fn name_at_suspect(job: &Job) -> Ident {
    let place = job.payload().filter(|(_, wire)| wire.plain).find_map(|(field, _)| suspect(&field.ty));
    let mut args = job.args.clone();
    args.set_span(place.unwrap_or_else(|| job.ident.span()));
    args
}
