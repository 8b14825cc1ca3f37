//! Programs that once failed, or that show what a program looks like.

use foster::Signals;

use crate::program::{Act::*, End::*, Finish::*, On::*, Start::*, *};
use crate::torture::{PATIENCE, silence_asked_panics, within_patience};

fn holds(program: Program) {
    silence_asked_panics();
    if let Err(wrong) = within_patience(&program, Signals::Leave, PATIENCE) {
        panic!("{wrong}\n\n{program:?}");
    }
}

#[test]
fn flavours_fail_at_once() {
    let fails_late = on(Tokio)
        .does(Call(on(Thread).ends(PanicsWithText)))
        .ends(Pending)
        .dropping(Panic);
    holds(
        program()
            .before(Adopt(on(Smol).ends(FailsWithIo)))
            .before(Adopt(fails_late))
            .started(Whole)
            .left(Adopt(on(Multi).ends(FailsWhenAsked)))
            .right(Execute(on(Tokio))),
    );
}

#[test]
fn a_runtime_is_idle_and_another_is_abandoned() {
    let inner = program()
        .right(Adopt(on(Smol).ends(Pending)))
        .finished(ByDrop);
    holds(
        program()
            .until_idle()
            .before(Flood(70, on(Thread)))
            .left(Adopt(on(Multi).does(Run(inner)))),
    );
}

#[test]
fn what_a_dropped_call_has_adopted_does_not_end_with_it() {
    let adopts = on(Tokio).does(Adopt(on(Smol).ends(Pending))).does(Gate(2));
    holds(
        program()
            .until_idle()
            .before(Adopt(on(Tokio).does(DropCall(20, adopts)))),
    );
}
