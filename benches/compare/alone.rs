//! Samples that are a process of their own each: one that has run other measures has memory left over, and who gets that
//! is up to the allocator.

use std::fmt;
use std::process::{self, Command};

/// The argument that asks a process for one sample, before the side and the number.
const ASK: &str = "--sample-of";

/// What a process says before the reason why it has no figures.
const NONE: &str = "no figures: ";

/// The figures of a process that takes one sample of `side`.
pub(crate) fn ask(side: &str, number: usize) -> Vec<f64> {
    try_ask(side, number).expect("it tells figures")
}

/// The same, or the reason why there are none.
pub(crate) fn try_ask(side: &str, number: usize) -> Result<Vec<f64>, String> {
    let bench = std::env::current_exe().expect("this is a program");
    let output = Command::new(bench)
        .args([ASK, side, &number.to_string()])
        .output()
        .expect("it starts again");
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().find_map(|line| line.strip_prefix(NONE));
        return Err(reason.map_or(format!("{}: {said}", output.status), str::to_owned));
    }
    let figures = String::from_utf8_lossy(&output.stdout);
    let figures = figures.split_whitespace().map(str::parse);
    Ok(figures.collect::<Result<_, _>>().expect("numbers"))
}

/// The side and the number that this process is asked for, if it is one of these.
pub(crate) fn asked(arguments: impl IntoIterator<Item = String>) -> Option<(String, usize)> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let [ask, side, number] = &arguments[..] else {
        return None;
    };
    let number = || number.parse().expect("a number");
    (ask == ASK).then(|| (side.clone(), number()))
}

/// Tells the figures of this process.
pub(crate) fn tell(figures: &[f64]) {
    let figures: Vec<_> = figures.iter().map(f64::to_string).collect();
    println!("{}", figures.join(" "));
}

/// Ends this process, which has no figures, with the reason.
pub(crate) fn give_up(reason: impl fmt::Display) -> ! {
    eprintln!("{NONE}{reason:#}");
    process::exit(1)
}
