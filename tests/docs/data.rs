//! Blocks of data on pages: each must be what it says.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::{
    page::{Block, Page},
    testbed::{INSTALL_HINT, project},
};

/// Blocks that don't parse.
pub(crate) fn faults(pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for (page, block) in all(pages) {
        let text = block.text();
        let fault = match block.kind.as_str() {
            "json" => serde_json::from_str::<serde_json::Value>(&text)
                .err()
                .map(|e| e.to_string()),
            "toml" => text.parse::<toml::Table>().err().map(|e| e.to_string()),
            "xml" => roxmltree::Document::parse(&text).err().map(|e| e.to_string()),
            _ => None,
        };
        faults.extend(fault.map(|fault| format!("{}: {fault}", page.at(block.line))));
    }
    faults.extend(yaml_faults(pages));
    faults
}

fn all(pages: &[Page]) -> impl Iterator<Item = (&Page, &Block)> {
    pages
        .iter()
        .flat_map(|page| page.blocks.iter().map(move |block| (page, block)))
}

/// YAML is read by the parser that nearly everybody has, in one process for all blocks.
fn yaml_faults(pages: &[Page]) -> Vec<String> {
    let blocks: Vec<(String, String)> = all(pages)
        .filter(|(_, block)| block.kind == "yaml")
        .map(|(page, block)| (page.at(block.line), block.text()))
        .collect();
    let program = "import json, sys, yaml
for at, text in json.load(sys.stdin):
    try:
        list(yaml.safe_load_all(text))
    except yaml.YAMLError as fault:
        print(json.dumps(f'{at}: {fault}'))
";
    let python = project().join(".testbed/localstack/bin/python");
    let mut child = Command::new(&python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL_HINT}", python.display()));
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(serde_json::to_string(&blocks).unwrap().as_bytes())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "no YAML parser: {INSTALL_HINT}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_does_not_parse_is_a_fault() {
    let text = "```json\n{\n```\n```yaml\na: [\n```\n```toml\na = \n```\n```xml\n<a>\n```\n```yaml\na: [1]\n```\n";
    let faults = faults(&[Page::parse("x.md".into(), text)]);
    let lines: Vec<_> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
    assert_eq!(lines, ["x.md:1", "x.md:7", "x.md:10", "x.md:4"]);
}
