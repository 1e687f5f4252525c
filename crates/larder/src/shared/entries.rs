//! [`EntryStore`]: the part of a shared store that holds responses.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::key::EntryKey;
use super::position::LogPosition;
use super::{Pending, frame_born};

/// Holds stored responses for all nodes, as bytes that it need not understand.
///
/// # What an implementation may get wrong
///
/// Nothing that it does can make a response wrong: what it returns is untrusted. Bytes that are damaged,
/// of another version, of another key, older than a purge, or not signed where that is asked for, are a
/// miss. It may lose anything at any time. Two things must hold: a call that returns `Ok` has been
/// answered by the store for this very key, and a future that is dropped does no harm to others (its
/// answer must not become the answer to the next request).
///
/// It need not limit its time: the cache cuts off whatever exceeds its deadline, and stops asking for a
/// while when that happens often. It has to fail at once when there is no connection, rather than wait for
/// one.
pub trait EntryStore: fmt::Debug + Send + Sync + 'static {
    /// Reads what stands under a key, and takes a [`Lease`] as the wish says. What is there is to be had in one
    /// exchange with the store, whatever the wish; a lease may take another.
    fn get<'a>(&'a self, key: &'a EntryKey, wish: Wish<'a>) -> Pending<'a, Found>;

    /// Stores a value, and what goes with it. What stands there already and was [born](Put::born) later
    /// stays, as far as the store can tell ([`Put::is_outrun_by`]).
    ///
    /// Where the store itself can compare, that is one exchange with it (a second one when it has forgotten
    /// how); else what stands there is read first and replaced if it is still the same, which takes two
    /// exchanges, and more when others write meanwhile. No request waits for it but those of other nodes
    /// that wait for the [lease](Put::lease). One that is given up half way may have stored the value
    /// without its [rule](Put::rule): whoever does not know that misses.
    fn put<'a>(&'a self, put: &'a Put) -> Pending<'a, ()>;

    /// Drops what stands under a key; with no variant, the value or the rule under the primary key.
    fn remove<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()>;

    /// Drops what stands under a key if it says to be [born](super::frame_born) at this very position: it is
    /// of no use to anybody. What has taken its place stays, and whoever fills meanwhile goes on. With a
    /// variant it is the value of that, else what stands under the primary key. Default:
    /// [`remove`](Self::remove), which may cost others a fill.
    fn discard<'a>(&'a self, key: &'a EntryKey, born: LogPosition) -> Pending<'a, ()> {
        let _ = born;
        self.remove(key)
    }

    /// Gives back a lease, if the token still holds it.
    fn release<'a>(
        &'a self,
        key: &'a EntryKey,
        token: &'a Token,
        outcome: Outcome,
    ) -> Pending<'a, ()>;

    /// Tells the other nodes that a value was stored, so that they can [fetch it
    /// ahead](crate::SharedSettings::fetch_ahead). Nobody has to hear it. Default: does nothing.
    fn tell<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        let _ = key;
        Box::pin(async { Ok(()) })
    }

    /// Listens to what the other nodes tell, and perhaps to what this one does. `None`, the default: this
    /// store has no way to tell.
    fn listen(&self) -> Pending<'_, Option<Box<dyn News>>> {
        Box::pin(async { Ok(None) })
    }
}

/// What nodes tell of values that they stored; from [`EntryStore::listen`].
pub trait News: fmt::Debug + Send {
    /// Waits for the next. An error ends it: it is listened anew.
    fn next(&mut self) -> Pending<'_, EntryKey>;
}

/// What is wanted beside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish<'a> {
    /// Nothing.
    Read,
    /// A lease if there is no value: for the key with its variant where it has one (whatever stands under
    /// the primary key), else for the primary key.
    ReadOrLease(&'a Lease),
    /// A lease whether or not there is a value; the value too.
    Lease(&'a Lease),
    /// A lease that this token holds, though it has not expired: what comes of it can no longer be used.
    TakeOver(&'a Lease, &'a Token),
}

impl<'a> Wish<'a> {
    /// The lease that is wanted.
    #[must_use]
    pub const fn lease(&self) -> Option<&'a Lease> {
        match self {
            Self::Read => None,
            Self::ReadOrLease(lease) | Self::Lease(lease) | Self::TakeOver(lease, _) => Some(lease),
        }
    }
}

/// The right to fill: one node has it for a key, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a lease is")]
pub struct Lease {
    /// Who has it.
    pub token: Token,
    /// The position that its fill is born at.
    pub born: LogPosition,
    /// How long it lasts if it is not given back.
    pub lasts: Duration,
}

/// Tells one holder of a lease from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// A token by its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What stands under a key.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "stores make them")]
pub struct Found {
    /// Under the primary key: a response, or the rule of its variants.
    pub primary: Option<Bytes>,
    /// Under the key with its variant, if it has one.
    pub variant: Option<Bytes>,
    /// What became of the wish for a lease.
    pub leased: Leased,
}

/// What became of the wish for a lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leased {
    /// None was wanted, or there is a value.
    #[default]
    No,
    /// Whoever asked has it.
    Won,
    /// Another has it, whose fill is born at this position, if the store knows who and where.
    Busy(Option<(Token, LogPosition)>),
    /// The last who had it found that the response is not for others: nobody waits for anybody.
    Alone,
}

/// What came of a lease that is given back without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The response is not for others: for this long nobody is to wait for a lease
    /// ([`Leased::Alone`]).
    Alone(Duration),
    /// Somebody else may try.
    Failed,
}

/// A value that is to be stored.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "stores take them apart")]
pub struct Put {
    /// What it stands under.
    pub key: EntryKey,
    /// The value: a [frame](super#frames).
    pub value: Bytes,
    /// With a variant: the rule that is to stand under the primary key, at least as long as the value.
    pub rule: Option<Bytes>,
    /// The position that the value is born at. It stands in the value too.
    pub born: LogPosition,
    /// When the store may forget it.
    pub keep: Duration,
    /// The lease to be given back.
    pub lease: Option<Token>,
}

impl Put {
    /// Whether a value that stands there was born later, and is to stay.
    #[must_use]
    pub fn is_outrun_by(&self, standing: &[u8]) -> bool {
        frame_born(standing).is_some_and(|born| born > self.born)
    }
}
