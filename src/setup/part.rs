//! The pieces of a recovery sheet, which each of its forms shows in its own way.

use zeroize::Zeroizing;

use super::code::Code;

/// A piece of the sheet.
pub(super) enum SheetPart {
    Heading(String),
    Paragraph(String),
    /// A name and its value.
    Field(String, Zeroizing<String>),
    /// Commands to type.
    Commands(Vec<String>),
    /// QR codes, each with its name
    Codes(Vec<(String, Code)>),
}
