//! Estimates whether a passphrase can be guessed by an attacker who has the bucket and unlimited time.
//!
//! A passphrase is accepted if it is random; everything else counts as chosen by a person: words of seven languages'
//! lists, songs, names, dates, keys in a row. [zxcvbn](https://docs.rs/zxcvbn) estimates the guesses for characters
//! that look random. It counts each word of a sentence as an independent choice, which is wrong: attackers have
//! sentences on their lists. So all words of a passphrase, in any language, count here as one choice out of a million,
//! and so do all its numbers, and all its walks over the keyboard. Base64 and hexadecimal text is judged by its decoded
//! content.

use std::collections::BTreeSet;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

use super::{Error, walks::without_walks};
use crate::text::escaped;

/// The required number of guesses, as a power of ten: 10^18 guesses, each with one Argon2id of 64 MiB.
const GUESSES_MIN: f64 = 18.0;
/// The highest count of one choice out of a list, as a power of ten: one of a million.
const CHOICE: f64 = 6.0;
/// Shorter sequences of letters occur by chance.
const WORD_MIN: usize = 4;
/// The number of random words from the list that is accepted: 77 bits.
const WORDS_MIN: usize = 6;
/// The number of random words that is generated: 90 bits.
const WORDS_MADE: usize = 7;

/// The long list of the Electronic Frontier Foundation for dice: <https://www.eff.org/dice>, CC BY 3.0 US, without its
/// four words with hyphens.
const LIST: &str = include_str!("words.txt");

/// Generates a passphrase of random words.
///
/// # Errors
/// [`Error::Random`].
pub(super) fn generate() -> Result<Zeroizing<String>, Error> {
    let list: Vec<&str> = LIST.lines().collect();
    loop {
        // allocated with its full length at once: a text that grows leaves copies in memory
        let mut text = Zeroizing::new(String::with_capacity(128));
        for n in 0..WORDS_MADE {
            if n > 0 {
                text.push('-');
            }
            text.push_str(list[below(list.len())?]);
        }
        // a repeated word, or words in the order of the list, occur once in a few hundred times
        if is_of_random_words(&text) {
            return Ok(text);
        }
    }
}

/// The entropy of a generated passphrase, in bits.
pub(super) fn bits() -> u32 {
    let words = LIST.lines().count() as f64;
    (words.log2() * WORDS_MADE as f64) as u32
}

/// A random number below `bound`, uniformly distributed.
fn below(bound: usize) -> Result<usize, Error> {
    let bound = u32::try_from(bound).unwrap_or(u32::MAX);
    let whole = u32::MAX - u32::MAX % bound;
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes)?;
        let number = u32::from_le_bytes(bytes);
        if number < whole {
            return Ok((number % bound) as usize);
        }
    }
}

/// Checks a passphrase to seal with.
///
/// # Errors
/// [`Error::WeakPassphrase`].
pub(super) fn check(text: &str) -> Result<(), Error> {
    let weak = |advice: &str| {
        Err(Error::WeakPassphrase {
            advice: advice.to_owned(),
        })
    };
    if escaped(text).len() != text.len() {
        return weak("it contains an invisible character, which can't be typed again");
    }
    let readable = decoded(text);
    let hidden = readable.as_ref().map(|text| guesses(text));
    if is_of_random_words(text) || guesses(text).min(hidden.unwrap_or(f64::MAX)) >= GUESSES_MIN {
        return Ok(());
    }
    let letters_alone = text.chars().all(|c| !c.is_ascii_digit());
    weak(if letters_alone {
        "words that a person chose count as one choice, however many they are: songs, books and sayings are tried first"
    } else {
        "words, numbers and keys in a row count as one choice each, and there are too few random characters beside them"
    })
}

/// Whether the text consists only of words of the list, as dice or [`generate`] give them: enough, distinct, and not in
/// the order of the list.
fn is_of_random_words(text: &str) -> bool {
    let lower = Zeroizing::new(text.to_lowercase());
    let parts = lower.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let list: BTreeSet<&str> = LIST.lines().collect();
    let different: BTreeSet<&str> = words.iter().copied().collect();
    let in_order = words.is_sorted() || words.iter().rev().is_sorted();
    words.iter().all(|word| list.contains(word)) && different.len() >= WORDS_MIN && !in_order
}

/// The decoded text of hexadecimal or base64, if it is readable: sixteen printable characters don't occur by chance.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let unpadded = text.trim_end_matches('=').as_bytes();
    let mut spellings = [BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE].into_iter();
    spellings.find_map(|spelling| {
        let bytes = Zeroizing::new(spelling.decode(unpadded).ok()?);
        let text = std::str::from_utf8(&bytes).ok()?;
        let is_readable = !text.is_empty() && text.chars().all(|c| !c.is_control());
        is_readable.then(|| Zeroizing::new(text.to_owned()))
    })
}

/// The estimated number of guesses, as a power of ten.
fn guesses(text: &str) -> f64 {
    let parts = Parts::of(text);
    let rest = zxcvbn(&parts.rest, &[]);
    // without what zxcvbn adds for the order of its matches
    let finds = rest.sequence().iter().filter_map(|found| found.guesses);
    let chance: f64 = finds.map(|guesses| (guesses.max(1) as f64).log10()).sum();
    // most walks are along the row of digits, and count as numbers
    let choices = [parts.letters, parts.digits + parts.walked];
    let choices: f64 = choices.iter().map(|n| (*n as f64).min(CHOICE)).sum();
    (choices + chance).min(zxcvbn(text, &[]).guesses_log10())
}

/// The parts of a passphrase.
#[derive(Default)]
struct Parts {
    /// The letters of what looks like words.
    letters: usize,
    /// The digits of what looks like numbers.
    digits: usize,
    /// The keys of walks over the keyboard.
    walked: usize,
    /// Everything else, without separators of words and numbers.
    rest: Zeroizing<String>,
}

/// The kind of a run of characters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Other,
}

impl Parts {
    fn of(text: &str) -> Self {
        let (text, walked) = without_walks(text);
        let (text, disguised) = without_disguised_words(&text);
        let mut parts = Self {
            letters: disguised,
            walked,
            ..Self::default()
        };
        parts.rest.reserve_exact(text.len());
        let runs = runs(&text);
        let separates = |at: Option<usize>| {
            let run = at.and_then(|at| runs.get(at));
            run.is_none_or(|(kind, text)| *kind == Kind::Other && text.chars().all(is_separator))
        };
        let is_choice = |at: usize| {
            let Some((kind, text)) = runs.get(at) else {
                return false;
            };
            let alone = separates(at.checked_sub(1)) && separates(Some(at + 1));
            match kind {
                Kind::Letter => alone || looks_like_words(text),
                Kind::Digit => alone || text.len() >= WORD_MIN,
                Kind::Other => false,
            }
        };
        for (at, (kind, text)) in runs.iter().enumerate() {
            let beside_one = is_choice(at + 1) || at.checked_sub(1).is_some_and(is_choice);
            match (kind, is_choice(at)) {
                (Kind::Letter, true) => parts.letters += text.chars().count(),
                (Kind::Digit, true) => parts.digits += text.len(),
                (Kind::Other, _) if beside_one && text.chars().all(is_separator) => {}
                _ => parts.rest.push_str(text),
            }
        }
        parts
    }
}

/// Whether a run of letters is words: `LikeThis` or `likethis`, but not `lIkEtH`.
fn looks_like_words(letters: &str) -> bool {
    let (mut length, mut shortest, mut before) = (0_usize, usize::MAX, None::<char>);
    for c in letters.chars() {
        if before.is_some_and(|before| before.is_lowercase() && c.is_uppercase()) {
            shortest = shortest.min(length);
            length = 0;
        }
        length += 1;
        before = Some(c);
    }
    letters.chars().count() >= WORD_MIN && shortest.min(length) >= 2
}

/// Removes words that only look random, one by one: `n3v3r g0nn4`. Three or more of them are a phrase.
fn without_disguised_words(text: &str) -> (Zeroizing<String>, usize) {
    let words: Vec<&str> = text.split_inclusive(is_separator).collect();
    if words.len() < 3 {
        return (Zeroizing::new(text.to_owned()), 0);
    }
    let (mut rest, mut letters) = (Zeroizing::new(String::with_capacity(text.len())), 0);
    for word in words {
        let bare = word.trim_end_matches(is_separator);
        let length = bare.chars().count();
        let has_letters = bare.chars().any(char::is_alphabetic);
        // zxcvbn counts ten guesses for each character that it finds in no list
        if has_letters && zxcvbn(bare, &[]).guesses_log10() < length as f64 - 1.0 {
            letters += length;
        } else {
            rest.push_str(word);
        }
    }
    (rest, letters)
}

/// Whether a character separates words.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || "-_.,;:!?'\"/()&+".contains(c)
}

/// The runs of letters, of digits, and of other characters.
fn runs(text: &str) -> Vec<(Kind, &str)> {
    let mut runs: Vec<(Kind, &str)> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        runs.push((kind(first), run));
        rest = behind;
    }
    runs
}

fn kind(c: char) -> Kind {
    match c {
        c if c.is_ascii_digit() => Kind::Digit,
        // combining accents belong to their letter
        c if c.is_alphabetic() || (!c.is_ascii() && !c.is_whitespace()) => Kind::Letter,
        _ => Kind::Other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_thought_up_is_refused() {
        let mut taken = Vec::new();
        for weak in [
            "password123",
            "correct horse battery staple",
            "correct-horse-battery-staple",
            "correcthorsebatterystaple",
            "Correct Horse Battery Staple 1!",
            "correct horse battery staple, and a blue door",
            "never gonna give you up never gonna let you down",
            "NeverGonnaGiveYouUpNeverGonnaLetYouDown1987!",
            "n3v3r g0nn4 g1v3 y0u up n3v3r g0nn4 l3t y0u d0wn",
            "The quick brown fox jumps over the lazy dog.",
            "Four score and seven years ago our fathers brought forth on this continent",
            "to be or not to be that is the question",
            "In the beginning God created the heaven and the earth. Genesis 1:1",
            "alle meine entchen schwimmen auf dem see",
            "Außerdem wäre es schön, überall Blumen zu säen",
            "je pense donc je suis, et tout le reste n'est rien",
            "съешь же ещё этих мягких французских булок",
            "monday tuesday wednesday thursday friday saturday sunday",
            "mercury venus earth mars jupiter saturn uranus neptune",
            "qwertyuiopasdfghjklzxcvbnm",
            "1q2w3e4r5t6y7u8i9o0p",
            "!QAZ2wsx#EDC4rfv%TGB6yhn",
            "zaq1ZAQ!xsw2XSW@cde3CDE#vfr4VFR$",
            "asdfghjkl;'asdfghjkl;'asdfghjkl;'",
            "P@ssw0rd!P@ssw0rd!P@ssw0rd!P@ssw0rd!",
            "iloveyouiloveyouiloveyouiloveyou",
            "Tr0ub4dour&3Tr0ub4dour&3",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "3141592653589793238462643383279",
            "19870412198704121987041219870412",
            "12.04.1987 17.09.2011 31.12.1999",
            "Summer2024!Winter2025!Spring2026!",
            "ThisIsMyVerySecretPassword2024!",
            "MyDogFluffyWasBorn2012!MyCatTomWasBorn2015!",
            "hamster waltz onyx brisk turnip",
            "!QAZ@WSX#EDC$RFV%TGB^YHN",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
            "qweasdzxcrtyfghvbnuiojklm",
            "W3lc0me t0 th3 H0tel C4liforn1a, such a l0vely pl4ce",
            "Liverpool-Arsenal-Chelsea-Everton-1892",
            "0049 170 1234567 und 0049 170 7654321",
            "+49 170 1234567 Berlin 10115",
            // spelled otherwise
            "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3Jk",
            "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==",
            "70617373776f726470617373776f7264",
            "636F727265637420686F7273652062617474657279",
            // the list itself
            "abacus abdomen abdominal abide abiding ability ablaze able",
            "zoom zoology zoologist zoning zone zombie",
            "zoom zoom zoom zoom zoom zoom zoom zoom",
            "",
        ] {
            taken.extend(check(weak).is_ok().then(|| (weak, guesses(weak))));
        }
        assert!(taken.is_empty(), "{taken:#?}");
    }

    #[test]
    fn what_chance_made_is_taken() {
        let mut refused = Vec::new();
        for strong in [
            "unwound-cosigner-plank-dizzy-refurbish-atop-halogen",
            "unwound cosigner plank dizzy refurbish atop",
            "Unwound.Cosigner.Plank.Dizzy.Refurbish.Atop",
            "V7#pQ2!xL9$mR4&tZ6*w",
            "q83vEjRWeJCrze8SNFZ4kA==",
            "9f86d081884c7d659a2feaa0c55ad015",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "a7Xk-Q2vP-9LmZ-4tRw-B8sY",
            "yT6%hK!b2w@Xz9^Lq4$Rm8",
            "correct horse battery staple x9#Kv!2qZ$7mPw4%",
        ] {
            refused.extend(check(strong).err().map(|_| (strong, guesses(strong))));
        }
        assert!(refused.is_empty(), "{refused:#?}");
    }

    #[test]
    fn what_can_not_be_typed_again_is_refused() {
        for unseen in [
            "V7#pQ2!xL9$mR4&tZ6*w\u{200b}",
            "V7#pQ2!xL9$mR\n4&tZ6*w",
            "V7#pQ2!\u{7}xL9$mR4&tZ6*w",
        ] {
            let Err(Error::WeakPassphrase { advice }) = check(unseen) else {
                panic!("{unseen:?} was taken");
            };
            assert!(advice.contains("invisible"), "{advice}");
        }
    }

    #[test]
    fn made_ones_are_different_and_taken() {
        let made: BTreeSet<String> = (0..50).map(|_| generate().unwrap().to_string()).collect();
        assert_eq!(made.len(), 50);
        for one in &made {
            assert_eq!(one.split('-').count(), WORDS_MADE, "{one}");
            check(one).unwrap();
        }
        assert_eq!(bits(), 90);
        assert!(LIST.lines().is_sorted() && LIST.lines().count() == 7772);
    }

    #[test]
    fn every_number_is_as_likely() {
        let mut seen = [0; 3];
        for _ in 0..3000 {
            seen[below(3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 800), "{seen:?}");
    }
}
