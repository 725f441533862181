use roxmltree::Node;

use super::{PlannedRule, RuleForm, element::Element};
use crate::text::counted;

/// One rule of a lifecycle configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The rule's XML as the service sent it, byte for byte.
    raw: String,
    element: Element,
}

impl Rule {
    /// Reads a rule. `xml` is the text that `node` was parsed from.
    pub(super) fn read(node: Node<'_, '_>, xml: &str) -> Self {
        Self {
            raw: xml[node.range()].to_owned(),
            element: Element::read(node),
        }
    }

    /// The rule for a planned one.
    pub(super) fn of(planned: &PlannedRule, form: RuleForm) -> Self {
        let raw = planned.xml(form);
        let tree = roxmltree::Document::parse(&raw).expect("our own rules are well-formed XML");
        let element = Element::read(tree.root_element());
        Self { raw, element }
    }

    /// The rule's id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.element.text_at(&["ID"]).filter(|id| !id.is_empty())
    }

    /// The rule's XML as the service sent it, byte for byte.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.raw
    }

    /// The rule's name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        self.id()
            .map_or_else(|| "without id".to_owned(), |id| format!("{id:?}"))
    }

    /// Whether a pgcoffer made the rule, this one or another.
    #[must_use]
    pub fn is_of_pgcoffer(&self) -> bool {
        self.id().is_some_and(|id| id.starts_with("pgcoffer-"))
    }

    pub(super) fn is_of_the_old_form(&self) -> bool {
        self.element.at(&["Prefix"]).is_some()
    }

    /// Whether two rules mean the same.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        self.element == other.element
    }

    /// Whether the service applies the rule.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.element.text_at(&["Status"]) == Some("Enabled")
    }

    /// The prefix of the keys that the rule selects; empty for every key.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let places: [&[&str]; 3] = [&["Filter", "Prefix"], &["Filter", "And", "Prefix"], &["Prefix"]];
        let found = places.iter().find_map(|path| self.element.text_at(path));
        found.unwrap_or_default()
    }

    /// The tags and sizes that the rule filters by, in words; empty if it filters by prefix only.
    #[must_use]
    pub fn further_filters(&self) -> String {
        let Some(filter) = self.element.at(&["Filter"]) else {
            return String::new();
        };
        let filter = filter.at(&["And"]).unwrap_or(filter);
        let text = |tag: &Element, name: &str| tag.text_at(&[name]).unwrap_or_default().to_owned();
        let tags = filter
            .named("Tag")
            .map(|tag| format!("tag {}={}", text(tag, "Key"), text(tag, "Value")));
        let size = |name: &str, words: &str| Some(format!("{words} {}", counted(filter.text_at(&[name])?, "byte")));
        let sizes = [
            size("ObjectSizeGreaterThan", "above"),
            size("ObjectSizeLessThan", "below"),
        ];
        tags.chain(sizes.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    }

    /// What the rule does, in words.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        let at = |element: &Element, name: &str| element.text_at(&[name]).map(str::to_owned);
        let when = |element: &Element| match (at(element, "Days"), at(element, "Date")) {
            (Some(days), _) => format!("after {}", counted(days, "day")),
            (None, Some(date)) => format!("on {date}"),
            (None, None) => "at once".to_owned(),
        };
        let class = |element: &Element| at(element, "StorageClass").unwrap_or_default();
        let noncurrent = |element: &Element| {
            let newer =
                at(element, "NewerNoncurrentVersions").map_or_else(String::new, |n| format!(" beyond {n} newer"));
            format!(
                "{}{newer}",
                counted(at(element, "NoncurrentDays").unwrap_or_default(), "day")
            )
        };
        let rule = &self.element;
        let moves = rule
            .named("Transition")
            .map(|t| format!("move to {} {}", class(t), when(t)));
        let expirations = rule
            .named("Expiration")
            .map(|e| match at(e, "ExpiredObjectDeleteMarker") {
                Some(_) if at(e, "Days").is_none() => "delete markers without versions".to_owned(),
                _ => format!("delete {}", when(e)),
            });
        let old_moves = rule.named("NoncurrentVersionTransition");
        let old_moves = old_moves.map(|t| format!("move noncurrent versions to {} after {}", class(t), noncurrent(t)));
        let old = rule.named("NoncurrentVersionExpiration");
        let old = old.map(|e| format!("delete noncurrent versions after {}", noncurrent(e)));
        let aborts = rule.named("AbortIncompleteMultipartUpload");
        let aborts = aborts.map(|a| {
            format!(
                "abort uploads after {}",
                counted(at(a, "DaysAfterInitiation").unwrap_or_default(), "day")
            )
        });
        moves
            .chain(expirations)
            .chain(old_moves)
            .chain(old)
            .chain(aborts)
            .collect()
    }

    /// Whether the rule deletes or moves current objects, and can select objects of ours in `folder`.
    #[must_use]
    pub fn acts_below(&self, folder: &str) -> bool {
        let expiration = self.element.at(&["Expiration"]);
        let deletes = expiration.is_some_and(|e| e.at(&["Days"]).or(e.at(&["Date"])).is_some());
        let moves = self.element.at(&["Transition"]).is_some();
        let prefix = self.prefix();
        let meets = prefix.starts_with(folder) || folder.starts_with(prefix);
        self.is_enabled() && (deletes || moves) && meets && !self.asks_for_a_foreign_tag()
    }

    /// Whether the rule filters by a tag that our objects never have.
    fn asks_for_a_foreign_tag(&self) -> bool {
        let filter = self.element.at(&["Filter"]);
        let filters = filter.into_iter().chain(filter.and_then(|f| f.at(&["And"])));
        let keys = filters
            .flat_map(|f| f.named("Tag"))
            .filter_map(|tag| tag.text_at(&["Key"]));
        keys.into_iter().any(|key| !key.starts_with("pgcoffer:"))
    }

    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let lines = self.element.differences(&other.element);
        lines
            .into_iter()
            .map(|line| format!("rule {}: {line}", self.name()))
            .collect()
    }
}
