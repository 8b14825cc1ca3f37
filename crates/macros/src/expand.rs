//! The code that the attribute writes.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ImplItem, ImplItemFn, Item, ItemFn, ItemImpl, Result, Signature};

use crate::options::Options;
use crate::refused;

pub(crate) fn service(options: TokenStream, item: TokenStream, root: &str) -> TokenStream {
    let expanded = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => of_impl(options.clone(), &block, root),
        Ok(Item::Fn(function)) => of_function(options.clone(), &function, root),
        Ok(other) => Err(Error::new(
            other.span(),
            "`service` stands on an `impl` block with a `run`, or on a free function",
        )),
        Err(error) => Err(error),
    };
    expanded.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        let item = refused::stand_in(&options, item, root);
        quote!(#error #item)
    })
}

fn root_of(options: &Options, root: &str) -> TokenStream {
    match &options.root {
        Some(path) => quote!(#path),
        None => {
            let root = format_ident!("{root}");
            quote!(::#root)
        }
    }
}

fn of_impl(options: TokenStream, block: &ItemImpl, root: &str) -> Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new(
            path.span(),
            "`service` stands on the type's own `impl` block: it implements `Service` itself",
        ));
    }
    if let Some(span) = options.linked {
        return Err(Error::new(
            span,
            "only free functions can be `linked`: nobody could make the value of a type",
        ));
    }
    let run = block.items.iter().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "run" => Some(function),
        _ => None,
    });
    let Some(run) = run else {
        return Err(Error::new(
            block.self_ty.span(),
            "a service needs a `run`: `async fn run(&self)`, or a plain `fn run(&self)` on a flavour of threads",
        ));
    };
    let is_owned = check_run(run)?;
    let root = root_of(&options, root);
    let (key, flavour) = options.flavour()?;
    let settings = options.settings(&root)?;
    let (generics, _, bounds) = block.generics.split_for_impl();
    let service = &block.self_ty;
    // The compiler's complaints about the return type belong here.
    let call = quote_spanned!(run.sig.ident.span()=> Self::run(self));
    let (definition, this) = match is_owned {
        true => (quote!(OwnedService), quote!(self)),
        false => (quote!(Service), quote!(&self)),
    };
    Ok(quote! {
        #block

        #[automatically_derived]
        impl #generics #root::#definition for #service #bounds {
            type Flavour = #key;

            fn flavour(&self) -> #key {
                #flavour
            }

            fn settings(&self) -> #root::Settings {
                #settings
            }

            fn run(#this) -> impl #root::Run<<#key as #root::Key>::Payload> {
                #call
            }
        }
    })
}

/// Checks that `run` takes `&self` or `self` and nothing else; whether it takes its value.
fn check_run(run: &ImplItemFn) -> Result<bool> {
    let mut inputs = run.sig.inputs.iter();
    let is_owned = match inputs.next() {
        Some(FnArg::Receiver(this)) if this.colon_token.is_none() => match &this.reference {
            None => true,
            Some(_) if this.mutability.is_none() => false,
            Some(_) => {
                return Err(Error::new(
                    this.span(),
                    "the `run` of a service takes `&self`, as the same value may run again, or `self`, and then it runs once",
                ));
            }
        },
        Some(FnArg::Receiver(this)) => {
            return Err(Error::new(
                this.span(),
                "the `run` of a service takes `&self`, or `self` to run once",
            ));
        }
        _ => {
            return Err(Error::new(
                run.sig.span(),
                "the `run` of a service takes `&self`; a service without a value is a free function",
            ));
        }
    };
    if let Some(argument) = inputs.next() {
        return Err(Error::new(
            argument.span(),
            "the `run` of a service takes nothing but `&self`: what it works with stands in its type",
        ));
    }
    check_signature(&run.sig)?;
    Ok(is_owned)
}

fn check_signature(signature: &Signature) -> Result<()> {
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "what a service runs has no parameters of its own: nobody would choose them",
        ));
    }
    if let Some(unsafety) = &signature.unsafety {
        return Err(Error::new(
            unsafety.span(),
            "what a service runs is not `unsafe`",
        ));
    }
    Ok(())
}

fn of_function(options: TokenStream, function: &ItemFn, root: &str) -> Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    if let Some(argument) = function.sig.inputs.first() {
        let text = match argument {
            FnArg::Receiver(_) => "`service` stands on the whole `impl` block, not on its `run`",
            FnArg::Typed(_) => {
                "a function that is a service takes nothing: for one with values use a type"
            }
        };
        return Err(Error::new(argument.span(), text));
    }
    check_signature(&function.sig)?;
    let root = root_of(&options, root);
    let (key, flavour) = options.flavour()?;
    let settings = options.settings(&root)?;
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let (documentation, others): (Vec<_>, Vec<_>) = function.attrs.iter().partition(|attribute| {
        attribute.path().is_ident("doc") || attribute.path().is_ident("cfg")
    });
    let (signature, body) = (&function.sig, &function.block);
    let call = quote_spanned!(name.span()=> #name());
    let linked = options.linked.map(|_| {
        let place = quote!(::core::concat!(
            ::core::module_path!(),
            "::",
            ::core::stringify!(#name)
        ));
        quote_spanned! {Span::call_site()=>
            #root::__private::inventory::submit! {
                #root::LinkedService::new(|runtime| runtime.serve(#name).map(|_| ()), #place)
            }
        }
    });
    Ok(quote! {
        #(#documentation)*
        #visibility fn #name() -> impl #root::__private::Described<Flavour = #key> {
            struct Function;

            #[automatically_derived]
            impl #root::__private::Described for Function {
                type Flavour = #key;

                fn flavour() -> #key {
                    #flavour
                }

                fn settings() -> #root::Settings {
                    #settings
                }

                fn run() -> impl #root::Run<<#key as #root::Key>::Payload> {
                    #(#others)*
                    #signature #body

                    #call
                }
            }

            Function
        }

        #linked
    })
}
