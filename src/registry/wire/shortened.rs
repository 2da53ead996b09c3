//! Text from outside, for a message.

/// A text from outside, without what a terminal would take for commands, and cut where it
/// would be too long to read.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut shown = text.chars().filter(|c| !c.is_control());
    let mut text: String = shown.by_ref().take(most).collect();
    if shown.next().is_some() {
        text.push('…');
    }
    text
}
