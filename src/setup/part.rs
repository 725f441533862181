//! The pieces of a recovery sheet, which each of its forms shows in its own way.

use zeroize::Zeroizing;

/// A piece of the sheet.
pub(super) enum SheetPart {
    Heading(String),
    Paragraph(String),
    /// A name and its value.
    Field(String, Zeroizing<String>),
    /// Commands to type.
    Commands(Vec<String>),
}
