//! The words of a text, as the full-text index and LIKE take them.

use crate::{Error, Result};

/// In characters. Nobody types as many, and every word is looked up.
const LONGEST: usize = 1_000;

/// A last word of fewer letters is looked for as it is: every second skill has words that begin with one given letter.
const SHORTEST_PREFIX: usize = 3;

/// What a text asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// Nothing is left out.
    Everything,
    /// There is something, but no word in it, such as a single bracket: nothing matches.
    Nothing,
    /// Each of them has to match.
    Words(Vec<String>),
}

impl Query {
    /// # Errors
    /// [`Error::InvalidArgument`] for a text that is too long.
    pub(super) fn of(text: &str) -> Result<Self> {
        if text.len() > LONGEST && text.chars().nth(LONGEST).is_some() {
            return Err(Error::InvalidArgument(format!(
                "The text to search for is longer than {LONGEST} characters. Give a few words."
            )));
        }
        let parts = || {
            text.split(|letter: char| letter.is_whitespace() || letter.is_control())
                .filter(|part| !part.is_empty())
        };
        let mut words = Vec::new();
        for word in parts().filter(|part| part.contains(is_of_word)) {
            // Each word is looked up in the whole index. The last one is a beginning, which is another condition.
            if words
                .last()
                .is_some_and(|last| words[..words.len() - 1].contains(last))
            {
                words.pop();
            }
            words.push(word.to_owned());
        }
        Ok(match (words.is_empty(), parts().next()) {
            (false, _) => Self::Words(words),
            (true, None) => Self::Everything,
            (true, Some(_)) => Self::Nothing,
        })
    }
}

/// As an expression of FTS5: each word is a string, in which nothing has a meaning of its own, and the last one is the
/// beginning of a word. What the index takes for several words, such as `git-helper`, is a phrase.
pub(super) fn expression(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        text.push('"');
        text.push_str(&word.replace('"', "\"\""));
        text.push_str("\" ");
    }
    if words.last().is_some_and(|word| is_prefix(word)) {
        text.push('*');
    }
    text
}

/// As patterns of LIKE with `\` for escape.
pub(super) fn patterns(words: &[String]) -> impl Iterator<Item = String> {
    words.iter().map(|word| {
        let mut pattern = String::from("%");
        for letter in word.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        pattern
    })
}

/// Whether what the index takes for the last word of it is long enough.
fn is_prefix(word: &str) -> bool {
    // Who is used to other searches writes this for the beginning of a word.
    let word = word.trim_end_matches('*');
    let last = word
        .rsplit(|letter| !is_of_word(letter))
        .find(|part| !part.is_empty());
    // A mark of punctuation behind it ends the word.
    word.ends_with(is_of_word)
        && last.is_some_and(|last| last.chars().nth(SHORTEST_PREFIX - 1).is_some())
}

/// Whether the index has such characters in its words: letters, digits, and those of private use.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(letter, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_string_and_the_last_one_a_beginning() {
        for (text, expected) in [
            ("git", "\"git\" *"),
            ("git helper", "\"git\" \"helper\" *"),
            ("git h", "\"git\" \"h\" "),
            ("say \"it\" NEAR(x)", "\"say\" \"\"\"it\"\"\" \"NEAR(x)\" "),
            ("c++ -lint", "\"c++\" \"-lint\" *"),
            ("git - \0 helper!", "\"git\" \"helper!\" "),
            ("git-hel", "\"git-hel\" *"),
            ("plann*", "\"plann*\" *"),
            ("pl*", "\"pl*\" "),
        ] {
            let Query::Words(words) = Query::of(text).unwrap() else {
                panic!("{text} has words");
            };
            assert_eq!(expression(&words), expected, "{text}");
        }
        let repeated = Query::of("a b a a b ab ab").unwrap();
        assert_eq!(
            repeated,
            Query::Words(["a", "b", "ab", "ab"].map(str::to_owned).into())
        );
        assert_eq!(Query::of(" \n ").unwrap(), Query::Everything);
        assert_eq!(Query::of("( * \u{1F680}").unwrap(), Query::Nothing);
        assert!(Query::of(&"é".repeat(1_000)).is_ok());
        assert!(Query::of(&"é".repeat(1_001)).is_err());
    }

    #[test]
    fn nothing_in_a_pattern_has_a_meaning_of_its_own() {
        let words = ["50%_off\\".to_owned()];
        assert_eq!(
            patterns(&words).next().as_deref(),
            Some("%50\\%\\_off\\\\%")
        );
    }
}
