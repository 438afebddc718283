//! Stubs after an error: the user's `impl Job`, `with(..)` and pushes stay quiet, so that one mistake is one message.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, GenericParam, Path, Type, parse_quote};

use crate::model::{Job, peeled};

/// What stands in for the code of a job that cannot be one; nothing here ever runs.
pub(crate) fn job(input: &DeriveInput, job: Option<&Job>) -> TokenStream {
    // `impl Job` for a type with such parameters would need bounds that the user did not write.
    if input.generics.params.iter().any(|parameter| !matches!(parameter, GenericParam::Const(_))) {
        return TokenStream::new();
    }
    // Nor can the compiler be kept from saying that such a struct has no size.
    if job.is_some_and(|job| job.fields.iter().any(|field| matches!(peeled(&field.ty), Type::TraitObject(_) | Type::Slice(_)))) {
        return TokenStream::new();
    }
    let root: Path = job.map_or_else(|| parse_quote!(::queue), |job| job.root.clone());
    let ident = &input.ident;
    let vis = &input.vis;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let serde = quote!(#root::__private::serde);
    let result = quote!(::core::result::Result);
    let args = job.map_or_else(|| format_ident!("{}Args", ident), |job| job.args.clone());
    let constructor = job.map_or_else(|| format_ident!("with"), |job| job.constructor.clone());
    let names: Vec<_> = job.iter().flat_map(|job| job.payload()).map(|(field, _)| &field.name).collect();
    let types: Vec<_> = job.iter().flat_map(|job| job.payload()).map(|(field, _)| stand_in(&field.ty)).collect();
    quote! {
        #[allow(dead_code, missing_docs, missing_debug_implementations, private_interfaces, unreachable_pub)]
        #vis struct #args { #(#vis #names: #types),* }

        #[allow(dead_code, missing_docs, private_interfaces, unused_variables)]
        impl #generics #ident #arguments #bounds {
            #vis fn #constructor(#(#names: #types),*) -> #root::Pending<Self> { ::core::unreachable!() }
        }

        #[allow(unused_variables)]
        const _: () = {
            impl #serde::Serialize for #args {
                fn serialize<S: #serde::Serializer>(&self, serializer: S) -> #result<S::Ok, S::Error> { ::core::unreachable!() }
            }

            impl<'de> #serde::Deserialize<'de> for #args {
                fn deserialize<D: #serde::Deserializer<'de>>(deserializer: D) -> #result<Self, D::Error> { ::core::unreachable!() }
            }

            impl #generics #root::Queueable for #ident #arguments #bounds {
                const KIND: &'static ::core::primitive::str = "";
                const ALIASES: &'static [&'static ::core::primitive::str] = &[];
                const OPTIONS: #root::__private::JobOptions = #root::__private::JobOptions::DEFAULT;
                type Args = #args;
                fn dependencies() -> &'static [#root::__private::Dependency] { &[] }
                fn build(args: #args, scope: &#root::__private::Scope<'_>) -> #result<Self, #root::__private::ResolveError> {
                    ::core::unreachable!()
                }
            }

            impl #generics ::core::convert::From<#args> for #root::Pending<#ident #arguments> #bounds {
                fn from(args: #args) -> Self { ::core::unreachable!() }
            }

            impl #generics #root::PushSet for #ident #arguments #bounds {
                type Pushed = #root::Pushed;
                fn add_to(jobs: &mut #root::__private::JobList) {}
                fn take_from(pushed: &mut ::std::vec::IntoIter<#root::Pushed>) -> ::core::option::Option<#root::Pushed> {
                    ::core::option::Option::None
                }
            }
        };
    }
}

/// A type that the compiler would complain of a second time is left out.
fn stand_in(ty: &Type) -> TokenStream {
    match peeled(ty) {
        Type::Path(_) | Type::Tuple(_) | Type::Array(_) => quote!(#ty),
        _ => quote!(()),
    }
}
