//! The body of a message, built paragraph by paragraph.

use crate::backup::Event;

/// Some lines of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// The lines.
    pub text: String,
    /// Whether they are shown unchanged and in monospace.
    pub verbatim: bool,
}

/// The paragraphs so far.
#[derive(Default)]
pub(super) struct Body(pub(super) Vec<Paragraph>);

impl Body {
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.add(text.into(), false);
    }

    pub(super) fn quote(&mut self, text: impl Into<String>) {
        self.add(text.into(), true);
    }

    fn add(&mut self, text: String, verbatim: bool) {
        if !text.is_empty() {
            self.0.push(Paragraph { text, verbatim });
        }
    }

    pub(super) fn say_hint(&mut self, event: &Event) {
        if let Some(hint) = event.hint() {
            self.say(format!("What to do: {hint}."));
        }
    }
}
