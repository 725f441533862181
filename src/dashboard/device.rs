//! Browsers from which somebody has signed in before. Who guesses from many addresses makes everybody wait together, and
//! whoever has been here waits for his own failures alone. It lets nobody in.

use axum::http::HeaderMap;
use data_encoding::BASE64URL_NOPAD;

use super::{
    access::cookie,
    attempts::Device,
    random::{is_same, random_bytes},
    site::Site,
};
use crate::error::Result;

/// The cookie of such a browser.
const DEVICE: &str = "pgcoffer-device";
const DEVICE_SECONDS: u64 = 365 * 24 * 3600;

/// The browser that a cookie names, if this is one that was given here.
pub(super) fn device(site: &Site, headers: &HeaderMap) -> Option<Device> {
    let value = cookie(headers, &site.cookie_name(DEVICE))?;
    let (number, mac) = value.split_once('.')?;
    let bytes = BASE64URL_NOPAD.decode(number.as_bytes()).ok()?;
    let device = bytes.try_into().ok()?;
    is_same(&mac_of(site, &device), mac).then_some(device)
}

/// The cookie for a browser from which somebody has just signed in.
///
/// # Errors
/// Where there are no random numbers.
pub(super) fn device_cookie(site: &Site, headers: &HeaderMap) -> Result<String> {
    let device = device(site, headers).map_or_else(random_bytes, Ok)?;
    let value = format!("{}.{}", BASE64URL_NOPAD.encode(&device), mac_of(site, &device));
    Ok(site.cookie(DEVICE, &value, DEVICE_SECONDS))
}

/// By the key, so that a restart forgets nobody; where a passphrase is set, by what this process alone knows.
fn mac_of(site: &Site, device: &Device) -> String {
    match &site.link_key {
        Some(key) => key.mac_of_device(device),
        None => site.own_token(DEVICE, &BASE64URL_NOPAD.encode(device)),
    }
}
