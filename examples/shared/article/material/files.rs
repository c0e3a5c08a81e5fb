//! The documentation files of crates: READMEs, `docs/`, and the `//!` lines of the library's root.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Passage;
use super::metadata::Package;
use super::passages::split;

/// Files read in one search.
const MAX_FILES: usize = 4_000;
/// Of one crate, files read: a crate with a book in `docs/` must not take the whole budget.
const MAX_FILES_PER_PACKAGE: usize = 60;
/// A larger file is not prose.
const MAX_FILE_BYTES: u64 = 512 * 1024;
/// Bytes read in one search.
const MAX_TOTAL_BYTES: usize = 32 * 1024 * 1024;
/// Passages kept in one search.
const MAX_PASSAGES: usize = 50_000;
/// Folders below `docs/` that are entered.
const MAX_DEPTH: usize = 4;

/// The passages of all packages' documentation. What cannot be read is left out: one odd file of one crate is no
/// reason to have no article.
pub(super) fn passages(packages: &[Package]) -> Vec<Passage> {
    let (mut files, mut bytes) = (0, 0);
    let mut found = Vec::new();
    // Many crates repeat their README in their root module.
    let mut seen = HashSet::new();
    for package in packages {
        for (name, text) in package_files(package) {
            files += 1;
            bytes += text.len();
            if files > MAX_FILES || bytes > MAX_TOTAL_BYTES {
                return found;
            }
            for piece in split(&text) {
                if found.len() == MAX_PASSAGES {
                    return found;
                }
                if seen.insert(piece.text.clone()) {
                    found.push(Passage {
                        package: package.name.clone(),
                        version: package.version.clone(),
                        file: name.clone(),
                        heading: piece.heading,
                        text: piece.text,
                    });
                }
            }
        }
    }
    found
}

/// A package's documentation files, by their names inside the package and as Markdown.
fn package_files(package: &Package) -> Vec<(String, String)> {
    let Some(root) = package.manifest_path.parent() else { return Vec::new() };
    let mut paths = entries(root);
    paths.retain(|path| is_readme(path));
    collect_markdown(&root.join("docs"), 0, &mut paths);
    paths.truncate(MAX_FILES_PER_PACKAGE);
    let mut files: Vec<(String, String)> =
        paths.iter().filter_map(|path| Some((name_in(root, path), read(path)?))).collect();
    if let Some(library) = package.library_root()
        && let Some(source) = read(library)
    {
        files.push((name_in(root, library), inner_docs(&source)));
    }
    files
}

fn is_readme(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.starts_with("readme") && (name.ends_with(".md") || name.ends_with(".txt") || !name.contains('.'))
}

fn collect_markdown(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if into.len() >= MAX_FILES_PER_PACKAGE {
            return;
        }
        // A link may lead out of the crate or round in circles, so none is followed.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() && depth < MAX_DEPTH {
            collect_markdown(&path, depth + 1, into);
        } else if path.extension().is_some_and(|extension| extension == "md") && !is_changelog(&path) {
            into.push(path);
        }
    }
}

/// A list of changes says what was wrong, not what is.
fn is_changelog(path: &Path) -> bool {
    let name = path.file_stem().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    ["changelog", "changes", "history", "releases"].contains(&name.as_str())
}

/// A folder's entries in the order of their names, so that the same tree gives the same material.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Option<String> {
    let length = fs::metadata(path).ok()?.len();
    if length > MAX_FILE_BYTES {
        return None;
    }
    fs::read_to_string(path).ok()
}

fn name_in(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The text of the `//!` lines at the head of a source file.
fn inner_docs(source: &str) -> String {
    let mut text = String::new();
    for line in source.lines().filter_map(|line| line.trim_start().strip_prefix("//!")) {
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_of_a_root_module_lose_their_marks_and_keep_their_lines() {
        let source = "// Copyright\n//! # Title\n//!\n//!  indented\nmod a; // not //! this\n";
        assert_eq!(inner_docs(source), "# Title\n\n indented\n");
    }

    #[test]
    fn only_readmes_that_are_prose_are_read() {
        for (name, expected) in [
            ("README.md", true),
            ("Readme", true),
            ("readme.txt", true),
            ("README.png", false),
            ("LICENSE", false),
        ] {
            assert_eq!(is_readme(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn docs_are_read_without_changelogs() {
        let folder = tempfile::tempdir().unwrap();
        let docs = folder.path().join("docs/guide");
        fs::create_dir_all(&docs).unwrap();
        for name in ["intro.md", "CHANGELOG.md", "picture.svg"] {
            fs::write(docs.join(name), "text").unwrap();
        }
        let mut found = Vec::new();
        collect_markdown(folder.path(), 0, &mut found);
        assert_eq!(found, [docs.join("intro.md")]);
    }
}
