//! The options in the attribute's brackets.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token, Type};

const KNOWN: &str = "`flavour`, `key`, `name`, `restart`, `after`, `notifies_ready`, \
    `return_is_failure`, `may_fail`, `startable`, `restart_on_reload`, `requires`, `part_of`, `start_timeout`, `stop_time`, `linked`, `crate`";

/// The options as given.
#[derive(Default)]
pub(crate) struct Options {
    flavour: Option<Expr>,
    key: Option<Type>,
    name: Option<Expr>,
    restart: Option<Expr>,
    after: Vec<LitStr>,
    notifies_ready: bool,
    return_is_failure: bool,
    may_fail: bool,
    startable: bool,
    restart_on_reload: bool,
    requires: Vec<LitStr>,
    part_of: Vec<LitStr>,
    start_timeout: Option<Expr>,
    stop_time: Option<Expr>,
    pub(crate) linked: Option<Span>,
    pub(crate) root: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let option = input.call(Ident::parse_any)?;
            if seen.contains(&option) {
                return Err(Error::new(
                    option.span(),
                    format!("`{option}` is said twice"),
                ));
            }
            options.parse_one(&option, input)?;
            seen.push(option);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

impl Options {
    fn parse_one(&mut self, option: &Ident, input: ParseStream<'_>) -> Result<()> {
        match option.to_string().as_str() {
            "notifies_ready" => self.notifies_ready = true,
            "return_is_failure" => self.return_is_failure = true,
            "may_fail" => self.may_fail = true,
            "startable" => self.startable = true,
            "restart_on_reload" => self.restart_on_reload = true,
            "linked" => self.linked = Some(option.span()),
            known @ ("flavour" | "key" | "name" | "restart" | "after" | "requires" | "part_of"
            | "start_timeout" | "stop_time" | "crate") => {
                if !input.peek(Token![=]) {
                    let text = format!("`{known}` needs a value: `{known} = …`");
                    return Err(Error::new(option.span(), text));
                }
                input.parse::<Token![=]>()?;
                match known {
                    "flavour" => self.flavour = Some(input.parse()?),
                    "key" => self.key = Some(input.parse()?),
                    "name" => self.name = Some(name(input)?),
                    "restart" => self.restart = Some(input.parse()?),
                    "after" => self.after = names(input)?,
                    "requires" => self.requires = names(input)?,
                    "part_of" => self.part_of = names(input)?,
                    "start_timeout" => self.start_timeout = Some(input.parse()?),
                    "stop_time" => self.stop_time = Some(input.parse()?),
                    _ => self.root = Some(input.call(Path::parse_mod_style)?),
                }
            }
            unknown => {
                let text = format!("a service has no option `{unknown}`: there are {KNOWN}");
                return Err(Error::new(option.span(), text));
            }
        }
        Ok(())
    }

    /// The key's type and the expression for the key.
    pub(crate) fn flavour(&self) -> Result<(TokenStream, &Expr)> {
        let Some(flavour) = &self.flavour else {
            return Err(Error::new(
                Span::call_site(),
                "a service needs a flavour: `#[service(flavour = Smol)]`",
            ));
        };
        if let Some(key) = &self.key {
            return Ok((key.to_token_stream(), flavour));
        }
        match type_of(flavour) {
            Some(key) => Ok((key, flavour)),
            None => Err(Error::new(
                flavour.span(),
                "the type of this flavour's key cannot be seen here: add it, as in \
                 `flavour = IO, key = Instance<Smol>`",
            )),
        }
    }

    /// The expression for the settings.
    pub(crate) fn settings(&self, root: &TokenStream) -> Result<TokenStream> {
        let mut settings = quote!(#root::Settings::new());
        if let Some(name) = &self.name {
            settings.extend(quote!(.name(#name)));
        }
        if let Some(restart) = &self.restart {
            let restart = restart_of(restart, root)?;
            settings.extend(quote!(.restart(#restart)));
        }
        for other in &self.after {
            settings.extend(quote!(.after(#other)));
        }
        for other in &self.requires {
            settings.extend(quote!(.requires(#other)));
        }
        for whole in &self.part_of {
            settings.extend(quote!(.part_of(#whole)));
        }
        if self.may_fail {
            settings.extend(quote!(.may_fail()));
        }
        if self.startable {
            settings.extend(quote!(.startable()));
        }
        if self.restart_on_reload {
            settings.extend(quote!(.restart_on_reload()));
        }
        if self.notifies_ready {
            settings.extend(quote!(.notifies_ready()));
        }
        if self.return_is_failure {
            settings.extend(quote!(.return_is_failure()));
        }
        if let Some(time) = &self.start_timeout {
            settings.extend(quote!(.start_timeout(#time)));
        }
        if let Some(time) = &self.stop_time {
            settings.extend(quote!(.stop_time(#time)));
        }
        Ok(settings)
    }
}

/// A name. An empty literal is an error; other expressions cannot be checked here.
fn name(input: ParseStream<'_>) -> Result<Expr> {
    let name: Expr = input.parse()?;
    let is_empty = matches!(
        &name,
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().is_empty()
    );
    match is_empty {
        true => Err(Error::new(
            name.span(),
            "the name of a service is not empty: without `name` it comes from the type or the function",
        )),
        false => Ok(name),
    }
}

/// One name, or several in brackets.
fn names(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    if input.peek(LitStr) {
        return Ok(vec![input.parse()?]);
    }
    if !input.peek(syn::token::Bracket) {
        return Err(input.error("what a service comes after are names: `after = [\"database\"]`"));
    }
    let content;
    syn::bracketed!(content in input);
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(names.into_iter().collect())
}

fn restart_of(restart: &Expr, root: &TokenStream) -> Result<TokenStream> {
    let Expr::Lit(literal) = restart else {
        return Ok(restart.to_token_stream());
    };
    let span = literal.span();
    if let Lit::Str(text) = &literal.lit {
        match text.value().as_str() {
            "never" => return Ok(quote_spanned!(span=> #root::Restart::never())),
            "on-failure" => return Ok(quote_spanned!(span=> #root::Restart::on_failure())),
            "always" => return Ok(quote_spanned!(span=> #root::Restart::always())),
            _ => {}
        }
    }
    Err(Error::new(
        span,
        "`restart` is \"never\", \"on-failure\", \"always\", or an expression such as \
         `Restart::on_failure().limit(5, MINUTE)`",
    ))
}

/// The type of a key, if its expression shows it: `Smol` is both, and `Pool::new().size(2)` begins with it.
fn type_of(flavour: &Expr) -> Option<TokenStream> {
    match flavour {
        Expr::Path(path) => {
            let name = path.path.segments.last()?.ident.to_string();
            // A constant's name is not a type's.
            let is_constant = name.len() > 1 && !name.chars().any(char::is_lowercase);
            (!is_constant).then(|| path.to_token_stream())
        }
        Expr::MethodCall(call) => type_of(&call.receiver),
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return None;
            };
            // The path before the last segment, which is the function's name.
            let behind = path.path.segments.len().checked_sub(1)?;
            let segments: Vec<_> = path.path.segments.iter().take(behind).collect();
            let name = &segments.last()?.ident;
            let is_type = name.to_string().starts_with(char::is_uppercase);
            // The expression does not name the type inside an instance.
            if !is_type || name == "Instance" {
                return None;
            }
            let leading = &path.path.leading_colon;
            Some(quote!(#leading #(#segments)::*))
        }
        Expr::Struct(value) => Some(value.path.to_token_stream()),
        _ => None,
    }
}
