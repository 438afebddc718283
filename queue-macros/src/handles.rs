//! `Arc<JobContext>` and `Arc<Queue>`: what a run hands out itself is not shared.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use crate::check::argument;
use crate::emit::root_at;
use crate::model::{last_segment, peeled};

/// Asks the compiler whether a type that looks like a handle in an `Arc` is one. A program may have a service of such a name, so the
/// tokens alone do not tell.
pub(crate) fn question(ty: &Type, root: &Path) -> Option<TokenStream> {
    let inner = last_segment(ty).filter(|segment| segment.ident == "Arc").and_then(argument).map(peeled)?;
    last_segment(inner).filter(|segment| ["JobContext", "Queue"].iter().any(|handle| segment.ident == handle))?;
    let place = ty.span();
    let blamed = root_at(root, place);
    let asked = quote_spanned!(place=> #blamed::__private::InArc::<#inner>::check());
    Some(quote! {
        const _: fn() = || {
            use #root::__private::AnyInArc as _;
            #asked
        };
    })
}
