//! Names among tokens: in what is handed to a macro, and in the macros themselves.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Meta;

use super::attributes::needs_test;
use super::source::{Reader, line};

impl Reader {
    /// What is handed to a macro, or is one: any tokens.
    pub fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_punct = |at: usize, sign| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
        let is_step = |at| is_punct(at, ':') && is_punct(at + 1, ':');
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => match tokens.get(at + 1) {
                    Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
                        at += 2 + self.attribute_tokens(group.stream(), &tokens[at + 2..]);
                        continue;
                    }
                    _ => {}
                },
                TokenTree::Group(group) => {
                    let is_visibility = at > 0
                        && matches!(&tokens[at - 1], TokenTree::Ident(word) if word == "pub");
                    if !is_visibility {
                        self.tokens(group.stream());
                    }
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = (at..tokens.len()).find(|at| is_punct(*at, ';'));
                    let whole = tokens[at..end.map_or(at, |end| end + 1)].iter().cloned();
                    if let (Some(end), Ok(item)) = (end, syn::parse2(whole.collect())) {
                        self.import(&item);
                        at = end;
                    }
                }
                TokenTree::Ident(word) => {
                    let is_elsewhere = at > 1 && is_step(at - 2);
                    let mut path = vec![word.to_string()];
                    while let (true, Some(TokenTree::Ident(next))) =
                        (is_step(at + 1), tokens.get(at + 3))
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    let is_called = is_punct(at + 1, '!')
                        || matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    if path.len() == 1 && is_called {
                        self.word(&path[0], line(word.span()));
                    }
                    if !is_elsewhere {
                        self.path(path, line(word.span()));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// An attribute among tokens. Returns how many tokens after it are to be skipped, as they are for tests.
    fn attribute_tokens(&mut self, attribute: TokenStream, rest: &[TokenTree]) -> usize {
        let Ok(meta) = syn::parse2::<Meta>(attribute) else {
            return 0;
        };
        match &meta {
            Meta::List(list) if list.path.is_ident("cfg") => {
                if !list.parse_args().is_ok_and(|cfg| needs_test(&cfg)) {
                    return 0;
                }
                let is_end = |token: &TokenTree| match token {
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    _ => false,
                };
                let is_import = rest.iter().take(3).any(|token| token.to_string() == "use");
                let end = rest
                    .iter()
                    .position(|token| is_end(token) && (!is_import || token.to_string() == ";"));
                end.map_or(rest.len(), |end| end + 1)
            }
            _ => {
                self.meta(&meta);
                0
            }
        }
    }
}
