//! systemd, where there is one.

use foster_core::{Runtime, Unit};

use crate::environment::{claim, record};
use crate::error::{SystemdError, SystemdErrorKind};
use crate::handed;
use crate::serving::Serving;
use crate::sockets::Sockets;
use crate::told::told;

#[track_caller]
pub(crate) fn serve(is_kept: bool, runtime: &Runtime) -> Result<Option<Unit>, SystemdError> {
    let Some(told) = told(&*record(is_kept)?, std::process::id())? else {
        return Ok(None);
    };
    let serving = Serving {
        runtime: runtime.clone(),
        told,
    };
    Ok(Some(runtime.serve(serving)?))
}

pub(crate) fn sockets(is_kept: bool) -> Result<Sockets, SystemdError> {
    let promised = handed::promised(&*record(is_kept)?, std::process::id())?;
    if promised.is_empty() {
        return Ok(Sockets::default());
    }
    if !claim() {
        let text = "the sockets that systemd handed over were taken by an earlier call";
        return Err(SystemdError::new(SystemdErrorKind::Taken, text));
    }
    handed::take(promised).map(Sockets::new)
}
