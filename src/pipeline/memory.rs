//! How much of a device's memory a generation may take, and what it does to take less.

use std::fmt;

use serde::Serialize;

use super::{Error, Plans, Shape};
use crate::gpu::{Bytes, Capabilities};

/// Share of a device's memory that a generation may plan for; the rest is the system's, the driver's and other programs'.
pub(super) const MEMORY_SHARE: f64 = 0.9;

/// What a user says about memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPolicy {
    /// No more bytes on the device than this; its own memory is the limit anyway, where it is known.
    pub limit: Option<u64>,
    /// Keep no weights on the device where streaming them takes less memory, also where they would fit. Without it, as many are kept as fit.
    pub offload: bool,
    /// Never stream weights, and decode no frame in strips that was not asked for.
    pub resident: bool,
    /// Leave the weights of all networks on the device for the next request, where they have room there beside everything else.
    pub keep_weights: bool,
}

impl MemoryPolicy {
    /// What is tried one after the other until something fits: are weights streamed?
    pub(super) fn rounds(self) -> impl Iterator<Item = bool> {
        let Self { offload, resident, .. } = self;
        [false, true].into_iter().filter(move |&streamed| if streamed { !resident } else { resident || !offload })
    }
}

/// The most that may be planned for, and who says so.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Budget {
    /// The user.
    Asked(u64),
    /// The device, which has so many bytes, or has so many left.
    Device { name: String, memory: u64, free: bool },
}

impl Budget {
    /// The tightest of the user's limit, the device's memory, and what is free of that.
    pub fn new(policy: MemoryPolicy, device: &Capabilities) -> Option<Self> {
        let of_device =
            |memory: Option<u64>, free| memory.map(|memory| Self::Device { name: device.name.clone(), memory, free });
        let limits =
            [policy.limit.map(Self::Asked), of_device(device.memory, false), of_device(device.free_memory, true)];
        limits.into_iter().flatten().min_by_key(Self::bytes)
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Self::Asked(bytes) => *bytes,
            Self::Device { memory, .. } => (*memory as f64 * MEMORY_SHARE) as u64,
        }
    }

    /// The error of a clip that needs more, also with these savings.
    pub fn too_large(&self, needed: u64, shape: &Shape, savings: Savings) -> Error {
        let Shape { size: [width, height], frames, .. } = shape;
        let savings = if savings.is_none() { String::new() } else { format!(", also with {savings},") };
        let (needs, refusal) = (Bytes(needed), self.refusal(needed));
        let (plural, verb) = if *frames == 1 { ("", "s") } else { ("s", "") };
        let reason = format!("{frames} frame{plural} of {width}x{height} need{verb} {needs}{savings} and {refusal}");
        Error::TooLarge { reason, needed: Some(needed), remedy: None }
    }

    /// Why `needed` bytes are too much, as the end of a sentence.
    pub fn refusal(&self, needed: u64) -> String {
        match self {
            Self::Asked(bytes) => {
                format!("--max-memory allows {}: {} is the least that works", Bytes(*bytes), option(needed))
            }
            Self::Device { name, memory, free } => {
                let free = if *free { " free" } else { "" };
                format!(
                    "device '{name}' has {}{free}, of which {:.0} % can be used",
                    Bytes(*memory),
                    MEMORY_SHARE * 100.0
                )
            }
        }
    }
}

/// A size that holds these bytes, as `--max-memory` reads it.
pub fn option(bytes: u64) -> String {
    match bytes {
        0..0x100_0000 => format!("{}KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{}MiB", bytes.div_ceil(1 << 20)),
    }
}

/// What plans do to need less memory, beside loading one network after the other, which they always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Savings {
    /// Guidance in two passes.
    pub two_passes: bool,
    /// Frames that are decoded in strips of so many rows of pixels, and what overlaps.
    pub tiles: Option<usize>,
    /// Weights that are streamed, all or some.
    pub offload: bool,
}

impl Savings {
    /// Those of plans.
    pub fn of(plans: &Plans) -> Self {
        Self { offload: plans.streams(), ..Self::asked(&plans.shape, MemoryPolicy::default()) }
    }

    /// Those that were asked for.
    pub fn asked(shape: &Shape, policy: MemoryPolicy) -> Self {
        let rows = |strip: usize| strip * shape.size[1] / shape.latent[0].max(1);
        Self { two_passes: shape.guided && !shape.one_batch, tiles: shape.strip.map(rows), offload: policy.offload }
    }

    /// What these do that `others` do not.
    pub fn beyond(self, others: Self) -> Self {
        Self {
            two_passes: self.two_passes && !others.two_passes,
            tiles: self.tiles.filter(|_| others.tiles.is_none()),
            offload: self.offload && !others.offload,
        }
    }

    /// Is it nothing?
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// With the options that ask for them: `guidance in two passes (--cfg-passes two) and streamed weights (--offload)`.
impl fmt::Display for Savings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        if self.two_passes {
            parts.push("guidance in two passes (--cfg-passes two)".into());
        }
        if let Some(rows) = self.tiles {
            parts.push(format!("a VAE decode in tiles (--vae-tile {rows})"));
        }
        if self.offload {
            parts.push("streamed weights (--offload)".into());
        }
        match parts.split_last() {
            None => Ok(()),
            Some((last, [])) => f.write_str(last),
            Some((last, first)) => write!(f, "{} and {last}", first.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_of_limit_memory_and_what_is_free_counts() {
        let device = |memory, free_memory| Capabilities { memory, free_memory, ..Capabilities::default() };
        let budget =
            |limit, device: &Capabilities| Budget::new(MemoryPolicy { limit, ..MemoryPolicy::default() }, device);
        let bytes = |limit, device: &Capabilities| budget(limit, device).map(|budget| budget.bytes());
        let (unknown, idle, busy) = (device(None, None), device(Some(1000), None), device(Some(1000), Some(500)));
        assert_eq!([bytes(None, &unknown), bytes(None, &idle), bytes(None, &busy)], [None, Some(900), Some(450)]);
        assert_eq!([bytes(Some(300), &busy), bytes(Some(600), &busy)], [Some(300), Some(450)]);
        let refusal = budget(None, &busy).unwrap().refusal(460);
        assert!(refusal.contains("has 500 B free, of which 90 %"), "{refusal}");
    }
}
