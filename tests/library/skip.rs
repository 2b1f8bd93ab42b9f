//! What a device cannot do is not tested on it: that is said, and fails where it must not be.

/// Says that `what` is not tested, because the device lacks `needed`. Fails where `I2VGEN_REQUIRE`, words with spaces between them, has that word.
pub fn skip(what: &str, needed: &str) {
    let required = std::env::var("I2VGEN_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(' ').any(|word| word == needed),
        "{what}: I2VGEN_REQUIRE wants {needed}, the device lacks it"
    );
    eprintln!("{what}: not tested, the device lacks {needed}");
}
