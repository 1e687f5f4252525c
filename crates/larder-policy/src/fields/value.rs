//! Text of a field value under construction.

use std::fmt;

use http::HeaderValue;
use smallvec::SmallVec;

/// Collects the text of a value on the stack, so that the finished value is the one allocation.
///
/// `BytesMut` would need its capacity guessed to the byte: freezing spare capacity allocates again.
#[derive(Default)]
pub(super) struct ValueText(SmallVec<[u8; 128]>);

impl ValueText {
    pub(super) fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Separates the member that follows from the one before, if there is one.
    pub(super) fn start_member(&mut self) {
        if !self.0.is_empty() {
            self.push(", ");
        }
    }

    pub(super) fn push_number(&mut self, number: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(number));
    }

    /// The value, or an empty one should the text hold bytes no field value may hold.
    pub(super) fn finish(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Write for ValueText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_separated() {
        let mut text = ValueText::default();
        for number in [1, -2] {
            text.start_member();
            text.push("a=");
            text.push_number(number);
        }
        assert_eq!(text.finish(), "a=1, a=-2");
    }

    #[test]
    fn text_that_is_no_field_value_becomes_empty() {
        let mut text = ValueText::default();
        text.push("a\r\nset-cookie: b");
        assert_eq!(text.finish(), "");
    }
}
