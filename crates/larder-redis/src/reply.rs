//! What a server answers, and what its errors mean.

use bytes::Bytes;
use larder::shared::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, RedisResult, ServerError, Value};

/// The answer, unless it is an error.
pub(crate) fn answered(value: Value) -> Result<Value, StoreError> {
    match value {
        Value::ServerError(error) => Err(refusal(&error)),
        value => Ok(value),
    }
}

/// A string, or nothing.
pub(crate) fn bytes(value: Value) -> Result<Option<Bytes>, StoreError> {
    match answered(value)? {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        other => Err(unexpected("a string", &other)),
    }
}

pub(crate) fn array(value: Value) -> Result<Vec<Value>, StoreError> {
    match answered(value)? {
        Value::Array(items) => Ok(items),
        other => Err(unexpected("an array", &other)),
    }
}

/// An array of exactly so many.
pub(crate) fn tuple<const N: usize>(value: Value) -> Result<[Value; N], StoreError> {
    array(value)?
        .try_into()
        .map_err(|items: Vec<_>| protocol(format!("{} items where {N} belong", items.len())))
}

pub(crate) fn int(value: Value) -> Result<i64, StoreError> {
    match answered(value)? {
        Value::Int(number) => Ok(number),
        other => Err(unexpected("a number", &other)),
    }
}

pub(crate) fn text(value: Value) -> Result<String, StoreError> {
    match answered(value)? {
        Value::BulkString(bytes) => {
            String::from_utf8(bytes).map_err(|_| protocol("a text that is no UTF-8"))
        }
        Value::SimpleString(text) => Ok(text),
        other => Err(unexpected("a text", &other)),
    }
}

/// A number as text.
pub(crate) fn number(value: Value) -> Result<u64, StoreError> {
    let text = text(value)?;
    text.parse()
        .map_err(|_| protocol(format!("{text:?} where a number belongs")))
}

pub(crate) fn protocol(what: impl Into<std::borrow::Cow<'static, str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Protocol, what)
}

fn unexpected(expected: &str, got: &Value) -> StoreError {
    let got = match got {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) | Value::Okay => "a string",
        Value::Array(_) => "an array",
        _ => "something else",
    };
    protocol(format!("{got} where {expected} belongs"))
}

/// What it means that a server answered with an error.
pub(crate) fn refusal(error: &ServerError) -> StoreError {
    let text = plain(error);
    StoreError::new(refusal_kind(&text), text)
}

/// An error as the server wrote it.
pub(crate) fn plain(error: &ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    }
}

/// Errors within scripts begin otherwise on older servers, so the code may stand anywhere.
fn refusal_kind(text: &str) -> StoreErrorKind {
    const REFUSED: [&str; 18] = [
        "ASK",
        "BUSY",
        "CLUSTERDOWN",
        "CROSSSLOT",
        "DENIED",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "MOVED",
        "NOAUTH",
        "NOPERM",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "WRONGPASS",
        "UNKILLABLE",
        "NOPROTO",
    ];
    let mut words = text.split(|c: char| !c.is_ascii_uppercase());
    if words.any(|word| REFUSED.contains(&word))
        || ["ACL failure", "user executing the script"]
            .iter()
            .any(|words| text.contains(words))
    {
        StoreErrorKind::Refused
    } else {
        StoreErrorKind::Protocol
    }
}

/// That the server refuses is an answer.
pub(crate) fn answer(sent: RedisResult<Value>) -> Result<Value, StoreError> {
    sent.or_else(
        |error| match error.clone().into_server_errors().as_deref() {
            Some([(_, error), ..]) => Ok(Value::ServerError(error.clone())),
            _ => Err(failure(error)),
        },
    )
}

/// What it means that a command was not answered as it should be.
pub(crate) fn failure(error: RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            return match error.clone().into_server_errors().as_deref() {
                Some([(_, error), ..]) => refusal(error),
                _ => protocol(error.to_string()),
            };
        }
        ErrorKind::Io if error.is_timeout() => StoreErrorKind::TimedOut,
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => StoreErrorKind::Unreachable,
        ErrorKind::AuthenticationFailed => StoreErrorKind::Refused,
        _ => StoreErrorKind::Protocol,
    };
    StoreError::new(kind, "the connection to the server failed").with_source(error)
}
