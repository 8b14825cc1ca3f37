//! One source file: its modules, what each defines and imports, and every path in its code.
//!
//! The file is parsed, so comments, doc comments and string literals are no names. What is there for tests alone is
//! left out. The arguments of macros are read by `tokens`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Stmt, TraitItem, UseTree, Visibility};

use super::attributes::{attributes_of, is_for_tests, paths_of};

/// A module: a whole file, or one with braces inside a file.
#[derive(Debug, Default)]
pub struct Scope {
    pub imports: Vec<Import>,
    /// What is defined here, and whether it is a trait.
    pub items: BTreeMap<String, bool>,
    /// Macros that are known in the whole crate.
    pub exported: BTreeSet<String>,
    /// Paths in code, of two names at least.
    pub paths: Vec<Named>,
    /// Names by themselves in code, each with its first line: of types, and of functions and macros that are called.
    pub words: BTreeMap<String, usize>,
    pub inline: Vec<(String, Scope)>,
    /// Modules with files of their own.
    pub declared: Vec<Declared>,
}

/// A path and the line that it starts in.
#[derive(Debug, Clone)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
}

#[derive(Debug)]
pub struct Import {
    pub named: Named,
    pub binds: Binds,
    /// `pub`, or `pub(…)` of any kind.
    pub is_passed_on: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Binds {
    Name(String),
    Nothing,
    Everything,
}

/// `mod name;`
#[derive(Debug)]
pub struct Declared {
    pub name: String,
    pub line: usize,
    /// Where `path` attributes say that it is.
    pub paths: Vec<String>,
    pub is_for_tests: bool,
}

/// Reads a file. The error has the line and what is wrong.
pub fn read(text: &str) -> Result<Scope, (usize, String)> {
    let wrong = |error: syn::Error| (line(error.span()), error.to_string());
    let file = syn::parse_file(text).map_err(wrong)?;
    let mut reader = Reader::default();
    if !is_for_tests(&file.attrs) {
        reader.visit_file(&file);
    }
    Ok(reader.scope)
}

/// The line that something begins in.
pub fn line(span: Span) -> usize {
    span.start().line
}

/// Fills the scope of the module that it is in.
#[derive(Debug, Default)]
pub struct Reader {
    scope: Scope,
}

impl Reader {
    fn item(&mut self, name: &Ident, is_trait: bool) {
        self.scope.items.insert(name.to_string(), is_trait);
    }

    pub fn word(&mut self, name: &str, line: usize) {
        self.scope.words.entry(name.to_owned()).or_insert(line);
    }

    pub fn path(&mut self, path: Vec<String>, line: usize) {
        match &path[..] {
            // A variable has such a name as well; a call is seen where it stands.
            [name] if !name.starts_with(char::is_uppercase) => {}
            [name] => self.word(name, line),
            _ => {
                self.word(&path[0], line);
                self.scope.paths.push(Named { path, line });
            }
        }
    }

    /// The leaves of `use` trees.
    fn imports(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        let joined = |name: &Ident| [before, &[name.to_string()]].concat();
        // `self` inside of braces is what stands before them.
        let leaf = |name: &Ident| match name == "self" && !before.is_empty() {
            true => before.to_vec(),
            false => joined(name),
        };
        let (path, binds, at) = match tree {
            UseTree::Path(tree) => {
                return self.imports(&tree.tree, &joined(&tree.ident), is_passed_on);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.imports(tree, before, is_passed_on);
                }
                return;
            }
            UseTree::Name(name) => {
                let path = leaf(&name.ident);
                let binds = path.last().cloned().map_or(Binds::Nothing, Binds::Name);
                (path, binds, name.ident.span())
            }
            UseTree::Rename(tree) if tree.rename == "_" => {
                (leaf(&tree.ident), Binds::Nothing, tree.ident.span())
            }
            UseTree::Rename(tree) => {
                let binds = Binds::Name(tree.rename.to_string());
                (leaf(&tree.ident), binds, tree.ident.span())
            }
            UseTree::Glob(glob) => (before.to_vec(), Binds::Everything, glob.star_token.spans[0]),
        };
        self.scope.imports.push(Import {
            named: Named {
                path,
                line: line(at),
            },
            binds,
            is_passed_on,
        });
    }

    pub fn import(&mut self, item: &syn::ItemUse) {
        // `::name` is another crate.
        if item.leading_colon.is_none() {
            let is_passed_on = !matches!(item.vis, Visibility::Inherited);
            self.imports(&item.tree, &[], is_passed_on);
        }
    }

    pub fn meta(&mut self, meta: &Meta) {
        self.visit_path(meta.path());
        if let Meta::List(list) = meta {
            self.tokens(list.tokens.clone());
        }
    }
}

impl Visit<'_> for Reader {
    fn visit_item(&mut self, item: &Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::ExternCrate(item) => (None, &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::ForeignMod(item) => (None, &item.attrs),
            Item::Impl(item) => (None, &item.attrs),
            Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
            Item::Mod(item) => return self.visit_item_mod(item),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::TraitAlias(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Union(item) => (Some(&item.ident), &item.attrs),
            Item::Use(item) => (None, &item.attrs),
            Item::Verbatim(tokens) => return self.tokens(tokens.clone()),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.item(name, matches!(item, Item::Trait(_) | Item::TraitAlias(_)));
            if attributes
                .iter()
                .any(|attribute| attribute.path().is_ident("macro_export"))
            {
                self.scope.exported.insert(name.to_string());
            }
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        match &item.content {
            Some((_, items)) if !is_for_tests(&item.attrs) => {
                let mut inner = Reader::default();
                items.iter().for_each(|item| inner.visit_item(item));
                self.scope.inline.push((name, inner.scope));
            }
            Some(_) => {}
            None => self.scope.declared.push(Declared {
                name,
                line: line(item.ident.span()),
                paths: paths_of(&item.attrs),
                is_for_tests: is_for_tests(&item.attrs),
            }),
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.import(item);
    }

    fn visit_stmt(&mut self, stmt: &Stmt) {
        let attributes = match stmt {
            Stmt::Local(local) => &local.attrs[..],
            Stmt::Macro(call) => &call.attrs,
            Stmt::Expr(expr, _) => attributes_of(expr),
            Stmt::Item(_) => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_stmt(self, stmt);
        }
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs[..],
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &syn::Variant) {
        if !is_for_tests(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_field_value(&mut self, field: &syn::FieldValue) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_arm(&mut self, arm: &syn::Arm) {
        if !is_for_tests(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    /// `pub(in crate::x)` is no import.
    fn visit_visibility(&mut self, _: &Visibility) {}

    fn visit_attribute(&mut self, attribute: &Attribute) {
        self.meta(&attribute.meta);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        if let (None, Some(first)) = (&path.leading_colon, path.segments.first()) {
            let names = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string());
            self.path(names.collect(), line(first.ident.span()));
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        if let Expr::Path(function) = &*call.func
            && let Some(name) = function.path.get_ident()
        {
            self.word(&name.to_string(), line(name.span()));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        if let Some(name) = call.path.get_ident() {
            self.word(&name.to_string(), line(name.span()));
        }
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }
}
