use roxmltree::{Node, ParsingOptions};

use super::{
    Error, Form, Planned,
    element::{Element, NAMESPACE, foreign, unknown_in_rule},
};

/// The most rules that a bucket takes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
pub const RULES_MAX: usize = 1000;

/// A bucket's lifecycle configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    rules: Vec<Rule>,
    unknown: Vec<String>,
}

/// One rule of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// the rule as it stands in the answer, byte for byte
    raw: String,
    element: Element,
}

impl Document {
    /// Reads what the service gives.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where that isn't a lifecycle configuration.
    pub fn parse(xml: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable(why);
        // no document type: nothing of S3's has one, and entities could grow without end
        let options = ParsingOptions {
            allow_dtd: false,
            ..ParsingOptions::default()
        };
        let tree = roxmltree::Document::parse_with_options(xml, options)
            .map_err(|e| unreadable(e.to_string()))?;
        let root = tree.root_element();
        let name = root.tag_name().name();
        if name != "LifecycleConfiguration" {
            return Err(unreadable(format!("it is a {name}")));
        }
        let mut document = Self {
            rules: Vec::new(),
            unknown: foreign(root),
        };
        for node in root.children() {
            document.take(node, xml);
        }
        Ok(document)
    }

    fn take(&mut self, node: Node<'_, '_>, xml: &str) {
        let name = node.tag_name().name();
        if node.is_element() && name == "Rule" {
            let rule = Rule {
                raw: xml[node.range()].to_owned(),
                element: Element::read(node),
            };
            let of_rule = |what| format!("{what}, rule {}", rule.name());
            self.unknown
                .extend(unknown_in_rule(node).into_iter().map(of_rule));
            self.rules.push(rule);
        } else if node.is_element() {
            self.unknown
                .push(format!("the element {name} beside the rules"));
        } else if node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()) {
            self.unknown.push("text beside the rules".to_owned());
        }
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Fails where the configuration holds anything that this version doesn't know.
    ///
    /// # Errors
    /// [`Error::Unknown`], which names each.
    pub fn check_known(&self) -> Result<(), Error> {
        if !self.unknown.is_empty() {
            return Err(Error::Unknown(self.unknown.clone()));
        }
        // names that are declared outside of the rules would no longer be
        match Self::parse(&self.xml()) {
            Ok(same) if same.rules == self.rules => Ok(()),
            _ => Err(Error::Unknown(vec!["names of other namespaces".to_owned()])),
        }
    }

    /// The configuration with `planned` in the place of every rule that is `ours`. All others keep their place and every
    /// byte; ours keep theirs too where they mean what is planned. Ours take the form of the others.
    ///
    /// # Errors
    /// [`Error::TooMany`] for S3.
    pub fn with(&self, planned: &[Planned], ours: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let others = self
            .rules
            .iter()
            .filter(|rule| !rule.id().is_some_and(&ours));
        let form = if others.into_iter().any(Rule::is_of_the_old_form) {
            Form::Prefix
        } else {
            Form::Filter
        };
        let planned = planned.iter();
        let mut wanted: Vec<Rule> = planned.map(|planned| Rule::of(planned, form)).collect();
        let mut rules = Vec::new();
        for rule in &self.rules {
            if !rule.id().is_some_and(&ours) {
                rules.push(rule.clone());
                continue;
            }
            if let Some(at) = wanted.iter().position(|new| new.id() == rule.id()) {
                let new = wanted.remove(at);
                rules.push(if new.element == rule.element {
                    rule.clone()
                } else {
                    new
                });
            }
        }
        rules.append(&mut wanted);
        if rules.len() > RULES_MAX {
            return Err(Error::TooMany(rules.len()));
        }
        Ok(Self {
            rules,
            unknown: self.unknown.clone(),
        })
    }

    /// The whole as S3 takes it.
    #[must_use]
    pub fn xml(&self) -> String {
        let rules: String = self.rules.iter().map(|rule| rule.raw.as_str()).collect();
        format!("<LifecycleConfiguration xmlns=\"{NAMESPACE}\">{rules}</LifecycleConfiguration>")
    }

    /// In what a configuration that was read back differs from this one, which was sent. Rules of ours have to mean what
    /// was sent, all others have to be the same bytes in the same order.
    #[must_use]
    pub fn differences(&self, back: &Self, ours: impl Fn(&str) -> bool) -> Vec<String> {
        let is_ours = |rule: &&Rule| rule.id().is_some_and(&ours);
        let mut found = Vec::new();
        for sent in self.rules.iter().filter(is_ours) {
            match back
                .rules
                .iter()
                .filter(|rule| rule.id() == sent.id())
                .collect::<Vec<_>>()[..]
            {
                [] => found.push(format!("rule {} is missing", sent.name())),
                [rule] => found.extend(sent.differences(rule)),
                _ => found.push(format!("rule {} is there twice", sent.name())),
            }
        }
        let others = |document: &Self| {
            let rules = document.rules.iter().filter(|rule| !is_ours(rule));
            rules.cloned().collect::<Vec<_>>()
        };
        found.extend(differences_of_others(&others(self), &others(back)));
        let stray = |rule: &&Rule| !self.rules.iter().any(|sent| sent.id() == rule.id());
        let strays = back.rules.iter().filter(is_ours).filter(stray);
        found.extend(
            strays.map(|rule| format!("rule {} was to be removed and is there", rule.name())),
        );
        found.extend(
            back.unknown
                .iter()
                .filter(|what| !self.unknown.contains(what))
                .cloned(),
        );
        found
    }
}

fn differences_of_others(sent: &[Rule], back: &[Rule]) -> Vec<String> {
    let mut found = Vec::new();
    for rule in sent.iter().filter(|rule| !back.contains(rule)) {
        let same = back
            .iter()
            .find(|other| other.id() == rule.id() && rule.id().is_some());
        match same.map(|other| rule.differences(other)) {
            None => found.push(format!(
                "rule {}, which is not ours, is missing",
                rule.name()
            )),
            Some(lines) if lines.is_empty() => {
                found.push(format!(
                    "rule {}, which is not ours, is written otherwise",
                    rule.name()
                ));
            }
            Some(lines) => found.extend(lines),
        }
    }
    let new = back
        .iter()
        .filter(|rule| !sent.iter().any(|other| other.id() == rule.id()));
    found.extend(new.map(|rule| format!("rule {} was not there before", rule.name())));
    if found.is_empty() && sent != back {
        found.push(
            "the rules that are not ours stand in another order, or some are doubled".to_owned(),
        );
    }
    found
}

impl Rule {
    fn of(planned: &Planned, form: Form) -> Self {
        let raw = planned.xml(form);
        let tree = roxmltree::Document::parse(&raw).expect("our own rules are well-formed XML");
        let element = Element::read(tree.root_element());
        Self { raw, element }
    }

    /// The rule's id, where it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.element.text_at(&["ID"]).filter(|id| !id.is_empty())
    }

    /// The rule as it stands in the answer, byte for byte.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.raw
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.id()
            .map_or_else(|| "without id".to_owned(), |id| format!("{id:?}"))
    }

    fn is_of_the_old_form(&self) -> bool {
        self.element.at(&["Prefix"]).is_some()
    }

    /// Whether two rules mean the same.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        self.element == other.element
    }

    /// Whether it is carried out.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.element.text_at(&["Status"]) == Some("Enabled")
    }

    /// The beginning of the keys that it is about; empty for every key.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let places: [&[&str]; 3] = [
            &["Filter", "Prefix"],
            &["Filter", "And", "Prefix"],
            &["Prefix"],
        ];
        let found = places.iter().find_map(|path| self.element.text_at(path));
        found.unwrap_or_default()
    }

    /// The tags and sizes that it asks for, in words; empty where the prefix alone decides.
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
        let size =
            |name: &str, words: &str| Some(format!("{words} {} bytes", filter.text_at(&[name])?));
        let sizes = [
            size("ObjectSizeGreaterThan", "above"),
            size("ObjectSizeLessThan", "below"),
        ];
        tags.chain(sizes.into_iter().flatten())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// What it does, in words.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        let at = |element: &Element, name: &str| element.text_at(&[name]).map(str::to_owned);
        let when = |element: &Element| match (at(element, "Days"), at(element, "Date")) {
            (Some(days), _) => format!("after {days} days"),
            (None, Some(date)) => format!("on {date}"),
            (None, None) => "at once".to_owned(),
        };
        let class = |element: &Element| at(element, "StorageClass").unwrap_or_default();
        let noncurrent = |element: &Element| {
            let newer = at(element, "NewerNoncurrentVersions")
                .map_or_else(String::new, |n| format!(" beyond {n} newer"));
            format!(
                "{} days{newer}",
                at(element, "NoncurrentDays").unwrap_or_default()
            )
        };
        let rule = &self.element;
        let moves = rule
            .named("Transition")
            .map(|t| format!("move to {} {}", class(t), when(t)));
        let expirations =
            rule.named("Expiration")
                .map(|e| match at(e, "ExpiredObjectDeleteMarker") {
                    Some(_) if at(e, "Days").is_none() => {
                        "delete markers without versions".to_owned()
                    }
                    _ => format!("delete {}", when(e)),
                });
        let old_moves = rule.named("NoncurrentVersionTransition");
        let old_moves = old_moves.map(|t| {
            format!(
                "move noncurrent versions to {} after {}",
                class(t),
                noncurrent(t)
            )
        });
        let old = rule.named("NoncurrentVersionExpiration");
        let old = old.map(|e| format!("delete noncurrent versions after {}", noncurrent(e)));
        let aborts = rule.named("AbortIncompleteMultipartUpload");
        let aborts = aborts.map(|a| {
            format!(
                "abort uploads after {} days",
                at(a, "DaysAfterInitiation").unwrap_or_default()
            )
        });
        moves
            .chain(expirations)
            .chain(old_moves)
            .chain(old)
            .chain(aborts)
            .collect()
    }

    /// Whether it deletes or moves current objects, and some of those may be ours below `folder`.
    #[must_use]
    pub fn acts_below(&self, folder: &str) -> bool {
        let expiration = self.element.at(&["Expiration"]);
        let deletes = expiration.is_some_and(|e| e.at(&["Days"]).or(e.at(&["Date"])).is_some());
        let moves = self.element.at(&["Transition"]).is_some();
        let prefix = self.prefix();
        let meets = prefix.starts_with(folder) || folder.starts_with(prefix);
        self.is_enabled() && (deletes || moves) && meets && !self.asks_for_a_foreign_tag()
    }

    /// Our objects bear no tags but our own.
    fn asks_for_a_foreign_tag(&self) -> bool {
        let filter = self.element.at(&["Filter"]);
        let filters = filter
            .into_iter()
            .chain(filter.and_then(|f| f.at(&["And"])));
        let keys = filters
            .flat_map(|f| f.named("Tag"))
            .filter_map(|tag| tag.text_at(&["Key"]));
        keys.into_iter().any(|key| !key.starts_with("pgcoffer:"))
    }

    fn differences(&self, other: &Self) -> Vec<String> {
        let lines = self.element.differences(&other.element);
        lines
            .into_iter()
            .map(|line| format!("rule {}: {line}", self.name()))
            .collect()
    }
}
