//! [`FrameError`]: why what a store holds is not used, or something is not stored there.

use larder_policy::WireError;

/// Why bytes are not a frame to be used, or something cannot be one. Each of them is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FrameError {
    /// Damaged.
    Checksum,
    /// With flags that nobody sets.
    Flags,
    /// Something in the stored head.
    Head(WireError),
    /// Of another key.
    Key,
    /// A rule where a response was wanted, or the reverse.
    Kind,
    /// Not a frame at all.
    Magic,
    /// The counts of names, or a name of a rule.
    Names,
    /// Not signed where it has to be; or wrongly; or signed where nobody can tell.
    Signature,
    /// More than the limits let be.
    TooLarge,
    /// Longer than it says.
    Trailing,
    /// Shorter than it says.
    Truncated,
    /// Of a version that is not read.
    Version,
}

impl FrameError {
    /// Its name in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Flags => "flags",
            Self::Head(WireError::Name | WireError::Value) => "field",
            Self::Head(WireError::Version) | Self::Version => "version",
            Self::Head(WireError::TooLarge) | Self::TooLarge => "too-large",
            Self::Head(_) => "head",
            Self::Key => "key",
            Self::Kind => "kind",
            Self::Magic => "magic",
            Self::Names => "names",
            Self::Signature => "signature",
            Self::Trailing => "trailing",
            Self::Truncated => "truncated",
        }
    }
}

impl From<WireError> for FrameError {
    fn from(error: WireError) -> Self {
        Self::Head(error)
    }
}

/// Something is taken that is not there.
impl From<bytes::TryGetError> for FrameError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}
