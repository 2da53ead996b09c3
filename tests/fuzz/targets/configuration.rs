//! `config.json`: a sound one, changed where the bytes say, or any bytes at all.
//!
//! Whatever is in the file: a client or an error that names the file, the same when it is read again, and in no error a
//! credential.

use serde_json::Value;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{ClientOptions, ErrorCode, SkillsmithApiClient};

use super::bytes::Bytes;
use super::folder::Folder;

/// In every credential of the samples.
const MARK: &str = "hunter22";

/// What the stack writes, and what people write.
const SAMPLES: [&[u8]; 8] = [
    b"",
    br#"{"version":2,"accessToken":"hunter22.hunter22","expiresAt":1800000000000,"refreshToken":"r"}"#,
    br#"{"apiKey":"sk-hunter22","apiBaseUrl":"https://registry.example"}"#,
    br#"{"apiKey":"sk-hunter22","apiBaseUrl":"http://127.0.0.1:8787/functions/v1/"}"#,
    b"\xef\xbb\xbf{\n  \"apiKey\": \"sk-hunter22\",\n  \"expiresAt\": null,\n  \"telemetry\": {\"enabled\": false}\n}\n",
    b"\xff\xfe{\0\"\0a\0p\0i\0K\0e\0y\0\"\0:\0\"\0h\0u\0n\0t\0e\0r\x002\x002\0\"\0}\0",
    b"{\"apiBaseUrl\":\"https://[::1]:443/v1?x=://y#z\",\"accessToken\":\"\\u0068unter22-hunter22\"}",
    b"[[[[[[[[",
];

/// Larger than any file that is read.
const TOO_LARGE: usize = 1024 * 1024 + 1;

pub fn configuration(data: &[u8]) {
    let content = changed(&mut Bytes(data));
    let home = Folder::new();
    let folder = home.0.join(".skillsmith");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("config.json"), &content).expect("a file");
    let outcome = client(&home);
    assert_eq!(outcome, client(&home), "read twice, read differently");
    let Err((code, message)) = outcome else {
        assert!(content.len() < TOO_LARGE);
        return;
    };
    assert!(
        matches!(code, ErrorCode::Io | ErrorCode::InvalidArgument),
        "{code:?}: {message}"
    );
    assert!(message.contains("config.json"), "{message}");
    if !names_it_as_address(&content) {
        assert!(!message.contains(MARK), "{message}");
    }
}

/// Whether the changes have put the mark into the address, which is no secret.
fn names_it_as_address(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    serde_json::from_str(text.trim_start_matches('\u{feff}')).is_ok_and(|values: Value| {
        let address = values.get("apiBaseUrl").and_then(Value::as_str);
        address.is_some_and(|address| address.contains(MARK))
    })
}

/// A sample with the changes that the bytes say: they stand in for one byte, are put in, or repeat what is there.
fn changed(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut content = bytes.one_of(&SAMPLES).to_vec();
    for _ in 0..bytes.below(16) {
        let at = usize::from(bytes.byte()) % (content.len() + 1);
        match bytes.below(5) {
            0 if at < content.len() => content[at] ^= bytes.byte(),
            1 => content.truncate(at),
            2 => {
                let part = content[at..].to_vec();
                for _ in 0..bytes.byte() {
                    // A little over what is read is enough.
                    if content.len() + part.len() > TOO_LARGE + 1 {
                        break;
                    }
                    content.extend(&part);
                }
            }
            3 => {
                let wide = usize::from(bytes.byte()) * 0x1100;
                let blank = vec![b' '; wide.min(TOO_LARGE.saturating_sub(content.len()))];
                content.splice(at..at, blank);
            }
            _ => {
                content.splice(at..at, bytes.some(64).iter().copied());
            }
        }
    }
    content.extend(bytes.0);
    content
}

/// The address of a client whose configuration is in this home folder, or why there is none.
fn client(home: &Folder) -> Result<String, (ErrorCode, String)> {
    let home = home.0.display().to_string();
    let environment = Environment::new(move |name| (name == "HOME").then(|| home.clone()));
    match SkillsmithApiClient::with_environment(ClientOptions::new(), &environment) {
        Ok(client) => Ok(client.base_url().to_owned()),
        Err(error) => Err((error.code(), error.to_string())),
    }
}
