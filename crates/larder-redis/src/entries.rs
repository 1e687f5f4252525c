//! The part of the tier that holds responses.

use std::time::Duration;

use larder::shared::{
    EntryKey, EntryStore, Found, Lease, Leased, LogPosition, Outcome, Pending, Put, StoreError,
    Token, Wish,
};
use redis::{Cmd, Value};

use crate::reply;
use crate::tier::{Inner, RedisTier};

impl EntryStore for RedisTier {
    fn get<'a>(&'a self, key: &'a EntryKey, wish: Wish<'a>) -> Pending<'a, Found> {
        Box::pin(async move {
            match wish {
                Wish::Read => self.inner.read(key).await,
                Wish::ReadOrLease(lease) => self.inner.read_or_take(key, lease).await,
                Wish::Lease(lease) => self.inner.take(key, b"always", lease, None).await,
                Wish::TakeOver(lease, from) => {
                    self.inner.take(key, b"over", lease, Some(from)).await
                }
                _ => Err(reply::protocol("a wish that is not known here")),
            }
        })
    }

    fn put<'a>(&'a self, put: &'a Put) -> Pending<'a, ()> {
        Box::pin(self.inner.put(put))
    }

    fn remove<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(async move {
            let keys = &self.inner.keys;
            let name = keys.variant(key).unwrap_or_else(|| keys.primary(key));
            let mut unlink = Cmd::with_capacity(2, name.len() + 8);
            unlink.arg("UNLINK").arg(&name);
            reply::int(self.inner.data.send(&name, &unlink).await?).map(drop)
        })
    }

    fn discard<'a>(&'a self, key: &'a EntryKey, born: LogPosition) -> Pending<'a, ()> {
        Box::pin(async move {
            let keys = &self.inner.keys;
            let name = keys.variant(key).unwrap_or_else(|| keys.primary(key));
            let born = born.bits().to_be_bytes();
            let script = &self.inner.scripts.discard;
            let answer = self.inner.data.run(script, &[&name], &[&born]).await?;
            reply::int(answer).map(drop)
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a EntryKey,
        token: &'a Token,
        outcome: Outcome,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let lease = self.inner.keys.lease(key);
            let alone = match outcome {
                Outcome::Alone(lasts) => millis(lasts).to_string(),
                _ => String::new(),
            };
            let args: [&[u8]; 2] = [token.as_bytes(), alone.as_bytes()];
            let script = &self.inner.scripts.release;
            let answer = self.inner.data.run(script, &[&lease], &args).await?;
            reply::int(answer).map(drop)
        })
    }

    #[cfg(feature = "bridge")]
    fn tell<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(self.inner.tell(key))
    }

    #[cfg(feature = "bridge")]
    fn listen(&self) -> Pending<'_, Option<Box<dyn larder::shared::News>>> {
        Box::pin(async move {
            let told = self.inner.listen().await?;
            Ok(Some(Box::new(told) as Box<dyn larder::shared::News>))
        })
    }
}

impl Inner {
    async fn read(&self, key: &EntryKey) -> Result<Found, StoreError> {
        let name = self.keys.primary(key);
        let primary = get(&name);
        let Some(variant) = self.keys.variant(key) else {
            let value = self.data.send(&name, &primary).await?;
            return found([value, Value::Nil], Leased::No);
        };
        let mut both = redis::Pipeline::with_capacity(2);
        both.add_command(primary).add_command(get(&variant));
        let both = self.data.send_all(&name, &both).await?;
        let [primary, variant] = reply::tuple(Value::Array(both))?;
        found([primary, variant], Leased::No)
    }

    /// A script costs the server more than twice what a read does, so what is found is only read. Who
    /// finds nothing has a handler to wait for, beside which a second exchange is little.
    async fn read_or_take(&self, key: &EntryKey, lease: &Lease) -> Result<Found, StoreError> {
        let found = self.read(key).await?;
        let wanted = match key.variant() {
            Some(_) => &found.variant,
            None => &found.primary,
        };
        if wanted.is_some() {
            return Ok(found);
        }
        self.take(key, b"missing", lease, None).await
    }

    async fn take(
        &self,
        key: &EntryKey,
        wish: &[u8],
        lease: &Lease,
        from: Option<&Token>,
    ) -> Result<Found, StoreError> {
        let (primary, lease_key) = (self.keys.primary(key), self.keys.lease(key));
        let variant = self.keys.variant(key);
        let keys: &[&str] = match &variant {
            Some(variant) => &[&primary, variant, &lease_key],
            None => &[&primary, &lease_key],
        };
        let held = [
            &lease.token.as_bytes()[..],
            &lease.born.bits().to_be_bytes(),
        ]
        .concat();
        let lasts = millis(lease.lasts).to_string();
        let from: &[u8] = from.map_or(&[], |from| from.as_bytes());
        let args = [wish, &held, lasts.as_bytes(), from];
        let answer = self.data.run(&self.scripts.take, keys, &args).await?;
        let [primary, variant, became, holder] = reply::tuple(answer)?;
        let leased = match reply::int(became)? {
            0 => Leased::No,
            1 => Leased::Won,
            2 => Leased::Busy(reply::bytes(holder)?.as_deref().and_then(holder_of)),
            3 => Leased::Alone,
            other => return Err(reply::protocol(format!("{other} is no outcome of a lease"))),
        };
        found([primary, variant], leased)
    }

    async fn put(&self, put: &Put) -> Result<(), StoreError> {
        let primary = self.keys.primary(&put.key);
        let variant = self.keys.variant(&put.key);
        let lease = self.keys.lease(&put.key);
        let keep = millis(put.keep).to_string();
        let born = put.born.bits().to_be_bytes();
        let token: &[u8] = put.lease.as_ref().map_or(&[], |token| token.as_bytes());
        let args = [&*put.value, keep.as_bytes(), &born, token];
        let script = &self.scripts.put;
        let answer = match (&variant, &put.rule) {
            (Some(variant), Some(rule)) => {
                let [value, keep, born, token] = args;
                let args = [value, keep, born, token, &**rule];
                let keys = [variant.as_str(), &lease, &primary];
                self.data.run(script, &keys, &args).await?
            }
            (variant, _) => {
                let keys = [variant.as_ref().unwrap_or(&primary), lease.as_str()];
                self.data.run(script, &keys, &args).await?
            }
        };
        reply::answered(answer).map(drop)
    }
}

fn get(key: &str) -> Cmd {
    let mut get = Cmd::with_capacity(2, key.len() + 3);
    get.arg("GET").arg(key);
    get
}

fn found(values: [Value; 2], leased: Leased) -> Result<Found, StoreError> {
    let [primary, variant] = values;
    Ok(Found {
        primary: reply::bytes(primary)?,
        variant: reply::bytes(variant)?,
        leased,
    })
}

/// Who has a lease, as it stands in the store.
fn holder_of(held: &[u8]) -> Option<(Token, LogPosition)> {
    let (token, born) = held.split_first_chunk::<16>()?;
    let born = u64::from_be_bytes(born.try_into().ok()?);
    Some((Token::from_bytes(*token), LogPosition::from_bits(born)))
}

/// At least one, and not beyond what servers take.
pub(crate) fn millis(time: Duration) -> u64 {
    const CENTURY: u64 = 100 * 366 * 24 * 3600 * 1000;
    u64::try_from(time.as_millis()).map_or(CENTURY, |millis| millis.clamp(1, CENTURY))
}
