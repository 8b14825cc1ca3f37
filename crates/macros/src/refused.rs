//! The attribute's output after an error: a service that never runs, so that the compiler does not also
//! complain of a missing one.

use proc_macro2::{TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{FnArg, Generics, Item, ItemFn};

/// The item, and a service of the same name.
pub(crate) fn stand_in(options: &TokenStream, item: TokenStream, root: &str) -> TokenStream {
    let root = root_of(options, root);
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) if block.trait_.is_none() => {
            let service = &block.self_ty;
            let implementation = implementation(&root, &block.generics, &quote!(#service));
            quote!(#block #implementation)
        }
        Ok(Item::Struct(it)) => {
            let implementation = of_type(&root, &it.generics, &it.ident);
            quote!(#it #implementation)
        }
        Ok(Item::Enum(it)) => {
            let implementation = of_type(&root, &it.generics, &it.ident);
            quote!(#it #implementation)
        }
        // A method is not an item: nothing can stand beside it.
        Ok(Item::Fn(function)) if !is_method(&function) => of_function(&root, &function),
        _ => item,
    }
}

/// The path of Foster, even if the other options cannot be read.
fn root_of(options: &TokenStream, root: &str) -> TokenStream {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ',');
    let said = options
        .clone()
        .into_iter()
        .skip_while(|token| !matches!(token, TokenTree::Ident(it) if it == "crate"));
    // Behind `crate =`.
    let path: TokenStream = said.skip(2).take_while(|token| !is_comma(token)).collect();
    if path.is_empty() {
        let root = format_ident!("{root}");
        return quote!(::#root);
    }
    path
}

fn is_method(function: &ItemFn) -> bool {
    matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_)))
}

fn of_type(root: &TokenStream, generics: &Generics, name: &syn::Ident) -> TokenStream {
    let (_, arguments, _) = generics.split_for_impl();
    implementation(root, generics, &quote!(#name #arguments))
}

fn implementation(root: &TokenStream, generics: &Generics, service: &TokenStream) -> TokenStream {
    let (generics, _, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #root::Service for #service #bounds {
            type Flavour = #root::__private::Manual;

            fn flavour(&self) -> #root::__private::Manual {
                ::core::unreachable!()
            }

            fn run(&self) -> impl #root::Run<#root::PayloadOf<Self>> {
                async {}
            }
        }
    }
}

fn of_function(root: &TokenStream, function: &ItemFn) -> TokenStream {
    let (name, visibility) = (&function.sig.ident, &function.vis);
    quote! {
        #visibility fn #name() -> impl #root::__private::Described<Flavour = #root::__private::Manual> {
            #[allow(dead_code)]
            #function

            struct Function;

            #[automatically_derived]
            impl #root::__private::Described for Function {
                type Flavour = #root::__private::Manual;

                fn flavour() -> #root::__private::Manual {
                    ::core::unreachable!()
                }

                fn settings() -> #root::Settings {
                    #root::Settings::new()
                }

                fn run() -> impl #root::Run<<#root::__private::Manual as #root::Key>::Payload> {
                    async {}
                }
            }

            Function
        }
    }
}
