//! [`Mistake`]: what can be done wrong, and is on purpose, to see that the model tells.

/// A rule of the protocol that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// None: the rules as they are.
    None,
    /// A response carries the position that was applied when its fill ended.
    BornAtTheEnd,
    /// Purges reach who is connected, and nobody else.
    NoReplay,
    /// The time of a purge and that of a fill are compared, by the clocks of their nodes.
    WallClocks,
    /// What others stored is as good as an own purge that they have not heard of.
    OwnPendingIgnored,
    /// Own purges told by the log are not counted as told.
    OwnNeverTold,
    /// Own purges are applied once more when the log tells of them.
    OwnTwice,
    /// Records that are missing are passed over.
    SkipKeepsAll,
    /// A log that was emptied or went back is read on.
    NoRestart,
    /// What a log may have lost is not appended again.
    NotSentAgain,
    /// Nobody looks whether the last record that was read is still there.
    AnchorIgnored,
    /// A purge counts as applied before it is.
    PublishedFirst,
    /// Who arrives after a purge takes what was begun before it.
    WaitersTakeAll,
    /// A node that hears nothing goes on as if nothing happened.
    Trustful,
    /// Nothing is given up when the log is read for the first time.
    BeginKeepsAll,
    /// Who gets fewer records than he asked for takes them for all.
    EndByCount,
    /// Who follows a fetch of long ago takes it as news.
    StreamsTrusted,
}
