//! Lives that are programs of `property`.

use foster::Signals;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};

use crate::program::Program;
use crate::strategy;
use crate::torture::{PATIENCE, runner, within_patience};

/// Makes programs, each of its own seed.
pub struct Programs(BoxedStrategy<Program>);

impl Programs {
    pub fn new() -> Self {
        Self(strategy::programs())
    }

    /// Plays the program of `seed`, and compares it with the model.
    pub fn live(&self, seed: u64) -> Result<(), String> {
        let tree = self.0.new_tree(&mut runner(seed, 1));
        let program = match tree {
            Ok(tree) => tree.current(),
            Err(reason) => return Err(format!("no program could be made: {reason}")),
        };
        within_patience(&program, Signals::Leave, PATIENCE)
            .map_err(|wrong| format!("{wrong}\n\n{program:?}"))
    }
}
