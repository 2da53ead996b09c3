//! Untrusted text in messages.

/// Removes control characters, which a terminal could take for commands, and cuts the text to at
/// most `most` characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut shown = text.chars().filter(|c| !c.is_control());
    let mut text: String = shown.by_ref().take(most).collect();
    if shown.next().is_some() {
        text.push('…');
    }
    text
}
