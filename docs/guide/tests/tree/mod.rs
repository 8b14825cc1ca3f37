//! The tree of the repository, for the tests that look at all of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// All files below a folder whose names end so, except those that a build makes.
pub(crate) fn files(folder: &Path, ending: &str, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", ".git", "artifacts", "book"].contains(&&*name) {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.insert(path);
        }
    }
}
