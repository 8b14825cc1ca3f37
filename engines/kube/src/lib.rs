#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! [`Kube`] is the client and what can be set, [`KubeLease`] what becomes of a lease in Kubernetes.
//!
//! # Crate features
//!
//! - `earliest`, by default: the version of Kubernetes that `k8s-openapi` is built for. A program that chooses one itself switches it
//!   off.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod client;
mod error;
mod lease;
mod leases;
mod name;
mod object;
mod observed;
mod requests;
mod watching;

/// The client behind it, whose [`Config`](kube::Config) is ours.
pub use kube;

pub use crate::client::Kube;
pub use crate::lease::KubeLease;
pub use crate::leases::KubeLeases;
