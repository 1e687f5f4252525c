//! [`Script`]: what the server does in one step.

use redis::Cmd;

/// A script, by its hash and by its text.
#[derive(Debug)]
pub(crate) struct Script {
    hash: String,
    text: &'static str,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { hash, text }
    }

    /// A call by the hash: the server knows it after the first call by the text, until it restarts or
    /// forgets.
    pub(crate) fn call(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        invocation("EVALSHA", &self.hash, keys, args)
    }

    /// A call by the text.
    pub(crate) fn call_in_full(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        invocation("EVAL", self.text, keys, args)
    }
}

fn invocation(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let size: usize = args.iter().map(|arg| arg.len()).sum();
    let mut cmd = Cmd::with_capacity(
        3 + keys.len() + args.len(),
        command.len() + script.len() + size + keys.len() * 96,
    );
    cmd.arg(command).arg(script).arg(keys.len());
    for key in keys {
        cmd.arg(*key);
    }
    for arg in args {
        cmd.arg(*arg);
    }
    cmd
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) take: Script,
    pub(crate) put: Script,
    pub(crate) discard: Script,
    pub(crate) release: Script,
    pub(crate) extent: Script,
    pub(crate) restart: Script,
    pub(crate) nodes: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            take: Script::new(include_str!("scripts/take.lua")),
            put: Script::new(include_str!("scripts/put.lua")),
            discard: Script::new(include_str!("scripts/discard.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
            extent: Script::new(include_str!("scripts/extent.lua")),
            restart: Script::new(include_str!("scripts/restart.lua")),
            nodes: Script::new(include_str!("scripts/nodes.lua")),
        }
    }
}
