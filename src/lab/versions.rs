//! Versions that results depend on.

/// The version of wgpu in this build, as Cargo.lock has it.
pub fn wgpu_version() -> &'static str {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let entry = LOCK.split("[[package]]").find(|entry| entry.contains("name = \"wgpu\"\n"));
    entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_a_number() {
        let version = super::wgpu_version();
        assert!(version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.'), "{version}");
    }
}
