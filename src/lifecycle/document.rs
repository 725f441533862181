use roxmltree::{Node, ParsingOptions};

use crate::xml;

use super::{
    Error, PlannedRule, Rule, RuleForm,
    element::{NAMESPACE, foreign, unknown_in_rule},
};

/// The most rules that a bucket can have.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
pub const RULES_MAX: usize = 1000;

/// A bucket's lifecycle configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    rules: Vec<Rule>,
    unknown: Vec<String>,
}

impl Document {
    /// Parses the XML that the service returns.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the text isn't a lifecycle configuration.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable(why);
        xml::check(text.as_bytes()).map_err(|e| unreadable(e.to_string()))?;
        // no document type: S3 sends none, and entities could expand without limit
        let options = ParsingOptions {
            allow_dtd: false,
            ..ParsingOptions::default()
        };
        let tree = roxmltree::Document::parse_with_options(text, options).map_err(|e| unreadable(e.to_string()))?;
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
            document.take(node, text);
        }
        Ok(document)
    }

    fn take(&mut self, node: Node<'_, '_>, xml: &str) {
        let name = node.tag_name().name();
        if node.is_element() && name == "Rule" {
            let rule = Rule::read(node, xml);
            let of_rule = |what| format!("{what}, rule {}", rule.name());
            self.unknown.extend(unknown_in_rule(node).into_iter().map(of_rule));
            self.rules.push(rule);
        } else if node.is_element() {
            self.unknown.push(format!("the element {name} outside of the rules"));
        } else if node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()) {
            self.unknown.push("text outside of the rules".to_owned());
        }
    }

    /// The rules, in the bucket's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Checks that the configuration contains nothing that this version doesn't know.
    ///
    /// # Errors
    /// [`Error::Unknown`] with everything unknown.
    pub fn check_known(&self) -> Result<(), Error> {
        if !self.unknown.is_empty() {
            return Err(Error::Unknown(self.unknown.clone()));
        }
        // namespace prefixes that are declared outside of the rules would be lost
        match Self::parse(&self.xml()) {
            Ok(same) if same.rules == self.rules => Ok(()),
            _ => Err(Error::Unknown(vec!["names from other namespaces".to_owned()])),
        }
    }

    /// The configuration with all rules that are `ours` replaced by `planned`. All other rules keep their position and
    /// every byte. Our rules are unchanged if they already mean what is planned, and are written in the form of the
    /// others.
    ///
    /// # Errors
    /// [`Error::TooMany`] if S3 would refuse the number of rules.
    pub fn with(&self, planned: &[PlannedRule], ours: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let others = self.rules.iter().filter(|rule| !rule.id().is_some_and(&ours));
        let form = if others.into_iter().any(Rule::is_of_the_old_form) {
            RuleForm::Prefix
        } else {
            RuleForm::Filter
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
                rules.push(if new.means(rule) { rule.clone() } else { new });
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

    /// The configuration as XML, as S3 accepts it.
    #[must_use]
    pub fn xml(&self) -> String {
        let rules: String = self.rules.iter().map(|rule| rule.xml()).collect();
        format!("<LifecycleConfiguration xmlns=\"{NAMESPACE}\">{rules}</LifecycleConfiguration>")
    }

    /// This configuration with the rules that others have added to `there` since `sent` was written: rules with ids
    /// that neither has. If a rule of `sent` is missing in `there`, a rule that looks new may be that one under a
    /// changed id; then nothing is added.
    #[must_use]
    pub fn with_added(&self, there: &Self, sent: &Self) -> Self {
        let known = [&self.rules[..], &sent.rules[..]].concat();
        let stands = |rule: &Rule| there.rules.iter().any(|other| other.id() == rule.id());
        if !sent.rules.iter().all(stands) {
            return self.clone();
        }
        let added = there.rules.iter().filter(|rule| is_new(rule, &known));
        let mut rules = self.rules.clone();
        rules.extend(added.cloned());
        Self {
            rules,
            unknown: self.unknown.clone(),
        }
    }

    /// How a configuration that was read back differs from this one, which was sent. Our rules must mean the same; all
    /// others must have the same bytes in the same order. Rules that others have added meanwhile don't count.
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
                _ => found.push(format!("rule {} appears twice", sent.name())),
            }
        }
        let others = |document: &Self| {
            let rules = document.rules.iter().filter(|rule| !is_ours(rule));
            rules.cloned().collect::<Vec<_>>()
        };
        let (sent, mut there) = (others(self), others(back));
        // another writer has read our rules, and checks its own
        there.retain(|rule| !is_new(rule, &sent));
        found.extend(differences_of_others(&sent, &there));
        let stray = |rule: &&Rule| !self.rules.iter().any(|sent| sent.id() == rule.id());
        let strays = back.rules.iter().filter(is_ours).filter(stray);
        found.extend(strays.map(|rule| format!("rule {} should have been removed and is still there", rule.name())));
        found.extend(back.unknown.iter().filter(|what| !self.unknown.contains(what)).cloned());
        found
    }
}

/// Whether a rule has an id that no rule of `known` has. S3 generates ids for rules without one.
fn is_new(rule: &Rule, known: &[Rule]) -> bool {
    rule.id().is_some() && !known.iter().any(|old| old.id() == rule.id())
}

fn differences_of_others(sent: &[Rule], back: &[Rule]) -> Vec<String> {
    let mut found = Vec::new();
    for rule in sent.iter().filter(|rule| !back.contains(rule)) {
        let same = back.iter().find(|other| other.id() == rule.id() && rule.id().is_some());
        match same.map(|other| rule.differences(other)) {
            None => found.push(format!("rule {}, which is not ours, is missing", rule.name())),
            Some(lines) if lines.is_empty() => {
                found.push(format!(
                    "rule {}, which is not ours, is written differently",
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
        found.push("the rules that are not ours are in another order, or some appear twice".to_owned());
    }
    found
}
