//! Writing, removing, and giving back a lease.

use bytes::Bytes;
use larder::shared::{
    EntryKey, LogPosition, Outcome, Put, StoreError, StoreErrorKind, Token, frame_born,
};

use super::lease::Standing;
use crate::client::{Answer, Command, Route, Status};
use crate::seconds::{expiry, expiry_in, seconds};
use crate::shared::Shared;

/// Reads what stands there, and takes its place by its version; again when that has changed meanwhile.
/// Two exchanges, of which the first transfers what stands there.
pub(crate) async fn put(shared: &Shared, put: &Put) -> Result<(), StoreError> {
    let route = Route::Entry(put.key.primary());
    for _ in 0..ATTEMPTS {
        let before = Before::read(shared, route, put).await?;
        if before.is_removed(put) {
            return Ok(());
        }
        let writes = before.writes(shared, put);
        let count = writes.len();
        let commands = writes.into_iter().chain(before.give_back(shared, put));
        let answers = shared.client.exchange_all(route, commands.collect()).await;
        let answers = match answers {
            // Larger than an item may be: those who wait need not wait for it.
            Err(error) if error.kind() == StoreErrorKind::Refused => {
                let lease = before.give_back(shared, put).into_iter().collect();
                shared.client.exchange_all(route, lease).await?;
                return Err(error);
            }
            answers => answers?,
        };
        if are_settled(answers.into_iter().take(count))? {
            return Ok(());
        }
    }
    let what = "the value changed each time it was about to be written";
    Err(StoreError::new(StoreErrorKind::Refused, what))
}

/// Drops a value, and what is being filled for it.
pub(crate) async fn remove(shared: &Shared, key: &EntryKey) -> Result<(), StoreError> {
    let route = Route::Entry(key.primary());
    let (value, lease) = (shared.names.value(key), shared.names.lease(key));
    let commands = [Command::delete(value), Command::get(lease.clone())];
    let [dropped, standing] = shared.client.exchange(route, commands).await?;
    dropped.is_done()?;
    let Some((Standing::Held(token, _), answer)) = Standing::of(standing) else {
        return Ok(());
    };
    // As long as the lease, so that the fill finds it.
    let lasts = expiry_in(answer.left.unwrap_or(1));
    let mark = Command::set(lease, Standing::Dropped(token).to_bytes(), lasts);
    let [marked] = shared
        .client
        .exchange(route, [mark.where_version(answer.cas)])
        .await?;
    // What has changed meanwhile is another's by now.
    marked.is_done().map(drop)
}

/// Drops a value that was born at a position, and nothing that was written since.
pub(crate) async fn discard(
    shared: &Shared,
    key: &EntryKey,
    born: LogPosition,
) -> Result<(), StoreError> {
    let (route, name) = (Route::Entry(key.primary()), shared.names.value(key));
    let [standing] = shared
        .client
        .exchange(route, [Command::get(name.clone())])
        .await?;
    let is_it = |value: &Bytes| frame_born(value) == Some(born);
    let Some(standing) = standing
        .found()
        .filter(|it| it.value.as_ref().is_some_and(is_it))
    else {
        return Ok(());
    };
    let delete = Command::delete(name).where_version(standing.cas);
    let [dropped] = shared.client.exchange(route, [delete]).await?;
    dropped.is_done().map(drop)
}

/// Gives back a lease, if the token still has it.
pub(crate) async fn release(
    shared: &Shared,
    key: &EntryKey,
    token: &Token,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let route = Route::Entry(key.primary());
    let name = shared.names.lease(key);
    let [standing] = shared
        .client
        .exchange(route, [Command::get(name.clone())])
        .await?;
    let Some((standing, answer)) = Standing::of(standing) else {
        return Ok(());
    };
    if !standing.is_held_by(token) {
        return Ok(());
    }
    let command = match outcome {
        Outcome::Alone(lasts) => Command::set(name, Standing::Alone.to_bytes(), expiry(lasts)),
        _ => Command::delete(name),
    };
    let [given] = shared
        .client
        .exchange(route, [command.where_version(answer.cas)])
        .await?;
    given.is_done().map(drop)
}

/// What stands there before it is written.
struct Before {
    value: Option<Answer>,
    rule: Option<Answer>,
    lease: Option<(Standing, Answer)>,
}

impl Before {
    async fn read(shared: &Shared, route: Route<'_>, put: &Put) -> Result<Self, StoreError> {
        let names = &shared.names;
        let mut commands = vec![Command::get(names.value(&put.key))];
        let rule = put.rule.as_ref().map(|_| names.primary(&put.key));
        let lease = put.lease.map(|_| names.lease(&put.key));
        commands.extend(rule.into_iter().chain(lease).map(Command::get));
        let mut answers = shared
            .client
            .exchange_all(route, commands)
            .await?
            .into_iter();
        Ok(Self {
            value: answers.next().and_then(Answer::found),
            rule: put.rule.as_ref().and_then(|_| answers.next()?.found()),
            lease: put.lease.and_then(|_| Standing::of(answers.next()?)),
        })
    }

    /// Whether the value was removed since this fill got its lease.
    fn is_removed(&self, put: &Put) -> bool {
        match (&self.lease, put.lease) {
            (Some((Standing::Dropped(token), _)), Some(ours)) => *token == ours,
            _ => false,
        }
    }

    /// The value and the rule, as far as they are to be written.
    fn writes(&self, shared: &Shared, put: &Put) -> Vec<Command> {
        let names = &shared.names;
        let kept = seconds(put.keep);
        let name = names.value(&put.key);
        let value = replace(name, &put.value, self.value.as_ref(), put, kept);
        // Other variants need the rule for longer than this one may.
        let left = self
            .rule
            .as_ref()
            .map_or(0, |rule| rule.left.unwrap_or(u64::MAX));
        let rule = put.rule.as_ref().and_then(|rule| {
            let name = names.primary(&put.key);
            let standing = self.rule.as_ref();
            replace(name.clone(), rule, standing, put, kept.max(left))
                .or_else(|| (left < kept).then(|| Command::touch(name, expiry_in(kept))))
        });
        value.into_iter().chain(rule).collect()
    }

    /// What gives back the lease, if it is still held.
    fn give_back(&self, shared: &Shared, put: &Put) -> Option<Command> {
        let (standing, answer) = self.lease.as_ref()?;
        let is_held = standing.is_held_by(put.lease.as_ref()?);
        let drop = || Command::delete(shared.names.lease(&put.key)).where_version(answer.cas);
        is_held.then(drop)
    }
}

/// What takes the place of what stands there; `None`: it is the same, or was born later.
fn replace(
    name: String,
    value: &Bytes,
    standing: Option<&Answer>,
    put: &Put,
    seconds: u64,
) -> Option<Command> {
    let set = |value: &Bytes| Command::set(name, value.clone(), expiry_in(seconds));
    let Some(standing) = standing else {
        return Some(set(value).where_absent());
    };
    let stands = standing.value.as_deref().unwrap_or_default();
    let stays = stands == &value[..] || put.is_outrun_by(stands);
    (!stays).then(|| set(value).where_version(standing.cas))
}

/// Whether there is nothing left to write. What was removed while it was written stays removed.
fn are_settled(writes: impl Iterator<Item = Answer>) -> Result<bool, StoreError> {
    let mut are_settled = true;
    for answer in writes {
        are_settled &= !matches!(answer.status, Status::Changed | Status::NotStored);
        answer.is_done()?;
    }
    Ok(are_settled)
}

/// How often a value that changes under the hands is read again. Whoever was faster was born later than
/// what stood there, so this is the number of those who write at once, in the worst order.
const ATTEMPTS: usize = 64;
