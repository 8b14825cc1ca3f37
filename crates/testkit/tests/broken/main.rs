//! The kit on flavours that each break one row, and on the same flavours without a fault.

mod executor;
mod faults;
mod futures;
mod subroutines;
mod table;
