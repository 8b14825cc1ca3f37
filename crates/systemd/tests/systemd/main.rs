//! A daemon and a socket that plays systemd, in processes of their own; and systemd's own tools.
//!
//! The program is its own child: its environment can be kept from others only while there is one thread, so it has a `main`
//! that plays a scenario if it is told one, and runs the tests if not.
#![allow(unreachable_pub, reason = "modules of one test")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod environment;
#[cfg(target_os = "linux")]
mod reloading;
#[cfg(target_os = "linux")]
mod scenarios;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod starting;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod unheard;
#[cfg(target_os = "linux")]
mod watchdog;

/// Tests by their paths.
#[cfg(target_os = "linux")]
macro_rules! trials {
    ($($module:ident::$test:ident,)*) => {
        vec![$(libtest_mimic::Trial::test(
            concat!(stringify!($module), "::", stringify!($test)),
            || {
                $module::$test();
                Ok(())
            },
        )),*]
    };
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if let Some(scenario) = child::scenario() {
        return scenarios::play(&scenario);
    }
    let trials = trials![
        starting::ready_comes_after_the_last_unit_and_not_before,
        starting::an_abstract_address_is_as_good_as_a_path,
        starting::without_a_socket_nothing_is_served,
        starting::a_failure_at_the_start_is_no_readiness,
        starting::nothing_wakes_up_while_nothing_changes,
        starting::a_runtime_that_is_idle_ends_all_the_same,
        watchdog::it_stops_while_smol_is_blocked,
        watchdog::it_goes_on_while_a_thread_is_busy,
        watchdog::it_is_told_at_half_its_time,
        watchdog::that_of_another_process_is_not_ours,
        ending::time_is_asked_for_while_a_stop_proceeds_and_not_while_it_hangs,
        ending::a_stop_waits_for_nobody_who_looks_on,
        ending::the_end_of_the_grace_time_leaves_time_for_the_cancel,
        ending::a_drain_is_told_with_its_time,
        ending::a_failure_is_the_cause_that_is_told,
        reloading::a_reload_is_told_from_its_beginning_to_its_end,
        reloading::one_of_two_requests_at_once_is_told_for_each_round,
        environment::children_find_nothing_of_it,
        environment::it_is_an_error_with_threads,
        environment::it_may_be_kept,
        environment::bad_values_are_named,
        unheard::a_socket_that_is_gone_ends_nothing,
        unheard::a_socket_without_room_holds_up_nobody,
        tools::systemd_notify_is_understood_as_we_are,
        tools::a_child_that_notifies_has_no_socket,
        tools::sockets_are_handed_over_by_name,
        tools::datagrams_are_handed_over_by_name,
        tools::the_units_of_the_page_are_understood,
        sockets::without_any_they_are_bound,
        sockets::what_was_promised_and_is_not_there_is_named,
        sockets::no_crate_depends_on_this_one,
    ];
    let mut arguments = libtest_mimic::Arguments::from_args();
    // They wait for their children most of the time.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    let runtime = foster::Runtime::new();
    let served = foster_systemd::serve(&runtime).expect("there is nothing to refuse");
    assert!(served.is_none());
    let sockets = foster_systemd::sockets().expect("there is nothing to refuse");
    assert!(sockets.is_empty());
    ExitCode::SUCCESS
}
