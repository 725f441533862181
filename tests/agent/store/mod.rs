//! The bucket as services are: endpoints, credentials, rights, faults on the wire, cold storage.

pub(crate) mod cold;
pub(crate) mod credentials;
pub(crate) mod damage;
mod damaged_listings;
pub(crate) mod drop_box;
mod endpoints;
pub(crate) mod folder;
mod folder_faults;
mod hints;
mod layout;
mod plain_http;
mod quota;
mod required_headers;
pub(crate) mod rights;
pub(crate) mod scripted_service;
pub(crate) mod services;
mod timeouts;
