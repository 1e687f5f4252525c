//! Where the tables are kept.

use std::fs;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const BEGIN: &str = "<!-- peers: written by `cargo bench -p larder-peers -- --write` -->\n";
const END: &str = "<!-- peers: end -->";

/// Puts a text between the two marks.
pub(crate) fn replace(text: &str) {
    let readme = fs::read_to_string(FILE).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("the mark of the beginning");
    let (_, after) = rest.split_once(END).expect("the mark of the end");
    fs::write(FILE, format!("{before}{BEGIN}\n{text}\n{END}{after}")).expect("the README");
    println!("written to benches/README.md");
}
