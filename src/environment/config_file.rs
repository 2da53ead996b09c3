//! `~/.skillsmith/config.json`, which the stack's `login` writes. It is read here, and never written.

use std::cell::OnceCell;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::HOME;
use crate::own_file::{self, Link};
use crate::{Error, Result, encoding};

/// It holds a few hundred bytes; this is for files that are something else.
const MAX_SIZE: u64 = 1024 * 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The file, read once, when a value is first asked of it.
///
/// A file that is missing has no values. One that cannot be read or parsed is an error, and so is a
/// value that is no text: the value that then takes its place might send a credential to another address.
pub(crate) struct ConfigFile {
    path: Option<PathBuf>,
    values: OnceCell<Map<String, Value>>,
}

impl ConfigFile {
    /// The file at a path, as it will be when the first value is asked; `None` is a missing one.
    pub(crate) const fn at(path: Option<PathBuf>) -> Self {
        Self {
            path,
            values: OnceCell::new(),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Who else than the owner may change what it says, if that was asked: its mode or that of its folder lets them.
    pub(crate) fn warning(&self) -> Option<String> {
        self.values.get()?;
        let path = self.path().filter(|path| path.exists())?;
        let mut places = [Some(path), path.parent()].into_iter().flatten();
        let open = |place| Some((place, own_file::others_who_write(place)?));
        let (place, who) = places.find_map(open)?;
        Some(format!(
            "{}: {who} can write to it, and so choose the registry and the credential. Run `chmod go-w` on it.",
            place.display()
        ))
    }

    /// The registry's address. The stack writes it without the path.
    pub(crate) fn api_base_url(&self) -> Result<Option<String>> {
        Ok(self.text("apiBaseUrl")?.map(|url| {
            let url = url.trim_end_matches('/');
            let place = url.split_once("://").map_or(url, |(_, place)| place);
            if place.contains(['/', '?', '#']) {
                url.to_owned()
            } else {
                format!("{url}/functions/v1")
            }
        }))
    }

    /// The API key.
    pub(crate) fn api_key(&self) -> Result<Option<String>> {
        self.text("apiKey")
    }

    /// The token of a user who is signed in.
    pub(crate) fn access_token(&self) -> Result<Option<String>> {
        self.text("accessToken")
    }

    /// When that token ends, as the file says; the registry may see it in another way.
    pub(crate) fn expires_at(&self) -> Result<Option<DateTime<Utc>>> {
        let at = self.values()?.get("expiresAt").and_then(Value::as_f64);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and such a time is none"
        )]
        Ok(at.and_then(|ms| DateTime::from_timestamp_millis(ms as i64)))
    }

    /// A text that is not empty.
    fn text(&self, name: &str) -> Result<Option<String>> {
        match self.values()?.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(_) => Err(self.unusable(&format!("its {name} is not a string"))),
        }
    }

    fn values(&self) -> Result<&Map<String, Value>> {
        if let Some(values) = self.values.get() {
            return Ok(values);
        }
        let values = self.read()?;
        Ok(self.values.get_or_init(|| values))
    }

    fn read(&self) -> Result<Map<String, Value>> {
        let Some(path) = &self.path else {
            return Ok(Map::new());
        };
        // What it would name depends on where the program was started, and may be anybody's.
        if !path.has_root() {
            return Err(Error::InvalidArgument(format!(
                "The home folder is not an absolute path, so that its .skillsmith/config.json is not read. \
                 Set {HOME} to an absolute path."
            )));
        }
        let opened = own_file::open(OpenOptions::new().read(true), path, Link::Followed);
        let opened = opened.and_then(|file| {
            path.parent().map_or(Ok(()), own_file::ensure_own_folder)?;
            Ok(file)
        });
        let file = match opened {
            Ok(file) => file,
            Err(error) => match (error.kind(), leads_nowhere(path)) {
                (ErrorKind::NotADirectory, _) | (ErrorKind::NotFound, None) => {
                    return Ok(Map::new());
                }
                (ErrorKind::NotFound, Some(link)) => {
                    let why = format!(
                        "{} is a link to a place that does not exist",
                        link.display()
                    );
                    return Err(self.unusable(&why));
                }
                // Something else than a file, or another user's.
                (ErrorKind::InvalidInput, _) => return Err(self.unusable(&error.to_string())),
                _ => return Err(Error::file("read", path, error)),
            },
        };
        let bytes =
            own_file::content(file, MAX_SIZE).map_err(|error| Error::file("read", path, error))?;
        if let Some(name) = encoding::other_than_utf_8(&bytes) {
            return Err(self.unusable(&format!("it is {name}. Save it as UTF-8")));
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let place = place_after(&bytes[..error.valid_up_to()]);
                return Err(self.unusable(&format!("it is not JSON: it is not UTF-8 at {place}")));
            }
        };
        if text.trim().is_empty() {
            return Err(self.unusable("it is not JSON: it is empty"));
        }
        match serde_json::from_str(text.trim_start_matches(BYTE_ORDER_MARK)) {
            Ok(Value::Object(values)) => Ok(values),
            Ok(_) => Err(self.unusable("it is not a JSON object")),
            // What the parser says names a place in the file, and nothing that stands there.
            Err(error) => Err(self.unusable(&in_words(&error.to_string()))),
        }
    }

    fn unusable(&self, why: &str) -> Error {
        let path = self.path.clone().unwrap_or_default();
        let why = format!("{why}. Correct the file, or move it away and run `skillsmith login`");
        Error::Io {
            action: "read",
            path,
            source: io::Error::new(ErrorKind::InvalidData, why),
        }
    }
}

/// What the parser says. It has a limit of its own, which is not one of JSON.
fn in_words(said: &str) -> String {
    match said.strip_prefix("recursion limit exceeded") {
        Some(place) => format!("its lists and objects are nested more than 127 deep{place}"),
        None => format!("it is not JSON: {said}"),
    }
}

/// The place of the next byte, as the parser counts lines and columns.
fn place_after(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').count();
    let column = bytes
        .rsplit(|byte| *byte == b'\n')
        .next()
        .map_or(0, <[u8]>::len)
        + 1;
    format!("line {line} column {column}")
}

/// A link on the way to the file, or in its place, that leads to nothing. That is something: what it leads to may not be
/// mounted.
fn leads_nowhere(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|place| place.is_symlink() && !place.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn file_of(content: &[u8]) -> (tempfile::TempDir, ConfigFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, content).unwrap();
        (folder, ConfigFile::at(Some(path)))
    }

    #[test]
    fn an_address_without_a_path_gets_the_services() {
        for (written, meant) in [
            ("https://h", "https://h/functions/v1"),
            ("https://h:8443/", "https://h:8443/functions/v1"),
            ("https://[::1]//", "https://[::1]/functions/v1"),
            (" https://h ", "https://h/functions/v1"),
            ("https://h/v1", "https://h/v1"),
            ("https://h/v1/", "https://h/v1"),
            // No address at all; what comes of it is refused later.
            ("https://h?x", "https://h?x"),
            ("h", "h/functions/v1"),
        ] {
            let text = serde_json::json!({ "apiBaseUrl": written }).to_string();
            let (_folder, file) = file_of(text.as_bytes());
            assert_eq!(file.api_base_url().unwrap().as_deref(), Some(meant));
        }
    }

    #[test]
    fn version_2_is_read() {
        let text = r#"{"version": 2, "accessToken": " t ", "expiresAt": 1800000000000, "refreshToken": "r"}"#;
        for text in [text.to_owned(), format!("\u{feff}{text}")] {
            let (_folder, file) = file_of(text.as_bytes());
            assert_eq!(file.access_token().unwrap().as_deref(), Some("t"));
            assert_eq!(
                file.expires_at().unwrap(),
                DateTime::from_timestamp(1_800_000_000, 0)
            );
            assert_eq!(file.api_key().unwrap(), None);
            assert_eq!(file.api_base_url().unwrap(), None);
        }
        for odd in ["\"soon\"", "1e300", "-1e300", "null", "[]"] {
            let text = format!(r#"{{"accessToken": "t", "expiresAt": {odd}}}"#);
            let (_folder, file) = file_of(text.as_bytes());
            assert_eq!(file.expires_at().unwrap(), None, "{odd}");
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_parsed_is_named() {
        let nested = [&b"{\"sk-1\":"[..], &[b'['; 200], &[b']'; 200], b"}"].concat();
        for (content, why) in [
            (&b"{"[..], "not JSON"),
            (b"", "not JSON"),
            (b"[]", "not a JSON object"),
            (b"\"sk-123\"", "not a JSON object"),
            (b"{\"apiKey\": 5}", "apiKey is not a string"),
            (b"{\n \"apiKey\": \"sk-1\",\n}", "at line 3 column 1"),
            (
                b"{\n\"apiKey\": \"sk-\xff\"}",
                "not UTF-8 at line 2 column 15",
            ),
            (b"\xff\xfe{\0}\0", "it is UTF-16. Save it as UTF-8"),
            (b"{\0}\0", "it is UTF-16. Save it as UTF-8"),
            (b"\0\0\0{\0\0\0}", "it is UTF-32. Save it as UTF-8"),
            (&nested, "nested more than 127 deep at line 1 column 135"),
        ] {
            let (_folder, file) = file_of(content);
            let error = file.api_key().unwrap_err();
            assert_eq!(error.code(), ErrorCode::Io);
            let text = error.to_string();
            assert!(
                text.contains("config.json: ") && text.contains(why),
                "{text}"
            );
            assert!(!text.contains("sk-"), "{text}");
        }
        let (_folder, file) = file_of(br#"{"apiKey": null, "accessToken": "", "apiBaseUrl": 5}"#);
        assert_eq!(file.api_key().unwrap(), None);
        assert_eq!(file.access_token().unwrap(), None);
        assert!(file.api_base_url().is_err());
    }

    #[test]
    fn only_a_missing_file_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| ConfigFile::at(Some(folder.path().join(name))).api_key();
        assert_eq!(ConfigFile::at(None).api_key().unwrap(), None);
        assert_eq!(at("missing").unwrap(), None);
        assert_eq!(at("missing/config.json").unwrap(), None);
        std::fs::write(folder.path().join("file"), "{}").unwrap();
        assert_eq!(at("file/config.json").unwrap(), None);
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let text = at("folder").unwrap_err().to_string();
        assert!(text.contains("not a regular file"), "{text}");
        let huge = std::fs::File::create(folder.path().join("huge")).unwrap();
        huge.set_len(100 * 1024 * 1024).unwrap();
        let text = at("huge").unwrap_err().to_string();
        assert!(text.contains("larger than 1048576 bytes"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_link_to_nothing_are_told_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let text = ConfigFile::at(Some(pipe))
            .api_key()
            .unwrap_err()
            .to_string();
        assert!(text.contains("not a regular file"), "{text}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nothing"), &link).unwrap();
        // Also where the link is its folder.
        for path in [link.join("config.json"), link] {
            assert!(ConfigFile::at(Some(path)).api_key().is_err());
        }
    }
}
