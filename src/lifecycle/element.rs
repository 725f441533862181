//! XML elements that are compared by their meaning: S3 ignores white space between elements, and the order of elements
//! with different names.

use roxmltree::Node;

/// S3's namespace. Some services omit it.
pub(super) const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// An element with everything inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    pub(super) name: String,
    /// The text of an element without children.
    pub(super) text: String,
    /// The children, sorted.
    children: Vec<Self>,
}

/// An element that S3 documents: its name, its possible children, and whether it can be repeated.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html>
struct Known(&'static str, &'static [Self], bool);

const fn leaf(name: &'static str) -> Known {
    Known(name, &[], false)
}

const TAG: Known = Known("Tag", &[leaf("Key"), leaf("Value")], false);
const LARGER: Known = leaf("ObjectSizeGreaterThan");
const SMALLER: Known = leaf("ObjectSizeLessThan");
const RULE: Known = Known(
    "Rule",
    &[
        leaf("ID"),
        leaf("Prefix"),
        leaf("Status"),
        Known(
            "Filter",
            &[
                leaf("Prefix"),
                TAG,
                LARGER,
                SMALLER,
                Known(
                    "And",
                    &[
                        leaf("Prefix"),
                        Known("Tag", &[leaf("Key"), leaf("Value")], true),
                        LARGER,
                        SMALLER,
                    ],
                    false,
                ),
            ],
            false,
        ),
        Known(
            "Expiration",
            &[leaf("Date"), leaf("Days"), leaf("ExpiredObjectDeleteMarker")],
            false,
        ),
        Known("Transition", &[leaf("Date"), leaf("Days"), leaf("StorageClass")], true),
        Known(
            "NoncurrentVersionTransition",
            &[
                leaf("NoncurrentDays"),
                leaf("NewerNoncurrentVersions"),
                leaf("StorageClass"),
            ],
            true,
        ),
        Known(
            "NoncurrentVersionExpiration",
            &[leaf("NoncurrentDays"), leaf("NewerNoncurrentVersions")],
            false,
        ),
        Known("AbortIncompleteMultipartUpload", &[leaf("DaysAfterInitiation")], false),
    ],
    true,
);

impl Element {
    /// Reads an element and everything below it.
    pub(super) fn read(node: Node<'_, '_>) -> Self {
        let elements = node.children().filter(Node::is_element);
        let mut children: Vec<Self> = elements.map(Self::read).collect();
        children.sort();
        let text = if children.is_empty() {
            node.children().filter_map(|n| n.is_text().then(|| n.text())?).collect()
        } else {
            String::new()
        };
        Self {
            name: node.tag_name().name().to_owned(),
            text,
            children,
        }
    }

    /// The element at a path of names; of several with one name, the first.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        let [first, rest @ ..] = path else {
            return Some(self);
        };
        let found = self.children.iter().find(|child| child.name == *first);
        found?.at(rest)
    }

    /// The text of the element at a path of names.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        Some(&self.at(path)?.text)
    }

    /// The children of this name.
    pub(super) fn named(&self, name: &'static str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// How another element differs, one line a difference: `Filter/Prefix "a/" is missing`.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let (mine, mut theirs) = (self.leaves(), other.leaves());
        let mut differences = Vec::new();
        for leaf in mine {
            match theirs.iter().position(|other| *other == leaf) {
                Some(at) => drop(theirs.remove(at)),
                None => differences.push(format!("{leaf} is missing")),
            }
        }
        differences.extend(theirs.iter().map(|leaf| format!("{leaf} was added")));
        differences
    }

    /// The paths of all elements without children.
    fn leaves(&self) -> Vec<String> {
        if self.children.is_empty() {
            return vec![format!("{} {:?}", self.name, self.text)];
        }
        let inside = self.children.iter().flat_map(Self::leaves);
        if self.name == "Rule" {
            inside.collect()
        } else {
            inside.map(|leaf| format!("{}/{leaf}", self.name)).collect()
        }
    }
}

/// What a rule contains that this version doesn't know, and so can't show or compare.
pub(super) fn unknown_in_rule(rule: Node<'_, '_>) -> Vec<String> {
    unknown(rule, &RULE)
}

fn unknown(node: Node<'_, '_>, known: &Known) -> Vec<String> {
    let name = node.tag_name().name();
    let mut found = foreign(node);
    let elements: Vec<_> = node.children().filter(Node::is_element).collect();
    for child in &elements {
        let word = child.tag_name().name();
        let Some(inside) = known.1.iter().find(|known| known.0 == word) else {
            found.push(format!("the element {word} in {name}"));
            continue;
        };
        let same = elements.iter().filter(|other| other.tag_name().name() == word);
        if !inside.2 && same.count() > 1 {
            found.push(format!("more than one {word} in {name}"));
        }
        found.extend(unknown(*child, inside));
    }
    let beside = node
        .children()
        .any(|n| n.is_text() && n.text().is_some_and(|t| !t.trim().is_empty()));
    if beside && !known.1.is_empty() {
        found.push(format!("text in {name}"));
    }
    found
}

/// Attributes and namespaces that are not part of S3's XML.
pub(super) fn foreign(node: Node<'_, '_>) -> Vec<String> {
    let name = node.tag_name().name();
    let attributes = node.attributes();
    let mut found: Vec<String> = attributes
        .map(|attribute| format!("the attribute {} of {name}", attribute.name()))
        .collect();
    match node.tag_name().namespace() {
        None | Some(NAMESPACE) => {}
        Some(other) => found.push(format!("the element {name} of {other}")),
    }
    found
}

/// Escapes text for XML. Control characters such as carriage returns become character references, as they would be
/// lost.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
