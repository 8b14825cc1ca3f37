//! The kit on flavours that each break one row, and on the same flavours without a fault.

mod coroutines;
mod executor;
mod faults;
mod subroutines;
mod table;
