//! Programs that once failed, or that show what a program looks like.

use foster::Signals;

use crate::program::{
    Act::*, End::*, Finish::*, On::*, Policy::*, Reply::*, Site::*, Start::*, group, service, *,
};
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

#[test]
fn groups_fail_and_are_full_and_end() {
    let adopts = on(Smol)
        .inside(In(1))
        .does(Adopt(on(Multi).inside(Own).ends(WhenAsked)))
        .does(Place(on(Tokio).inside(In(1)).ends(FailsWithText)))
        .ends(WhenAsked);
    holds(
        program()
            .group(group(MayFail).limit(3))
            .group(group(EachMayFail).within(0).limit(2))
            .group(group(Passes))
            .before(Flood(4, adopts))
            .left(HoldPlace(In(0)))
            .left(StopGroup(In(1)))
            .right(Adopt(on(Thread).inside(In(2)).ends(WhenAsked)))
            .right(DropGroup(2))
            .right(CancelGroup(In(0))),
    );
}

#[test]
fn services_reload_while_others_are_asked() {
    holds(
        program()
            .service(service(Smol, Reloads))
            .service(service(Thread, Restarts).after())
            .service(service(Tokio, Refuses).after())
            .left(Flood(2, on(Multi).does(AwaitReload)))
            .left(AwaitReload)
            .right(Reload)
            .right(Reload),
    );
}

#[test]
fn a_stop_and_that_of_a_group_meet_the_start() {
    for _ in 0..100 {
        holds(
            program()
                .group(group(Passes))
                .started(Whole)
                .left(StopGroup(In(0)))
                .right(Shutdown),
        );
    }
}

#[test]
fn a_thread_begins_its_next_run_too_late() {
    for _ in 0..100 {
        holds(
            program()
                .service(service(Thread, Restarts))
                .left(Reload)
                .left(Reload)
                .right(Adopt(on(Smol).ends(Stubborn))),
        );
    }
}

#[test]
fn children_end_with_a_payload_that_fails() {
    let fails = on(Smol)
        .inside(In(0))
        .does(Adopt(on(Tokio).inside(Own).ends(WhenAsked)))
        .does(Adopt(on(Multi).inside(Own).ends(Pending)))
        .ends(FailsWithText);
    let program = program().group(group(EachMayFail)).left(Adopt(fails));
    // It has failed when this is over.
    holds(program.left(Call(on(Smol).does(Nap))));
}

/// What waits in a group has its first poll, though the stop comes as the groups are handed in.
#[test]
fn a_stop_comes_while_what_waits_in_groups_is_launched() {
    for _ in 0..2_000 {
        holds(
            program()
                .group(group(Passes).limit(1).within(1))
                .group(group(MayFail).within(1))
                .group(group(Passes).limit(2).within(1))
                .started(Whole)
                .left(Adopt(on(Thread)))
                .left(Adopt(on(Tokio).inside(In(3)).ends(WhenAsked)))
                .left(Yield(4))
                .right(DropGroup(3)),
        );
    }
}
