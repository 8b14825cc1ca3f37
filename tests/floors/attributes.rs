//! What attributes say: what is there for tests alone, and where a module's file is.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Meta, Token};

/// Whether what has these attributes is there for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    let needs_test =
        |attribute: &Attribute| attribute.parse_args().is_ok_and(|cfg| needs_test(&cfg));
    attributes.iter().filter(is_cfg).any(needs_test)
}

/// Whether a condition cannot hold outside of tests.
pub fn needs_test(condition: &Meta) -> bool {
    let parts = || match condition {
        Meta::List(list) => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .ok(),
        _ => None,
    };
    if condition.path().is_ident("all") {
        return parts().is_some_and(|parts| parts.iter().any(needs_test));
    }
    if condition.path().is_ident("any") {
        return parts().is_some_and(|parts| !parts.is_empty() && parts.iter().all(needs_test));
    }
    // The fuzzer runs what tests run.
    condition.path().is_ident("test") || condition.path().is_ident("fuzzing")
}

/// The files that `#[path = …]` and `#[cfg_attr(…, path = …)]` name.
pub fn paths_of(attributes: &[Attribute]) -> Vec<String> {
    fn add(meta: &Meta, paths: &mut Vec<String>) {
        match meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => {
                if let Expr::Lit(literal) = &pair.value
                    && let syn::Lit::Str(text) = &literal.lit
                {
                    paths.push(text.value());
                }
            }
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
                for part in parts.into_iter().flatten().skip(1) {
                    add(&part, paths);
                }
            }
            _ => {}
        }
    }
    let mut paths = Vec::new();
    for attribute in attributes {
        add(&attribute.meta, &mut paths);
    }
    paths
}

/// The attributes of an expression that may be a statement by itself.
pub fn attributes_of(expr: &Expr) -> &[Attribute] {
    match expr {
        Expr::Assign(expr) => &expr.attrs,
        Expr::Await(expr) => &expr.attrs,
        Expr::Block(expr) => &expr.attrs,
        Expr::Call(expr) => &expr.attrs,
        Expr::ForLoop(expr) => &expr.attrs,
        Expr::If(expr) => &expr.attrs,
        Expr::Loop(expr) => &expr.attrs,
        Expr::Macro(expr) => &expr.attrs,
        Expr::Match(expr) => &expr.attrs,
        Expr::MethodCall(expr) => &expr.attrs,
        Expr::Return(expr) => &expr.attrs,
        Expr::Try(expr) => &expr.attrs,
        Expr::Unsafe(expr) => &expr.attrs,
        Expr::While(expr) => &expr.attrs,
        _ => &[],
    }
}
