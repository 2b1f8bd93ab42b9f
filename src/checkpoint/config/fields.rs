//! Range checks on the fields of one configuration file.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::checkpoint::error::{Error, Result};

/// Widest layer accepted. The published networks stay below 11,000; the limit keeps every product of sizes in range.
pub const MAX_WIDTH: usize = 1 << 18;
/// Most layers accepted in a block or an encoder.
pub const MAX_LAYERS: usize = 1 << 10;
/// Largest side of an image, in pixels or patches.
pub const MAX_SIDE: usize = 1 << 14;
/// Longest token sequence and largest vocabulary.
pub const MAX_TOKENS: usize = 1 << 24;

/// The file whose fields are checked.
pub struct Fields<'a> {
    path: &'a Path,
}

impl<'a> Fields<'a> {
    pub fn of(path: &'a Path) -> Self {
        Self { path }
    }

    /// An error about `field`.
    pub fn error(&self, field: &str, detail: impl Display) -> Error {
        Error::Field { path: PathBuf::from(self.path), field: field.to_string(), detail: detail.to_string() }
    }

    /// `value` lies in `1..=max`.
    pub fn size(&self, field: &str, value: usize, max: usize) -> Result<()> {
        if value == 0 || value > max {
            return Err(self.error(field, format!("is {value}, expected 1 to {max}")));
        }
        Ok(())
    }

    /// `value` is a multiple of `divisor`, which `divisor_is` names. `divisor` is not zero.
    pub fn multiple(&self, field: &str, value: usize, divisor: usize, divisor_is: &str) -> Result<()> {
        if !value.is_multiple_of(divisor) {
            return Err(self.error(field, format!("{value} is not a multiple of {divisor_is} = {divisor}")));
        }
        Ok(())
    }

    /// `value` is finite and greater than zero.
    pub fn positive(&self, field: &str, value: f64) -> Result<()> {
        if !(value.is_finite() && value > 0.0) {
            return Err(self.error(field, format!("is {value}, expected a number greater than 0")));
        }
        Ok(())
    }

    /// One channel count for each level of a U-shaped network: as many as block types, none zero, each a multiple of
    /// the number of groups of the normalisations.
    pub fn levels(&self, channels: &[usize], down_types: usize, up_types: usize, groups: usize) -> Result<()> {
        let levels = channels.len();
        if levels == 0 || levels > 8 {
            return Err(self.error("block_out_channels", format!("has {levels} levels, expected 1 to 8")));
        }
        for (field, found) in [("down_block_types", down_types), ("up_block_types", up_types)] {
            if found != levels {
                return Err(self.error(field, format!("has {found} entries, but block_out_channels has {levels}")));
            }
        }
        self.size("norm_num_groups", groups, MAX_WIDTH)?;
        for (level, &width) in channels.iter().enumerate() {
            let field = format!("block_out_channels[{level}]");
            self.size(&field, width, MAX_WIDTH)?;
            self.multiple(&field, width, groups, "norm_num_groups")?;
        }
        Ok(())
    }
}
