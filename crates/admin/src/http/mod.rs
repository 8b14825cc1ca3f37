//! HTTP/1.1, as much of it as is needed here: values without sockets and clocks.

pub(crate) mod guard;
pub(crate) mod machine;
pub(crate) mod request;
pub(crate) mod response;
