//! `NODE_DEBUG=skillsmith`: what clients and their syncs do, on stderr, as `util.debuglog` prints it.

use std::io::Write;

use skillsmith_sync::ClientOptions;

use crate::variables::Variables;

/// The options, with a log if the variable asks for one.
pub fn with_log(options: ClientOptions, variables: &Variables) -> ClientOptions {
    if !variables
        .get("NODE_DEBUG")
        .is_some_and(|sections| names_us(sections))
    {
        return options;
    }
    options.on_log(|message| {
        let (process, target, text) = (std::process::id(), message.target, message.text);
        let line = format!("SKILLSMITH {process}: {target}: {text}\n");
        // In one piece: the threads of a sync write side by side.
        _ = std::io::stderr().write_all(line.as_bytes());
    })
}

/// As Node reads it: names in any case, separated by commas, with `*` for any characters.
fn names_us(sections: &str) -> bool {
    const NAME: &str = "skillsmith";
    sections
        .to_ascii_lowercase()
        .split(',')
        .any(|section| match section.trim().split_once('*') {
            None => section.trim() == NAME,
            Some((head, tail)) => {
                NAME.starts_with(head)
                    && NAME.ends_with(tail)
                    && head.len() + tail.len() <= NAME.len()
            }
        })
}
