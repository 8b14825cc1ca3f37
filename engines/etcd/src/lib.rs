#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! [`Etcd`] is the client and what can be set, [`EtcdLease`] what becomes of a lease in etcd.
//!
//! # Crate features
//!
//! - `tls`: endpoints with `https://`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod client;
mod lease;
mod leases;
mod requests;

/// The client behind it, whose [`ConnectOptions`](etcd_client::ConnectOptions) are ours.
pub use etcd_client;

pub use crate::client::Etcd;
pub use crate::lease::EtcdLease;
pub use crate::leases::EtcdLeases;
