//! `#[derive(Queueable)]`.

use proc_macro::TokenStream;

/// Makes a struct a job.
#[proc_macro_derive(Queueable, attributes(queueable, inject, serde))]
pub fn derive_queueable(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
