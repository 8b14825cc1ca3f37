//! The modules of a crate: from `lib.rs` on, each with its file.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Files, Graph};
use super::source::{self, Binds, Declared, Import, Named, Scope};

pub type Id = usize;

#[derive(Debug, Default)]
pub struct Module {
    pub file: String,
    /// Its path from the root.
    pub path: Vec<String>,
    pub parent: Option<Id>,
    /// By name; several where a condition chooses between files.
    pub children: BTreeMap<String, Vec<Id>>,
    pub scope: Scope,
}

pub struct House<'a> {
    files: &'a Files,
    pub modules: Vec<Module>,
    /// Files of modules that are for tests, and their folders with a `/` behind them.
    tests: BTreeSet<String>,
}

/// Whether a file has tests alone, or models.
fn is_test_file(file: &str) -> bool {
    file.ends_with("tests.rs")
        || file.split('/').any(|part| part == "tests")
        || file.starts_with("models/")
}

impl<'a> House<'a> {
    /// Reads all files from `lib.rs` on; notes in the graph which, and what is wrong with them.
    pub fn new(files: &'a Files, graph: &mut Graph) -> Self {
        let mut house = Self {
            files,
            modules: Vec::new(),
            tests: BTreeSet::new(),
        };
        house.read("lib.rs", String::new(), Module::default(), graph);
        house.find_lost(graph);
        house
    }

    /// Reads a file, if it is there. Those of its modules are in `folder`.
    fn read(
        &mut self,
        file: &str,
        folder: String,
        module: Module,
        graph: &mut Graph,
    ) -> Option<Id> {
        let text = self.files.get(file)?;
        graph.files.insert(file.to_owned());
        let scope = source::read(text).unwrap_or_else(|(line, wrong)| {
            let wrong = format!("does not parse: {wrong}");
            graph.unread.push((file.to_owned(), line, wrong));
            Scope::default()
        });
        let file = file.to_owned();
        Some(self.enter(Module { file, ..module }, scope, &folder, graph))
    }

    /// Takes a module in, and all below it.
    fn enter(&mut self, module: Module, mut scope: Scope, folder: &str, graph: &mut Graph) -> Id {
        let id = self.modules.len();
        let Module { file, path, .. } = &module;
        let (file, path) = (file.clone(), path.clone());
        let inline = std::mem::take(&mut scope.inline);
        let declared = std::mem::take(&mut scope.declared);
        let exported = std::mem::take(&mut scope.exported);
        self.modules.push(Module { scope, ..module });
        let child = |name: &str| Module {
            file: file.clone(),
            path: [&path[..], &[name.to_owned()]].concat(),
            parent: Some(id),
            ..Module::default()
        };
        // `#[macro_export]` puts a macro into the root, as if it were passed on there.
        for name in exported.into_iter().filter(|_| id != 0) {
            let mut path = child(&name).path;
            path.insert(0, "crate".to_owned());
            self.modules[0].scope.imports.push(Import {
                named: Named { path, line: 1 },
                binds: Binds::Name(name),
                is_passed_on: true,
            });
        }
        for (name, scope) in inline {
            let below = self.enter(child(&name), scope, &format!("{folder}{name}/"), graph);
            self.modules[id]
                .children
                .entry(name)
                .or_default()
                .push(below);
        }
        for Declared {
            name,
            line,
            paths,
            is_for_tests,
        } in declared
        {
            let inner = format!("{folder}{name}/");
            let beside = folder_of(&file).to_owned();
            // A file that an attribute names has those of its own modules beside it.
            let named = paths
                .iter()
                .map(|path| (join(&beside, path), beside.clone()));
            let usual = [format!("{folder}{name}.rs"), format!("{inner}mod.rs")];
            let usual = usual.map(|file| (file, inner.clone()));
            let places: Vec<_> = named.chain(usual).collect();
            if is_for_tests {
                self.tests.extend(places.into_iter().map(|(file, _)| file));
                self.tests.insert(inner);
                continue;
            }
            let mut below = Vec::new();
            for (place, folder) in places {
                below.extend(self.read(&place, folder, child(&name), graph));
            }
            if below.is_empty() {
                let wrong = format!("there is no file for `mod {name}`");
                graph.unread.push((file.clone(), line, wrong));
            }
            self.modules[id]
                .children
                .entry(name)
                .or_default()
                .extend(below);
        }
        id
    }

    /// Files that no module leads to would be left out in silence.
    fn find_lost(&self, graph: &mut Graph) {
        let is_for_tests = |file: &String| {
            let is_below =
                |folder: &String| folder.ends_with('/') && file.starts_with(folder.as_str());
            is_test_file(file) || self.tests.contains(file) || self.tests.iter().any(is_below)
        };
        for file in self.files.keys() {
            if !graph.files.contains(file) && !is_for_tests(file) {
                let wrong = "no `mod` leads to it, so it is not checked".to_owned();
                graph.unread.push((file.clone(), 1, wrong));
            }
        }
    }
}

fn folder_of(file: &str) -> &str {
    file.rfind('/').map_or("", |at| &file[..=at])
}

fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
