//! Escapes: how the characters of a string are written in a body.
//!
//! | written as | in |
//! |---|---|
//! | `%40` | URLs, forms |
//! | `&#64;` `&#x40;` `&amp;` `&lt;` … `&commat;` | HTML, XML |
//! | `\u0040` `\/` `\"` `\n` … | JSON, JavaScript |

/// What an escape stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Byte(u8),
    Char(char),
}

impl Unit {
    pub(super) fn give(self, end: u64, give: &mut dyn FnMut(&[u8], u64)) {
        match self {
            Self::Byte(byte) => give(&[byte], end),
            Self::Char(char) => give(char.encode_utf8(&mut [0; 4]).as_bytes(), end),
        }
    }
}

/// Why no escape was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// What is there may be the start of one.
    More,
    /// There is none.
    Plain,
}

/// The escape that these bytes begin with, and its length.
pub(super) fn read(bytes: &[u8]) -> Result<(Unit, usize), Unread> {
    match bytes {
        [b'%', rest @ ..] => Ok((Unit::Byte(byte(rest)?), 3)),
        [b'&', rest @ ..] => reference(rest),
        [b'\\', rest @ ..] => backslash(rest),
        _ => Err(Unread::Plain),
    }
}

/// A character reference of HTML, with its semicolon: without one it is as often a parameter of a
/// URL.
fn reference(rest: &[u8]) -> Result<(Unit, usize), Unread> {
    let window = rest.get(..REFERENCE_BYTES).unwrap_or(rest);
    let Some(length) = window.iter().position(|byte| *byte == b';') else {
        let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
        let begun = rest.len() < REFERENCE_BYTES && rest.iter().all(goes_on);
        return Err(if begun { Unread::More } else { Unread::Plain });
    };
    let char = match window.get(..length).unwrap_or_default() {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        name => named(name),
    };
    let char = char.ok_or(Unread::Plain)?;
    Ok((Unit::Char(char), length + 2))
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = str::from_utf8(digits).ok()?;
    // Rust would read `+5` too.
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    let code = all_digits.then(|| u32::from_str_radix(digits, radix).ok())?;
    char::from_u32(code?)
}

fn named(name: &[u8]) -> Option<char> {
    let of_name = |(known, _): &&(&str, char)| known.as_bytes() == name;
    NAMED.iter().find(of_name).map(|(_, char)| *char)
}

/// JSON (RFC 8259 section 7), and what JavaScript has beyond it.
fn backslash(rest: &[u8]) -> Result<(Unit, usize), Unread> {
    let (first, digits) = rest.split_first().ok_or(Unread::More)?;
    let char = match first {
        b'"' | b'\'' | b'/' | b'\\' => char::from(*first),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'x' => return Ok((Unit::Char(char::from(byte(digits)?)), 4)),
        b'u' => return utf16(digits),
        _ => return Err(Unread::Plain),
    };
    Ok((Unit::Char(char), 2))
}

/// `\u` was read.
fn utf16(rest: &[u8]) -> Result<(Unit, usize), Unread> {
    let first = code_unit(rest)?;
    if let Some(char) = char::from_u32(first.into()) {
        return Ok((Unit::Char(char), 6));
    }
    let second = match rest.get(4..).unwrap_or_default() {
        [] | [b'\\'] => return Err(Unread::More),
        [b'\\', b'u', rest @ ..] => code_unit(rest)?,
        _ => return Err(Unread::Plain),
    };
    let mut pair = char::decode_utf16([first, second]);
    let char = pair.next().and_then(Result::ok).ok_or(Unread::Plain)?;
    Ok((Unit::Char(char), 12))
}

/// Two hexadecimal digits.
fn byte(rest: &[u8]) -> Result<u8, Unread> {
    let code = hexadecimal(rest, 2)?;
    u8::try_from(code).map_err(|_| Unread::Plain)
}

/// Four hexadecimal digits.
fn code_unit(rest: &[u8]) -> Result<u16, Unread> {
    let code = hexadecimal(rest, 4)?;
    u16::try_from(code).map_err(|_| Unread::Plain)
}

fn hexadecimal(rest: &[u8], count: usize) -> Result<u32, Unread> {
    let digits = rest.get(..count).unwrap_or(rest);
    let mut code = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or(Unread::Plain)?;
        code = code * 16 + digit;
    }
    if digits.len() < count {
        return Err(Unread::More);
    }
    Ok(code)
}

/// What follows the `&` of the longest reference: `#x0010ffff;`.
const REFERENCE_BYTES: usize = 11;

/// Those that encoders write, and those for what stands in an e-mail address.
const NAMED: [(&str, char); 12] = [
    ("amp", '&'),
    ("apos", '\''),
    ("colon", ':'),
    ("commat", '@'),
    ("gt", '>'),
    ("lowbar", '_'),
    ("lt", '<'),
    ("num", '#'),
    ("period", '.'),
    ("plus", '+'),
    ("quot", '"'),
    ("sol", '/'),
];
