//! The code of an injected field, of a job or of a group: what it needs, and how it is taken from the container.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type, WherePredicate, parse_quote_spanned};

use crate::emit::root_at;
use crate::inject::Inject;

/// The entry of the field for the boot check.
pub(crate) fn dependency(label: &str, ty: &Type, inject: &Inject, root: &Path) -> TokenStream {
    let injected = injected(ty, inject, root);
    let place = ty.span();
    let blamed = root_at(root, place);
    let needs = match &inject.name {
        Some(name) => quote_spanned! {place=>
            |needs| <#injected as #blamed::__private::InjectNamed>::dependencies_named(needs, #name)
        },
        None => quote_spanned!(place=> <#injected as #blamed::__private::FromContainer>::dependencies),
    };
    // `line!` and `file!` answer for the place of their own tokens.
    let (file, line) = (quote_spanned!(place=> ::core::file!()), quote_spanned!(place=> ::core::line!()));
    quote!(#root::__private::Dependency { field: #label, file: #file, line: #line, needs: #needs })
}

/// The value of the field, from `__scope`.
pub(crate) fn resolve(ty: &Type, inject: &Inject, root: &Path) -> TokenStream {
    let injected = injected(ty, inject, root);
    let place = ty.span();
    let blamed = root_at(root, place);
    let value = match &inject.name {
        Some(name) => quote_spanned! {place=>
            <#injected as #blamed::__private::InjectNamed>::from_container_named(__scope, #name)?
        },
        None => quote_spanned!(place=> <#injected as #blamed::__private::FromContainer>::from_container(__scope)?),
    };
    if inject.clone.is_some() { quote!(#value.0) } else { value }
}

/// What must hold for the field to be injected, where that depends on parameters of the type.
pub(crate) fn bound(ty: &Type, inject: &Inject, root: &Path) -> WherePredicate {
    let injected = injected(ty, inject, root);
    let place = ty.span();
    let blamed = root_at(root, place);
    match &inject.name {
        Some(_) => parse_quote_spanned!(place=> #injected: #blamed::__private::InjectNamed),
        None => parse_quote_spanned!(place=> #injected: #blamed::__private::FromContainer),
    }
}

/// The type that the container is asked for.
fn injected(ty: &Type, inject: &Inject, root: &Path) -> TokenStream {
    if inject.clone.is_none() {
        return ty.to_token_stream();
    }
    let blamed = root_at(root, ty.span());
    quote_spanned!(ty.span()=> #blamed::__private::Cloned<#ty>)
}
