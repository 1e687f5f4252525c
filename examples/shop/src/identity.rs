//! Who asks: what authentication puts into the extensions of a request.

use axum::http::{Extensions, HeaderMap};
use larder::{IdentityStrings, KeyPart, PartWriter, RoleSet};

use crate::cookie::cookie;

/// A user of the shop. There are four, and no passwords.
#[derive(Debug)]
pub struct User {
    pub id: UserId,
    pub email: &'static str,
    pub tenant: Tenant,
    pub roles: Roles,
}

/// The name a user logs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(pub &'static str);

/// The customer that a user buys for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub company: &'static str,
    pub branch: &'static str,
}

/// What a user may do. Each company makes up its own names.
#[derive(Clone, Copy, Debug)]
pub struct Roles(pub &'static [&'static str]);

impl User {
    pub fn named(name: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.id.0 == name)
    }
}

/// The cookie that says who asks.
pub const SESSION: &str = "session";

/// What gives away who asks, wherever it turns up: the e-mail address and the session.
pub fn strings(extensions: &Extensions, headers: &HeaderMap) -> IdentityStrings {
    let user = extensions.get().and_then(|id: &UserId| User::named(id.0));
    let email = user.map(|user| user.email);
    let token = cookie(headers, SESSION);
    email.into_iter().chain(token).collect()
}

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

impl KeyPart for Tenant {
    const NAME: &'static str = "tenant";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.company);
        out.text(self.branch);
    }
}

impl RoleSet for Roles {
    fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}

/// Written one after the other, the tenants of Alice and Bob are the same letters, and so are the
/// roles of Carol and Mallory.
static USERS: [User; 4] = [
    User {
        id: UserId("alice"),
        email: "alice@ace.example",
        tenant: Tenant {
            company: "ace",
            branch: "shops",
        },
        roles: Roles(&["buyer"]),
    },
    User {
        id: UserId("bob"),
        email: "bob@aces.example",
        tenant: Tenant {
            company: "aces",
            branch: "hops",
        },
        roles: Roles(&["buyer"]),
    },
    User {
        id: UserId("carol"),
        email: "carol@ace.example",
        tenant: Tenant {
            company: "ace",
            branch: "shops",
        },
        roles: Roles(&["admin", "buyer"]),
    },
    User {
        id: UserId("mallory"),
        email: "mallory@evil.example",
        tenant: Tenant {
            company: "evil",
            branch: "main",
        },
        roles: Roles(&["adminbuyer"]),
    },
];
