//! A secret as the recovery sheet shows it: whole, in groups that are typed, and as a QR code.

use zeroize::Zeroizing;

use super::{code::Code, part::SheetPart};

/// A key or a passphrase as the sheet shows it.
pub struct SheetSecret {
    /// what it is and for what, such as `Key`, `Old key of shop` or `Passphrase`
    pub name: String,
    /// the variable that it is read from
    pub variable: String,
    /// the key, spelled with its checksum, or the passphrase
    pub text: Zeroizing<String>,
    /// of an earlier key: the day on which it was retired
    pub day: Option<String>,
    /// the key's id; none with a passphrase
    pub key_id: Option<String>,
}

impl SheetSecret {
    pub(super) fn in_a_sentence(&self) -> String {
        let mut chars = self.name.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase());
        first.into_iter().chain(chars).collect()
    }

    /// As the variable takes it.
    pub(super) fn whole(&self) -> Zeroizing<String> {
        match &self.day {
            Some(day) => Zeroizing::new(format!("{}@{day}", self.text.as_str())),
            None => self.text.clone(),
        }
    }

    /// A key as it is best typed: groups of four, on two lines. The variable takes it with the blanks, on one line.
    pub(super) fn in_fours(&self) -> Vec<SheetPart> {
        const START: &str = "PGCOFFER-KEY-1";
        const GROUPS_OF_A_LINE: usize = 8;
        let rest = self.text.strip_prefix(START).filter(|rest| rest.is_ascii());
        let (Some(rest), Some(_)) = (rest, &self.key_id) else {
            return Vec::new();
        };
        let groups: Vec<&[u8]> = rest.as_bytes().chunks(4).collect();
        let count = groups.len().div_ceil(GROUPS_OF_A_LINE);
        let line = |(n, groups): (usize, &[&[u8]])| {
            let day = self.day.as_ref().filter(|_| n + 1 == count);
            // of its full length from the beginning: a text that grows leaves copies of a secret behind
            let length = START.len() + groups.len() * 5 + day.map_or(0, |day| day.len() + 2);
            let mut text = Zeroizing::new(String::with_capacity(length));
            text.push_str(if n == 0 { START } else { "" });
            for group in groups {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.extend(group.iter().map(|byte| char::from(*byte)));
            }
            if let Some(day) = day {
                text.extend([" @", day]);
            }
            let name = if n == 0 { "To be typed" } else { "" };
            SheetPart::Field(name.to_owned(), text)
        };
        let lines = groups.chunks(GROUPS_OF_A_LINE).enumerate();
        lines.map(line).collect()
    }

    /// As a camera reads it: as its variable takes it, among others of the same one with a comma behind it.
    pub(super) fn code(&self) -> Option<Code> {
        Code::new(&self.whole())
    }

    /// The same in fewer modules, for text.
    pub(super) fn small_code(&self) -> Option<Code> {
        Code::small(&self.whole())
    }
}
