//! Header fields that switch something on.

/// Whether a field says yes: one line that is `1`, `true`, `yes`, `on` or `?1` (a Boolean of RFC
/// 9651), in any case and with its ends trimmed. An absent or repeated field says no.
pub(super) fn flag<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return false;
    };
    YES.iter()
        .any(|yes| line.trim_ascii().eq_ignore_ascii_case(yes))
}

const YES: [&[u8]; 5] = [b"1", b"true", b"yes", b"on", b"?1"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> bool {
        flag(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn one_line_that_says_yes_is_true() {
        for yes in ["1", "true", "yes", "on", "?1"] {
            assert!(of(&[yes]), "{yes}");
            assert!(of(&[&yes.to_ascii_uppercase()]), "{yes}");
            assert!(of(&[&format!(" \t{yes}\t ")]), "{yes}");
        }
    }

    #[test]
    fn everything_else_is_false() {
        for lines in [
            &[][..],
            &[""],
            &["0"],
            &["?0"],
            &["false"],
            &["no"],
            &["off"],
            &["11"],
            &["1, 1"],
            &["true;q=1"],
            &["\"1\""],
            &["tru"],
            &["y"],
            &["? 1"],
            &["1", "1"],
            &["1", ""],
            &["", "1"],
        ] {
            assert!(!of(lines), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_true_or_false(line in proptest::collection::vec(any::<u8>(), 0..8)) {
            let known = ["1", "true", "yes", "on", "?1"];
            let text = String::from_utf8_lossy(&line).trim_ascii().to_ascii_lowercase();
            prop_assert_eq!(flag(std::iter::once(line.as_slice())), known.contains(&&*text));
        }
    }
}
