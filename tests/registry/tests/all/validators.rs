//! Validators, and the answers to conditional requests.

use skillsmith_test_registry::{Catalogue, NotModified, Options, Server, Validators};

use crate::client::{Client, Reply};

const PAGE: &str = "/skills-search?limit=10&offset=20";

fn server(validators: Validators, not_modified: NotModified) -> Server {
    let options = Options {
        validators,
        not_modified,
        gzip: true,
        ..Options::default()
    };
    Server::start(Catalogue::generate(100, 1), options)
}

fn change_all(server: &Server) {
    server.catalogue(|catalogue| catalogue.change(100, 2));
}

/// The page, asked for with this condition.
fn ask(client: &mut Client, header: &str, validator: &str) -> Reply {
    client.get_with(PAGE, &[&format!("{header}: {validator}")])
}

#[test]
fn a_page_is_not_sent_to_whom_has_it() {
    for (validators, name, condition) in [
        (Validators::Etag, "etag", "If-None-Match"),
        (Validators::Weak, "etag", "If-None-Match"),
        (
            Validators::LastModified,
            "last-modified",
            "If-Modified-Since",
        ),
    ] {
        let server = server(validators, NotModified::IfUnchanged);
        let mut client = Client::new(&server);
        let first = client.get(PAGE);
        let validator = first.header(name).unwrap().to_owned();
        assert_eq!(validator.starts_with("W/"), validators == Validators::Weak);
        let bytes = server.stats().body_bytes;
        let again = ask(&mut client, condition, &validator);
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header(name), Some(validator.as_str()));
        assert_eq!(server.stats().body_bytes, bytes);
        assert_eq!(server.listings()[1].status, Some(304));
        // A second later it is another time, too.
        server.options(|options| options.clock_offset_ms = 1_000);
        change_all(&server);
        let changed = ask(&mut client, condition, &validator);
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header(name), Some(validator.as_str()));
    }
}

#[test]
fn it_can_be_wrong_about_what_has_changed() {
    for (when, asked, unasked) in [
        (NotModified::IfAsked, 304, 200),
        (NotModified::Always, 304, 304),
        (NotModified::Never, 200, 200),
    ] {
        let server = server(Validators::Etag, when);
        let mut client = Client::new(&server);
        assert_eq!(client.get(PAGE).status, unasked);
        assert_eq!(ask(&mut client, "If-None-Match", "\"other\"").status, asked);
    }
    let server = server(Validators::Etag, NotModified::WithBody);
    let mut client = Client::new(&server);
    let etag = client.get(PAGE).header("etag").unwrap().to_owned();
    let rude = ask(&mut client, "If-None-Match", &etag);
    assert_eq!((rude.status, rude.rows().len()), (304, 10));
}

#[test]
fn without_the_option_there_are_none() {
    let server = Server::start(Catalogue::generate(100, 1), Options::default());
    let page = Client::new(&server).get(PAGE);
    assert!(page.header("etag").is_none() && page.header("last-modified").is_none());
}
