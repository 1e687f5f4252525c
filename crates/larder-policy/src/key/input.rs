//! Names of the things a response may depend on.

use std::fmt;

/// What kind of input of a request something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InputKind {
    /// The content of a QUERY request.
    Content,
    /// A single cookie.
    Cookie,
    /// Something that the application put into the request's extensions.
    Extension,
    /// A request header field.
    Header,
    /// Whose request it is.
    Partition,
    /// The path of the target URI.
    Path,
    /// A parameter of the query, or the query as a whole.
    Query,
}

impl InputKind {
    /// A stable token for logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Cookie => "cookie",
            Self::Extension => "extension",
            Self::Header => "header",
            Self::Partition => "partition",
            Self::Path => "path",
            Self::Query => "query",
        }
    }
}

/// One input of a request by its name; never its value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Input {
    kind: InputKind,
    name: Box<str>,
}

impl Input {
    /// An input. The path and the query as a whole have an empty name.
    #[must_use]
    pub fn new(kind: InputKind, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    /// What kind of input it is.
    #[must_use]
    pub const fn kind(&self) -> InputKind {
        self.kind
    }

    /// The name of the field, cookie, parameter or extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        if self.name.is_empty() {
            f.write_str(kind)
        } else {
            write!(f, "{kind} `{}`", self.name)
        }
    }
}
