//! One directive of a Cache-Control list: `name[=token|"quoted"]` (RFC 9111 section 5.2).

use std::borrow::Cow;

use super::list::{is_token, trim_ows};
use super::time::DeltaSeconds;

/// A directive whose name is a token; the name in lower case if it is one we know.
#[derive(Debug)]
pub(super) struct Directive<'a> {
    name: LowerCase,
    pub(super) argument: Argument<'a>,
}

/// What follows the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// There is no `=`.
    Absent,
    /// A token or the unescaped text of a quoted string.
    Text(Cow<'a, [u8]>),
    /// Nothing follows the `=`, or there is whitespace next to it.
    Invalid,
    /// Neither a token nor a quoted string: the whole field is suspect.
    Garbage,
}

impl<'a> Directive<'a> {
    /// Parses one trimmed, non-empty member of the list. `None` if its name is no token.
    pub(super) fn parse(member: &'a [u8]) -> Option<Self> {
        let (name, argument) = match member.iter().position(|&byte| byte == b'=') {
            None => (member, Argument::Absent),
            Some(equals) => {
                let (name, rest) = member.split_at_checked(equals)?;
                let trimmed = trim_ows(name);
                let argument = Argument::parse(rest.get(1..)?);
                let spaced = trimmed.len() != name.len();
                match argument {
                    Argument::Text(_) if spaced => (trimmed, Argument::Invalid),
                    argument => (trimmed, argument),
                }
            }
        };
        is_token(name).then(|| Self {
            name: LowerCase::new(name),
            argument,
        })
    }

    /// The name in lower case; empty if it is longer than any we know.
    pub(super) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }
}

impl<'a> Argument<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let trimmed = trim_ows(text);
        let value = match trimmed {
            [] => return Self::Invalid,
            [b'"', quoted @ ..] => unquote(quoted),
            token => is_token(token).then_some(Cow::Borrowed(token)),
        };
        match value {
            None => Self::Garbage,
            Some(_) if trimmed.len() != text.len() => Self::Invalid,
            Some(value) => Self::Text(value),
        }
    }

    /// The argument as delta-seconds, if it is that.
    pub(super) fn seconds(&self) -> Option<DeltaSeconds> {
        match self {
            Self::Text(text) => DeltaSeconds::parse(text),
            Self::Absent | Self::Invalid | Self::Garbage => None,
        }
    }
}

/// Unescapes a quoted string whose opening quote is gone. `None` unless the closing one is last.
fn unquote(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (plain, rest) = text.split_at_checked(end)?;
    if rest == b"\"" {
        return Some(Cow::Borrowed(plain));
    }
    let mut unescaped = plain.to_vec();
    let mut bytes = rest.iter().copied();
    loop {
        match bytes.next()? {
            b'\\' => unescaped.push(bytes.next()?),
            b'"' => return bytes.next().is_none().then_some(Cow::Owned(unescaped)),
            byte => unescaped.push(byte),
        }
    }
}

/// A short name in lower case, on the stack.
#[derive(Debug)]
struct LowerCase {
    bytes: [u8; LONGEST_NAME],
    length: usize,
}

impl LowerCase {
    fn new(name: &[u8]) -> Self {
        let mut bytes = [0; LONGEST_NAME];
        let Some(start) = bytes.get_mut(..name.len()) else {
            return Self { bytes, length: 0 };
        };
        start.copy_from_slice(name);
        start.make_ascii_lowercase();
        Self {
            bytes,
            length: name.len(),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The length of `stale-while-revalidate`.
const LONGEST_NAME: usize = 22;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &'static str) -> Argument<'static> {
        Argument::Text(Cow::Borrowed(value.as_bytes()))
    }

    #[test]
    fn arguments_are_tokens_or_quoted_strings() {
        for (member, expected) in [
            ("x", Argument::Absent),
            ("x=1", text("1")),
            ("x='1'", text("'1'")),
            (r#"x="1""#, text("1")),
            (r#"x="a, b""#, text("a, b")),
            (r#"x="""#, text("")),
            (r#"x="\1\"\\""#, text(r#"1"\"#)),
            ("x=", Argument::Invalid),
            ("x= ", Argument::Invalid),
            ("x =", Argument::Invalid),
            ("x =1", Argument::Invalid),
            ("x= 1", Argument::Invalid),
            ("x\t=\t1", Argument::Invalid),
            (r#"x= "1""#, Argument::Invalid),
            ("x=1 2", Argument::Garbage),
            ("x =1 2", Argument::Garbage),
            ("x=1;", Argument::Garbage),
            ("x==1", Argument::Garbage),
            (r#"x=1"2""#, Argument::Garbage),
            (r#"x="1"2"#, Argument::Garbage),
            (r#"x="1" "2""#, Argument::Garbage),
            (r#"x="1"#, Argument::Garbage),
            (r#"x="1\""#, Argument::Garbage),
            (r#"x="\"#, Argument::Garbage),
        ] {
            let directive = Directive::parse(member.as_bytes()).unwrap();
            assert_eq!(directive.argument, expected, "{member}");
            assert_eq!(directive.name(), b"x", "{member}");
        }
    }

    #[test]
    fn names_are_lower_case_tokens() {
        let name = |member: &str| Directive::parse(member.as_bytes()).map(|d| d.name().to_vec());
        assert_eq!(name("No-StorE").unwrap(), b"no-store");
        assert_eq!(
            name("Stale-While-Revalidate=1").unwrap(),
            b"stale-while-revalidate"
        );
        assert_eq!(name("stale-while-revalidate2").unwrap(), b"");
        for garbage in [
            "",
            "=",
            "=1",
            " =1",
            "no store",
            "\"no-store\"",
            "no-store;",
            "é=1",
        ] {
            assert_eq!(name(garbage), None, "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(member: Vec<u8>) {
            if let Some(directive) = Directive::parse(&member) {
                directive.argument.seconds();
            }
        }

        #[test]
        fn quoted_strings_unescape(plain in "[ -~]{0,12}") {
            let quoted = plain.replace('\\', "\\\\").replace('"', "\\\"");
            let member = format!("x=\"{quoted}\"");
            let directive = Directive::parse(member.as_bytes()).unwrap();
            prop_assert_eq!(directive.argument, Argument::Text(Cow::Borrowed(plain.as_bytes())));
        }
    }
}
