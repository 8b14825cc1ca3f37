//! How the program finds itself when process 1 has started it again.

use nix::sys::signal::Signal::{self, SIGCHLD, SIGHUP, SIGTERM};

use crate::namespace::{Inside, start, start_by};

/// Whether a line of `/proc/self/status` has this signal.
fn has(inside: &mut Inside, line: &str, signal: Signal) -> bool {
    let bits = inside.line_after(line);
    let bits = u64::from_str_radix(bits.trim(), 16).unwrap();
    bits & (1 << (signal as u32 - 1)) != 0
}

#[test]
fn the_program_has_its_arguments_its_environment_its_folder_and_its_name() {
    let Some(mut inside) = start("bare renamed") else {
        return;
    };
    assert_ne!(inside.line_after("id "), "1");
    assert_eq!(inside.line_after("parent "), "1");
    let args = r#"["an odd name", "as_child", "--exact", "--nocapture", "--test-threads=1", "two words", ""]"#;
    assert_eq!(inside.line_after("args "), args);
    assert_eq!(inside.line_after("folder "), "\"/proc/sys\"");
    assert_eq!(inside.line_after("scenario "), "\"facts\"");
    // The kernel keeps 15 bytes of it.
    let program = std::env::current_exe().unwrap();
    let name = program.file_name().unwrap().to_str().unwrap();
    assert_eq!(inside.line_after("name "), name[..name.len().min(15)]);
    let ended = inside.end();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.contains("this is stderr"), "{}", ended.stderr);
}

#[test]
fn the_program_begins_with_no_signal_blocked_or_caught() {
    let blocking = [
        "env",
        "--block-signal=TERM,CHLD,USR1",
        "--ignore-signal=CHLD",
    ];
    let Some(mut inside) = start_by(&blocking, "facts") else {
        return;
    };
    assert_eq!(inside.line_after("SigBlk: "), "0000000000000000");
    assert!(!has(&mut inside, "SigIgn: ", SIGCHLD), "nobody could wait");
    assert!(!has(&mut inside, "SigCgt: ", SIGTERM));
    assert_eq!(inside.end().status.code(), Some(0));
}

#[test]
fn a_blocked_signal_reaches_the_program_through_process_one() {
    let Some(mut inside) = start_by(&["env", "--block-signal=TERM,CHLD"], "daemon") else {
        return;
    };
    inside.line_after("ready as ");
    inside.signal(SIGTERM);
    assert_eq!(inside.end().status.code(), Some(0));
}

#[test]
fn what_is_ignored_is_ignored_in_the_program() {
    let Some(mut inside) = start_by(&["nohup"], "facts") else {
        return;
    };
    assert!(has(&mut inside, "SigIgn: ", SIGHUP));
    assert_eq!(inside.end().status.code(), Some(0));
}

#[test]
fn without_proc_the_error_says_what_to_do() {
    let hide = [
        "sh",
        "-c",
        "mount -t tmpfs none /proc && exec \"$0\" \"$@\"",
    ];
    let Some(mut inside) = start_by(&hide, "daemon") else {
        return;
    };
    let text = inside.line_after("refused ");
    assert!(
        text.starts_with("Proc: process 1 cannot start its program again"),
        "{text}"
    );
    assert!(text.contains("mount /proc in the container"), "{text}");
    assert_eq!(inside.end().status.code(), Some(9));
}

#[test]
fn a_program_that_is_not_process_one_goes_on_at_once() {
    assert_ne!(std::process::id(), 1);
    foster_init::reap_as_process_one().unwrap();
}
