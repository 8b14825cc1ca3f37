//! Which file names what of which other file.
//!
//! Paths are followed as the compiler does: `crate`, `self`, `super`, names that an import binds, modules, and
//! re-exports up to the file that defines the item. What a name that comes by `*` is follows from the words in the
//! code; a function that is only handed on under such a name, never called, is not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{House, Id};
use super::source::{Binds, Import, Named, Scope};

/// Sources by the names of their files, below `src`.
pub type Files = BTreeMap<String, String>;

/// Where something is named, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub name: String,
}

#[derive(Debug, Default)]
pub struct Graph {
    /// All files that are no tests.
    pub files: BTreeSet<String>,
    /// From a file to a file; never to itself.
    pub edges: BTreeMap<(String, String), BTreeSet<Place>>,
    /// Steps into a module of a folder's own, from a file outside of that folder: the file, the folder, the place.
    pub inner: BTreeSet<(String, String, Place)>,
    /// What could not be read: file, line, reason.
    pub unread: Vec<(String, usize, String)>,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(Id),
    /// The module that defines it, and whether it is a trait.
    Item(Id, bool),
}

/// A step into a child of a module, and the file in whose words it was made.
struct Step {
    writer: String,
    parent: Id,
}

/// Paths that lead in a circle are given up at this depth.
const DEEP: usize = 24;

/// Reads all files, and follows what they name.
pub fn graph(files: &Files) -> Graph {
    let mut graph = Graph::default();
    let house = House::new(files, &mut graph);
    for id in 0..house.modules.len() {
        house.connect(id, &mut graph);
    }
    graph
}

impl House<'_> {
    /// Follows all that a module names.
    fn connect(&self, id: Id, graph: &mut Graph) {
        let scope = &self.modules[id].scope;
        for import in &scope.imports {
            let mut targets = self.find(id, &import.named, graph);
            if import.is_passed_on {
                // A module that shows what is in its own children names none of it, unless its code does.
                targets.retain(|target| !self.is_below(target, id));
                if let Binds::Name(name) = &import.binds
                    && let Some(line) = scope.words.get(name)
                {
                    let used = Named {
                        path: import.named.path.clone(),
                        line: *line,
                    };
                    let all = self.find(id, &used, graph);
                    self.add(id, &all, &used, graph);
                }
            }
            if import.binds == Binds::Everything {
                // Names come from around it without naming all that is there.
                targets.retain(|target| !self.is_around(target, id));
                self.follow_words(id, &import.named, graph);
            }
            self.add(id, &targets, &import.named, graph);
        }
        for named in &scope.paths {
            let targets = self.find(id, named, graph);
            self.add(id, &targets, named, graph);
        }
    }

    /// The words of a module that come by an import of everything.
    fn follow_words(&self, id: Id, glob: &Named, graph: &mut Graph) {
        let mut quiet = Vec::new();
        for target in self.resolve(id, &glob.path, 0, &mut quiet) {
            let Target::Module(module) = target else {
                continue;
            };
            let own = &self.modules[id].scope;
            let is_own = |word: &String| own.binds(word) || own.items.contains_key(word);
            let words = own.words.iter().filter(|(word, _)| !is_own(word));
            let mut found: Vec<_> = words.map(|(word, line)| (word.clone(), *line)).collect();
            // A trait is used without its name.
            for name in self.modules[module].scope.names() {
                let targets = self.lookup(module, &name, &[], 0, id, &mut quiet);
                if targets
                    .iter()
                    .any(|target| matches!(target, Target::Item(_, true)))
                {
                    found.push((name, glob.line));
                }
            }
            for (word, line) in found {
                let targets = self.lookup(module, &word, &[], 0, id, &mut quiet);
                let path = [&glob.path[..], &[word]].concat();
                self.add(id, &targets, &Named { path, line }, graph);
            }
        }
    }

    /// What a path in a module leads to; notes the steps that it takes into a folder's own modules.
    fn find(&self, id: Id, named: &Named, graph: &mut Graph) -> BTreeSet<Target> {
        let mut steps = Vec::new();
        let targets = self.resolve(id, &named.path, 0, &mut steps);
        let file = &self.modules[id].file;
        for step in steps {
            let parent = &self.modules[step.parent];
            let [folder] = &parent.path[..] else {
                continue;
            };
            if step.writer == *file
                && !file.starts_with(&format!("{folder}/"))
                && parent.file != *file
            {
                let inner = (file.clone(), folder.clone(), place(named));
                graph.inner.insert(inner);
            }
        }
        targets
    }

    fn add(&self, from: Id, targets: &BTreeSet<Target>, named: &Named, graph: &mut Graph) {
        for target in targets {
            let from = self.modules[from].file.clone();
            let to = self.modules[target.module()].file.clone();
            if from != to {
                graph
                    .edges
                    .entry((from, to))
                    .or_default()
                    .insert(place(named));
            }
        }
    }

    fn resolve(
        &self,
        at: Id,
        path: &[String],
        depth: usize,
        steps: &mut Vec<Step>,
    ) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::from([Target::Module(at)]);
        };
        let next = match first.as_str() {
            "crate" => Some(0),
            "self" => Some(at),
            "super" => self.modules[at].parent,
            _ => {
                return self.lookup(at, first, rest, depth + 1, at, steps);
            }
        };
        let Some(next) = next else {
            return BTreeSet::new();
        };
        match rest.split_first() {
            Some((name, rest)) if !matches!(name.as_str(), "super" | "self") => {
                let found = self.lookup(next, name, rest, depth + 1, at, steps);
                // Made by a macro, perhaps.
                let unknown = || BTreeSet::from([Target::Item(next, false)]);
                if found.is_empty() { unknown() } else { found }
            }
            _ => self.resolve(next, rest, depth + 1, steps),
        }
    }

    /// What a name in a module is, with the rest of a path behind it, as somebody inside of `viewer` sees it.
    fn lookup(
        &self,
        at: Id,
        name: &str,
        rest: &[String],
        depth: usize,
        viewer: Id,
        steps: &mut Vec<Step>,
    ) -> BTreeSet<Target> {
        let mut found = BTreeSet::new();
        if depth > DEEP {
            return found;
        }
        let module = &self.modules[at];
        let children = module.children.get(name).map_or(&[][..], Vec::as_slice);
        if !children.is_empty() && (!rest.is_empty() || !module.scope.knows(name)) {
            let writer = self.modules[viewer].file.clone();
            steps.push(Step { writer, parent: at });
        }
        for &child in children {
            match rest.split_first() {
                None => drop(found.insert(Target::Module(child))),
                Some((next, behind)) => {
                    let below = self.lookup(child, next, behind, depth + 1, viewer, steps);
                    let unknown = || BTreeSet::from([Target::Item(child, false)]);
                    found.extend(if below.is_empty() { unknown() } else { below });
                }
            }
        }
        if !children.is_empty() && !rest.is_empty() {
            return found;
        }
        let is_inside = self.is_in(viewer, at);
        let is_seen = |import: &&Import| import.is_passed_on || is_inside;
        for import in module.scope.imports.iter().filter(is_seen) {
            if import.binds != Binds::Name(name.to_owned()) || import.named.path == [name] {
                continue;
            }
            let path = [&import.named.path[..], rest].concat();
            let behind = self.resolve(at, &path, depth + 1, steps);
            // Of another crate: what is passed on is this module's.
            let foreign = || BTreeSet::from([Target::Item(at, false)]);
            found.extend(if behind.is_empty() { foreign() } else { behind });
        }
        if let Some(is_trait) = module.scope.items.get(name) {
            found.insert(Target::Item(at, *is_trait));
        }
        if found.is_empty() {
            let is_glob = |import: &&Import| import.binds == Binds::Everything;
            for glob in module.scope.imports.iter().filter(is_seen).filter(is_glob) {
                for target in self.resolve(at, &glob.named.path, depth + 1, &mut Vec::new()) {
                    if let Target::Module(behind) = target {
                        found.extend(self.lookup(
                            behind,
                            name,
                            rest,
                            depth + 1,
                            at,
                            &mut Vec::new(),
                        ));
                    }
                }
            }
        }
        found
    }

    /// Whether a module is `other` or in it.
    fn is_in(&self, id: Id, other: Id) -> bool {
        self.modules[id].path.starts_with(&self.modules[other].path)
    }

    fn is_below(&self, target: &Target, id: Id) -> bool {
        target.module() != id && self.is_in(target.module(), id)
    }

    fn is_around(&self, target: &Target, id: Id) -> bool {
        matches!(target, Target::Module(module) if self.is_in(id, *module))
    }
}

impl Target {
    fn module(&self) -> Id {
        match *self {
            Self::Module(id) | Self::Item(id, _) => id,
        }
    }
}

impl Scope {
    fn binds(&self, name: &str) -> bool {
        let binds = |import: &Import| import.binds == Binds::Name(name.to_owned());
        self.imports.iter().any(binds)
    }

    fn knows(&self, name: &str) -> bool {
        self.binds(name) || self.items.contains_key(name)
    }

    fn names(&self) -> Vec<String> {
        let bound = self
            .imports
            .iter()
            .filter_map(|import| match &import.binds {
                Binds::Name(name) => Some(name.clone()),
                _ => None,
            });
        bound.chain(self.items.keys().cloned()).collect()
    }
}

fn place(named: &Named) -> Place {
    Place {
        line: named.line,
        name: named.path.join("::"),
    }
}
