//! The code of a job.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;

use crate::args;
use crate::backoff::Backoff;
use crate::model::{Job, Role};
use crate::options::Options;
use crate::services;

/// Everything that the derive writes for a sound job.
///
/// It names only absolute paths, because the user's module may shadow any name.
pub(crate) fn job(job: &Job) -> TokenStream {
    let args = args::item(job);
    let constructor = constructor(job);
    let queueable = queueable(job);
    let conversion = conversion(job);
    let push_set = push_set(job);
    let registration = registration(job);
    let allowed = allowed();
    let root = &job.root;
    // One macro around it all, so that a wrong path to `queue` is one message.
    quote! {
        #root::__private::expand! {
            #args
            #constructor
            #allowed
            const _: () = {
                #queueable
                #conversion
                #push_set
                #registration
            };
        }
    }
}

/// What our code may do without the user hearing of it: its names and visibilities are those of the user's own struct.
pub(crate) fn allowed() -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            deprecated,
            missing_debug_implementations,
            missing_copy_implementations,
            non_camel_case_types,
            non_snake_case,
            private_bounds,
            private_interfaces,
            unreachable_pub,
            unused_qualifications,
            unused_variables,
            clippy::all,
            clippy::nursery,
            clippy::pedantic
        )]
    }
}

/// Where `queue` is, in tokens that the compiler takes for those at `place`, so that its complaints stand there.
pub(crate) fn root_at(root: &syn::Path, place: Span) -> TokenStream {
    root.to_token_stream()
        .into_iter()
        .map(|mut tree| {
            tree.set_span(place);
            tree
        })
        .collect()
}

/// The function that makes a pending job.
fn constructor(job: &Job) -> TokenStream {
    let Job { root, vis, ident, constructor, args, .. } = job;
    let names: Vec<&Ident> = job.payload().map(|(field, _)| &field.name).collect();
    let types = job.payload().map(|(field, _)| &field.ty);
    let docs = if names.is_empty() {
        format!("A [`{}`] that is not pushed yet.", ident.unraw())
    } else {
        format!("A [`{}`] that is not pushed yet, from its payload fields.", ident.unraw())
    };
    let allowed = allowed();
    quote! {
        #[automatically_derived]
        #allowed
        impl #ident {
            #[doc = #docs]
            #vis fn #constructor(#(#names: #types),*) -> #root::Pending<#ident> {
                #root::Pending::new(#args { #(#names),* })
            }
        }
    }
}

fn queueable(job: &Job) -> TokenStream {
    let Job { root, ident, .. } = job;
    let kind = job.kind();
    let aliases = &job.options.aliases;
    let options = options(&job.options, root, job);
    let args = args::name_at_suspect(job);
    let args_name = &job.args;
    let dependencies = job.services().map(|(field, inject)| services::dependency(&field.label, &field.ty, inject, root));
    let fields = job.fields.iter().map(|field| {
        let member = &field.member;
        let value = match &field.role {
            Role::Service(inject) => services::resolve(&field.ty, inject, root),
            Role::Payload(_) => {
                let name = &field.name;
                quote!(__args.#name)
            }
        };
        quote!(#member: #value)
    });
    let upgrade = upgrade(job);
    quote! {
        #[automatically_derived]
        impl #root::Queueable for #ident {
            const KIND: &'static ::core::primitive::str = #kind;
            const ALIASES: &'static [&'static ::core::primitive::str] = &[#(#aliases),*];
            const OPTIONS: #root::__private::JobOptions = #options;
            type Args = #args;

            fn dependencies() -> &'static [#root::__private::Dependency] {
                static DEPENDENCIES: &[#root::__private::Dependency] = &[#(#dependencies),*];
                DEPENDENCIES
            }

            fn build(
                __args: #args_name,
                __scope: &#root::__private::Scope<'_>,
            ) -> ::core::result::Result<Self, #root::__private::ResolveError> {
                ::core::result::Result::Ok(Self { #(#fields),* })
            }

            #upgrade
        }
    }
}

fn upgrade(job: &Job) -> Option<TokenStream> {
    let function = job.options.upgrade.as_ref()?;
    let root = &job.root;
    let value = quote!(#root::__private::serde_json::Value);
    Some(quote! {
        fn upgrade(
            __payload: #value,
            __from: ::core::primitive::u16,
        ) -> ::core::result::Result<#value, #root::BoxError> {
            ::core::result::Result::map_err(#function(__payload, __from), ::core::convert::Into::into)
        }
    })
}

/// The options that the attributes state; what they leave out stays open for the worker's fallback.
fn options(options: &Options, root: &syn::Path, job: &Job) -> TokenStream {
    let mut chain = quote!(#root::__private::JobOptions::DEFAULT);
    let mut with = |setter: TokenStream| chain.extend(setter);
    if let Some(queue) = &options.queue {
        with(quote!(.queue(#queue)));
    }
    if let Some(priority) = options.priority {
        with(quote!(.priority(#priority)));
    }
    if let Some(attempts) = options.max_attempts {
        with(quote!(.max_attempts(#attempts)));
    }
    if let Some(timeout) = options.timeout {
        let timeout = optional(timeout.map(duration));
        with(quote!(.timeout(#timeout)));
    }
    if let Some(backoff) = &options.backoff {
        let backoff = self::backoff(backoff, root);
        with(quote!(.backoff(#backoff)));
    }
    if let Some(unique) = &options.unique {
        let name = optional(unique.name.as_ref());
        let fields = optional(unique.fields.as_ref().map(|named| {
            // In the order of the struct, so that the key does not depend on the order here.
            let keys = job.payload().filter(|(field, _)| named.iter().any(|name| name.unraw() == field.label));
            let keys = keys.filter_map(|(_, wire)| wire.key.as_deref());
            quote!(&[#(#keys),*])
        }));
        with(quote!(.unique(#root::__private::Unique::new(#name, #fields))));
    }
    if !options.tags.is_empty() {
        let tags = &options.tags;
        with(quote!(.tags(&[#(#tags),*])));
    }
    if let Some(version) = options.version {
        with(quote!(.version(#version)));
    }
    if options.blocking {
        with(quote!(.blocking()));
    }
    chain
}

fn optional(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn duration(duration: Duration) -> TokenStream {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#millis))
}

fn backoff(backoff: &Backoff, root: &syn::Path) -> TokenStream {
    let policy = quote!(#root::__private::Backoff);
    match backoff {
        Backoff::Exponential { base, cap } => {
            let (base, cap) = (duration(*base), duration(*cap));
            quote!(#policy::Exponential { base: #base, cap: #cap })
        }
        Backoff::Linear { base } => {
            let base = duration(*base);
            quote!(#policy::Linear { base: #base })
        }
        Backoff::Fixed { delay } => {
            let delay = duration(*delay);
            quote!(#policy::Fixed { delay: #delay })
        }
        Backoff::List(delays) => {
            let delays = delays.iter().copied().map(duration);
            quote!(#policy::List(&const { [#(#delays),*] }))
        }
    }
}

fn conversion(job: &Job) -> TokenStream {
    let Job { root, ident, args, .. } = job;
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<#args> for #root::Pending<#ident> {
            fn from(args: #args) -> Self {
                #root::Pending::new(args)
            }
        }
    }
}

/// A job without payload can be pushed by its type. There is no blanket impl, so that the compiler names the one job of a tuple
/// that does not fit.
fn push_set(job: &Job) -> TokenStream {
    let Job { root, ident, args, .. } = job;
    if job.payload().next().is_some() {
        // The bound is never met, and its words are those of the error. All stands at the struct's name: of an impl that a derive wrote
        // the compiler would say that a type parameter lacks something.
        let place = ident.span();
        let at_place = |mut token: TokenTree| {
            token.set_span(place);
            token
        };
        let trait_path: TokenStream = quote!(#root::PushSet).into_iter().map(at_place).collect();
        return quote_spanned! {place=>
            impl #trait_path for #ident
            where
                for<'__queue> #ident: #root::__private::WithoutPayload<'__queue>,
            {
                type Pushed = #root::Pushed;

                fn add_to(_: &mut #root::__private::JobList) {}

                fn take_from(_: &mut ::std::vec::IntoIter<#root::Pushed>) -> ::core::option::Option<#root::Pushed> {
                    ::core::option::Option::None
                }
            }
        };
    }
    quote! {
        #[automatically_derived]
        impl #root::PushSet for #ident {
            type Pushed = #root::Pushed;

            fn add_to(jobs: &mut #root::__private::JobList) {
                jobs.add::<#ident>(#root::Pending::new(#args {}));
            }

            fn take_from(pushed: &mut ::std::vec::IntoIter<#root::Pushed>) -> ::core::option::Option<#root::Pushed> {
                ::core::iter::Iterator::next(pushed)
            }
        }
    }
}

/// The entry in the registry. The bound of its type argument, which stands at the struct's name, is what demands `impl Job`.
fn registration(job: &Job) -> TokenStream {
    let Job { root, ident, .. } = job;
    let place = ident.span();
    let make = Ident::new(if job.options.blocking { "blocking" } else { "of" }, Span::call_site());
    let (file, line) = (quote_spanned!(place=> ::core::file!()), quote_spanned!(place=> ::core::line!()));
    quote! {
        #root::__private::inventory::submit! {
            #root::__private::Entry::#make::<#ident>(#file, #line)
        }
    }
}
