//! [`Target`]: what a link connects to, and how it sees that the connection broke.

use std::borrow::Cow;
use std::future::pending;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::address::Address;
use crate::dial::{Dialler, Line};
use crate::place::Place;

/// What a link connects to.
pub(crate) struct Target {
    pub(crate) dialler: Dialler,
    pub(crate) place: Place,
    /// Whether it is asked every second if it is there. One that is waited on for long cannot be.
    pub(crate) beats: bool,
}

impl Target {
    /// Returns when the connection to an address is broken, or leads to the wrong server, and why.
    pub(crate) async fn broken(&self, line: &mut Line, address: &Address) -> Cow<'static, str> {
        let mut connection = line.connection.clone();
        let beats = async {
            if !self.beats {
                return pending().await;
            }
            loop {
                sleep(BEAT).await;
                // Whatever it answers, it is there.
                let ping = redis::cmd("PING");
                let answer = connection.send_packed_command(&ping);
                if timeout(SILENCE, answer).await.is_err() {
                    return Cow::from("the server does not answer");
                }
            }
        };
        let moved = async {
            if !self.place.moves() {
                return pending().await;
            }
            loop {
                sleep(WHERE).await;
                if let Ok((now, _)) = self.place.find(&self.dialler).await
                    && now != *address
                {
                    return Cow::from(format!("the master is {now} now"));
                }
            }
        };
        tokio::select! {
            _ = &mut line.driver.0 => Cow::from("the server closed it"),
            why = beats => why,
            why = moved => why,
        }
    }
}

/// How often a server is asked whether it is there, and how long it may take to answer.
const BEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(2);

/// How often it is looked where the master is.
const WHERE: Duration = Duration::from_secs(5);
