//! Who asks, as an application's own layers tell it in the extensions of a request.

use larder::{KeyPart, PartWriter};

/// A user by name.
#[derive(Clone)]
pub(crate) struct UserId(pub(crate) &'static str);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

/// A user by number.
#[derive(Clone)]
pub(crate) struct UserNumber(pub(crate) u64);

impl KeyPart for UserNumber {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}

/// What several users share.
#[derive(Clone)]
pub(crate) struct Tenant(pub(crate) &'static str);

impl KeyPart for Tenant {
    const NAME: &'static str = "tenant";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}
