//! The code of a group of services.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Fields, Ident, Path, Type, parse_quote};

use super::{Field, Group};
use crate::emit::allowed;
use crate::model::{mentions, peeled};
use crate::services;

/// `impl FromContainer`, of absolute paths only.
pub(crate) fn group(group: &Group) -> TokenStream {
    let Group { ident, generics, root, fields } = group;
    let parameters: Vec<&Ident> = generics.type_params().map(|parameter| &parameter.ident).collect();
    let mut generics = generics.clone();
    let bounds = fields.iter().filter(|field| is_open(field, &parameters));
    generics.make_where_clause().predicates.extend(bounds.map(|field| services::bound(&field.ty, &field.inject, root)));
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let dependencies = fields.iter().map(|field| services::dependency(&field.label, &field.ty, &field.inject, root));
    let values = fields.iter().map(|field| {
        let (member, value) = (&field.member, services::resolve(&field.ty, &field.inject, root));
        quote!(#member: #value)
    });
    let allowed = allowed();
    quote! {
        #root::__private::expand! {
            #allowed
            const _: () = {
                #[automatically_derived]
                impl #parameters #root::__private::FromContainer for #ident #arguments #bounds {
                    fn dependencies(__needs: &mut #root::__private::Dependencies) {
                        __needs.group::<Self>(&[#(#dependencies),*]);
                    }

                    fn from_container(
                        __scope: &#root::__private::Scope<'_>,
                    ) -> ::core::result::Result<Self, #root::__private::ResolveError> {
                        ::core::result::Result::Ok(Self { #(#values),* })
                    }
                }
            };
        }
    }
}

/// Whether it depends on the type parameters if the field can be injected.
fn is_open(field: &Field, parameters: &[&Ident]) -> bool {
    let is_parameter = |word: &Ident| word == "Self" || parameters.contains(&word);
    !parameters.is_empty() && mentions(field.ty.to_token_stream(), &is_parameter)
}

/// What stands in for the code of a group after an error, so that who injects it stays quiet; nothing here ever runs.
pub(crate) fn stub(input: &DeriveInput, group: Option<&Group>) -> TokenStream {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(_) | Data::Union(_) => &Fields::Unit,
    };
    // The compiler cannot be kept from saying that such a struct has no size.
    if fields.iter().any(|field| matches!(peeled(&field.ty), Type::TraitObject(_) | Type::Slice(_))) {
        return TokenStream::new();
    }
    let root: Path = group.map_or_else(|| parse_quote!(::queue), |group| group.root.clone());
    let ident = &input.ident;
    let (parameters, arguments, bounds) = input.generics.split_for_impl();
    quote! {
        #[allow(unused_variables)]
        const _: () = {
            impl #parameters #root::__private::FromContainer for #ident #arguments #bounds {
                fn dependencies(needs: &mut #root::__private::Dependencies) {}

                fn from_container(
                    scope: &#root::__private::Scope<'_>,
                ) -> ::core::result::Result<Self, #root::__private::ResolveError> {
                    ::core::unreachable!()
                }
            }
        };
    }
}
