//! What the recovery sheet is made of, whatever its form.

use zeroize::Zeroizing;

use super::code::Code;

/// A piece of the sheet.
pub(super) enum SheetPart {
    Heading(String),
    Paragraph(String),
    /// name and value
    Field(String, Zeroizing<String>),
    /// to be typed
    Commands(Vec<String>),
    /// QR codes, each with its name
    Codes(Vec<(String, Code)>),
}
