//! Links that open the dashboard once, within minutes: `pgcoffer dashboard open` makes one where the key is, and `serve`
//! believes it by the same key. So nothing has to be written anywhere, and a link needs no password.
//!
//! A link names the second at which it was made and a random number, under HMAC-SHA-256. It opens once, as its number is
//! remembered until it has run out, and only if it was made after `serve` began, which forgets them when it ends.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::random::random_bytes;
use crate::error::Result;

/// How long a link opens.
pub const LINK_MINUTES: i64 = 5;
/// How far the clocks of the two machines may be apart.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_secs(30);
/// The bytes of a link: the second, the number, the MAC.
const BYTES: usize = 8 + NUMBER_BYTES + 32;
const NUMBER_BYTES: usize = 16;

/// What makes and believes links.
pub(super) struct LinkKey(Zeroizing<[u8; 32]>);

/// The links that have opened, as far as they could open again.
#[derive(Debug, Default)]
pub(super) struct OpenedLinks(Mutex<BTreeMap<[u8; NUMBER_BYTES], Timestamp>>);

/// Why a link does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkFault {
    #[error("this link was not made with the key that is set here")]
    Foreign,
    #[error("this link has run out: each opens for {LINK_MINUTES} minutes")]
    RunOut,
    #[error("this link has opened already: each opens once")]
    Opened,
    #[error("this link was made before the server was started again")]
    BeforeStart,
}

impl LinkKey {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Makes the secret part of a link.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub(super) fn make(&self, now: Timestamp) -> Result<String> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&now.as_second().to_be_bytes());
        bytes.extend_from_slice(&random_bytes::<NUMBER_BYTES>()?);
        let mac = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        Ok(BASE64URL_NOPAD.encode(&bytes))
    }

    /// Opens a link, which then opens no more.
    ///
    /// # Errors
    /// Why it doesn't open.
    pub(super) fn open(
        &self,
        text: &str,
        opened: &OpenedLinks,
        (started, now): (Timestamp, Timestamp),
    ) -> std::result::Result<(), LinkFault> {
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| LinkFault::Foreign)?;
        let (signed, mac) = bytes.split_at_checked(BYTES - 32).ok_or(LinkFault::Foreign)?;
        self.mac(signed).verify_slice(mac).map_err(|_| LinkFault::Foreign)?;
        let (second, number) = signed.split_at(8);
        let second = second
            .try_into()
            .map(i64::from_be_bytes)
            .map_err(|_| LinkFault::Foreign)?;
        let made = Timestamp::from_second(second).map_err(|_| LinkFault::Foreign)?;
        let number = number.try_into().map_err(|_| LinkFault::Foreign)?;
        let age = now.duration_since(made);
        if age > SignedDuration::from_mins(LINK_MINUTES) || age < -CLOCKS_APART_MAX {
            return Err(LinkFault::RunOut);
        }
        // also what was made in the very second of the start, as nobody knows which came first
        if made.as_second() <= started.as_second() {
            return Err(LinkFault::BeforeStart);
        }
        opened.open(number, now)
    }

    /// What makes the number of a browser one that was given by whoever has this key.
    pub(super) fn mac_of_device(&self, number: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        let mac = mac.chain_update("device").chain_update(number);
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        mac.chain_update("link").chain_update(signed)
    }
}

impl OpenedLinks {
    fn open(&self, number: [u8; NUMBER_BYTES], now: Timestamp) -> std::result::Result<(), LinkFault> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = SignedDuration::from_mins(LINK_MINUTES) + CLOCKS_APART_MAX;
        opened.retain(|_, at| now.duration_since(*at) <= kept);
        match opened.insert(number, now) {
            None => Ok(()),
            Some(_) => Err(LinkFault::Opened),
        }
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> LinkKey {
        LinkKey::new(Zeroizing::new([byte; 32]))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_link_opens_once_and_within_minutes() {
        let (key, opened) = (key(1), OpenedLinks::default());
        let (first, second) = (key.make(at(0)).unwrap(), key.make(at(0)).unwrap());
        let open = |link: &str, now: i64| key.open(link, &opened, (at(-10), at(now)));
        assert_eq!(open(&first, 1), Ok(()));
        assert_eq!(open(&first, 2), Err(LinkFault::Opened));
        assert_eq!(open(&second, 301), Err(LinkFault::RunOut));
        assert_eq!(open(&second, -31), Err(LinkFault::RunOut));
        assert_eq!(open(&second, 300), Ok(()));
        assert_eq!(open(&second, 300), Err(LinkFault::Opened));
    }

    #[test]
    fn nobody_makes_one_without_the_key() {
        let (own, opened) = (key(1), OpenedLinks::default());
        let link = own.make(at(0)).unwrap();
        let times = (at(-10), at(1));
        assert_eq!(
            own.open(&key(2).make(at(0)).unwrap(), &opened, times),
            Err(LinkFault::Foreign)
        );
        let mut bytes = BASE64URL_NOPAD.decode(link.as_bytes()).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            let changed = BASE64URL_NOPAD.encode(&bytes);
            assert_eq!(own.open(&changed, &opened, times), Err(LinkFault::Foreign), "{index}");
            bytes[index] ^= 1;
        }
        for wrong in ["", "x", &link[1..], &format!("{link}AAAA"), &link.replace('A', "=")] {
            let fault = own.open(wrong, &opened, times).err();
            assert!(wrong == link || fault == Some(LinkFault::Foreign), "{wrong}");
        }
        // what an earlier process may have opened opens no more
        assert_eq!(own.open(&link, &opened, (at(1), at(2))), Err(LinkFault::BeforeStart));
        assert_eq!(own.open(&link, &opened, times), Ok(()));
    }
}
