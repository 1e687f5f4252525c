//! Files stand above what they import. A circle of imports means that none of them can be read, tested or
//! replaced without the others.
//!
//! A file and the folder under it count as one: what a `mod.rs` defines, its files may implement. What a file
//! passes on (`pub use`) is looked for where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{File, Item, UseTree};

use crate::step::Result;

/// Where a file stands in its crate; the root is empty.
type Module = Vec<String>;

/// A crate's files, and what each imports.
#[derive(Default)]
struct Crate(BTreeMap<Module, Vec<Import>>);

/// A path as it is written in a `use`, and what it is called from there on.
struct Import {
    path: Vec<String>,
    name: String,
}

pub(crate) fn layers() -> Result {
    let mut circles = Vec::new();
    for source in sources()? {
        let mut files = Crate::default();
        files.read(Path::new(&source), &Vec::new())?;
        for circle in files.circles() {
            let circle: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            circles.push(format!("{source}: {}", circle.join(" imports ")));
        }
    }
    if circles.is_empty() {
        println!("── layers: ok");
        return Ok(());
    }
    let circles = circles.join("\n  ");
    Err(format!(
        "layers: move below both what both need:\n  {circles}"
    ))
}

fn sources() -> Result<Vec<String>> {
    let crates = fs::read_dir("crates").map_err(|error| format!("crates: {error}"))?;
    let mut sources = vec!["fleet-model/src".to_owned()];
    for entry in crates {
        let entry = entry.map_err(|error| format!("crates: {error}"))?;
        sources.push(format!("crates/{}/src", entry.file_name().display()));
    }
    sources.sort();
    Ok(sources)
}

impl Crate {
    /// Reads a folder whose files stand below `module`.
    fn read(&mut self, folder: &Path, module: &Module) -> Result {
        let failed = |error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let mut own = module.clone();
            if !matches!(&*stem, "lib" | "main" | "mod") {
                own.push(stem.clone().into_owned());
            }
            if stem == "tests" || stem == "bin" {
                continue;
            } else if path.is_dir() {
                self.read(&path, &own)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let failed = |error| format!("{}: {error}", path.display());
                let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
                let file = syn::parse_file(&text).map_err(|error| failed(error.to_string()))?;
                self.0.insert(own, imports(&file));
            }
        }
        Ok(())
    }

    /// Files that import one another in a circle: none of them, or some circles, if not all.
    fn circles(&self) -> Vec<Vec<Module>> {
        let mut search = Search::default();
        for module in self.0.keys() {
            search.go_on_to(module, self);
        }
        search.circles
    }

    /// The files that a file imports, but for those whose folder it is in.
    fn imported_by(&self, module: &Module) -> BTreeSet<Module> {
        let imports = self.0.get(module).into_iter().flatten();
        imports
            .filter_map(|import| self.origin(module, &import.path, PASSED_ON))
            .filter(|origin| !module.starts_with(origin))
            .collect()
    }

    /// The file that defines what a path names, as seen from a file. `None`: it is of another crate.
    fn origin(&self, from: &Module, path: &[String], passed_on: usize) -> Option<Module> {
        let whole = self.absolute(from, path)?;
        let file = (0..=whole.len())
            .rev()
            .filter_map(|length| whole.get(..length))
            .find(|prefix| self.0.contains_key(*prefix))?
            .to_vec();
        let name = whole.get(file.len());
        let again = self
            .0
            .get(&file)?
            .iter()
            .find(|import| Some(&import.name) == name && file != *from && passed_on > 0);
        let elsewhere = again.and_then(|import| self.origin(&file, &import.path, passed_on - 1));
        Some(elsewhere.unwrap_or(file))
    }

    fn absolute(&self, from: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let begin = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            _ => {
                let child = [from.as_slice(), std::slice::from_ref(first)].concat();
                return self
                    .0
                    .contains_key(&child)
                    .then(|| [child.as_slice(), rest].concat());
            }
        };
        match rest.first() {
            Some(next) if next == "super" => self.absolute(&begin, rest),
            _ => Some([begin.as_slice(), rest].concat()),
        }
    }
}

/// Along what is imported, first as deep as that goes.
#[derive(Default)]
struct Search {
    way: Vec<Module>,
    done: BTreeSet<Module>,
    circles: Vec<Vec<Module>>,
}

impl Search {
    fn go_on_to(&mut self, module: &Module, files: &Crate) {
        if let Some(begin) = self.way.iter().position(|before| before == module) {
            let circle = self.way.iter().skip(begin).chain([module]);
            self.circles.push(circle.cloned().collect());
        } else if !self.done.contains(module) {
            self.way.push(module.clone());
            for imported in files.imported_by(module) {
                self.go_on_to(&imported, files);
            }
            self.way.pop();
            self.done.insert(module.clone());
        }
    }
}

/// What passes on what others pass on is followed so far.
const PASSED_ON: usize = 8;

/// What a file imports, its tests apart.
fn imports(file: &File) -> Vec<Import> {
    let mut imports = Vec::new();
    for item in &file.items {
        if let Item::Use(item) = item
            && !item.attrs.iter().any(|of| of.path().is_ident("cfg"))
        {
            flatten(&item.tree, &mut Vec::new(), &mut imports);
        }
    }
    imports
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut import = |last: String, name: String| {
        let (path, name) = match (&*last, before.last()) {
            ("self", Some(module)) => (before.clone(), module.clone()),
            _ => ([before.as_slice(), &[last]].concat(), name),
        };
        imports.push(Import { path, name });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, imports);
            before.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, imports);
            }
        }
        UseTree::Name(name) => import(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(of) => import(of.ident.to_string(), of.rename.to_string()),
        UseTree::Glob(_) => import("*".to_owned(), String::new()),
    }
}
