//! The rules that the graph is held to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::graph::{Files, Graph, Place, graph};
use super::{FLAT, FLOORS, SEALED, TOP};

/// Something that the house must not have, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub file: String,
    pub line: usize,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Checks a tree of sources.
pub fn check(files: &Files) -> Vec<Violation> {
    let graph = graph(files);
    let mut found = Found::default();
    for (file, line, wrong) in &graph.unread {
        found.add(file, *line, format!("{wrong}."));
    }
    found.floors(&graph);
    found.upward(&graph);
    found.inner(&graph);
    found.circles_of_files(&graph);
    found.circles_of_folders(&graph);
    found.0.into_iter().collect()
}

/// The folder of a file; all that lie flat are in one.
fn folder(file: &str) -> &str {
    file.split_once('/').map_or(".", |(folder, _)| folder)
}

/// The floor of a file, if it has one.
fn floor(file: &str) -> Option<usize> {
    let name = match folder(file) {
        "." => file.trim_end_matches(".rs"),
        folder => folder,
    };
    FLOORS.iter().position(|floor| *floor == name)
}

#[derive(Default)]
struct Found(BTreeSet<Violation>);

impl Found {
    fn add(&mut self, file: &str, line: usize, text: String) {
        self.0.insert(Violation {
            file: file.to_owned(),
            line,
            text,
        });
    }

    fn floors(&mut self, graph: &Graph) {
        let is_flat = |file: &&String| folder(file) == "." && *file != "lib.rs";
        let flat: Vec<_> = graph.files.iter().filter(is_flat).collect();
        if flat.len() > FLAT {
            for file in &flat {
                let text = format!(
                    "it lies flat in `src`, as one of {} files where {FLAT} may: move it into the folder of its floor.",
                    flat.len()
                );
                self.add(file, 1, text);
            }
        }
        let mut seen = BTreeSet::new();
        for file in &graph.files {
            let folder = folder(file);
            if folder != "." && floor(file).is_none() && seen.insert(folder) {
                let text = format!(
                    "the folder `{folder}` is no floor: move what is in it into one, or add a line to `FLOORS`."
                );
                self.add(file, 1, text);
            }
        }
    }

    fn upward(&mut self, graph: &Graph) {
        for ((from, to), places) in &graph.edges {
            if from == "lib.rs" {
                continue;
            }
            let here = floor(from).map(|floor| FLOORS[floor]);
            let name = here.map_or(format!("`{from}`"), |floor| format!("the floor `{floor}`"));
            let (first, others) = named(places);
            let why = if to == "lib.rs" {
                "which is above all floors".to_owned()
            } else if folder(to) == TOP && folder(from) != TOP {
                format!("but nothing below `{TOP}` leads there")
            } else if floor(from).is_some() && floor(from) < floor(to) {
                format!("which is above {name}")
            } else {
                continue;
            };
            let text = format!(
                "names `{}`, in {to}, {why}{others}: move what is needed down into {name}, or turn the edge round with a trait of it.",
                first.name
            );
            self.add(from, first.line, text);
        }
    }

    fn inner(&mut self, graph: &Graph) {
        for (file, folder, place) in &graph.inner {
            if folder != SEALED {
                continue;
            }
            let text = format!(
                "names `{}`, an inner module of `{folder}`: use what {folder}/mod.rs passes on, or have it pass this on.",
                place.name
            );
            self.add(file, place.line, text);
        }
    }

    fn circles_of_files(&mut self, graph: &Graph) {
        let mut steps: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in graph.edges.keys() {
            // A module and its own children are one.
            if !is_child(from, to) && !is_child(to, from) {
                steps.entry(from).or_default().insert(to);
            }
        }
        for (circle, members) in circles(&steps) {
            let folders: BTreeSet<_> = circle.iter().map(|file| folder(file)).collect();
            let is_inside = folders.len() == 1;
            if is_inside && folders.contains(SEALED) {
                continue;
            }
            let what = match is_inside {
                true => "of files",
                false => "across folders",
            };
            let edges = round(&circle).map(|(from, to)| {
                let places = &graph.edges[&(from.to_owned(), to.to_owned())];
                let first = named(places).0;
                (
                    from,
                    first.line,
                    format!("{from}:{} names `{}`, in {to}", first.line, first.name),
                )
            });
            self.circle(what, members, edges.collect());
        }
    }

    fn circles_of_folders(&mut self, graph: &Graph) {
        let mut steps: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut edges = BTreeMap::new();
        for ((from, to), places) in &graph.edges {
            let (here, there) = (folder(from), folder(to));
            if here != there && from != "lib.rs" && to != "lib.rs" {
                steps.entry(here).or_default().insert(there);
                edges.entry((here, there)).or_insert((from, to, places));
            }
        }
        for (circle, members) in circles(&steps) {
            let edges = round(&circle).map(|edge| {
                let (from, to, places) = edges[&edge];
                let first = named(places).0;
                (
                    from.as_str(),
                    first.line,
                    format!("{from}:{} names `{}`, in {to}", first.line, first.name),
                )
            });
            self.circle("of folders", members, edges.collect());
        }
    }

    /// Tells of a circle where it begins.
    fn circle(&mut self, what: &str, members: usize, edges: Vec<(&str, usize, String)>) {
        let Some(&(file, line, _)) = edges.first() else {
            return;
        };
        let edges: Vec<_> = edges.into_iter().map(|(_, _, edge)| edge).collect();
        let text = format!(
            "begins a circle {what} ({members} reach each other): {}. Move what both sides need into a file below them, or turn an edge round with a trait of the lower one.",
            edges.join("; ")
        );
        self.add(file, line, text);
    }
}

/// Whether a file is that of a module directly inside the other one.
fn is_child(file: &str, other: &str) -> bool {
    let module = |file: &str| {
        let path = file.trim_end_matches(".rs");
        path.trim_end_matches("/mod").to_owned()
    };
    let (child, parent) = (module(file), module(other));
    child
        .rsplit_once('/')
        .is_some_and(|(above, _)| above == parent)
}

/// The first place of an edge, and words for the others.
fn named(places: &BTreeSet<Place>) -> (&Place, String) {
    let first = places.first().expect("an edge has a place");
    let lines: BTreeSet<_> = places.iter().map(|place| place.line).collect();
    let others: Vec<_> = lines.iter().skip(1).map(usize::to_string).collect();
    match others.len() {
        0 => (first, String::new()),
        _ => (first, format!(" (lines {} as well)", others.join(", "))),
    }
}

/// The edges of a circle.
fn round<'a>(circle: &[&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let next = circle.iter().cycle().skip(1);
    let edges: Vec<_> = circle
        .iter()
        .zip(next)
        .map(|(from, to)| (*from, *to))
        .collect();
    edges.into_iter()
}

/// Of each set of nodes that all reach each other the shortest circle through its first one, and how many they are.
fn circles<'a>(steps: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<(Vec<&'a str>, usize)> {
    let mut circles = Vec::new();
    let mut seen = BTreeSet::new();
    for &start in steps.keys() {
        if seen.contains(start) {
            continue;
        }
        let ways = ways(steps, start);
        let returns = |node: &&str| self::ways(steps, node).contains_key(start);
        let members: BTreeSet<_> = ways.keys().copied().filter(returns).collect();
        let leads_back = |node: &&&str| steps.get(**node).is_some_and(|next| next.contains(start));
        let last = members
            .iter()
            .filter(leads_back)
            .min_by_key(|node| ways[**node].len());
        if let Some(last) = last {
            let mut circle = ways[last].clone();
            circle.push(last);
            circles.push((circle, members.len()));
        }
        seen.extend(members);
    }
    circles
}

/// All that can be reached from `start`, each with the nodes on a shortest way there.
fn ways<'a>(
    steps: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    start: &'a str,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut ways = BTreeMap::from([(start, Vec::new())]);
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        let way = [&ways[node][..], &[node]].concat();
        for &next in steps.get(node).into_iter().flatten() {
            if !ways.contains_key(next) {
                ways.insert(next, way.clone());
                open.push_back(next);
            }
        }
    }
    ways
}
