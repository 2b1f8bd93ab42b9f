//! The name that was meant where one is mistaken.

/// The name that is nearest to a mistaken one (Damerau and Levenshtein), if any is near.
pub fn nearest<'a>(mistaken: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(mistaken, name);
    names.min_by_key(distance).filter(|name| distance(name) <= name.len().div_ceil(2))
}

/// `: did you mean …?`, to stand behind a mistaken name; nothing where no name is near.
pub fn hint<'a>(mistaken: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(mistaken, names).map_or(String::new(), |name| format!(": did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_meant() {
        let names = ["linear", "conv2d", "conv3d"];
        let of = |mistaken: &str| hint(mistaken, names.into_iter());
        assert_eq!([of("liner"), of("convd2")], [": did you mean linear?", ": did you mean conv2d?"]);
        assert_eq!([of("quantum"), of("")], ["", ""]);
        assert_eq!(nearest("a", std::iter::empty()), None);
    }
}
