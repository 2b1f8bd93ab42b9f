//! The guards that are compiled into shaders, each of which can be left out to see what it costs.

use std::{fmt, str::FromStr};

use super::Capabilities;

/// Guards against what a faulty shader could do. Leave them out only for kernels that are known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShaderChecks {
    /// Reads and writes stay inside of their bindings, also where the driver does not see to it.
    pub bounds: bool,
    /// Every loop ends: a counter is added to each.
    pub loops: bool,
    /// No integer is divided by 0.
    pub division: bool,
    /// Workgroup memory is zeroed before it is used.
    pub zero: bool,
}

impl ShaderChecks {
    /// All guards.
    pub const ON: Self = Self { bounds: true, loops: true, division: true, zero: true };
    /// None.
    pub const OFF: Self = Self { bounds: false, loops: false, division: false, zero: false };

    /// Those of the program's own kernels, where nobody says otherwise: none on a GPU, where they cost a third of a step, and these kernels are known
    /// to be right (see `i2vgen kernels check`). On a CPU driver they cost nothing.
    pub fn usual(device: &Capabilities) -> Self {
        if device.is_cpu() { Self::ON } else { Self::OFF }
    }

    const NAMES: [&str; 4] = ["bounds", "loops", "division", "zero"];

    fn as_array(self) -> [bool; 4] {
        [self.bounds, self.loops, self.division, self.zero]
    }

    /// The guards that the WGSL compiler adds.
    pub(super) fn runtime(self) -> wgpu::ShaderRuntimeChecks {
        wgpu::ShaderRuntimeChecks {
            bounds_checks: self.bounds,
            force_loop_bounding: self.loops,
            int_div_checks: self.division,
            ..wgpu::ShaderRuntimeChecks::checked()
        }
    }
}

impl Default for ShaderChecks {
    fn default() -> Self {
        Self::ON
    }
}

impl FromStr for ShaderChecks {
    type Err = String;

    /// `on`, `off`, or the names of those that stay, such as `bounds,zero`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => return Ok(Self::ON),
            "off" => return Ok(Self::OFF),
            _ => {}
        }
        let mut on = [false; 4];
        for name in text.split(',').map(str::trim) {
            let wrong = || format!("there is no check '{name}': take on, off, or some of {}", Self::NAMES.join(","));
            on[Self::NAMES.iter().position(|known| *known == name).ok_or_else(wrong)?] = true;
        }
        let [bounds, loops, division, zero] = on;
        Ok(Self { bounds, loops, division, zero })
    }
}

impl TryFrom<String> for ShaderChecks {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ShaderChecks> for String {
    fn from(checks: ShaderChecks) -> Self {
        checks.to_string()
    }
}

impl fmt::Display for ShaderChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ON => f.write_str("on"),
            Self::OFF => f.write_str("off"),
            some => {
                let names = Self::NAMES.into_iter().zip(some.as_array());
                f.write_str(&names.filter(|(_, on)| *on).map(|(name, _)| name).collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_written_as_they_are_read() {
        for text in ["on", "off", "bounds", "bounds,zero", "loops,division"] {
            assert_eq!(text.parse::<ShaderChecks>().unwrap().to_string(), text);
        }
        assert_eq!("bounds,loops,division,zero".parse(), Ok(ShaderChecks::ON));
        let error = "bound".parse::<ShaderChecks>().unwrap_err();
        assert!(error.contains("'bound'") && error.contains("bounds,loops,division,zero"), "{error}");
    }
}
