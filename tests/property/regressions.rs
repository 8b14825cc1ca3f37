//! Programs that once failed, as they were printed.
#![allow(unused_imports, reason = "a program is pasted here as it is printed")]

use crate::program::{Act::*, End::*, Finish::*, On::*, Start::*, *};
use crate::torture::{PATIENCE, within_patience};
use foster::Signals;

fn holds(program: Program) {
    if let Err(wrong) = within_patience(&program, Signals::Leave, PATIENCE) {
        panic!("{wrong}\n\n{program:?}");
    }
}

#[test]
fn two_flavours_fail_at_once() {
    holds(
        program()
            .before(Adopt(on(Smol).ends(FailsWithIo)))
            .before(Adopt(
                on(Tokio)
                    .does(Call(on(Thread).ends(PanicsWithText)))
                    .ends(Pending)
                    .dropping(Panic),
            ))
            .started(ByRun)
            .left(Adopt(on(Multi).ends(WhenAsked)))
            .right(Execute(on(Tokio))),
    );
}
