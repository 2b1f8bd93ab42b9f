//! The program, as its users see it: files, parameters, progress, JSON, Ctrl-C.

mod advise;
mod bad_input;
mod batch;
mod control;
mod decode;
mod emit;
mod fewer;
mod generate;
mod help;
mod lab;
mod memory;
mod metrics;
mod models;
mod pictures_in;
mod plan;
mod profile;
mod progress;
mod room;
#[path = "../library/skip.rs"]
mod skip;
mod start;
mod sweep;
mod trace;
mod tune;
mod verify;
