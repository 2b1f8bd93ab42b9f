//! What was tuned as a file: to another machine with the same card, and back.

use std::{fs, io::ErrorKind, path::Path, time::Duration};

use i2vgen::{
    kernel,
    lab::{
        Candidate, Item, Job, Kind, Message, Task,
        tune::{Found, Stale, Tuned},
    },
    staged,
};

use crate::cli::{Error, kernels::child, options::DeviceOptions, output, units::counted};

fn kept(device: &DeviceOptions) -> Result<Tuned, Error> {
    let capabilities = device.capabilities()?;
    Ok(Tuned::kept(&capabilities, device.checks(&capabilities)))
}

/// Writes what still counts.
pub fn export(path: &Path, device: &DeviceOptions) -> Result<(), Error> {
    let mut tuned = kept(device)?;
    let known = tuned.shapes.len();
    tuned.shapes.retain(|found| found.key(&tuned.device).is_ok());
    if tuned.shapes.is_empty() {
        return Err(Error::message("nothing is kept for this device: run `i2vgen kernels tune` first"));
    }
    let text = serde_json::to_string_pretty(&tuned).map_err(|e| Error::message(e.to_string()))?;
    staged::write(path, (text + "\n").as_bytes())?;
    let stale = known - tuned.shapes.len();
    if stale > 0 {
        output::tell(&format!("note: {} of other kernels than these left out", counted(stale, "shape")));
    }
    output::print(&format!("{}: {}", path.display(), told(&tuned.shapes)))
}

/// Keeps what a file has, as far as it counts here.
pub fn import(path: &Path, force: bool, options: &DeviceOptions, seed: u64) -> Result<(), Error> {
    let wrong = |reason: String| Error::message(format!("--import {}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let reader = &mut serde_json::Deserializer::from_str(&text);
    let theirs: Tuned = serde_path_to_error::deserialize(reader)
        .map_err(|e| wrong(format!("{}: {}; take what `i2vgen kernels tune --export` wrote", e.path(), e.inner())))?;
    let mut ours = kept(options)?;
    let differences = theirs.differences(&ours);
    if !differences.is_empty() && !force {
        let told = differences.join("; ");
        return Err(wrong(format!("it was tuned elsewhere: {told}; --force takes what holds here all the same")));
    }
    let (mut taken, mut skipped) = (Vec::new(), Vec::new());
    for found in &theirs.shapes {
        match translated(found, &theirs, &ours) {
            Ok(found) => taken.push(found),
            Err(why) => skipped.push(format!("{} {}: {why}", found.kernel, shape(found))),
        }
    }
    if !differences.is_empty() {
        skipped.extend(check(&mut taken, options, seed)?);
    }
    for line in &skipped {
        output::tell(&format!("note: skipped: {line}"));
    }
    if taken.is_empty() {
        return Err(wrong("it has nothing that counts here".into()));
    }
    let words = told(&taken);
    taken.into_iter().for_each(|found| ours.put(found));
    let kept = ours.keep().map_err(Error::message)?;
    output::print(&format!("{words}; kept in {}", kept.display()))
}

/// Forgets what is kept.
pub fn clear(device: &DeviceOptions) -> Result<(), Error> {
    let tuned = kept(device)?;
    let path = tuned.path().map_err(Error::message)?;
    match fs::remove_file(&path) {
        Ok(()) => output::print(&format!("{} removed: {}", path.display(), told(&tuned.shapes))),
        Err(error) if error.kind() == ErrorKind::NotFound => output::print("nothing was kept for this device"),
        Err(error) => Err(Error::message(format!("cannot remove {}: {error}", path.display()))),
    }
}

/// What was found there, for here; or why it does not count.
fn translated(found: &Found, theirs: &Tuned, ours: &Tuned) -> Result<Found, String> {
    match found.key(&theirs.device) {
        Err(Stale::Kernel) => return Err("the kernel is another one than it was there".into()),
        Err(Stale::Gone(why)) => return Err(why),
        Ok(_) => {}
    }
    if theirs.device == ours.device {
        return Ok(found.clone());
    }
    let op = kernel::parse(&found.kernel, &found.shape).map_err(|e| e.to_string())?;
    let here = found.on(op.as_ref(), &ours.device);
    match here.key(&ours.device) {
        Ok(_) => Ok(here),
        Err(Stale::Kernel) => Err("the kernel is another one".into()),
        Err(Stale::Gone(why)) => Err(why),
    }
}

/// Compares settings from elsewhere with the CPU twin; takes those out that depart, and says why.
fn check(taken: &mut Vec<Found>, options: &DeviceOptions, seed: u64) -> Result<Vec<String>, Error> {
    let mut tasks = Vec::new();
    let mut whose = Vec::new();
    for (at, found) in taken.iter().enumerate() {
        let Some(setting) = &found.tuned else { continue };
        let op = kernel::parse(&found.kernel, &found.shape).map_err(|e| Error::message(e.to_string()))?;
        let candidate = Candidate::setting(&setting.to_string(), setting);
        tasks.push(Task { item: Item::new(&shape(found), op.as_ref()), candidate });
        whose.push(at);
    }
    let mut wrong = Vec::new();
    let job = Job::Check { tasks: tasks.clone(), seed, kinds: vec![Kind::Random] };
    child::run(&job, options, Duration::from_secs(60), &mut |message| {
        match message {
            Message::Checked { at, report } if !report.passed() => wrong.push((at, "it departs from the twin".into())),
            Message::Failed { at, error } => wrong.push((at, error)),
            _ => {}
        }
        Ok(())
    })?;
    let told = wrong.iter().map(|(at, why)| {
        let Task { item, candidate } = &tasks[*at];
        format!("{} {} {}: {why}", item.kernel, item.name, candidate.name)
    });
    let told = told.collect();
    let mut at = 0..;
    taken.retain(|_| {
        let at = at.next();
        !wrong.iter().any(|(task, _)| Some(whose[*task]) == at)
    });
    Ok(told)
}

fn told(shapes: &[Found]) -> String {
    let tuned = shapes.iter().filter(|found| found.tuned.is_some()).count();
    format!("{}, {tuned} with another setting than the kernel's own choice", counted(shapes.len(), "shape"))
}

fn shape(found: &Found) -> String {
    kernel::spelled(&serde_json::Value::Object(found.shape.clone()))
}
