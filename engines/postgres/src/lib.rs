#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! [`Postgres`] is the client and what can be set, [`PostgresLease`] what becomes of a lease in the table.
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod client;
mod lease;
mod leases;
mod requests;
mod server;
mod table;

/// The client behind it, whose [`Config`](tokio_postgres::Config) is ours.
pub use tokio_postgres;

pub use crate::client::Postgres;
pub use crate::lease::PostgresLease;
pub use crate::leases::PostgresLeases;
