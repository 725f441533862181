//! What the bucket holds and what of it is believed: keys, repositories, records that somebody else wrote.

pub(crate) mod catalog_key;
mod catalog_key_attacks;
mod diff;
mod elsewhere;
mod hostile_bucket;
mod looked_at;
mod read_back;
mod repository;
mod requests;
mod second_looks;
mod selectors;
mod wrong_keys;
