//! A user's WGSL, or a setting that nobody has tried, may hang or crash the driver: it runs in a process of its own, which can be ended.

use std::{
    io::{BufRead, BufReader, Read, Write, stdin, stdout},
    process::{Child as Process, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use clap::Args;
use i2vgen::lab::{self, Job, Message};

use crate::cli::{Error, options::DeviceOptions};

/// Does a job that comes as JSON on the first line of the standard input, and tells as JSON, line by line. It ends when its parent does
#[derive(Args)]
pub struct Child {
    #[command(flatten)]
    device: DeviceOptions,
}

impl Child {
    pub fn run(self) -> Result<(), Error> {
        let mut line = String::new();
        let read = stdin().lock().read_line(&mut line);
        read.map_err(|e| Error::message(format!("cannot read the job: {e}")))?;
        let job: Job = serde_json::from_str(&line).map_err(|e| Error::message(format!("not a job: {e}")))?;
        // A parent that was killed must not leave a hanging shader behind.
        thread::spawn(|| {
            let _ = stdin().lock().read_to_end(&mut Vec::new());
            std::process::exit(1);
        });
        let device = self.device.open()?;
        lab::execute(&device, &job, &mut say)?;
        Ok(())
    }
}

fn say(message: Message) {
    if let Ok(line) = serde_json::to_string(&message) {
        let mut out = stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Does a job: here if all of it is ours and known, else in a child, which is ended where `tell` has an error. A task that hangs for `timeout`, crashes or loses the device is told as failed,
/// its candidate is not tried again, and the others go on.
pub fn run(
    job: &Job,
    device: &DeviceOptions,
    timeout: Duration,
    tell: &mut dyn FnMut(Message) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut outcome = Ok(());
    if !job.is_daring() {
        let device = device.open()?;
        lab::execute(&device, job, &mut |message| {
            if outcome.is_ok() {
                outcome = tell(message);
            }
        })?;
        return outcome;
    }
    let candidates: Vec<String> = job.candidates().iter().map(|candidate| candidate.name.clone()).collect();
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    while !left.is_empty() {
        let mut done: Vec<usize> = Vec::new();
        let (mut current, mut step) = (0, String::from("opening the device"));
        let ended = one(&job.only(&left), device, timeout, &mut |message| {
            match &message {
                Message::Doing { at, what } => {
                    current = *at;
                    step.clone_from(what);
                }
                Message::Checked { at, .. } | Message::Timed { at, .. } | Message::Failed { at, .. } => done.push(*at),
                Message::Raced { .. } | Message::Searched { .. } => done.extend(0..left.len()),
            }
            outcome = tell(renumbered(message, &left));
            outcome.is_ok()
        })?;
        outcome?;
        outcome = Ok(());
        let Some(why) = ended else { return Ok(()) };
        let Some(&at) = left.get(current) else { return Ok(()) };
        let name = &candidates[at];
        let others = left.iter().enumerate().filter(|(i, _)| !done.contains(i)).map(|(_, &at)| at);
        let (same, rest): (Vec<usize>, Vec<usize>) = others.partition(|&other| candidates[other] == *name);
        for &other in &same {
            let error = match other == at {
                true => format!("{name} {why} ({step})"),
                false => format!("not tried: {name} has failed before"),
            };
            tell(Message::Failed { at: other, error })?;
        }
        if same.is_empty() {
            return Err(Error::message(format!("{name} {why} ({step})")));
        }
        left = rest;
    }
    Ok(())
}

/// Another process of this program, started as this one was: through a dynamic loader, if one was named on the command line.
fn this_program() -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    // The loader takes itself and its own arguments from those that the program sees; the system has all.
    let all = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let all: Vec<&[u8]> = all.split(|&byte| byte == 0).collect();
    let program = std::env::args_os().next().unwrap_or_default();
    let before = all.iter().position(|&argument| argument == program.as_encoded_bytes()).unwrap_or(0);
    if before > 0 {
        let loader = all[1..before].iter().map(|argument| String::from_utf8_lossy(argument).into_owned());
        command.args(loader).arg(program);
    }
    Ok(command)
}

/// One child, until it is done or `tell` wants no more; returns why it ended early, if it did.
fn one(
    job: &Job,
    device: &DeviceOptions,
    timeout: Duration,
    tell: &mut dyn FnMut(Message) -> bool,
) -> Result<Option<String>, Error> {
    let failed = |e: std::io::Error| Error::message(format!("cannot start another process for kernels: {e}"));
    let text = serde_json::to_string(job).map_err(|e| Error::message(e.to_string()))?;
    let mut child = this_program()
        .map_err(failed)?
        .args(["kernels", "child"])
        .args(device.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let errors = child.stderr.take().map(last_line);
    // Kept open: the child ends when it is closed.
    let mut input = child.stdin.take();
    if let Some(input) = &mut input {
        // A child that is gone already tells why below.
        let _ = writeln!(input, "{text}").and_then(|()| input.flush());
    }
    let messages = messages(&mut child);
    let why = loop {
        match messages.recv_timeout(timeout) {
            Ok(message) => {
                if !tell(message) {
                    end(&mut child);
                    return Ok(None);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                let seconds = timeout.as_secs_f64();
                return Ok(Some(format!("hangs: it gave no sign of life for {seconds} s and was ended")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().map_err(failed)?;
                break (!status.success()).then(|| crashed(status));
            }
        }
    };
    let last = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Ok(why.map(|why| if last.is_empty() { why } else { format!("{why}: {last}") }))
}

fn end(child: &mut Process) {
    let _ = child.kill();
    let _ = child.wait();
}

fn crashed(status: ExitStatus) -> String {
    match status.code() {
        Some(1) => "lost the device".into(),
        Some(code) => format!("ended its process with exit code {code}"),
        None => format!("crashed its process ({status})"),
    }
}

/// What the child tells, as it comes.
fn messages(child: &mut Process) -> Receiver<Message> {
    let (send, receive) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Ok(message) = serde_json::from_str(&line)
                    && send.send(message).is_err()
                {
                    return;
                }
            }
        });
    }
    receive
}

/// The last line of an error stream, read to its end.
fn last_line(stream: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let last = lines.filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// A message about the tasks of a part of a job, with their numbers in the whole.
fn renumbered(message: Message, numbers: &[usize]) -> Message {
    let whole = |at: usize| numbers.get(at).copied().unwrap_or(at);
    match message {
        Message::Doing { at, what } => Message::Doing { at: whole(at), what },
        Message::Checked { at, report } => Message::Checked { at: whole(at), report },
        Message::Timed { at, timing } => Message::Timed { at: whole(at), timing },
        Message::Failed { at, error } => Message::Failed { at: whole(at), error },
        Message::Searched { found } => Message::Searched { found },
        Message::Raced { places } => {
            Message::Raced { places: places.into_iter().map(|(at, place)| (whole(at), place)).collect() }
        }
    }
}
