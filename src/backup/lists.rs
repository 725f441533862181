//! Lists of JSON from outside, read within bounds.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

/// The most elements of every list but that of the tables: an installation has some hundred extensions, and a run keeps
/// as many warnings.
pub(super) const FEW: usize = 20_000;
/// How long a list is, without what is in it.
#[derive(Default)]
pub(super) struct Length(pub(super) u64);

/// A list of which no run writes more than [`FEW`]: an empty text takes two bytes of JSON, and ten times as many in
/// memory.
pub(super) fn few<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Few<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {FEW}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<T>, A::Error> {
            let mut few = Vec::new();
            while let Some(one) = all.next_element()? {
                if few.len() == FEW {
                    return Err(de::Error::invalid_length(FEW + 1, &self));
                }
                few.push(one);
            }
            Ok(few)
        }
    }

    deserializer.deserialize_seq(Few(PhantomData))
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;

        impl<'de> Visitor<'de> for Count {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Length, A::Error> {
                let mut length = 0;
                while all.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Length(length))
            }
        }

        deserializer.deserialize_seq(Count)
    }
}
