//! The shape of the tree: no file is part of a circle, and no two public types share a name.
//!
//! A file uses another where a path in it names something that is defined there. A `mod` line and a re-export (`pub use`)
//! use nothing: they say what a folder is. What a module and those around it use of each other is not counted, and tests
//! are left out.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::visit::Visit;

/// A module by its path from the crate's root, `["store", "upload"]`.
type ModulePath = Vec<String>;

/// What one file says.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// What is defined there, with nothing of its inside.
    items: BTreeSet<String>,
    /// What `use` brings into it: by name, the whole path.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths of which everything is brought into it.
    globs: Vec<Vec<String>>,
    /// Every path that is mentioned in it but for re-exports.
    mentions: BTreeSet<Vec<String>>,
    /// The types and traits that are `pub`.
    public_types: Vec<String>,
}

/// All files of `src`.
struct House {
    modules: BTreeMap<ModulePath, Module>,
}

impl House {
    fn read(src: &Path) -> Self {
        let mut house = Self {
            modules: BTreeMap::new(),
        };
        house.read_folder(src, src);
        house
    }

    fn read_folder(&mut self, folder: &Path, src: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(&path, src);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(src).unwrap();
                let mut module: ModulePath = relative
                    .with_extension("")
                    .iter()
                    .map(|s| s.to_str().unwrap().to_owned())
                    .collect();
                if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
                    module.pop();
                }
                if module.iter().any(|m| m == "tests" || m.ends_with("_tests")) {
                    continue;
                }
                let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                let mut read = Module {
                    file: relative.to_owned(),
                    ..Module::default()
                };
                read.visit_file(&file);
                // `lib.rs` and `main.rs` are both the root; the binary's root only calls
                if relative != Path::new("main.rs") {
                    self.modules.insert(module, read);
                }
            }
        }
    }

    /// The file that defines what this path means in this module, if it is one of ours.
    fn resolve(&self, module: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        if depth > 20 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "pgcoffer" => self.descend(&Vec::new(), rest, depth),
            "self" => self.descend(module, rest, depth),
            "super" => self.descend(&module[..module.len().checked_sub(1)?].to_vec(), rest, depth),
            _ => self.descend(module, path, depth),
        }
    }

    fn descend(&self, at: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        let Some((first, rest)) = path.split_first() else {
            // a module as such defines nothing
            return None;
        };
        if first == "super" {
            return self.descend(&at[..at.len().checked_sub(1)?].to_vec(), rest, depth);
        }
        let module = self.modules.get(at)?;
        let child: ModulePath = at.iter().cloned().chain([first.clone()]).collect();
        if self.modules.contains_key(&child) && !rest.is_empty() {
            return self.descend(&child, rest, depth);
        }
        if module.items.contains(first) {
            return Some(at.clone());
        }
        if let Some(import) = module.imports.get(first) {
            let whole: Vec<String> = import.iter().chain(rest).cloned().collect();
            return self.resolve(at, &whole, depth + 1);
        }
        module.globs.iter().find_map(|glob| {
            let whole: Vec<String> = glob.iter().chain(path).cloned().collect();
            self.resolve(at, &whole, depth + 1)
        })
    }

    /// What each file uses: file by file, with the paths by which it does.
    fn edges(&self) -> BTreeMap<&ModulePath, BTreeMap<ModulePath, Vec<String>>> {
        let mut edges: BTreeMap<&ModulePath, BTreeMap<ModulePath, Vec<String>>> = BTreeMap::new();
        for (path, module) in &self.modules {
            for mention in &module.mentions {
                if let Some(other) = self.resolve(path, mention, 0)
                    && !path.starts_with(&other)
                    && !other.starts_with(path)
                {
                    edges
                        .entry(path)
                        .or_default()
                        .entry(other)
                        .or_default()
                        .push(mention.join("::"));
                }
            }
        }
        edges
    }

    /// Each circle, as lines `file -> file: paths`.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reaches = |from: &ModulePath| {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(at) = todo.pop() {
                for next in edges.get(&at).into_iter().flatten().map(|(to, _)| to) {
                    if seen.insert(next.clone()) {
                        todo.push(next.clone());
                    }
                }
            }
            seen
        };
        let reach: BTreeMap<&ModulePath, BTreeSet<ModulePath>> = self.modules.keys().map(|m| (m, reaches(m))).collect();
        let (mut done, mut circles) = (BTreeSet::new(), Vec::new());
        for (path, reached) in &reach {
            if !reached.contains(*path) || done.contains(path) {
                continue;
            }
            let circle: Vec<&ModulePath> = reach
                .iter()
                .filter(|(m, r)| reached.contains(**m) && r.contains(*path))
                .map(|(m, _)| *m)
                .collect();
            done.extend(circle.iter().copied());
            let mut lines = Vec::new();
            for from in &circle {
                for (to, by) in edges.get(*from).into_iter().flatten() {
                    if circle.contains(&to) {
                        lines.push(format!(
                            "{} -> {}: {}",
                            self.modules[*from].file.display(),
                            self.modules[to].file.display(),
                            by.join(", ")
                        ));
                    }
                }
            }
            circles.push(lines);
        }
        circles
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("cfg") && a.parse_args::<syn::Ident>().is_ok_and(|i| i == "test") || a.path().is_ident("test")
    })
}

impl Module {
    fn import(&mut self, tree: &syn::UseTree, before: &[String], is_mention: bool) {
        let with = |name: &syn::Ident| -> Vec<String> { before.iter().cloned().chain([name.to_string()]).collect() };
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), is_mention),
            syn::UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.import(tree, before, is_mention)),
            syn::UseTree::Glob(_) => self.globs.push(before.to_vec()),
            syn::UseTree::Name(name) => {
                let path = if name.ident == "self" {
                    before.to_vec()
                } else {
                    with(&name.ident)
                };
                if is_mention {
                    self.mentions.insert(path.clone());
                }
                self.imports.insert(path.last().unwrap().clone(), path);
            }
            syn::UseTree::Rename(rename) => {
                let path = if rename.ident == "self" {
                    before.to_vec()
                } else {
                    with(&rename.ident)
                };
                if is_mention {
                    self.mentions.insert(path.clone());
                }
                self.imports.insert(rename.rename.to_string(), path);
            }
        }
    }
    fn mention_in_macro(&mut self, tokens: &proc_macro2::TokenStream) {
        let tokens: Vec<_> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                proc_macro2::TokenTree::Group(group) => {
                    self.mention_in_macro(&group.stream());
                    at += 1;
                }
                proc_macro2::TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    at += 1;
                    while let (
                        Some(proc_macro2::TokenTree::Punct(a)),
                        Some(proc_macro2::TokenTree::Punct(b)),
                        Some(proc_macro2::TokenTree::Ident(next)),
                    ) = (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2))
                    {
                        if a.as_char() != ':' || b.as_char() != ':' {
                            break;
                        }
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.mentions.insert(path);
                    }
                }
                _ => at += 1,
            }
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item;
        let (attributes, name) = match item {
            Item::Const(i) => (&i.attrs, Some(&i.ident)),
            Item::Enum(i) => (&i.attrs, Some(&i.ident)),
            Item::Fn(i) => (&i.attrs, Some(&i.sig.ident)),
            Item::Static(i) => (&i.attrs, Some(&i.ident)),
            Item::Struct(i) => (&i.attrs, Some(&i.ident)),
            Item::Trait(i) => (&i.attrs, Some(&i.ident)),
            Item::Type(i) => (&i.attrs, Some(&i.ident)),
            Item::Macro(i) => (&i.attrs, i.ident.as_ref()),
            Item::Mod(i) => (&i.attrs, i.content.as_ref().map(|_| &i.ident)),
            Item::Impl(i) => (&i.attrs, None),
            Item::Use(i) => (&i.attrs, None),
            _ => return,
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.items.insert(name.to_string());
        }
        let visibility = match item {
            Item::Enum(i) => Some(&i.vis),
            Item::Struct(i) => Some(&i.vis),
            Item::Trait(i) => Some(&i.vis),
            _ => None,
        };
        if let (Some(syn::Visibility::Public(_)), Some(name)) = (visibility, name) {
            self.public_types.push(name.to_string());
        }
        if let Item::Use(used) = item {
            let is_reexport = !matches!(used.vis, syn::Visibility::Inherited);
            self.import(&used.tree, &[], !is_reexport);
            return;
        }
        // inline modules: what is said there is said in this file, and what is defined there is not in its reach
        if let Item::Mod(_) = item {
            return;
        }
        syn::visit::visit_item(self, item);
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let path_names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if path_names.len() > 1 {
            self.mentions.insert(path_names);
        }
        syn::visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.mention_in_macro(&mac.tokens);
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn no_file_is_part_of_a_circle() {
    let circles = House::read(&src()).circles();
    let shown: Vec<String> = circles.iter().map(|circle| circle.join("\n")).collect();
    assert!(circles.is_empty(), "{}", shown.join("\n\n"));
}

/// Each module's own error is called `Error`, as everywhere in Rust.
#[test]
fn no_two_public_types_share_a_name() {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for module in House::read(&src()).modules.values() {
        for name in module.public_types.iter().filter(|name| *name != "Error") {
            found.entry(name.clone()).or_default().push(module.file.clone());
        }
    }
    found.retain(|_, files| files.len() > 1);
    assert!(found.is_empty(), "{found:#?}");
}

/// Three files: one uses what the next defines, each by another kind of path, and the last what the first does.
#[test]
fn a_circle_is_found_by_whichever_path() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "pub mod a; mod b;");
    write("a/mod.rs", "mod one; pub use one::One; pub use crate::b::Two;");
    write("a/one.rs", "use super::Two; pub struct One(Two);");
    write(
        "b.rs",
        "pub struct Two; pub(crate) struct Three; fn f() { assert_eq!(crate::c::g(), 1) }",
    );
    write("c.rs", "pub fn g() -> u8 { 1 }");
    assert!(House::read(folder.path()).circles().is_empty());
    write("c.rs", "use crate::a::One; pub fn g(_: One) -> u8 { 1 }");
    let circles = House::read(folder.path()).circles();
    assert_eq!(circles.len(), 1);
    assert_eq!(circles[0].len(), 3, "{circles:?}");
}
