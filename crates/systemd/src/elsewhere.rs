//! Where there is no systemd.

use foster_core::{Runtime, Unit};

use crate::error::SystemdError;
use crate::sockets::Sockets;

pub(crate) fn serve(_is_kept: bool, _runtime: &Runtime) -> Result<Option<Unit>, SystemdError> {
    Ok(None)
}

pub(crate) fn sockets(_is_kept: bool) -> Result<Sockets, SystemdError> {
    Ok(Sockets::default())
}
