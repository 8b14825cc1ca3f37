//! Counts what the threads of a process write, from valgrind's account of it.

use std::collections::HashMap;
use std::io::{self, BufRead};

/// The bytes of a cache line.
const LINE: u64 = 64;

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) writes: u64,
    /// Those to lines that more than one thread writes.
    pub(crate) shared: u64,
    /// Those by others than the one thread that writes the line most.
    pub(crate) foreign: u64,
    /// Those to lines that another thread has written last.
    pub(crate) moves: u64,
}

/// A cache line: how often each thread has written it, and which one has last.
#[derive(Debug, Default)]
struct Line {
    by: Vec<(usize, u64)>,
    last: usize,
}

impl Line {
    fn write(&mut self, thread: usize) {
        self.last = thread;
        match self.by.iter_mut().find(|(writer, _)| *writer == thread) {
            Some((_, number)) => *number += 1,
            None => self.by.push((thread, 1)),
        }
    }

    fn writes(&self) -> u64 {
        self.by.iter().map(|(_, number)| number).sum()
    }

    fn foreign(&self) -> u64 {
        let most = self.by.iter().map(|(_, number)| number).max();
        self.writes() - most.unwrap_or(&0)
    }
}

/// Reads the output of lackey with `--trace-mem=yes`, into which the core writes of its threads.
pub(crate) fn count(mut output: impl BufRead) -> io::Result<Counts> {
    let mut lines: HashMap<u64, Line> = HashMap::new();
    let (mut thread, mut moves, mut text) = (1, 0, Vec::new());
    loop {
        text.clear();
        if output.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if let Some(next) = switch(&text) {
            thread = next;
        } else if let Some(address) = write(&text) {
            let line = lines.entry(address / LINE).or_default();
            moves += u64::from(!line.by.is_empty() && line.last != thread);
            line.write(thread);
        }
    }
    let shared = lines.values().filter(|line| line.by.len() > 1);
    Ok(Counts {
        writes: lines.values().map(Line::writes).sum(),
        shared: shared.map(Line::writes).sum(),
        foreign: lines.values().map(Line::foreign).sum(),
        moves,
    })
}

/// The thread that goes on: `--PID--   SCHED[3]:  acquired lock (…)`.
fn switch(text: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, event) = text.strip_prefix("--")?.split_once("SCHED[")?;
    let (thread, event) = event.split_once("]:")?;
    match event.trim_start().starts_with("acquired lock") {
        true => thread.parse().ok(),
        false => None,
    }
}

/// The address of a store (`S`) or of a change in place (`M`), as ` S 1fff000510,8`.
fn write(text: &[u8]) -> Option<u64> {
    let [b' ', b'S' | b'M', b' ', access @ ..] = text else {
        return None;
    };
    let (address, _size) = std::str::from_utf8(access).ok()?.split_once(',')?;
    u64::from_str_radix(address, 16).ok()
}
